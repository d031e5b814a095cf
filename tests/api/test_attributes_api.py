"""Attributes over HTTP: append, update, partial update, replace, delete."""

import pytest

ID = "urn:ngsi-ld:Room:1"
NAMES = "https://uri.etsi.org/ngsi-ld/default-context/"
ATTRS = f"entities/{ID}/attrs"


@pytest.fixture
async def room(city):
    document = {"id": ID, "type": "Room", "heat": {"type": "Property", "value": 1, "unitCode": "CEL"}}
    assert (await city.post("entities", json=document)).status_code == 201


async def values(city):
    found = (await city.get(f"entities/{ID}?format=simplified")).json()
    return {name: value for name, value in found.items() if name not in ("id", "type")}


async def test_attributes_are_appended_and_overwritten(city, room):
    assert (await city.post(ATTRS, json={"heat": {"value": 2}, "mass": {"value": 3}})).status_code == 204
    assert await values(city) == {"heat": 2, "mass": 3}


async def test_without_overwrite_the_answer_tells_what_was_left_alone(city, room):
    answer = await city.post(f"{ATTRS}/?options=noOverwrite", json={"heat": {"value": 2}, "mass": {"value": 3}})
    assert answer.status_code == 207
    assert answer.json()["updated"] == [NAMES + "mass"]
    assert [refused["attributeName"] for refused in answer.json()["notUpdated"]] == [NAMES + "heat"]
    assert await values(city) == {"heat": 1, "mass": 3}


async def test_attributes_are_updated(city, room):
    assert (await city.patch(ATTRS, json={"heat": {"value": 5}})).status_code == 204
    assert await values(city) == {"heat": 5}


async def test_one_attribute_is_changed_member_by_member(city, room):
    assert (await city.patch(f"{ATTRS}/heat", json={"value": 7})).status_code == 204
    assert (await city.get(f"entities/{ID}")).json()["heat"] == {"type": "Property", "value": 7, "unitCode": "CEL"}
    assert (await city.put(f"{ATTRS}/heat", json={"type": "Property", "value": 8})).status_code == 204
    assert (await city.get(f"entities/{ID}")).json()["heat"] == {"type": "Property", "value": 8}


async def test_an_attribute_is_named_by_its_iri_too(city, room):
    iri = "https%3A%2F%2Furi.etsi.org%2Fngsi-ld%2Fdefault-context%2Fheat"
    assert (await city.patch(f"{ATTRS}/{iri}", json={"value": 9})).status_code == 204
    assert await values(city) == {"heat": 9}


async def test_an_attribute_is_deleted_whole_or_by_its_dataset(city, room):
    several = [{"value": 1}, {"value": 2, "datasetId": "urn:d:2"}]
    await city.post(ATTRS, json={"mass": several})
    assert (await city.delete(f"{ATTRS}/mass?datasetId=urn:d:2")).status_code == 204
    assert await values(city) == {"heat": 1, "mass": 1}
    assert (await city.delete(f"{ATTRS}/mass?deleteAll=true")).status_code == 204
    assert (await city.delete(f"{ATTRS}/mass")).status_code == 404
    assert (await city.delete(f"{ATTRS}/heat?deleteAll=true&datasetId=urn:d:2")).status_code == 400
    assert await values(city) == {"heat": 1}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{ATTRS}", {"heat": {"type": "Relationship", "value": 1}}),
        ("POST", f"{ATTRS}?options=replace", {"heat": {"value": 1}}),
        ("PATCH", f"{ATTRS}/heat", {"type": "Relationship", "object": "urn:x:1"}),
        ("PATCH", f"{ATTRS}/he%00at", {"value": 1}),
        ("PATCH", "entities/room/attrs/heat", {"value": 1}),
        ("POST", "entities/room/attrs", {"heat": {"value": 1}}),
        ("PUT", f"{ATTRS}/heat", {"type": "Property"}),
        ("PATCH", f"{ATTRS}/heat", {"value": 1, "observedAt": "yesterday"}),
        ("DELETE", f"{ATTRS}/heat?deleteAll=perhaps", None),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_changes(city, room, method, path, body):
    answer = await city.request(method, path, json=body)
    assert answer.status_code == 400, answer.text
    assert await values(city) == {"heat": 1}


async def test_attributes_of_an_unknown_entity_are_not_found(city):
    other = "entities/urn:x:none/attrs"
    for call in (
        city.post(other, json={"heat": {"value": 1}}),
        city.patch(other, json={"heat": {"value": 1}}),
        city.patch(f"{other}/heat", json={"value": 1}),
        city.put(f"{other}/heat", json={"value": 1}),
        city.delete(f"{other}/heat"),
    ):
        assert (await call).status_code == 404
