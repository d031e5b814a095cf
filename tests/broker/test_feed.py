"""Followers see every change once and in order, whatever their queue could hold and wherever they stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dothi.broker.feed import Feed, Follower, as_written
from dothi.model.change import AttributeChange, Cause, Change
from dothi.model.entity import Entity
from dothi.storage.sqlite import SqliteStore
from dothi.storage.store import Transaction

CAUSE = Cause()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path)
    await opened.open()
    yield opened
    await opened.close()


async def write(store: SqliteStore, value: int, count: int = 1) -> None:
    def work(tx: Transaction) -> None:
        for n in range(count):
            instance = {"type": "Property", "value": value + n, "createdAt": tx.now, "modifiedAt": tx.now}
            entity = Entity("urn:x:a", ("https://x/T",), {"https://x/v": instance}, created=tx.now, modified=tx.now)
            tx.save(entity, "updated", (AttributeChange("https://x/v", None, None, instance),), CAUSE)

    await store.write(work)


def value(change: Change) -> int:
    instance = change.entity.attributes["https://x/v"]
    assert not isinstance(instance, list)
    read: int = instance["value"]
    return read


async def take(follower: Follower, count: int) -> list[int]:
    seen: list[int] = []
    async with asyncio.timeout(5):
        async for batch in follower.batches():
            seen += [value(change) for change in batch]
            if len(seen) >= count:
                break
    return seen


async def test_a_new_follower_starts_now_and_an_old_one_at_its_cursor(store: SqliteStore) -> None:
    await write(store, 1)
    follower = await Feed(store).follow("new")
    await write(store, 2)
    await write(store, 3)
    assert await take(follower, 2) == [2, 3]
    seq = follower.position
    await store.write(lambda tx: follower.save(tx, seq - 1))
    assert await take(await Feed(store).follow("new"), 1) == [3]
    assert await take(await Feed(store).follow("whole", start=0), 3) == [1, 2, 3]


async def test_a_queue_that_overflows_falls_back_on_the_log(store: SqliteStore) -> None:
    follower = await Feed(store).follow("small", size=5)
    await take_nothing(follower)
    for n in range(40):
        await write(store, n)
    assert follower.behind
    assert await take(follower, 40) == list(range(40))


async def take_nothing(follower: Follower) -> None:
    """Let it read the empty log, so that it is live."""
    batches = follower.batches()
    waiting = asyncio.ensure_future(anext(batches))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not follower.behind


async def test_more_than_one_page_of_the_log_is_read_while_writing_goes_on(store: SqliteStore) -> None:
    for n in range(5):
        await write(store, n * 500, 500)
    follower = await Feed(store).follow("late", start=0, size=100)

    async def go_on() -> None:
        for n in range(50):
            await write(store, 2500 + n)
            await asyncio.sleep(0)

    writing = asyncio.ensure_future(go_on())
    assert await take(follower, 2550) == list(range(2550))
    await writing


async def test_a_tail_hears_of_commits_until_it_stops(store: SqliteStore) -> None:
    heard: list[int] = []
    stop = Feed(store).tail(lambda changes: heard.extend(value(change) for change in changes))
    await write(store, 1)
    await asyncio.sleep(0.02)
    stop()
    await write(store, 2)
    await asyncio.sleep(0.02)
    assert heard == [1]


def test_a_change_from_the_log_has_the_values_that_it_wrote() -> None:
    now = {"type": "Property", "value": 9}
    then = {"type": "Property", "value": 5}
    other = {"type": "Property", "value": 1, "datasetId": "urn:x:d"}
    entity = Entity("urn:x:a", ("T",), {"v": [now, other], "w": now})
    changes = (AttributeChange("v", None, None, then), AttributeChange("w", None, None, None))
    told = as_written(Change(1, 1, "updated", entity, changes, CAUSE)).entity
    assert told.attributes == {"v": [other, then]}
    assert entity.attributes == {"v": [now, other], "w": now}
