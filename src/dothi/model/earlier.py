"""Amends entities as they are shown to what an earlier version of the standard knew (GS CIM 009 clause 4.3.6.8)."""

from __future__ import annotations

import re
from typing import Any, Final

#: major and minor.
Version = tuple[int, int]

#: The version that the broker speaks by itself.
CURRENT: Final[Version] = (1, 9)

_PREFERRED = re.compile(r"(?:^|[,;\s])ngsi-ld\s*=\s*\"?(\d{1,3})\.(\d{1,3})\"?\s*(?=$|[,;])", re.IGNORECASE)

#: Since when an entity or an attribute may have several types or instances.
_SEVERAL: Final[Version] = (1, 3)
#: Member of an entity -> the version that brought it; of an attribute instance likewise.
_OF_ENTITIES: Final[dict[str, Version]] = {"scope": (1, 4), "expiresAt": (1, 9)}
_OF_INSTANCES: Final[dict[str, Version]] = {
    "datasetId": (1, 3), "observedAt": (1, 3), "unitCode": (1, 3), "objectType": (1, 8), "valueType": (1, 9),
    "expiresAt": (1, 9),
}  # fmt: skip
#: Member that holds a value -> the version that brought its kind; the kind it becomes before, and the member.
_KINDS: Final[dict[str, tuple[Version, str, str]]] = {
    "languageMap": ((1, 4), "Property", "value"),
    "json": ((1, 8), "Property", "value"),
    "vocab": ((1, 8), "Property", "value"),
    "valueList": ((1, 8), "Property", "value"),
    "objectList": ((1, 8), "Relationship", "object"),
}
_HOLDERS: Final = frozenset({"value", "object", *_KINDS})


def preferred_version(prefer: str) -> Version | None:
    """The version in a Prefer header (`ngsi-ld=1.5`), at most CURRENT; None where it names none."""
    found = _PREFERRED.search(prefer)
    return None if found is None else min((int(found[1]), int(found[2])), CURRENT)


def amend_all(documents: list[dict[str, Any]], version: Version) -> bool:
    """`amend` each of them; whether any had to be changed."""
    altered = False
    for document in documents:
        altered |= amend(document, version)
    return altered


def amend(document: dict[str, Any], version: Version) -> bool:
    """Change an entity, normalized or concise, in place to what `version` knew; whether anything had to be changed."""
    if document.get("type") == "FeatureCollection" and type(document.get("features")) is list:
        return amend_all(document["features"], version)
    if document.get("type") == "Feature" and type(document.get("properties")) is dict:
        return amend(document["properties"], version)
    altered = _without(document, _OF_ENTITIES, version)
    if version < _SEVERAL and type(document.get("type")) is list:
        document["type"] = document["type"][0]
        altered = True
    for name, attribute in list(document.items()):
        if version < _SEVERAL and _is_several(attribute):
            default = [instance for instance in attribute if "datasetId" not in instance]
            document[name] = attribute = (default or attribute)[0]
            altered = True
        for instance in attribute if _is_several(attribute) else (attribute,):
            if _is_instance(instance):
                altered |= _amend_instance(instance, version)
    return altered


def _amend_instance(instance: dict[str, Any], version: Version) -> bool:
    altered = _without(instance, _OF_INSTANCES, version)
    for holder, (since, kind, member) in _KINDS.items():
        if holder in instance and version < since:
            value = instance.pop(holder)
            instance[member] = [each["object"] for each in value] if holder == "objectList" else value
            if "type" in instance:
                instance["type"] = kind
            altered = True
    for name, below in instance.items():
        if name not in _HOLDERS and _is_instance(below):
            altered |= _amend_instance(below, version)
    return altered


def _without(members: dict[str, Any], since: dict[str, Version], version: Version) -> bool:
    gone = [name for name in members if name in since and version < since[name]]
    for name in gone:
        del members[name]
    return bool(gone)


def _is_instance(value: Any) -> bool:
    return type(value) is dict and not _HOLDERS.isdisjoint(value)


def _is_several(value: Any) -> bool:
    return type(value) is list and bool(value) and all(map(_is_instance, value))
