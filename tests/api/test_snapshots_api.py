"""Snapshots: frozen, isolated, complete, kept over a restart, and gone when their time is over."""

import asyncio

import pytest

from dothi.broker import snapshots

SNAPSHOT = "NGSILD-Snapshot"
VEHICLES = {"type": "Query", "entities": [{"type": "Vehicle"}]}
HISTORY = {**VEHICLES, "temporalQ": {"timerel": "after", "timeAt": "2000-01-01T00:00:00Z"}}


def speed(value, observed=None):
    return {"type": "Property", "value": value} | ({"observedAt": observed} if observed else {})


async def drive(city, number, value, observed=None, **headers):
    document = [{"id": f"urn:ngsi-ld:Vehicle:{number}", "type": "Vehicle", "speed": speed(value, observed)}]
    answer = await city.post("entityOperations/upsert", json=document, headers=headers)
    assert answer.status_code in (201, 204), answer.text


def path(answer):
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].removeprefix("/ngsi-ld/v1/")


async def ready(city, where, **headers):
    for _ in range(200):
        status = (await city.get(where, headers=headers)).json()
        if status["snapshotStatus"] != "preparing":
            return status
        await asyncio.sleep(0.01)
    raise AssertionError("the snapshot was never ready")


async def frozen(city, *queries, **members):
    """A snapshot that is ready, of these queries: its id."""
    asked = list(queries) or [VEHICLES]
    answer = await city.post("snapshots", json={"type": "Snapshot", "snapshotQueries": asked, **members})
    status = await ready(city, path(answer))
    assert status["snapshotStatus"] == "success", status
    return status["id"]


async def speeds(city, **headers):
    answer = await city.get("entities?type=Vehicle&format=simplified", headers=headers)
    assert answer.status_code == 200, answer.text
    return {int(entity["id"].rsplit(":", 1)[-1]): entity["speed"] for entity in answer.json()}


async def test_a_snapshot_holds_what_its_queries_found_and_nothing_that_came_later(city):
    for number, value in ((1, 80), (2, 30)):
        await drive(city, number, value)
    id = await frozen(city, {**VEHICLES, "q": "speed>50"})
    await drive(city, 1, 10)
    await drive(city, 3, 90)
    assert await speeds(city, **{SNAPSHOT: id}) == {1: 80}
    assert await speeds(city) == {1: 10, 2: 30, 3: 90}


async def test_answers_of_a_snapshot_name_it(city):
    await drive(city, 1, 80)
    id = await frozen(city)
    answer = await city.get("entities/urn:ngsi-ld:Vehicle:1", headers={SNAPSHOT: id})
    assert answer.headers[SNAPSHOT] == id


async def test_what_is_written_into_a_snapshot_stays_in_it(city):
    await drive(city, 1, 80)
    id = await frozen(city)
    await drive(city, 1, 55, **{SNAPSHOT: id})
    await drive(city, 9, 5, **{SNAPSHOT: id})
    assert await speeds(city, **{SNAPSHOT: id}) == {1: 55, 9: 5}
    assert await speeds(city) == {1: 80}
    answer = await city.delete("entities?type=Vehicle", headers={SNAPSHOT: id})
    assert answer.status_code == 204
    assert (await speeds(city, **{SNAPSHOT: id}), await speeds(city)) == ({}, {1: 80})


async def test_all_features_of_queries_work_in_a_snapshot(city):
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.7, 11.0]}}
    both = {"id": "urn:ngsi-ld:Vehicle:1", "type": ["Vehicle", "Bus"], "scope": "/a/b", "location": place}
    await city.post("entities", json=both)
    id = await frozen(city, {"type": "Query", "entities": [{"type": "Bus"}]})
    await city.delete("entities/urn:ngsi-ld:Vehicle:1")
    near = "georel=near;maxDistance==10&geometry=Point&coordinates=[106.7,11.0]"
    for query in ("type=Vehicle", "type=Bus", "type=Bus&scopeQ=/a/%23", near, "attrs=location", "q=location"):
        answer = await city.get(f"entities?{query}", headers={SNAPSHOT: id})
        assert len(answer.json()) == 1, query
    assert (await city.get("types", headers={SNAPSHOT: id})).json()["typeList"] == ["Bus", "Vehicle"]


