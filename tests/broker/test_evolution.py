"""Writes and erasures of the past: one entity, not two stores; scopes and deletions told with their times."""

import pytest

from dothi.broker.evolution import Evolutions
from dothi.broker.provision import Provision
from dothi.model.context import core_context
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.evolution import take_apart
from dothi.model.patch import SCOPE
from dothi.model.query import EntityQuery, Name, Window
from dothi.model.selection import parse_scopes
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
ID = "urn:x:station"
HEAT, TYPE = CORE.expand("heat"), CORE.expand("Station")
DAY = "2026-01-01T"


def at(hour, value, **members):
    return {"type": "Property", "value": value, "observedAt": f"{DAY}{hour:02}:00:00Z", **members}


def station(*instances, **more):
    return {"id": ID, "type": "Station", "heat": list(instances), **more}


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def evolutions(store):
    return Evolutions(store)


async def past(store, name=HEAT, **window):
    (history,) = await store.history([ID], [name], Window(**window))
    return history.attributes.get(name, [])


async def values(store, name=HEAT, **window):
    return [instance.get("value") for instance in await past(store, name, **window)]


async def state(store, name=HEAT):
    return (await store.entity(ID)).attributes.get(name)


async def test_an_evolution_is_made_extended_and_merged_by_dataset_and_time(evolutions, store):
    assert await evolutions.put(station(at(2, 22)), CORE) == (ID, True)
    assert await evolutions.put(station(at(2, 99), at(2, 5, datasetId="urn:d"), at(1, 21)), CORE) == (ID, False)
    assert sorted(await values(store)) == [5, 21, 99]
    await evolutions.extend(ID, {"heat": [at(3, 23)]}, CORE)
    assert {each["value"] for each in await past(store)} == {5, 21, 23, 99}
    with pytest.raises(ResourceNotFound):
        await evolutions.extend("urn:x:other", {"heat": [at(1, 21)]}, CORE)
    with pytest.raises(BadRequestData, match="urn:x:other"):
        await evolutions.extend(ID, {"id": "urn:x:other", "heat": [at(1, 21)]}, CORE)


async def test_deleting_an_evolution_deletes_the_entity_and_all_it_was(evolutions, store):
    await evolutions.put(station(at(1, 21), at(2, 22)), CORE)
    await evolutions.delete(ID)
    assert await store.entity(ID) is None
    assert await store.history([ID]) == []
    with pytest.raises(ResourceNotFound):
        await evolutions.delete(ID)


async def test_the_evolution_of_a_deleted_entity_can_be_deleted_too(evolutions, store):
    await evolutions.put(station(at(1, 21)), CORE)
    await Provision(store).delete(ID)
    assert len(await store.history([ID])) == 1
    await evolutions.delete(ID)
    assert await store.history([ID]) == []


async def test_an_attribute_is_erased_from_state_and_past(evolutions, store):
    await evolutions.put(station(at(1, 21), at(2, 22), at(2, 5, datasetId="urn:d")), CORE)
    await evolutions.delete_attribute(ID, "heat", CORE)
    assert await values(store) == [5]
    assert (await state(store))["datasetId"] == "urn:d"
    with pytest.raises(ResourceNotFound, match="default instance"):
        await evolutions.delete_attribute(ID, "heat", CORE)
    await evolutions.delete_attribute(ID, "heat", CORE, everything=True)
    assert await state(store) is None
    assert await past(store) == []
    with pytest.raises(ResourceNotFound):
        await evolutions.delete_attribute(ID, "heat", CORE, everything=True)
    with pytest.raises(BadRequestData):
        await evolutions.delete_attribute(ID, "he(at", CORE)


async def test_an_instance_is_modified_and_keeps_its_name_and_the_state_follows(evolutions, store):
    await evolutions.put(station(at(1, 21), at(2, 22, unitCode="CEL")), CORE)
    old, new = await past(store)
    await evolutions.modify_instance(ID, "heat", new["instanceId"], {"value": 23}, CORE)
    changed = (await past(store))[1]
    assert (changed["value"], changed["unitCode"], changed["instanceId"]) == (23, "CEL", new["instanceId"])
    assert changed["createdAt"] == new["createdAt"] < changed["modifiedAt"]
    assert (await state(store))["value"] == 23
    await evolutions.modify_instance(ID, "heat", old["instanceId"], {"observedAt": f"{DAY}00:30:00Z"}, CORE)
    assert (await past(store))[0]["observedAt"] == f"{DAY}00:30:00Z"
    assert (await past(store))[0]["instanceId"] == old["instanceId"]
    assert (await state(store))["value"] == 23
    await evolutions.delete_instance(ID, "heat", old["instanceId"], CORE)
    assert await values(store) == [23]


async def test_an_instance_that_is_not_there_is_not_found_and_a_bad_change_is_refused(evolutions, store):
    await evolutions.put(station(at(1, 21)), CORE)
    (only,) = await past(store)
    name = only["instanceId"]
    for bad in (
        "urn:x:none",
        name + "0",
        name + "0" * 9,
        name + "0" * 5000,
        name.replace("Instance:1-", "Instance:9-"),
    ):
        with pytest.raises(ResourceNotFound, match="no instance"):
            await evolutions.modify_instance(ID, "heat", bad, {"value": 1}, CORE)
        with pytest.raises(ResourceNotFound, match="no instance"):
            await evolutions.delete_instance(ID, "heat", bad, CORE)
    for bad in ({"type": "Relationship", "object": "urn:x"}, {"value": "urn:ngsi-ld:null"}, {"datasetId": "urn:d"}):
        with pytest.raises(BadRequestData):
            await evolutions.modify_instance(ID, "heat", name, bad, CORE)
    assert await values(store) == [21]


