"""How connectors fared over the last day: the worst state of each half hour, kept in memory while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from dothi.connectors.base import Health

#: Length of a cell in microseconds, cells kept of each connector, seconds between two looks.
CELL: Final = 1_800_000_000
CELLS: Final = 48
LOOK: Final = 30.0

#: From best to worst; a cell has the worst state seen in it.
_ORDER: Final = ("running", "starting", "waiting", "stopped", "failing")


class Uptime:
    """Looks at connectors now and then; `cells` tells what it saw."""

    def __init__(self, connectors: Callable[[], Sequence[Health]], now: Callable[[], int]) -> None:
        self._connectors = connectors
        self._now = now
        self._seen: dict[str, dict[int, str]] = {}

    def look(self) -> None:
        """Note the state of each connector in the cell of this moment."""
        cell = self._now() // CELL
        for health in self._connectors():
            seen = self._seen.setdefault(health.name, {})
            seen[cell] = max(seen.get(cell, "running"), health.state, key=_ORDER.index)
            for old in [each for each in seen if each <= cell - CELLS]:
                del seen[old]

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK)

    def cells(self, name: str) -> list[str | None]:
        """The worst state of each half hour of the last day, the latest last; None where nobody looked."""
        self.look()
        last, seen = self._now() // CELL, self._seen.get(name, {})
        return [seen.get(cell) for cell in range(last - CELLS + 1, last + 1)]
