"""Deletes entities and attribute instances soon after their expiresAt has passed (GS CIM 009 clause 4.22)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from dothi.broker.provision import is_expired
from dothi.model.change import Cause, Change
from dothi.model.entity import PlainProperty
from dothi.model.errors import Overloaded
from dothi.model.expiry import expire, next_expiry
from dothi.model.instant import parse_instant
from dothi.storage.store import Store, Transaction

CAUSE: Final = Cause("expiry")

#: Seconds between two sweeps, and entities in one unit of work.
PERIOD, BATCH = 1.0, 500


class Expiry:
    """One tenant's sweep. Reads hide what has expired by themselves, so nothing depends on its pace.

    Entities are found by their index. Attributes are remembered from the changes, as many as there are entities with
    transient attributes; after a start they are looked for once.
    """

    def __init__(self, store: Store, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._store = store
        self._clock = clock
        #: Entity id -> when the first of its attribute instances expires, or earlier.
        self._due: dict[str, int] = {}

    async def run(self) -> None:
        """Sweep until cancelled."""
        stop = self._store.subscribe(self._take)
        try:
            for id in await self._store.with_expiring_attributes():
                self._due.setdefault(id, 0)
            while True:
                await self.sweep()
                await asyncio.sleep(PERIOD)
        finally:
            stop()

    async def sweep(self) -> None:
        """Delete all that has expired by now; what the store is too busy for waits for the next time."""
        now = self._clock()
        try:
            while ids := await self._store.expired(now, BATCH):
                await self._store.write(lambda tx, ids=ids: self._delete(tx, ids), ids)  # type: ignore[misc]
            due = [id for id, when in self._due.items() if when <= now]
            for first in range(0, len(due), BATCH):
                some = due[first : first + BATCH]
                self._due.update(await self._store.write(lambda tx, some=some: self._expire(tx, some), some))  # type: ignore[misc]
                for id in some:
                    if self._due[id] <= now:
                        del self._due[id]
        except Overloaded:
            return

    def _take(self, changes: Sequence[Change]) -> None:
        for change in changes:
            for written in change.attributes:
                after = written.after
                if after is None or after.__class__ is PlainProperty:
                    continue
                if "expiresAt" in after:
                    when = parse_instant(after["expiresAt"])
                    self._due[change.entity.id] = min(when, self._due.get(change.entity.id, when))

    def _delete(self, tx: Transaction, ids: Sequence[str]) -> None:
        for entity in tx.load(ids).values():
            if is_expired(entity, tx.now):
                tx.save(entity, "deleted", (), CAUSE)

    def _expire(self, tx: Transaction, ids: Sequence[str]) -> dict[str, int]:
        """When the entities are due again."""
        again: dict[str, int] = {}
        for entity in tx.load(ids).values():
            outcome = expire(entity, tx.now)
            if outcome.changed:
                tx.save(outcome.entity, "updated", outcome.changes, CAUSE)
            when = next_expiry(outcome.entity)
            if when is not None:
                again[entity.id] = when
        return again
