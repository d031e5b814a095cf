"""Reads the value of an attribute by its kind (GS CIM 009 clauses 4.2.2 and 4.2.3), or says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

import msgspec

from dothi.model.errors import BadRequestData
from dothi.model.geo import check_geometry
from dothi.model.values import is_uri, json_fault, language_map_fault, shown, value_fault

Expand = Callable[[str], str]


def bad(where: str, what: str) -> NoReturn:
    """Refuse the document: `where` is the path as the client wrote it, `what` the fault and how to mend it."""
    raise BadRequestData(f"{where}{what}" if what[:1] in ".[:" else f"{where}: {what}")


def read_terms(where: str, value: Any, expand: Expand) -> Any:
    """A term or an array of terms, expanded (clauses 4.5.20 and 4.5.23)."""
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, str) or not item:
            bad(where, f"{shown(item)} is no term; write a string or an array of strings")
    return [expand(item) for item in value] if isinstance(value, list) else expand(value)


def _property(where: str, value: Any, expand: Expand, nulls: bool) -> Any:
    """The value of a Property (clauses 4.5.2 and 5.2.5)."""
    if (fault := value_fault(value, nulls)) is not None:
        bad(where, fault)
    return value


def _geometry(where: str, value: Any, expand: Expand, nulls: bool) -> Any:
    """The value of a GeoProperty (clauses 4.7.1, 4.7.3 and 5.2.7)."""
    if isinstance(value, str):
        value = _decoded(where, value)
    try:
        check_geometry(value)
    except ValueError as fault:
        bad(where, str(fault))
    return value


def _decoded(where: str, text: str) -> Any:
    """A geometry that is encoded as a string (clause 4.7.2)."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        bad(where, f"{shown(text)} is neither a geometry nor one encoded as a string; write a GeoJSON object")


def _objects(where: str, value: Any, expand: Expand, nulls: bool) -> Any:
    """The object or objects of a Relationship (clauses 4.5.3 and 5.2.6)."""
    for item in value if isinstance(value, list) else [value]:
        if not is_uri(item):
            bad(where, f"{shown(item)} is no URI; write the id of an entity, or an array of ids")
    return value


def _object_list(where: str, value: Any, expand: Expand, nulls: bool) -> list[str]:
    """URIs as they are stored, from URIs or {"object": URI} (clauses 4.5.22 and 5.2.37)."""
    if not isinstance(value, list):
        bad(where, f"is {shown(value)}; write an array of URIs")
    uris = [item["object"] if isinstance(item, dict) and item.keys() == {"object"} else item for item in value]
    _objects(where, uris, expand, nulls)
    return uris


def _value_list(where: str, value: Any, expand: Expand, nulls: bool) -> Any:
    """The value of a ListProperty (clauses 4.5.21 and 5.2.36)."""
    if not isinstance(value, list):
        bad(where, f"is {shown(value)}; write an array of values")
    return _property(where, value, expand, nulls)


def _languages(where: str, value: Any, expand: Expand, nulls: bool) -> Any:
    """The value of a LanguageProperty (clauses 4.5.18 and 5.2.32)."""
    if (fault := language_map_fault(value, nulls)) is not None:
        bad(where, fault)
    return value


def _vocab(where: str, value: Any, expand: Expand, nulls: bool) -> Any:
    """The value of a VocabProperty (clauses 4.5.20 and 5.2.35)."""
    return read_terms(where, value, expand)


def _json(where: str, value: Any, expand: Expand, nulls: bool) -> Any:
    """Raw JSON: an object or an array (clauses 4.5.24 and 5.2.38)."""
    if not isinstance(value, dict | list):
        bad(where, f"is {shown(value)}; write an object or an array, or make it a Property")
    if (fault := json_fault(value)) is not None:
        bad(where, fault)
    return value


#: Kind -> read(where, value, expand, nulls): the value as it is stored. `nulls` lets JSON members be the NGSI-LD Null.
READERS: Final[dict[str, Callable[[str, Any, Expand, bool], Any]]] = {
    "Property": _property,
    "GeoProperty": _geometry,
    "Relationship": _objects,
    "LanguageProperty": _languages,
    "VocabProperty": _vocab,
    "JsonProperty": _json,
    "ListProperty": _value_list,
    "ListRelationship": _object_list,
}
