"""Relations of shapes cut from one grid, whose borders touch, whose rings have holes and whose parts are many."""

from __future__ import annotations

from typing import Any, Final

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping, shape

from dothi.model.geo import LOCATION, check_geometry
from dothi.model.query import GeoQuery, Georel
from dothi.model.relation import GeoTest

STEP: Final = 0.0625  # A binary fraction: sums are exact, so borders fall upon one another.


def at(column: int, row: int) -> tuple[float, float]:
    return 106.5 + column * STEP, 10.875 + row * STEP


cells = st.tuples(st.integers(0, 3), st.integers(0, 3))
corners = st.tuples(st.integers(0, 4), st.integers(0, 4))


def area(chosen: list[tuple[int, int]]) -> Any:
    """Cells of the grid as one Polygon or MultiPolygon: rings around a free cell have a hole."""
    return shapely.union_all([shapely.box(*at(i, j), *at(i + 1, j + 1)) for i, j in chosen])


def path(steps: list[tuple[tuple[int, int], tuple[int, int]]]) -> Any:
    rows = [shapely.LineString([at(*a), at(*b)]) for a, b in steps]
    return rows[0] if len(rows) == 1 else shapely.MultiLineString(rows)


def spots(chosen: list[tuple[int, int]]) -> Any:
    return shapely.Point(at(*chosen[0])) if len(chosen) == 1 else shapely.MultiPoint([at(*each) for each in chosen])


edges = st.tuples(corners, corners).filter(lambda pair: pair[0] != pair[1])
RING = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
shapes = st.one_of(
    st.lists(cells, min_size=1, max_size=10, unique=True).map(area),
    st.just(area(RING)),
    st.lists(edges, min_size=1, max_size=3, unique_by=frozenset).map(path),
    st.lists(corners, min_size=1, max_size=3, unique=True).map(spots),
)


def plain(geometry: Any) -> dict[str, Any]:
    """GeoJSON with arrays, as it comes in."""

    def arrays(item: Any) -> Any:
        return [arrays(part) for part in item] if isinstance(item, tuple | list) else item

    found = mapping(geometry)
    return {"type": found["type"], "coordinates": arrays(found["coordinates"])}


def holds(relation: Georel, reference: Any, target: Any) -> bool:
    document = plain(target)
    check_geometry(document)
    return GeoTest(GeoQuery(relation, plain(reference), LOCATION)).geometry(document)


def meets(matrix: str, pattern: str) -> bool:
    """Whether a matrix of the nine intersections has the pattern (OGC 06-103r4, clause 6.1.15)."""
    return all(
        wanted == "*" or (found != "F") == (wanted == "T") if wanted in "*TF" else found == wanted
        for found, wanted in zip(matrix, pattern, strict=True)
    )


def overlaps(matrix: str, target: Any, reference: Any) -> bool:
    dimension = shapely.get_dimensions(target)
    if dimension != shapely.get_dimensions(reference):
        return False
    return meets(matrix, "1*T***T**" if dimension == 1 else "T*T***T**")


@settings(deadline=None, max_examples=150)
@given(reference=shapes, target=shapes)
def test_relations_are_those_of_the_nine_intersections(reference: Any, target: Any) -> None:
    """GeoJSON and back leaves the shapes as they are, and each relation is what Simple Features defines it to be."""
    assert shapely.equals(shape(plain(target)), target)
    matrix = shapely.relate(target, reference)
    assert holds("within", reference, target) == meets(matrix, "T*F**F***")
    assert holds("contains", reference, target) == meets(matrix, "T*****FF*")
    assert holds("equals", reference, target) == meets(matrix, "T*F**FFF*")
    assert holds("overlaps", reference, target) == overlaps(matrix, target, reference)
    assert holds("disjoint", reference, target) == meets(matrix, "FF*FF****")
    assert holds("intersects", reference, target) != holds("disjoint", reference, target)


@settings(deadline=None, max_examples=80)
@given(reference=shapes, target=shapes, far=st.sampled_from([1.0, 5_000.0, 10_000.0]))
def test_near_takes_what_touches_and_what_is_in_reach(reference: Any, target: Any, far: float) -> None:
    """A step of the grid is some 6.8 km, so that no distance is on the edge of one that is asked for."""
    near = GeoTest(GeoQuery("near", plain(reference), LOCATION, None, far)).geometry(plain(target))
    if shapely.intersects(reference, target):
        assert near
    degrees = shapely.distance(reference, target)
    # 111,195 m to a degree of latitude, and 0.98 of that to one of longitude here.
    if degrees * 111_195 < far * 0.99:
        assert near
    if degrees * 111_195 * 0.98 > far * 1.01:
        assert not near


def test_a_point_in_a_hole_is_outside_and_one_on_its_border_is_not_within() -> None:
    ring = area(RING)
    middle = shapely.Point(at(1, 1)[0] + STEP / 2, at(1, 1)[1] + STEP / 2)
    assert holds("disjoint", ring, middle)
    border = shapely.Point(at(1, 1))
    assert holds("intersects", ring, border)
    assert not holds("within", ring, border)
    assert holds("within", area([(0, 0), *RING]), shapely.Point(at(0, 0)[0] + STEP / 2, at(0, 0)[1] + STEP / 2))


def test_areas_that_share_a_border_or_a_corner_intersect_without_overlapping() -> None:
    first, beside, corner = area([(0, 0)]), area([(1, 0)]), area([(1, 1)])
    for other in (beside, corner):
        assert holds("intersects", first, other)
        assert not holds("overlaps", first, other)
        assert not holds("within", first, other)
    assert holds("within", area([(0, 0), (1, 0)]), first)
    assert holds("contains", first, area([(0, 0), (1, 0)]))
