"""Brings the demo city into a broker: its entities, its past, and its change from then on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from itertools import islice
from typing import Any

from dothi.automation.rules.book import Book
from dothi.automation.rules.files import take
from dothi.broker.broker import Broker
from dothi.broker.clock import wall_clock
from dothi.connectors.base import Health
from dothi.connectors.intake import Intake
from dothi.demo.city import DemoCity
from dothi.demo.communes import outline
from dothi.demo.stations import Series
from dothi.model.context import Context
from dothi.model.reading import Document, Trouble
from dothi.storage.store import Transaction

CAUSE = "demo"

#: The city's name, and where the map opens.
FACTS: dict[str, Any] = {
    "name_vi": "Bình Dương",
    "name_en": "Bình Dương",
    "center": (106.70, 11.12),
    "zoom": 9.7,
    "bounds": outline().bounds,
}

_DAY = 86_400_000_000
_BATCH = 500


async def fill(
    broker: Broker, names: Context, city: DemoCity, days: int, progress: Callable[[float, float], None]
) -> None:
    """Put the city and `days` of hourly history into an empty broker; a broker that has the city is left alone.

    `names` expands short names; `progress` is told (values done, values in all).
    """
    await take_rules(broker)
    if await broker.store.record("demo", "filled") is not None:
        return
    now = time.time_ns() // 1000
    for batch in _batches(city.entities(now)):
        _refuse(await broker.ingest.put(batch, None, CAUSE))
    start = now - days * _DAY
    total = float(sum(1 for _ in city.history(now - 3_600_000_000, now))) * 24 * days
    done = 0
    loop = asyncio.get_running_loop()
    series = city.history(start, now)
    while several := await loop.run_in_executor(None, lambda: list(islice(series, 20))):
        await broker.store.write(_past(several, names), [one.entity["id"] for one in several])
        done += sum(len(one.times) for one in several)
        progress(done, max(total, done))
    await broker.store.write(lambda tx: tx.put_record("demo", "filled", {"seed": city.seed, "size": city.size}))


async def take_rules(broker: Broker) -> None:
    """Give the demo city its rules, switched on; what was changed in the app since stays."""
    book = Book(broker.store)
    await book.open()
    text = files("dothi.demo").joinpath("rules.toml").read_text("utf-8")
    await take(book, [("rules.toml", text)], wall_clock(), "on")


def _past(batch: Sequence[Series], names: Context) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        entities = tx.load([one.entity["id"] for one in batch])
        for one in batch:
            common = {"type": "Property"} | ({"unitCode": one.unit} if one.unit else {})
            entity = entities[one.entity["id"]]
            tx.append_columns(entity, names.expand(one.attribute), common, one.times, one.values)

    return work


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    while batch := list(islice(documents, _BATCH)):
        yield batch


def _refuse(troubles: Sequence[Trouble]) -> None:
    if troubles:
        raise ValueError(f"the demo city is not accepted: {troubles[0].where}: {troubles[0].what}")


class DemoRunner:
    """A connector that lets the demo city live: every two seconds what has changed since."""

    PAUSE = 2.0

    def __init__(self, intake: Intake, city: DemoCity) -> None:
        self._intake = intake
        self._city = city
        self.health = Health(CAUSE, "simulation")

    async def run(self) -> None:
        health = self.health
        last = time.time_ns() // 1000
        health.state, health.since = "running", last
        while True:
            await asyncio.sleep(self.PAUSE)
            now = time.time_ns() // 1000
            documents = self._city.live(now, last)
            last = now
            health.messages += 1
            health.last_message = now
            health.entities += len(documents)
            health.values += sum(len(document) - 2 for document in documents)
            await self._intake.offer(documents, None, CAUSE, self._stored)

    def _stored(self, refused: list[Trouble]) -> None:
        self.health.rejected += len(refused)
        self.health.problems.extend(refused)
        self.health.lag_ms = (time.time_ns() // 1000 - (self.health.last_message or 0)) / 1000
