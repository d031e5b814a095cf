"""What rules want done outside (messages, webhooks, procedures), one after the other beside the evaluation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from dothi.automation.rules.event import Act

#: Errands that wait; when they are more, the rules wait for them.
MOST: Final = 1_000
TRIES: Final = 3


class Errands:
    """`waiting` holds what is not done, the one under way included, so that it can be kept with the cursor."""

    def __init__(self, do: Callable[[Act], Awaitable[str | None]], done: Callable[[Act, str | None], None]) -> None:
        """`do` answers the reason where it failed; `done` is told after the last try."""
        self.waiting: deque[Act] = deque()
        self._do = do
        self._done = done
        self._changed = asyncio.Condition()

    async def put(self, act: Act) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.waiting) < MOST)
            self.waiting.append(act)
            self._changed.notify_all()

    async def run(self) -> None:
        """Do them until cancelled."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self.waiting))
            act = self.waiting[0]
            problem = await self._do(act)
            for turn in range(1, TRIES):
                if problem is None:
                    break
                await asyncio.sleep(2.0**turn)
                problem = await self._do(act)
            async with self._changed:
                self.waiting.popleft()
                self._changed.notify_all()
            self._done(act, problem)
