"""The operations on subscriptions, without HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dothi.model.errors import AlreadyExists, BadRequestData, TargetRefused

A = "urn:ngsi-ld:Building:a"
B = "urn:ngsi-ld:Building:b"


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


async def test_private_targets_are_refused_at_creation(city: Any) -> None:
    for uri in ("http://10.0.0.1/x", "http://169.254.169.254/latest", "http://[fe80::1]/", "http://0x0a000001/"):
        with pytest.raises(TargetRefused):
            await city.subscribe(uri)


async def test_an_id_is_taken_once_and_a_past_expiry_not_at_all(city: Any, receiver: Any) -> None:
    await city.subscribe(receiver, id="urn:ngsi-ld:Subscription:one")
    with pytest.raises(AlreadyExists):
        await city.subscribe(receiver, id="urn:ngsi-ld:Subscription:one")
    with pytest.raises(BadRequestData, match="expiresAt"):
        await city.subscribe(receiver, expiresAt="2020-01-01T00:00:00Z")


async def test_subscriptions_and_counters_are_the_same_after_a_restart(
    tmp_path: Path, receiver: Any, city_in: Any
) -> None:
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
