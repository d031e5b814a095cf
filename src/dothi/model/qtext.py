"""Writes a query tree as a q text again, in the names of any context (GS CIM 009 clause 4.9).

For those who hand a query on to a broker that is spoken to in another context.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from dothi.model.query import (
    And,
    AttributePath,
    DateTimeLiteral,
    Exists,
    LinkedPath,
    Literal_,
    Or,
    Query,
    Range,
    UriLiteral,
)

#: What ends a bare URI in a q.
_ENDS_URI: Final = frozenset(' \t"<>\\^`{}|;,()')


class Unwritable(Exception):
    """A name or value that q has no way to write: a whole IRI with something after it, or a URI with a bracket."""


def write_query(query: Query, compact: Callable[[str], str]) -> str:
    """The q text of a tree, its names in the words that `compact` gives. Raises Unwritable."""
    if isinstance(query, And):
        return ";".join(_grouped(part, compact) for part in query.parts)
    if isinstance(query, Or):
        return "|".join(_grouped(part, compact) for part in query.parts)
    path = _path(query.path, compact)
    if isinstance(query, Exists):
        return f"!{path}" if query.absent else path
    return f"{path}{query.operator}{','.join(map(_value, query.values))}"


def _grouped(part: Query, compact: Callable[[str], str]) -> str:
    text = write_query(part, compact)
    return f"({text})" if isinstance(part, And | Or) else text


def _path(path: AttributePath, compact: Callable[[str], str]) -> str:
    names = [compact(name) if ":" in name else name for name in path.names]
    for position, name in enumerate(names):
        is_last = position == len(names) - 1 and not path.members and path.linked is None
        if "." in name and not ("//" in name and is_last):
            raise Unwritable(f"{name} cannot stand within a path of q")
    text = ".".join(names)
    if path.members:
        text += f"[{'.'.join(path.members)}]"
    return text if path.linked is None else text + _linked(path.linked, compact)


def _linked(linked: LinkedPath, compact: Callable[[str], str]) -> str:
    if linked.types:
        raise Unwritable("types of linked entities are not written")
    return "{" + _path(linked.path, compact) + "}"


def _value(value: Literal_ | Range) -> str:
    if isinstance(value, Range):
        return f"{_value(value.low)}..{_value(value.high)}"
    if isinstance(value, UriLiteral):
        if _ENDS_URI.intersection(value.text):
            raise Unwritable(f"{value.text} cannot stand in q without quotes")
        return value.text
    return value.text if isinstance(value, DateTimeLiteral) else json.dumps(value, ensure_ascii=False)
