"""The embedded store: one road for writes, state and history that agree, sealing that changes nothing."""

import asyncio
import threading

import numpy as np
import pytest

from dothi.model.change import AttributeChange, Cause
from dothi.model.entity import Entity, instances
from dothi.model.errors import AlreadyExists
from dothi.model.instant import format_instant, parse_instant
from dothi.model.query import AttributePath, Compare, DateTimeLiteral, EntityQuery, Name, Order, Window
from dothi.storage.flush import Known
from dothi.storage.remembered import STALE, Remembered
from dothi.storage.sqlite import SqliteStore

TYPE = "https://example.org/Station"
PM = "https://example.org/pm25"
PLACE = "https://uri.etsi.org/ngsi-ld/location"
CAUSE = Cause()
HOUR = 3_600_000_000
START = parse_instant("2026-01-01T00:00:00Z")


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


def reading(value, hour=0, **more):
    return {"type": "Property", "value": value, "observedAt": format_instant(START + hour * HOUR), **more}


def write(store, id, attributes, cause=CAUSE, **more):
    """Replace the named attributes of one entity, as provision does."""

    def work(tx):
        old = tx.load([id]).get(id)
        now = tx.now
        stamped = {name: {**value, "createdAt": now, "modifiedAt": now} for name, value in attributes.items()}
        state = {**(old.attributes if old else {}), **stamped}
        changes = [
            AttributeChange(name, None, old.attributes.get(name) if old else None, value)
            for name, value in stamped.items()
        ]
        entity = Entity(
            id=id, types=(TYPE,), attributes=state, created=old.created if old else now, modified=now, **more
        )
        tx.save(entity, "updated" if old else "created", changes, cause)

    return store.write(work, [id])


def delete(store, id):
    def work(tx):
        old = tx.load([id])[id]
        gone = [AttributeChange(name, None, value, None) for name, value in old.attributes.items()]
        tx.save(old, "deleted", gone, CAUSE)

    return store.write(work, [id])


def append(store, id, values, attribute=PM):
    def work(tx):
        entity = tx.load([id])[id]
        return tx.append(entity, [(attribute, reading(value, hour)) for hour, value in values], CAUSE)

    return store.write(work, [id])


async def values(store, id, window=None, attribute=PM):
    (history,) = await store.history([id], [attribute], window)
    return [(instance.get("observedAt"), instance.get("value")) for instance in history.attributes.get(attribute, [])]


async def test_what_was_written_is_read_and_survives_reopening(tmp_path, store):
    await write(store, "urn:a", {PM: reading(1)}, scopes=("/city/north",), expires=START * 3)
    entity = await store.entity("urn:a")
    await store.close()
    await store.open()
    assert await store.entity("urn:a") == entity
    assert entity.types == (TYPE,)
    assert entity.scopes == ("/city/north",)
    assert entity.attributes[PM]["value"] == 1


async def test_a_unit_that_raises_leaves_nothing_and_harms_no_other(store):
    def bad(tx):
        tx.save(Entity(id="urn:bad", types=(TYPE,), attributes={PM: reading(1)}), "created", [], CAUSE)
        tx.put_record("thing", "bad", {})
        raise AlreadyExists("no")

    results = await asyncio.gather(
        write(store, "urn:a", {PM: reading(1)}), store.write(bad), write(store, "urn:b", {PM: reading(2)}),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(result) for result in results] == [type(None), AlreadyExists, type(None)]
    assert await store.entity("urn:bad") is None
    assert await store.record("thing", "bad") is None
    assert await store.count(EntityQuery(types=Name(TYPE))) == 2


async def test_units_of_one_group_see_each_other(store):
    await asyncio.gather(*(write(store, "urn:a", {f"https://example.org/a{n}": reading(n)}) for n in range(50)))
    assert len((await store.entity("urn:a")).attributes) == 50
    assert await store.last_seq() == 50


