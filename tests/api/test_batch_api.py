"""Batch operations over HTTP: statuses, results, and the one bad element among many."""

import orjson
import pytest


def entities(*numbers, **members):
    return [{"id": f"urn:x:{n}", "type": "T", "n": {"type": "Property", "value": n}, **members} for n in numbers]


async def test_create_answers_201_with_the_ids_and_207_when_one_exists(city):
    answer = await city.post("entityOperations/create", json=entities(1, 2))
    assert (answer.status_code, answer.json()) == (201, ["urn:x:1", "urn:x:2"])
    answer = await city.post("entityOperations/create/", json=entities(2, 3))
    assert answer.status_code == 207
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["success"] == ["urn:x:3"]
    assert answer.json()["errors"][0]["entityId"] == "urn:x:2"
    assert answer.json()["errors"][0]["error"]["status"] == 409


async def test_upsert_answers_201_with_the_new_ids_and_204_when_all_were_there(city):
    await city.post("entityOperations/create", json=entities(1))
    answer = await city.post("entityOperations/upsert?options=update", json=entities(1, 2))
    assert (answer.status_code, answer.json()) == (201, ["urn:x:2"])
    assert (await city.post("entityOperations/upsert", json=entities(1, 2))).status_code == 204


async def test_upsert_answers_207_when_one_entity_is_bad(city):
    batch = [*entities(1), {"id": "urn:x:bad", "type": "T", "n": {"type": "Property", "value": None}}, *entities(2)]
    answer = await city.post("entityOperations/upsert", json=batch)
    assert answer.status_code == 207
    assert answer.json()["success"] == ["urn:x:1", "urn:x:2"]
    assert "n:" in answer.json()["errors"][0]["error"]["detail"]
    assert (await city.get("entities/urn:x:2")).status_code == 200


async def test_every_entity_of_a_batch_has_its_own_context(city):
    batch = entities(1, **{"@context": {"n": "https://x.org/n"}}) + entities(2, **{"@context": []}) + entities(3)
    answer = await city.post(
        "entityOperations/upsert", content=orjson.dumps(batch), headers={"content-type": "application/ld+json"}
    )
    assert answer.status_code == 207
    assert answer.json()["success"] == ["urn:x:1", "urn:x:2"]
    assert answer.json()["errors"][0]["entityId"] == "urn:x:3"
    assert "https://x.org/n" in (await city.get("entities/urn:x:1")).json()


async def test_a_context_that_cannot_be_had_fails_its_own_entity_only(city):
    batch = entities(1, **{"@context": "https://nowhere.example/c"}) + entities(2, **{"@context": []})
    answer = await city.post(
        "entityOperations/create", content=orjson.dumps(batch), headers={"content-type": "application/ld+json"}
    )
    assert answer.status_code == 207
    assert answer.json()["errors"][0]["error"]["status"] == 504


async def test_update_merge_and_delete_answer_204_or_207(city):
    await city.post("entityOperations/create", json=entities(1, 2))
    more = [{"id": "urn:x:1", "type": "T", "n": {"value": 9}, "m": {"value": 1}}]
    assert (await city.post("entityOperations/update?options=noOverwrite", json=more)).status_code == 207
    assert (await city.post("entityOperations/update", json=more)).status_code == 204
    assert (await city.post("entityOperations/merge", json=more)).status_code == 204
    found = (await city.get("entities/urn:x:1?format=simplified")).json()
    assert (found["n"], found["m"]) == (9, 1)
    assert (await city.post("entityOperations/delete", json=["urn:x:1", "urn:x:7"])).status_code == 207
    assert (await city.post("entityOperations/delete", json=["urn:x:2"])).status_code == 204
    assert (await city.get("entities?type=T")).json() == []


@pytest.mark.parametrize("operation", ["create", "upsert", "update", "merge", "delete"])
@pytest.mark.parametrize("body", [[], {}, 7, [None], [1.5]])
async def test_what_is_no_array_of_the_right_things_is_refused(city, operation, body):
    answer = await city.post(f"entityOperations/{operation}", json=body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


@pytest.mark.parametrize("query", ["upsert?options=merge", "upsert?options=update,replace", "update?options=x"])
async def test_unknown_options_are_refused(city, query):
    assert (await city.post(f"entityOperations/{query}", json=entities(1))).status_code == 400
