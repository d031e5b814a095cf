"""Documents become entities, fragments and instances with expanded names and untouched values."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from dothi.model.attribute import CREATE, FEED, MERGE, PARTIAL, UPDATE
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant
from dothi.model.parse import parse_attribute, parse_entity, parse_fragment

V = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE = core_context()
STATION = "urn:ngsi-ld:AirQualityObserved:TDM-1"


def entity(**members: Any) -> Entity:
    return parse_entity({"id": STATION, "type": "AirQualityObserved", **members}, CORE)


def test_the_common_shape_is_read_with_expanded_names() -> None:
    body = {"type": "Property", "value": 21.5, "observedAt": "2026-01-31T08:00:00Z", "unitCode": "CEL"}
    read = entity(temperature=body)
    assert read == Entity(STATION, (V + "AirQualityObserved",), {V + "temperature": body})


def test_id_and_type_may_be_json_ld_keywords() -> None:
    read = parse_entity({"@id": STATION, "@type": ["Vehicle", "Bus", "Vehicle"]}, CORE)
    assert (read.id, read.types) == (STATION, (V + "Vehicle", V + "Bus"))


def test_a_scope_gets_its_leading_slash_and_several_keep_their_order() -> None:
    assert entity(scope="BinhDuong/ThuDauMot").scopes == ("/BinhDuong/ThuDauMot",)
    assert entity(scope=["/B", "/A", "/B"]).scopes == ("/B", "/A")


def test_expires_at_becomes_microseconds() -> None:
    assert entity(expiresAt="2026-01-31T08:00:00Z").expires == parse_instant("2026-01-31T08:00:00Z")


def test_system_members_of_clients_are_ignored_everywhere() -> None:
    system = {"createdAt": "2020-01-01T00:00:00Z", "modifiedAt": "2020-01-01T00:00:00Z"}
    read = entity(**system, speed={"type": "Property", "value": 3, **system, "instanceId": "urn:x:1"})
    assert read == Entity(STATION, (V + "AirQualityObserved",), {V + "speed": {"type": "Property", "value": 3}})


@pytest.mark.parametrize(
    ("body", "instance"),
    [
        (55, {"type": "Property", "value": 55}),
        ([1, "two"], {"type": "Property", "value": [1, "two"]}),
        ({"street": "Yersin"}, {"type": "Property", "value": {"street": "Yersin"}}),
        ({"value": True}, {"type": "Property", "value": True}),
        (
            {"@type": "DateTime", "@value": "2026-01-31T08:00:00+07:00"},
            {"type": "Property", "value": {"@type": "DateTime", "@value": "2026-01-31T08:00:00+07:00"}},
        ),
        (
            {"type": "Point", "coordinates": [106.65, 10.98]},
            {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.65, 10.98]}},
        ),
        (
            {"value": {"type": "Point", "coordinates": [106.65, 10.98]}},
            {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.65, 10.98]}},
        ),
        ({"object": "urn:x:1"}, {"type": "Relationship", "object": "urn:x:1"}),
        ({"object": ["urn:x:1", "urn:x:2"]}, {"type": "Relationship", "object": ["urn:x:1", "urn:x:2"]}),
        ({"languageMap": {"vi": "Chợ"}}, {"type": "LanguageProperty", "languageMap": {"vi": "Chợ"}}),
        ({"vocab": "male"}, {"type": "VocabProperty", "vocab": V + "male"}),
        ({"vocab": ["a", "b"]}, {"type": "VocabProperty", "vocab": [V + "a", V + "b"]}),
        ({"json": {"type": "x", "id": None}}, {"type": "JsonProperty", "json": {"type": "x", "id": None}}),
        ({"valueList": [1, 2]}, {"type": "ListProperty", "valueList": [1, 2]}),
        ({"objectList": ["urn:x:1"]}, {"type": "ListRelationship", "objectList": ["urn:x:1"]}),
        ({"objectList": [{"object": "urn:x:1"}]}, {"type": "ListRelationship", "objectList": ["urn:x:1"]}),
    ],
)
def test_the_kind_of_a_concise_attribute_is_inferred(body: Any, instance: Any) -> None:
    assert entity(it=body).attributes[V + "it"] == instance


def test_a_kind_may_be_written_as_an_iri() -> None:
    kind = "https://uri.etsi.org/ngsi-ld/Property"
    assert entity(it={"type": kind, "value": 1}).attributes[V + "it"] == {"type": "Property", "value": 1}


def test_terms_inside_of_attributes_are_expanded() -> None:
    read = entity(isParked={"object": "urn:x:1", "objectType": "OffStreetParking"})
    assert read.attributes[V + "isParked"] == {
        "type": "Relationship",
        "object": "urn:x:1",
        "objectType": V + "OffStreetParking",
    }


def test_sub_attributes_nest() -> None:
    deep: Any = {"value": 1}
    for _ in range(32):
        deep = {"value": 1, "of": deep}
    read = entity(speed=deep).attributes[V + "speed"]
    assert isinstance(read, dict)
    assert read[V + "of"][V + "of"]["type"] == "Property"
    with pytest.raises(BadRequestData, match="nested deeper than 32; flatten"):
        entity(speed={"value": 1, "of": deep})


def test_instances_are_told_apart_by_their_dataset() -> None:
    speed = [{"value": 55, "datasetId": "@none"}, {"value": 11, "datasetId": "urn:d:gps"}]
    assert entity(speed=speed).attributes[V + "speed"] == [
        {"type": "Property", "value": 55},
        {"type": "Property", "value": 11, "datasetId": "urn:d:gps"},
    ]
    assert entity(speed=speed[:1]).attributes[V + "speed"] == {"type": "Property", "value": 55}


def test_times_are_stored_in_one_form() -> None:
    read = entity(speed={"value": 1, "observedAt": "2026-01-31T08:00:00.500Z"})
    assert read.attributes[V + "speed"]["observedAt"] == "2026-01-31T08:00:00.5Z"  # type: ignore[call-overload]
    document = {"id": STATION, "type": "T", "speed": {"value": 1, "observedAt": "2026-01-31T15:00:00+07:00"}}
    fed = parse_entity(document, CORE, FEED)
    assert fed.attributes[V + "speed"]["observedAt"] == "2026-01-31T08:00:00Z"  # type: ignore[call-overload]


def test_a_geometry_may_be_encoded_as_a_string() -> None:
    read = entity(location={"type": "GeoProperty", "value": '{"type": "Point", "coordinates": [106.6, 11]}'})
    place = read.attributes["https://uri.etsi.org/ngsi-ld/location"]
    assert place == {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.6, 11]}}


def test_a_feed_may_bring_several_times_of_one_attribute() -> None:
    past = [{"value": hour, "observedAt": f"2026-01-31T{hour:02}:00:00Z"} for hour in range(3)]
    document = {"id": STATION, "type": "T", "speed": past}
    assert len(parse_entity(document, CORE, FEED).attributes[V + "speed"]) == 3
    with pytest.raises(BadRequestData, match=r"^speed\[1\]: a second instance with no datasetId"):
        parse_entity(document, CORE)
    document["speed"] = [{"value": 1}, {"value": 2}]
    with pytest.raises(BadRequestData, match="past values need an observedAt each"):
        parse_entity(document, CORE, FEED)


def test_a_proof_has_seals_and_no_other_attribute_has() -> None:
    proof = {"type": "Property", "value": {"type": "DataIntegrityProof"}, "entityTypeSealed": "Vehicle"}
    read = entity(ngsildproof={**proof, "entityIdSealed": STATION})
    stored = read.attributes[CORE.expand("ngsildproof")]
    assert stored == {**proof, "entityIdSealed": STATION, "entityTypeSealed": V + "Vehicle"}
    with pytest.raises(BadRequestData, match=r"^speed\.entityIdSealed: belongs to ngsildproof only"):
        entity(speed={"value": 1, "entityIdSealed": STATION})


def test_a_fragment_needs_neither_id_nor_type() -> None:
    read = parse_fragment({"speed": {"type": "Property", "value": 3}}, CORE)
    assert (read.id, read.types, read.scopes, read.expires) == (None, (), None, UNSET)


def test_the_null_deletes_attributes_scope_and_expiry_of_a_fragment() -> None:
    null = "urn:ngsi-ld:null"
    read = parse_fragment({"speed": null, "scope": null, "expiresAt": null}, CORE, UPDATE)
    assert read.attributes == {V + "speed": {"type": "Property", "value": null}}
    assert (read.scopes, read.expires) == ((), None)


def test_a_merge_leaves_the_kind_of_bare_values_to_the_target() -> None:
    read = parse_fragment({"a": 1, "b": {"unitCode": "CEL"}, "c": {"object": "urn:x:1"}, "d": {"x": 1}}, CORE, MERGE)
    assert read.attributes == {
        V + "a": {"value": 1},
        V + "b": {"unitCode": "CEL"},
        V + "c": {"type": "Relationship", "object": "urn:x:1"},
        V + "d": {"value": {"x": 1}},
    }


def test_an_attribute_fragment_is_one_instance() -> None:
    assert parse_attribute("speed", {"value": 3, "@context": "http://x"}, CORE, PARTIAL) == (V + "speed", {"value": 3})
    body = {"type": "Property", "value": 3}
    assert parse_attribute("speed", body, CORE, CREATE) == (V + "speed", body)
    for name, words in (("scope", "scope is no attribute"), ("id", "member of the entity"), ("a b", "forbidden")):
        with pytest.raises(BadRequestData, match=words):
            parse_attribute(name, body, CORE)
    with pytest.raises(BadRequestData, match=r"^speed: an attribute fragment is a JSON object, not \[\]"):
        parse_attribute("speed", [], CORE)
