"""What a purge leaves of an entity of which only attributes are to go (GS CIM 009 clause 5.6.21). Pure."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from dothi.model.change import AttributeChange
from dothi.model.entity import Attributes, Entity, instances
from dothi.model.patch import Outcome


def without(old: Entity, names: Collection[str], now: int) -> Outcome:
    """The write that deletes these attributes (IRIs) with all their instances; those not there are no fault."""
    return _left(old, {name: was for name, was in old.attributes.items() if name not in names}, now)


def only(old: Entity, names: Collection[str], now: int) -> Outcome:
    """The write that deletes all attributes but these (IRIs)."""
    return _left(old, {name: was for name, was in old.attributes.items() if name in names}, now)


def _left(old: Entity, left: Attributes, now: int) -> Outcome:
    if len(left) == len(old.attributes):
        return Outcome(old, (), False)
    changes = tuple(
        AttributeChange(name, instance.get("datasetId"), instance, None)
        for name, attribute in old.attributes.items()
        if name not in left
        for instance in instances(attribute)
    )
    return Outcome(replace(old, attributes=left, modified=now), changes)
