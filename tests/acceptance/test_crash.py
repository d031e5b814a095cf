"""kill -9 under load: whatever was acknowledged is there after the next start, and nothing is there by halves."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from dothi.model.instant import format_instant

WORKERS = 6
BATCH = 25
GONE = -1
ATTRIBUTES = ("level", "flow")
BEGIN = 1_790_000_000_000_000


@dataclass
class Record:
    """What the writers know. `state`: id -> attribute -> value or GONE (not there). `past`: acknowledged instances.

    `open` holds for each writer what it asked last without an answer: id -> the state that would then hold.
    """

    state: dict[str, dict[str, int]] = field(default_factory=dict)
    past: dict[str, dict[str, set[int]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    open: dict[int, dict[str, dict[str, int]]] = field(default_factory=dict)
    acknowledged: int = 0


class Writer:
    """One connection that does one write after another to entities of its own; each value is written only once."""

    def __init__(self, number: int, record: Record, chance: random.Random) -> None:
        self.number = number
        self.record = record
        self.chance = chance
        self.value = number
        self.made = 0

    async def run(self, base: str) -> None:
        """Write until the connection breaks."""
        async with httpx.AsyncClient(base_url=base + "/ngsi-ld/v1/", timeout=20) as client:
            kinds = [self.create, self.upsert, self.patch, self.patch, self.replace, self.append, self.delete]
            while True:
                await self.chance.choice(kinds)(client)

    async def ask(self, wanted: dict[str, dict[str, int]], request: Any, *statuses: int) -> None:
        """Send; once it is acknowledged, `wanted` is what must be found for ever."""
        record = self.record
        record.open[self.number] = wanted
        answer = await request
        assert answer.status_code in statuses, answer.text
        del record.open[self.number]
        record.acknowledged += 1
        self.keep(wanted)

    def keep(self, wanted: dict[str, dict[str, int]]) -> None:
        for id, state in wanted.items():
            self.record.state[id] = state
            for name, value in state.items():
                if value != GONE:
                    self.record.past[id][name].add(value)

    def next_value(self) -> int:
        self.value += WORKERS
        return self.value

    def living(self) -> str | None:
        mine = [id for id, state in self.record.state.items() if state and id.startswith(f"urn:x:{self.number}:single")]
        return self.chance.choice(mine) if mine else None

    async def create(self, client: httpx.AsyncClient) -> None:
        self.made += 1
        id = f"urn:x:{self.number}:single:{self.made}"
        state = {"level": self.next_value()}
        await self.ask({id: state}, client.post("entities", json=document(id, state)), 201)

    async def upsert(self, client: httpx.AsyncClient) -> None:
        ids = [f"urn:x:{self.number}:batch:{n}" for n in range(BATCH)]
        value = self.next_value()
        wanted = {id: {"level": value, "flow": value} for id in ids}
        batch = [document(id, state) for id, state in wanted.items()]
        await self.ask(wanted, client.post("entityOperations/upsert", json=batch), 201, 204)

    async def patch(self, client: httpx.AsyncClient) -> None:
        if (id := self.living()) is not None:
            new = {self.chance.choice(ATTRIBUTES): self.next_value()}
            wanted = {id: {**self.record.state[id], **new}}
            await self.ask(wanted, client.patch(f"entities/{id}", json=attributes(new)), 204)

    async def replace(self, client: httpx.AsyncClient) -> None:
        if (id := self.living()) is not None:
            new = {"flow": self.next_value()}
            await self.ask({id: new}, client.put(f"entities/{id}", json={"type": "Probe", **attributes(new)}), 204)

    async def append(self, client: httpx.AsyncClient) -> None:
        """Instances before those that are there: only history changes."""
        if (id := self.living()) is not None and (known := self.record.state[id].get("level")) is not None:
            old = {"level": [instance(-known - n) for n in range(1, 4)]}
            state = self.record.state[id]
            await self.ask({id: state}, client.post(f"temporal/entities/{id}/attrs", json=old), 204)
            self.record.past[id]["level"].update(-known - n for n in range(1, 4))

    async def delete(self, client: httpx.AsyncClient) -> None:
        if self.chance.random() < 0.3 and (id := self.living()) is not None:
            await self.ask({id: {}}, client.delete(f"entities/{id}"), 204)


def instance(value: int) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": format_instant(BEGIN + value * 1_000_000)}


def attributes(state: dict[str, int]) -> dict[str, Any]:
    return {name: instance(value) for name, value in state.items()}


def document(id: str, state: dict[str, int]) -> dict[str, Any]:
    return {"id": id, "type": "Probe", **attributes(state)}


async def found_states(client: httpx.AsyncClient) -> dict[str, dict[str, int]]:
    """Every entity of the city."""
    found: dict[str, dict[str, int]] = {}
    while True:
        asked = {"type": "Probe", "format": "simplified", "limit": 500, "offset": len(found)}
        page = (await client.get("entities", params=asked)).raise_for_status().json()
        found.update({one["id"]: {name: one[name] for name in ATTRIBUTES if name in one} for one in page})
        if len(page) < 500:
            return found


async def check(base: str, record: Record, writers: list[Writer], sample: random.Random) -> None:
    """Compare the city with the record, then take over what it shows of writes that were not answered."""
    async with httpx.AsyncClient(base_url=base + "/ngsi-ld/v1/", timeout=30) as client:
        found = await found_states(client)
        doubtful = {id: state for wanted in record.open.values() for id, state in wanted.items()}
        for id, state in record.state.items():
            assert found.get(id, {}) in ([state, doubtful[id]] if id in doubtful else [state]), id
        assert not found.keys() - record.state.keys() - doubtful.keys()
        for writer in writers:
            wanted = record.open.pop(writer.number, {})
            done = {found.get(id, {}) == state for id, state in wanted.items()}
            assert len(done) < 2, f"a batch was written by halves: {wanted}"
            if done == {True}:
                writer.keep(wanted)
        ids = list(record.past)
        for id in sample.sample(ids, min(len(ids), 60)):
            await check_history(client, id, record.past[id])


async def check_history(client: httpx.AsyncClient, id: str, past: dict[str, set[int]]) -> None:
    answer = await client.get(f"temporal/entities/{id}", params={"options": "temporalValues"})
    kept = answer.raise_for_status().json()
    for name, values in past.items():
        pairs = [pair for pair in kept[name]["values"] if pair[0] != "urn:ngsi-ld:null"]  # that says: deleted
        assert values <= {value for value, _ in pairs}, (id, name)
        assert all(at == format_instant(BEGIN + value * 1_000_000) for value, at in pairs), (id, name)
        assert len(pairs) == len({at for _, at in pairs}), f"{id} {name}: an instance stands twice"


async def storm(server: Any, writers: list[Writer], seconds: float) -> None:
    """All writers at once; the server is killed after `seconds` while they write."""
    tasks = [asyncio.ensure_future(writer.run(server.base)) for writer in writers]
    await asyncio.sleep(seconds)
    server.kill()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, httpx.TransportError), repr(outcome)


async def crash(server: Any, kills: int, seed: int) -> Record:
    chance = random.Random(seed)
    record = Record()
    writers = [Writer(number, record, random.Random(seed + number)) for number in range(WORKERS)]
    for kill in range(kills):
        await storm(server, writers, chance.uniform(0.2, 1.0))
        if kill % 5 == 4:  # once more while it recovers
            server.start(wait=False)
            await asyncio.sleep(chance.uniform(0.2, 0.9))
            server.kill()
        server.start()
        assert server.started_in < 15
        await check(server.base, record, writers, chance)
    assert server.stop() == 0
    assert "Traceback" not in server.errors()
    return record


async def test_every_acknowledged_write_survives_four_kills_under_load(serve):
    record = await crash(serve(), 4, seed=7)
    assert record.acknowledged > 50


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_every_acknowledged_write_survives_twenty_kills_under_load(serve):
    record = await crash(serve(), 20, seed=11)
    assert record.acknowledged > 500
    print(f"\n20 kills: {record.acknowledged} acknowledged writes to {len(record.state)} entities, all found")
