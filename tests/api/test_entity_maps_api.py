"""Entity maps: made by a query or by themselves, paged through while entities come and go, bounded in time."""

import pytest

MAP = "NGSILD-EntityMap"


async def made(city, *numbers, speed=80):
    documents = [
        {"id": f"urn:ngsi-ld:Vehicle:{number}", "type": "Vehicle", "speed": {"type": "Property", "value": speed}}
        for number in numbers
    ]
    answer = await city.post("entityOperations/create", json=documents)
    assert answer.status_code == 201, answer.text


async def page(city, map, **parameters):
    answer = await city.get("entities", params={"type": "Vehicle", **parameters}, headers={MAP: map})
    assert answer.status_code == 200, answer.text
    assert answer.headers[MAP] == map
    return answer, [int(entity["id"].rsplit(":", 1)[-1]) for entity in answer.json()]


async def mapped(city, query="type=Vehicle"):
    answer = await city.get(f"entities?{query}&entityMap=true")
    assert answer.status_code == 201, answer.text
    return answer.headers[MAP]


def path(map):
    return map.removeprefix("/ngsi-ld/v1/")


async def test_query_with_entity_map_answers_201_and_names_the_map(city):
    await made(city, 1, 2)
    answer = await city.get("entities?type=Vehicle&entityMap=true")
    assert answer.status_code == 201
    assert len(answer.json()) == 2
    map = (await city.get(path(answer.headers[MAP]))).json()
    assert map["type"] == "EntityMap"
    assert map["entityMap"] == {"urn:ngsi-ld:Vehicle:1": ["@none"], "urn:ngsi-ld:Vehicle:2": ["@none"]}
    assert map["linkedMaps"] == {}


async def test_pages_of_a_map_are_stable_while_entities_come_and_go(city):
    await made(city, *range(6))
    map = await mapped(city)
    first, found = await page(city, map, limit=2)
    assert found == [0, 1]
    assert 'offset=2&type=Vehicle>;rel="next"' in first.headers["link"]
    await city.delete("entities/urn:ngsi-ld:Vehicle:2")
    await made(city, 7)
    assert (await page(city, map, limit=2, offset=2))[1] == [3, 4]
    last, found = await page(city, map, limit=2, offset=4)
    assert found == [5]
    assert 'rel="next"' not in last.headers["link"]
    assert "urn:ngsi-ld:Vehicle:2" not in (await city.get(path(map))).json()["entityMap"]


async def test_filters_are_checked_again_on_each_page(city):
    await made(city, 1, 2, 3)
    map = await mapped(city, "type=Vehicle&q=speed>50")
    slower = {"speed": {"type": "Property", "value": 10}}
    await city.patch("entities/urn:ngsi-ld:Vehicle:2/attrs", json=slower)
    assert (await page(city, map, q="speed>50"))[1] == [1, 3]
    assert "urn:ngsi-ld:Vehicle:2" not in (await city.get(path(map))).json()["entityMap"]


async def test_another_query_over_a_map_strikes_nothing_off(city):
    await made(city, 1, 2)
    map = await mapped(city)
    assert (await page(city, map, q="speed>1000"))[1] == []
    assert (await page(city, map, id="urn:ngsi-ld:Vehicle:2"))[1] == [2]
    assert (await page(city, map))[1] == [1, 2]


async def test_count_over_a_map_counts_all_that_still_match(city):
    await made(city, *range(5))
    map = await mapped(city)
    await city.delete("entities/urn:ngsi-ld:Vehicle:4")
    answer, found = await page(city, map, limit=1, count="true")
    assert (found, answer.headers["ngsild-results-count"]) == ([0], "4")


async def test_order_of_a_map_is_that_of_the_query_that_made_it(city):
    for number, speed in ((1, 30), (2, 10), (3, 20)):
        await made(city, number, speed=speed)
    map = await mapped(city, "type=Vehicle&orderBy=speed")
    assert (await page(city, map, limit=2))[1] == [2, 3]
    assert (await page(city, map, limit=2, offset=2))[1] == [1]


async def test_a_map_that_is_gone_is_made_anew(city):
    await made(city, 1)
    for gone in ("/ngsi-ld/v1/entityMaps/urn:ngsi-ld:EntityMap:gone", "urn:ngsi-ld:EntityMap:gone"):
        answer = await city.get("entities?type=Vehicle", headers={MAP: gone})
        assert answer.status_code == 201
        assert not answer.headers[MAP].endswith("gone")


async def test_maps_can_be_made_without_reading_entities(city):
    await made(city, 1, 2, 3)
    query = {"type": "Query", "entities": [{"type": "Vehicle"}], "q": "speed>50", "entityMapLifetime": "PT10M"}
    for answer in (await city.get("entityMaps?type=Vehicle&q=speed>50"), await city.post("entityMaps", json=query)):
        assert answer.status_code == 201, answer.text
        assert len(answer.json()["entityMap"]) == 3
        assert answer.headers[MAP].endswith(answer.json()["id"])
        assert (await page(city, answer.headers[MAP], q="speed>50"))[1] == [1, 2, 3]


