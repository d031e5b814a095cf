"""Tells followers what changed: from memory while they keep up, from the change log where they do not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from dothi.model.change import AttributeChange, Change
from dothi.model.entity import Attributes, Instance, instances
from dothi.storage.store import Store, Transaction

#: Kind of the records that hold the cursors of durable followers: name -> {"seq": number}. The store seals no change
#: that one of them has not seen.
CURSOR: Final = "cursor"

#: Changes read from the log at once.
PAGE: Final = 1000

Listener = Callable[[Sequence[Change]], None]


class Feed:
    """The changes of one store. Nothing here is told before the commit that it tells of."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tail(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the event loop with the changes of each commit from now on; returns how to stop.

        For what may be missed across a restart: the live stream. The listener must not wait.
        """
        return self._store.subscribe(listener)

    async def follow(self, name: str, *, size: int = 10_000, start: int | None = None) -> Follower:
        """A durable follower that goes on from its cursor; a new one starts after `start` (None: from now).

        `size` bounds the changes that wait in memory: when they are more, the follower reads the log instead.
        """
        kept = await self._store.record(CURSOR, name)
        if kept is not None:
            return Follower(self._store, name, kept["seq"], size)
        first = await self._store.last_seq() if start is None else start
        await self._store.write(lambda tx: tx.put_record(CURSOR, name, {"seq": first}))
        return Follower(self._store, name, first, size)


class Follower:
    """Reads every change after its cursor, once and in order, as long as the process lives.

    After a restart it goes on from the cursor that was saved last, so what came after that is seen again: save the
    cursor by `save` in the write that keeps the effects, and nothing is lost.
    """

    def __init__(self, store: Store, name: str, cursor: int, size: int) -> None:
        self.name = name
        #: Sequence number of the last change that was handed out.
        self.position = cursor
        self._store = store
        self._size = size
        self._waiting: deque[Sequence[Change]] = deque()
        self._count = 0
        self._behind = True
        self._arrived = asyncio.Event()
        self._stop = store.subscribe(self._take)

    @property
    def behind(self) -> bool:
        """Whether it reads the log at the moment, not memory."""
        return self._behind

    def close(self) -> None:
        """Take no more changes."""
        self._stop()

    def save(self, transaction: Transaction, seq: int) -> None:
        """Keep the cursor: everything up to `seq` is done, or is kept by this very transaction."""
        transaction.put_record(CURSOR, self.name, {"seq": seq})

    async def batches(self) -> AsyncIterator[Sequence[Change]]:
        """The changes after the cursor, a batch for each commit or page of the log; waits for more, never ends."""
        while True:
            batch = await self._page() if self._behind else await self._next()
            if batch:
                self.position = batch[-1].seq
                yield batch

    def _take(self, changes: Sequence[Change]) -> None:
        """From the store, after a commit. When the queue is full it is dropped: the log has it all."""
        if self._count + len(changes) > self._size:
            self._waiting.clear()
            self._count = 0
            self._behind = True
        else:
            self._waiting.append(changes)
            self._count += len(changes)
        self._arrived.set()

    async def _page(self) -> Sequence[Change]:
        # The flag goes down before the log is read: what is committed during the read is in the queue, or puts the
        # flag up again.
        self._behind = False
        page = await self._store.changes(self.position, PAGE)
        if len(page) == PAGE:
            self._behind = True
        return [as_written(change) for change in page]

    async def _next(self) -> Sequence[Change]:
        while not self._waiting:
            if self._behind:
                return ()
            self._arrived.clear()
            await self._arrived.wait()
        batch = self._waiting.popleft()
        self._count -= len(batch)
        if batch and batch[0].seq <= self.position:
            return [change for change in batch if change.seq > self.position]
        return batch


def as_written(change: Change) -> Change:
    """A change from the log with its entity as the change left it, as far as the log tells.

    The log holds what each change wrote, and the entity is today's: the attributes of the change are put back to what
    they were then, those that it did not touch are today's.
    """
    attributes: Attributes = dict(change.entity.attributes)
    for written in change.attributes:
        _put_back(attributes, written)
    return msgspec.structs.replace(change, entity=msgspec.structs.replace(change.entity, attributes=attributes))


def _put_back(attributes: Attributes, written: AttributeChange) -> None:
    kept: list[Instance] = [
        instance for instance in instances(attributes.get(written.name)) if instance.get("datasetId") != written.dataset
    ]
    if written.after is not None:
        kept.append(written.after)
    if kept:
        attributes[written.name] = kept[0] if len(kept) == 1 else kept
    else:
        attributes.pop(written.name, None)
