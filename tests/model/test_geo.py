"""GeoJSON geometries and the parameters of geo queries."""

from __future__ import annotations

import math
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.errors import BadRequestData
from dothi.model.geo import LOCATION, box, check_geometry, parse_geo

RING = [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 0.0]]
SOUND: list[dict[str, Any]] = [
    {"type": "Point", "coordinates": [106.65, 10.98]},
    {"type": "Point", "coordinates": [106, 10, -3.5]},
    {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]},
    {"type": "LineString", "coordinates": [[1, 2], [3, 4]]},
    {"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], [[0, 0], [1, 1], [2, 2]]]},
    {"type": "Polygon", "coordinates": [RING, [[1.5, 0.5], [1.6, 0.5], [1.6, 0.6], [1.5, 0.5]]]},
    {"type": "MultiPolygon", "coordinates": [[RING]]},
]


@pytest.mark.parametrize("geometry", SOUND, ids=lambda geometry: geometry["type"])
def test_a_sound_geometry_passes_and_its_box_is_that_of_shapely(geometry: dict[str, Any]) -> None:
    check_geometry(geometry)
    assert box(geometry) == shapely.geometry.shape(geometry).bounds


@pytest.mark.parametrize(
    ("geometry", "fault"),
    [
        ("Point", "not 'Point'"),
        ([1, 2], "not an array of 2"),
        ({"type": "Circle", "coordinates": [1, 2]}, "type 'Circle' is not one of Point"),
        ({"type": ["Point"], "coordinates": [1, 2]}, "is not one of Point"),
        ({"type": "GeometryCollection", "geometries": []}, "store its parts as instances"),
        ({"type": "Point"}, "the Point has no coordinates"),
        ({"type": "Point", "coordinates": "1,2"}, "coordinates must be a position"),
        ({"type": "Point", "coordinates": [1]}, "not an array of 1"),
        ({"type": "Point", "coordinates": [1, 2, 3, 4]}, "not an array of 4"),
        ({"type": "Point", "coordinates": [1, "2"]}, "finite numbers, found '2'"),
        ({"type": "Point", "coordinates": [True, 2]}, "finite numbers, found True"),
        ({"type": "Point", "coordinates": [1, math.nan]}, "finite numbers, found nan"),
        ({"type": "Point", "coordinates": [181, 2]}, "longitude 181 is out of range -180..180"),
        ({"type": "Point", "coordinates": [10.9, 106.6]}, "latitude 106.6 is out of range -90..90; the order is"),
        ({"type": "LineString", "coordinates": [[1, 2]]}, "coordinates: a line has two positions or more, found 1"),
        ({"type": "LineString", "coordinates": []}, "non-empty array of positions"),
        ({"type": "MultiPoint", "coordinates": [[1, 2], [3, [4]]]}, "coordinates[1] must hold finite numbers"),
        ({"type": "Polygon", "coordinates": [[1, 2], [3, 4]]}, "coordinates[0][0] must be a position"),
        ({"type": "Polygon", "coordinates": [RING[:3]]}, "coordinates[0]: a ring has four positions or more, found 3"),
        ({"type": "Polygon", "coordinates": [[*RING[:3], [9, 9]]]}, "coordinates[0]: the ring is open"),
        ({"type": "MultiPolygon", "coordinates": [[RING], []]}, "coordinates[1] of the MultiPolygon"),
        ({"type": "MultiPoint", "coordinates": [[0, 0]] * 100_001}, "more than 100000 positions"),
    ],
)
def test_a_wrong_geometry_is_refused_with_what_and_where(geometry: object, fault: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_geometry(geometry)
    assert fault in str(caught.value)


def test_a_geo_query_is_read_from_its_parameters() -> None:
    query = parse_geo("near;minDistance==1e1", "Point", "[106.65,10.98]", "https://x/place")
    assert (query.relation, query.min_distance, query.max_distance) == ("near", 10.0, None)
    assert parse_geo("near;maxDistance==2000", "Point", "[106.65,10.98]").max_distance == 2000.0
    assert (query.geometry, query.property) == ({"type": "Point", "coordinates": [106.65, 10.98]}, "https://x/place")
    assert parse_geo("within", "Polygon", [RING]).property == LOCATION


@pytest.mark.parametrize(
    ("georel", "geometry", "coordinates", "fault"),
    [
        ("touches", "Point", "[1,2]", "georel 'touches' is unknown"),
        ("near", "Point", "[1,2]", "near;maxDistance==2000"),
        ("near;maxDistance=5", "Point", "[1,2]", "expected maxDistance==metres"),
        ("near;maxDistance==5;maxDistance==6", "Point", "[1,2]", "one distance"),
        ("near;maxDistance==5;minDistance==1", "Point", "[1,2]", "one distance"),
        ("near;maxDistance==-5", "Point", "[1,2]", "expected maxDistance==metres"),
        ("near;maxDistance==0", "Point", "[1,2]", "positive number"),
        ("near;maxDistance==1e999", "Point", "[1,2]", "positive number"),
        ("within;maxDistance==5", "Polygon", [RING], "takes no modifier"),
        ("within", "Polygon", "[[1,2]", "no JSON array"),
        ("within", "Polygon", "[" * 100_000, "no JSON array"),
        ("within", "GeometryCollection", "[]", "geometry of the geo query: geometry type"),
        ("within", "Point", "[1,200]", "latitude 200"),
    ],
)
def test_a_wrong_geo_query_is_refused(georel: str, geometry: str, coordinates: Any, fault: str) -> None:
    with pytest.raises(BadRequestData) as caught:
        parse_geo(georel, geometry, coordinates)
    assert fault in caught.value.detail


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(type=st.sampled_from(["Point", "LineString", "Polygon", "MultiPolygon", "x"]), coordinates=json_values)
def test_whatever_passes_has_a_box_and_is_a_shape(type: str, coordinates: Any) -> None:
    geometry = {"type": type, "coordinates": coordinates}
    try:
        check_geometry(geometry)
    except ValueError:
        return
    assert box(geometry) == shapely.geometry.shape(geometry).bounds
