"""Notifications from a change of an entity to a real receiver on loopback, across failures and restarts."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httptools
import orjson
import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.delivery import Terms
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.subscriptions import Subscriptions
from dothi.model.errors import AlreadyExists, BadRequestData, ResourceNotFound, TargetRefused
from dothi.storage.sqlite import SqliteStore

QUICK = Terms(rest=0.05, longest_rest=0.2, timeout=2.0)


@dataclass
class Letter:
    headers: dict[str, str]
    body: Any
    path: str


class Receiver:
    """A small HTTP server that keeps what it is posted and answers what the test says."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.status: Callable[[int], int] = lambda count: 204
        self.delay = 0.0
        self.port = 0
        self.calls = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/notify"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        seen: dict[str, str] = {}

        class Parts:
            def on_header(self, name: bytes, value: bytes) -> None:
                seen[name.decode().lower()] = value.decode()

        parser = httptools.HttpRequestParser(Parts())
        parser.feed_data(head)
        body = await reader.readexactly(int(seen["content-length"]))
        self.calls += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        status = self.status(self.calls)
        if 200 <= status < 300:
            self.letters.append(Letter(seen, orjson.loads(body), head.split(b" ")[1].decode()))
        writer.write(f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        return True

    async def wait(self, count: int, seconds: float = 5.0) -> list[Letter]:
        """The letters, once there are this many."""
        await eventually(lambda: len(self.letters) >= count, seconds)
        return self.letters

    async def silence(self, seconds: float = 0.3) -> None:
        """Nothing more comes."""
        count = len(self.letters)
        await asyncio.sleep(seconds)
        assert len(self.letters) == count

    @property
    def told(self) -> list[dict[str, Any]]:
        """All entities told so far, in order."""
        return [entity for letter in self.letters for entity in letter.body["data"]]


async def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


@dataclass
class City:
    store: SqliteStore
    contexts: Contexts
    outside: Outside
    provision: Provision
    subscriptions: Subscriptions
    made: int = field(default=0)

    async def subscribe(self, receiver: Receiver | str, notification: dict[str, Any] | None = None, **more: Any) -> str:
        uri = receiver if isinstance(receiver, str) else receiver.uri
        given = notification or {}
        endpoint = {"uri": uri, **given.get("endpoint", {})}
        document = {
            "type": "Subscription",
            "entities": [{"type": "Building"}],
            "notification": {**given, "endpoint": endpoint},
            **more,
        }
        return await self.subscriptions.create(document, self.contexts.core)

    async def create(self, id: str, **attributes: Any) -> None:
        document = {"id": id, "type": "Building", **attributes}
        await self.provision.create(document, self.contexts.core)

    async def update(self, id: str, **attributes: Any) -> None:
        await self.provision.update(id, attributes, self.contexts.core)

    async def set(self, id: str, value: Any) -> None:
        await self.update(id, level={"type": "Property", "value": value})

    def counters(self, id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.subscriptions.retrieve(id, self.contexts.core)["notification"]
        return shown


@asynccontextmanager
async def city_in(folder: Path, **more: Any) -> AsyncIterator[City]:
    """A city on a folder; leaving it stops the notifier and closes the store."""
    store = SqliteStore(folder)
    await store.open()
    outside = Outside()
    contexts = Contexts(store, outside)
    await contexts.open()
    subscriptions = Subscriptions(store, contexts, outside, **{"terms": QUICK, **more})
    await subscriptions.start()
    try:
        yield City(store, contexts, outside, Provision(store), subscriptions)
    finally:
        await subscriptions.stop()
        await outside.close()
        await store.close()


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with city_in(tmp_path) as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    started = Receiver()
    await started.start()
    yield started
    await started.stop()


A = "urn:ngsi-ld:Building:a"
B = "urn:ngsi-ld:Building:b"


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


# --- what triggers -------------------------------------------------------------------------------------------------


async def test_a_change_of_a_matching_entity_is_told_once_with_its_state(city: City, receiver: Receiver) -> None:
    id = await city.subscribe(receiver)
    await city.create(A, level=prop(1), name=prop("Tower"))
    (letter,) = await receiver.wait(1)
    assert letter.body["type"] == "Notification"
    assert letter.body["subscriptionId"] == id
    assert letter.body["id"].startswith("urn:ngsi-ld:Notification:")
    assert letter.body["notifiedAt"].endswith("Z")
    assert letter.body["data"] == [{"id": A, "type": "Building", "level": prop(1), "name": prop("Tower")}]
    assert letter.headers["content-type"] == "application/json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in letter.headers["link"]
    await receiver.silence()


async def test_creating_a_subscription_tells_nothing_of_what_is_there_already(city: City, receiver: Receiver) -> None:
    await city.create(A, level=prop(4))
    id = await city.subscribe(receiver)
    await receiver.silence()
    await city.set(A, 5)
    (letter,) = await receiver.wait(1)
    assert letter.body["data"][0]["level"]["value"] == 5
    await eventually(lambda: city.counters(id).get("timesSent") == 1)


async def test_only_watched_attributes_of_subscribed_types_and_ids_trigger(city: City, receiver: Receiver) -> None:
    await city.subscribe(receiver, watchedAttributes=["level"], entities=[{"type": "Building", "id": A}])
    await city.create(A, name=prop("one"))
    await city.create(B, level=prop(1))
    await city.provision.create({"id": "urn:x:car", "type": "Car", "level": prop(1)}, city.contexts.core)
    await receiver.silence(0.2)
    await city.provision.append(A, {"level": prop(1)}, city.contexts.core)
    assert (await receiver.wait(1))[0].body["data"][0]["id"] == A


async def test_q_geo_and_scope_decide_with_the_new_state(city: City, receiver: Receiver) -> None:
    near = {
        "geometry": "Point",
        "coordinates": [106.65, 10.98],
        "georel": "near;maxDistance==1000",
    }
    await city.subscribe(receiver, q="level>10", geoQ=near, scopeQ="/city/#")
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.651, 10.981]}}
    await city.create(A, level=prop(1), location=place, scope="/city/north")
    await city.create(B, level=prop(20), location=place, scope="/elsewhere")
    await receiver.silence(0.2)
    await city.set(A, 11)
    assert (await receiver.wait(1))[0].body["data"][0]["level"]["value"] == 11
    await city.set(A, 9)
    await receiver.silence(0.2)


