"""An entity as dothi holds it: names expanded, values untouched, times as integers."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

#: Kind of an attribute -> the member that holds its value (GS CIM 009 clause 4.5).
VALUE_MEMBER: Final = {
    "Property": "value",
    "GeoProperty": "value",
    "Relationship": "object",
    "LanguageProperty": "languageMap",
    "VocabProperty": "vocab",
    "JsonProperty": "json",
    "ListProperty": "valueList",
    "ListRelationship": "objectList",
}

#: Members of an attribute instance that are no sub-attributes. Sub-attributes are expanded IRIs, so they hold a colon.
RESERVED: Final = frozenset(VALUE_MEMBER.values()) | {
    "type", "unitCode", "observedAt", "datasetId", "instanceId", "objectType", "valueType", "lang",
    "entityIdSealed", "entityTypeSealed",
    "createdAt", "modifiedAt", "deletedAt", "expiresAt", "entity", "entityList",
    "previousValue", "previousObject", "previousLanguageMap", "previousVocab", "previousJson",
    "previousValueList", "previousObjectList",
}  # fmt: skip


class PlainProperty(
    msgspec.Struct,
    gc=False,
    eq=False,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="type",
    tag="Property",
):
    """A Property of one scalar with at most a time and a unit, which nearly all instances are: the same as the dict
    {"type": "Property", "value": .., ..} and read like it, in a fifth of the memory and twice as fast to and from JSON.

    Times of 0 are not set yet. Only `model.instances` sets them, before the instance comes into an Entity.
    """

    value: float | int | str | bool
    observedAt: str | UnsetType = UNSET
    unitCode: str | UnsetType = UNSET
    createdAt: int = 0
    modifiedAt: int = 0

    def members(self) -> dict[str, Any]:
        """The instance as a dict of its own."""
        members: dict[str, Any] = {"type": "Property", "value": self.value}
        if self.observedAt is not UNSET:
            members["observedAt"] = self.observedAt
        if self.unitCode is not UNSET:
            members["unitCode"] = self.unitCode
        if self.createdAt:
            members["createdAt"] = self.createdAt
        if self.modifiedAt:
            members["modifiedAt"] = self.modifiedAt
        return members

    copy = members

    def get(self, member: str, default: Any = None) -> Any:
        if member == "type":
            return "Property"
        if member not in self.__struct_fields__:
            return default
        found = getattr(self, member)
        return default if found is UNSET or (found == 0 and member in _STAMPS) else found

    def __getitem__(self, member: str) -> Any:
        found = self.get(member, UNSET)
        if found is UNSET:
            raise KeyError(member)
        return found

    def __contains__(self, member: object) -> bool:
        return isinstance(member, str) and self.get(member, UNSET) is not UNSET

    def __iter__(self) -> Iterator[str]:
        return iter(self.members())

    def __len__(self) -> int:
        return len(self.members())

    def keys(self) -> KeysView[str]:
        return self.members().keys()

    def items(self) -> ItemsView[str, Any]:
        return self.members().items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PlainProperty):
            other = other.members()
        return isinstance(other, dict) and self.members() == other

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.members(), **other}

    __hash__ = None  # type: ignore[assignment]


_STAMPS: Final = ("createdAt", "modifiedAt")

Mapping.register(PlainProperty)

#: One attribute instance in normalized form:
#: {"type": "Property", "value": 21.5, "observedAt": "2026-01-31T08:00:00Z", "unitCode": "CEL", "datasetId": "urn:x",
#:  "createdAt": 1769846400000000, "modifiedAt": 1769846400000000, "<sub-attribute IRI>": {...}}
#: `observedAt` is a DateTime in UTC with Z; `createdAt` and `modifiedAt` are microseconds (model.instant), set by the
#: broker on top-level instances. `vocab` and `objectType` are expanded. Never changed in place once it is in an Entity.
Instance = dict[str, Any] | PlainProperty

#: Attribute IRI -> its only instance, or a list of two or more with distinct datasetIds (none = default instance).
Attributes = dict[str, "Instance | list[Instance]"]


class Entity(msgspec.Struct, frozen=True, gc=False):
    """One entity: `types` are IRIs in the order given, `scopes` start with "/", times are microseconds."""

    id: str
    types: tuple[str, ...]
    attributes: Attributes
    scopes: tuple[str, ...] = ()
    created: int = 0
    modified: int = 0
    expires: int | None = None


def instances(attribute: Instance | list[Instance] | None) -> list[Instance]:
    """The instances of an attribute as a list, whatever their number; none gives an empty list."""
    if attribute is None:
        return []
    return attribute if isinstance(attribute, list) else [attribute]


def each_instance(attributes: Attributes) -> Iterator[tuple[str, Instance]]:
    """Every (attribute IRI, instance) in order."""
    for name, attribute in attributes.items():
        if isinstance(attribute, list):
            for instance in attribute:
                yield name, instance
        else:
            yield name, attribute
