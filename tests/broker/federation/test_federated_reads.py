"""Reads over several cities: parts come together, the dead are left out with a warning, loops end."""

import asyncio
import json
import re
import time

import pytest

A_WARNING = re.compile(r'(\d{3}) (\S+) "([^"]*)"')


def warnings_of(answer):
    return [(int(code), agent) for code, agent, _ in A_WARNING.findall(answer.headers.get("ngsild-warning", ""))]


async def test_an_entity_that_is_only_elsewhere_is_retrieved(cities):
    a, b = await cities("a", "b")
    await b.has("urn:x:1", speed=7)
    await a.registers("b")
    assert await a.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "speed": 7}
    assert await a.values("urn:x:1", local="true") == 404


async def test_parts_of_an_entity_come_together(cities):
    a, b = await cities("a", "b")
    await a.has("urn:x:1", brand="Thaco")
    await b.has("urn:x:1", speed=7)
    await a.registers("b")
    assert await a.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "brand": "Thaco", "speed": 7}


async def test_nothing_beyond_the_registration_is_taken_or_asked(cities, net):
    a, b = await cities("a", "b")
    await b.has("urn:x:1", speed=7, secret=1)
    await a.registers("b", names=["speed"])
    assert await a.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "speed": 7}
    assert net.to("b")[-1].url.params["attrs"] == "speed"


async def test_an_auxiliary_source_only_fills_what_is_missing(cities):
    a, b = await cities("a", "b")
    await a.has("urn:x:1", brand="Thaco")
    await b.has("urn:x:1", brand="other", speed=7)
    await a.registers("b", mode="auxiliary", operations=["retrieveEntity"])
    assert await a.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "brand": "Thaco", "speed": 7}


async def test_an_exclusive_source_alone_counts_for_its_attributes(cities):
    a, b, c = await cities("a", "b", "c")
    await b.has("urn:x:1", speed=7)
    await c.has("urn:x:1", speed=99, brand="Thaco")
    await a.registers("b", id="urn:x:1", names=["speed"], mode="exclusive")
    await a.registers("c")
    assert await a.values("urn:x:1") == {"id": "urn:x:1", "type": "Bus", "speed": 7, "brand": "Thaco"}


async def test_the_value_observed_later_counts(cities):
    a, b = await cities("a", "b")
    for city, hour, value in ((a, "08", 1), (b, "09", 2)):
        speed = {"type": "Property", "value": value, "observedAt": f"2026-01-31T{hour}:00:00Z"}
        await city.client.post("entities", json={"id": "urn:x:1", "type": "Bus", "speed": speed})
    await a.registers("b")
    await b.registers("a")
    assert (await a.values("urn:x:1"))["speed"] == (await b.values("urn:x:1"))["speed"] == 2


async def test_a_source_that_says_no_such_entity_is_no_fault(cities):
    a, _ = await cities("a", "b")
    await a.registers("b")
    answer = await a.client.get("entities/urn:x:1")
    assert answer.status_code == 404
    assert warnings_of(answer) == []


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ((500, b'{"detail": "no"}'), 299),
        ((403,), 299),
        ((200, b"no JSON"), 111),
        ((200, b'{"id": "no uri", "type": "T"}'), 111),
        ((200, b"[1, 2]"), 111),
        ((302, b"", {"location": "http://a/"}), 299),
        ("silent", 199),
        (None, 199),
    ],
    ids=["500", "403", "garbage", "no-entity", "numbers", "redirect", "silent", "gone"],
)
async def test_what_fails_is_left_out_with_a_warning(cities, net, says, code):
    (a,) = await cities("a")
    await a.has("urn:x:1", speed=1)
    id = await a.registers("b")
    if says == "silent":
        net.silent("b")
    elif says is not None:
        net.says("b", *says)
    for path in ("entities/urn:x:1", "entities?type=Bus"):
        answer = await a.client.get(path)
        assert answer.status_code == 200
        assert '"value":1' in answer.text
        assert warnings_of(answer) == [(code, id)]


async def test_a_warning_survives_a_404(cities):
    (a,) = await cities("a")
    id = await a.registers("b")
    answer = await a.client.get("entities/urn:x:1")
    assert (answer.status_code, warnings_of(answer)) == (404, [(199, id)])


async def test_a_query_waits_no_longer_than_its_deadline(cities, net):
    a, _, _ = await cities("a", "b", "c")
    for host in ("b", "c", "d", "e"):
        await a.registers(host)
    net.silent("d")
    net.silent("e")
    begin = time.monotonic()
    answer = await a.client.get("entities", params={"type": "Bus"})
    assert time.monotonic() - begin < net.deadline + 0.2
    assert len(warnings_of(answer)) == 2


