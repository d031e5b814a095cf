"""Writes over several cities: each part goes where it belongs, and what fails is told beside what succeeded."""

import json

import pytest

WRITES = ["redirectionOps", "createBatch", "upsertBatch", "updateBatch", "mergeBatch", "deleteBatch"]


def bus(id="urn:x:1", **values):
    return {"id": id, "type": "Bus", **{name: {"type": "Property", "value": value} for name, value in values.items()}}


async def test_an_inclusive_source_gets_a_copy(cities):
    a, b = await cities("a", "b")
    await a.registers("b", operations=WRITES)
    assert (await a.client.post("entities", json=bus(speed=1))).status_code == 201
    assert await a.values("urn:x:1", local="true") == await b.values("urn:x:1") != 404


async def test_an_exclusive_source_takes_its_attributes_away(cities):
    a, b = await cities("a", "b")
    await a.registers("b", id="urn:x:1", names=["speed"], mode="exclusive", operations=WRITES)
    assert (await a.client.post("entities", json=bus(speed=1, brand="Thaco"))).status_code == 201
    assert await a.values("urn:x:1", local="true") == {"id": "urn:x:1", "type": "Bus", "brand": "Thaco"}
    assert await b.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "speed": 1}
    assert (await a.client.patch("entities/urn:x:1/attrs/speed", json={"value": 5})).status_code == 204
    assert (await a.values("urn:x:1"))["speed"] == 5
    assert (await a.client.delete("entities/urn:x:1")).status_code == 204
    assert await a.values("urn:x:1") == await b.values("urn:x:1") == 404


async def test_redirect_sources_leave_nothing_here(cities):
    a, b, c = await cities("a", "b", "c")
    await a.registers("b", mode="redirect", operations=WRITES)
    await a.registers("c", mode="redirect", operations=WRITES)
    assert (await a.client.post("entities", json=bus(speed=1))).status_code == 201
    assert await a.values("urn:x:1", local="true") == 404
    assert (await b.values("urn:x:1"))["speed"] == (await c.values("urn:x:1"))["speed"] == 1
    for method, path, body in (
        ("PATCH", "entities/urn:x:1", {"speed": {"type": "Property", "value": 2}}),
        ("PATCH", "entities/urn:x:1/attrs", {"speed": {"type": "Property", "value": 3}}),
        ("POST", "entities/urn:x:1/attrs", {"brand": {"type": "Property", "value": "Thaco"}}),
        ("PUT", "entities/urn:x:1/attrs/speed", {"type": "Property", "value": 4}),
        ("PUT", "entities/urn:x:1", bus(speed=5)),
        ("DELETE", "entities/urn:x:1", None),
    ):
        answer = await a.client.request(method, path, json=body)
        assert answer.status_code == 204, (method, path, answer.text)
        assert await b.values("urn:x:1") == await c.values("urn:x:1")
    assert await b.values("urn:x:1") == 404


async def test_a_proxied_source_that_cannot_do_it_is_a_conflict(cities, net):
    a, b = await cities("a", "b")
    await a.registers("b", mode="redirect", operations=["retrieveOps"])
    answer = await a.client.post("entities", json=bus(speed=1))
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/Conflict")
    assert net.to("b") == []
    assert await a.values("urn:x:1", local="true") == await b.values("urn:x:1") == 404


async def test_an_inclusive_source_that_cannot_do_it_is_left_out(cities, net):
    a, _ = await cities("a", "b")
    await a.registers("b", operations=["retrieveOps"])
    assert (await a.client.post("entities", json=bus(speed=1))).status_code == 201
    assert net.to("b") == []


async def test_an_auxiliary_source_gets_no_writes(cities, net):
    a, _ = await cities("a", "b")
    await a.registers("b", mode="auxiliary", operations=["retrieveOps"])
    assert (await a.client.post("entities", json=bus(speed=1))).status_code == 201
    assert net.to("b") == []


