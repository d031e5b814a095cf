"""The demo city is the same for the same seed, says that it is a demo, and behaves like Bình Dương."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.city.environment import module as environment
from dothi.city.mobility import module as mobility
from dothi.demo.city import DemoCity
from dothi.demo.communes import COMMUNES, cells, outline
from dothi.demo.declaration import module as demo
from dothi.demo.landmarks import PARKS, hexagon
from dothi.model.instant import parse_instant
from dothi.model.reading import Document

_FOUND = os.environ.get("DOTHI_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data"
WARDS = Path(_FOUND) / "admin" / "binh_duong_wards_2025.csv"
CONTEXTS = Path(_FOUND) / "smart-data-models" / "contexts"

SECOND = 1_000_000
NOW = parse_instant("2026-01-15T01:00:00Z")
YEAR = parse_instant("2025-01-15T00:00:00Z")


def digest(documents: list[Document]) -> str:
    return hashlib.sha256(json.dumps(documents, ensure_ascii=False).encode()).hexdigest()


@pytest.fixture(scope="module")
def city() -> list[Document]:
    return list(DemoCity().entities(NOW))


def test_the_same_seed_gives_the_same_city() -> None:
    one, other = DemoCity(seed=7, size=600), DemoCity(seed=7, size=600)
    other.live(NOW + 77 * SECOND)
    assert digest(list(one.entities(NOW))) == digest(list(other.entities(NOW)))
    assert digest(one.live(NOW)) == digest(other.live(NOW))
    pasts = [[(s.entity["id"], s.attribute, s.values.tobytes()) for s in c.history(NOW - 86400 * SECOND, NOW)]
             for c in (one, other)]  # fmt: skip
    assert pasts[0] == pasts[1]


def test_another_seed_gives_another_city() -> None:
    assert digest(list(DemoCity(1, 600).entities(NOW))) != digest(list(DemoCity(2, 600).entities(NOW)))


@pytest.mark.parametrize("size", [303, 600, 1500, 5000])
def test_the_city_has_the_size_that_was_asked_for(size: int) -> None:
    ids = [entity["id"] for entity in DemoCity(size=size).entities()]
    assert len(ids) == len(set(ids)) == size


def test_every_entity_says_that_it_is_a_demo(city: list[Document]) -> None:
    assert all(entity["provider"] == {"type": "Property", "value": "dothi demo"} for entity in city)
    assert all("dataProvider" in entity for entity in city)


def test_the_default_city_has_what_was_promised(city: list[Document]) -> None:
    count = Counter(entity["type"] for entity in city)
    assert len(city) == 1500
    assert (count["AdministrativeUnit"], count["AirQualityObserved"], count["WeatherObserved"]) == (36, 40, 30)
    assert (count["Vehicle"], count["GtfsRoute"], count["GtfsShape"], count["GtfsStop"]) == (40, 8, 8, 150)
    assert count["AccessPoint"] >= 300
    assert count["ACMeasurement"] >= 500
    assert count["IndustrialPark"] == 18


def test_every_type_is_declared_by_a_module_and_every_declared_attribute_known(city: list[Document]) -> None:
    declared = {entity.name for module in (environment, mobility, demo) for entity in module.types}
    assert {entity["type"] for entity in city} <= declared


@pytest.mark.skipif(not CONTEXTS.exists(), reason=f"the contexts are not there: {CONTEXTS} (set DOTHI_SHARED_DATA)")
def test_every_attribute_has_a_term_in_a_context_or_in_a_module(city: list[Document]) -> None:
    known = {term for module in (environment, mobility, demo) for term in module.terms}
    iris = set()
    for path in CONTEXTS.glob("*.jsonld"):
        content = json.loads(path.read_text(encoding="utf-8"))["@context"]
        for part in content if isinstance(content, list) else [content]:
            known |= set(part) if isinstance(part, dict) else set()
            iris |= set(map(str, part.values())) if isinstance(part, dict) else set()
    assert {name for entity in city for name in entity} - known <= {"id", "type"}
    for name, iri in [*demo.terms.items(), *((entity.name, entity.iri) for entity in demo.types)]:
        assert iri in iris or iri == "https://dothi.dev/ontology/" + name


@pytest.mark.skipif(not WARDS.exists(), reason=f"the list of wards is not there: {WARDS} (set DOTHI_SHARED_DATA)")
def test_communes_are_those_of_the_official_list() -> None:
    with WARDS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(c.code, c.title, c.area, c.population) for c in COMMUNES] == [
        (row["code"], row["name"], float(row["area_km2"]), int(row["population"])) for row in rows
    ]
    assert sum(commune.population for commune in COMMUNES) == 2_662_374


def test_commune_cells_cover_the_outline_without_overlap() -> None:
    parts = [shapely.Polygon(cell["coordinates"][0]) for cell in cells()]
    assert all(part.is_valid and part.exterior.is_ccw for part in parts)
    assert all(part.contains(shapely.Point(c.lon, c.lat)) for part, c in zip(parts, COMMUNES, strict=True))
    assert sum(part.area for part in parts) == pytest.approx(outline().area, rel=0.002)
    assert shapely.union_all(parts).area == pytest.approx(outline().area, rel=0.002)


def test_park_hexagons_have_the_published_area() -> None:
    for park in PARKS:
        ring = np.array(hexagon(park.lat, park.lon, park.area)["coordinates"][0])
        east = (ring[:, 0] - park.lon) * 111_320 * np.cos(np.radians(park.lat))
        north = (ring[:, 1] - park.lat) * 110_600
        hectares = abs(np.dot(east[:-1], north[1:]) - np.dot(east[1:], north[:-1])) / 2 / 1e4
        assert hectares == pytest.approx(park.area, rel=0.01)


def test_everything_stands_inside_the_city_or_on_a_corridor(city: list[Document]) -> None:
    border = outline().buffer(0.02)
    for entity in city:
        if "location" in entity and entity["type"] not in ("IndustrialPark",):
            assert border.covers(shapely.from_geojson(json.dumps(entity["location"]["value"]))), entity["id"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 365 * 86400), st.integers(1, 45))
def test_consecutive_spans_lose_no_entity_that_a_long_span_tells(offset: int, seconds: int) -> None:
    city = DemoCity(size=420)
    start = NOW + offset * SECOND
    whole = {document["id"] for document in city.live(start + seconds * SECOND, start)}
    parts = [city.live(start + (i + 1) * SECOND, start + i * SECOND) for i in range(seconds)]
    assert {document["id"] for part in parts for document in part} == whole


def test_live_values_are_those_of_the_state_at_that_moment() -> None:
    city = DemoCity(size=500)
    state = {entity["id"]: entity for entity in city.entities(NOW)}
    for document in city.live(NOW, NOW - 5 * SECOND):
        assert document.items() <= state[document["id"]].items()


def test_history_meets_the_state_at_the_hour() -> None:
    city = DemoCity(size=500)
    state = {entity["id"]: entity for entity in city.entities(NOW)}
    close = [
        abs(series.values[0] - state[series.entity["id"]]["temperature"]["value"])
        for series in city.history(NOW, NOW + 1)
        if series.attribute == "temperature"
    ]
    assert max(close) < 0.5


def test_a_year_of_hours_comes_in_columns() -> None:
    city = DemoCity(size=420)
    series = next(city.history(YEAR, YEAR + 365 * 86400 * SECOND))
    assert (series.attribute, series.unit) == ("pm25", "GQ")
    assert series.times.dtype == np.int64
    assert len(series.times) == len(series.values) == 8760
    assert set(np.diff(series.times)) == {3_600 * SECOND}
    assert series.attribute not in series.entity
    assert np.array_equal(series.values, series.values.round(1))


def test_history_starts_on_the_first_whole_hour_and_ends_before_the_end() -> None:
    series = next(DemoCity(size=420).history(NOW + 1, NOW + 3 * 3600 * SECOND))
    assert series.times.tolist() == [NOW + 3600 * SECOND, NOW + 2 * 3600 * SECOND]


def test_the_year_looks_like_binh_duong() -> None:
    pasts = {past.attribute: past for past in DemoCity(size=420).history(YEAR, YEAR + 365 * 86400 * SECOND)}
    assert all(np.isfinite(past.values).all() for past in pasts.values())
    times = pasts["pm25"].times
    hour = (times // (3600 * SECOND) + 7) % 24
    month = (times.astype("datetime64[us]").astype("datetime64[M]").astype(int)) % 12

    def means(attribute: str, keys: np.ndarray, count: int) -> list[float]:
        return [float(pasts[attribute].values[keys == key].mean()) for key in range(count)]

    dust, rain, heat = (means(name, month, 12) for name in ("pm25", "precipitation", "temperature"))
    assert min(dust[0], dust[11]) > 1.4 * max(dust[5:9])
    assert sum(rain[4:10]) > 5 * (sum(rain[:3]) + rain[11])
    assert 1000 < sum(rain) / 12 * 8760 < 3000
    assert 25 < sum(heat) / 12 < 29
    noise, gas = means("LAeq", hour, 24), means("no2", hour, 24)
    assert noise[3] + 6 < noise[17]
    assert min(gas[7], gas[17]) > 1.2 * max(gas[2], gas[12])


def test_buses_move_along_their_corridor_and_point_where_they_go() -> None:
    city = DemoCity()
    lines = {
        entity["hasRoute"]["object"]: shapely.from_geojson(json.dumps(entity["location"]["value"]))
        for entity in city.entities()
        if entity["type"] == "GtfsShape"
    }
    before = {d["id"]: d for d in city.entities(NOW) if d["type"] == "Vehicle"}
    after = {d["id"]: d for d in city.entities(NOW + 2 * SECOND) if d["type"] == "Vehicle"}
    moved = 0
    for key, bus in before.items():
        here, there = (np.array(d["location"]["value"]["coordinates"]) for d in (bus, after[key]))
        assert lines[bus["hasRoute"]["object"]].distance(shapely.Point(here)) < 0.0002
        if bus["speed"]["value"] == 0 or np.array_equal(here, there):
            continue
        moved += 1
        step = (there - here) * (np.cos(np.radians(11)), 1)
        assert 1 < np.hypot(*step) * 110_600 < 20
        went = np.degrees(np.arctan2(step[0], step[1])) % 360
        assert abs((went - bus["heading"]["value"] + 180) % 360 - 180) < 60
    assert moved > 20


def test_everything_that_moves_is_told_every_two_seconds() -> None:
    city = DemoCity()
    count = Counter(document["type"] for document in city.live(NOW))
    assert count["Vehicle"] == 40
    assert Counter(document["type"] for document in city.live(NOW + SECOND, NOW))["Vehicle"] == 0
    reported = {document["id"] for document in city.live(NOW + 120 * SECOND, NOW)}
    assert len(reported) == sum("observedAt" in json.dumps(entity) for entity in city.entities(NOW))


def test_a_hundred_thousand_entities_come_quickly_enough_for_benches() -> None:
    city = DemoCity(size=100_000)
    assert sum(1 for _ in city.entities()) == 100_000
    assert len(city.live(NOW)) > 1000
