"""What the clock brings, in order of time: leaves before machines, then in the order in which it was asked for."""

from __future__ import annotations

import heapq
from typing import Any, Protocol


class Wakes(Protocol):
    def wake(self, what: str, key: Any, time: int) -> None: ...


class Timers:
    """A queue of wake-ups. Nothing is taken back: who is woken looks whether it still matters."""

    __slots__ = ("_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, Wakes, str, Any]] = []
        self._number = 0

    def push(self, time: int, rank: int, who: Wakes, what: str, key: Any) -> None:
        self._number += 1
        heapq.heappush(self._heap, (time, rank, self._number, who, what, key))

    @property
    def next(self) -> int:
        """When the next one is due; far away where there is none."""
        return self._heap[0][0] if self._heap else 1 << 62

    def before(self, time: int) -> None:
        """Wake all that are due before an instant."""
        heap = self._heap
        while heap and heap[0][0] < time:
            due, _, _, who, what, key = heapq.heappop(heap)
            who.wake(what, key, due)

    def until(self, time: int) -> None:
        """Wake all that are due at an instant or before."""
        self.before(time + 1)