async def test_a_unit_sees_what_it_has_saved_itself(store):
    def work(tx):
        tx.save(Entity(id="urn:a", types=(TYPE,), attributes={}), "created", [], CAUSE)
        assert "urn:a" in tx.load(["urn:a"])
        tx.put_record("thing", "k", {"n": 1})
        assert tx.record("thing", "k") == {"n": 1}
        assert tx.drop_record("thing", "k")
        assert not tx.drop_record("thing", "k")

    await store.write(work)
    assert await store.records("thing") == {}


async def test_an_entity_that_comes_and_goes_in_one_group_leaves_its_history(store):
    results = await asyncio.gather(write(store, "urn:a", {PM: reading(1)}), delete(store, "urn:a"))
    assert results == [None, None]
    assert await store.entity("urn:a") is None
    (history,) = await store.history(["urn:a"])
    assert history.deleted is not None
    assert [i.get("value") for i in history.attributes[PM]] == [1, None]


async def test_deleted_entities_leave_queries_and_can_come_back(store):
    await write(store, "urn:a", {PM: reading(1)}, scopes=("/x",))
    await delete(store, "urn:a")
    assert await store.count(EntityQuery(types=Name(TYPE))) == 0
    await write(store, "urn:a", {PM: reading(2, 1)})
    assert await store.count(EntityQuery(types=Name(TYPE))) == 1
    assert [value for _, value in await values(store, "urn:a") if value is not None] == [1, 2]


async def test_select_inside_a_unit_sees_earlier_units_of_the_group(store):
    def find(tx):
        return tx.select(EntityQuery(types=Name(TYPE)))

    _, found = await asyncio.gather(write(store, "urn:a", {PM: reading(1)}), store.write(find))
    assert found == ["urn:a"]


async def test_listeners_hear_of_changes_in_order_after_the_commit(store):
    heard = []
    stop = store.subscribe(heard.extend)
    await asyncio.gather(*(write(store, f"urn:{n}", {PM: reading(n)}) for n in range(20)))
    await asyncio.sleep(0.01)
    assert [change.seq for change in heard] == list(range(1, 21))
    assert heard[3].attributes[0].after["value"] == 3
    stop()
    await write(store, "urn:x", {PM: reading(1)})
    await asyncio.sleep(0.01)
    assert len(heard) == 20


async def test_the_log_tells_a_follower_what_it_missed(store):
    for n in range(5):
        await write(store, "urn:a", {PM: reading(n, n)}, cause=Cause("rule:x", 2))
    await delete(store, "urn:a")
    changes = await store.changes(3)
    assert [(change.seq, change.kind) for change in changes] == [(4, "updated"), (5, "updated"), (6, "deleted")]
    assert changes[0].attributes[0].after["value"] == 3
    assert changes[0].cause == Cause("rule:x", 2)
    assert changes[2].attributes[0].after is None


async def test_history_windows_and_last(store):
    for hour in range(10):
        await write(store, "urn:a", {PM: reading(hour, hour)})
    window = Window(start=START + 2 * HOUR, end=START + 5 * HOUR)
    assert [value for _, value in await values(store, "urn:a", window)] == [2, 3, 4]
    assert [value for _, value in await values(store, "urn:a", Window(last=3))] == [9, 8, 7]
    assert [v for _, v in await values(store, "urn:a", Window(end=START + 5 * HOUR, last=2))] == [4, 3]


async def test_sealing_changes_no_answer(store):
    for hour in range(40):
        more = {"unitCode": "GQ"} if hour % 2 else {}
        await write(store, "urn:a", {PM: reading(hour / 2, hour, **more), PLACE: point(hour)})
    windows = [None, Window(last=7), Window(start=START + 3 * HOUR, end=START + 30 * HOUR)]
    before = [await store.history(["urn:a"], (), window) for window in windows]
    buckets = await store.aggregate(["urn:a"], [PM], Window(), ["avg", "totalCount"], "PT6H")
    await store.seal()
    assert await store.changes(0) == []
    assert [await store.history(["urn:a"], (), window) for window in windows] == before
    assert await store.aggregate(["urn:a"], [PM], Window(), ["avg", "totalCount"], "PT6H") == buckets
    await write(store, "urn:a", {PM: reading(99, 99)})
    await store.seal()
    assert len(await values(store, "urn:a")) == 41


def point(hour):
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106 + hour / 100, 11]}}


