"""The operations on subscriptions to registrations (GS CIM 009 clauses 5.11.2 to 5.11.6), without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import uuid4

import structlog

from dothi.broker.background import Background
from dothi.broker.carriers import carriers, check_address
from dothi.broker.clock import wall_clock
from dothi.broker.contexts import Contexts
from dothi.broker.delivery import Terms
from dothi.broker.outside import Outside
from dothi.broker.poster import checked_by
from dothi.broker.registrations import Accompany, Registrations
from dothi.broker.source_mailbox import SourceMailbox
from dothi.broker.source_notices import SourceNotices
from dothi.model.context import Context
from dothi.model.errors import AlreadyExists, BadRequestData, Problem, ResourceNotFound
from dothi.model.qlang import parse_query
from dothi.model.source_query import SourceMatch, compile_watch
from dothi.model.subscription import Subscription, read_subscription
from dothi.model.subscription_names import expand_document, merge_fragment, represent_subscription
from dothi.model.values import is_uri
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

SUBSCRIPTION: Final = "source-subscription"


class SourceSubscriptions:
    """One tenant's subscriptions to registrations. `start` brings their notifications to life, `stop` ends them.

    `outside` says which addresses may be called. See SourceNotices for `tenant` and `base`.
    """

    def __init__(
        self,
        store: Store,
        contexts: Contexts,
        outside: Outside,
        registrations: Registrations,
        *,
        tenant: str | None = None,
        base: str | None = None,
        terms: Terms | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._outside = outside
        self._registrations = registrations
        self._clock = clock
        self._resolve = checked_by(outside.guard)
        self._notices = SourceNotices(
            store,
            contexts,
            registrations,
            lambda tasks: carriers(self._resolve, tasks),
            tenant=tenant,
            base=base,
            terms=terms,
            clock=clock,
        )
        self._background = Background()

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the subscriptions that are kept and begin to notify."""
        mailboxes = []
        for id, record in (await self._store.records(SUBSCRIPTION)).items():
            try:
                subscription = read_subscription(record["document"])
                match = _match(subscription, record["csfTerms"])
            except Problem as problem:
                log.error("subscription.unreadable", subscription=id, reason=problem.detail)
                continue
            mailboxes.append(
                SourceMailbox(
                    subscription,
                    record["created"],
                    record["modified"],
                    match=match,
                    csf_terms=record["csfTerms"],
                    clock=self._clock,
                )
            )
        await self._notices.restore(mailboxes)
        self._background.start("source notices", self._notices.run)

    async def stop(self) -> None:
        """End the notifications; what is not delivered goes on after the next start."""
        await self._background.stop()
        await self._notices.close()

    # --- operations -------------------------------------------------------------------------------------------

    async def create(self, document: dict[str, Any], context: Context) -> str:
        """Subscribe to registrations (5.11.2) and tell of those that match; the id, made up where there is none.

        Raises BadRequestData, AlreadyExists, TargetRefused, LdContextNotAvailable.
        """
        if document.get("id") is None:
            document = {**document, "id": f"urn:ngsi-ld:Subscription:{uuid4()}"}
        kept = expand_document(document, context.expand) | {"@context": context.source}
        kept = {name: value for name, value in kept.items() if value is not None}
        terms = _csf_terms(kept, context)
        subscription, match = await self._checked(kept, terms)
        await self._notices.stationery.host_context(subscription)
        async with self._registrations.changing:
            if subscription.id in self._notices.mailboxes:
                raise AlreadyExists(f"The subscription {subscription.id} exists: change it by PATCH, or delete it.")
            now = self._clock()
            mailbox = SourceMailbox(subscription, now, now, match=match, csf_terms=terms, clock=self._clock)
            tell, post = await self._notices.all_matching(mailbox, subscription, match, "newlyMatching")
            await self._store.write(partial(_put, mailbox=mailbox, tell=tell))
            self._notices.add(mailbox)
            post()
        return subscription.id

    async def update(self, id: str, fragment: dict[str, Any], context: Context) -> None:
        """Change members of a subscription, null removes one (5.11.3), and tell of all that match now.

        Raises as `create`, and ResourceNotFound.
        """
        mailbox = self._find(id)
        change = expand_document(fragment, context.expand)
        terms = _csf_terms(change, context) if "csf" in change else mailbox.csf_terms
        kept = merge_fragment(mailbox.subscription.kept, change)
        await self._checked(kept, terms, timed=change.get("expiresAt") is not None)
        async with self._registrations.changing:
            mailbox = self._find(id)
            terms = terms if "csf" in change else mailbox.csf_terms
            subscription = read_subscription(merge_fragment(mailbox.subscription.kept, change))
            match = _match(subscription, terms)
            now = self._clock()
            changed = SourceMailbox(subscription, mailbox.created, now, csf_terms=terms)
            tell, post = await self._notices.all_matching(mailbox, subscription, match, "newlyMatching")
            await self._store.write(partial(_put, mailbox=changed, tell=tell))
            mailbox.subscription, mailbox.match = subscription, match
            mailbox.csf_terms, mailbox.modified = terms, now
            post()
            self._notices.schedule(mailbox)

    def retrieve(self, id: str, context: Context, *, sys_attrs: bool = False) -> dict[str, Any]:
        """One subscription with the names of the context, its status and counters (5.11.4). Raises ResourceNotFound."""
        return self._shown(self._find(id), context, sys_attrs)

    def query(
        self, context: Context, limit: int, offset: int, *, sys_attrs: bool = False
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of the subscriptions, oldest first, and how many there are (5.11.5)."""
        mailboxes = sorted(self._notices.mailboxes.values(), key=lambda mailbox: (mailbox.created, mailbox.id))
        page = mailboxes[offset : offset + limit]
        return [self._shown(mailbox, context, sys_attrs) for mailbox in page], len(mailboxes)

    async def delete(self, id: str) -> None:
        """Delete a subscription and all that waits for it (5.11.6). Raises ResourceNotFound."""
        async with self._registrations.changing:
            work, forget = self._notices.removal(self._find(id))
            await self._store.write(partial(_drop, id=id, also=work))
            forget()

    async def resend(self, id: str) -> None:
        """Send a notification that was given up again (the operations API's dead letters). Raises ResourceNotFound."""
        await self._notices.resend(id)

    # --- checks -----------------------------------------------------------------------------------------------

    async def _checked(
        self, kept: dict[str, Any], terms: dict[str, str], *, timed: bool = True
    ) -> tuple[Subscription, SourceMatch]:
        """Read a document and check what needs more than the document: address, context, and the clock."""
        subscription = read_subscription(kept)
        if timed and subscription.expires is not None and subscription.expires <= self._clock():
            raise BadRequestData(f"expiresAt {kept['expiresAt']} is in the past: the subscription would never notify.")
        if subscription.endpoint.accept == "application/geo+json":
            raise BadRequestData("notification.endpoint.accept application/geo+json: registrations are no GeoJSON.")
        match = _match(subscription, terms)
        await check_address(subscription.endpoint, self._outside, self._resolve)
        if "jsonldContext" in kept:
            await self._contexts.resolve(kept["jsonldContext"])
        return subscription, match

    def _find(self, id: str) -> SourceMailbox:
        if not is_uri(id):
            raise BadRequestData(f"{id!r} is no URI, so no subscription can have it as its id.")
        mailbox = self._notices.mailboxes.get(id)
        if mailbox is None:
            raise ResourceNotFound(f"There is no subscription {id} to registrations.")
        return mailbox

    def _shown(self, mailbox: SourceMailbox, context: Context, sys_attrs: bool) -> dict[str, Any]:
        system = {"createdAt": mailbox.created, "modifiedAt": mailbox.modified} if sys_attrs else None
        counters = mailbox.counters.members()
        shown = represent_subscription(mailbox.subscription, context.compact, self._clock(), counters, system)
        # Triggers are about changes of entities; registrations have reasons of their own (table 5.3.2-1).
        if "notificationTrigger" not in mailbox.subscription.kept:
            del shown["notificationTrigger"]
        return shown


def _csf_terms(kept: dict[str, Any], context: Context) -> dict[str, str]:
    """The names in the context source filter with their IRIs, so that reading it again needs no context."""
    terms: dict[str, str] = {}
    if isinstance(kept.get("csf"), str):
        parse_query(kept["csf"], lambda name: terms.setdefault(name, context.expand(name)))
    return terms


def _match(subscription: Subscription, terms: dict[str, str]) -> SourceMatch:
    csf = subscription.kept.get("csf")
    query = parse_query(csf, lambda name: terms.get(name, name)) if csf is not None else None
    return compile_watch(subscription, query)


def _put(tx: Transaction, mailbox: SourceMailbox, tell: Accompany) -> None:
    record = {
        "document": mailbox.subscription.kept,
        "created": mailbox.created,
        "modified": mailbox.modified,
        "csfTerms": mailbox.csf_terms,
    }
    tx.put_record(SUBSCRIPTION, mailbox.id, record)
    tell(tx)


def _drop(tx: Transaction, id: str, also: Accompany) -> None:
    tx.drop_record(SUBSCRIPTION, id)
    also(tx)