async def test_a_bad_document_is_refused_before_anybody_is_called(cities, net):
    a, _ = await cities("a", "b")
    await a.registers("b", operations=WRITES)
    bad = {"id": "urn:x:1", "type": "Bus", "speed": {"type": "Property"}}
    assert (await a.client.post("entities", json=bad)).status_code == 400
    assert (await a.client.patch("entities/urn:x:1/attrs", json=bad)).status_code == 400
    assert (await a.client.put("entities/urn:x:1", json=bad)).status_code == 400
    assert net.to("b") == []


async def test_a_part_that_fails_is_told_beside_the_part_that_succeeded(cities, net):
    (a,) = await cities("a")
    id = await a.registers("b", operations=WRITES)
    answer = await a.client.post("entities", json=bus(speed=1))
    assert answer.status_code == 207
    told = answer.json()
    assert told["success"] == ["urn:x:1"]
    (error,) = told["errors"]
    assert (error["entityId"], error["registrationId"], error["error"]["status"]) == ("urn:x:1", id, 502)
    answer = await a.client.patch("entities/urn:x:1/attrs", json={"speed": {"type": "Property", "value": 2}})
    assert answer.status_code == 207
    told = answer.json()
    assert [name.rpartition("/")[2] for name in told["updated"]] == ["speed"]
    assert told["notUpdated"][0].keys() == {"attributeName", "reason", "registrationId"}


@pytest.mark.parametrize(("says", "status"), [("silent", 504), ("gone", 502), (500, 502), (404, 404), (409, 409)])
async def test_the_failure_of_the_only_source_is_that_of_the_write(cities, net, says, status):
    (a,) = await cities("a")
    await a.registers("b", mode="redirect", operations=WRITES)
    if says == "silent":
        net.silent("b")
    elif says != "gone":
        net.says("b", says)
    answer = await a.client.post("entities", json=bus(speed=1))
    assert answer.status_code == status
    assert answer.json()["status"] == status


async def test_a_write_that_comes_round_again_is_a_loop(cities):
    a, b = await cities("a", "b")
    await a.registers("b", mode="redirect", operations=WRITES)
    await b.registers("a", mode="redirect", operations=WRITES)
    assert (await a.client.post("entities", json=bus(speed=1))).status_code == 508
    assert await a.values("urn:x:1", local="true") == await b.values("urn:x:1", local="true") == 404


async def test_an_inclusive_loop_writes_once_in_each_place(cities, net):
    a, b = await cities("a", "b")
    await a.registers("b", operations=WRITES)
    await b.registers("a", operations=WRITES)
    assert (await a.client.post("entities", json=bus(speed=1))).status_code in (201, 207)
    assert await a.values("urn:x:1", local="true") == await b.values("urn:x:1", local="true") != 404
    assert len(net.requests) < 8


async def test_names_without_an_address_travel_as_whole_iris(cities):
    a, b = await cities("a", "b")
    await a.registers("b", types="https://city.example/Bus", mode="redirect", operations=WRITES)
    body = {
        "@context": {"Bus": "https://city.example/Bus", "v": "https://city.example/speed"},
        "id": "urn:x:1", "type": "Bus", "v": {"type": "Property", "value": 3},
    }  # fmt: skip
    answer = await a.client.post("entities", content=json.dumps(body), headers={"Content-Type": "application/ld+json"})
    assert answer.status_code == 201, answer.text
    assert (await b.values("urn:x:1"))["https://city.example/speed"] == 3