async def test_temporal_queries_freeze_the_past_too(city):
    for minute, value in enumerate((10, 20, 30)):
        await drive(city, 1, value, f"2026-01-01T08:0{minute}:00Z")
    await drive(city, 2, 1)
    asked = {"type": "Snapshot", "snapshotTemporalQueries": [HISTORY]}
    status = await ready(city, path(await city.post("snapshots", json=asked)))
    assert status["snapshotTemporalQueriesDetails"] == [{"resultStatus": "success"}]
    await drive(city, 1, 40, "2026-01-01T08:09:00Z")

    async def values(**headers):
        answer = await city.get("temporal/entities/urn:ngsi-ld:Vehicle:1?options=temporalValues", headers=headers)
        return [value for value, _ in answer.json()["speed"]["values"]]

    assert await values(**{SNAPSHOT: status["id"]}) == [10, 20, 30]
    assert await values() == [10, 20, 30, 40]


async def test_status_tells_of_each_query_what_it_found(city):
    await drive(city, 1, 80)
    nothing = {"type": "Query", "entities": [{"type": "Nothing"}]}
    for asked, status, results in (
        ([VEHICLES, nothing], "partial", ["success", "empty"]),
        ([nothing], "empty", ["empty"]),
    ):
        answer = await city.post("snapshots", json={"type": "Snapshot", "snapshotQueries": asked})
        told = await ready(city, path(answer))
        assert told["snapshotStatus"] == status
        assert [each["resultStatus"] for each in told["snapshotQueriesDetails"]] == results
        assert told["snapshotPriority"] == 5
        assert told["lastUsedAt"]


async def test_an_empty_snapshot_answers_with_nothing(city):
    await drive(city, 1, 80)
    asked = {"type": "Snapshot", "snapshotQueries": [{"type": "Query", "entities": [{"type": "Nothing"}]}]}
    status = await ready(city, path(await city.post("snapshots", json=asked)))
    assert await speeds(city, **{SNAPSHOT: status["id"]}) == {}


async def test_a_clone_is_a_snapshot_of_its_own(city):
    await drive(city, 1, 80)
    id = await frozen(city, id="urn:ngsi-ld:Snapshot:one")
    await drive(city, 1, 70, **{SNAPSHOT: id})
    answer = await city.post(f"snapshots/{id}/clone", json={"type": "Snapshot", "snapshotPriority": 9})
    clone = await ready(city, path(answer))
    assert (clone["snapshotStatus"], clone["snapshotPriority"]) == ("success", 9)
    assert clone["snapshotQueries"] == [VEHICLES]
    await drive(city, 1, 60, **{SNAPSHOT: clone["id"]})
    assert await speeds(city, **{SNAPSHOT: id}) == {1: 70}
    assert (await city.delete(f"snapshots/{id}")).status_code == 204
    assert await speeds(city, **{SNAPSHOT: clone["id"]}) == {1: 60}


async def test_a_deleted_snapshot_is_gone_with_its_files(city, tmp_path):
    await drive(city, 1, 80)
    id = await frozen(city)
    assert len(list((tmp_path / "snapshots").iterdir())) == 1
    assert (await city.delete(f"snapshots/{id}")).status_code == 204
    assert list((tmp_path / "snapshots").iterdir()) == []
    for answer in (
        await city.get(f"snapshots/{id}"),
        await city.delete(f"snapshots/{id}"),
        await city.get("entities?type=Vehicle", headers={SNAPSHOT: id}),
    ):
        assert answer.status_code == 404


async def test_update_changes_priority_and_lifetime_alone(city):
    await drive(city, 1, 80)
    id = await frozen(city)
    before = (await city.get(f"snapshots/{id}")).json()
    answer = await city.patch(f"snapshots/{id}", json={"snapshotPriority": 2, "snapshotLifetime": "PT1H"})
    assert answer.status_code == 200
    after = answer.json()
    assert after["snapshotPriority"] == 2
    assert after["expiresAt"] < before["expiresAt"]
    assert (await city.get(f"snapshots/{id}")).json() == after


async def test_purge_deletes_the_snapshots_that_match(city):
    await drive(city, 1, 80)
    low, high = await frozen(city, snapshotPriority=2), await frozen(city, snapshotPriority=9)
    assert (await city.delete("snapshots", params={"q": "snapshotPriority<5"})).status_code == 204
    assert (await city.get(f"snapshots/{low}")).status_code == 404
    assert (await city.get(f"snapshots/{high}")).status_code == 200
    assert (await city.delete("snapshots", params={"q": "snapshotPriority<5"})).status_code == 404
    q = 'snapshotStatus=="success";createdAt>2000-01-01T00:00:00Z;expiresAt<2999-01-01T00:00:00Z'
    assert (await city.delete("snapshots", params={"q": q})).status_code == 204


