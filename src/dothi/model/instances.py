"""The instances of one attribute while a write goes over them: which take whose place, and what changed."""

from __future__ import annotations

from typing import Any, TypeGuard

from dothi.model.change import AttributeChange
from dothi.model.entity import Instance, instances


class Instances:
    """The instances of one attribute by datasetId while a write goes over them, and what it changed. See `stamped` for
    `repeats`."""

    __slots__ = ("by_dataset", "changes", "name", "now", "repeats")

    def __init__(self, name: str, was: Instance | list[Instance] | None, now: int, repeats: bool = False) -> None:
        self.name = name
        self.now = now
        self.repeats = repeats
        self.by_dataset: dict[str | None, Instance] = {
            instance.get("datasetId"): instance for instance in instances(was)
        }
        self.changes: list[AttributeChange] = []

    def put(self, instance: Instance) -> bool:
        """Add the instance, or let it take the place of the one with its datasetId; whether anything changed."""
        dataset = instance.get("datasetId")
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


def gives_way(was: Instance | list[Instance] | None, new: Instance) -> TypeGuard[Instance | None]:
    """Whether the new instance stands alone in the place of the old attribute: the usual case, and the fast one."""
    if was is None:
        return True
    return isinstance(was, dict) and was.get("datasetId") == new.get("datasetId")


def stamped(instance: Instance, was: Instance | None, now: int, repeats: bool = False) -> Instance:
    """The instance with its times: createdAt of the old one, modifiedAt now. Equal ones give the old one itself.

    `repeats`: the writer tells of now, so an equal instance without observedAt is told anew and modifiedAt moves; a
    sensor that repeats its value does not look stale. With an observedAt, equal is the same observation sent again.
    """
    if was is None:
        return {**instance, "createdAt": now, "modifiedAt": now}
    if repeats and "observedAt" not in instance:
        return {**instance, "createdAt": was["createdAt"], "modifiedAt": now}
    if instance.get("value") != was.get("value"):
        return {**instance, "createdAt": was["createdAt"], "modifiedAt": now}
    fresh = {**instance, "createdAt": was["createdAt"], "modifiedAt": was["modifiedAt"]}
    if fresh == was and identical(fresh, was):
        return was
    fresh["modifiedAt"] = now
    return fresh


def identical(one: Any, other: Any) -> bool:
    """Whether two equal JSON values are also written alike: Python holds True, 1 and 1.0 for the same."""
    if isinstance(one, dict):
        return all(item.__class__ is str or identical(item, other[key]) for key, item in one.items())
    if isinstance(one, list):
        return all(map(identical, one, other))
    return one.__class__ is other.__class__
