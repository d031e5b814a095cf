"""The intake gathers, holds back, tries again, and tells each sender only after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dothi.connectors.intake import Intake
from dothi.model.errors import Overloaded
from dothi.model.reading import Document, Trouble


class Ledger:
    """A sink that writes down each batch, refuses ids that end in "bad", and is overloaded as often as told."""

    def __init__(self, overloaded: int = 0) -> None:
        self.batches: list[tuple[list[str], str | None, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.overloaded = overloaded

    async def put(self, entities: list[Document], context: str | None, cause: str) -> list[Trouble]:
        await self.gate.wait()
        if self.overloaded:
            self.overloaded -= 1
            raise Overloaded("the write queue is full")
        ids = [entity["id"] for entity in entities]
        self.batches.append((ids, context, cause))
        return [Trouble(id, "is bad") for id in ids if id.endswith("bad")]


@asynccontextmanager
async def running(intake: Intake) -> AsyncIterator[None]:
    task = asyncio.ensure_future(intake.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def documents(*ids: str) -> list[Document]:
    return [{"id": id, "type": "T"} for id in ids]


async def test_messages_are_gathered_by_context_and_cause() -> None:
    ledger = Ledger()
    intake = Intake(ledger, delay=0.02)
    told: list[list[Trouble]] = []
    async with running(intake):
        await intake.offer(documents("urn:1"), None, "mqtt:a", told.append)
        await intake.offer(documents("urn:2", "urn:bad"), None, "mqtt:a", told.append)
        await intake.offer(documents("urn:3"), "https://x/c", "mqtt:a", told.append)
        assert told == []
        await intake.settle()
    assert ledger.batches == [(["urn:1", "urn:2", "urn:bad"], None, "mqtt:a"), (["urn:3"], "https://x/c", "mqtt:a")]
    assert told == [[], [Trouble("urn:bad", "is bad")], []]
    assert (intake.counts.entities, intake.counts.rejected) == (3, 1)


async def test_a_full_batch_does_not_wait_for_its_time() -> None:
    ledger = Ledger()
    intake = Intake(ledger, batch=2, delay=60)
    async with running(intake), asyncio.timeout(5):
        for number in range(4):
            await intake.offer(documents(f"urn:{number}"), None, "x", lambda _: None)
        await intake.settle()
    assert [ids for ids, _, _ in ledger.batches] == [["urn:0", "urn:1"], ["urn:2", "urn:3"]]


async def test_a_full_intake_holds_the_connector_back() -> None:
    ledger = Ledger()
    ledger.gate.clear()
    intake = Intake(ledger, batch=2, delay=0.01, capacity=4)
    async with running(intake):
        for number in range(4):
            await intake.offer(documents(f"urn:{number}"), None, "x", lambda _: None)
        late = asyncio.ensure_future(intake.offer(documents("urn:late"), None, "x", lambda _: None))
        await asyncio.sleep(0.05)
        assert not late.done()
        assert intake.size == 4
        ledger.gate.set()
        await asyncio.wait_for(late, 2)
        await intake.settle()
    assert [id for ids, _, _ in ledger.batches for id in ids][-1] == "urn:late"


async def test_an_overloaded_store_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(overloaded=2)
    intake = Intake(ledger, delay=0.01)
    async with running(intake):
        await intake.offer(documents("urn:1"), None, "x", lambda _: None)
        await asyncio.wait_for(intake.settle(), 3)
    assert ledger.batches == [(["urn:1"], None, "x")]
    assert intake.counts.delayed == 2