async def test_a_batch_is_split_and_each_source_is_called_once(cities, net):
    a, b, c = await cities("a", "b", "c")
    await a.registers("b", mode="redirect", operations=WRITES)
    await a.registers("c", types="Tram", operations=WRITES)
    trams = [{**bus(f"urn:t:{n}", speed=n), "type": "Tram"} for n in range(2)]
    batch = [bus(f"urn:x:{n}", speed=n) for n in range(3)] + trams
    answer = await a.client.post("entityOperations/create", json=batch)
    assert answer.status_code == 201
    assert answer.json() == [each["id"] for each in batch]
    assert [len(net.to("b")), len(net.to("c"))] == [1, 1]
    assert await a.values("urn:x:0", local="true") == 404
    assert (await b.values("urn:x:0"))["speed"] == 0
    assert await a.values("urn:t:1", local="true") == await c.values("urn:t:1") != 404
    answer = await a.client.post("entityOperations/upsert", json=[bus("urn:x:0", speed=9), bus("urn:x:9", speed=9)])
    assert (answer.status_code, answer.json()) == (201, ["urn:x:9"])
    answer = await a.client.post("entityOperations/update", json=[bus("urn:x:0", brand="Thaco")])
    assert answer.status_code == 204
    answer = await a.client.post("entityOperations/merge", json=[bus("urn:x:0", speed=10)])
    assert answer.status_code == 204
    assert await b.values("urn:x:0") == {"id": "urn:x:0", "type": "Bus", "speed": 10, "brand": "Thaco"}
    answer = await a.client.post("entityOperations/delete", json=["urn:x:0", "urn:t:0"])
    assert answer.status_code == 204, answer.text
    assert await b.values("urn:x:0") == await a.values("urn:t:0", local="true") == await c.values("urn:t:0") == 404


async def test_a_source_without_batches_is_called_for_each_entity(cities, net):
    a, b = await cities("a", "b")
    await a.registers("b", mode="redirect", operations=["redirectionOps"])
    answer = await a.client.post("entityOperations/create", json=[bus(f"urn:x:{n}", speed=n) for n in range(3)])
    assert answer.status_code == 201
    assert len(net.to("b")) == 3
    assert (await b.values("urn:x:2"))["speed"] == 2


async def test_a_batch_tells_whose_part_failed(cities):
    a, b = await cities("a", "b")
    id = await a.registers("b", operations=WRITES)
    await b.has("urn:x:1", speed=1)
    answer = await a.client.post("entityOperations/create", json=[bus("urn:x:1", speed=1), bus("urn:x:2", speed=1)])
    assert answer.status_code == 207
    assert answer.json()["success"] == ["urn:x:2"]
    (error,) = answer.json()["errors"]
    assert (error["entityId"], error["registrationId"], error["error"]["status"]) == ("urn:x:1", id, 409)


async def test_a_purge_takes_from_a_source_only_what_is_registered(cities, net):
    a, b = await cities("a", "b")
    await a.registers("b", id="urn:x:1", names=["speed"], mode="exclusive", operations=WRITES)
    await b.has("urn:x:1", speed=1)
    await b.has("urn:x:2", speed=1)
    await a.has("urn:x:3", speed=1)
    assert (await a.client.delete("entities", params={"type": "Bus"})).status_code == 204
    assert await b.values("urn:x:1") == await a.values("urn:x:3") == 404
    assert (await b.values("urn:x:2"))["speed"] == 1


async def test_an_upsert_to_a_source_without_batches_creates_replaces_or_updates(cities):
    a, b = await cities("a", "b")
    await a.registers("b", mode="redirect", operations=["redirectionOps"])
    await b.has("urn:x:1", speed=1, brand="Thaco")
    batch = [bus("urn:x:1", speed=2), bus("urn:x:2", speed=2)]
    answer = await a.client.post("entityOperations/upsert?options=update", json=batch)
    assert (answer.status_code, answer.json()) == (201, ["urn:x:2"])
    assert await b.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "speed": 2, "brand": "Thaco"}
    assert (await a.client.post("entityOperations/upsert", json=batch)).status_code == 204
    assert await b.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "speed": 2}


async def test_a_write_for_a_source_that_is_this_city_itself_is_a_loop(cities):
    (a,) = await cities("a")
    await a.registers("a", mode="redirect", operations=["redirectionOps"])
    answer = await a.client.delete("entities/urn:x:1")
    assert answer.status_code == 508
    answer = await a.client.post("entities", json={"id": "urn:x:1", "type": "Bus"})
    assert answer.status_code == 508
