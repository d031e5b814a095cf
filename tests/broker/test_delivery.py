"""Notifications across failures of receivers, restarts and crashes: nothing is lost, nobody waits for another."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from dothi.broker.delivery import Terms
from dothi.model.errors import ResourceNotFound

A = "urn:ngsi-ld:Building:a"
B = "urn:ngsi-ld:Building:b"


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


async def test_a_receiver_that_comes_back_gets_everything_in_order(city: Any, receiver: Any, eventually: Any) -> None:
    id = await city.subscribe(receiver)
    await city.create(A, level=prop(0))
    await receiver.wait(1)
    await receiver.stop()
    for value in range(1, 30):
        await city.set(A, value)
    await eventually(lambda: city.counters(id).get("status") == "failed")
    assert city.counters(id)["timesFailed"] >= 1
    assert "lastFailure" in city.counters(id)
    await receiver.start()
    await eventually(lambda: len(receiver.told) >= 30)
    assert [entity["level"]["value"] for entity in receiver.told] == list(range(30))
    await eventually(lambda: city.counters(id)["status"] == "ok")


async def test_a_dead_endpoint_does_not_delay_a_live_one(city: Any, receiver: Any, dead: Any) -> None:
    for _ in range(30):
        await city.subscribe(dead)
    await city.subscribe(receiver)
    for n in range(20):
        began = time.monotonic()
        await city.create(f"{A}{n}", level=prop(n))
        await receiver.wait(n + 1)
        assert time.monotonic() - began < 0.5


async def test_a_silent_endpoint_does_not_delay_a_live_one(city: Any, receiver: Any, dead: Any) -> None:
    silent = dead
    silent.delay = 30
    await silent.start()
    for _ in range(12):
        await city.subscribe(silent)
    await city.subscribe(receiver)
    await city.create(A, level=prop(0))
    await receiver.wait(1, 1.0)
    await silent.stop()


async def test_a_restart_brings_what_was_not_delivered(
    tmp_path: Path, receiver: Any, city_in: Any, eventually: Any
) -> None:
    await receiver.stop()
    async with city_in(tmp_path) as city:
        await city.subscribe(receiver)
        await city.create(A, level=prop(0))
        for value in range(1, 50):
            await city.set(A, value)
    await receiver.start()
    async with city_in(tmp_path) as city:
        await eventually(lambda: len(receiver.told) >= 50)
    assert [entity["level"]["value"] for entity in receiver.told] == list(range(50))


CRASH = """
import asyncio, os, sys
from pathlib import Path
from dothi.broker.contexts import Contexts
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.subscriptions import Subscriptions
from dothi.storage.sqlite import SqliteStore

async def main(folder, uri):
    store = SqliteStore(Path(folder))
    await store.open()
    outside = Outside()
    contexts = Contexts(store, outside)
    await contexts.open()
    subscriptions = Subscriptions(store, contexts, outside)
    await subscriptions.start()
    provision = Provision(store)
    await subscriptions.create({
        "type": "Subscription", "entities": [{"type": "Building"}], "notification": {"endpoint": {"uri": uri}}
    }, contexts.core)
    level = {"type": "Property", "value": 0}
    await provision.create({"id": "urn:ngsi-ld:Building:a", "type": "Building", "level": level}, contexts.core)
    for value in range(1, 200):
        await provision.update("urn:ngsi-ld:Building:a", {"level": {**level, "value": value}}, contexts.core)
    os._exit(9)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_process_loses_no_notification_of_an_acknowledged_write(
    tmp_path: Path, receiver: Any, city_in: Any, eventually: Any
) -> None:
    receiver.delay = 0.01
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", CRASH, str(tmp_path), receiver.uri)
    assert await process.wait() == 9
    assert len(receiver.told) < 200
    receiver.delay = 0.0
    async with city_in(tmp_path):
        await eventually(lambda: any(entity["level"]["value"] == 199 for entity in receiver.told))
    values = [entity["level"]["value"] for entity in receiver.told]
    assert list(dict.fromkeys(values)) == list(range(200))


async def test_a_restart_sends_what_the_outbox_holds_before_what_is_new(
    tmp_path: Path, receiver: Any, city_in: Any, eventually: Any
) -> None:
    await receiver.stop()
    async with city_in(tmp_path) as city:
        await city.subscribe(receiver)
        await city.create(A, level=prop(0))
        for value in range(1, 20):
            await city.set(A, value)
        await asyncio.sleep(0.5)
        assert await city.store.records("notification-outbox")
    async with city_in(tmp_path) as city:
        await city.set(A, 20)
        await asyncio.sleep(0.3)
        await receiver.start()
        await eventually(lambda: len(receiver.told) >= 21)
        await asyncio.sleep(0.3)
        assert not await city.store.records("notification-outbox")
    assert [entity["level"]["value"] for entity in receiver.told] == list(range(21))