async def test_the_timeout_of_a_registration_goes_before_the_setting(cities, net):
    (a,) = await cities("a")
    net.silent("b")
    await a.registers("b", management={"timeout": 50})
    begin = time.monotonic()
    await a.client.get("entities", params={"type": "Bus"})
    assert time.monotonic() - begin < net.deadline - 0.05


async def test_a_source_that_failed_is_left_alone_for_its_cooldown(cities, net):
    (a,) = await cities("a")
    net.says("b", 500)
    await a.registers("b", management={"cooldown": 200})
    for _ in range(3):
        answer = await a.client.get("entities", params={"type": "Bus"})
        assert len(warnings_of(answer)) == 1
    assert len(net.to("b")) == 1
    await asyncio.sleep(0.25)
    await a.client.get("entities", params={"type": "Bus"})
    assert len(net.to("b")) == 2


async def test_a_query_is_the_union_without_doubles(cities):
    a, b, c = await cities("a", "b", "c")
    await a.has("urn:x:1", speed=1)
    await b.has("urn:x:1", brand="Thaco")
    await b.has("urn:x:2", speed=2)
    await c.has("urn:x:3", speed=3)
    await c.has("urn:x:4", type="Tram", speed=3)
    await a.registers("b")
    await a.registers("c")
    answer = await a.client.get("entities", params={"type": "Bus", "options": "keyValues", "count": "true"})
    assert answer.json() == [
        {"id": "urn:x:1", "type": "Bus", "speed": 1, "brand": "Thaco"},
        {"id": "urn:x:2", "type": "Bus", "speed": 2},
        {"id": "urn:x:3", "type": "Bus", "speed": 3},
    ]
    assert answer.headers["ngsild-results-count"] == "3"


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_pages_walk_over_all_entities_once_and_each_is_whole(cities, limit):
    a, b, c = await cities("a", "b", "c")
    for number in range(7):
        await a.has(f"urn:x:{number}", here=number)
    for number in range(5, 12):
        await b.has(f"urn:x:{number}", there=number)
    for number in (11, 3, 12):
        await c.has(f"urn:x:{number}", far=number)
    await a.registers("b")
    await a.registers("c")
    found, url = [], f"entities?type=Bus&options=keyValues&limit={limit}"
    while url:
        answer = await a.client.get(url)
        found += answer.json()
        url = answer.links["next"]["url"].split("/v1/")[1] if "next" in answer.links else None
    assert sorted(entity["id"] for entity in found) == sorted(f"urn:x:{number}" for number in range(13))
    by_id = {entity["id"]: entity for entity in found}
    assert by_id["urn:x:3"].keys() == {"id", "type", "here", "far"}
    assert by_id["urn:x:5"].keys() == {"id", "type", "here", "there"}
    assert by_id["urn:x:11"].keys() == {"id", "type", "there", "far"}


async def test_filters_travel_and_split_entities_keeps_them_here(cities, net):
    a, b = await cities("a", "b")
    await a.has("urn:x:1", brand="Thaco")
    await b.has("urn:x:1", speed=50)
    await b.has("urn:x:2", speed=5)
    await a.registers("b")
    asked = {"type": "Bus", "q": 'speed>20;brand=="Thaco"', "options": "keyValues"}
    assert (await a.client.get("entities", params=asked)).json() == []
    assert net.to("b")[-1].url.params["q"] == asked["q"]
    answer = await a.client.get("entities", params={**asked, "splitEntities": "true"})
    assert answer.json() == [{"id": "urn:x:1", "type": "Bus", "brand": "Thaco", "speed": 50}]
    assert "q" not in net.to("b")[-1].url.params


async def test_a_query_by_post_reaches_a_source_that_takes_only_documents(cities, net):
    a, b = await cities("a", "b")
    await b.has("urn:x:1", speed=50)
    await a.registers("b", operations=["queryBatch"])
    document = {"type": "Query", "entities": [{"type": "Bus"}], "q": "speed>20"}
    answer = await a.client.post("entityOperations/query", json=document)
    assert [entity["id"] for entity in answer.json()] == ["urn:x:1"]
    assert json.loads(net.to("b")[-1].content)["q"] == "speed>20"
    assert (await a.values("urn:x:1"))["speed"] == 50


async def test_order_over_several_sources_is_refused(cities):
    a, _ = await cities("a", "b")
    await a.registers("b")
    assert (await a.client.get("entities", params={"type": "Bus", "orderBy": "speed"})).status_code == 400
    local = {"type": "Bus", "orderBy": "speed", "local": "true"}
    assert (await a.client.get("entities", params=local)).status_code == 200
    assert (await a.client.get("entities", params={"type": "Tram", "orderBy": "speed"})).status_code == 200


async def test_a_filter_of_sources_chooses_whom_to_ask(cities):
    a, b = await cities("a", "b")
    await b.has("urn:x:1", speed=1)
    await a.registers("b", kind={"type": "Property", "value": "sensor"})
    found = await a.client.get("entities", params={"type": "Bus", "csf": 'kind=="sensor"'})
    other = await a.client.get("entities", params={"type": "Bus", "csf": 'kind=="archive"'})
    assert (len(found.json()), len(other.json())) == (1, 0)


