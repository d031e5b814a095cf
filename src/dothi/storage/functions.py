"""The functions that compiled queries call inside SQLite: patterns, times, order of texts, exact geometry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import orjson

from dothi.model.entity import instances
from dothi.model.match import AttributeTest, Links, clock, instant
from dothi.model.ordering import Placing
from dothi.model.pattern import Pattern
from dothi.model.relation import GeoTest


def register(connection: apsw.Connection) -> None:
    """Give a connection, reader or writer, all that statements of `storage.compile` need.

    Patterns and tests come in as bound Python objects (apsw.pyobject), made once for a statement.
    """
    functions: list[tuple[str, Callable[..., Any], int]] = [
        ("attribute_passes", _attribute_passes, 2),
        ("attribute_links", _attribute_links, 2),
        ("pattern_found", _pattern_found, 2),
        ("instant", instant, 1),
        ("clock", clock, 1),
        ("order_rank", _order_rank, 2),
        ("order_value", _order_value, 2),
        ("order_text", _order_text, 2),
        ("geo_any", _geo_any, 2),
        ("geo_point", _geo_point, 3),
    ]
    for name, function, arguments in functions:
        connection.create_scalar_function(name, function, arguments, deterministic=True)


def _attribute_passes(test: AttributeTest, document: str | None) -> bool:
    """Whether an attribute, given as the JSON of its instance or instances, passes a term of q."""
    return document is not None and test(orjson.loads(document))


def _attribute_links(links: Links, document: str | None) -> str:
    """The ids to which an attribute leads, as a JSON array; `document` is the JSON of its instance or instances."""
    return "[]" if document is None else orjson.dumps(links(orjson.loads(document))).decode()


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


def _order_rank(placing: Placing, document: str | None) -> int:
    return placing.rank(None if document is None else orjson.loads(document))


def _order_value(placing: Placing, document: str | None) -> Any:
    return placing.value(None if document is None else orjson.loads(document))


def _order_text(placing: Placing, value: Any) -> Any:
    """A text as its collation has it; numbers and booleans as they are."""
    collation = placing.order.collation
    return collation.key(value) if type(value) is str and collation is not None else value