async def test_sealing_stops_at_the_slowest_follower(store):
    for hour in range(10):
        await write(store, "urn:a", {PM: reading(hour, hour)})
    await store.write(lambda tx: tx.put_record("cursor", "rules", {"seq": 4}))
    await store.seal()
    assert [change.seq for change in await store.changes(0)] == [5, 6, 7, 8, 9, 10]
    assert len(await values(store, "urn:a")) == 10


async def test_sequence_numbers_go_on_after_everything_was_sealed(store):
    await write(store, "urn:a", {PM: reading(1)})
    await store.seal()
    await store.close()
    await store.open()
    await write(store, "urn:a", {PM: reading(2, 1)})
    assert [change.seq for change in await store.changes(0)] == [2]


@pytest.mark.parametrize("count", [3, 3000])
async def test_appending_the_past_twice_changes_nothing(store, count):
    await write(store, "urn:a", {PM: reading(0, -1)})
    past = [(hour, hour * 1.5) for hour in range(count)]
    assert await append(store, "urn:a", past) == count
    once = await values(store, "urn:a")
    assert await append(store, "urn:a", past) == 0
    assert await values(store, "urn:a") == once
    assert len(once) == count + 1
    assert (await store.entity("urn:a")).attributes[PM]["value"] == 0


async def test_columns_of_numbers_are_kept_like_single_values(store):
    await write(store, "urn:a", {PM: reading(0, -1)})
    times = START + np.arange(3000) * HOUR
    numbers = np.round(np.sin(np.arange(3000)) * 50, 1)

    def work(tx):
        entity = tx.load(["urn:a"])["urn:a"]
        return tx.append_columns(entity, PM, {"type": "Property", "unitCode": "GQ"}, times, numbers)

    assert await store.write(work) == 3000
    assert await store.write(work) == 0
    found = await values(store, "urn:a", Window(start=START))
    assert found == [(format_instant(int(t)), float(v)) for t, v in zip(times, numbers, strict=True)]
    numbers = numbers.copy()
    numbers[5] = 7
    assert await store.write(work) == 1
    assert dict(await values(store, "urn:a"))[format_instant(int(times[5]))] == 7


async def test_a_corrected_value_of_the_same_time_replaces_the_old_one(store):
    await write(store, "urn:a", {PM: reading(0, 0)})
    await append(store, "urn:a", [(hour, 1) for hour in range(1, 50)])
    assert await append(store, "urn:a", [(7, 100)]) == 1
    await store.seal()
    assert dict(await values(store, "urn:a"))[format_instant(START + 7 * HOUR)] == 100
    assert len(await values(store, "urn:a")) == 50


async def test_late_values_take_their_place_in_time(store):
    await write(store, "urn:a", {PM: reading(0, 0)})
    await append(store, "urn:a", [(hour, hour) for hour in range(100, 200)])
    await append(store, "urn:a", [(hour, hour) for hour in range(50, 150) if hour % 2])
    found = [value for _, value in await values(store, "urn:a")]
    assert found == sorted(found)
    assert len(found) == 1 + 100 + 25
    assert [v for _, v in await values(store, "urn:a", Window(end=START + 100 * HOUR, last=2))] == [99, 97]


async def test_datasets_are_series_of_their_own(store):
    two = [reading(1, 0), reading(2, 0, datasetId="urn:d")]

    def work(tx):
        entity = Entity(id="urn:a", types=(TYPE,), attributes={PM: two})
        changes = [AttributeChange(PM, i.get("datasetId"), None, i) for i in two]
        tx.save(entity, "created", changes, CAUSE)

    await store.write(work)
    await store.seal()
    (history,) = await store.history(["urn:a"])
    assert sorted((i.get("datasetId", ""), i["value"]) for i in history.attributes[PM]) == [("", 1), ("urn:d", 2)]
    assert len({i["instanceId"] for i in history.attributes[PM]}) == 2
    assert len(instances((await store.entity("urn:a")).attributes[PM])) == 2