async def test_a_loop_of_registrations_ends_and_doubles_nothing(cities, net):
    a, b = await cities("a", "b")
    await a.has("urn:x:1", speed=1)
    await b.has("urn:x:2", speed=2)
    await a.registers("b")
    await b.registers("a")
    answer = await a.client.get("entities", params={"type": "Bus"})
    assert [entity["id"] for entity in answer.json()] == ["urn:x:1", "urn:x:2"]
    assert [code for code, _ in warnings_of(answer)] == [199]
    assert net.to("a")[-1].headers["via"] == f"1.1 {a.alias}, 1.1 {b.alias}"


async def test_a_registration_says_how_to_speak_to_its_source(cities, net):
    a, _ = await cities("a", "b")
    net.says("b", 404)
    info = [
        {"key": "Authorization", "value": "Bearer abc"},
        {"key": "X-User", "value": "urn:ngsi-ld:request"},
        {"key": "accept", "value": "application/ld+json"},
    ]
    await a.registers("b", contextSourceInfo=info, tenant="north", management={"localOnly": True})
    await a.client.get("entities/urn:x:1", headers={"X-User": "lan"})
    sent = net.to("b")[-1]
    assert sent.headers["authorization"] == "Bearer abc"
    assert sent.headers["x-user"] == "lan"
    assert sent.headers["accept"] == "application/ld+json"
    assert sent.headers["ngsild-tenant"] == "north"
    assert sent.url.params["local"] == "true"


async def test_calls_are_counted_in_the_registration(cities, net):
    a, _ = await cities("a", "b")
    id = await a.registers("b")
    await a.client.get("entities", params={"type": "Bus"})
    net.says("b", 500)
    await a.client.get("entities", params={"type": "Bus"})
    shown = (await a.client.get(f"csourceRegistrations/{id}")).json()
    assert (shown["timesSent"], shown["timesFailed"], shown["status"]) == (2, 1, "failed")
    net.silent("b")
    await a.client.get("entities", params={"type": "Bus"})
    await a.client.get("entities/urn:x:1")
    shown = (await a.client.get(f"csourceRegistrations/{id}")).json()
    assert (shown["timesSent"], shown["timesFailed"]) == (4, 3)
    assert "lastSuccess" in shown
    assert "lastFailure" in shown


async def test_a_source_is_spoken_to_in_its_own_context(cities, net):
    a, b = await cities("a", "b")
    address = "https://smartdatamodels.org/context.jsonld"
    link = {"Link": f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'}
    body = {"id": "urn:x:1", "type": "Bus", "airQualityIndex": {"type": "Property", "value": 9}}
    await b.client.post("entities", json={**body, "type": "https://c.example/Bus"}, headers=link)
    stored = (await b.client.get("entities/urn:x:1")).json()
    iri = next(name for name in stored if name.endswith("airQualityIndex"))
    assert ":" in iri
    info = [{"key": "jsonldContext", "value": address}]
    await a.registers("b", types="https://c.example/Bus", contextSourceInfo=info)
    answer = await a.client.get("entities", params={"type": "https://c.example/Bus", "q": f"{iri}>5", "attrs": iri})
    assert [entity[iri]["value"] for entity in answer.json()] == [9]
    sent = net.to("b")[-1]
    assert (sent.url.params["q"], sent.url.params["attrs"]) == ("airQualityIndex>5", "airQualityIndex")
    assert address in sent.headers["link"]


async def test_a_source_of_other_datasets_is_not_asked(cities, net):
    a, b = await cities("a", "b")
    await b.has("urn:x:1", speed=50)
    await a.registers("b", datasetId=["urn:ds:b"])
    for path, status in (("entities", 200), ("entities/urn:x:1", 404)):
        answer = await a.client.get(path, params={"type": "Bus", "datasetId": "urn:ds:a"})
        assert answer.status_code == status
        assert "ngsild-warning" not in answer.headers
    assert net.to("b") == []
    await a.client.get("entities", params={"type": "Bus", "datasetId": "urn:ds:b"})
    assert len(net.to("b")) == 1


async def test_a_city_that_is_its_own_source_is_not_asked_but_told_of(cities, net):
    (a,) = await cities("a")
    await a.has("urn:x:1", speed=50)
    await a.registers("a", mode="auxiliary", operations=["queryEntity", "retrieveEntity"])
    for path in ("entities?type=Bus", "entities/urn:x:1"):
        answer = await a.client.get(path)
        assert answer.status_code == 200
        assert "loop" in answer.headers["ngsild-warning"]
        assert answer.headers["ngsild-warning"].startswith("199 ")
    assert net.to("a") == []
