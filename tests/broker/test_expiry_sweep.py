"""The sweep deletes what has expired, tells it as any other deletion, and keeps the past."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from dothi.broker.consume import Consume
from dothi.broker.expiry import CAUSE, Expiry
from dothi.broker.provision import Provision
from dothi.model.context import core_context
from dothi.model.errors import ResourceNotFound
from dothi.model.instant import format_instant, parse_instant
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
PAST = "2020-01-01T00:00:00Z"


def prop(value, **members):
    return {"type": "Property", "value": value, **members}


def soon(seconds):
    return format_instant(time.time_ns() // 1000 + int(seconds * 1_000_000))


@asynccontextmanager
async def opened(folder):
    store = SqliteStore(folder)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(tmp_path):
    async with opened(tmp_path) as store:
        yield store


async def test_expired_entities_are_deleted_and_their_past_stays(store):
    provision = Provision(store)
    await provision.create({"id": "urn:x:1", "type": "T", "a": prop(1), "expiresAt": PAST}, CORE)
    await provision.create({"id": "urn:x:2", "type": "T", "a": prop(1), "expiresAt": "2100-01-01T00:00:00Z"}, CORE)
    changes = []
    store.subscribe(changes.extend)
    await Expiry(store).sweep()
    assert [(change.entity.id, change.kind, change.cause) for change in changes] == [("urn:x:1", "deleted", CAUSE)]
    assert await store.entity("urn:x:1") is None
    assert await store.entity("urn:x:2") is not None
    (history,) = await store.history(["urn:x:1"])
    assert history.attributes[CORE.expand("a")][0]["value"] == 1


async def test_an_expired_attribute_is_hidden_at_once_and_then_deleted(store):
    provision, consume = Provision(store), Consume(store)
    task = asyncio.ensure_future(Expiry(store).run())
    try:
        await asyncio.sleep(0.05)
        await provision.create({"id": "urn:x:1", "type": "T", "a": prop(1, expiresAt=soon(0.1)), "b": prop(2)}, CORE)
        assert CORE.expand("a") in (await consume.entity("urn:x:1")).attributes
        await asyncio.sleep(0.12)
        assert list((await consume.entity("urn:x:1")).attributes) == [CORE.expand("b")]
        for _ in range(50):
            if CORE.expand("a") not in (await store.entity("urn:x:1")).attributes:
                break
            await asyncio.sleep(0.05)
        assert list((await store.entity("urn:x:1")).attributes) == [CORE.expand("b")]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_expired_while_the_city_was_closed_goes_after_the_start(tmp_path):
    async with opened(tmp_path) as store:
        fields = {"a": prop(1, expiresAt=PAST), "b": prop(2)}
        await Provision(store).create({"id": "urn:x:1", "type": "T", **fields}, CORE)
    async with opened(tmp_path) as store:
        sweep = Expiry(store, clock=lambda: parse_instant("2026-01-31T12:00:00Z"))
        task = asyncio.ensure_future(sweep.run())
        for _ in range(50):
            await asyncio.sleep(0.02)
            if len((await store.entity("urn:x:1")).attributes) == 1:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert list((await store.entity("urn:x:1")).attributes) == [CORE.expand("b")]


async def test_the_id_of_an_expired_entity_is_free_again(store):
    provision = Provision(store)
    await provision.create({"id": "urn:x:1", "type": "T", "expiresAt": PAST}, CORE)
    with pytest.raises(ResourceNotFound):
        await Consume(store).entity("urn:x:1")
    await provision.create({"id": "urn:x:1", "type": "T"}, CORE)
    await Expiry(store).sweep()
    assert await store.entity("urn:x:1") is not None
