"""The forms in which receivers get their notifications."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

A = "urn:ngsi-ld:Building:a"
B = "urn:ngsi-ld:Building:b"


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


async def test_formats_projection_and_system_times(city: Any, receiver: Any) -> None:
    await city.subscribe(receiver, {"format": "keyValues", "attributes": ["level"]})
    await city.subscribe(receiver, {"format": "concise", "omit": ["name"], "sysAttrs": True})
    await city.create(A, level={**prop(1), "unitCode": "CEL"}, name=prop("x"))
    bodies = {orjson.dumps(letter.body["data"]): letter.body["data"][0] for letter in await receiver.wait(2)}
    simple = next(entity for entity in bodies.values() if "createdAt" not in entity)
    concise = next(entity for entity in bodies.values() if "createdAt" in entity)
    assert simple == {"id": A, "type": "Building", "level": 1}
    assert concise["level"]["value"] == 1
    assert "type" not in concise["level"]
    assert "name" not in concise


async def test_json_ld_has_its_context_in_the_body_and_no_link(city: Any, receiver: Any) -> None:
    await city.subscribe(receiver, {"endpoint": {"accept": "application/ld+json"}})
    await city.create(A, level=prop(1))
    (letter,) = await receiver.wait(1)
    assert letter.headers["content-type"] == "application/ld+json"
    assert "link" not in letter.headers
    assert letter.body["@context"]
    assert letter.body["data"][0]["@context"]


async def test_geojson_is_a_feature_collection(city: Any, receiver: Any) -> None:
    await city.subscribe(receiver, {"endpoint": {"accept": "application/geo+json"}})
    point = {"type": "Point", "coordinates": [106.6, 11.0]}
    await city.create(A, location={"type": "GeoProperty", "value": point})
    data = (await receiver.wait(1))[0].body["data"]
    assert data["type"] == "FeatureCollection"
    assert data["features"][0]["geometry"] == point
    assert data["@context"]


async def test_receiver_info_and_tenant_are_headers(tmp_path: Path, receiver: Any, city_in: Any) -> None:
    async with city_in(tmp_path, tenant="quan1") as city:
        info = [{"key": "X-Key", "value": "secret"}]
        await city.subscribe(receiver, {"endpoint": {"receiverInfo": info}})
        await city.create(A, level=prop(1))
        (letter,) = await receiver.wait(1)
    assert letter.headers["x-key"] == "secret"
    assert letter.headers["ngsild-tenant"] == "quan1"


async def test_show_changes_tells_the_value_before(city: Any, receiver: Any) -> None:
    await city.create(A, level=prop(1), name=prop("x"))
    await city.subscribe(receiver, {"showChanges": True})
    await city.set(A, 2)
    entity = (await receiver.wait(1))[0].body["data"][0]
    assert entity["level"] == {"type": "Property", "value": 2, "previousValue": 1}
    assert entity["name"] == prop("x")


async def test_a_deleted_entity_is_told_by_id_type_and_time(city: Any, receiver: Any) -> None:
    await city.create(A, level=prop(1))
    await city.subscribe(receiver, notificationTrigger=["entityDeleted"])
    await city.provision.delete(A)
    entity = (await receiver.wait(1))[0].body["data"][0]
    assert set(entity) == {"id", "type", "deletedAt"}


async def test_a_deleted_attribute_is_told_as_null(city: Any, receiver: Any) -> None:
    await city.create(A, level=prop(1), label={"type": "LanguageProperty", "languageMap": {"vi": "Toà nhà"}})
    await city.subscribe(receiver, {"showChanges": True}, notificationTrigger=["attributeDeleted"])
    await city.provision.delete_attribute(A, "label", city.contexts.core)
    entity = (await receiver.wait(1))[0].body["data"][0]
    assert entity["level"] == prop(1)
    assert entity["label"] == {
        "type": "LanguageProperty",
        "languageMap": {"@none": "urn:ngsi-ld:null"},
        "previousLanguageMap": {"vi": "Toà nhà"},
    }


# --- linked entities -----------------------------------------------------------------------------------------------

CITY = "urn:ngsi-ld:City:tdm"
PROVINCE = "urn:ngsi-ld:Province:bd"


async def _link(city: Any) -> None:
    core = city.contexts.core
    inside = {"type": "Relationship", "object": PROVINCE}
    await city.provision.create({"id": PROVINCE, "type": "Province", "name": prop("Bình Dương")}, core)
    await city.provision.create({"id": CITY, "type": "City", "name": prop("Thủ Dầu Một"), "within": inside}, core)


async def test_a_flat_join_tells_the_linked_entities_behind_the_changed_ones(city: Any, receiver: Any) -> None:
    await _link(city)
    await city.subscribe(receiver, {"join": "flat", "joinLevel": 2, "attributes": ["at"], "format": "keyValues"})
    await city.create(A, at={"type": "Relationship", "object": CITY}, level=prop(1))
    told = (await receiver.wait(1))[0].body["data"]
    assert told == [
        {"id": A, "type": "Building", "at": CITY},
        {"id": CITY, "type": "City", "name": "Thủ Dầu Một", "within": PROVINCE},
        {"id": PROVINCE, "type": "Province", "name": "Bình Dương"},
    ]


async def test_an_inline_join_tells_them_inside_and_keeps_the_order_of_changes(city: Any, receiver: Any) -> None:
    await _link(city)
    await city.subscribe(receiver, {"join": "inline", "showChanges": True})
    await city.create(A, at={"type": "Relationship", "object": CITY}, level=prop(0))
    for value in range(1, 40):
        await city.set(A, value)
    while len(receiver.told) < 40:
        await receiver.wait(len(receiver.letters) + 1)
    assert [entity["level"]["value"] for entity in receiver.told] == list(range(40))
    assert {entity["at"]["entity"]["name"]["value"] for entity in receiver.told} == {"Thủ Dầu Một"}
    assert receiver.told[-1]["level"]["previousValue"] == 38


async def test_a_missing_linked_entity_leaves_the_relationship_alone(city: Any, receiver: Any) -> None:
    await city.subscribe(receiver, {"join": "inline"})
    await city.create(A, at={"type": "Relationship", "object": CITY})
    told = (await receiver.wait(1))[0].body["data"]
    assert told == [{"id": A, "type": "Building", "at": {"type": "Relationship", "object": CITY}}]


async def test_q_looks_behind_relationships(city: Any, receiver: Any) -> None:
    await _link(city)
    await city.subscribe(receiver, {"join": "inline"}, q='at{name}=="Thủ Dầu Một"')
    await city.create(B, at={"type": "Relationship", "object": PROVINCE})
    await receiver.silence(0.2)
    await city.create(A, at={"type": "Relationship", "object": CITY})
    assert (await receiver.wait(1))[0].body["data"][0]["id"] == A
