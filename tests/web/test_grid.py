"""Clusters: a grid that is changed step by step shows what a new one shows, and never hides what is abnormal."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.web.grid import (
    CELLS,
    FINEST,
    MOST_SINGLES,
    SEVERITY,
    SPAN,
    Grid,
    Point,
    Port,
    geographic,
    mercator,
    select,
)


def point(id, lon, lat, status="ok"):
    return Point(*mercator(lon, lat), status, None, json.dumps({"id": id, "properties": {"status": status}}).encode())


places = st.tuples(st.floats(106.4, 106.9), st.floats(10.9, 11.4))
objects = st.dictionaries(st.integers(0, 40).map(str), st.tuples(places, st.sampled_from(SEVERITY)), max_size=40).map(
    lambda drawn: {id: point(id, *place, status) for id, (place, status) in drawn.items()}
)


def shown(grid, port):
    return {json.loads(each)["id"]: each for each in grid.window(port)}


@given(objects, objects, st.integers(0, FINEST))
def test_a_grid_changed_step_by_step_shows_what_a_new_grid_shows(before, after, zoom):
    port = Port(-180, -85, 180, 85, zoom)
    grid = Grid(zoom, before)
    seen = shown(grid, port)
    for id, old in before.items():
        grid.drop(id, old)
    for id, new in after.items():
        grid.put(id, new)
    changed = select(grid.flush(), port)
    assert shown(grid, port) == shown(Grid(zoom, after), port)
    seen = {id: feature for id, feature in (seen | changed).items() if feature is not None}
    assert seen == shown(grid, port), "who follows the changes sees what a new snapshot shows"


@given(objects, st.integers(0, FINEST))
def test_every_object_is_shown_or_counted_in_the_state_that_it_has(points, zoom):
    counts = dict.fromkeys(SEVERITY, 0)
    for feature in map(json.loads, Grid(zoom, points).window(Port(-180, -85, 180, 85, zoom))):
        properties = feature["properties"]
        for status, count in properties.get("counts", {properties["status"]: 1}).items():
            counts[status] += count
    expected = dict.fromkeys(SEVERITY, 0)
    for each in points.values():
        expected[each.status] += 1
    assert counts == expected


def test_an_abnormal_object_among_thousands_stands_alone():
    crowd = {str(n): point(str(n), 106.6 + n / 1e6, 11.0) for n in range(5_000)}
    crowd["bad"] = point("bad", 106.6, 11.0, "critical")
    features = shown(Grid(6, crowd), Port(106, 10, 107, 12, 6))
    assert "bad" in features
    assert sum(json.loads(each)["properties"].get("count", 0) for each in features.values()) == 5_000


def test_many_abnormal_objects_become_a_cluster_of_their_own_that_names_the_worst():
    crowd = {str(n): point(str(n), 106.6, 11.0, "minor") for n in range(MOST_SINGLES)}
    crowd |= {"bad": point("bad", 106.6, 11.0, "critical"), "good": point("good", 106.6, 11.0)}
    features = [json.loads(each) for each in Grid(6, crowd).window(Port(106, 10, 107, 12, 6))]
    (cluster,) = [each for each in features if each["id"].endswith("!")]
    assert cluster["properties"]["status"] == "critical"
    assert cluster["properties"]["counts"] == {"critical": 1, "minor": MOST_SINGLES}
    assert len(features) == 2


def test_a_cluster_that_hardly_moves_is_not_sent_again():
    crowd = {str(n): point(str(n), 106.6, 11.0) for n in range(100)}
    grid = Grid(10, crowd)
    grid.drop("7", crowd["7"])
    grid.put("7", point("7", 106.6001, 11.0))
    assert grid.flush() == []


def test_an_object_that_goes_to_another_cell_is_not_told_as_gone():
    there = point("a", 106.6, 11.0, "major")
    grid = Grid(12, {"a": there})
    grid.drop("a", there)
    grid.put("a", point("a", 106.7, 11.0, "major"))
    assert list(select(grid.flush(), Port(106, 10, 107, 12, 12)).values()) != [None]


def test_the_window_holds_no_cell_outside_the_port():
    grid = Grid(12, {"in": point("in", 106.6, 11.0), "out": point("out", 107.6, 11.0)})
    assert set(shown(grid, Port(106.5, 10.9, 106.7, 11.1, 12))) == {"in"}


@given(st.floats(-180, 179.999), st.floats(-85, 85))
def test_places_survive_the_mercator_square(lon, lat):
    x, y = mercator(lon, lat)
    back = geographic(x + 0.5, y + 0.5)
    assert back == pytest.approx((lon, lat), abs=360 / SPAN)


def test_cells_are_sixty_four_pixels_wide():
    metres = 40_075_016.68 * math.cos(0) / (512 * 2**10) * 64
    width = 360 / (CELLS << 10) * 111_319.49
    assert width == pytest.approx(metres, rel=1e-3)