async def test_when_there_are_too_many_the_least_important_goes(city, tenants):
    tenants.default.snapshots._most = 2
    await drive(city, 1, 80)
    kept, low = await frozen(city, snapshotPriority=9), await frozen(city, snapshotPriority=3)
    new = await frozen(city, snapshotPriority=1)
    found = [(await city.get(f"snapshots/{id}")).status_code for id in (kept, low, new)]
    assert found == [200, 404, 200]


async def test_snapshots_of_tenants_are_apart(city):
    await drive(city, 1, 80, **{"NGSILD-Tenant": "a"})
    await drive(city, 2, 10)
    tenant = {"NGSILD-Tenant": "a"}
    asked = {"type": "Snapshot", "snapshotQueries": [VEHICLES]}
    status = await ready(city, path(await city.post("snapshots", json=asked, headers=tenant)), **tenant)
    assert await speeds(city, **tenant, **{SNAPSHOT: status["id"]}) == {1: 80}
    assert (await city.get("entities?type=Vehicle", headers={SNAPSHOT: status["id"]})).status_code == 404


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({}, '"type" of the document'),
        ({"type": "Snapshot"}, "has no queries"),
        ({"type": "Snapshot", "snapshotQueries": []}, "at least one Query"),
        ({"type": "Snapshot", "snapshotQueries": [{"entities": [{"type": "V"}]}]}, "snapshotQueries[0] must be"),
        ({"type": "Snapshot", "snapshotQueries": [HISTORY]}, "has a temporalQ"),
        ({"type": "Snapshot", "snapshotTemporalQueries": [VEHICLES]}, "has no temporalQ"),
        ({"type": "Snapshot", "snapshotQueries": [VEHICLES, {"type": "Query"}]}, "snapshotQueries[1]: The query asks"),
        ({"type": "Snapshot", "snapshotQueries": [{**VEHICLES, "q": "a>"}]}, "snapshotQueries[0]: q, position"),
        ({"type": "Snapshot", "snapshotQueries": [VEHICLES], "snapshotPriority": 11}, "from 1 to 10"),
        ({"type": "Snapshot", "snapshotQueries": [VEHICLES], "snapshotLifetime": "1h"}, "ISO 8601 duration"),
        ({"type": "Snapshot", "snapshotQueries": [VEHICLES], "endpoint": "http://169.254.169.254/"}, "169.254"),
        ({"type": "Snapshot", "snapshotQueries": [VEHICLES], "what": 1}, "'what'"),
        ({"type": "Snapshot", "snapshotQueries": [VEHICLES], "id": "no uri"}, "no URI"),
    ],
)
async def test_a_bad_snapshot_is_refused_and_leaves_nothing(city, tenants, document, says):
    answer = await city.post("snapshots", json=document)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]
    assert await tenants.default.store.records(snapshots.SNAPSHOT) == {}


async def test_what_is_fixed_cannot_be_changed(city):
    await drive(city, 1, 80)
    id = await frozen(city)
    for fragment in ({"snapshotQueries": [VEHICLES]}, {"id": "urn:x:y"}, {"snapshotPriority": "high"}, {"type": None}):
        assert (await city.patch(f"snapshots/{id}", json=fragment)).status_code == 400, fragment
    answer = await city.post("snapshots", json={"id": id, "type": "Snapshot", "snapshotQueries": [VEHICLES]})
    assert answer.status_code == 409


async def test_purge_needs_a_query_over_members_of_snapshots(city):
    for query in ("", "?q=speed>50", "?q=snapshotPriority>", "?q=snapshotPriority{a}==1", "?q=id==urn:a:b"):
        assert (await city.delete(f"snapshots{query}")).status_code == 400, query


async def test_the_registry_and_snapshots_themselves_are_not_in_a_snapshot(city):
    await drive(city, 1, 80)
    id = await frozen(city)
    for request in ("snapshots/urn:a:b", "csourceRegistrations?type=A"):
        assert (await city.get(request, headers={SNAPSHOT: id})).status_code == 422


async def test_a_snapshot_is_local_by_itself(city):
    await drive(city, 1, 80)
    id = await frozen(city)
    assert len((await city.get("entities", headers={SNAPSHOT: id})).json()) == 1
    assert (await city.get("entities")).status_code == 400
