"""What notifications have to do with time: throttling, intervals, pauses and expiry."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

A = "urn:ngsi-ld:Building:a"
B = "urn:ngsi-ld:Building:b"


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


async def test_throttling_tells_the_last_state_when_the_pause_is_over(city: Any, receiver: Any) -> None:
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


async def test_what_is_throttled_survives_a_restart(tmp_path: Path, receiver: Any, city_in: Any) -> None:
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


async def test_a_time_interval_tells_all_that_match_again_and_again(city: Any, receiver: Any) -> None:
    await city.create(A, level=prop(1))
    await city.create(B, level=prop(2))
    await city.subscribe(receiver, timeInterval=0.2)
    letters = await receiver.wait(3)
    assert {entity["id"] for entity in letters[0].body["data"]} == {A, B}
    assert len(letters[2].body["data"]) == 2


async def test_paused_and_expired_subscriptions_tell_nothing(city: Any, receiver: Any, eventually: Any) -> None:
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
