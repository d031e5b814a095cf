"""Keeps copies of subscriptions at the context sources that can answer them (GS CIM 009 clause 5.8.1.4).

They are updated and deleted with the subscription (5.8.2.4, 5.8.5.4), and what they notify is told on (5.8.6).

What copies there should be follows from the subscriptions and the registrations; what there is stands in the store. A
look at both, whenever one of them has changed, says what to create, update and delete, so nothing waits for a source,
and one that is away gets its copy when it is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import structlog

from dothi.broker.federation.federation import Federation
from dothi.broker.federation.joining import Version, joined
from dothi.broker.federation.origin import Origin, address_of
from dothi.broker.federation.questions import Question
from dothi.broker.federation.received import received
from dothi.broker.federation.sources import Call, path_of
from dothi.broker.federation.warnings import SourceFailed
from dothi.broker.federation.writing import is_loop
from dothi.broker.mailbox import Item, Mailbox
from dothi.broker.notify import Notifier
from dothi.model.context import Context, core_context
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData, Overloaded, Problem, ResourceNotFound
from dothi.model.instant import parse_instant
from dothi.model.match import compile_match
from dothi.model.query import EntityQuery
from dothi.model.registration import Registration
from dothi.model.remote_subscription import OPTIONAL, digest, reduced_copy
from dothi.model.selection import names as names_in
from dothi.model.subscription import EntitySelector, Subscription
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

#: Kind of the records: "subscription registration" -> {"remote": its id at the source, "digest": what it was sent}.
COPY: Final = "subscription-copy"

#: Path, below this server's address, to which sources notify.
PATH: Final = "/ngsi-ld/ex/remote-notify"

#: Parameter of that address that has the id of the copy.
COPY_PARAMETER: Final = "copy"

#: Seconds between two looks, and before what a source did not take is tried again.
PERIOD: Final = 0.25
AGAIN: Final = 30.0

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A copy that should be at a source."""

    subscription: Subscription
    registration: Registration
    selectors: tuple[EntitySelector, ...]
    attributes: frozenset[str] | None


