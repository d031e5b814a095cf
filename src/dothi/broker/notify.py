"""Follows the changes and tells the subscribers: from the change log through mailboxes to their endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from dothi.broker.contexts import Contexts
from dothi.broker.delivery import Carrier, Delivery, Terms
from dothi.broker.feed import Feed, Follower
from dothi.broker.letters import Letters
from dothi.broker.mailbox import Item, Letter, Mailbox
from dothi.broker.outbox import Outbox
from dothi.broker.restore import read_mailboxes
from dothi.broker.rhythm import Rhythm
from dothi.broker.watch import Watch
from dothi.model.change import Change
from dothi.model.entity import Entity
from dothi.model.errors import Overloaded, Problem
from dothi.model.query import EntityQuery
from dothi.model.subscription import Subscription
from dothi.storage.store import Store

log = structlog.get_logger(__name__)

#: Name of the follower's cursor.
FOLLOWER: Final = "notify"

#: Seconds between two writes while something waits, and while nothing does.
BUSY: Final = 0.1
QUIET: Final = 2.0

#: Items in memory beyond which no more changes are read before the late ones are written.
MEMORY: Final = 20_000


class Notifier:
    """One tenant's notifications. `run` does the work until it is cancelled; the rest may be called before it.

    `carry` makes the carrier of the letters for as long as one run lasts. See Letters for `tenant`, `base` and
    `snapshot`.
    """

    def __init__(
        self,
        store: Store,
        contexts: Contexts,
        carry: Callable[[asyncio.TaskGroup], Carrier],
        *,
        tenant: str | None,
        base: str | None,
        terms: Terms,
        clock: Callable[[], int],
        snapshot: str | None = None,
    ) -> None:
        self.terms = terms
        self.clock = clock
        self.watch = Watch()
        self.letters = Letters(contexts, clock, tenant, base, snapshot, fetch=self._fetch)
        self.outbox = Outbox(store, terms, self.letters.compose, clock)
        self._store = store
        self._carry = carry
        self._follower: Follower | None = None
        self._position = 0
        self._delivery: Delivery | None = None
        self._rhythm: Rhythm | None = None
        self._written = 0.0

    # --- subscriptions come and go ----------------------------------------------------------------------------

    async def open(self) -> None:
        """Read what is kept and take up the cursor. Never waits for the network."""
        self.outbox.mailboxes.update(await read_mailboxes(self._store))
        for mailbox in self.outbox.mailboxes.values():
            self.watch.add(mailbox)
        self._follower = await Feed(self._store).follow(FOLLOWER)
        self._position = self._follower.position

    def add(self, mailbox: Mailbox) -> None:
        """Watch for a new subscription, which is stored."""
        self.outbox.mailboxes[mailbox.id] = mailbox
        self.watch.add(mailbox)
        self.outbox.touch(mailbox)
        self._plan(mailbox)

    def replace(self, mailbox: Mailbox, subscription: Subscription) -> None:
        """The subscription was changed, and is stored so."""
        self.watch.remove(mailbox)
        moved = mailbox.subscription.endpoint != subscription.endpoint
        mailbox.subscription = subscription
        self.watch.add(mailbox)
        self.outbox.touch(mailbox)
        if moved and self._delivery is not None:
            self._delivery.readdress(mailbox)
        self._plan(mailbox)

    def remove(self, mailbox: Mailbox) -> list[tuple[str, str]]:
        """The subscription goes; kind and key of the records to drop with it."""
        self.watch.remove(mailbox)
        return self.outbox.forget(mailbox)

    def hurry(self, mailbox: Mailbox) -> None:
        """There is something to send."""
        if self._delivery is not None:
            self._delivery.ready(mailbox)

    async def tell(self, mailbox: Mailbox, items: Sequence[Item]) -> None:
        """Tell a subscriber of entities that others have told us of; on return that is kept. Raises Overloaded.

        Nothing is told where the subscription is not active.
        """
        if self._follower is None or mailbox.subscription.status(self.clock()) != "active":
            return
        letter = await self.letters.about_items(mailbox.subscription, list(items))
        if letter is not None and not mailbox.gone:
            mailbox.park(letter)
            self.outbox.touch(mailbox)
            await self._flush()
            self.hurry(mailbox)

    def _plan(self, mailbox: Mailbox) -> None:
        if self._rhythm is not None:
            self._rhythm.schedule(mailbox)

    def _pause(self, mailbox: Mailbox) -> None:
        if self._rhythm is not None:
            self._rhythm.release_later(mailbox)

    # --- the work ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow, deliver and keep, until cancelled; then keep once more what is not delivered."""
        if self._follower is None:
            await self.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._delivery = Delivery(self, self._carry(tasks), self.terms, tasks)
                self._rhythm = Rhythm(self._store, self.outbox, self._delivery, tasks, self.clock)
                for mailbox in self.outbox.mailboxes.values():
                    mailbox.phase = "idle"
                    self._plan(mailbox)
                tasks.create_task(self._keep())
                await self._follow()
        finally:
            if self._delivery is not None:
                self._delivery.close()
            self._delivery = self._rhythm = None

    async def close(self) -> None:
        """After `run` has ended: write what the store does not know yet, and take no more changes."""
        if self._follower is not None:
            self._follower.close()
            await self._flush()
            self._follower = None

    async def _fetch(self, ids: Sequence[str]) -> Sequence[Entity]:
        return (await self._store.entities(EntityQuery(ids=tuple(ids), limit=len(ids)))).entities

    async def _follow(self) -> None:
        follower = self._follower
        assert follower is not None
        async for batch in follower.batches():
            if self.watch.far_sighted:
                await self._look_behind(batch)
            self._tell(batch)
            while self.outbox.in_memory > MEMORY:
                await self._flush()
                await asyncio.sleep(BUSY)

    async def _look_behind(self, batch: Sequence[Change]) -> None:
        """Fetch what q of some subscription sees in linked entities; where that fails it sees nothing there."""
        try:
            await self.watch.look_behind([change.entity for change in batch], self._fetch)
        except Problem as problem:
            log.warning("notification.unlinked", reason=problem.detail)

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
            self._pause(mailbox)
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
            mailbox.current = await self.letters.compose(mailbox)
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
            self._pause(mailbox)


def _item(change: Change) -> Item:
    return Item(change.seq, change.entity, change.attributes, change.at if change.kind == "deleted" else None)
