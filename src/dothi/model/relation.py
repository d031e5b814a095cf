"""Decides whether a geometry stands in the relation that a geo query asks for (GS CIM 009 clause 4.10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely
from shapely.affinity import scale, translate
from shapely.geometry import shape

from dothi.model.geo import Box, box
from dothi.model.query import GeoQuery

#: The mean radius of the Earth in metres (IUGG): distances are great-circle distances on this sphere.
RADIUS: Final = 6_371_008.8

_HALF_RADIAN: Final = math.pi / 360


class GeoTest:
    """A geo query made ready: ask it for points and geometries as often as needed.

    Topology (within, contains, intersects, disjoint, equals, overlaps) is decided by GEOS in the plane of longitude
    and latitude, as GeoJSON defines lines (RFC 7946, 3.1.1). Distance is the haversine on the sphere, within 0.56 %
    of the ellipsoid. Between other shapes than two points it is that of their nearest points, which are sought in the
    plane with longitudes shrunk by the cosine of the latitude: exact for a city, and never too short anywhere.
    """

    def __init__(self, query: GeoQuery) -> None:
        self.query = query
        self.is_point = query.geometry["type"] == "Point"
        self._relate = self._near if query.relation == "near" else _RELATIONS[query.relation]
        self._point = _POINTS.get(query.relation)

    @cached_property
    def shape(self) -> Any:
        """The reference geometry, prepared; near a Point it is often not needed at all."""
        made = _valid(shape(self.query.geometry))
        shapely.prepare(made)
        return made

    def point(self, lon: float, lat: float) -> bool:
        """Whether the point stands in the relation."""
        query = self.query
        if query.relation == "near" and self.is_point:
            here = query.geometry["coordinates"]
            return self._in_reach(haversine(here[0], here[1], lon, lat))
        if self._point is not None:
            return self._point(self.shape, lon, lat)
        with np.errstate(divide="ignore", invalid="ignore"):
            return bool(self._relate(self.shape, shapely.Point(lon, lat)))

    def geometry(self, geometry: Any) -> bool:
        """Whether the checked GeoJSON geometry stands in the relation."""
        if geometry["type"] == "Point":
            lon, lat = geometry["coordinates"][:2]
            return self.point(lon, lat)
        # GEOS divides by zero on its way for parallel lines, and numpy would warn of it; the answers are sound.
        with np.errstate(divide="ignore", invalid="ignore"):
            return bool(self._relate(self.shape, _valid(shape(geometry))))

    def _near(self, reference: Any, target: Any) -> bool:
        return self._in_reach(_central(distance(reference, target)))

    def _in_reach(self, central: float) -> bool:
        low, high = self.query.min_distance, self.query.max_distance
        return (high is None or central <= reach(high)) and (low is None or central > reach(low))

    def box(self) -> Box | None:
        """Where targets must touch to be able to match; None where they may lie anywhere."""
        query = self.query
        if query.relation == "disjoint" or (query.relation == "near" and query.max_distance is None):
            return None
        around = box(query.geometry)
        return around if query.max_distance is None else grown(around, query.max_distance)


def haversine(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """The haversine of the central angle between two points: grows with their distance, see `reach`.

    The store computes the same sum in SQL, in this order, so that both come to the same last bit.
    """
    up = math.sin((lat2 - lat1) * _HALF_RADIAN)
    along = math.sin((lon2 - lon1) * _HALF_RADIAN)
    return up * up + math.cos(math.radians(lat1)) * math.cos(math.radians(lat2)) * along * along


def reach(metres: float) -> float:
    """The haversine of the central angle of a distance on the sphere."""
    return _central(metres)


def _central(metres: float) -> float:
    half = min(metres / RADIUS, math.pi) / 2
    return math.sin(half) ** 2


def distance(reference: Any, target: Any) -> float:
    """Metres between the nearest points of two shapely geometries, also across the antimeridian."""
    if shapely.intersects(reference, target):
        return 0.0
    shifts = [0.0]
    west, _, east, _ = reference.bounds
    if target.bounds[2] - west > 180:
        shifts.append(-360.0)
    if east - target.bounds[0] > 180:
        shifts.append(360.0)
    return min(_nearest(reference, translate(target, shift) if shift else target) for shift in shifts)


def _nearest(reference: Any, target: Any) -> float:
    latitude = (reference.bounds[1] + reference.bounds[3] + target.bounds[1] + target.bounds[3]) / 4
    best = math.inf
    # The first round finds where the nearest points are, the second measures with the right shrinking there.
    for _ in range(2):
        shrink = max(math.cos(math.radians(latitude)), 1e-6)
        (lon1, lat1), (lon2, lat2) = _shortest(_shrunk(reference, shrink), _shrunk(target, shrink))
        central = haversine(lon1 / shrink, lat1, lon2 / shrink, lat2)
        best = min(best, 2 * RADIUS * math.asin(min(1.0, math.sqrt(central))))
        latitude = (lat1 + lat2) / 2
    return best


def _shortest(first: Any, second: Any) -> Any:
    """The ends of the shortest line between two geometries."""
    line = shapely.shortest_line(first, second)
    if line is None:
        # GEOS finds none from segments so short that their squares underflow: their ends do as well.
        first, second = (shapely.MultiPoint(shapely.get_coordinates(geometry)) for geometry in (first, second))
        line = shapely.shortest_line(first, second)
    return shapely.get_coordinates(line).tolist()


def _shrunk(geometry: Any, factor: float) -> Any:
    return scale(geometry, xfact=factor, yfact=1.0, origin=(0, 0))


def grown(around: Box, metres: float) -> Box:
    """The box with this many metres around it; all longitudes where it touches a pole or crosses the antimeridian.

    A hair is added so that the box never cuts what the exact test would keep.
    """
    west, south, east, north = around
    angle = min(metres / RADIUS, math.pi)
    up = math.degrees(angle) * (1 + 1e-9) + 1e-9
    south, north = south - up, north + up
    if south <= -90 or north >= 90:
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    widest = math.cos(math.radians(max(abs(around[1]), abs(around[3]))))
    ratio = math.sin(angle) / widest
    if angle >= math.pi / 2 or ratio >= 1:
        return -180.0, south, 180.0, north
    along = math.degrees(math.asin(ratio)) * (1 + 1e-9) + 1e-9
    if west - along < -180 or east + along > 180:
        return -180.0, south, 180.0, north
    return west - along, south, east + along, north


def rectangle(query: GeoQuery) -> Box | None:
    """The box of a Polygon that is nothing but an upright rectangle, else None."""
    geometry = query.geometry
    if geometry["type"] != "Polygon" or len(geometry["coordinates"]) != 1 or len(geometry["coordinates"][0]) != 5:
        return None
    west, south, east, north = around = box(geometry)
    corners = {(position[0], position[1]) for position in geometry["coordinates"][0]}
    upright = corners == {(west, south), (west, north), (east, south), (east, north)} and len(corners) == 4
    ring = geometry["coordinates"][0]
    steps = all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(ring))
    return around if upright and steps else None


def _valid(geometry: Any) -> Any:
    """GEOS answers nonsense for rings that cross themselves: those are mended first (make_valid)."""
    return geometry if shapely.is_valid(geometry) else shapely.make_valid(geometry)


_RELATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "within": lambda reference, target: shapely.contains(reference, target),
    "contains": lambda reference, target: shapely.within(reference, target),
    "intersects": lambda reference, target: shapely.intersects(reference, target),
    "disjoint": lambda reference, target: shapely.disjoint(reference, target),
    "equals": lambda reference, target: shapely.equals(reference, target),
    "overlaps": lambda reference, target: shapely.overlaps(reference, target),
}

_POINTS: Final[dict[str, Callable[[Any, float, float], bool]]] = {
    "within": lambda reference, lon, lat: bool(shapely.contains_xy(reference, lon, lat)),
    "intersects": lambda reference, lon, lat: bool(shapely.intersects_xy(reference, lon, lat)),
    "disjoint": lambda reference, lon, lat: not shapely.intersects_xy(reference, lon, lat),
}
