"""Runs a rule over the history of the city and gathers what it would have done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dothi.automation.rules.columns import Series
from dothi.automation.rules.definition import Rule
from dothi.automation.rules.event import Effect
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.past import Past
from dothi.automation.rules.program import Iris, Places, build
from dothi.automation.rules.seeding import horizon, links, query_of, watched
from dothi.automation.rules.timers import Timers
from dothi.model.query import EntityQuery
from dothi.storage.bulk import PastColumn
from dothi.storage.store import Store

#: Entities of which the past is read at once.
PAGE = 50


@dataclass(frozen=True, slots=True)
class Tried:
    """`effects` from `start` to `end` in order of time (microseconds); `events` were looked at in `took` seconds."""

    effects: list[Effect]
    events: int
    entities: int
    took: float
    oscillating: list[str]
    tamed: int


async def backtest(store: Store, rule: Rule, iris: Iris, places: Places, start: int, end: int) -> Tried:
    """What the rule would have done from `start` to `end`, both in microseconds. Raises ValueError.

    What it looks back to is read from before the start; relations and areas are those of now.
    """
    began = time.perf_counter()
    program = build(rule, iris, places)
    machine = Machine(rule, program, Timers(), [])
    past = Past(machine, end)
    async for event in links(store, program):
        past.know(event)
    query = query_of(program)
    ids = await store.ids(query or EntityQuery())
    attributes = watched(program)
    for first in range(0, len(ids), PAGE):
        columns = await store.past_columns(ids[first : first + PAGE], attributes, start - horizon(rule), end)
        await asyncio.to_thread(_take, past, columns)
    effects = await asyncio.to_thread(past.run)
    shown = [effect for effect in effects if start <= effect.at <= end]
    took = time.perf_counter() - began
    return Tried(shown, past.events, len(ids), took, sorted(machine.oscillating), machine.flood.times)


def _take(past: Past, columns: Sequence[PastColumn]) -> None:
    by_entity: dict[str, list[Series]] = {}
    for one in columns:
        numbers = np.where(np.isfinite(one.numbers), one.numbers, np.nan)
        series = Series(one.id, one.types, one.attribute, one.times, numbers, one.read, one.deleted)
        by_entity.setdefault(one.id, []).append(series)
    for each in by_entity.values():
        past.take(each)
