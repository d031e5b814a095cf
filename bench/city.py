"""The city that is measured: 100,000 devices with six numbers and a place each, and the requests against it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

ENTITIES = 100_000
BATCH = 100
ATTRIBUTES = ("temperature", "humidity", "pm25", "pm10", "noise", "battery")
API = "/ngsi-ld/v1"

Request = tuple[str, str, bytes]


def entity_id(n: int) -> str:
    return f"urn:ngsi-ld:Device:{n:06d}"


def values(n: int, turn: int) -> dict[str, float]:
    """Six numbers of two decimals for device `n`, different at each turn."""
    chance = random.Random(n * 1_000_003 + turn)
    return {name: round(chance.uniform(0, 100), 2) for name in ATTRIBUTES}


def observed(turn: int) -> str:
    return f"2026-11-24T{turn // 60 % 24:02d}:{turn % 60:02d}:00Z"


def device(n: int, turn: int, *, placed: bool) -> dict[str, Any]:
    """One entity in normalized form; with `placed` a location in Bình Dương, scattered over some 50 km."""
    document: dict[str, Any] = {"id": entity_id(n), "type": "Device"}
    for name, value in values(n, turn).items():
        document[name] = {"type": "Property", "value": value, "observedAt": observed(turn), "unitCode": "C62"}
    if placed:
        chance = random.Random(n)
        place = [round(106.4 + chance.random() * 0.5, 6), round(10.9 + chance.random() * 0.5, 6)]
        document["location"] = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": place}}
    return document


def batches(turn: int, *, placed: bool = False) -> Iterator[Request]:
    """Upserts of 100 devices each over the whole city."""
    path = f"{API}/entityOperations/upsert?options=update"
    for first in range(0, ENTITIES, BATCH):
        body = [device(n, turn, placed=placed) for n in range(first, first + BATCH)]
        yield "POST", path, orjson.dumps(body)


def lines(turn: int) -> Iterator[Request]:
    """The same values as `batches` in InfluxDB's line protocol."""
    nanoseconds = (1_795_000_000 + turn * 60) * 1_000_000_000
    for first in range(0, ENTITIES, BATCH):
        rows = []
        for n in range(first, first + BATCH):
            fields = ",".join(f"{name}={value}" for name, value in values(n, turn).items())
            rows.append(f"Device,id={entity_id(n)} {fields} {nanoseconds}")
        yield "POST", "/write?db=bench", "\n".join(rows).encode()


def patches(count: int, ids: list[str] | None = None) -> Iterator[Request]:
    """One attribute of a device anywhere in the city, or of one of `ids` in turn."""
    chance = random.Random(1)
    for turn in range(count):
        id = ids[turn % len(ids)] if ids else entity_id(chance.randrange(ENTITIES))
        body = {"type": "Property", "value": round(chance.uniform(0, 100), 2), "observedAt": observed(turn)}
        yield "PATCH", f"{API}/entities/{id}/attrs/temperature", orjson.dumps(body)


def gets(count: int) -> Iterator[Request]:
    chance = random.Random(2)
    for _ in range(count):
        yield "GET", f"{API}/entities/{entity_id(chance.randrange(ENTITIES))}", b""


def queries(count: int) -> Iterator[Request]:
    """type + q + near: some 100 devices within 1 km, about half of them warm enough, a page of 20."""
    chance = random.Random(3)
    for _ in range(count):
        place = f"[{106.45 + chance.random() * 0.4:.6f},{10.95 + chance.random() * 0.4:.6f}]"
        q = quote(f"temperature>{chance.uniform(30, 60):.1f}")
        near = f"georel={quote('near;maxDistance==1000')}&geometry=Point&coordinates={quote(place)}"
        yield "GET", f"{API}/entities?type=Device&q={q}&{near}&limit=20", b""


def histories(ids: list[str]) -> Iterator[Request]:
    for id in ids:
        yield "GET", f"{API}/temporal/entities/{id}?attrs=temperature&lastN=100", b""


def hourly_means(id: str) -> str:
    asked = "attrs=temperature&options=aggregatedValues&aggrMethods=avg&aggrPeriodDuration=PT1H"
    return f"{API}/temporal/entities/{id}?{asked}"
