"""The functions that compiled queries call inside SQLite: patterns, times, order of texts, exact geometry."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import apsw
import orjson

from dothi.model.entity import instances
from dothi.model.match import AttributeTest, clock, instant
from dothi.model.pattern import Pattern
from dothi.model.relation import GeoTest


def register(connection: apsw.Connection) -> None:
    """Give a connection, reader or writer, all that statements of `storage.compile` need.

    Patterns and tests come in as bound Python objects (apsw.pyobject), made once for a statement.
    """
    functions: list[tuple[str, Callable[..., Any], int]] = [
        ("attribute_passes", _attribute_passes, 2),
        ("pattern_found", _pattern_found, 2),
        ("instant", instant, 1),
        ("clock", clock, 1),
        ("text_order", _text_order, 1),
        ("geo_any", _geo_any, 2),
        ("geo_point", _geo_point, 3),
    ]
    for name, function, arguments in functions:
        connection.create_scalar_function(name, function, arguments, deterministic=True)


def _attribute_passes(test: AttributeTest, document: str | None) -> bool:
    """Whether an attribute, given as the JSON of its instance or instances, passes a term of q."""
    return document is not None and test(orjson.loads(document))


def _pattern_found(pattern: Pattern, text: object) -> bool:
    return type(text) is str and pattern.search(text) is not None


def _geo_point(test: GeoTest, lon: float, lat: float) -> bool:
    return test.point(lon, lat)


def _geo_any(test: GeoTest, document: str | None) -> bool:
    """Whether any instance of a GeoProperty passes; `document` is the JSON of its instance or instances."""
    if document is None:
        return False
    found = instances(orjson.loads(document))
    return any(instance.get("type") == "GeoProperty" and test.geometry(instance["value"]) for instance in found)


def _text_order(value: Any) -> Any:
    return _collated(value) if type(value) is str else value


@lru_cache(maxsize=16384)
def _collated(text: str) -> str:
    """A key near the root collation of Unicode: letters first, then accents, then case; đ stands beside d."""
    letters = unicodedata.normalize("NFD", text).replace("đ", "d\u0335").replace("Đ", "D\u0335")
    base = "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()
    return f"{base}\x00{letters.casefold()}\x00{letters.swapcase()}"
