"""Discovery over HTTP: types and attributes that there are, and who the broker is."""

import re

import pytest

CORE = "https://uri.etsi.org/ngsi-ld/default-context/"


@pytest.fixture
async def some(city):
    n = {"type": "Property", "value": 1}
    at = {"type": "Relationship", "object": "urn:x:2"}
    batch = [
        {"id": "urn:x:1", "type": "Room", "n": n, "at": at},
        {"id": "urn:x:2", "type": "Room", "n": at},
        {"id": "urn:x:3", "type": ["Hall", "Room"]},
    ]
    assert (await city.post("entityOperations/create", json=batch)).status_code == 201


async def test_types_are_listed_and_described(city, some):
    found = (await city.get("types")).json()
    assert re.match(r"urn:ngsi-ld:EntityTypeList:", found.pop("id"))
    assert found == {"type": "EntityTypeList", "typeList": ["Hall", "Room"]}
    assert (await city.get("types/?details=true")).json() == [
        {"id": CORE + "Hall", "type": "EntityType", "typeName": "Hall", "attributeNames": []},
        {"id": CORE + "Room", "type": "EntityType", "typeName": "Room", "attributeNames": ["at", "n"]},
    ]
    room = (await city.get("types/Room")).json()
    assert (room["type"], room["entityCount"]) == ("EntityTypeInfo", 3)
    assert room["attributeDetails"][1] == {
        "id": CORE + "n",
        "type": "Attribute",
        "attributeName": "n",
        "attributeTypes": ["Property", "Relationship"],
    }
    assert (await city.get("types/Car")).status_code == 404


async def test_attributes_are_listed_and_described(city, some):
    found = (await city.get("attributes")).json()
    assert (found["type"], found["attributeList"]) == ("AttributeList", ["at", "n"])
    assert (await city.get("attributes?details=true")).json()[0] == {
        "id": CORE + "at",
        "type": "Attribute",
        "attributeName": "at",
        "typeNames": ["Room"],
    }
    n = (await city.get("attributes/n")).json()
    assert (n["attributeCount"], n["attributeTypes"]) == (2, ["Property", "Relationship"])
    assert (await city.get("attributes/none")).status_code == 404


async def test_an_empty_city_has_empty_lists(city):
    assert (await city.get("types")).json()["typeList"] == []
    assert (await city.get("attributes?details=true")).json() == []


async def test_the_broker_says_who_it_is(city):
    found = (await city.get("info/sourceIdentity", headers={"accept": "application/ld+json"})).json()
    assert found["type"] == "ContextSourceIdentity"
    assert re.fullmatch(r"PT\d+S", found["contextSourceUptime"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", found["contextSourceTimeAt"])
    assert found["contextSourceAlias"]