class RemoteSubscriptions:
    """One tenant's copies at other brokers. `address` is that of this server as they reach it; None keeps no copies."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        federation: Federation,
        *,
        address: str | None,
        tenant: str | None = None,
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._sources = federation.sources
        self._federation = federation
        self._registrations = federation.sources.registrations
        self._address = None if address is None else f"{address.rstrip('/')}{PATH}?{_tenant(tenant)}{COPY_PARAMETER}="
        self._copies: dict[Key, dict[str, str]] = {}
        self._seen: Any = None
        self._later: dict[Key, float] = {}

    async def run(self) -> None:
        """Bring the copies to what they should be, until cancelled."""
        self._copies = {_key(key): record for key, record in (await self._store.records(COPY)).items()}
        while self._address is not None:
            await asyncio.sleep(PERIOD)
            if not self._registrations.is_empty or self._copies:
                try:
                    await self.look()
                except Overloaded:
                    self._seen = None

    async def look(self) -> None:
        """Compare, where something has changed since the last look, and mend. Raises Overloaded."""
        seen = self._state()
        now = asyncio.get_running_loop().time()
        due = any(end <= now for end in self._later.values())
        if seen == self._seen and not due:
            return
        self._seen = seen
        wanted = self._wanted()
        for key in [key for key in self._copies if key not in wanted]:
            await self._take_back(key)
        for key, copy in wanted.items():
            if self._later.get(key, 0.0) <= now:
                await self._send(key, copy)

    # --- what there should be ---------------------------------------------------------------------------------

    def _state(self) -> Any:
        subscriptions = tuple((id, box.modified) for id, box in self._notifier.outbox.mailboxes.items())
        return subscriptions, tuple((each.id, each.modified) for each in self._registrations.all())

    def _wanted(self) -> dict[Key, _Wanted]:
        found: dict[Key, _Wanted] = {}
        now = self._notifier.clock()
        for mailbox in self._notifier.outbox.mailboxes.values():
            subscription = mailbox.subscription
            if subscription.kept.get("localOnly") or subscription.status(now) == "expired":
                continue
            origin = self._origin(subscription, core_context())
            for wanted in self._answering(subscription):
                if not is_loop(wanted.registration, origin):
                    found[subscription.id, wanted.registration.id] = wanted
        return found

    def _answering(self, subscription: Subscription) -> Iterable[_Wanted]:
        """The registrations that can answer a subscription, and what of it (clause 5.12)."""
        found: dict[str, _Wanted] = {}
        for selector in subscription.entities or (EntitySelector(None),):
            coverages = self._registrations.candidates(
                "createSubscription",
                ids=() if selector.id is None else (selector.id,),
                id_pattern=selector.id_pattern,
                types=() if selector.types is None else tuple(names_in(selector.types)),
                attributes=subscription.watched,
                scope=subscription.scope,
                geo=subscription.geo,
            )
            for coverage in coverages:
                registration, attributes = coverage.registration, coverage.attributes
                selectors = (selector,) if subscription.entities else ()
                before = found.get(registration.id)
                if before is not None:
                    selectors = (*before.selectors, *selectors)
                    both = attributes is not None and before.attributes is not None
                    attributes = attributes | before.attributes if both else None  # type: ignore[operator]
                found[registration.id] = _Wanted(subscription, registration, selectors, attributes)
        return found.values()

    def _origin(self, subscription: Subscription, context: Context) -> Origin:
        """On whose behalf sources are called: of him who subscribed, and of the brokers through which that came."""
        via = subscription.kept.get("via")
        return self._federation.origin(context, {} if via is None else {b"via": via.encode("latin-1", "replace")})

    # --- speaking to sources ----------------------------------------------------------------------------------

    async def _send(self, key: Key, wanted: _Wanted) -> None:
        """Create or update one copy, where the source does not have it as it should be."""
        subscription, registration = wanted.subscription, wanted.registration
        context, _ = await self._notifier.letters.context(subscription)
        origin = self._origin(subscription, context)
        kept = self._copies.get(key) or _new()
        address = f"{self._address}{kept['remote']}"
        try:
            names = await self._sources.names(registration, origin)
            document = reduced_copy(
                subscription,
                wanted.selectors,
                wanted.attributes,
                names.compact,
                address,
                same_names=names is context,
            )
            mark = digest(document)
            if kept["digest"] == mark:
                return
            if key not in self._copies:
                # Kept before it is sent: a copy of which nobody knows any more would notify for ever.
                await self._keep(key, kept)
            call = _call(kept, document, names)
            await self._sources.call(registration, origin, call)
        except SourceFailed as failure:
            if failure.status in (404, 409):
                # It has lost the copy, or has one already of which the answer never came.
                await self._keep(key, _new())
            self._postpone(key, failure)
            return
        await self._keep(key, {**kept, "digest": mark})
        self._later.pop(key, None)

    async def _take_back(self, key: Key) -> None:
        """Delete a copy that should be no more; where its registration is gone, nobody knows how to call the source."""
        registration = self._registrations.get(key[1])
        if registration is not None:
            call = Call("DELETE", path_of("subscriptions", self._copies[key]["remote"]), core_context())
            try:
                await self._sources.call(registration, self._federation.origin(core_context(), {}), call)
            except SourceFailed as failure:
                if failure.status != 404:
                    self._postpone(key, failure)
                    return
        await self._keep(key, None)
        self._later.pop(key, None)

    def _postpone(self, key: Key, failure: SourceFailed) -> None:
        self._later[key] = asyncio.get_running_loop().time() + AGAIN
        log.warning("subscription.copy", subscription=key[0], registration=key[1], reason=str(failure))

    async def _keep(self, key: Key, record: dict[str, str] | None) -> None:
        def work(tx: Transaction) -> None:
            if record is None:
                tx.drop_record(COPY, " ".join(key))
            else:
                tx.put_record(COPY, " ".join(key), record)

        await self._store.write(work)
        if record is None:
            self._copies.pop(key, None)
        else:
            self._copies[key] = record

    # --- their notifications ----------------------------------------------------------------------------------

    async def receive(self, document: Any) -> None:
        """Take the notification of a source: what it tells goes to the subscriber, once it is kept (clause 5.8.6).

        Raises BadRequestData, ResourceNotFound for a copy that nobody wants any more, Overloaded.
        """
        remote = document.get("subscriptionId") if isinstance(document, dict) else None
        data = document.get("data") if isinstance(document, dict) else None
        if not isinstance(remote, str) or not isinstance(data, list):
            raise BadRequestData("This is no notification: it has a subscriptionId, and data that is an array.")
        mailbox, source = self._mailbox_of(remote)
        names = await self._sources.resolve(document["@context"]) if "@context" in document else None
        items = [item for each in data if (item := await self._item(mailbox.subscription, source, each, names))]
        if items:
            await self._notifier.tell(mailbox, items)

    def check(self, remote: str) -> None:
        """Raises ResourceNotFound where there is no such copy."""
        self._mailbox_of(remote)

    def _mailbox_of(self, remote: str) -> tuple[Mailbox, str]:
        """Whose copy it is, and the id of the registration of the source that has it."""
        for (id, source), record in self._copies.items():
            mailbox = self._notifier.outbox.mailboxes.get(id)
            if record["remote"] == remote and mailbox is not None:
                return mailbox, source
        raise ResourceNotFound(f"No subscription here has the copy {remote}: it was deleted.")

    async def _whole(self, subscription: Subscription, source: str, entity: Entity) -> Entity:
        """What a source told, with what is known of the entity here and at all other sources (clause 5.8.6)."""
        origin = self._origin(subscription, core_context())
        try:
            question = Question(EntityQuery(ids=(entity.id,)))
            known, _, _ = await self._federation.reading.entity(question, origin, but=source)
        except ResourceNotFound:
            return entity
        return joined([Version(entity), Version(known)])

    async def _item(self, subscription: Subscription, source: str, document: Any, names: Context | None) -> Item | None:
        """One entity as it has to be told, joined with what is known here where entities are split; None otherwise."""
        deleted = _deleted(document)
        given = {name: each for name, each in document.items() if name != "deletedAt"} if deleted else document
        try:
            (entity,) = await received([given], names or core_context(), self._sources.resolve)
        except SourceFailed as failure:
            raise BadRequestData(f"data: {failure.problem.detail}") from None
        if deleted is None and subscription.kept.get("splitEntities"):
            entity = await self._whole(subscription, source, entity)
        if deleted is None and not _belongs(subscription, entity):
            return None
        return Item(0, entity, deleted=deleted, kept=True)


def _new() -> dict[str, str]:
    """A copy that no source has yet. Its id is a secret between the source and this broker."""
    return {"remote": f"urn:ngsi-ld:Subscription:{uuid4()}", "digest": ""}


def _tenant(name: str | None) -> str:
    return "" if name is None else f"tenant={quote(name, safe='')}&"


def _key(text: str) -> Key:
    id, _, registration = text.partition(" ")
    return id, registration


def _call(kept: dict[str, str], document: dict[str, Any], names: Context) -> Call:
    """Create the copy, or update what the source has of it: members that are there no more are taken away."""
    own = address_of(names) is None
    body = {**document, "@context": names.member} if own else document
    if not kept["digest"]:
        return Call("POST", "/subscriptions", names, body={"id": kept["remote"], **body}, own_context=own)
    body = dict.fromkeys(OPTIONAL) | body
    return Call("PATCH", path_of("subscriptions", kept["remote"]), names, body=body, own_context=own)


def _belongs(subscription: Subscription, entity: Entity) -> bool:
    """Whether the entity meets the subscription's conditions, its watched attributes aside (clause 5.8.6)."""
    return any(compile_match(replace(query, attributes=()))(entity) for query in subscription.queries())


def _deleted(document: Any) -> int | None:
    if not isinstance(document, dict):
        raise BadRequestData("data: every element must be an entity.")
    try:
        return parse_instant(document["deletedAt"]) if "deletedAt" in document else None
    except (TypeError, ValueError, Problem):
        raise BadRequestData(f"data: deletedAt {document['deletedAt']!r} is no DateTime.") from None