async def test_a_told_deletion_is_a_part_of_the_past(evolutions, store):
    await evolutions.put(station(at(1, 21), at(2, "urn:ngsi-ld:null")), CORE)
    told = await past(store, end=(1 << 60))
    assert [(each.get("value"), "deletedAt" in each) for each in told] == [(21, False), (None, True)]
    assert (await state(store))["value"] == 21
    await evolutions.put(station(at(2, "urn:ngsi-ld:null")), CORE)
    assert len(await past(store)) == 2
    with pytest.raises(BadRequestData):
        await evolutions.put(station({"type": "Property", "value": "urn:ngsi-ld:null"}), CORE)


async def test_a_scope_with_times_is_kept_as_it_was_told(evolutions, store):
    scope = [{"type": "Property", "value": "/R", "observedAt": f"{DAY}01:00:00Z"},
             {"type": "Property", "value": ["/S", "/T"], "observedAt": f"{DAY}03:00:00Z"}]  # fmt: skip
    await evolutions.put(station(at(2, 22), at(4, 24), at(0, 20), scope=scope), CORE)
    assert (await store.entity(ID)).scopes == ("/S", "/T")
    assert await values(store, SCOPE) == [["/R"], ["/S", "/T"]]
    for scopes, expected in (("/R", [22]), ("/S", [24]), ("/#", [22, 24]), ("/X", [])):
        assert await values(store, scope=parse_scopes(scopes)) == expected, scopes


async def test_what_the_core_api_makes_of_a_scope_is_kept(evolutions, store):
    provision = Provision(store)
    await provision.create({"id": ID, "type": "Station", "scope": "/A", "heat": at(1, 1)}, CORE)
    await provision.update(ID, {"scope": "/B"}, CORE)
    await provision.update(ID, {"heat": at(2, 2)}, CORE)
    await provision.delete_attribute(ID, "scope", CORE)
    assert await values(store, SCOPE) == [["/A"], ["/B"], []]
    assert [len(await past(store, SCOPE, property="deletedAt"))] == [1]
    await evolutions.delete_attribute(ID, "scope", CORE)
    assert await past(store, SCOPE) == []
    assert await values(store) == [1, 2]


async def test_a_batch_of_writes_with_scopes_keeps_the_count_of_rows(store):
    provision = Provision(store)
    for value in range(10):
        document = {"id": ID, "type": "Station", "scope": f"/s{value}", "heat": at(value, value)}
        await (provision.replace(ID, document, CORE) if value else provision.create(document, CORE))
    (rows,) = store._write_connection.execute("SELECT count(*) FROM change").fetchall()[0]
    assert store._sealer.tail_rows == rows == 20
    await store.seal()
    assert len(await values(store, SCOPE)) == 10
    assert store._sealer.tail_rows == 0


async def test_queries_of_the_past_judge_what_lies_in_the_window(evolutions, store):
    document = station(at(1, 10), at(5, 90))
    for n in range(5):
        await evolutions.put({**document, "id": f"urn:x:{n}", "heat": [at(1, n), at(5, 90 + n)]}, CORE)
    await Provision(store).delete("urn:x:3")
    asked = EntityQuery(types=Name(TYPE), limit=2)
    window = Window(end=1767229200000000 + 3_600_000_000)

    async def pages(query):
        found, total = [], None
        while True:
            page = await store.evolved(query, window, count=True)
            found, total = found + page.ids, page.total
            if not page.more:
                return found, total
            query = EntityQuery(**{**{f: getattr(query, f) for f in query.__slots__}, "offset": query.offset + 2})

    assert await pages(asked) == ([f"urn:x:{n}" for n in range(5)], 5)
    late = Window(start=1 << 60)
    assert (await store.evolved(asked, late, count=True)).total == 0
    none = EntityQuery(types=Name("https://example.org/None"), limit=2)
    assert (await store.evolved(none, window)).ids == []


def test_bad_scopes_and_deletions_are_refused_where_they_stand():
    for scope in ([{"type": "Property", "value": "//", "observedAt": f"{DAY}01:00:00Z"}],
                  [{"type": "Property", "value": "/a", "observedAt": "today"}],
                  [{"type": "Property", "value": "/a", "observedAt": f"{DAY}01:00:00Z"}, "/b"],
                  [{"type": "GeoProperty", "value": "/a", "observedAt": f"{DAY}01:00:00Z"}]):  # fmt: skip
        with pytest.raises(BadRequestData, match=r"scope\["):
            take_apart({"scope": scope}, CORE)
    with pytest.raises(BadRequestData, match=r"heat\[0\].observedAt"):
        take_apart({"heat": {"value": "urn:ngsi-ld:null", "observedAt": "today"}}, CORE)
    with pytest.raises(BadRequestData, match="datasetId"):
        take_apart({"heat": at(1, "urn:ngsi-ld:null", datasetId="no uri")}, CORE)
    plain = {"id": ID, "scope": ["/a"], "heat": at(1, 1)}
    assert take_apart(plain, CORE).document == plain
