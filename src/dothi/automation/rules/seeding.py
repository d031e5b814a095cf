"""Gives a rule that is switched on what it must know: what was, as far as it looks back, and what is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from dothi.automation.rules import definition as d
from dothi.automation.rules.durations import micros
from dothi.automation.rules.engine import Engine
from dothi.automation.rules.event import EVER, Event
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.program import Program
from dothi.automation.rules.stream import state_events
from dothi.model.entity import Entity
from dothi.model.query import AnyOf, EntityQuery, Name
from dothi.storage.bulk import PastColumn
from dothi.storage.store import Store

#: Entities that are read at once.
PAGE = 200


def horizon(rule: d.Rule) -> int:
    """Microseconds that the rule looks back; 0 where the newest values say all."""
    return max(micros(rule.delay_on), *(_span(rule.when)), 0)


def _span(when: d.Condition) -> list[int]:
    match when:
        case d.All() | d.Any_():
            return [span for part in when.of for span in _span(part)] or [0]
        case d.Not() | d.Related() | d.Area():
            return _span(when.when)
        case d.Window() | d.Rate():
            return [micros(when.over)]
        case _:
            return [0]


def query_of(program: Program) -> EntityQuery | None:
    """The entities that the rule listens to; None where it listens to all types."""
    types: set[str] = set(program.types)
    for watch in program.watches:
        if not watch.types:
            return None
        types |= watch.types
    return EntityQuery(types=AnyOf(tuple(Name(type) for type in sorted(types))))


async def pages(store: Store, query: EntityQuery | None) -> AsyncIterator[list[Entity]]:
    """The living entities of a query, some at a time."""
    ids = await store.ids(query or EntityQuery())
    for first in range(0, len(ids), PAGE):
        some = tuple(ids[first : first + PAGE])
        yield (await store.entities(EntityQuery(ids=some, limit=PAGE))).entities


async def links(store: Store, program: Program) -> AsyncIterator[Event]:
    """What the entities say now of the rule's relations, as if it had always been so."""
    if not program.bonds:
        return
    wanted = frozenset(iri for bond in program.bonds for iri in bond.attributes)
    async for page in pages(store, EntityQuery(attributes=tuple(sorted(wanted)))):
        for entity in page:
            for event in state_events(entity, ever=True):
                if event.attribute in wanted:
                    yield event
    async for page in pages(store, query_of(program)):
        for entity in page:
            if program.takes(entity.id, entity.types):
                yield Event(entity.id, entity.types, "", EVER, None)


def column_events(column: PastColumn) -> Iterator[Event]:
    """The events of one column."""
    values = column.read()
    gone = column.deleted
    for place, (time, value) in enumerate(zip(column.times.tolist(), values, strict=True)):
        deleted = gone is not None and bool(gone[place])
        yield Event(column.id, column.types, column.attribute, time, None if deleted else value)


async def seed(store: Store, machine: Machine, engine: Engine, now: int) -> None:
    """Let the rule live through its horizon on a clock of its own, then join the engine; what stands is told anew."""
    program, back = machine.program, horizon(machine.rule)
    alone = Engine()
    machine.timers, machine.out = alone.timers, alone.effects
    alone.add(machine)
    async for event in links(store, program):
        alone.take(event)
    events: list[Event] = []
    attributes = _watched(program)
    async for page in pages(store, query_of(program)):
        for entity in page:
            events += [event for event in state_events(entity) if not attributes or event.attribute in attributes]
        if back:
            ids = [entity.id for entity in page]
            for column in await store.past_columns(ids, sorted(attributes), now - back, now):
                events += column_events(column)
    for event in sorted(events, key=lambda each: each.time):
        alone.take(event)
    alone.advance(now)
    machine.timers, machine.out = engine.timers, engine.effects
    for watch in program.watches:
        watch.leaf.late = 0
    engine.add(machine)
    engine.resume(machine)
    machine.resume(now)
    machine.begin_anew(now)


def _watched(program: Program) -> frozenset[str]:
    """The attributes that it listens to; none is all."""
    found: set[str] = set()
    for watch in program.watches:
        if watch.attributes is None:
            return frozenset()
        found |= watch.attributes
    return frozenset(found)


def watched(program: Program) -> Sequence[str]:
    """The attributes (IRIs) that it listens to, in order; none is all."""
    return sorted(_watched(program))
