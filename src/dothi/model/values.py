"""What a single value may look like: URIs, names, times, language maps, JSON values, and the NGSI-LD Null."""

from __future__ import annotations

import re
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from dothi.model.entity import VALUE_MEMBER, Instance, PlainProperty
from dothi.model.instant import format_instant, parse_instant

#: Stands for "delete this" in updates and merges (GS CIM 009 clause 4.5.0).
NULL: Final = "urn:ngsi-ld:null"

#: JSON values nested deeper than this are refused.
VALUE_DEPTH: Final = 100

#: Integers outside of this range do not survive the JSON encoder.
LEAST_INTEGER: Final = -(2**63)
GREATEST_INTEGER: Final = 2**64 - 1

GEOMETRIES: Final = frozenset(
    ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
)

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\x00-\x20<>\"{}|\\^`\x7f]+")
_NAME = re.compile(r"([^\W\d]|_)[\w.\-]*(:[\w.\-]+)?")
_NOT_IN_NAMES = re.compile(r"[^\w.\-:]")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_SCOPE = re.compile(r"/?[^\W\d_]\w*(/[^\W\d_]\w*)*")
#: Letters and marks that show nothing, so that two ids that look alike would differ (besides what is unprintable).
_INVISIBLE = re.compile("[\u115f\u1160\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d([.,]\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def is_uri(text: object) -> bool:
    """Whether this is an absolute URI or IRI (clauses A.2 and A.3): scheme, colon, and characters that can be seen."""
    if not isinstance(text, str) or _URI.fullmatch(text) is None:
        return False
    return text.isascii() or (text.isprintable() and _INVISIBLE.search(text) is None)


@lru_cache(maxsize=65536)
def normal_time(text: str) -> str | None:
    """The DateTime in UTC with a trailing Z, or None when the text is no DateTime."""
    try:
        return format_instant(parse_instant(text))
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=65536)
def name_fault(name: str) -> str | None:
    """What is wrong with the name of a type or an attribute, or None.

    Clause 4.6.2 takes letters, digits and "_"; "-" and "." are taken too, since data models use them. A name may have
    a prefix or be a whole IRI.
    """
    if _NAME.fullmatch(name) or is_uri(name):
        return None
    if not name:
        return "an empty name; give it at least one character"
    if name[0] == "@":
        return f"unknown JSON-LD keyword {name!r}; NGSI-LD takes @context, @id and @type of an entity only"
    found = _NOT_IN_NAMES.search(name)
    if found is not None:
        return f"the name holds the forbidden character {found[0]!r} at position {found.start()}; rename it"
    return f"the name {name!r} does not begin with a letter; rename it"


def scope_of(text: object) -> str | None:
    """The scope with its leading slash (clause 4.18), or None when the text is no scope."""
    if not isinstance(text, str) or _SCOPE.fullmatch(text) is None:
        return None
    return text if text[0] == "/" else "/" + text


def is_geometry(value: object) -> bool:
    """Whether a value presents itself as a GeoJSON geometry (its content is checked by model.geo)."""
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    return isinstance(kind, str) and kind in GEOMETRIES and ("coordinates" in value or "geometries" in value)


def value_fault(value: Any, nulls: bool = False, depth: int = 0) -> str | None:
    """What is wrong with the value of a Property, led by where inside the value (".street", "[2]"), or None.

    `nulls` lets JSON members be the NGSI-LD Null, as merges do (clause 5.5.4). No character is refused in a text
    (clause 4.6.4): it comes back as it came.
    """
    kind = value.__class__
    if kind is str or kind is bool:
        return None
    if kind is float or kind is int:
        return _number_fault(value)
    if depth > VALUE_DEPTH:
        return f": nested deeper than {VALUE_DEPTH}; flatten the value"
    if kind is list:
        for position, item in enumerate(value):
            if (fault := value_fault(item, nulls, depth + 1)) is not None:
                return f"[{position}]{fault}"
        return None
    if kind is dict:
        return _object_fault(value, nulls, depth)
    if value is None:
        return ": null is no NGSI-LD value; leave the member out"
    return f": a {kind.__name__} is no JSON value"


def _object_fault(value: dict[str, Any], nulls: bool, depth: int) -> str | None:
    if "@value" in value:
        return typed_fault(value)
    for key, item in value.items():
        if item == NULL and not nulls:
            return f".{key}: the NGSI-LD Null may stand inside a value only in a merge; leave the member out"
        if (fault := value_fault(item, nulls, depth + 1)) is not None:
            return f".{key}{fault}"
    return None


