"""DELETE /entities: what a query finds is deleted, or loses attributes, and nothing else."""

import pytest


async def made(city, *documents):
    answer = await city.post("entityOperations/create", json=list(documents))
    assert answer.status_code == 201, answer.text


def vehicle(number, speed=None, **more):
    document = {"id": f"urn:ngsi-ld:Vehicle:{number}", "type": "Vehicle", **more}
    return document if speed is None else document | {"speed": {"type": "Property", "value": speed}}


async def ids(city, **parameters):
    answer = await city.get("entities", params={"local": "true", "limit": 1000, **parameters})
    return {entity["id"].rsplit(":", 1)[-1] for entity in answer.json()}


async def test_purge_deletes_all_that_match_and_nothing_else(city):
    await made(city, *(vehicle(number, speed=number) for number in range(20)))
    answer = await city.delete("entities", params={"type": "Vehicle", "q": "speed>=5"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert await ids(city) == {"0", "1", "2", "3", "4"}


async def test_purge_goes_on_over_several_batches(city):
    for first in range(0, 1200, 400):
        await made(city, *(vehicle(number) for number in range(first, first + 400)))
    assert (await city.delete("entities?type=Vehicle")).status_code == 204
    assert await ids(city) == set()


async def test_purge_leaves_the_history_of_what_it_deletes(city):
    await made(city, vehicle(1, speed=80))
    await city.delete("entities?type=Vehicle")
    assert (await city.get("temporal/entities/urn:ngsi-ld:Vehicle:1")).status_code == 200


async def test_purge_with_drop_deletes_only_these_attributes(city):
    several = [
        {"type": "Property", "value": 1, "datasetId": "urn:d:1"},
        {"type": "Property", "value": 2, "datasetId": "urn:d:2"},
    ]
    name = {"type": "Property", "value": "n"}
    await made(city, vehicle(1, speed=1, load=several, name=name), vehicle(2, name=name))
    assert (await city.delete("entities?type=Vehicle&drop=speed,load,absent")).status_code == 204
    for number in (1, 2):
        entity = (await city.get(f"entities/urn:ngsi-ld:Vehicle:{number}")).json()
        assert entity.keys() - {"@context"} == {"id", "type", "name"}


async def test_purge_with_keep_deletes_all_attributes_but_these(city):
    name = {"type": "Property", "value": "n"}
    await made(city, vehicle(1, speed=1, name=name, load=name))
    assert (await city.delete("entities?type=Vehicle&keep=speed")).status_code == 204
    entity = (await city.get("entities/urn:ngsi-ld:Vehicle:1")).json()
    assert entity.keys() - {"@context"} == {"id", "type", "speed"}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "asks for everything"),
        ("id=urn:ngsi-ld:Vehicle:1", "asks for everything"),
        ("idPattern=.*", "asks for everything"),
        ("attrs=createdAt", "asks for everything"),
        ("type=Vehicle&drop=a&keep=b", "contradict"),
        ("type=Vehicle&drop=id", "belongs to the entity itself"),
        ("type=Vehicle&keep=a,,b", "empty element"),
        ("type=Vehicle&georel=near", "georel without"),
        ('type=Vehicle&q=owner{name}=="x"', "join"),
        ("type=Vehicle&attrs=owner{name}", "attribute name"),
        ("type=Vehicle&join=flat", "not known"),
    ],
)
async def test_purge_refuses_what_is_too_wide_or_wrong_and_says_why(city, query, says):
    await made(city, vehicle(1, speed=1))
    answer = await city.delete(f"entities?{query}")
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert await ids(city) == {"1"}


async def test_purge_of_the_local_scope_needs_no_further_filter(city):
    await made(city, vehicle(1), vehicle(2))
    assert (await city.delete("entities?local=true")).status_code == 204
    assert await ids(city) == set()


async def test_purge_by_an_entity_map_takes_only_entities_of_the_map(city):
    await made(city, vehicle(1), vehicle(2))
    map = (await city.get("entities?type=Vehicle&entityMap=true")).headers["ngsild-entitymap"]
    await made(city, vehicle(3))
    answer = await city.delete("entities?type=Vehicle", headers={"NGSILD-EntityMap": map})
    assert (answer.status_code, answer.headers["ngsild-entitymap"]) == (204, map)
    assert await ids(city) == {"3"}


async def test_purge_in_one_tenant_leaves_the_others_alone(city):
    for tenant in ("a", "b"):
        answer = await city.post("entities", json=vehicle(1), headers={"NGSILD-Tenant": tenant})
        assert answer.status_code == 201
    assert (await city.delete("entities?type=Vehicle", headers={"NGSILD-Tenant": "a"})).status_code == 204
    assert (await city.get("entities?type=Vehicle", headers={"NGSILD-Tenant": "a"})).json() == []
    assert len((await city.get("entities?type=Vehicle", headers={"NGSILD-Tenant": "b"})).json()) == 1
