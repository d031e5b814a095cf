"""What subscriptions do by the clock: the end of a throttle's pause, and the periodic notification."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dothi.broker.delivery import Delivery
from dothi.broker.mailbox import Item, Mailbox
from dothi.broker.outbox import Outbox
from dothi.model.entity import Entity
from dothi.model.query import EntityQuery
from dothi.model.subscription import Subscription
from dothi.storage.store import Store

#: Entities in one periodic notification, and of one page read for it.
PERIODIC: Final = 10_000
PAGE: Final = 1000


class Rhythm:
    """The timers of one tenant's subscriptions. Lives as long as the delivery and the task group it is given."""

    def __init__(
        self, store: Store, outbox: Outbox, delivery: Delivery, tasks: asyncio.TaskGroup, clock: Callable[[], int]
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._delivery = delivery
        self._tasks = tasks
        self._clock = clock

    def schedule(self, mailbox: Mailbox) -> None:
        """Start what the subscription does by itself: what waits, what is held, and the periodic notification."""
        if mailbox.has_mail:
            self._delivery.ready(mailbox)
        elif mailbox.held:
            self.release_later(mailbox)
        interval = mailbox.subscription.interval
        if interval is not None:
            last = max(mailbox.counters.last or 0, mailbox.created)
            wait = max(0.0, interval - (self._clock() - last) / 1_000_000)
            self._next_period(mailbox, mailbox.subscription, wait)

    def release_later(self, mailbox: Mailbox) -> None:
        """When the throttle's pause is over, what was held goes out (clause 5.8.6)."""

        def release() -> None:
            if mailbox.has_mail or mailbox.gone or not mailbox.held:
                return
            if mailbox.throttle_end() > self._clock():
                self.release_later(mailbox)
                return
            mailbox.release(asyncio.get_running_loop().time())
            self._outbox.touch(mailbox)
            self._delivery.ready(mailbox)

        self._delivery.later(max(0.0, (mailbox.throttle_end() - self._clock()) / 1_000_000), release)

    def _next_period(self, mailbox: Mailbox, subscription: Subscription, wait: float) -> None:
        def due() -> None:
            if mailbox.subscription is subscription and not mailbox.gone:
                self._tasks.create_task(self._periodic(mailbox, subscription))

        self._delivery.later(wait, due)

    async def _periodic(self, mailbox: Mailbox, subscription: Subscription) -> None:
        """Tell of all entities that match, unless the last such notification still waits (clause 5.8.6)."""
        assert subscription.interval is not None
        self._next_period(mailbox, subscription, subscription.interval)
        if mailbox.has_mail or subscription.status(self._clock()) != "active":
            return
        entities: dict[str, Entity] = {}
        for query in subscription.queries():
            entities |= {entity.id: entity for entity in await self._matching(query)}
        if entities and mailbox.subscription is subscription and not mailbox.gone:
            mailbox.waiting.extend(Item(0, entity, kept=True) for entity in entities.values())
            mailbox.since = asyncio.get_running_loop().time()
            self._outbox.touch(mailbox)
            self._delivery.ready(mailbox)

    async def _matching(self, query: EntityQuery) -> list[Entity]:
        found: list[Entity] = []
        while len(found) < PERIODIC:
            page = await self._store.entities(replace(query, limit=PAGE, offset=len(found)))
            found += page.entities
            if len(page.entities) < PAGE:
                break
        return found
