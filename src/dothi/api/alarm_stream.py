"""The alarms as server-sent events: a snapshot, then deltas, with a deadline for readers that hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Final

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dothi.automation.alarms.alarm import Act, Alarm
from dothi.automation.alarms.board import Board, Summary, Watcher
from dothi.web.stream import HEARTBEAT, PATIENCE, event

#: Changes gather for so long before they are sent, seconds.
GATHER: Final = 0.25
#: Alarms in a snapshot; a desk with more has other worries, and the list pages through them all.
MOST_SHOWN: Final = 2_000


def view(alarm: Alarm, now: int) -> dict[str, Any]:
    """An alarm as an AlarmView; microseconds in, milliseconds out."""
    plain: dict[str, Any] = msgspec.to_builtins(alarm)
    for name in ("raised_at", "cleared_at", "first_at", "last_at", "acknowledged_at", "shelved_until"):
        plain[name] = _millis(plain[name])
    plain["shelved"] = alarm.is_shelved(now)
    plain["last_act"] = None if alarm.last_act is None else act_view(alarm.last_act)
    return plain


def act_view(act: Act) -> dict[str, Any]:
    """An act as an AlarmActView."""
    return {
        "alarm": act.alarm,
        "deed": act.deed,
        "by": act.by,
        "at": act.at // 1000,
        "micros": act.at,
        "reason": act.reason,
        "to": act.to,
        "until": _millis(act.until),
        "severity": act.severity,
    }


def summary_view(summary: Summary) -> dict[str, Any]:
    """A summary as an AlarmSummary."""
    return asdict(summary)


def _millis(micros: int | None) -> int | None:
    return None if micros is None else micros // 1000


async def events(board: Board, watcher: Watcher, now: Callable[[], int]) -> AsyncGenerator[bytes, None]:
    """The stream of one watcher until the board closes."""
    yield b"retry: 2000\n\n"
    while not board.closed:
        try:
            async with asyncio.timeout(HEARTBEAT):
                await watcher.news.wait()
        except TimeoutError:
            yield b": heartbeat\n\n"
            continue
        watcher.news.clear()
        if watcher.behind:
            watcher.behind = False
            watcher.changed.clear()
            yield event("snapshot", board.seq, snapshot(board, now()))
        elif watcher.changed:
            changed, watcher.changed = watcher.changed, set()
            yield event("delta", board.seq, delta(board, changed, now()))
        await asyncio.sleep(GATHER)


def snapshot(board: Board, now: int) -> dict[str, Any]:
    """Every alarm that is not closed, worst first."""
    found = board.unclosed()
    return {
        "seq": board.seq,
        "now": now // 1000,
        "alarms": [view(alarm, now) for alarm in found[:MOST_SHOWN]],
        "more": max(0, len(found) - MOST_SHOWN),
        "summary": summary_view(board.summary()),
    }


def delta(board: Board, ids: set[str], now: int) -> dict[str, Any]:
    """These alarms as they are now."""
    found = board.some(sorted(ids))
    return {
        "seq": board.seq,
        "now": now // 1000,
        "upserts": [view(alarm, now) for alarm in found],
        "removed": sorted(ids - {alarm.id for alarm in found}),
        "summary": summary_view(board.summary()),
    }


class AlarmStream(Response):
    """Streams the board to one client until it leaves or takes nothing for PATIENCE seconds.

    A client that is behind costs a set of ids of bounded size, whatever happens meanwhile.
    """

    media_type = "text/event-stream"

    def __init__(self, board: Board, now: Callable[[], int]) -> None:
        """Raises Overloaded, so that a refusal is an ordinary answer."""
        board.admit()
        self._board = board
        self._now = now
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                leaving = group.create_task(_wait_for_leaving(receive))
                await self._send(send)
                leaving.cancel()
        except* (_Left, TimeoutError):
            pass  # nobody reads any more; the server closes the connection

    async def _send(self, send: Send) -> None:
        async with self._board.watch() as watcher, aclosing(events(self._board, watcher, self._now)) as stream:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for chunk in stream:
                async with asyncio.timeout(PATIENCE):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Left(Exception):
    """The client closed the connection."""


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Left
