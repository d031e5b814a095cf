"""What is erased is gone: from the tail, from chunks, from answers, and it does not come back."""

import apsw
import pytest

from dothi.model.change import AttributeChange, Cause
from dothi.model.entity import Entity
from dothi.model.instant import format_instant, parse_instant
from dothi.model.query import Window
from dothi.storage.sealer import follower_floor, plan_seal
from dothi.storage.sqlite import SqliteStore

TYPE, HEAT, MASS = "https://example.org/Station", "https://example.org/heat", "https://example.org/mass"
ID = "urn:a"
HOUR = 3_600_000_000
START = parse_instant("2026-01-01T00:00:00Z")


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


def reading(value, hour, **more):
    return {"type": "Property", "value": value, "observedAt": format_instant(START + hour * HOUR), **more}


def write(store, attributes):
    def work(tx):
        old = tx.load([ID]).get(ID)
        stamped = {name: {**value, "createdAt": tx.now, "modifiedAt": tx.now} for name, value in attributes.items()}
        state = {**(old.attributes if old else {}), **stamped}
        entity = Entity(ID, (TYPE,), state, (), old.created if old else tx.now, tx.now)
        changes = [AttributeChange(name, value.get("datasetId"), None, value) for name, value in stamped.items()]
        tx.save(entity, "updated" if old else "created", changes, Cause())

    return store.write(work, [ID])


def append(store, instances):
    return store.write(lambda tx: tx.append(tx.load([ID])[ID], instances, Cause()), [ID])


def forget(store, *what, **more):
    return store.write(lambda tx: tx.forget(ID, *what, **more), [ID])


async def past(store, name=HEAT, **window):
    histories = await store.history([ID], [name], Window(**window))
    return histories[0].attributes.get(name, []) if histories else None


async def values(store, name=HEAT):
    return [instance["value"] for instance in await past(store, name) or []]


@pytest.fixture(params=["tail", "sealed", "both"])
async def station(store, request):
    """Heat of 60 hours, with a second dataset and another attribute."""
    await write(store, {HEAT: reading(0, 0), MASS: reading(5, 0)})
    count = 20 if request.param == "tail" else 60
    await append(store, [(HEAT, reading(hour, hour)) for hour in range(1, count)])
    await append(store, [(HEAT, reading(-hour, hour, datasetId="urn:d")) for hour in range(count)])
    if request.param == "sealed":
        await store.seal()
    if request.param == "both":
        await write(store, {HEAT: reading(60, 60)})
    return count


async def test_one_instance_is_forgotten_and_the_names_of_others_stay(store, station):
    before = {each["instanceId"]: each["value"] for each in await past(store)}
    gone = next(name for name, value in before.items() if value == 7)
    assert await forget(store, HEAT, instance=gone)
    del before[gone]
    assert {each["instanceId"]: each["value"] for each in await past(store)} == before
    assert not await forget(store, HEAT, instance=gone)
    await store.seal()
    assert {each["instanceId"]: each["value"] for each in await past(store)} == before


async def test_corrections_of_a_forgotten_instance_go_with_it(store, station):
    await append(store, [(HEAT, reading(700, 7))])
    gone = next(each["instanceId"] for each in await past(store) if each["value"] == 700)
    assert await forget(store, HEAT, instance=gone)
    assert not {7, 700} & set(await values(store))


async def test_a_dataset_or_the_default_instance_is_forgotten_alone(store, station):
    every = await past(store)
    assert await forget(store, HEAT, "urn:d")
    assert await past(store) == [each for each in every if "datasetId" not in each]
    assert not await forget(store, HEAT, "urn:d")
    assert await forget(store, HEAT, None)
    assert await values(store) == []
    assert await values(store, MASS) == [5]


async def test_an_attribute_is_forgotten_with_all_its_datasets(store, station):
    assert await forget(store, HEAT)
    assert await values(store) == []
    assert not await forget(store, HEAT)
    await write(store, {HEAT: reading(1, 100)})
    await store.seal()
    assert await values(store) == [1]


async def test_an_entity_is_forgotten_and_can_come_again(store, station):
    def work(tx):
        tx.save(tx.load([ID])[ID], "deleted", (), Cause())
        assert tx.forget(ID)

    await store.write(work, [ID])
    assert await past(store) is None
    assert await store.history([ID]) == []
    assert not await forget(store)
    await store.seal()
    assert await past(store) is None
    await write(store, {HEAT: reading(1, 100)})
    assert await values(store) == [1]


async def test_what_is_erased_is_not_in_the_file(store, tmp_path):
    secret = "a name that must go"
    await write(store, {HEAT: reading(0, 0)})
    await append(store, [(HEAT, reading(secret, 1))])
    (name,) = [each["instanceId"] for each in await past(store) if each["value"] == secret]
    assert await forget(store, HEAT, instance=name)
    await store.close()
    connection = apsw.Connection(str(tmp_path / "city.db"))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    assert secret.encode() not in (tmp_path / "city.db").read_bytes()
    await store.open()


async def test_what_is_forgotten_survives_reopening_and_numbers_of_changes_go_on(store, tmp_path, station):
    await forget(store, HEAT)
    last = await store.last_seq()
    await store.close()
    await store.open()
    assert await values(store) == []
    assert await store.last_seq() == last


async def test_a_plan_of_sealing_made_before_does_not_bring_it_back(store):
    await write(store, {HEAT: reading(0, 0)})
    await append(store, [(HEAT, reading(hour, hour)) for hour in range(1, 20)])
    connection = apsw.Connection(store._sealer._connection.filename)
    plan = plan_seal(connection, 1, follower_floor(connection))
    connection.close()
    assert plan.rows
    await forget(store, HEAT)
    await store.write(lambda tx: store._sealer._store(store._write_connection, [plan]))
    assert await values(store) == []


async def test_an_amended_instance_keeps_its_name_and_its_first_time(store, station):
    (old,) = [each for each in await past(store) if each["value"] == 7]
    name = old["instanceId"]

    def move(value, hour):
        def work(tx):
            found = tx.instance(ID, HEAT, name)
            tx.amend(ID, HEAT, found, name, {**found.instance, **reading(value, hour)}, Cause())

        return store.write(work, [ID])

    for value, hour in ((700, 7), (701, 1000), (702, 7)):
        await move(value, hour)
        for _ in range(2):
            (new,) = [each for each in await past(store) if each["instanceId"] == name]
            assert (new["value"], new["observedAt"]) == (value, reading(0, hour)["observedAt"])
            assert new["createdAt"] == old["createdAt"] < new["modifiedAt"]
            assert "firstRecorded" not in new
            await store.seal()
    assert len(await past(store)) == len({each["instanceId"] for each in await past(store)})
    assert 7 not in await values(store)
    assert await store.write(lambda tx: tx.instance(ID, HEAT, "urn:ngsi-ld:Instance:1-1-1")) is None
