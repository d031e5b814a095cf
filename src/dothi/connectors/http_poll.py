"""Asks an HTTP address again and again, and hands on what is new."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import msgspec

from dothi.broker.outside import Answer, OutsideFailed
from dothi.connectors.base import Health
from dothi.connectors.intake import Intake
from dothi.connectors.payloads import Decode
from dothi.model.errors import TargetRefused
from dothi.model.reading import Trouble

LARGEST_ANSWER = 64 << 20


class PollSource(msgspec.Struct, frozen=True):
    """One address to ask every `every_s` seconds; an answer must be whole within `deadline_s`."""

    name: str
    url: str
    feed: str
    every_s: float = 60
    deadline_s: float = 20
    type: str | None = None
    id: str | None = None
    headers: dict[str, str] = {}
    context: str | None = None


class Fetch(Protocol):
    """The part of broker.outside.Outside that polling needs."""

    async def fetch(
        self,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        deadline: float | None = None,
        limit: int | None = None,
    ) -> Answer: ...


class PollConnector:
    """Polls until cancelled. A failed call is told and tried again at the next turn; it never raises for bad input."""

    def __init__(self, source: PollSource, decode: Decode, intake: Intake, outside: Fetch) -> None:
        self.source = source
        self.health = Health(source.name, "poll")
        self._decode = decode
        self._intake = intake
        self._outside = outside
        self._seen: dict[str, str] = {}

    async def run(self) -> None:
        while True:
            begin = time.monotonic()
            await self._turn()
            await asyncio.sleep(max(0.0, self.source.every_s - (time.monotonic() - begin)))

    async def _turn(self) -> None:
        """One call and what comes of it."""
        try:
            answer = await self._outside.fetch(
                self.source.url, headers={**self.source.headers, **self._seen},
                deadline=self.source.deadline_s, limit=LARGEST_ANSWER,
            )  # fmt: skip
        except (OutsideFailed, TargetRefused) as fault:
            self._fail(str(fault))
            return
        if answer.status == 304:
            self.health.state = "running"
        elif answer.status != 200:
            self._fail(f"answered {answer.status}")
        else:
            await self._take(answer)

    async def _take(self, answer: Answer) -> None:
        """Store an answer; only then is its ETag kept, so that what was not stored is asked for again."""
        health = self.health
        decoded = self._decode(answer.body, self.source.url)
        health.messages += 1
        health.last_message = time.time_ns() // 1000
        health.rejected += len(decoded.problems)
        health.problems.extend(decoded.problems)
        if decoded.entities:
            done = asyncio.get_running_loop().create_future()
            received = time.monotonic()
            await self._intake.offer(decoded.entities, self.source.context, f"poll:{self.source.name}", done.set_result)
            refusals: list[Trouble] = await done
            health.lag_ms = (time.monotonic() - received) * 1000
            health.entities += len(decoded.entities) - len(refusals)
            health.values += sum(len(document) - 2 for document in decoded.entities)
            health.rejected += len(refusals)
            health.problems.extend(refusals)
        self._seen = _validators(answer)
        health.state, health.detail = "running", ""

    def _fail(self, what: str) -> None:
        self.health.state = "failing"
        self.health.detail = what
        self.health.problems.append(Trouble(self.source.url, what, f"tried again in {self.source.every_s:g} s"))


def _validators(answer: Answer) -> dict[str, str]:
    """Headers that let the server answer 304 where nothing is new (RFC 9110 clause 13.1)."""
    found = {"if-none-match": answer.headers.get("etag"), "if-modified-since": answer.headers.get("last-modified")}
    return {name: value for name, value in found.items() if value}
