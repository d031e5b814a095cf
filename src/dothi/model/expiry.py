"""Transient entities and attributes (GS CIM 009 clause 4.22): what is past its expiresAt, and what is left then."""

from __future__ import annotations

from msgspec.structs import replace

from dothi.model.entity import Attributes, Entity, Instance, PlainProperty, each_instance, instances
from dothi.model.instances import Instances
from dothi.model.instant import parse_instant
from dothi.model.patch import Outcome, set_attribute


def has_passed(instance: Instance, now: int) -> bool:
    """Whether an attribute instance should be gone at `now` (microseconds)."""
    return "expiresAt" in instance and parse_instant(instance["expiresAt"]) <= now


def without_expired(entity: Entity, now: int) -> Entity:
    """The entity without the attribute instances that have expired; itself where none has."""
    left: Attributes | None = None
    for name, attribute in entity.attributes.items():
        if attribute.__class__ is PlainProperty:
            continue
        if attribute.__class__ is dict:
            if "expiresAt" not in attribute or not has_passed(attribute, now):
                continue
            kept: list[Instance] = []
        else:
            kept = [instance for instance in instances(attribute) if not has_passed(instance, now)]
            if len(kept) == len(attribute):
                continue
        if left is None:
            left = entity.attributes.copy()
        set_attribute(left, name, kept if len(kept) > 1 else kept[0] if kept else None)
    return entity if left is None else replace(entity, attributes=left)


def expire(old: Entity, now: int) -> Outcome:
    """The write that deletes the attribute instances that have expired."""
    after: Attributes = old.attributes.copy()
    changes = []
    for name, attribute in old.attributes.items():
        if not any(has_passed(instance, now) for instance in instances(attribute)):
            continue
        left = Instances(name, attribute, now)
        for instance in instances(attribute):
            if has_passed(instance, now):
                left.drop(instance.get("datasetId"))
        set_attribute(after, name, left.attribute())
        changes += left.changes
    if not changes:
        return Outcome(old, (), False)
    return Outcome(replace(old, attributes=after, modified=now), tuple(changes))


def next_expiry(entity: Entity) -> int | None:
    """When the first of the entity's attribute instances expires, in microseconds; None where none ever does."""
    times = [parse_instant(each["expiresAt"]) for _, each in each_instance(entity.attributes) if "expiresAt" in each]
    return min(times, default=None)
