"""The area that an incident affects, drawn around the places of its members unless a person draws it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import shapely

from dothi.model.errors import BadRequestData

#: Metres around each place that count as affected.
MARGIN: Final = 250.0
#: Corners that a drawn area may have.
MOST_CORNERS: Final = 500

_DEGREE: Final = 111_320.0


def around(points: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
    """A GeoJSON Polygon around points (lon, lat), MARGIN metres wider than they are; None where there are none."""
    if not points:
        return None
    squeeze = math.cos(math.radians(sum(lat for _, lat in points) / len(points)))
    flat = [(lon * squeeze, lat) for lon, lat in points]
    hull = shapely.MultiPoint(flat).convex_hull.buffer(MARGIN / _DEGREE, quad_segs=3)
    ring = [[round(x / squeeze, 5), round(y, 5)] for x, y in shapely.get_coordinates(hull.exterior).tolist()]
    ring[-1] = ring[0]
    return {"type": "Polygon", "coordinates": [ring]}


def checked(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """A drawn area as it is kept. Raises BadRequestData where it is no valid Polygon or MultiPolygon."""
    try:
        shape = shapely.from_geojson(orjson.dumps(dict(geometry)))
    except (shapely.errors.GEOSException, TypeError, ValueError) as error:
        raise BadRequestData(f"area: this is no GeoJSON geometry: {error}") from None
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        raise BadRequestData(f"area: draw a Polygon or MultiPolygon, not a {shape.geom_type}")
    if not shape.is_valid:
        raise BadRequestData(f"area: {shapely.is_valid_reason(shape)}; the border must not cross itself")
    west, south, east, north = shape.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise BadRequestData("area: positions are [longitude, latitude] in degrees")
    if shapely.get_num_coordinates(shape) > MOST_CORNERS:
        raise BadRequestData(f"area: at most {MOST_CORNERS} corners")
    found: dict[str, Any] = orjson.loads(shapely.to_geojson(shape))
    return found