@pytest.mark.parametrize(
    ("trigger", "wanted"),
    [
        ("entityCreated", ["created"]),
        ("entityUpdated", ["created", "appended", "updated", "deleted attribute", "deleted"]),
        ("entityDeleted", ["deleted"]),
        ("attributeCreated", ["created", "appended"]),
        ("attributeUpdated", ["updated"]),
        ("attributeDeleted", ["deleted attribute", "deleted"]),
    ],
)
async def test_each_trigger_fires_for_its_kind_of_change(
    city: City, receiver: Receiver, trigger: str, wanted: list[str]
) -> None:
    await city.subscribe(receiver, notificationTrigger=[trigger])
    core = city.contexts.core
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "created": lambda: city.create(A, level=prop(1)),
        "appended": lambda: city.provision.append(A, {"name": prop("x")}, core),
        "updated": lambda: city.set(A, 2),
        "deleted attribute": lambda: city.provision.delete_attribute(A, "name", core),
        "deleted": lambda: city.provision.delete(A),
    }
    fired = []
    for name, step in steps.items():
        before = len(receiver.letters)
        await step()
        await asyncio.sleep(0.06)
        fired += [name] * (len(receiver.letters) - before)
    assert fired == wanted


async def test_one_batch_is_one_notification_with_its_entities(city: City, receiver: Receiver) -> None:
    from dothi.broker.batch import Batches

    await city.subscribe(receiver)
    core = city.contexts.core
    documents = [{"id": f"{A}{n}", "type": "Building", "level": prop(n)} for n in range(20)]
    await Batches(city.store).upsert([(document, core) for document in documents])
    await eventually(lambda: len(receiver.told) == 20)
    assert len(receiver.letters) <= 2
    assert [entity["level"]["value"] for entity in receiver.told] == list(range(20))


# --- forms ---------------------------------------------------------------------------------------------------------


async def test_formats_projection_and_system_times(city: City, receiver: Receiver) -> None:
    await city.subscribe(receiver, {"format": "keyValues", "attributes": ["level"]})
    await city.subscribe(receiver, {"format": "concise", "omit": ["name"], "sysAttrs": True})
    await city.create(A, level={**prop(1), "unitCode": "CEL"}, name=prop("x"))
    bodies = {orjson.dumps(letter.body["data"]): letter.body["data"][0] for letter in await receiver.wait(2)}
    simple = next(entity for entity in bodies.values() if "createdAt" not in entity)
    concise = next(entity for entity in bodies.values() if "createdAt" in entity)
    assert simple == {"id": A, "type": "Building", "level": 1}
    assert concise["level"]["value"] == 1
    assert "type" not in concise["level"]
    assert "name" not in concise


