"""Messages of devices become entities; garbage becomes a problem that says what to send."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.connectors.lorawan import chirpstack_feed, things_stack_feed
from dothi.connectors.payloads import Decode, Recipe, json_feed, smart_data_model_feed
from dothi.connectors.topics import check_filter, wildcards
from dothi.model.reading import Decoded

AIR = Recipe("city/+/air/+", "AirQualityObserved", "urn:ngsi-ld:AirQualityObserved:{1}:{2}")
TIME = "2026-01-31T08:00:00Z"


def decode(feed: Decode, message: Any, topic: str = "city/bencat/air/7") -> Decoded:
    return feed(message if isinstance(message, bytes) else orjson.dumps(message), topic)


def prop(value: Any, observed: str | None = None) -> dict[str, Any]:
    return {"type": "Property", "value": value} | ({"observedAt": observed} if observed else {})


def test_plain_json_takes_its_id_from_the_topic_and_its_time_from_the_message() -> None:
    decoded = decode(json_feed(AIR), {"pm2.5": 12.5, "ts": 1769846400, "lat": 11.1, "lng": 106.6, "off": None})
    point = {"type": "Point", "coordinates": [106.6, 11.1]}
    assert decoded.problems == []
    assert decoded.entities == [
        {
            "id": "urn:ngsi-ld:AirQualityObserved:bencat:7",
            "type": "AirQualityObserved",
            "location": {"type": "GeoProperty", "value": point, "observedAt": TIME},
            "pm2_5": prop(12.5, TIME),
        }
    ]


@pytest.mark.parametrize(
    "moment", [1769846400, "1769846400", 1769846400000, 1769846400000000, "2026-01-31T15:00:00+07:00"]
)
def test_a_time_is_read_in_every_usual_form(moment: Any) -> None:
    assert decode(json_feed(AIR), {"a": 1, "time": moment}).entities[0]["a"]["observedAt"] == TIME


def test_a_bare_value_is_named_by_the_last_level_of_the_topic() -> None:
    recipe = Recipe("home/+/#", "Device", "urn:ngsi-ld:Device:{1}")
    assert decode(json_feed(recipe), b"21.5", "home/7/temperature").entities == [
        {"id": "urn:ngsi-ld:Device:7", "type": "Device", "temperature": prop(21.5)}
    ]


def test_a_list_gives_an_entity_each_and_names_the_broken_ones() -> None:
    recipe = Recipe("#", "Meter", "urn:ngsi-ld:Meter:{info.serial}")
    decoded = decode(json_feed(recipe), [{"info": {"serial": 5}, "kwh": 1}, {"kwh": 2}, 7], "meters")
    assert [entity["id"] for entity in decoded.entities] == ["urn:ngsi-ld:Meter:5"]
    assert [problem.where for problem in decoded.problems] == ["meters#/1", "meters#/2"]
    assert decoded.problems[0].what == "has no {info.serial}, which the id is made from"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "the message is empty"),
        (b"{", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b'{"a": NaN}', "is no JSON"),
        (b"null", "is no reading"),
        ({}, "holds no reading"),
        ({"a": 1, "time": "yesterday"}, "time 'yesterday' is no time"),
        ({"a": 1, "time": "2026-01-31T08:00:00"}, "is no time"),
        ({"a": 1, "lat": 110, "lon": 106}, "latitude 110"),
        ({"a": 1, "lat": "x", "lon": 106}, "'x' is no number"),
    ],
)
def test_garbage_says_what_is_wrong_and_how_to_mend_it(message: Any, words: str) -> None:
    decoded = decode(json_feed(AIR), message)
    assert decoded.entities == []
    [problem] = decoded.problems
    assert words in problem.what
    assert problem.mend


def test_smart_data_models_come_in_every_form() -> None:
    feed = smart_data_model_feed(Recipe())
    context = "https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/master/context.jsonld"
    point = {"type": "Point", "coordinates": [106.6, 11.1]}
    item = {
        "id": "urn:ngsi-ld:AirQualityObserved:1", "type": "AirQualityObserved", "@context": [context],
        "pm25": 12, "pm10": {"type": "Property", "value": 5, "observedAt": TIME}, "no2": {"value": 3},
        "location": point, "address": {"type": "PostalAddress", "addressLocality": "Bến Cát"},
        "refDevice": ["urn:ngsi-ld:Device:1"], "source": "urn:x:1",
    }  # fmt: skip
    [entity] = decode(feed, item).entities
    assert entity["@context"] == context
    assert entity["pm25"] == prop(12)
    assert entity["pm10"] == prop(5, TIME)
    assert entity["no2"] == {"value": 3}
    assert entity["location"] == {"type": "GeoProperty", "value": point}
    assert entity["address"] == prop({"type": "PostalAddress", "addressLocality": "Bến Cát"})
    assert entity["refDevice"] == {"type": "Relationship", "object": ["urn:ngsi-ld:Device:1"]}
    assert entity["source"] == prop("urn:x:1")


CHIRPSTACK = {
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": TIME,
    "deviceInfo": {
        "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97", "applicationName": "air", "deviceName": "trạm 7",
        "devEui": "0101010101010101", "tags": {"station": "bencat"},
    },
    "fPort": 1, "data": "qg==", "object": {"temperature": 21.5, "battery level": 80},
    "rxInfo": [{"gatewayId": "a", "rssi": -99, "snr": 1.5}, {"gatewayId": "b", "rssi": -48, "snr": 9}],
}  # fmt: skip
THINGS_STACK = {
    "end_device_ids": {
        "device_id": "tram-7", "application_ids": {"application_id": "air"}, "dev_eui": "0101010101010101",
    },
    "received_at": TIME,
    "uplink_message": {
        "f_port": 1, "frm_payload": "qg==", "decoded_payload": {"temperature": 21.5},
        "rx_metadata": [{"gateway_ids": {"gateway_id": "a"}, "rssi": -48, "snr": 9}], "received_at": TIME,
        "locations": {"user": {"latitude": 11.1, "longitude": 106.6, "source": "SOURCE_REGISTRY"}},
    },
}  # fmt: skip


def test_a_chirpstack_uplink_becomes_a_device() -> None:
    [entity] = decode(chirpstack_feed(Recipe()), CHIRPSTACK, "application/1/device/2/event/up").entities
    assert entity == {
        "id": "urn:ngsi-ld:Device:0101010101010101",
        "type": "Device",
        "temperature": prop(21.5, TIME),
        "batteryLevel": prop(80, TIME),
        "name": prop("trạm 7"),
        "rssi": prop(-48, TIME) | {"unitCode": "DBM"},
        "snr": prop(9, TIME) | {"unitCode": "2N"},
    }


def test_a_lorawan_device_takes_type_and_id_of_the_recipe() -> None:
    recipe = Recipe("application/+/device/+/event/+", "WeatherObserved", "urn:ngsi-ld:WeatherObserved:{station}")
    [entity] = decode(chirpstack_feed(recipe), CHIRPSTACK, "application/1/device/2/event/up").entities
    assert (entity["id"], entity["type"]) == ("urn:ngsi-ld:WeatherObserved:bencat", "WeatherObserved")


def test_a_things_stack_uplink_becomes_a_device_with_its_place() -> None:
    [entity] = decode(things_stack_feed(Recipe()), THINGS_STACK, "v3/air@ttn/devices/tram-7/up").entities
    assert entity["id"] == "urn:ngsi-ld:Device:0101010101010101"
    assert entity["temperature"] == prop(21.5, TIME)
    assert entity["location"]["value"] == {"type": "Point", "coordinates": [106.6, 11.1]}


@pytest.mark.parametrize("event", ["join", "status", "ack", "txack", "log"])
def test_other_events_of_a_device_are_passed_over(event: str) -> None:
    assert decode(chirpstack_feed(Recipe()), {"x": 1}, f"application/1/device/2/event/{event}") == Decoded()
    assert decode(things_stack_feed(Recipe()), {"x": 1}, f"v3/air@ttn/devices/tram-7/{event}") == Decoded()


def test_an_uplink_without_a_codec_says_what_to_add() -> None:
    [problem] = decode(chirpstack_feed(Recipe()), CHIRPSTACK | {"object": None}).problems
    assert problem.what == "carries no decoded values"
    assert "codec" in problem.mend


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "type", "time", "lat", "lon", "deviceInfo", "object", "rxInfo", "uplink_message", "tags",
                         "end_device_ids", "decoded_payload", "value", "rssi", "locations", "rx_metadata", "@context"])
        | st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip


@given(
    st.sampled_from([json_feed, smart_data_model_feed, chirpstack_feed, things_stack_feed]),
    VALUES,
    st.sampled_from([AIR, Recipe()]),
)
def test_no_message_makes_a_decoder_raise(feed: Any, message: Any, recipe: Recipe) -> None:
    decoded = decode(feed(recipe), message)
    assert all(entity["id"] and entity["type"] for entity in decoded.entities)


@given(st.sampled_from([json_feed, chirpstack_feed]), st.binary(max_size=60))
def test_no_bytes_make_a_decoder_raise(feed: Any, message: bytes) -> None:
    feed(Recipe())(message, "a/b")


@pytest.mark.parametrize(
    ("pattern", "topic", "found"),
    [
        ("a/+/c", "a/b/c", ["b"]),
        ("a/+/c", "a//c", [""]),
        ("a/#", "a", [""]),
        ("a/#", "a/b/c", ["b/c"]),
        ("+/+", "a/b", ["a", "b"]),
        ("a/+", "a/b/c", None),
        ("#", "$SYS/load", None),
        ("$share/group/a/+", "a/b", ["b"]),
    ],
)
def test_a_filter_matches_as_mqtt_says(pattern: str, topic: str, found: list[str] | None) -> None:
    assert wildcards(pattern, topic) == found


@pytest.mark.parametrize("pattern", ["", "a/#/b", "a+/b", "a/b#", "a\x00"])
def test_a_wrong_filter_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="topic"):
        check_filter(pattern)