async def test_times_of_attributes_are_kept_whether_they_are_the_entitys_or_not(store):
    humidity = "https://example.org/humidity"
    await write(store, "urn:a", {PM: reading(1), humidity: reading(50)})
    await write(store, "urn:a", {PM: reading({"x": 1, "createdAt": 5, "modifiedAt": 6}, 1)})
    entity = await store.entity("urn:a")
    pm, other = entity.attributes[PM], entity.attributes[humidity]
    assert pm["createdAt"] == pm["modifiedAt"] == entity.modified
    assert other["createdAt"] == other["modifiedAt"] == entity.created < entity.modified
    assert pm["value"] == {"x": 1, "createdAt": 5, "modifiedAt": 6}
    await store.close()
    await store.open()
    assert await store.entity("urn:a") == entity
    for name, end, asked, found in (
        (PM, "modifiedAt", entity.modified, 1), (PM, "createdAt", entity.created, 0),
        (humidity, "modifiedAt", entity.modified, 0), (humidity, "modifiedAt", entity.created, 1),
    ):  # fmt: skip
        literal = DateTimeLiteral(format_instant(asked), asked)
        q = Compare(AttributePath((name, end)), "==", (literal,))
        assert await store.count(EntityQuery(types=Name(TYPE), q=q)) == found, (name, end)
    ordered = EntityQuery(types=Name(TYPE), order=(Order(AttributePath((PM, "modifiedAt"))),))
    assert len((await store.entities(ordered)).entities) == 1


async def test_types_are_discovered_with_their_attributes(store):
    await write(store, "urn:a", {PM: reading(1), PLACE: point(1)})
    await write(store, "urn:b", {PM: reading(1)})
    (summary,) = await store.types()
    assert (summary.type, summary.count) == (TYPE, 2)
    assert summary.attributes == {PM: {"Property": 2}, PLACE: {"GeoProperty": 1}}


async def test_a_newer_file_is_refused_with_the_versions(tmp_path, store):
    await store.close()
    import apsw

    connection = apsw.Connection(str(tmp_path / "city.db"))
    layout = connection.pragma("user_version")
    connection.pragma("user_version", 9999)
    connection.close()
    other = SqliteStore(tmp_path)
    with pytest.raises(ValueError, match="layout 9999"):
        await other.open()
    connection = apsw.Connection(str(tmp_path / "city.db"))
    connection.pragma("user_version", layout)
    connection.close()
    await store.open()


async def test_a_query_too_long_for_the_loop_is_answered_by_a_thread(store, monkeypatch):
    monkeypatch.setattr("dothi.storage.sqlite.QUICK", 0.0)
    await asyncio.gather(*(write(store, f"urn:{n}", {PM: reading(n)}) for n in range(1000)))
    threads = []
    original = store._page

    def page(connection, query, count):
        threads.append(threading.current_thread() is threading.main_thread())
        return original(connection, query, count)

    store._page = page
    q = Compare(AttributePath((PM,)), ">", (990,))
    assert len((await store.entities(EntityQuery(types=Name(TYPE), q=q))).entities) == 9
    assert threads == [True, False]


async def test_what_is_remembered_is_what_is_stored(tmp_path, store, monkeypatch):
    for value in range(3):
        await asyncio.gather(*(write(store, f"urn:{n}", {PM: reading(value, n)}) for n in range(10)))
    await delete(store, "urn:3")
    remembered = {n: await store.entity(f"urn:{n}") for n in range(10)}
    store._writer.remembered.clear()
    assert {n: await store.entity(f"urn:{n}") for n in range(10)} == remembered
    assert remembered[3] is None


def test_a_full_memory_lets_in_only_what_makes_a_stale_one_go():
    def known(n, modified):
        return f"urn:{n}", Known(n, None, Entity(f"urn:{n}", (TYPE,), {PM: {}}, modified=modified))

    memory = Remembered(most=3)
    memory.keep([known(n, 1000 + n) for n in range(5)])
    assert [memory.entity(f"urn:{n}") is not None for n in range(5)] == [True, True, True, False, False]
    memory.keep([known(0, 2000)])
    memory.keep([known(4, 1001 + STALE)])
    assert [memory.entity(f"urn:{n}") is not None for n in range(5)] == [True, False, True, False, True]
