"""The making and keeping of snapshots, without HTTP: one instant, restarts, expiry, notifications."""

import asyncio
import json

import httpx
import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.snapshots import FOLDER, LONGEST, SNAPSHOT, Snapshots
from dothi.model.change import Cause
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.errors import Conflict, ResourceNotFound
from dothi.model.query import EntityQuery, Name
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
TYPE = CORE.expand("Vehicle")
QUERY = EntityQuery(types=Name(TYPE))
DOCUMENT = {"type": "Snapshot", "snapshotQueries": [{"type": "Query", "entities": [{"type": "Vehicle"}]}]}


class Copy:
    """What a snapshot's broker is to these tests: a store."""

    def __init__(self, store):
        self.store = store
        self.contexts = None

    async def close(self):
        await self.store.close()


async def open_copy(folder, snapshot):
    store = SqliteStore(folder)
    await store.open()
    return Copy(store)


class City:
    """A store with its snapshots; `told` are the notifications that were sent."""

    def __init__(self, folder):
        self.folder = folder
        self.now = None
        self.told = []

    async def start(self):
        self.store = SqliteStore(self.folder)
        await self.store.open()
        self.provision = Provision(self.store)
        self.outside = Outside(transport=httpx.MockTransport(self._take))
        contexts = Contexts(self.store, self.outside)
        clock = {} if self.now is None else {"clock": lambda: self.now}
        self.snapshots = Snapshots(self.store, self.folder, open_copy, contexts, self.outside, **clock)
        await self.snapshots.start()
        return self

    async def stop(self):
        await self.snapshots.stop()
        await self.store.close()

    def _take(self, request):
        self.told.append((dict(request.headers), json.loads(request.content)))
        return httpx.Response(200)

    async def drive(self, number, value):
        speed = {"type": "Property", "value": value}
        await self.provision.create({"id": f"urn:v:{number}", "type": "Vehicle", "speed": speed}, CORE)

    async def ready(self, id):
        for _ in range(500):
            document = self.snapshots.retrieve(id)
            if document["snapshotStatus"] != "preparing":
                return document
            await asyncio.sleep(0.01)
        raise AssertionError("never ready")

    async def speeds(self, id):
        copy = await self.snapshots.broker(id)
        page = await copy.store.entities(EntityQuery(limit=1000))
        return {entity.id: entity.attributes[CORE.expand("speed")]["value"] for entity in page.entities}


@pytest.fixture
async def city(tmp_path):
    city = await City(tmp_path).start()
    yield city
    await city.stop()


async def test_snapshots_are_there_after_a_restart(city):
    await city.drive(1, 80)
    id = await city.snapshots.create(DOCUMENT, [QUERY], [])
    before = await city.ready(id)
    await city.stop()
    await city.start()
    assert city.snapshots.retrieve(id) == before
    assert await city.speeds(id) == {"urn:v:1": 80}


async def test_a_snapshot_that_was_being_made_at_a_stop_has_failed(city):
    await city.drive(1, 80)
    id = await city.snapshots.create(DOCUMENT, [QUERY], [])
    record = {**(await city.store.record(SNAPSHOT, id)), "status": "preparing"}
    await city.ready(id)
    await city.store.write(lambda tx: tx.put_record(SNAPSHOT, id, record))
    (city.folder / FOLDER / "left").mkdir()
    await city.stop()
    await city.start()
    document = city.snapshots.retrieve(id)
    assert document["snapshotStatus"] == "failure"
    assert "stopped" in document["snapshotQueriesDetails"][0]["problemDetails"]["detail"]
    assert not (city.folder / FOLDER / "left").exists()
    with pytest.raises(Conflict, match="could not be made"):
        await city.snapshots.broker(id)


async def test_a_snapshot_is_of_one_instant_while_writers_go_on(city):
    """Two entities are always written together: a snapshot that has one without the other is of no instant."""
    ended = asyncio.Event()

    async def write():
        number = 0
        while not ended.is_set():
            number += 1
            for _ in range(3):
                await asyncio.sleep(0)

            def pair(tx, number=number):
                for side in "ab":
                    entity = _entity(f"urn:v:{side}", number, tx.now)
                    tx.save(entity, "updated" if number > 1 else "created", (), Cause())

            await city.store.write(pair, ("urn:v:a", "urn:v:b"))

    writer = asyncio.ensure_future(write())
    try:
        await asyncio.sleep(0.05)
        for _ in range(8):
            id = await city.snapshots.create(DOCUMENT, [QUERY], [QUERY])
            await city.ready(id)
            values = await city.speeds(id)
            assert len(values) == 2
            assert len(set(values.values())) == 1
    finally:
        ended.set()
        await writer


def _entity(id, value, now):
    speed = {"type": "Property", "value": value, "createdAt": now, "modifiedAt": now}
    return Entity(id, (TYPE,), {CORE.expand("speed"): speed}, (), now, now)


async def test_snapshots_expire_and_nobody_gets_one_for_longer_than_the_bound(tmp_path):
    city = City(tmp_path)
    city.now = 1_000_000
    await city.start()
    try:
        long = await city.snapshots.create({**DOCUMENT, "snapshotLifetime": "P10Y"}, [QUERY], [])
        short = await city.snapshots.create({**DOCUMENT, "snapshotLifetime": "PT1M"}, [QUERY], [])
        await city.ready(long)
        await city.ready(short)
        city.now += 60_000_000
        with pytest.raises(ResourceNotFound):
            city.snapshots.retrieve(short)
        await city.snapshots._sweep()
        assert list(await city.store.records(SNAPSHOT)) == [long]
        assert len(list((tmp_path / FOLDER).iterdir())) == 1
        city.now += LONGEST
        with pytest.raises(ResourceNotFound):
            city.snapshots.retrieve(long)
    finally:
        await city.stop()


async def test_who_gave_an_endpoint_is_told_when_the_snapshot_is_ready_and_when_it_changes(city):
    await city.drive(1, 80)
    told = {"endpoint": "http://127.0.0.1:9/told", "receiverInfo": [{"key": "Authorization", "value": "Bearer x"}]}
    id = await city.snapshots.create({**DOCUMENT, **told}, [QUERY], [])
    await city.ready(id)
    await city.snapshots.update(id, {"snapshotPriority": 7})
    for _ in range(200):
        if len(city.told) == 2:
            break
        await asyncio.sleep(0.01)
    (headers, first), (_, second) = city.told
    assert headers["authorization"] == "Bearer x"
    assert (first["type"], first["snapshotId"], first["snapshotStatus"]) == ("SnapshotNotification", id, "success")
    assert first["snapshotQueriesDetails"] == [{"resultStatus": "success"}]
    assert (first["snapshotPriority"], second["snapshotPriority"]) == (5, 7)
    assert first["notifiedAt"] < first["expiresAt"]


async def test_a_snapshot_deleted_while_it_is_made_leaves_nothing(city):
    await city.drive(1, 80)
    id = await city.snapshots.create(DOCUMENT, [QUERY], [])
    await city.snapshots.delete(id)
    other = await city.snapshots.create(DOCUMENT, [QUERY], [])
    await city.ready(other)
    assert len(list((city.folder / FOLDER).iterdir())) == 1
