"""Keeps the followers of a broker running: each is started again when it fails, and all end with the broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

#: Seconds before a failed follower starts again, doubled up to the longest.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Background:
    """The tasks of one broker. They live outside of any request, so this object owns them."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run `run` until `stop`; should it raise, it is logged and begun anew."""
        self._tasks.append(asyncio.get_running_loop().create_task(_keep(name, run), name=name))

    async def stop(self) -> None:
        """End them all, the last one first, and wait until they have cleaned up."""
        for task in reversed(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()


async def _keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
    pause = SHORTEST_PAUSE
    while True:
        try:
            await run()
        except Exception as fault:
            log.exception("follower failed", follower=name, error=repr(fault))
        else:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