async def test_json_ld_has_its_context_in_the_body_and_no_link(city: City, receiver: Receiver) -> None:
    await city.subscribe(receiver, {"endpoint": {"accept": "application/ld+json"}})
    await city.create(A, level=prop(1))
    (letter,) = await receiver.wait(1)
    assert letter.headers["content-type"] == "application/ld+json"
    assert "link" not in letter.headers
    assert letter.body["@context"]
    assert letter.body["data"][0]["@context"]


async def test_geojson_is_a_feature_collection(city: City, receiver: Receiver) -> None:
    await city.subscribe(receiver, {"endpoint": {"accept": "application/geo+json"}})
    point = {"type": "Point", "coordinates": [106.6, 11.0]}
    await city.create(A, location={"type": "GeoProperty", "value": point})
    data = (await receiver.wait(1))[0].body["data"]
    assert data["type"] == "FeatureCollection"
    assert data["features"][0]["geometry"] == point
    assert data["@context"]


async def test_receiver_info_and_tenant_are_headers(tmp_path: Path, receiver: Receiver) -> None:
    async with city_in(tmp_path, tenant="quan1") as city:
        info = [{"key": "X-Key", "value": "secret"}]
        await city.subscribe(receiver, {"endpoint": {"receiverInfo": info}})
        await city.create(A, level=prop(1))
        (letter,) = await receiver.wait(1)
    assert letter.headers["x-key"] == "secret"
    assert letter.headers["ngsild-tenant"] == "quan1"


async def test_show_changes_tells_the_value_before(city: City, receiver: Receiver) -> None:
    await city.create(A, level=prop(1), name=prop("x"))
    await city.subscribe(receiver, {"showChanges": True})
    await city.set(A, 2)
    entity = (await receiver.wait(1))[0].body["data"][0]
    assert entity["level"] == {"type": "Property", "value": 2, "previousValue": 1}
    assert entity["name"] == prop("x")


async def test_a_deleted_entity_is_told_by_id_type_and_time(city: City, receiver: Receiver) -> None:
    await city.create(A, level=prop(1))
    await city.subscribe(receiver, notificationTrigger=["entityDeleted"])
    await city.provision.delete(A)
    entity = (await receiver.wait(1))[0].body["data"][0]
    assert set(entity) == {"id", "type", "deletedAt"}


async def test_a_deleted_attribute_is_told_as_null(city: City, receiver: Receiver) -> None:
    await city.create(A, level=prop(1), label={"type": "LanguageProperty", "languageMap": {"vi": "Toà nhà"}})
    await city.subscribe(receiver, {"showChanges": True}, notificationTrigger=["attributeDeleted"])
    await city.provision.delete_attribute(A, "label", city.contexts.core)
    entity = (await receiver.wait(1))[0].body["data"][0]
    assert entity["level"] == prop(1)
    assert entity["label"] == {
        "type": "LanguageProperty",
        "languageMap": {"@none": "urn:ngsi-ld:null"},
        "previousLanguageMap": {"vi": "Toà nhà"},
    }


# --- time ----------------------------------------------------------------------------------------------------------


async def test_throttling_tells_the_last_state_when_the_pause_is_over(city: City, receiver: Receiver) -> None:
    await city.create(A, level=prop(0))
    await city.subscribe(receiver, throttling=0.5)
    for value in range(1, 6):
        await city.set(A, value)
        await asyncio.sleep(0.03)
    await receiver.silence(0.1)
    assert [entity["level"]["value"] for entity in receiver.told] == [1]
    await receiver.wait(2, 2.0)
    assert [entity["level"]["value"] for entity in receiver.told] == [1, 5]
    await receiver.silence(0.6)


async def test_what_is_throttled_survives_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    async with city_in(tmp_path) as city:
        await city.create(A, level=prop(0))
        await city.subscribe(receiver, throttling=1)
        await city.set(A, 1)
        await receiver.wait(1)
        await city.set(A, 2)
        await asyncio.sleep(0.25)
    async with city_in(tmp_path) as city:
        await receiver.wait(2, 3.0)
    assert [entity["level"]["value"] for entity in receiver.told] == [1, 2]


async def test_a_time_interval_tells_all_that_match_again_and_again(city: City, receiver: Receiver) -> None:
    await city.create(A, level=prop(1))
    await city.create(B, level=prop(2))
    await city.subscribe(receiver, timeInterval=0.2)
    letters = await receiver.wait(3)
    assert {entity["id"] for entity in letters[0].body["data"]} == {A, B}
    assert len(letters[2].body["data"]) == 2


