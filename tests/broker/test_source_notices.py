"""Subscriptions to registrations: from a change of a registration to a real receiver on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.dead_letters import DeadLetters
from dothi.broker.delivery import Terms
from dothi.broker.outside import Outside
from dothi.broker.registrations import Registrations
from dothi.broker.source_subscriptions import SourceSubscriptions
from dothi.broker.subscriptions import Subscriptions
from dothi.model.context import Context
from dothi.model.errors import AlreadyExists, BadRequestData, ResourceNotFound, TargetRefused
from dothi.storage.sqlite import SqliteStore

QUICK = Terms(rest=0.05, longest_rest=0.2, timeout=2.0)


@dataclass
class Town:
    store: SqliteStore
    contexts: Contexts
    outside: Outside
    registrations: Registrations
    subscriptions: SourceSubscriptions

    @property
    def core(self) -> Context:
        return self.contexts.core

    async def register(self, type: str = "Bus", **more: Any) -> str:
        document = {
            "type": "ContextSourceRegistration",
            "endpoint": "http://127.0.0.1:1234",
            "information": [{"entities": [{"type": type}]}],
            **more,
        }
        return await self.registrations.create(document, self.core)

    async def subscribe(self, uri: str, **more: Any) -> str:
        document = {
            "type": "Subscription",
            "entities": [{"type": "Bus"}],
            "notification": {"endpoint": {"uri": uri, **more.pop("endpoint", {})}},
            **more,
        }
        return await self.subscriptions.create(document, self.core)

    async def update(self, id: str, **change: Any) -> None:
        await self.registrations.update(id, change, self.core)

    def counters(self, id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.subscriptions.retrieve(id, self.core)["notification"]
        return shown


@asynccontextmanager
async def town_in(folder: Path, **more: Any) -> AsyncIterator[Town]:
    store = SqliteStore(folder)
    await store.open()
    outside = Outside()
    contexts = Contexts(store, outside)
    await contexts.open()
    registrations = Registrations(store, outside)
    await registrations.open()
    subscriptions = SourceSubscriptions(store, contexts, outside, registrations, **{"terms": QUICK, **more})
    await subscriptions.start()
    try:
        yield Town(store, contexts, outside, registrations, subscriptions)
    finally:
        await subscriptions.stop()
        await registrations.close()
        await contexts.close()
        await outside.close()
        await store.close()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with town_in(tmp_path) as opened:
        yield opened


def told(receiver: Any) -> list[tuple[str, list[str]]]:
    return [(letter.body["triggerReason"], [each["id"] for each in letter.body["data"]]) for letter in receiver.letters]


async def test_a_subscriber_is_told_at_first_what_matches_and_then_of_every_change(town: Town, receiver: Any) -> None:
    there = await town.register(owner="city")
    await town.register("Car")
    id = await town.subscribe(receiver.uri)
    (letter,) = await receiver.wait(1)
    assert letter.body["type"] == "ContextSourceNotification"
    assert letter.body["subscriptionId"] == id
    assert letter.body["id"].startswith("urn:ngsi-ld:ContextSourceNotification:")
    assert letter.headers["content-type"] == "application/json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in letter.headers["link"]
    assert letter.body["data"] == [town.registrations.retrieve(there, town.core)]
    new = await town.register()
    await town.update(there, owner="land")
    await town.update(there, information=[{"entities": [{"type": "Car"}]}])
    await town.registrations.delete(new)
    await receiver.wait(5)
    assert told(receiver) == [
        ("newlyMatching", [there]),
        ("newlyMatching", [new]),
        ("updated", [there]),
        ("noLongerMatching", [there]),
        ("noLongerMatching", [new]),
    ]
    assert len({letter.body["id"] for letter in receiver.letters}) == 5
    await receiver.silence(0.1)


async def test_nothing_is_told_where_nothing_matches(town: Town, receiver: Any) -> None:
    await town.register("Car")
    await town.subscribe(receiver.uri)
    await receiver.silence(0.2)


async def test_only_the_information_that_was_asked_for_is_told(town: Town, receiver: Any) -> None:
    await town.subscribe(receiver.uri)
    both = [{"entities": [{"type": "Bus"}]}, {"entities": [{"type": "Car"}]}]
    id = await town.register(information=both)
    assert (await receiver.wait(1))[0].body["data"][0]["information"] == both[:1]
    assert town.registrations.retrieve(id, town.core)["information"] == both


async def test_json_ld_has_the_context_in_its_body(town: Town, receiver: Any) -> None:
    await town.register()
    await town.subscribe(receiver.uri, endpoint={"accept": "application/ld+json"})
    (letter,) = await receiver.wait(1)
    assert letter.headers["content-type"] == "application/ld+json"
    assert "@context" in letter.body
    assert "link" not in letter.headers
    with pytest.raises(BadRequestData, match="geo"):
        await town.subscribe(receiver.uri, endpoint={"accept": "application/geo+json"})


async def test_filters_of_a_subscription_are_held_against_registrations(town: Town, receiver: Any) -> None:
    await town.subscribe(receiver.uri, csf='owner=="city"', scopeQ="/north/#")
    await town.register(owner="land", scope="/north/a")
    await town.register(owner="city", scope="/south")
    id = await town.register(owner="city", scope="/north/a")
    await receiver.wait(1)
    assert told(receiver) == [("newlyMatching", [id])]
    await town.update(id, owner=None)
    await receiver.wait(2)
    assert told(receiver)[1] == ("noLongerMatching", [id])


async def test_an_update_of_the_subscription_tells_of_all_that_match_now(town: Town, receiver: Any) -> None:
    bus, car = await town.register(), await town.register("Car")
    id = await town.subscribe(receiver.uri, entities=[{"type": "Tram"}])
    await town.subscriptions.update(id, {"entities": [{"type": "Car"}, {"type": "Bus"}]}, town.core)
    await receiver.wait(1)
    assert told(receiver) == [("newlyMatching", [bus, car])]
    await town.subscriptions.update(id, {"isActive": False}, town.core)
    await town.register()
    await receiver.silence(0.2)
    assert town.subscriptions.retrieve(id, town.core)["status"] == "paused"


async def test_a_registration_that_ends_matches_no_longer(tmp_path: Path, receiver: Any) -> None:
    async with town_in(tmp_path) as town:
        await town.subscribe(receiver.uri)
        now = 1_800_000_000_000_000
        town.registrations._clock = lambda: now
        id = await town.register(expiresAt="2027-01-15T08:00:01Z")
        await receiver.wait(1)
        now += 2_000_000
        await town.registrations.sweep()
        await receiver.wait(2)
        assert [reason for reason, _ in told(receiver)] == ["newlyMatching", "noLongerMatching"]
        assert town.registrations.get(id) is None


async def test_nothing_is_lost_while_the_receiver_is_away_and_over_a_restart(
    tmp_path: Path, receiver: Any, eventually: Callable[..., Any]
) -> None:
    await receiver.stop()
    async with town_in(tmp_path) as town:
        subscription = await town.subscribe(receiver.uri)
        made = [await town.register() for _ in range(3)]
        await eventually(lambda: town.counters(subscription).get("timesFailed") == 1)
        assert town.counters(subscription)["status"] == "failed"
    await receiver.start()
    async with town_in(tmp_path) as town:
        await receiver.wait(3)
        assert told(receiver) == [("newlyMatching", [id]) for id in made]
        await eventually(lambda: town.counters(subscription)["status"] == "ok")
        await asyncio.sleep(0.3)
        assert await town.store.records("source-letter") == {}
    async with town_in(tmp_path) as town:
        await receiver.silence(0.2)
        assert town.counters(subscription)["timesSent"] >= 3


async def test_a_letter_that_fails_and_then_arrives_counts_once(
    town: Town, receiver: Any, eventually: Callable[..., Any]
) -> None:
    receiver.status = lambda count: 500 if count < 3 else 204
    id = await town.subscribe(receiver.uri)
    await town.register()
    await receiver.wait(1)
    await eventually(lambda: town.counters(id)["status"] == "ok")
    counters = town.counters(id)
    assert (counters["timesSent"], counters["timesFailed"]) == (1, 1)
    assert {"lastNotification", "lastSuccess", "lastFailure"} <= counters.keys()


async def test_what_is_refused_for_good_is_kept_as_a_dead_letter_and_does_not_stop_what_comes_after(
    tmp_path: Path, receiver: Any
) -> None:
    receiver.status = lambda count: 410 if count == 1 else 204
    async with town_in(tmp_path) as town:
        subscription = await town.subscribe(receiver.uri)
        first, second = await town.register(), await town.register()
        await receiver.wait(1)
        assert told(receiver) == [("newlyMatching", [second])]
    async with town_in(tmp_path) as town:
        others = Subscriptions(town.store, town.contexts, town.outside)
        dead = DeadLetters(others, town.subscriptions)
        (letter,), total = await dead.list_dead()
        assert (total, letter["subscription"], letter["endpoint"]) == (1, subscription, receiver.uri)
        assert letter["reason"] == "the receiver answered 410"
        await dead.resend(letter["id"])
        await receiver.wait(2)
        assert told(receiver)[1] == ("newlyMatching", [first])
        assert await dead.list_dead() == ([], 0)
        for id in (letter["id"], "csource urn:x:nothing 0", "urn:x:nothing 0"):
            with pytest.raises(ResourceNotFound):
                await dead.resend(id)


async def test_only_so_many_dead_letters_are_kept_and_none_of_a_subscription_that_is_gone(
    tmp_path: Path, receiver: Any, eventually: Callable[..., Any]
) -> None:
    receiver.status = lambda count: 410
    async with town_in(tmp_path, terms=Terms(dead=2)) as town:
        id = await town.subscribe(receiver.uri)
        for _ in range(4):
            await town.register()
        await eventually(lambda: receiver.calls == 4)
        await asyncio.sleep(0.3)
        assert len(await town.store.records("notification-dead")) == 2
        await town.subscriptions.delete(id)
        assert await town.store.records("notification-dead") == {}


async def test_a_throttled_subscriber_gets_all_in_order_but_not_at_once(town: Town, receiver: Any) -> None:
    await town.subscribe(receiver.uri, throttling=0.3)
    made = [await town.register() for _ in range(2)]
    await receiver.wait(1)
    await receiver.silence(0.1)
    await receiver.wait(2)
    assert told(receiver) == [("newlyMatching", [id]) for id in made]


async def test_a_periodic_subscriber_is_told_of_all_again_and_again_and_of_no_change(town: Town, receiver: Any) -> None:
    id = await town.register()
    await town.subscribe(receiver.uri, timeInterval=0.3)
    await receiver.wait(1)
    await town.update(id, owner="land")
    await receiver.silence(0.1)
    await receiver.wait(3)
    assert told(receiver) == [("newlyMatching", [id]), ("updated", [id]), ("updated", [id])]


async def test_a_subscription_is_kept_shown_and_deleted(tmp_path: Path, receiver: Any) -> None:
    async with town_in(tmp_path) as town:
        id = await town.subscribe(receiver.uri, csf="owner")
        shown = town.subscriptions.retrieve(id, town.core)
        assert shown["status"] == "active"
        assert "notificationTrigger" not in shown
        with pytest.raises(AlreadyExists):
            await town.subscribe(receiver.uri, id=id)
    async with town_in(tmp_path) as town:
        assert town.subscriptions.query(town.core, 10, 0) == ([shown], 1)
        await town.register(owner="city")
        await receiver.wait(1)
        await town.subscriptions.delete(id)
        with pytest.raises(ResourceNotFound):
            await town.subscriptions.delete(id)
        await town.register(owner="city")
        await receiver.silence(0.1)
    async with town_in(tmp_path) as town:
        assert town.subscriptions.query(town.core, 10, 0) == ([], 0)
        assert await town.store.records("source-subscription-state") == {}


async def test_an_endpoint_that_may_not_be_called_is_refused(town: Town) -> None:
    with pytest.raises(TargetRefused):
        await town.subscribe("http://169.254.169.254/notify")
    with pytest.raises(BadRequestData, match=r"temporalQ\.timeAt is missing"):
        await town.subscribe("http://127.0.0.1:1/notify", temporalQ={"timerel": "before"})
    with pytest.raises(BadRequestData, match="in the past"):
        await town.subscribe("http://127.0.0.1:1/notify", expiresAt="2020-01-01T00:00:00Z")
