"""Tells the subscribers to registrations (GS CIM 009 clause 5.11.7), each letter kept with the change it tells of.

Registrations change seldom, so every letter is written in the transaction of its change, and all are in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog

from dothi.broker.clock import wall_clock
from dothi.broker.contexts import Contexts
from dothi.broker.delivery import Carrier, Delivery, Terms
from dothi.broker.mailbox import DEAD, Letter, Mailbox
from dothi.broker.registrations import Accompany, Aftermath, Registrations
from dothi.broker.source_letters import letter_about, reason_of
from dothi.broker.source_mailbox import DEAD_PREFIX, LETTER, STATE, Key, SourceMailbox
from dothi.broker.stationery import Stationery
from dothi.model.errors import Overloaded, ResourceNotFound
from dothi.model.registration import Coverage, Registration
from dothi.model.source_notice import TriggerReason
from dothi.model.source_query import SourceMatch
from dothi.model.subscription import Subscription
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

#: Seconds between two writes of what was delivered.
PERIOD: Final = 0.2

#: Makes the carrier of letters, whose tasks live in the group.
MakeCarrier = Callable[[asyncio.TaskGroup], Carrier]


class SourceNotices:
    """One tenant's notifications about registrations. `run` does the work until it is cancelled.

    See Stationery for `tenant` and `base`.
    """

    def __init__(
        self,
        store: Store,
        contexts: Contexts,
        registrations: Registrations,
        make_carrier: MakeCarrier,
        *,
        tenant: str | None = None,
        base: str | None = None,
        terms: Terms | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self.mailboxes: dict[str, SourceMailbox] = {}
        self.terms = terms or Terms()
        self.stationery = Stationery(contexts, tenant, base)
        self._store = store
        self._registrations = registrations
        self._make_carrier = make_carrier
        self._clock = clock
        self._delivery: Delivery | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._dirty: set[SourceMailbox] = set()
        self._drops: list[Key] = []
        self._puts: dict[Key, Any] = {}
        registrations.listener = self.changed

    # --- subscriptions come and go ----------------------------------------------------------------------------

    async def restore(self, mailboxes: list[SourceMailbox]) -> None:
        """Take up subscriptions that are kept, with the letters that wait for them."""
        states = await self._store.records(STATE)
        for mailbox in mailboxes:
            self.mailboxes[mailbox.id] = mailbox
            if mailbox.id in states:
                mailbox.restore(states[mailbox.id])
        for key, document in (await self._store.records(LETTER)).items():
            id, _, slot = key.partition(" ")
            if id in self.mailboxes:
                self.mailboxes[id].recent[int(slot)] = Letter.of(document, int(slot))
        for mailbox in mailboxes:
            mailbox.tail = max([mailbox.tail, *(slot + 1 for slot in mailbox.recent)])
            mailbox.head = min([mailbox.tail, *mailbox.recent])

    def add(self, mailbox: SourceMailbox) -> None:
        """A subscription that is stored."""
        self.mailboxes[mailbox.id] = mailbox
        self.schedule(mailbox)

    def removal(self, mailbox: SourceMailbox) -> tuple[Accompany, Aftermath]:
        """The subscription goes: what has to be written with it, and what to do after."""
        keys = list(mailbox.all_keys())

        def work(tx: Transaction) -> None:
            for kind, key in keys:
                tx.drop_record(kind, key)

        def forget() -> None:
            mailbox.gone = True
            mailbox.clear()
            self.mailboxes.pop(mailbox.id, None)
            self._dirty.discard(mailbox)

        return work, forget

    def schedule(self, mailbox: SourceMailbox) -> None:
        """Send what waits, and begin the periodic notification where there is one."""
        if self._delivery is None or mailbox.gone:
            return
        self._hurry(mailbox)
        interval = mailbox.subscription.interval
        if interval is not None:
            last = max(mailbox.counters.last or 0, mailbox.told, mailbox.created)
            wait = max(0.0, interval - (self._clock() - last) / 1_000_000)
            self._next_period(mailbox, mailbox.subscription, wait)

    # --- what is told -----------------------------------------------------------------------------------------

    async def changed(self, before: Registration | None, after: Registration | None) -> tuple[Accompany, Aftermath]:
        """A registration changes: the letters about it, to be written with the change and sent after it."""
        now = self._clock()
        told: list[SourceMailbox] = []
        writing = []
        for mailbox in self.mailboxes.values():
            if mailbox.is_active and mailbox.subscription.interval is None:
                why = reason_of(mailbox.match, before, after, now)
                if why is not None:
                    told.append(mailbox)
                    writing.append(self._letter(mailbox, mailbox.subscription, why[0], [why[1]]))
        # All at once, since one of them may have to wait for its context.
        return self._posting(list(zip(told, await asyncio.gather(*writing), strict=True)))

    async def all_matching(
        self, mailbox: SourceMailbox, subscription: Subscription, match: SourceMatch, reason: TriggerReason
    ) -> tuple[Accompany, Aftermath]:
        """The letter about every registration that matches now, where there is one (clause 5.11.7).

        `subscription` and `match` are those that the mailbox has, or is about to get.
        """
        now = self._clock()
        found = [
            coverage for registration in self._registrations.all() if (coverage := match(registration, now)) is not None
        ]
        if not found or subscription.status(now) != "active":
            return self._posting([])
        return self._posting([(mailbox, await self._letter(mailbox, subscription, reason, found))])

    async def _letter(
        self, mailbox: SourceMailbox, subscription: Subscription, reason: TriggerReason, found: list[Coverage]
    ) -> Letter:
        number = f"{mailbox.created}-{mailbox.tail}"
        return await letter_about(self.stationery, subscription, reason, found, number, self._clock())

    def _posting(self, letters: list[tuple[SourceMailbox, Letter]]) -> tuple[Accompany, Aftermath]:
        def work(tx: Transaction) -> None:
            for mailbox, letter in letters:
                tx.put_record(*mailbox.letter_key(mailbox.tail), letter.document())

        def post() -> None:
            for mailbox, letter in letters:
                mailbox.park(letter)
                while mailbox.tail - mailbox.head > self.terms.outbox:
                    self._give_up(mailbox, f"more than {self.terms.outbox} notifications wait for this receiver")
                self._hurry(mailbox)

        return work, post

    # --- the work ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver and keep what was delivered, until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._delivery = Delivery(self, self._make_carrier(tasks), self.terms, tasks)
                for mailbox in self.mailboxes.values():
                    mailbox.phase = "idle"
                    self.schedule(mailbox)
                while True:
                    await asyncio.sleep(PERIOD)
                    await self._keep()
                    self._delivery.sweep()
        finally:
            if self._delivery is not None:
                self._delivery.close()
            self._delivery = self._tasks = None

    async def close(self) -> None:
        """After `run` has ended: write what the store does not know yet."""
        await self._keep()

    async def _keep(self) -> None:
        if not self._dirty and not self._drops:
            return
        drops, self._drops = self._drops, []
        puts, self._puts = self._puts, {}
        dirty, self._dirty = self._dirty, set()
        states = {(STATE, mailbox.id): mailbox.state() for mailbox in dirty if not mailbox.gone}
        try:
            await self._store.write(partial(_keep, puts=puts | states, drops=drops))
        except Overloaded:
            self._drops = drops + self._drops
            self._puts = puts | self._puts
            self._dirty |= dirty

    def _hurry(self, mailbox: SourceMailbox) -> None:
        if self._delivery is None or mailbox.head == mailbox.tail:
            return
        if mailbox.has_mail:
            self._delivery.ready(mailbox)
        else:
            wait = (mailbox.throttle_end() - self._clock()) / 1_000_000
            self._delivery.later(max(0.0, wait), partial(self._hurry, mailbox))

    # --- what delivery asks for -------------------------------------------------------------------------------

    async def next_letter(self, mailbox: Mailbox) -> Letter | None:
        """The letter to send now; a subscription that is not active loses what waits."""
        assert isinstance(mailbox, SourceMailbox)
        if mailbox.gone:
            return None
        if not mailbox.is_active:
            while mailbox.head < mailbox.tail:
                self._done_with(mailbox)
            return None
        while mailbox.head < mailbox.tail:
            letter = mailbox.recent.get(mailbox.head)
            if letter is not None:
                return letter
            mailbox.head += 1
        return None

    def delivered(self, mailbox: Mailbox, letter: Letter) -> None:
        assert isinstance(mailbox, SourceMailbox)
        told_before = letter.attempts > 0
        mailbox.delivered(letter, self._clock())
        mailbox.counters.sent -= told_before
        self._forget(mailbox, letter)
        self._hurry(mailbox)

    async def failed(self, mailbox: Mailbox, letter: Letter, reason: str, final: bool) -> None:
        assert isinstance(mailbox, SourceMailbox)
        now, told_before = self._clock(), letter.attempts > 0
        mailbox.failed(letter, now)
        # The counters count notifications, not attempts (table 5.2.14.2-1).
        mailbox.counters.sent -= told_before
        mailbox.counters.failed -= told_before
        self._dirty.add(mailbox)
        if mailbox.attempts == 1:
            log.warning("notification.failed", subscription=mailbox.id, reason=reason)
        if final or letter.created < now - int(self.terms.age * 1_000_000):
            self._give_up(mailbox, reason)

    def _give_up(self, mailbox: SourceMailbox, reason: str) -> None:
        """The first letter becomes a dead one."""
        letter = mailbox.recent.get(mailbox.head)
        if letter is not None:
            key, document, forgotten = mailbox.bury(letter, reason, self._clock(), self.terms.dead)
            self._puts[key] = document
            self._drops += forgotten
            for old in forgotten:
                self._puts.pop(old, None)
        mailbox.attempts = 0
        self._done_with(mailbox)

    async def resend(self, id: str) -> None:
        """Send a dead letter again, after what waits for its subscriber. Raises ResourceNotFound."""
        await self._keep()
        mailbox = self.mailboxes.get(id.removeprefix(DEAD_PREFIX).partition(" ")[0])
        async with self._registrations.changing:
            document = await self._store.record(DEAD, id)
            if document is None or mailbox is None or mailbox.gone:
                raise ResourceNotFound(f"There is no dead letter {id!r}: it was sent, or its subscription is gone.")
            letter = Letter.of(document, None)
            letter.created = self._clock()
            work, post = self._posting([(mailbox, letter)])
            await self._store.write(partial(_exchange, dead=id, work=work))
            post()

    def _done_with(self, mailbox: SourceMailbox) -> None:
        """The first letter goes, told or not."""
        letter = mailbox.recent.get(mailbox.head)
        if letter is None:
            mailbox.head += 1
        else:
            mailbox.settle(letter)
            self._forget(mailbox, letter)

    def _forget(self, mailbox: SourceMailbox, letter: Letter) -> None:
        mailbox.drops.clear()
        if not mailbox.gone and letter.slot is not None:
            self._drops.append(mailbox.letter_key(letter.slot))
            self._dirty.add(mailbox)

    # --- time -------------------------------------------------------------------------------------------------

    def _next_period(self, mailbox: SourceMailbox, subscription: Subscription, wait: float) -> None:
        def due() -> None:
            if mailbox.subscription is subscription and not mailbox.gone and self._tasks is not None:
                self._tasks.create_task(self._periodic(mailbox, subscription))

        if self._delivery is not None:
            self._delivery.later(wait, due)

    async def _periodic(self, mailbox: SourceMailbox, subscription: Subscription) -> None:
        """Tell of all that match, unless the last such notification still waits."""
        assert subscription.interval is not None
        self._next_period(mailbox, subscription, subscription.interval)
        mailbox.told = self._clock()
        if mailbox.head < mailbox.tail:
            return
        async with self._registrations.changing:
            work, post = await self.all_matching(mailbox, subscription, mailbox.match, "updated")
            if mailbox.subscription is subscription and not mailbox.gone:
                try:
                    await self._store.write(work)
                except Overloaded as full:
                    log.warning("notification.late", reason=full.detail)
                else:
                    post()


def _keep(tx: Transaction, puts: dict[Key, Any], drops: list[Key]) -> None:
    for kind, key in drops:
        tx.drop_record(kind, key)
    for (kind, key), document in puts.items():
        tx.put_record(kind, key, document)


def _exchange(tx: Transaction, dead: str, work: Accompany) -> None:
    tx.drop_record(DEAD, dead)
    work(tx)
