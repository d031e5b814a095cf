"""Measures the time machine: 10,000 entities as of any instant, over a store of sealed history and a long tail."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.ingest import ingest
from dothi.model.instant import format_instant
from dothi.storage.sqlite import SqliteStore
from dothi.storage.store import Transaction

FLOORS = {"as_of_10k_ms": ("10,000 entities as of any instant of a week, median", "ms", 300)}
MOST = frozenset(FLOORS)

ENTITIES = 10_000
#: Sealed instances of each of the two measured attributes: a week in steps of ten minutes; rows of the tail after them.
SEALED, TAIL = 1_008, 20
STEP = 600_000_000
TYPE = "https://example.org/Station"
NAME, PLACE = "https://example.org/name", "https://uri.etsi.org/ngsi-ld/location"
VALUES = ("https://example.org/pm25", "https://example.org/no2")

Add = Callable[[str, float, str], None]


def measure_time(folder: Path, add: Add) -> None:
    """Build the city in a folder of its own, then ask for instants at random: the first time, and while playing."""
    asyncio.run(_measure(folder / "time", add))


async def _measure(folder: Path, add: Add) -> None:
    start = time.time_ns() // 1000 - (SEALED + TAIL) * STEP
    store = SqliteStore(folder)
    await store.open()
    await _fill(store, start)
    await store.close()
    store = SqliteStore(folder)
    await store.open()
    shown = (NAME, PLACE, VALUES[0])
    first = await _timed(store, start + SEALED * STEP // 2, shown)
    chance = random.Random(5)
    cold = [await _timed(store, start + chance.randrange(SEALED + TAIL) * STEP, shown) for _ in range(12)]
    whole = [await _timed(store, start + chance.randrange(SEALED + TAIL) * STEP, ()) for _ in range(3)]
    known = start + (SEALED + TAIL) * STEP
    then = await _timed(store, start + SEALED * STEP // 3, shown, known)
    await store.close()
    beside = (
        f"longest {max(cold):.0f} ms; the first after the start, which reads the tail, {first:.0f} ms; with all "
        f"attributes {statistics.median(whole):.0f} ms; as known then {then:.0f} ms"
    )
    add("as_of_10k_ms", statistics.median(cold), beside)


async def _timed(store: SqliteStore, at: int, attributes: tuple[str, ...], known: int | None = None) -> float:
    began = time.perf_counter()
    found = await store.as_of(at, known, types=[TYPE], attributes=attributes)
    took = (time.perf_counter() - began) * 1000
    assert known is not None or len(found) == ENTITIES
    return took


async def _fill(store: SqliteStore, start: int) -> None:
    times = start + np.arange(SEALED, dtype=np.int64) * STEP
    chance = np.random.default_rng(5)
    for first in range(0, ENTITIES, 500):
        ids = [f"urn:ngsi-ld:Station:{number}" for number in range(first, first + 500)]
        await store.write(lambda tx, ids=ids: _create(tx, ids, times, chance), ids)  # type: ignore[misc]
    for row in range(TAIL):
        when = format_instant(start + (SEALED + row) * STEP)
        for first in range(0, ENTITIES, 500):
            ids = [f"urn:ngsi-ld:Station:{number}" for number in range(first, first + 500)]
            await store.write(lambda tx, ids=ids, row=row, when=when: _update(tx, ids, row, when), ids)  # type: ignore[misc]


def _create(tx: Transaction, ids: list[str], times: np.ndarray, chance: np.random.Generator) -> None:
    for number, id in enumerate(ids):
        place = {"type": "Point", "coordinates": [106.5 + number / 1000, 11.0]}
        draft = Entity(
            id, (TYPE,),
            {NAME: {"type": "Property", "value": id[-8:]}, PLACE: {"type": "GeoProperty", "value": place}},
        )  # fmt: skip
        entity = ingest(None, draft, tx.now).outcome
        tx.save(entity.entity, "created", entity.changes, Cause())
        for name in VALUES:
            values = np.round(20 + chance.normal(0, 1, len(times)).cumsum() * 0.3, 1)
            tx.append_columns(entity.entity, name, {"type": "Property", "unitCode": "GQ"}, times, values)


def _update(tx: Transaction, ids: list[str], row: int, when: str) -> None:
    for id, old in tx.load(ids).items():
        draft = Entity(
            id, (TYPE,),
            {name: {"type": "Property", "value": 20.0 + row / 10, "unitCode": "GQ", "observedAt": when}
             for name in VALUES},
        )  # fmt: skip
        made = ingest(old, draft, tx.now).outcome
        tx.save(made.entity, "updated", made.changes, Cause())
