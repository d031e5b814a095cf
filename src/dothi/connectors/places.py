"""Geometries from outside: read from coordinates or GeoJSON, brought to WGS 84, judged before they are stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import pyproj

from dothi.model.geo import check_geometry

WGS84 = "EPSG:4326"
_WGS84_NAMES: Final = {WGS84, "OGC:CRS84", "EPSG:4979"}

Move = Callable[[float, float], tuple[float, float]]


def crs_name(text: str) -> str:
    """A reference system's short name: urn:ogc:def:crs:EPSG::9210 -> EPSG:9210."""
    match = re.fullmatch(r"urn:ogc:def:crs:(\w+):[\d.]*:(\w+)", text)
    return f"{match[1]}:{match[2]}" if match else text.upper() if text.lower().startswith("epsg:") else text


@lru_cache(maxsize=32)
def mover(crs: str) -> Move | None:
    """(x or longitude, y or latitude) in `crs` -> (longitude, latitude) in WGS 84; None where nothing has to move.

    Axes are east before north whatever the register says. Raises ValueError for an unknown reference system.
    """
    name = crs_name(crs)
    if name in _WGS84_NAMES:
        return None
    try:
        transformer = pyproj.Transformer.from_crs(name, WGS84, always_xy=True)
    except pyproj.exceptions.CRSError as fault:
        raise ValueError(f"{crs!r} is no coordinate reference system; write one like EPSG:9210") from fault

    def move(x: float, y: float) -> tuple[float, float]:
        lon, lat = transformer.transform(x, y)
        return round(lon, 9), round(lat, 9)

    return move


def point(lon: Any, lat: Any, move: Move | None) -> dict[str, Any]:
    """A GeoJSON Point of two cells. Raises ValueError naming the coordinate that is none or out of range."""
    return geometry({"type": "Point", "coordinates": [_number(lon, "longitude"), _number(lat, "latitude")]}, move)


def geometry(value: Any, move: Move | None = None) -> dict[str, Any]:
    """A GeoJSON geometry in WGS 84, without members that are none of a geometry.

    Raises ValueError saying which position is wrong (model.geo.check_geometry).
    """
    if move is None:
        check_geometry(value)
        return {"type": value["type"], "coordinates": value["coordinates"]}
    if not isinstance(value, dict):
        raise ValueError("a geometry is an object with type and coordinates")
    moved = {"type": value.get("type"), "coordinates": _moved(value.get("coordinates"), move)}
    check_geometry(moved)
    return moved


def _moved(value: Any, move: Move) -> Any:
    """Nested coordinates with each position moved; what is no position stays for the check to refuse."""
    if not isinstance(value, list):
        return value
    if len(value) in {2, 3} and all(type(number) in (int, float) for number in value):
        return [*move(value[0], value[1]), *value[2:]]
    return [_moved(part, move) for part in value]


def _number(cell: Any, what: str) -> float:
    try:
        return cell if type(cell) in (int, float) else float(cell)
    except (TypeError, ValueError):
        raise ValueError(f"{what} {cell!r} is no number") from None
