"""Entities in key-values form (simplified, GS CIM 009 clause 4.5.4) turned into normalized ones."""

from __future__ import annotations

from typing import Any, Final

from dothi.connectors.names import NO_ATTRIBUTES
from dothi.model.entity import VALUE_MEMBER
from dothi.model.reading import Document
from dothi.model.values import is_geometry, is_uri

_MEMBERS: Final = frozenset(VALUE_MEMBER.values())
#: Beginnings of names that the Smart Data Models give to relationships.
_LINKS: Final = ("ref", "has", "is")


def is_attribute(value: Any) -> bool:
    """The value is written as an attribute, normalized or concise, or is a list of instances of one."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) and is_attribute(item) for item in value)
    if not isinstance(value, dict):
        return False
    return value.get("type") in VALUE_MEMBER or not _MEMBERS.isdisjoint(value)


def normalized(document: Document) -> Document:
    """The document with each bare value written as an attribute; attributes stay as they are.

    A geometry becomes a GeoProperty; a URI (or a list of them) becomes a Relationship where the name begins with ref,
    has or is, as Smart Data Models name relationships, since key-values do not tell the two apart; all else is a
    Property.
    """
    return {
        name: value if name in NO_ATTRIBUTES or is_attribute(value) else attribute(name, value)
        for name, value in document.items()
    }


def attribute(name: str, value: Any) -> dict[str, Any]:
    """The attribute of a bare value."""
    if is_geometry(value):
        return {"type": "GeoProperty", "value": value}
    if _is_link(name) and (_is_urn(value) or (isinstance(value, list) and value and all(map(_is_urn, value)))):
        return {"type": "Relationship", "object": value}
    return {"type": "Property", "value": value}


def _is_link(name: str) -> bool:
    return any(name.startswith(word) and name[len(word) : len(word) + 1].isupper() for word in _LINKS)


def _is_urn(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("urn:") and is_uri(value)
