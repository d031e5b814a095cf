"""The past of an entity of which every city has a part."""

WINDOW = {"timerel": "after", "timeAt": "2026-01-01T00:00:00Z"}


async def drives(city, *points):
    past = [{"type": "Property", "value": value, "observedAt": f"2026-01-31T{hour}:00:00Z"} for hour, value in points]
    body = {"id": "urn:x:1", "type": "Bus", "speed": past}
    answer = await city.client.post("temporal/entities?local=true", json=body)
    assert answer.status_code == 201, answer.text


def values(document):
    return [instance["value"] for instance in document["speed"]]


async def test_the_past_of_all_sources_stands_in_one_line_of_time(cities):
    a, b = await cities("a", "b")
    await drives(a, ("08", 1), ("10", 3))
    await drives(b, ("09", 2), ("10", 99), ("11", 4))
    await a.registers("b", operations=["retrieveTemporal", "queryTemporal"])
    answer = await a.client.get("temporal/entities/urn:x:1")
    assert values(answer.json()) == [1, 2, 3, 4]
    assert all("instanceId" in instance for instance in answer.json()["speed"])
    answer = await a.client.get("temporal/entities/urn:x:1", params={"lastN": 2})
    assert sorted(values(answer.json())) == [3, 4]
    answer = await a.client.get("temporal/entities", params={"type": "Bus", **WINDOW})
    assert [values(entity) for entity in answer.json()] == [[1, 2, 3, 4]]
    answer = await a.client.get("temporal/entities/urn:x:1", params={"options": "temporalValues"})
    assert [value for value, _ in answer.json()["speed"]["values"]] == [1, 2, 3, 4]
    assert values((await a.client.get("temporal/entities/urn:x:1?local=true")).json()) == [1, 3]


async def test_the_past_of_an_entity_that_is_only_elsewhere_is_found(cities):
    a, b = await cities("a", "b")
    await drives(b, ("09", 2))
    await a.registers("b", operations=["retrieveTemporal", "queryTemporal"])
    assert values((await a.client.get("temporal/entities/urn:x:1")).json()) == [2]
    answer = await a.client.get("temporal/entities", params={"type": "Bus", "count": "true", **WINDOW})
    assert answer.headers["ngsild-results-count"] == "1"
    assert [values(entity) for entity in answer.json()] == [[2]]


async def test_a_dead_source_costs_a_warning(cities):
    (a,) = await cities("a")
    await drives(a, ("08", 1))
    await a.registers("b", operations=["retrieveTemporal"])
    answer = await a.client.get("temporal/entities/urn:x:1")
    assert values(answer.json()) == [1]
    assert answer.headers["ngsild-warning"].startswith("199 ")


async def test_a_past_is_written_to_sources_and_erased_there(cities):
    a, b = await cities("a", "b")
    writes = ["upsertTemporal", "appendAttrsTemporal", "deleteAttrsTemporal", "deleteTemporal"]
    await a.registers("b", mode="redirect", operations=writes)
    point = {"type": "Property", "value": 1, "observedAt": "2026-01-31T08:00:00Z"}
    body = {"id": "urn:x:1", "type": "Bus", "speed": [point], "load": [point]}
    assert (await a.client.post("temporal/entities", json=body)).status_code == 201
    more = {"speed": [{**point, "value": 2, "observedAt": "2026-01-31T09:00:00Z"}]}
    assert (await a.client.post("temporal/entities/urn:x:1/attrs", json=more)).status_code == 204
    assert values((await b.client.get("temporal/entities/urn:x:1")).json()) == [1, 2]
    assert (await a.client.get("temporal/entities/urn:x:1?local=true")).status_code == 404
    assert (await a.client.delete("temporal/entities/urn:x:1/attrs/load")).status_code == 204
    assert "load" not in (await b.client.get("temporal/entities/urn:x:1")).json()
    assert (await a.client.delete("temporal/entities/urn:x:1")).status_code == 204
    assert (await b.client.get("temporal/entities/urn:x:1")).status_code == 404