async def test_a_thousand_changes_lose_nothing_and_keep_their_order(city: Any, receiver: Any, eventually: Any) -> None:
    receiver.status = lambda count: 503 if count % 97 == 0 else 204
    await city.subscribe(receiver)
    await city.create(A, level=prop(0))
    await city.create(B, level=prop(0))
    for value in range(1, 500):
        await asyncio.gather(city.set(A, value), city.set(B, value))
    await eventually(lambda: len(receiver.told) >= 1000, 20)
    for id in (A, B):
        assert [entity["level"]["value"] for entity in receiver.told if entity["id"] == id] == list(range(500))


async def test_a_refused_notification_becomes_a_dead_letter_and_can_be_sent_again(
    tmp_path: Path, receiver: Any, city_in: Any, eventually: Any
) -> None:
    receiver.status = lambda count: 400 if receiver.calls <= 3 else 204
    async with city_in(tmp_path, terms=Terms(rest=0.02, longest_rest=0.05, refusals=3)) as city:
        id = await city.subscribe(receiver)
        await city.create(A, level=prop(1))
        await eventually(lambda: city.counters(id).get("timesFailed") == 3)
        await city.set(A, 2)
        await receiver.wait(1)
        await asyncio.sleep(0.3)
        (dead,), total = await city.subscriptions.list_dead()
        assert total == 1
        assert dead["reason"] == "the receiver answered 400"
        assert orjson.loads(dead["body"])["data"][0]["level"]["value"] == 1
        await city.subscriptions.resend(dead["id"])
        await receiver.wait(2)
        await asyncio.sleep(0.3)
        assert await city.subscriptions.list_dead() == ([], 0)
        with pytest.raises(ResourceNotFound):
            await city.subscriptions.resend(dead["id"])
    assert [entity["level"]["value"] for entity in receiver.told] == [2, 1]


async def test_what_is_too_old_is_given_up_and_a_full_outbox_gives_up_the_oldest(
    tmp_path: Path, city_in: Any, dead: Any
) -> None:
    async with city_in(tmp_path, terms=Terms(rest=0.02, longest_rest=0.1, outbox=10, age=600)) as city:
        await city.subscribe(dead)
        await city.create(A, level=prop(0))
        for value in range(1, 30):
            await city.set(A, value)
        await asyncio.sleep(0.6)
        letters, total = await city.subscriptions.list_dead()
        assert total == 20
        assert "more than 10" in letters[0]["reason"]
    async with city_in(tmp_path, terms=Terms(rest=0.02, longest_rest=0.1, age=0.1)) as city:
        await asyncio.sleep(0.6)
        assert (await city.subscriptions.list_dead())[1] == 30


async def test_the_cursor_goes_on_while_an_endpoint_is_dead(city: Any, dead: Any) -> None:
    await city.subscribe(dead)
    await city.create(A, level=prop(0))
    for value in range(100):
        await city.set(A, value)
    await asyncio.sleep(0.6)
    assert await city.store.record("cursor", "notify") == {"seq": await city.store.last_seq()}


async def test_deleting_a_subscription_takes_all_its_records(city: Any, dead: Any) -> None:
    id = await city.subscribe(dead)
    await city.create(A, level=prop(0))
    await asyncio.sleep(0.4)
    await city.subscriptions.delete(id)
    await asyncio.sleep(0.3)
    for kind in ("subscription", "subscription-state", "notification-outbox", "notification-dead"):
        assert not await city.store.records(kind)
    with pytest.raises(ResourceNotFound):
        city.subscriptions.retrieve(id, city.contexts.core)


async def test_a_corrected_address_gets_what_waits_at_once(tmp_path: Path, city_in: Any, receiver: Any) -> None:
    wrong = "http://127.0.0.1:1/notify"
    async with city_in(tmp_path, terms=Terms(rest=30.0, longest_rest=60.0)) as city:
        ids = [await city.subscribe(wrong) for _ in range(3)]
        await city.create(A, level=prop(1))
        await asyncio.sleep(0.3)
        for id in ids:
            endpoint = {"endpoint": {"uri": receiver.uri}}
            await city.subscriptions.update(id, {"notification": endpoint}, city.contexts.core)
        await receiver.wait(3, 1.0)
        await receiver.silence(0.2)