async def test_paused_and_expired_subscriptions_tell_nothing(city: City, receiver: Receiver) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    core = city.contexts.core
    expiring = await city.subscribe(receiver, expiresAt=soon)
    paused = await city.subscribe(receiver, isActive=False)
    assert city.subscriptions.retrieve(paused, core)["status"] == "paused"
    await city.create(A, level=prop(1))
    await receiver.wait(1)
    await eventually(lambda: city.subscriptions.retrieve(expiring, core)["status"] == "expired")
    await city.set(A, 2)
    await receiver.silence()
    await city.subscriptions.update(paused, {"isActive": True}, core)
    await city.set(A, 3)
    assert (await receiver.wait(2))[1].body["subscriptionId"] == paused


# --- failure -------------------------------------------------------------------------------------------------------


async def test_a_receiver_that_comes_back_gets_everything_in_order(city: City, receiver: Receiver) -> None:
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


async def test_a_dead_endpoint_does_not_delay_a_live_one(city: City, receiver: Receiver) -> None:
    dead = Receiver()
    await dead.start()
    await dead.stop()
    for _ in range(30):
        await city.subscribe(dead)
    await city.subscribe(receiver)
    for n in range(20):
        began = time.monotonic()
        await city.create(f"{A}{n}", level=prop(n))
        await receiver.wait(n + 1)
        assert time.monotonic() - began < 0.5


async def test_a_silent_endpoint_does_not_delay_a_live_one(city: City, receiver: Receiver) -> None:
    silent = Receiver()
    silent.delay = 30
    await silent.start()
    for _ in range(12):
        await city.subscribe(silent)
    await city.subscribe(receiver)
    await city.create(A, level=prop(0))
    await receiver.wait(1, 1.0)
    await silent.stop()


async def test_a_restart_brings_what_was_not_delivered(tmp_path: Path, receiver: Receiver) -> None:
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
    tmp_path: Path, receiver: Receiver
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


async def test_a_restart_sends_what_the_outbox_holds_before_what_is_new(tmp_path: Path, receiver: Receiver) -> None:
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


async def test_a_thousand_changes_lose_nothing_and_keep_their_order(city: City, receiver: Receiver) -> None:
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
    tmp_path: Path, receiver: Receiver
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


async def test_what_is_too_old_is_given_up_and_a_full_outbox_gives_up_the_oldest(tmp_path: Path) -> None:
    dead = Receiver()
    await dead.start()
    await dead.stop()
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


async def test_the_cursor_goes_on_while_an_endpoint_is_dead(city: City) -> None:
    dead = Receiver()
    await dead.start()
    await dead.stop()
    await city.subscribe(dead)
    await city.create(A, level=prop(0))
    for value in range(100):
        await city.set(A, value)
    await asyncio.sleep(0.6)
    assert await city.store.record("cursor", "notify") == {"seq": await city.store.last_seq()}


async def test_deleting_a_subscription_takes_all_its_records(city: City) -> None:
    dead = Receiver()
    await dead.start()
    await dead.stop()
    id = await city.subscribe(dead)
    await city.create(A, level=prop(0))
    await asyncio.sleep(0.4)
    await city.subscriptions.delete(id)
    await asyncio.sleep(0.3)
    for kind in ("subscription", "subscription-state", "notification-outbox", "notification-dead"):
        assert not await city.store.records(kind)
    with pytest.raises(ResourceNotFound):
        city.subscriptions.retrieve(id, city.contexts.core)


# --- operations ----------------------------------------------------------------------------------------------------


async def test_private_targets_are_refused_at_creation(city: City) -> None:
    for uri in ("http://10.0.0.1/x", "http://169.254.169.254/latest", "http://[fe80::1]/", "http://0x0a000001/"):
        with pytest.raises(TargetRefused):
            await city.subscribe(uri)


async def test_an_id_is_taken_once_and_a_past_expiry_not_at_all(city: City, receiver: Receiver) -> None:
    await city.subscribe(receiver, id="urn:ngsi-ld:Subscription:one")
    with pytest.raises(AlreadyExists):
        await city.subscribe(receiver, id="urn:ngsi-ld:Subscription:one")
    with pytest.raises(BadRequestData, match="expiresAt"):
        await city.subscribe(receiver, expiresAt="2020-01-01T00:00:00Z")


async def test_subscriptions_and_counters_are_the_same_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    async with city_in(tmp_path) as city:
        id = await city.subscribe(receiver, q="level>0;name", description="Mức nước")
        await city.create(A, level=prop(1), name=prop("x"))
        await receiver.wait(1)
        await asyncio.sleep(0.25)
        before = city.subscriptions.retrieve(id, city.contexts.core)
    async with city_in(tmp_path) as city:
        assert city.subscriptions.retrieve(id, city.contexts.core) == before
        await city.set(A, 2)
        await receiver.wait(2)
