"""The environment module's declaration, feeds and derived values."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.city.environment import module
from dothi.city.environment.air_index import LEVELS
from dothi.city.environment.feeds import decode_plain, decode_smart_data_models
from dothi.city.environment.flood import FloodStatus, flood_index, flood_status

_FOUND = os.environ.get("DOTHI_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data"
MODELS = Path(_FOUND) / "smart-data-models"
needs_models = pytest.mark.skipif(
    not MODELS.exists(), reason=f"the Smart Data Models are not there: {MODELS} (set DOTHI_SHARED_DATA)"
)


@needs_models
def test_types_and_attributes_are_named_as_in_the_smart_data_models() -> None:
    known: dict[str, set[str]] = {}
    for subject in ("Environment", "Weather"):
        content = json.loads((MODELS / "contexts" / f"{subject}.context.jsonld").read_text(encoding="utf-8"))
        for term, iri in content["@context"].items():
            known.setdefault(term, set()).add(iri if isinstance(iri, str) else iri["@id"])
    for entity in module.types:
        assert entity.iri in known[entity.name]
        assert all(attribute.name in known or attribute.name in module.terms for attribute in entity.attributes)
    for name, iri in module.terms.items():
        assert iri in known.get(name, set()) or iri.startswith("https://dothi.dev/ontology/"), name


def test_layers_speak_of_declared_types_and_bands_rise() -> None:
    names = {entity.name for entity in module.types}
    for layer in module.page.layers:
        assert set(layer.types) <= names
        lows = [band.low for band in layer.bands]
        assert lows == sorted(set(lows))


def test_derived_index_is_the_worst_pollutants() -> None:
    derived = module.derive["AirQualityObserved"](
        {
            "id": "urn:x",
            "type": "AirQualityObserved",
            "pm25": 55.7,
            "no2": 130.8,
            "dateObserved": "2026-01-31T08:00:00Z",
        }
    )
    assert derived["airQualityIndex"]["value"] == 110
    assert derived["airQualityIndex"]["observedAt"] == "2026-01-31T08:00:00Z"
    assert "without NowCast" in derived["airQualityIndex"]["indexMethod"]["value"]
    assert derived["airQualityLevel"]["value"] == "poor"


def test_a_derived_value_was_observed_when_its_newest_input_was() -> None:
    times = {"pm25": "2026-01-31T08:00:00Z", "no2": "2026-01-31T08:00:00.5Z", "temperature": "2026-01-31T09:00:00Z"}
    derived = module.derive["AirQualityObserved"]({"pm25": 20.0, "no2": 30.0, "observedAt": times})
    assert {each["observedAt"] for each in derived.values()} == {times["no2"]}
    gauge = {"currentLevel": 2.2, "alertLevel": 2.0, "dangerLevel": 3.0}
    derived = module.derive["FloodMonitoring"](gauge | {"observedAt": {"currentLevel": "2026-01-31T08:00:00Z"}})
    assert {each["observedAt"] for each in derived.values()} == {"2026-01-31T08:00:00Z"}


def test_every_derived_word_has_a_label() -> None:
    words = {each.name: each.words for kind in module.types for each in kind.attributes}
    assert set(words["airQualityLevel"]) == {level for _, level in LEVELS}
    assert set(words["floodLevelStatus"]) == set(get_args(FloodStatus))


@pytest.mark.parametrize("entity", [{}, {"no2": 50}, {"pm25": "many"}, {"pm25": True}, {"pm25": -3.0}])
def test_nothing_is_derived_without_a_usable_pm_value(entity: dict[str, object]) -> None:
    assert module.derive["AirQualityObserved"](entity) == {}


def test_flood_index_is_1_at_alert_and_2_at_danger() -> None:
    assert [flood_index(level, 2.0, 3.0) for level in (-1, 0, 1, 2, 2.5, 3, 4)] == [0, 0, 0.5, 1, 1.5, 2, 3]
    assert [flood_status(index) for index in (0.99, 1, 1.99, 2)] == ["Normal", "Alert", "Alert", "Danger"]
    with pytest.raises(ValueError, match="must rise"):
        flood_index(1, 3, 2)


def test_flood_status_is_derived_from_the_gauges_own_levels() -> None:
    derive = module.derive["FloodMonitoring"]
    derived = derive({"currentLevel": 2.2, "alertLevel": 2.0, "dangerLevel": 3.0})
    assert derived["floodLevelStatus"]["value"] == "Alert"
    assert derived["floodIndex"]["value"] == 1.2
    assert derive({"currentLevel": 2.2, "alertLevel": 3.0, "dangerLevel": 2.0}) == {}
    assert derive({"currentLevel": 2.2}) == {}


@needs_models
@pytest.mark.parametrize("form", ["jsonld", "keyvalues.jsonld"])
def test_published_air_quality_example_is_taken_and_carbon_monoxide_converted(form: str) -> None:
    message = (MODELS / f"AirQualityObserved.{form}").read_bytes()
    decoded = decode_smart_data_models(message, "city/air")
    assert decoded.problems == []
    (entity,) = decoded.entities
    assert entity["no2"]["value"] == 69
    assert entity["no2"]["unitCode"] == "GQ"
    assert entity["co"]["value"] == (500_000 if form == "jsonld" else 500)
    assert entity["location"]["type"] == "GeoProperty"
    assert entity["refPointOfInterest"]["type"] == "Relationship"
    assert "@context" not in entity


def test_observed_at_comes_from_date_observed() -> None:
    message = b'{"id": "urn:a:1", "type": "WeatherObserved", "temperature": 30.5, "dateObserved": {"type": "Property",\
 "value": {"@type": "DateTime", "@value": "2026-01-31T15:00:00+07:00"}}}'
    (entity,) = decode_smart_data_models(message, "t").entities
    assert entity["temperature"] == {
        "type": "Property", "value": 30.5, "unitCode": "CEL", "observedAt": "2026-01-31T08:00:00Z"
    }  # fmt: skip


def test_bad_attributes_are_told_and_the_rest_is_taken() -> None:
    message = b'[{"id": "urn:a:1", "type": "AirQualityObserved", "pm25": "high", "pm10": 40,\
 "no2": {"type": "Property", "value": 5, "unitCode": "59"}}, {"id": "x", "type": "AirQualityObserved"}, 7,\
 {"id": "urn:a:2", "type": "Cow"}]'
    decoded = decode_smart_data_models(message, "t")
    (entity,) = decoded.entities
    assert entity["pm10"]["value"] == 40
    assert "pm25" not in entity
    assert [problem.where for problem in decoded.problems] == ["t#/0/pm25", "t#/0/no2", "t#/1/id", "t#/2", "t#/3/type"]
    assert decoded.problems[1].what == "unit '59' cannot be taken"
    assert decoded.problems[1].mend == "send it in unitCode GQ"


def test_plain_reading_becomes_a_station() -> None:
    message = b'{"time": 1769846400, "lat": 10.98, "lon": 106.67, "name": "Ph\xc3\xba L\xe1\xbb\xa3i", "pm2_5": 31.5}'
    (entity,) = decode_plain(message, "air/bd-01").entities
    assert entity["id"] == "urn:ngsi-ld:AirQualityObserved:bd-01"
    assert entity["pm25"] == {
        "type": "Property", "value": 31.5, "observedAt": "2026-01-31T08:00:00Z", "unitCode": "GQ"
    }  # fmt: skip
    assert entity["name"]["value"] == "Phú Lợi"
    assert entity["location"]["value"]["coordinates"] == [106.67, 10.98]


def test_plain_reading_without_a_zone_or_a_place_on_earth_is_told() -> None:
    decoded = decode_plain(b'{"id": "a", "time": "2026-01-31 08:00", "temp": 30}', "t")
    assert decoded.entities == []
    assert decoded.problems[0].where == "t#/time"
    decoded = decode_plain(
        b'{"id": "a", "time": 1769846400000, "temp": 30, "humidity": 80, "lat": 106, "lon": 10}', "t"
    )
    assert decoded.problems[0].where == "t#/lat"
    assert decoded.entities[0]["type"] == "WeatherObserved"
    assert decoded.entities[0]["relativeHumidity"]["value"] == pytest.approx(0.8)


@given(st.binary(max_size=200))
def test_no_message_makes_a_feed_raise(message: bytes) -> None:
    for feed in module.feeds:
        decoded = feed.decode(message, "t")
        assert decoded.entities or decoded.problems or message.strip() in (b"[]",)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "type", "time", "lat", "lon", "pm25", "location", "value", "dateObserved", "unitCode"]),
        inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@given(_JSON)
def test_no_json_makes_a_feed_raise(content: object) -> None:
    for feed in module.feeds:
        feed.decode(json.dumps(content).encode(), "t")


def test_indicators_compute_from_hours_and_days() -> None:
    compute = {indicator.id: indicator.compute for indicator in module.indicators}
    assert compute["vn_aqi_hourly"]({"pm25": [25.0] * 12}) == 50
    assert compute["vn_aqi_daily"]({"pm25": [50.0] * 24}) == 100
    assert compute["us_aqi"]({"pm25": 9.0}) == 50
    assert compute["vn_aqi_daily"]({}) is None
