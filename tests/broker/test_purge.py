"""Purges without HTTP: exactly what matches, in bounded batches, though others write meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.broker.provision import Provision
from dothi.broker.purge import BATCH, Purge
from dothi.model.change import Cause
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.purge import only, without
from dothi.model.qlang import parse_query
from dothi.model.query import EntityQuery
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
FAST = EntityQuery(q=parse_query("speed>50", CORE.expand))


class Interrupted(SqliteStore):
    """A store where somebody writes between the finding and the deleting; `units` counts units of work."""

    between = None
    units = 0

    async def ids(self, query, most=None):
        found = await super().ids(query, most)
        if self.between is not None:
            await self.between()
        return found

    async def write(self, work, ids=()):
        self.units += 1
        return await super().write(work, ids)


@pytest.fixture
async def store(tmp_path):
    store = Interrupted(tmp_path)
    await store.open()
    yield store
    await store.close()


def vehicle(number, speed):
    return {"id": f"urn:v:{number}", "type": "Vehicle", "speed": {"type": "Property", "value": speed}}


async def test_an_entity_that_no_longer_matches_is_spared(store):
    provision = Provision(store)
    for number in range(3):
        await provision.create(vehicle(number, 80), CORE)

    async def slow_down():
        await provision.update("urn:v:1", {"speed": {"type": "Property", "value": 10}}, CORE)
        await provision.create(vehicle(9, 80), CORE)

    store.between = slow_down
    assert await Purge(store).entities(FAST) == ["urn:v:0", "urn:v:2"]
    store.between = None
    assert await store.ids(EntityQuery()) == ["urn:v:1", "urn:v:9"]


async def test_what_is_deleted_by_somebody_else_meanwhile_is_no_fault(store):
    provision = Provision(store)
    await provision.create(vehicle(1, 80), CORE)
    store.between = lambda: provision.delete("urn:v:1")
    assert await Purge(store).entities(FAST) == []
    await provision.create(vehicle(1, 80), CORE)
    assert await Purge(store).attributes(FAST, [CORE.expand("speed")]) == []


async def test_a_purge_is_many_small_units_of_work(store):
    def many(tx):
        for number in range(2 * BATCH + 1):
            tx.save(Entity(f"urn:v:{number}", ("urn:T",), {}, (), tx.now, tx.now), "created", (), Cause())

    await store.write(many)
    store.units = 0
    assert len(await Purge(store).entities(EntityQuery())) == 2 * BATCH + 1
    assert store.units == 3
    assert await store.count(EntityQuery()) == 0


async def test_attributes_are_told_to_followers_as_deleted(store):
    await Provision(store).create(vehicle(1, 80), CORE)
    told = []
    store.subscribe(told.extend)
    assert await Purge(store).attributes(FAST, [CORE.expand("speed")]) == ["urn:v:1"]
    (change,) = told
    (attribute,) = change.attributes
    assert (change.kind, attribute.name, attribute.after) == ("updated", CORE.expand("speed"), None)


names = st.frozensets(st.sampled_from(["urn:a", "urn:b", "urn:c", "urn:d"]))


@given(names, names)
def test_what_drop_deletes_and_keep_deletes_are_all_together(has, named):
    one = {"type": "Property", "value": 1, "createdAt": 1, "modifiedAt": 1}
    entity = Entity("urn:x:1", ("urn:T",), dict.fromkeys(sorted(has), one), (), 1, 1)
    dropped, kept = without(entity, named, 2), only(entity, named, 2)
    assert set(dropped.entity.attributes) == has - named
    assert set(kept.entity.attributes) == has & named
    assert {change.name for change in (*dropped.changes, *kept.changes)} == has
    assert dropped.changed == bool(has & named)
    assert kept.changed == bool(has - named)
