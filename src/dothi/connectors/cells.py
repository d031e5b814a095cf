"""Cells of a table turned into values of attributes; a cell that cannot be one says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import orjson

from dothi.connectors import times
from dothi.connectors.mapping import Column, Source, fill
from dothi.connectors.names import id_part
from dothi.model.values import is_uri

#: Cell (text, or a typed cell of a workbook or of GeoJSON) -> attribute instance without times; raises ValueError.
Convert = Callable[[Any], Any]

_TRUE = frozenset({"true", "yes", "1", "y", "t", "có", "x"})
_FALSE = frozenset({"false", "no", "0", "n", "f", "không"})


def converter(column: Column, source: Source) -> tuple[str, Convert]:
    """The value member ("value" or "object") of the column's attribute, and the function that makes it of a cell."""
    convert = _plain_converter(column, source)
    member = "object" if column.type == "relationship" else "value"
    return member, _split(convert, column.split) if column.split else convert


def _plain_converter(column: Column, source: Source) -> Convert:
    match column.type:
        case "number":
            return number if source.decimal == "." and not source.thousands else _local_number(source)
        case "bool":
            return boolean
        case "date":
            return _date(times.time_reader(column.format, column.zone))
        case "relationship":
            return _target(column.target)
        case "json":
            return _json
        case _:
            return text


def number(cell: Any) -> float | int:
    """A finite number; text without point and exponent stays an integer."""
    if cell.__class__ is str:
        try:
            value = float(cell)
        except ValueError:
            raise ValueError(f"{cell!r} is no number") from None
        if value - value != 0 or "_" in cell:
            raise ValueError(f"{cell!r} is no finite number")
        return int(cell) if value.is_integer() and "." not in cell and cell.lstrip("+- ").rstrip().isdigit() else value
    if isinstance(cell, bool) or not isinstance(cell, int | float) or cell - cell != 0:
        raise ValueError(f"{cell!r} is no finite number")
    return cell


def _local_number(source: Source) -> Convert:
    def read(cell: Any) -> float | int:
        if not isinstance(cell, str):
            return number(cell)
        bare = cell.replace(source.thousands, "") if source.thousands else cell
        if source.decimal == "," and "." in bare:
            raise ValueError(f"{cell!r} has a point, but the decimal sign is a comma")
        return number(bare.replace(source.decimal, "."))

    return read


def boolean(cell: Any) -> bool:
    if isinstance(cell, bool):
        return cell
    word = id_part(cell).lower() if isinstance(cell, float) else str(cell).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{cell!r} is neither true nor false")


def text(cell: Any) -> Any:
    """Text as it stands; a list or object of GeoJSON stays one, a number of a workbook becomes its digits."""
    if isinstance(cell, str | list | dict):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date | datetime) else str(cell)


def _date(read: times.Reader) -> Convert:
    return lambda cell: {"@type": "DateTime", "@value": read(cell)}


def _target(template: str | None) -> Convert:
    def read(cell: Any) -> str:
        target = fill(template, {"value": id_part(cell)}) if template else str(cell).strip()
        if not is_uri(target):
            raise ValueError(f"{target!r} is no URI; give target, a template like urn:ngsi-ld:Road:{{value}}")
        return target

    return read


def _json(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError as fault:
        raise ValueError(f"{cell[:60]!r} is no JSON: {fault}") from None


def _split(convert: Convert, separator: str) -> Convert:
    return lambda cell: [convert(part.strip()) for part in str(cell).split(separator) if part.strip()]