def typed_fault(value: dict[str, Any]) -> str | None:
    """What is wrong with a JSON-LD typed value {"@type": .., "@value": ..}, or None (clauses 4.5.0 and 4.6.3)."""
    kind, content = value.get("@type"), value["@value"]
    odd = value.keys() - {"@type", "@value", "@language"}
    if odd:
        return f": a typed value has @type and @value only, not {min(odd)!r}"
    if kind is not None and not isinstance(kind, str):
        return f": @type is {shown(kind)}; write the name of one datatype"
    if kind == "@json":
        return json_fault(content)
    if isinstance(content, (dict, list)) or content is None:
        return f": @value is {shown(content)}; write a string, a number or a boolean"
    if isinstance(content, (int, float)):
        return _number_fault(content)
    wanted = _date_fault(kind.rpartition("/")[2].rpartition(":")[2], content) if kind else None
    return f": {content!r} is no {wanted}" if wanted else None


def _date_fault(kind: str, text: str) -> str | None:
    if kind == "DateTime":
        return None if normal_time(text) else "DateTime; write it like 2026-01-31T08:00:00Z"
    if kind == "Date":
        good = _DATE.fullmatch(text) and normal_time(text + "T00:00:00Z")
        return None if good else "Date; write it like 2026-01-31"
    if kind == "Time":
        return None if _TIME.fullmatch(text) and _real_time(text) else "Time; write it like 08:00:00Z"
    return None


def _real_time(text: str) -> bool:
    return int(text[:2]) < 24 and int(text[3:5]) < 60 and int(text[6:8]) < 60


def json_fault(value: Any, depth: int = 0) -> str | None:
    """What is wrong with raw JSON (clause 4.5.24), or None: only what JSON itself cannot write."""
    if depth > VALUE_DEPTH:
        return f": nested deeper than {VALUE_DEPTH}; flatten the value"
    if isinstance(value, bool | str) or value is None:
        return None
    if isinstance(value, int | float):
        return _number_fault(value)
    if isinstance(value, list):
        faults = (f"[{at}]{fault}" for at, item in enumerate(value) if (fault := json_fault(item, depth + 1)))
        return next(faults, None)
    if isinstance(value, dict):
        faults = (f".{key}{fault}" for key, item in value.items() if (fault := json_fault(item, depth + 1)))
        return next(faults, None)
    return f": a {type(value).__name__} is no JSON value"


def _number_fault(value: int | float) -> str | None:
    if isinstance(value, float):
        return None if isfinite(value) else f": {value} is no JSON number; leave the attribute out"
    if LEAST_INTEGER <= value <= GREATEST_INTEGER:
        return None
    return ": the integer needs more than 64 bits; write it as a string"


def language_map_fault(languages: Any, nulls: bool = False) -> str | None:
    """What is wrong with a languageMap (clauses 4.5.18 and 4.6.5), or None."""
    if not isinstance(languages, dict) or not languages:
        return f": languageMap is {shown(languages)}; write an object of language tags and texts"
    for tag, text in languages.items():
        if tag != "@none" and _LANGUAGE_TAG.fullmatch(tag) is None:
            return f": {tag!r} is no language tag of RFC 5646; write one like vi or en-GB, or @none"
        texts = text if isinstance(text, list) else [text]
        if any(not isinstance(each, str) for each in texts):
            return f".{tag}: the text is {shown(text)}; write a string or an array of strings"
        if text == NULL and not nulls:
            return f".{tag}: the NGSI-LD Null may stand here only in a merge; leave the member out"
    return None


def stands_for_null(kind: str, value: object) -> bool:
    """Whether the value of an attribute of this kind is the NGSI-LD Null in one of its forms (clause 4.5.0)."""
    if value == NULL:
        return True
    if kind == "LanguageProperty":
        return value == {"@none": NULL}
    return kind in ("ListProperty", "ListRelationship", "Relationship") and value == [NULL]


def is_null(instance: Instance) -> bool:
    """Whether the instance stands for a deletion."""
    kind = instance.get("type", "Property")
    return stands_for_null(kind, instance.get(VALUE_MEMBER[kind]))


def shown(value: object) -> str:
    """A value in a message, cut to a length that a reader bears."""
    if isinstance(value, PlainProperty):
        value = value.members()
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
