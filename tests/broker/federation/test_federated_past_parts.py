"""A past of which parts lie in several cities: aggregates, entity maps, parts of long answers, deletions, intervals."""

import pytest

OPERATIONS = ["retrieveTemporal", "queryTemporal"]
WINDOW = {"timerel": "after", "timeAt": "2026-01-01T00:00:00Z"}


async def drives(city, *points, id="urn:x:1"):
    past = [{"type": "Property", "value": value, "observedAt": f"2026-01-31T{hour}:00:00Z"} for hour, value in points]
    body = {"id": id, "type": "Bus", "speed": past}
    answer = await city.client.post("temporal/entities?local=true", json=body)
    assert answer.status_code == 201, answer.text


def values(document):
    return [instance["value"] for instance in document["speed"]]


async def test_aggregates_are_made_of_the_instances_of_all_sources(cities):
    a, b = await cities("a", "b")
    await drives(a, ("08", 100), ("09", 7))
    await drives(b, ("09", 99), ("10", 300))
    await a.registers("b", operations=OPERATIONS)
    asked = {**WINDOW, "options": "aggregatedValues", "aggrMethods": "sum,totalCount"}
    for path, parameters in (("temporal/entities/urn:x:1", {}), ("temporal/entities", {"type": "Bus"})):
        answer = await a.client.get(path, params={**asked, **parameters})
        assert answer.status_code == 200, answer.text
        (entity,) = answer.json() if isinstance(answer.json(), list) else [answer.json()]
        assert [each[0] for each in entity["speed"]["sum"]] == [407], "of two instances of one time the one here counts"
        assert [each[0] for each in entity["speed"]["totalCount"]] == [3]
    answer = await a.client.get("temporal/entities/urn:x:1", params={**asked, "local": "true"})
    assert answer.json()["speed"]["sum"][0][0] == 107


async def test_aggregates_of_an_entity_that_is_only_elsewhere_take_the_last_periods(cities):
    a, b = await cities("a", "b")
    await drives(b, ("08", 1), ("09", 2), ("10", 3))
    await a.registers("b", operations=OPERATIONS)
    asked = {**WINDOW, "aggrMethods": "max", "aggrPeriodDuration": "PT1H", "lastN": "2"}
    answer = await a.client.get("temporal/entities/urn:x:1", params=asked)
    assert [each[0] for each in answer.json()["speed"]["max"]] == [3, 2]


async def test_an_entity_map_of_pasts_holds_what_lies_elsewhere(cities):
    a, b = await cities("a", "b")
    await drives(a, ("08", 1), id="urn:x:0")
    await drives(b, ("08", 41), ("09", 42))
    registration = await a.registers("b", operations=OPERATIONS)
    asked = {"type": "Bus", **WINDOW}
    made = await a.client.get("temporal/entities", params={**asked, "entityMap": "true"})
    assert made.status_code == 201
    assert [entity["id"] for entity in made.json()] == ["urn:x:0", "urn:x:1"]
    address = made.headers["ngsild-entitymap"]
    again = await a.client.get("temporal/entities", params=asked, headers={"NGSILD-EntityMap": address})
    assert again.status_code == 200
    assert values(again.json()[1]) == [41, 42]
    map = (await a.client.get(f"http://a{address}")).json()
    assert map["entityMap"]["urn:x:1"] == [registration]
    second = await a.client.get(
        "temporal/entities", params={**asked, "limit": 1, "offset": 1}, headers={"NGSILD-EntityMap": address}
    )
    assert [entity["id"] for entity in second.json()] == ["urn:x:1"]


@pytest.mark.parametrize("asked", [WINDOW, {}, {**WINDOW, "timerel": "between", "endTimeAt": "2026-01-31T20:00:00Z"}])
async def test_a_past_that_comes_in_parts_is_asked_for_to_its_end(cities, net, asked):
    (a,) = await cities("a")
    times = [f"2026-01-31T{hour:02}:00:00Z" for hour in range(6)]

    async def part(request):
        since = request.url.params.get("timeAt", "")
        rest = [time for time in times if time >= since]
        past = [{"type": "Property", "value": time, "observedAt": time} for time in rest[:3]]
        status = 206 if len(rest) > 3 else 200
        headers = {"Content-Range": f"date-time {rest[0]}-{rest[:3][-1]}/*"} if status == 206 else {}
        body = {"id": "urn:x:1", "type": "Bus", "speed": past}
        return net.answer(status, body, headers)

    net.answers("b", part)
    await a.registers("b", id="urn:x:1", operations=OPERATIONS)
    answer = await a.client.get("temporal/entities/urn:x:1", params=asked)
    assert values(answer.json()) == times
    assert len(net.to("b")) == 3
    assert all(request.url.params.get("endTimeAt") == asked.get("endTimeAt") for request in net.to("b"))


async def test_a_deletion_elsewhere_stands_in_the_past(cities):
    a, b = await cities("a", "b")
    await b.has("urn:x:1", speed=5)
    assert (await b.client.delete("entities/urn:x:1/attrs/speed?local=true")).status_code == 204
    await a.registers("b", operations=OPERATIONS)
    asked = {**WINDOW, "timerel": "before", "timeAt": "2100-01-01T00:00:00Z", "timeproperty": "deletedAt"}
    answer = await a.client.get("temporal/entities/urn:x:1", params={**asked, "options": "sysAttrs"})
    assert answer.status_code == 200, answer.text
    assert values(answer.json()) == ["urn:ngsi-ld:null"]
    assert "deletedAt" in answer.json()["speed"][0]


async def test_a_source_is_not_asked_of_a_time_outside_its_interval(cities, net):
    a, b = await cities("a", "b")
    await drives(b, ("08", 1))
    interval = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-02-01T00:00:00Z"}
    await a.registers("b", operations=OPERATIONS, observationInterval=interval)
    march = {"timerel": "after", "timeAt": "2026-03-01T00:00:00Z"}
    assert (await a.client.get("temporal/entities", params={"type": "Bus", **march})).json() == []
    assert (await a.client.get("temporal/entities/urn:x:1", params=march)).status_code == 404
    assert net.to("b") == []
    assert values((await a.client.get("temporal/entities", params={"type": "Bus", **WINDOW})).json()[0]) == [1]
