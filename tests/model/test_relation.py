"""Relations between geometries, held against shapely and the geodesics of PROJ."""

from __future__ import annotations

import math
from typing import Any

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import mapping, shape

from dothi.model.geo import LOCATION, box
from dothi.model.query import GeoQuery, Georel
from dothi.model.relation import RADIUS, GeoTest, distance, grown, haversine, reach, rectangle

SPHERE = Geod(a=RADIUS, b=RADIUS)

lons, lats = st.floats(-180, 180, width=32), st.floats(-90, 90, width=32)
cities = st.tuples(st.floats(106.3, 107.0), st.floats(10.8, 11.4))
points = cities.map(lambda at: {"type": "Point", "coordinates": list(at)})
lines = st.lists(cities, min_size=2, max_size=4, unique=True).map(
    lambda row: {"type": "LineString", "coordinates": [list(at) for at in row]}
)
boxes = st.tuples(cities, st.floats(0.01, 0.3), st.floats(0.01, 0.3)).map(
    lambda at: mapping(shapely.box(*at[0], at[0][0] + at[1], at[0][1] + at[2]))
)
shapes = st.one_of(points, lines, boxes)


def ask(relation: Georel, geometry: dict[str, Any], **distances: float) -> GeoTest:
    return GeoTest(GeoQuery(relation, geometry, LOCATION, **distances))


@settings(deadline=None)
@given(reference=shapes, target=shapes)
def test_topology_is_that_of_shapely(reference: dict[str, Any], target: dict[str, Any]) -> None:
    ours, theirs = shape(target), shape(reference)
    assert ask("within", reference).geometry(target) == ours.within(theirs)
    assert ask("contains", reference).geometry(target) == ours.contains(theirs)
    assert ask("intersects", reference).geometry(target) == ours.intersects(theirs)
    assert ask("disjoint", reference).geometry(target) == ours.disjoint(theirs)
    assert ask("equals", reference).geometry(target) == ours.equals(theirs)
    assert ask("overlaps", reference).geometry(target) == ours.overlaps(theirs)


@given(lons, lats, lons, lats)
def test_the_haversine_orders_as_the_distance_on_the_sphere(lon1: float, lat1: float, lon2: float, lat2: float) -> None:
    metres = SPHERE.inv(lon1, lat1, lon2, lat2)[2]
    assert math.isclose(haversine(lon1, lat1, lon2, lat2), reach(metres), rel_tol=1e-6, abs_tol=1e-14)


@settings(deadline=None)
@given(reference=shapes, target=shapes)
def test_the_distance_of_shapes_is_near_the_least_of_many_points(reference: Any, target: Any) -> None:
    first, second = shape(reference), shape(target)
    assume(not first.intersects(second))
    metres = distance(first, second)
    ends = [(a, b) for a in shapely.get_coordinates(first) for b in shapely.get_coordinates(second)]
    least = min(SPHERE.inv(*a, *b)[2] for a, b in ends)
    # The nearest points are looked for in a local plane, which is off by some millimetres in thirty kilometres.
    assert metres <= least * (1 + 1e-6) + 1e-6
    # One degree of latitude is 111,195 m: no shape is nearer than the plane says at the widest parallel.
    assert metres >= first.distance(second) * 111_195 * math.cos(math.radians(11.8)) * 0.999 - 1e-6


@given(lons, lats, lons, lats, st.floats(1, 2e7))
def test_the_grown_box_holds_all_that_is_in_reach(lon: float, lat: float, lon2: float, lat2: float, far: float) -> None:
    assume(haversine(lon, lat, lon2, lat2) <= reach(far))
    west, south, east, north = grown((lon, lat, lon, lat), far)
    assert west <= lon2 <= east
    assert south <= lat2 <= north


def test_near_counts_from_the_other_side_of_the_antimeridian() -> None:
    fiji = {"type": "Point", "coordinates": [179.99, -17.0]}
    assert ask("near", fiji, max_distance=3000).geometry({"type": "Point", "coordinates": [-179.99, -17.0]})
    line = {"type": "LineString", "coordinates": [[-179.99, -17.0], [-179.9, -17.0]]}
    assert ask("near", fiji, max_distance=3000).geometry(line)
    assert not ask("near", fiji, max_distance=2000).geometry(line)


def test_a_segment_too_short_for_arithmetic_has_a_distance_too() -> None:
    speck = {"type": "LineString", "coordinates": [[1.0, 0.0], [1.0, 1e-272]]}
    assert ask("near", {"type": "Point", "coordinates": [0.0, 0.0]}, max_distance=112_000).geometry(speck)


def test_near_is_a_ring_when_both_distances_are_given() -> None:
    ring = ask("near", {"type": "Point", "coordinates": [106.65, 10.98]}, min_distance=1000, max_distance=2000)
    assert not ring.point(106.65, 10.98)
    assert ring.point(106.65, 10.98 + 1500 / 111_195)
    assert not ring.point(106.65, 10.98 + 2500 / 111_195)


def test_a_ring_that_crosses_itself_is_mended_and_not_misread() -> None:
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    assert ask("intersects", bow).point(1.5, 1.0)
    assert not ask("intersects", bow).point(1.0, 0.2)


@given(boxes)
def test_an_upright_rectangle_is_known(geometry: dict[str, Any]) -> None:
    assert rectangle(GeoQuery("within", geometry, LOCATION)) == box(geometry)


BOW = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
KITE = [[0, 0], [2, 0], [1, 1], [0, 1], [0, 0]]
TRIANGLE = [[0, 0], [1, 0], [1, 1], [0, 0]]


@pytest.mark.parametrize("ring", [BOW, KITE, TRIANGLE])
def test_what_is_no_upright_rectangle_is_not_taken_for_one(ring: list[list[float]]) -> None:
    assert rectangle(GeoQuery("within", {"type": "Polygon", "coordinates": [ring]}, LOCATION)) is None
