"""Copies of a city's file: whole, or of what was chosen, with the past or without."""

import apsw
import pytest

from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.query import EntityQuery, Name, Window
from dothi.storage.migrate import migrate
from dothi.storage.snapshot import _PARTS
from dothi.storage.sqlite import SqliteStore
from dothi.storage.store import Choice

CAUSE = Cause()


def entity(id, type, value, now, observed=None):
    speed = {"type": "Property", "value": value, "createdAt": now, "modifiedAt": now}
    if observed is not None:
        speed["observedAt"] = observed
    place = {
        "type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.7, 11.0]}, "createdAt": now,
        "modifiedAt": now,
    }  # fmt: skip
    return Entity(id, (type,), {"urn:speed": speed, "urn:place": place}, ("/a/b",), now, now)


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path / "city")
    await store.open()

    def work(tx):
        for number in range(10):
            for type in ("urn:A", "urn:B"):
                one = entity(f"{type}:{number}", type, number, tx.now, "2026-01-01T00:00:00Z")
                tx.save(one, "created", (), CAUSE)

    await store.write(work)
    yield store
    await store.close()


async def opened(folder):
    copy = SqliteStore(folder)
    await copy.open()
    return copy


def test_every_table_of_the_layout_is_copied():
    connection = apsw.Connection("")
    migrate(connection)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    known = {table for table, _ in _PARTS}
    assert {name for name in tables if not name.startswith(("sqlite_", "place_"))} == known


async def test_an_extract_has_what_was_chosen_and_finds_it_by_every_index(store, tmp_path):
    chosen = EntityQuery(types=Name("urn:A"))
    assert await store.extract(tmp_path / "copy", [Choice(chosen), Choice(EntityQuery(types=Name("urn:C")))]) == [10, 0]
    copy = await opened(tmp_path / "copy")
    try:
        for query in (EntityQuery(), chosen, EntityQuery(scope=Name("/a/b")), EntityQuery(attributes=("urn:speed",))):
            assert await copy.ids(query) == [f"urn:A:{number}" for number in range(10)]
        assert await copy.count(EntityQuery()) == 10
        assert (await copy.entity("urn:A:3")) == (await store.entity("urn:A:3"))
        assert [summary.type for summary in await copy.types()] == ["urn:A"]
    finally:
        await copy.close()


async def test_an_extract_has_the_past_where_that_was_chosen(store, tmp_path):
    def more(tx):
        for day in range(2, 5):
            one = entity("urn:A:1", "urn:A", day, tx.now, f"2026-01-0{day}T00:00:00Z")
            tx.append(one, [("urn:speed", one.attributes["urn:speed"])], CAUSE)

    await store.write(more)
    for sealed in (False, True):
        if sealed:
            await store.seal()
        only, both = EntityQuery(ids=("urn:A:1",)), EntityQuery(types=Name("urn:A"))
        await store.extract(tmp_path / "copy", [Choice(both), Choice(only, past=True)])
        copy = await opened(tmp_path / "copy")
        try:
            here, there = [await one.history(["urn:A:1"], (), Window()) for one in (store, copy)]
            assert here == there
            assert len(there[0].attributes["urn:speed"]) == 3
            (without,) = await copy.history(["urn:A:2"], (), Window())
            assert not any(without.attributes.values())
        finally:
            await copy.close()


async def test_copies_can_be_written_to_and_count_on(store, tmp_path):
    await store.extract(tmp_path / "copy", [Choice(EntityQuery(), past=True)])
    last = await store.last_seq()
    copy = await opened(tmp_path / "copy")
    try:
        await copy.write(lambda tx: tx.save(entity("urn:A:new", "urn:A", 1, tx.now), "created", (), CAUSE))
        assert await copy.last_seq() > last
        assert await copy.count(EntityQuery()) == 21
        assert await store.count(EntityQuery()) == 20
    finally:
        await copy.close()


async def test_a_duplicate_has_everything_but_the_documents_at_work(store, tmp_path):
    await store.write(lambda tx: tx.put_record("subscription", "urn:s:1", {"a": 1}))
    await store.duplicate(tmp_path / "copy")
    copy = await opened(tmp_path / "copy")
    try:
        assert await copy.ids(EntityQuery()) == await store.ids(EntityQuery())
        assert await copy.records("subscription") == {}
        assert await copy.last_seq() == await store.last_seq()
    finally:
        await copy.close()


async def test_ids_come_in_the_order_of_the_query_and_no_more_than_asked(store):
    assert await store.ids(EntityQuery(types=Name("urn:B"), limit=1), 3) == ["urn:B:0", "urn:B:1", "urn:B:2"]
    assert await store.ids(EntityQuery(types=Name("urn:C"))) == []
