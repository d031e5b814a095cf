"""Follows the changes and tells the subscribers: from the change log through mailboxes to their endpoints."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
import structlog

from dothi.broker.contexts import Contexts
from dothi.broker.delivery import Delivery, Terms
from dothi.broker.feed import Feed, Follower
from dothi.broker.mailbox import HELD, STATE, Item, Letter, Mailbox
from dothi.broker.outbox import Outbox
from dothi.broker.poster import Poster
from dothi.broker.watch import Watch
from dothi.model.change import Change
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.errors import Overloaded, Problem
from dothi.model.notification import linkable, names_context_in_header, notification, notified_entity
from dothi.model.query import EntityQuery
from dothi.model.subscription import Subscription, read_subscription
from dothi.storage.store import Store

log = structlog.get_logger(__name__)

SUBSCRIPTION: Final = "subscription"

#: Name of the follower's cursor.
FOLLOWER: Final = "notify"

#: Seconds between two writes while something waits, and while nothing does.
BUSY: Final = 0.1
QUIET: Final = 2.0

#: The path under which contexts are served.
_HOSTED: Final = "/ngsi-ld/v1/jsonldContexts/"

#: Items in memory beyond which no more changes are read before the late ones are written.
MEMORY: Final = 20_000

#: Entities in one periodic notification.
PERIODIC: Final = 10_000


def wall_clock() -> int:
    """The instant now, in microseconds."""
    return time.time_ns() // 1000


class Notifier:
    """One tenant's notifications. `run` does the work until it is cancelled; the rest may be called before it.

    `tenant` goes into the header NGSILD-Tenant. `base` is the address under which clients reach this server: with it
    the context of a subscription that was given inline can be named in a Link header.
    """

    def __init__(
        self,
        store: Store,
        contexts: Contexts,
        poster: Poster,
        *,
        tenant: str | None = None,
        base: str | None = None,
        terms: Terms | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self.terms = terms or Terms()
        self.clock = clock
        self.watch = Watch()
        self.outbox = Outbox(store, self.terms, self._compose, clock)
        self._store = store
        self._contexts = contexts
        self._poster = poster
        self._tenant = tenant
        self._base = base.rstrip("/") if base is not None else None
        self._follower: Follower | None = None
        self._position = 0
        self._delivery: Delivery | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._written = 0.0

    # --- subscriptions come and go ----------------------------------------------------------------------------

    async def open(self) -> None:
        """Read what is kept and take up the cursor. Never waits for the network."""
        states = await self._store.records(STATE)
        for id, record in (await self._store.records(SUBSCRIPTION)).items():
            mailbox = _mailbox(id, record)
            if mailbox is not None:
                if id in states:
                    mailbox.restore(states[id])
                self.outbox.mailboxes[id] = mailbox
                self.watch.add(mailbox)
        await self._restore_held()
        self._follower = await Feed(self._store).follow(FOLLOWER)
        self._position = self._follower.position

    def add(self, mailbox: Mailbox) -> None:
        """Watch for a new subscription, which is stored."""
        self.outbox.mailboxes[mailbox.id] = mailbox
        self.watch.add(mailbox)
        self.outbox.touch(mailbox)
        self._schedule(mailbox)

    def replace(self, mailbox: Mailbox, subscription: Subscription) -> None:
        """The subscription was changed, and is stored so."""
        self.watch.remove(mailbox)
        mailbox.subscription = subscription
        self.watch.add(mailbox)
        self.outbox.touch(mailbox)
        self._schedule(mailbox)

    def remove(self, mailbox: Mailbox) -> list[tuple[str, str]]:
        """The subscription goes; kind and key of the records to drop with it."""
        self.watch.remove(mailbox)
        return self.outbox.forget(mailbox)

    def hurry(self, mailbox: Mailbox) -> None:
        """There is something to send."""
        if self._delivery is not None:
            self._delivery.ready(mailbox)

    # --- the work ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow, deliver and keep, until cancelled; then keep once more what is not delivered."""
        if self._follower is None:
            await self.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._delivery = Delivery(self, self._poster, self.terms, tasks)
                for mailbox in self.outbox.mailboxes.values():
                    mailbox.phase = "idle"
                    self._schedule(mailbox)
                tasks.create_task(self._keep())
                await self._follow()
        finally:
            if self._delivery is not None:
                self._delivery.close()
            self._delivery = self._tasks = None

    async def close(self) -> None:
        """After `run` has ended: write what the store does not know yet, and take no more changes."""
        if self._follower is not None:
            self._follower.close()
            await self._flush()
            self._follower = None

    async def _follow(self) -> None:
        follower = self._follower
        assert follower is not None
        async for batch in follower.batches():
            self._tell(batch)
            while self.outbox.in_memory > MEMORY:
                await self._flush()
                await asyncio.sleep(BUSY)

    def _tell(self, batch: Sequence[Change]) -> None:
        """Put every change into the mailboxes that it concerns."""
        now, loop_time = self.clock(), asyncio.get_running_loop().time()
        for change in batch:
            try:
                for mailbox in self.watch.concerned(change):
                    if mailbox.subscription.status(now) == "active":
                        self._offer(mailbox, _item(change), now, loop_time)
            except Exception:
                log.exception("notification.unmatched", entity=change.entity.id, seq=change.seq)
        self._position = batch[-1].seq

    def _offer(self, mailbox: Mailbox, item: Item, now: int, loop_time: float) -> None:
        held_before = bool(mailbox.held)
        if mailbox.offer(item, now, loop_time):
            self.hurry(mailbox)
        elif mailbox.held and not held_before:
            self._release_later(mailbox)
        self.outbox.touch(mailbox)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(BUSY)
            if self.outbox.is_dirty or loop.time() - self._written > QUIET:
                try:
                    await self._flush()
                except Overloaded as full:
                    log.warning("notification.late", reason=full.detail)
                if self._delivery is not None:
                    self._delivery.sweep()

    async def _flush(self) -> None:
        assert self._follower is not None
        await self.outbox.flush(self._follower, lambda: self._position)
        self._written = asyncio.get_running_loop().time()

    # --- what delivery asks for -------------------------------------------------------------------------------

    async def next_letter(self, mailbox: Mailbox) -> Letter | None:
        """The letter to send now; a subscription that is not active loses what waits."""
        if mailbox.gone:
            return None
        if mailbox.subscription.status(self.clock()) != "active":
            mailbox.clear()
            self.outbox.touch(mailbox)
            return None
        while mailbox.head < mailbox.tail:
            letter = await self.outbox.read_letter(mailbox)
            if letter is not None:
                return letter
        if mailbox.current is None:
            mailbox.current = await self._compose(mailbox)
            if mailbox.head < mailbox.tail:
                return await self.outbox.read_letter(mailbox)
        return mailbox.current

    def delivered(self, mailbox: Mailbox, letter: Letter) -> None:
        mailbox.delivered(letter, self.clock())
        mailbox.since = asyncio.get_running_loop().time()
        self._after(mailbox)

    async def failed(self, mailbox: Mailbox, letter: Letter, reason: str, final: bool) -> None:
        now = self.clock()
        mailbox.failed(letter, now)
        if mailbox.attempts == 1:
            log.warning("notification.failed", subscription=mailbox.id, reason=reason)
        oldest: Letter | None = letter
        limit = now - int(self.terms.age * 1_000_000)
        while oldest is not None and (final or oldest.created < limit) and not mailbox.gone:
            self.outbox.bury(mailbox, oldest, reason)
            final = False
            oldest = await self.outbox.read_letter(mailbox)
        self._after(mailbox)

    def _after(self, mailbox: Mailbox) -> None:
        self.outbox.touch(mailbox)
        if mailbox.held and not mailbox.has_mail:
            self._release_later(mailbox)

    # --- letters ----------------------------------------------------------------------------------------------

    async def _compose(self, mailbox: Mailbox) -> Letter | None:
        """Make a notification of what waits. The context is had first: from there on nothing is waited for."""
        subscription = mailbox.subscription
        context, link = await self._context(subscription)
        data: list[dict[str, Any]] = []
        items: list[Item] = []
        while not data:
            items = mailbox.take_items()
            if not items:
                return None
            data = [told for item in items if (told := _told(subscription, item, context)) is not None]
        now = self.clock()
        first, last = min(item.seq for item in items), max(item.seq for item in items)
        number = f"{first}-{last}" if last else f"t{now}"
        return Letter(
            head=self._head(subscription, link),
            body=orjson.dumps(notification(subscription, number, now, data, context.member)),
            first=first,
            seq=last,
            created=now,
            entities=tuple(item.entity.id for item in items),
            kept=all(item.kept for item in items),
        )

    async def _context(self, subscription: Subscription) -> tuple[Context, str]:
        """The context to write with and its address. Where it cannot be had, or named, names stay full IRIs."""
        source = subscription.context
        try:
            context = self._contexts.known(source) or await self._contexts.resolve(source)
            link = linkable(context.source)
            if link is None and self._base is not None and names_context_in_header(subscription):
                link = f"{self._base}{_HOSTED}{await self._contexts.implicit(context.source)}"
            if link is not None or not names_context_in_header(subscription):
                return context, link or ""
        except Problem as problem:
            log.warning("notification.context", subscription=subscription.id, reason=problem.detail)
        core = self._contexts.core
        return core, str(linkable(core.source))

    def _head(self, subscription: Subscription, link: str) -> bytes:
        lines = [f"Content-Type: {subscription.endpoint.accept}", "User-Agent: dothi"]
        if names_context_in_header(subscription):
            lines.append(f'Link: <{link}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"')
        if self._tenant is not None:
            lines.append(f"NGSILD-Tenant: {self._tenant}")
        lines += [f"{key}: {value}" for key, value in subscription.endpoint.headers]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1")

    async def host_context(self, subscription: Subscription) -> None:
        """Have the context at an address already, where letters need one and the subscription came without (5.13.1)."""
        if self._base is not None and names_context_in_header(subscription):
            await self._context(subscription)

    def hosted_context(self, subscription: Subscription) -> str | None:
        """The address of the context that was made for the subscription, if one was."""
        if self._base is None or linkable(subscription.context) is not None:
            return None
        id = self._contexts.implicit_id(subscription.context)
        return None if id is None else f"{self._base}{_HOSTED}{id}"

    # --- time -------------------------------------------------------------------------------------------------

    def _schedule(self, mailbox: Mailbox) -> None:
        """Start what the subscription does by itself: what waits, what is held, and the periodic notification."""
        if self._delivery is None:
            return
        if mailbox.has_mail:
            self._delivery.ready(mailbox)
        elif mailbox.held:
            self._release_later(mailbox)
        interval = mailbox.subscription.interval
        if interval is not None:
            last = max(mailbox.counters.last or 0, mailbox.created)
            wait = max(0.0, interval - (self.clock() - last) / 1_000_000)
            self._next_period(mailbox, mailbox.subscription, wait)

    def _release_later(self, mailbox: Mailbox) -> None:
        def release() -> None:
            if mailbox.has_mail or mailbox.gone or not mailbox.held:
                return
            if mailbox.throttle_end() > self.clock():
                self._release_later(mailbox)
                return
            mailbox.release(asyncio.get_running_loop().time())
            self.outbox.touch(mailbox)
            self.hurry(mailbox)

        if self._delivery is not None:
            self._delivery.later(max(0.0, (mailbox.throttle_end() - self.clock()) / 1_000_000), release)

    def _next_period(self, mailbox: Mailbox, subscription: Subscription, wait: float) -> None:
        def due() -> None:
            if mailbox.subscription is subscription and not mailbox.gone and self._tasks is not None:
                self._tasks.create_task(self._periodic(mailbox, subscription))

        if self._delivery is not None:
            self._delivery.later(wait, due)

    async def _periodic(self, mailbox: Mailbox, subscription: Subscription) -> None:
        """Tell of all entities that match, unless the last such notification still waits (clause 5.8.6)."""
        assert subscription.interval is not None
        self._next_period(mailbox, subscription, subscription.interval)
        if mailbox.has_mail or subscription.status(self.clock()) != "active":
            return
        entities: dict[str, Entity] = {}
        for query in subscription.queries():
            entities |= {entity.id: entity for entity in await self._matching(query)}
        if entities and mailbox.subscription is subscription and not mailbox.gone:
            mailbox.waiting.extend(Item(0, entity, kept=True) for entity in entities.values())
            mailbox.since = asyncio.get_running_loop().time()
            self.outbox.touch(mailbox)
            self.hurry(mailbox)

    async def _matching(self, query: EntityQuery) -> list[Entity]:
        found: list[Entity] = []
        while len(found) < PERIODIC:
            page = await self._store.entities(_page(query, len(found)))
            found += page.entities
            if len(page.entities) < 1000:
                break
        return found

    async def _restore_held(self) -> None:
        """Throttled entities from before the restart, as they are today."""
        held: dict[str, dict[str, Any]] = {}
        for key, document in (await self._store.records(HELD)).items():
            id, _, entity = key.partition(" ")
            if id in self.outbox.mailboxes:
                held.setdefault(id, {})[entity] = document
        for id, documents in held.items():
            mailbox = self.outbox.mailboxes[id]
            for entity_id, document in documents.items():
                today = await self._store.entity(entity_id)
                deleted = document["deleted"]
                if today is None and deleted is not None:
                    today = Entity(entity_id, tuple(document["types"]), {})
                if today is not None:
                    mailbox.held[entity_id] = Item(document["seq"], today, deleted=deleted, kept=True)


def _item(change: Change) -> Item:
    return Item(change.seq, change.entity, change.attributes, change.at if change.kind == "deleted" else None)


def _told(subscription: Subscription, item: Item, context: Context) -> dict[str, Any] | None:
    """The entity for the notification; one that cannot be written must not hold up those behind it."""
    try:
        return notified_entity(subscription, item.entity, item.changes, item.deleted, context)
    except Exception:
        log.exception("notification.unwritable", subscription=subscription.id, entity=item.entity.id)
        return None


def _page(query: EntityQuery, offset: int) -> EntityQuery:
    return EntityQuery(
        query.ids, query.id_pattern, query.types, query.attributes, query.q, query.geo, query.scope,
        limit=1000, offset=offset,
    )  # fmt: skip


def _mailbox(id: str, record: dict[str, Any]) -> Mailbox | None:
    """A stored subscription. One that this version cannot read stays in the store and is not served."""
    try:
        subscription = read_subscription(record["document"])
    except Problem as problem:
        log.error("subscription.unreadable", subscription=id, reason=problem.detail)
        return None
    return Mailbox(subscription, created=record["created"], modified=record["modified"])
