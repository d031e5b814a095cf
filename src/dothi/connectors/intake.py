"""The waiting room between live connectors and the store: gathers entities into batches and lets nobody overfill it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dothi.connectors.base import Sink
from dothi.model.errors import LdContextNotAvailable, Overloaded
from dothi.model.reading import Document, Trouble

#: What is called once a message's entities are stored, with what was refused of them.
Stored = Callable[[list[Trouble]], None]


@dataclass(slots=True)
class _Parcel:
    """The entities of one message, and whom to tell."""

    documents: list[Document]
    key: tuple[str | None, str]
    stored: Stored


@dataclass(slots=True)
class IntakeCounts:
    """What went through since the start."""

    entities: int = 0
    batches: int = 0
    rejected: int = 0
    delayed: int = 0
    problems: deque[Trouble] = field(default_factory=lambda: deque(maxlen=50))


class Intake:
    """Gathers up to `batch` entities or `delay` seconds, then writes them; one batch per (context, cause).

    It holds at most `capacity` entities; when it is full, `offer` waits and the connector reads no further. When the
    store is overloaded or a context cannot be had, the batch is tried again with growing pauses, and nothing is lost.
    """

    def __init__(self, sink: Sink, *, batch: int = 500, delay: float = 0.2, capacity: int = 20_000) -> None:
        self._sink = sink
        self._batch = batch
        self._delay = delay
        self._capacity = capacity
        self._waiting: deque[_Parcel] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.size = 0
        self.counts = IntakeCounts()

    async def offer(self, documents: list[Document], context: str | None, cause: str, stored: Stored) -> None:
        """Take the entities of one message, as soon as there is room for them. `stored` is called after the commit."""
        while self.size >= self._capacity:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(_Parcel(documents, (context, cause), stored))
        self.size += len(documents)
        self._idle.clear()
        self._arrived.set()

    async def settle(self) -> None:
        """Wait until all that was offered is stored."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write what arrives, until cancelled; then what waits is left unstored, and its senders are not told."""
        while True:
            await self._gathered()
            for key, parcels in self._take().items():
                await self._write(key, parcels)
            if not self._waiting:
                self._idle.set()

    async def _gathered(self) -> None:
        """Wait for the first entity, then until a batch is full or its time is over."""
        await self._arrived.wait()
        end = time.monotonic() + self._delay
        while self.size < self._batch and (left := end - time.monotonic()) > 0:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), left)
        self._arrived.clear()

    def _take(self) -> dict[tuple[str | None, str], list[_Parcel]]:
        """The oldest parcels up to a batch, by context and cause."""
        taken: dict[tuple[str | None, str], list[_Parcel]] = {}
        count = 0
        while self._waiting and (count == 0 or count + len(self._waiting[0].documents) <= self._batch):
            parcel = self._waiting.popleft()
            count += len(parcel.documents)
            taken.setdefault(parcel.key, []).append(parcel)
        if self._waiting:
            self._arrived.set()
        return taken

    async def _write(self, key: tuple[str | None, str], parcels: list[_Parcel]) -> None:
        documents = [document for parcel in parcels for document in parcel.documents]
        refusals = await self._put(documents, key)
        self.size -= len(documents)
        self._room.set()
        self.counts.batches += 1
        self.counts.entities += len(documents) - len(refusals)
        self.counts.rejected += len(refusals)
        self.counts.problems.extend(refusals)
        for parcel in parcels:
            ids = {str(document.get("id")) for document in parcel.documents} if refusals else set()
            parcel.stored([refusal for refusal in refusals if refusal.where in ids])

    async def _put(self, documents: list[Document], key: tuple[str | None, str]) -> list[Trouble]:
        pause = 0.1
        while True:
            try:
                return await self._sink.put(documents, *key)
            except (Overloaded, LdContextNotAvailable) as fault:
                self.counts.delayed += 1
                self.counts.problems.append(Trouble(key[1], fault.detail, f"tried again after {pause:.1f} s"))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10)
