"""Flood control: a rule that would raise too much in a minute is told as one alarm until it calms down."""

from __future__ import annotations

from collections import deque

from dothi.automation.rules.event import MINUTE


class Flood:
    """Counts what a rule would raise. `most` in a minute are let through; then it is tamed, and all that comes is held.

    It calms down when a whole minute brought no more than `most` and no more than `most` are held.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.tamed_since: int | None = None
        #: Sources whose alarms are held back, in order.
        self.held: dict[str, None] = {}
        #: How often it was tamed.
        self.times = 0
        self._recent: deque[int] = deque()

    def admit(self, source: str, at: int) -> bool:
        """Whether the alarm may be told; if not, it is held."""
        self._forget(at)
        self._recent.append(at)
        if self.tamed_since is None and len(self._recent) <= self.most:
            return True
        if self.tamed_since is None:
            self.tamed_since = at
            self.times += 1
        self.held[source] = None
        return False

    def release(self, at: int) -> list[str] | None:
        """The held sources to tell now that it is calm; None while it is not."""
        self._forget(at)
        if len(self.held) > self.most or len(self._recent) > self.most:
            return None
        released = list(self.held)
        self.held.clear()
        self.tamed_since = None
        return released

    def _forget(self, at: int) -> None:
        recent = self._recent
        while recent and recent[0] <= at - MINUTE:
            recent.popleft()
