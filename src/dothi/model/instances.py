"""The instances of one attribute while a write goes over them: which take whose place, and what changed."""

from __future__ import annotations

from typing import Any, Final, TypeGuard

from msgspec import UNSET

from dothi.model.change import AttributeChange
from dothi.model.entity import Instance, PlainProperty, instances

_SCALARS: Final = frozenset((float, int, str, bool))


class Instances:
    """The instances of one attribute by datasetId while a write goes over them, and what it changed. See `stamped` for
    `repeats`."""

    __slots__ = ("by_dataset", "changes", "name", "now", "repeats")

    def __init__(self, name: str, was: Instance | list[Instance] | None, now: int, repeats: bool = False) -> None:
        self.name = name
        self.now = now
        self.repeats = repeats
        self.by_dataset: dict[str | None, Instance] = {dataset_of(instance): instance for instance in instances(was)}
        self.changes: list[AttributeChange] = []

    def put(self, instance: Instance) -> bool:
        """Add the instance, or let it take the place of the one with its datasetId; whether anything changed."""
        dataset = dataset_of(instance)
        was = self.by_dataset.get(dataset)
        fresh = stamped(instance, was, self.now, self.repeats)
        if fresh is was:
            return False
        self.by_dataset[dataset] = fresh
        self.changes.append(AttributeChange(self.name, dataset, was, fresh))
        return True

    def drop(self, dataset: str | None) -> bool:
        """Delete the instance of this datasetId; whether there was one."""
        was = self.by_dataset.pop(dataset, None)
        if was is not None:
            self.changes.append(AttributeChange(self.name, dataset, was, None))
        return was is not None

    def attribute(self) -> Instance | list[Instance] | None:
        """What the entity holds of it: one instance, several, or nothing."""
        left = list(self.by_dataset.values())
        return left if len(left) > 1 else left[0] if left else None


def dataset_of(instance: Instance) -> str | None:
    """The datasetId of an instance, None for the default one."""
    return None if instance.__class__ is PlainProperty else instance.get("datasetId")


def gives_way(was: Instance | list[Instance] | None, new: Instance) -> TypeGuard[Instance | None]:
    """Whether the new instance stands alone in the place of the old attribute: the usual case, and the fast one."""
    if was is None or was.__class__ is new.__class__ is PlainProperty:
        return True
    return not isinstance(was, list) and was.get("datasetId") == new.get("datasetId")


def timed(instance: Instance, created: int, modified: int) -> Instance:
    """The instance with its createdAt and modifiedAt, as a PlainProperty where it can be one.

    A PlainProperty that has no times yet, fresh from a document, gets them in place: it is in no entity.
    """
    if instance.__class__ is PlainProperty:
        plain = instance
        if plain.modifiedAt:
            return PlainProperty(plain.value, plain.observedAt, plain.unitCode, created, modified)
        plain.createdAt, plain.modifiedAt = created, modified
        return plain
    value = instance.get("value")
    if value.__class__ in _SCALARS and instance["type"] == "Property":
        observed, unit = instance.get("observedAt", UNSET), instance.get("unitCode", UNSET)
        size = (
            2 + (observed is not UNSET) + (unit is not UNSET) + ("createdAt" in instance) + ("modifiedAt" in instance)
        )
        if len(instance) == size:
            return PlainProperty(value, observed, unit, created, modified)  # type: ignore[arg-type]
    return {**instance, "createdAt": created, "modifiedAt": modified}


def stamped(instance: Instance, was: Instance | None, now: int, repeats: bool = False) -> Instance:
    """The instance with its times: createdAt of the old one, modifiedAt now. Equal ones give the old one itself.

    `repeats`: the writer tells of now, so an equal instance without observedAt is told anew and modifiedAt moves; a
    sensor that repeats its value does not look stale. With an observedAt, equal is the same observation sent again.
    """
    if was is None:
        return timed(instance, now, now)
    if instance.__class__ is was.__class__ is PlainProperty:
        return restamped(instance, was, now, repeats)
    created = was["createdAt"]
    if repeats and "observedAt" not in instance:
        return timed(instance, created, now)
    if instance.get("value") != was.get("value"):
        return timed(instance, created, now)
    fresh = {**instance, "createdAt": created, "modifiedAt": was["modifiedAt"]}
    if fresh == was and identical(fresh, dict(was)):
        return was
    return timed(instance, created, now)


def restamped(new: PlainProperty, was: PlainProperty, now: int, repeats: bool) -> PlainProperty:
    """As `stamped`, for the usual case."""
    value, observed = new.value, new.observedAt
    if (
        value == was.value
        and observed == was.observedAt
        and new.unitCode == was.unitCode
        and value.__class__ is was.value.__class__
        and not (repeats and observed is UNSET)
    ):
        return was
    if new.modifiedAt:
        return PlainProperty(value, observed, new.unitCode, was.createdAt, now)
    new.createdAt, new.modifiedAt = was.createdAt, now
    return new


def identical(one: Any, other: Any) -> bool:
    """Whether two equal JSON values are also written alike: Python holds True, 1 and 1.0 for the same."""
    if isinstance(one, dict):
        return all(item.__class__ is str or identical(item, other[key]) for key, item in one.items())
    if isinstance(one, list):
        return all(map(identical, one, other))
    return one.__class__ is other.__class__
