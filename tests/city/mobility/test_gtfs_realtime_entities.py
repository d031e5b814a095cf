"""GTFS-Realtime messages become vehicles, arrivals and alerts; garbage becomes a problem."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as gtfs_realtime
from hypothesis import given
from hypothesis import strategies as st

from dothi.city.mobility import module
from dothi.city.mobility.realtime import decode_realtime, realtime_decoder

_FOUND = os.environ.get("DOTHI_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data"
CONTEXTS = Path(_FOUND) / "smart-data-models" / "contexts"
NOW = 1_769_846_400


def message() -> Any:
    feed = gtfs_realtime.FeedMessage()
    feed.header.gtfs_realtime_version = "2.0"
    feed.header.timestamp = NOW
    return feed


def vehicle(feed: Any, lat: float = 11.05, lon: float = 106.68) -> Any:
    item = feed.entity.add(id="v1").vehicle
    item.vehicle.id, item.vehicle.label, item.vehicle.license_plate = "bus 7", "51-07", "61B-007.51"
    item.trip.trip_id, item.trip.route_id, item.stop_id = "T1", "51", "A"
    item.position.latitude, item.position.longitude, item.position.speed, item.position.bearing = lat, lon, 10, 400
    item.timestamp = NOW - 5
    return item


def test_a_vehicle_position_becomes_a_moving_vehicle() -> None:
    feed = message()
    vehicle(feed)
    (entity,) = realtime_decoder("bd")(feed.SerializeToString(), "rt").entities
    assert entity["id"] == "urn:ngsi-ld:Vehicle:bd:bus%207"
    assert entity["location"]["value"] == {"type": "Point", "coordinates": [106.68, 11.05]}
    assert entity["location"]["observedAt"] == "2026-01-31T07:59:55Z"
    assert (entity["speed"]["value"], entity["speed"]["unitCode"]) == (36.0, "KMH")
    assert entity["heading"]["value"] == 40.0
    assert entity["hasTrip"]["object"] == "urn:ngsi-ld:GtfsTrip:bd:T1"
    assert entity["hasRoute"]["object"] == "urn:ngsi-ld:GtfsRoute:bd:51"


def test_a_vehicle_beyond_the_earth_is_told_and_the_others_are_taken() -> None:
    feed = message()
    vehicle(feed, lat=95)
    vehicle(feed)
    decoded = decode_realtime(feed.SerializeToString(), "rt")
    assert len(decoded.entities) == 1
    assert decoded.problems[0].where == "rt#v1"


def test_a_trip_update_tells_the_next_arrival() -> None:
    feed = message()
    update = feed.entity.add(id="u1").trip_update
    update.trip.trip_id = "T1"
    for stop, at in (("A", NOW - 60), ("B", NOW + 125)):
        visit = update.stop_time_update.add(stop_id=stop)
        visit.arrival.time, visit.arrival.delay = at, 45
    (entity,) = decode_realtime(feed.SerializeToString(), "rt").entities
    assert entity["type"] == "ArrivalEstimation"
    assert entity["hasStop"]["object"] == "urn:ngsi-ld:GtfsStop:gtfs:B"
    assert entity["remainingTime"]["value"] == "PT125S"
    assert (entity["delay"]["value"], entity["delay"]["unitCode"]) == (45, "SEC")


def test_an_alert_speaks_vietnamese_first() -> None:
    feed = message()
    alert = feed.entity.add(id="a1").alert
    alert.header_text.translation.add(text="Diversion", language="en")
    alert.header_text.translation.add(text="Đổi lộ trình", language="vi")
    alert.informed_entity.add(route_id="51")
    alert.active_period.add(start=NOW, end=NOW + 3600)
    (entity,) = decode_realtime(feed.SerializeToString(), "rt").entities
    assert entity["name"]["value"] == "Đổi lộ trình"
    assert entity["hasRoute"]["object"] == "urn:ngsi-ld:GtfsRoute:gtfs:51"
    assert entity["validTo"]["value"]["@value"] == "2026-01-31T09:00:00Z"


def test_a_time_beyond_all_calendars_does_not_stop_the_feed() -> None:
    feed = message()
    vehicle(feed).timestamp = 2**63
    (entity,) = decode_realtime(feed.SerializeToString(), "rt").entities
    assert entity["location"]["observedAt"] == "9999-12-31T23:59:59Z"


def test_deleted_entities_are_passed_over() -> None:
    feed = message()
    vehicle(feed)
    feed.entity[0].is_deleted = True
    assert decode_realtime(feed.SerializeToString(), "rt").entities == []


@pytest.mark.parametrize("garbage", [b"<html>404</html>", b"\xff\xff\xff", b"", b"{}"])
def test_garbage_is_told(garbage: bytes) -> None:
    decoded = decode_realtime(garbage, "http://feed.example/rt")
    assert decoded.entities == []
    assert decoded.problems[0].where == "http://feed.example/rt"


@given(st.binary(max_size=300))
def test_no_message_makes_the_feed_raise(content: bytes) -> None:
    decode_realtime(content, "rt")


@pytest.mark.skipif(not CONTEXTS.exists(), reason=f"the contexts are not there: {CONTEXTS} (set DOTHI_SHARED_DATA)")
def test_types_and_attributes_are_named_as_in_the_smart_data_models() -> None:
    known: dict[str, set[str]] = {}
    for subject in ("UrbanMobility", "Transportation", "Alert"):
        content = json.loads((CONTEXTS / f"{subject}.context.jsonld").read_text(encoding="utf-8"))
        for term, iri in content["@context"].items():
            known.setdefault(term, set()).add(iri if isinstance(iri, str) else iri["@id"])
    for entity in module.types:
        assert entity.iri in known[entity.name]
        assert all(attribute.name in known or attribute.name in module.terms for attribute in entity.attributes)
    for name, iri in module.terms.items():
        assert iri in known.get(name, set()) or iri.startswith("https://dothi.dev/ontology/"), name
