"""Makes the rules' events of what the feed tells and of what the store holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dothi.automation.rules.event import EVER, MINUTE, Event
from dothi.model.change import Change
from dothi.model.entity import VALUE_MEMBER, Entity, Instance, each_instance
from dothi.model.instant import parse_instant

#: A clock may run ahead by so much; what comes from later still is taken to be of when it was recorded.
AHEAD: Final = 5 * MINUTE


def events_of(change: Change) -> Iterator[Event]:
    """One event for each default instance that was written; a deleted entity takes all its attributes with it."""
    entity, depth = change.entity, change.cause.depth
    if change.kind == "deleted":
        for name in entity.attributes:
            yield Event(entity.id, entity.types, name, change.at, None, None, depth, change.at)
        return
    for written in change.attributes:
        if written.dataset is not None:
            continue
        old = None if written.before is None else value_in(written.before)
        if written.after is None:
            yield Event(entity.id, entity.types, written.name, change.at, None, old, depth, change.at)
        else:
            time = time_in(written.after, change.at)
            yield Event(entity.id, entity.types, written.name, time, value_in(written.after), old, depth, change.at)


def state_events(entity: Entity, ever: bool = False) -> Iterator[Event]:
    """What an entity is now, each value at its own time; `ever`: as if it had always been so."""
    for name, instance in each_instance(entity.attributes):
        if "datasetId" not in instance:
            time = EVER if ever else time_in(instance, int(instance.get("modifiedAt") or entity.modified))
            yield Event(entity.id, entity.types, name, time, value_in(instance))


def value_in(instance: Instance) -> Any:
    value = instance.get(VALUE_MEMBER.get(instance.get("type", "Property"), "value"))
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def time_in(instance: Instance, recorded: int) -> int:
    """When it was observed, else recorded; a clock that runs far ahead is not believed."""
    observed = instance.get("observedAt")
    if observed is None:
        return recorded
    time = parse_instant(observed)
    return recorded if time > recorded + AHEAD else time
