"""An entity as dothi holds it: names expanded, values untouched, times as integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

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

#: One attribute instance in normalized form:
#: {"type": "Property", "value": 21.5, "observedAt": "2026-01-31T08:00:00Z", "unitCode": "CEL", "datasetId": "urn:x",
#:  "createdAt": 1769846400000000, "modifiedAt": 1769846400000000, "<sub-attribute IRI>": {...}}
#: `observedAt` is a DateTime in UTC with Z; `createdAt` and `modifiedAt` are microseconds (model.instant), set by the
#: broker on top-level instances. `vocab` and `objectType` are expanded. Never changed in place once it is in an Entity.
Instance = dict[str, Any]

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
