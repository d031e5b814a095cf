"""GeoJSON geometries and geo queries (GS CIM 009 clauses 4.7.1 and 4.10): what is well formed, and where it lies."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, cast

from dothi.model.errors import BadRequestData
from dothi.model.query import GeoQuery, Georel

MAX_POSITIONS: Final = 100_000

#: Type -> how deep its positions lie in `coordinates`. Clause 4.7.1 leaves GeometryCollection out.
DEPTH: Final = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip
RELATIONS: Final = ("near", "within", "contains", "intersects", "equals", "disjoint", "overlaps")

#: The IRI of the default GeoProperty of a geo query, `location`.
LOCATION: Final = "https://uri.etsi.org/ngsi-ld/location"

#: (west, south, east, north) in degrees.
Box = tuple[float, float, float, float]

_DISTANCE = re.compile(r"(maxDistance|minDistance)\s*==\s*(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)", re.ASCII)


def parse_geo(georel: str, geometry: str, coordinates: str | list[Any], property: str = LOCATION) -> GeoQuery:
    """The geo query of the parameters georel, geometry and coordinates (JSON, or JSON text) on a GeoProperty's IRI.

    georel is `within`, `contains`, `intersects`, `equals`, `disjoint`, `overlaps`, or `near` with one of
    `;maxDistance==m` and `;minDistance==m`, in metres. Raises BadRequestData that names the parameter and the fault.
    """
    relation, low, high = _relation(georel)
    if isinstance(coordinates, str):
        try:
            coordinates = json.loads(coordinates)
        except (ValueError, RecursionError) as fault:
            raise BadRequestData(f"coordinates is no JSON array like [106.67,10.98]: {fault}") from None
    shape = {"type": geometry, "coordinates": coordinates}
    try:
        check_geometry(shape)
    except ValueError as fault:
        raise BadRequestData(f"geometry of the geo query: {fault}") from None
    return GeoQuery(relation, shape, property, low, high)


def _relation(georel: str) -> tuple[Georel, float | None, float | None]:
    relation, *modifiers = (part.strip() for part in georel.split(";"))
    if relation not in RELATIONS:
        raise BadRequestData(f"georel {relation!r} is unknown: it is one of {', '.join(RELATIONS)}")
    if relation != "near":
        if modifiers:
            raise BadRequestData(
                f"georel {relation!r} takes no modifier, found {modifiers[0]!r}; only near has distances"
            )
        return cast(Georel, relation), None, None
    if not modifiers:
        raise BadRequestData("georel near needs a distance, as in near;maxDistance==2000")
    if len(modifiers) > 1:
        raise BadRequestData(f"georel near takes one distance, found {len(modifiers)}: leave {modifiers[1]!r} out")
    found = _DISTANCE.fullmatch(modifiers[0])
    if found is None:
        raise BadRequestData(f"georel: expected maxDistance==metres or minDistance==metres, found {modifiers[0]!r}")
    metres = float(found[2])
    if metres <= 0 or not math.isfinite(metres):
        raise BadRequestData(f"georel: {found[1]} must be a positive number of metres, found {found[2]}")
    return ("near", metres, None) if found[1] == "minDistance" else ("near", None, metres)


def check_geometry(geometry: object) -> None:
    """Raise ValueError with the precise fault if this is no GeoJSON geometry that NGSI-LD takes (clause 4.7.1).

    Type one of the six without GeometryCollection; positions are [lon, lat] or [lon, lat, altitude], finite, within
    -180..180 and -90..90; lines have two positions or more; rings are closed and have four or more (RFC 7946); at
    most 100,000 positions. Self-intersection is not looked for.
    """
    if not isinstance(geometry, dict):
        raise ValueError(f"a geometry is an object with type and coordinates, not {_word(geometry)}")
    kind = geometry.get("type")
    if not isinstance(kind, str) or kind not in DEPTH:
        hint = "; store its parts as instances with their own datasetId" if kind == "GeometryCollection" else ""
        raise ValueError(f"geometry type {kind!r} is not one of {', '.join(DEPTH)}{hint}")
    if "coordinates" not in geometry:
        raise ValueError(f"the {kind} has no coordinates")
    _Positions(kind).check(geometry["coordinates"], DEPTH[kind], "coordinates")


class _Positions:
    """Walks nested coordinates and counts positions on the way."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.count = 0

    def check(self, value: object, depth: int, where: str) -> None:
        if depth == 0:
            self.position(value, where)
            return
        if not isinstance(value, list) or not value:
            shape = "positions" if depth == 1 else "arrays"
            raise ValueError(f"{where} of the {self.kind} must be a non-empty array of {shape}, not {_word(value)}")
        for index, part in enumerate(value):
            self.check(part, depth - 1, f"{where}[{index}]")
        if depth == 1 and self.kind != "MultiPoint":
            self.row(value, where)

    def row(self, row: list[Any], where: str) -> None:
        if self.kind.endswith("LineString"):
            if len(row) < 2:
                raise ValueError(f"{where}: a line has two positions or more, found {len(row)}")
        elif len(row) < 4:
            raise ValueError(f"{where}: a ring has four positions or more, found {len(row)}")
        elif row[0] != row[-1]:
            raise ValueError(f"{where}: the ring is open: its last position {row[-1]} must equal the first {row[0]}")

    def position(self, value: object, where: str) -> None:
        self.count += 1
        if self.count > MAX_POSITIONS:
            raise ValueError(f"the {self.kind} has more than {MAX_POSITIONS} positions; simplify it")
        if not isinstance(value, list) or not 2 <= len(value) <= 3:
            raise ValueError(f"{where} must be a position [longitude, latitude] or with altitude, not {_word(value)}")
        for number in value:
            if type(number) not in (int, float) or not math.isfinite(number):
                raise ValueError(f"{where} must hold finite numbers, found {_word(number)}")
        if not -180 <= value[0] <= 180:
            raise ValueError(f"{where}: longitude {value[0]} is out of range -180..180")
        if not -90 <= value[1] <= 90:
            swapped = "; the order is longitude, latitude" if abs(value[0]) <= 90 and abs(value[1]) <= 180 else ""
            raise ValueError(f"{where}: latitude {value[1]} is out of range -90..90{swapped}")


def _word(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def positions(geometry: dict[str, Any]) -> Iterator[list[float]]:
    """Every position of a checked geometry."""
    level: list[Any] = [geometry["coordinates"]]
    for _ in range(DEPTH[geometry["type"]]):
        level = [part for whole in level for part in whole]
    yield from level


def box(geometry: dict[str, Any]) -> Box:
    """(west, south, east, north) of a checked geometry, in degrees; no box crosses the antimeridian."""
    if geometry["type"] == "Point":
        lon, lat = geometry["coordinates"][:2]
        return lon, lat, lon, lat
    lons, lats = zip(*((position[0], position[1]) for position in positions(geometry)), strict=True)
    return min(lons), min(lats), max(lons), max(lats)
