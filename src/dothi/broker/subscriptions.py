"""The operations on subscriptions (GS CIM 009 clauses 5.8.1 to 5.8.5), without HTTP, and the life of the notifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from dothi.broker.background import Background
from dothi.broker.carriers import carriers, check_address
from dothi.broker.clock import wall_clock
from dothi.broker.contexts import Contexts
from dothi.broker.delivery import Terms
from dothi.broker.mailbox import Mailbox
from dothi.broker.notify import Notifier
from dothi.broker.outside import Outside
from dothi.broker.poster import checked_by
from dothi.broker.restore import SUBSCRIPTION
from dothi.broker.watch import compile_tests
from dothi.model.context import Context
from dothi.model.errors import AlreadyExists, BadRequestData, ResourceNotFound
from dothi.model.subscription import Subscription, read_subscription
from dothi.model.subscription_names import expand_document, merge_fragment, represent_subscription
from dothi.model.values import is_uri
from dothi.storage.store import Store, Transaction


class Subscriptions:
    """One tenant's subscriptions. `start` brings the notifications to life, `stop` ends them without losing any.

    `outside` says which addresses may be called. See Letters for `tenant`, `base` and `snapshot`.
    """

    def __init__(
        self,
        store: Store,
        contexts: Contexts,
        outside: Outside,
        *,
        tenant: str | None = None,
        base: str | None = None,
        terms: Terms | None = None,
        clock: Callable[[], int] = wall_clock,
        snapshot: str | None = None,
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._outside = outside
        self._clock = clock
        self._resolve = checked_by(outside.guard)
        self._notifier = Notifier(
            store,
            contexts,
            lambda tasks: carriers(self._resolve, tasks),
            tenant=tenant,
            base=base,
            terms=terms or Terms(),
            clock=clock,
            snapshot=snapshot,
        )
        self._background = Background()

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the subscriptions that are kept and begin to notify."""
        await self._notifier.open()
        self._background.start("notify", self._notifier.run)

    async def stop(self) -> None:
        """End the notifications; what is not delivered goes on after the next start."""
        await self._background.stop()
        await self._notifier.close()

    # --- operations -------------------------------------------------------------------------------------------

    @property
    def notifier(self) -> Notifier:
        return self._notifier

    async def create(self, document: dict[str, Any], context: Context, *, via: str | None = None) -> str:
        """Create a subscription (5.8.1); its id, made up where the document has none.

        `via` is the header that names the brokers through which it has come (6.3.18).

        Raises BadRequestData, AlreadyExists, TargetRefused, LdContextNotAvailable, OperationNotSupported.
        """
        if document.get("id") is None:
            document = {**document, "id": f"urn:ngsi-ld:Subscription:{uuid4()}"}
        kept = expand_document(document, context.expand) | {"@context": context.source, "via": via}
        subscription = await self._checked({name: value for name, value in kept.items() if value is not None})
        handled = await self._store.last_seq()

        def work(tx: Transaction) -> int:
            if tx.record(SUBSCRIPTION, subscription.id) is not None:
                raise AlreadyExists(f"The subscription {subscription.id} exists: change it by PATCH, or delete it.")
            tx.put_record(SUBSCRIPTION, subscription.id, _record(subscription, tx.now, tx.now))
            return tx.now

        now = await self._store.write(work)
        await self._notifier.letters.host_context(subscription)
        self._notifier.add(Mailbox(subscription, created=now, modified=now, handled=handled))
        return subscription.id

    async def update(self, id: str, fragment: dict[str, Any], context: Context) -> None:
        """Change members of a subscription, null removes one (5.8.2). Raises as `create`, and ResourceNotFound."""
        mailbox = self._find(id)
        change = expand_document(fragment, context.expand)
        await self._checked(merge_fragment(mailbox.subscription.kept, change), timed="expiresAt" in change)

        def work(tx: Transaction) -> tuple[Subscription, int]:
            record = tx.record(SUBSCRIPTION, id)
            if record is None:
                raise _unknown(id)
            subscription = read_subscription(merge_fragment(record["document"], change))
            tx.put_record(SUBSCRIPTION, id, _record(subscription, record["created"], tx.now))
            return subscription, tx.now

        subscription, mailbox.modified = await self._store.write(work)
        if not mailbox.gone:
            self._notifier.replace(mailbox, subscription)

    def retrieve(self, id: str, context: Context, *, sys_attrs: bool = False) -> dict[str, Any]:
        """One subscription with the names of the context, its status and counters (5.8.3). Raises ResourceNotFound."""
        return self._shown(self._find(id), context, sys_attrs)

    def query(
        self, context: Context, limit: int, offset: int, *, sys_attrs: bool = False
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of the subscriptions, oldest first, and how many there are (5.8.4)."""
        mailboxes = sorted(self._notifier.outbox.mailboxes.values(), key=lambda mailbox: (mailbox.created, mailbox.id))
        page = mailboxes[offset : offset + limit]
        return [self._shown(mailbox, context, sys_attrs) for mailbox in page], len(mailboxes)

    async def delete(self, id: str) -> None:
        """Delete a subscription and all that waits for it (5.8.5). Raises ResourceNotFound."""
        mailbox = self._find(id)
        keys = self._notifier.remove(mailbox)

        def work(tx: Transaction) -> None:
            tx.drop_record(SUBSCRIPTION, id)
            for kind, key in keys:
                tx.drop_record(kind, key)

        await self._store.write(work)

    # --- dead letters -----------------------------------------------------------------------------------------

    async def list_dead(self, limit: int = 100, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Notifications that were given up, newest first, and how many there are. Each has id, subscription, endpoint,
        reason, createdAt, givenUpAt, attempts and body (the notification as JSON text)."""
        return await self._notifier.outbox.list_dead(limit, offset)

    async def resend(self, id: str) -> None:
        """Send a dead letter again, after what waits for its subscriber. Raises ResourceNotFound."""
        self._notifier.hurry(await self._notifier.outbox.resend(id))

    # --- checks -----------------------------------------------------------------------------------------------

    async def _checked(self, kept: dict[str, Any], *, timed: bool = True) -> Subscription:
        """Read a document and check what needs more than the document: address, context, patterns, and the clock."""
        subscription = read_subscription(kept)
        if timed and subscription.expires is not None and subscription.expires <= self._clock():
            raise BadRequestData(f"expiresAt {kept['expiresAt']} is in the past: the subscription would never notify.")
        compile_tests(subscription)
        await check_address(subscription.endpoint, self._outside, self._resolve)
        if "jsonldContext" in kept:
            await self._contexts.resolve(kept["jsonldContext"])
        return subscription

    def _find(self, id: str) -> Mailbox:
        if not is_uri(id):
            raise BadRequestData(f"{id!r} is no URI, so no subscription can have it as its id.")
        mailbox = self._notifier.outbox.mailboxes.get(id)
        if mailbox is None:
            raise _unknown(id)
        return mailbox

    def _shown(self, mailbox: Mailbox, context: Context, sys_attrs: bool) -> dict[str, Any]:
        system = {"createdAt": mailbox.created, "modifiedAt": mailbox.modified} if sys_attrs else None
        counters = mailbox.counters.members()
        shown = represent_subscription(mailbox.subscription, context.compact, self._clock(), counters, system)
        hosted = self._notifier.letters.hosted_context(mailbox.subscription)
        return shown if hosted is None else {"jsonldContext": hosted, **shown}


def _record(subscription: Subscription, created: int, modified: int) -> dict[str, Any]:
    return {"document": subscription.kept, "created": created, "modified": modified}


def _unknown(id: str) -> ResourceNotFound:
    return ResourceNotFound(f"There is no subscription {id}.")
