"""Runs the connectors: builds them from settings, starts them again when they fail, and tells how they are."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import aiomqtt
import structlog

from dothi.connectors.base import Health, Sink
from dothi.connectors.http_poll import Fetch, PollConnector, PollSource
from dothi.connectors.intake import Intake
from dothi.connectors.lorawan import chirpstack_feed, things_stack_feed
from dothi.connectors.mqtt import MqttConnector, MqttSource
from dothi.connectors.payloads import Decode, Recipe, json_feed, smart_data_model_feed
from dothi.model.reading import Decoded, Trouble

Source = MqttSource | PollSource

#: Feeds that read by a recipe; feeds of city modules come by the name MODULE.FEED.
GENERIC: Mapping[str, Callable[[Recipe], Decode]] = {
    "json": json_feed,
    "smart-data-model": smart_data_model_feed,
    "chirpstack": chirpstack_feed,
    "ttn": things_stack_feed,
}
SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
#: A connector that ran this long (seconds) before it failed starts again without a longer pause.
STEADY = 60.0

log = structlog.get_logger(__name__)


class Runner(Protocol):
    """What the supervisor runs."""

    health: Health

    async def run(self) -> None: ...


class Connectors:
    """All connectors of a city and the intake they share.

    `feeds` are the decoders of city modules by MODULE.FEED. Raises ValueError for a feed that nobody has, a wrong topic
    filter, and a name used twice.
    """

    def __init__(self, sources: Sequence[Source], sink: Sink, outside: Fetch, feeds: Mapping[str, Decode] = {}) -> None:
        self.intake = Intake(sink)
        self._outside = outside
        self._feeds = feeds
        self._tasks: asyncio.TaskGroup | None = None
        self._running: asyncio.Task[None] | None = None
        self.runners: list[Runner] = [self._build(source) for source in sources]
        names = [runner.health.name for runner in self.runners]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two connectors are named {twice[0]!r}; give each its own name")

    def health(self) -> list[Health]:
        """Live counters of each connector, in the order of the settings."""
        return [runner.health for runner in self.runners]

    def add(self, runner: Runner) -> None:
        """A connector that does not come from settings, such as the demo city's; before `run`."""
        self.runners.append(runner)

    async def run(self) -> None:
        """Run all until cancelled; then what was offered is stored before this returns."""
        async with asyncio.TaskGroup() as writing:
            intake = writing.create_task(self.intake.run())
            try:
                async with asyncio.TaskGroup() as reading:
                    for runner in self.runners:
                        reading.create_task(self._keep(runner))
                    reading.create_task(asyncio.Event().wait())
            finally:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.intake.settle(), 10)
                intake.cancel()

    async def _keep(self, runner: Runner) -> None:
        """Run one connector for ever, with growing pauses between failures."""
        pause = SHORTEST_PAUSE
        health = runner.health
        try:
            while True:
                begin = time.monotonic()
                health.state, health.since = "starting", time.time_ns() // 1000
                try:
                    await runner.run()
                except (aiomqtt.MqttError, OSError) as fault:
                    _failed(health, f"connection failed: {fault}", pause)
                except Exception as fault:
                    log.exception("connector failed", connector=health.name)
                    _failed(health, f"{type(fault).__name__}: {fault}", pause)
                if time.monotonic() - begin > STEADY:
                    pause = SHORTEST_PAUSE
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            health.state = "stopped"

    def _build(self, source: Source) -> Runner:
        if isinstance(source, PollSource):
            recipe = Recipe("#", source.type, source.id)
            return PollConnector(source, self._decoder(source.feed, recipe, source.name), self.intake, self._outside)
        decoders = {
            index: self._decoder(topic.feed, Recipe(topic.pattern, topic.type, topic.id), source.name)
            for index, topic in enumerate(source.topics)
        }
        return MqttConnector(source, decoders, self.intake)

    def _decoder(self, feed: str, recipe: Recipe, connector: str) -> Decode:
        if feed in GENERIC:
            return guarded(GENERIC[feed](recipe), connector)
        if feed in self._feeds:
            return guarded(self._feeds[feed], connector)
        known = ", ".join([*GENERIC, *sorted(self._feeds)])
        raise ValueError(f"connector {connector!r}: there is no feed {feed!r}; known are {known}")


def guarded(decode: Decode, connector: str) -> Decode:
    """A decoder that tells its own errors as problems: a faulty feed of a module must not stop a connector."""

    def decode_safely(message: bytes, where: str) -> Decoded:
        try:
            return decode(message, where)
        except Exception as fault:
            log.exception("feed failed", connector=connector, where=where)
            what = f"the feed failed: {type(fault).__name__}: {fault}"
            return Decoded(problems=[Trouble(where, what, "report this to the author of the feed")])

    return decode_safely


def _failed(health: Health, what: str, pause: float) -> None:
    health.state = "failing"
    health.detail = what
    health.problems.append(Trouble(health.name, what, f"tried again in {pause:g} s"))


def document(health: Health) -> dict[str, Any]:
    """Health as JSON for /api/connectors."""
    return {
        "name": health.name, "kind": health.kind, "state": health.state, "detail": health.detail,
        "since": health.since, "lastMessage": health.last_message, "messages": health.messages,
        "entities": health.entities, "values": health.values, "rejected": health.rejected, "queue": health.queue,
        "lagMs": health.lag_ms,
        "problems": [{"where": one.where, "what": one.what, "mend": one.mend} for one in health.problems],
    }  # fmt: skip
