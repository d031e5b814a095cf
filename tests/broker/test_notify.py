"""Which changes are told to whom: from a change of an entity to a real receiver on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

A = "urn:ngsi-ld:Building:a"
B = "urn:ngsi-ld:Building:b"


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


async def test_a_change_of_a_matching_entity_is_told_once_with_its_state(city: Any, receiver: Any) -> None:
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


async def test_creating_a_subscription_tells_nothing_of_what_is_there_already(
    city: Any, receiver: Any, eventually: Any
) -> None:
    await city.create(A, level=prop(4))
    id = await city.subscribe(receiver)
    await receiver.silence()
    await city.set(A, 5)
    (letter,) = await receiver.wait(1)
    assert letter.body["data"][0]["level"]["value"] == 5
    await eventually(lambda: city.counters(id).get("timesSent") == 1)


async def test_only_watched_attributes_of_subscribed_types_and_ids_trigger(city: Any, receiver: Any) -> None:
    await city.subscribe(receiver, watchedAttributes=["level"], entities=[{"type": "Building", "id": A}])
    await city.create(A, name=prop("one"))
    await city.create(B, level=prop(1))
    await city.provision.create({"id": "urn:x:car", "type": "Car", "level": prop(1)}, city.contexts.core)
    await receiver.silence(0.2)
    await city.provision.append(A, {"level": prop(1)}, city.contexts.core)
    assert (await receiver.wait(1))[0].body["data"][0]["id"] == A


async def test_q_geo_and_scope_decide_with_the_new_state(city: Any, receiver: Any) -> None:
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
    city: Any, receiver: Any, trigger: str, wanted: list[str]
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


async def test_one_batch_is_one_notification_with_its_entities(city: Any, receiver: Any, eventually: Any) -> None:
    from dothi.broker.batch import Batches

    await city.subscribe(receiver)
    core = city.contexts.core
    documents = [{"id": f"{A}{n}", "type": "Building", "level": prop(n)} for n in range(20)]
    await Batches(city.store).upsert([(document, core) for document in documents])
    await eventually(lambda: len(receiver.told) == 20)
    assert len(receiver.letters) <= 2
    assert [entity["level"]["value"] for entity in receiver.told] == list(range(20))


async def test_an_equal_value_written_again_is_told_again(city: Any, receiver: Any) -> None:
    await city.subscribe(receiver, watchedAttributes=["level"])
    await city.create(A, level=prop(1))
    for n in range(3):
        await receiver.wait(n + 1)
        await city.set(A, 1)
    await receiver.wait(4)
    assert [entity["level"]["value"] for entity in receiver.told] == [1, 1, 1, 1]


async def test_watched_attributes_alone_find_entities_of_every_type_that_have_or_had_them(
    city: Any, receiver: Any
) -> None:
    triggers = ["entityCreated", "attributeUpdated", "attributeDeleted"]
    document = {
        "type": "Subscription", "watchedAttributes": ["level"], "notificationTrigger": triggers,
        "notification": {"endpoint": {"uri": receiver.uri}},
    }  # fmt: skip
    core = city.contexts.core
    await city.subscriptions.create(document, core)
    await city.create(B, name=prop("x"))
    await city.provision.create({"id": "urn:x:car", "type": "Car", "level": prop(1)}, core)
    await receiver.wait(1)
    await city.provision.delete_attribute("urn:x:car", "level", core)
    told = [letter.body["data"][0] for letter in await receiver.wait(2)]
    assert [entity["id"] for entity in told] == ["urn:x:car", "urn:x:car"]
    assert told[1]["level"]["value"] == "urn:ngsi-ld:null"
    await receiver.silence(0.2)


async def test_subscriptions_of_several_tenants_hear_only_of_their_own(
    tmp_path: Path, city_in: Any, receiver: Any
) -> None:
    async with city_in(tmp_path / "a", tenant="a") as one, city_in(tmp_path / "b", tenant="b") as other:
        await one.subscribe(receiver)
        await other.create(A, level=prop(1))
        await one.create(B, level=prop(2))
        (letter,) = await receiver.wait(1)
        assert letter.headers["ngsild-tenant"] == "a"
        assert letter.body["data"][0]["id"] == B
        await receiver.silence(0.2)