async def test_a_query_document_can_ask_for_a_map(city):
    await made(city, 1)
    query = {"type": "Query", "entities": [{"type": "Vehicle"}], "entityMap": True}
    answer = await city.post("entityOperations/query", json=query)
    assert (answer.status_code, MAP in answer.headers) == (201, True)


async def test_retrieve_of_one_entity_can_make_and_use_a_map(city):
    await made(city, 1)
    answer = await city.get("entities/urn:ngsi-ld:Vehicle:1?entityMap=true")
    assert answer.status_code == 200
    map = answer.headers[MAP]
    again = await city.get("entities/urn:ngsi-ld:Vehicle:1", headers={MAP: map})
    assert again.headers[MAP] == map


async def test_update_changes_only_the_expiry_and_bounds_it(city):
    await made(city, 1)
    map = path(await mapped(city))
    before = (await city.get(map)).json()
    fragment = {"expiresAt": "2099-01-01T00:00:00Z", "entityMap": {"urn:x:y": ["@none"]}}
    assert (await city.patch(map, json=fragment)).status_code == 204
    after = (await city.get(map)).json()
    assert before["expiresAt"] < after["expiresAt"] < "2099"
    assert after["entityMap"] == before["entityMap"]
    assert (await city.patch(map, json={"expiresAt": "2000-01-01T00:00:00Z"})).status_code == 204
    assert (await city.get(map)).status_code == 404


@pytest.mark.parametrize("fragment", [{"expiresAt": "tomorrow"}, {"expiresAt": 5}, {"what": 1}, {"type": "Vehicle"}])
async def test_update_refuses_a_fragment_that_is_wrong(city, fragment):
    await made(city, 1)
    map = path(await mapped(city))
    assert (await city.patch(map, json=fragment)).status_code == 400


async def test_a_deleted_map_is_gone(city):
    await made(city, 1)
    map = path(await mapped(city))
    assert (await city.delete(map)).status_code == 204
    for answer in (await city.get(map), await city.delete(map), await city.patch(map, json={})):
        assert answer.status_code == 404


async def test_maps_of_one_tenant_are_unknown_in_another(city):
    await made(city, 1)
    map = path(await mapped(city))
    await city.post("entities", json={"id": "urn:a:b", "type": "T"}, headers={"NGSILD-Tenant": "other"})
    assert (await city.get(map, headers={"NGSILD-Tenant": "other"})).status_code == 404


WHEN = {"timerel": "before", "timeAt": "2999-01-01T00:00:00Z", "timeproperty": "createdAt"}


async def test_temporal_queries_can_make_and_use_a_map(city):
    await made(city, 1, 2, 3)
    asked = {"type": "Vehicle", "attrs": "speed", **WHEN}
    answer = await city.get("temporal/entities", params={**asked, "entityMap": "true"})
    map = answer.headers[MAP]
    assert len((await city.get(path(map))).json()["entityMap"]) == 3
    await made(city, 4)
    await city.delete("temporal/entities/urn:ngsi-ld:Vehicle:1")
    answer = await city.get("temporal/entities", params={**asked, "limit": 1}, headers={MAP: map})
    assert [entity["id"][-1] for entity in answer.json()] == ["2"]
    assert answer.headers[MAP] == map


async def test_temporal_maps_hold_what_has_instances_in_the_time_asked_for(city):
    await made(city, 1)
    query = {"type": "Query", "entities": [{"type": "Vehicle"}], "temporalQ": WHEN}
    for answer in (
        await city.get("temporal/entityMaps", params={"type": "Vehicle", **WHEN}),
        await city.post("temporal/entityMaps", json=query),
    ):
        assert answer.status_code == 201, answer.text
        assert list(answer.json()["entityMap"]) == ["urn:ngsi-ld:Vehicle:1"]
    long_ago = {**WHEN, "timeAt": "2000-01-01T00:00:00Z"}
    answer = await city.get("temporal/entityMaps", params={"type": "Vehicle", **long_ago})
    assert (answer.status_code, answer.json()["entityMap"]) == (201, {})
    assert (await city.get("temporal/entityMaps?type=Vehicle")).status_code == 400


@pytest.mark.parametrize(
    ("request_path", "status"),
    [
        ("entityMaps?type=Vehicle&entityMapLifetime=1hour", 400),
        ("entities?type=Vehicle&entityMap=true&entityMapLifetime=1hour", 400),
        ("entities?type=Vehicle&entityMap=yes", 400),
        ("entityMaps?id=urn:ngsi-ld:Vehicle:1", 400),
        ("entityMaps/no%20uri", 400),
        ("entityMaps/urn:ngsi-ld:EntityMap:none", 404),
    ],
)
async def test_bad_requests_for_maps_are_refused(city, request_path, status):
    assert (await city.get(request_path)).status_code == status
