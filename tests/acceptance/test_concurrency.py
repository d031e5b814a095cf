"""The races that are feared, run against a real server by real connections at once."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from dothi.model.instant import parse_instant

CLIENTS = 50


@pytest.fixture
async def city(city_server) -> AsyncIterator[httpx.AsyncClient]:
    """One client with a connection for each of 50 requests at once; the city is emptied at the end."""
    limits = httpx.Limits(max_connections=CLIENTS + 10)
    async with httpx.AsyncClient(base_url=city_server.base + "/ngsi-ld/v1/", limits=limits, timeout=30) as client:
        yield client
        while found := (await client.get("entities", params={"local": "true", "limit": 1000})).json():
            await client.post("entityOperations/delete", json=[one["id"] for one in found])


async def test_fifty_clients_patch_different_attributes_of_one_entity_and_all_are_there(city):
    await city.post("entities", json={"id": "urn:x:1", "type": "T", "start": 0})
    answers = await asyncio.gather(
        *(city.patch("entities/urn:x:1", json={f"a{n}": {"value": n, "type": "Property"}}) for n in range(CLIENTS)),
        *(city.post("entities/urn:x:1/attrs", json={f"b{n}": n}) for n in range(CLIENTS)),
    )
    assert {answer.status_code for answer in answers} == {204}
    kept = (await city.get("entities/urn:x:1", params={"format": "simplified"})).json()
    wanted = {f"{letter}{n}": n for letter in "ab" for n in range(CLIENTS)}
    assert kept == {"id": "urn:x:1", "type": "T", "start": 0, **wanted}


async def test_fifty_clients_patch_one_attribute_and_every_value_is_in_its_history(city):
    await city.post("entities", json={"id": "urn:x:1", "type": "T", "n": {"type": "Property", "value": -1}})
    answers = await asyncio.gather(
        *(city.patch("entities/urn:x:1/attrs/n", json={"type": "Property", "value": n}) for n in range(CLIENTS))
    )
    assert {answer.status_code for answer in answers} == {204}
    kept = (await city.get("temporal/entities/urn:x:1", params={"timeproperty": "modifiedAt"})).json()
    instances = kept["n"]
    assert sorted(one["value"] for one in instances) == list(range(-1, CLIENTS))
    now = (await city.get("entities/urn:x:1", params={"format": "simplified"})).json()["n"]
    newest = max(instances, key=lambda one: parse_instant(one["modifiedAt"]))
    assert newest["value"] == now
    assert len({one["modifiedAt"] for one in instances}) == len(instances)


async def test_of_fifty_creations_of_one_entity_one_wins(city):
    for n in range(5):
        body = {"id": f"urn:x:{n}", "type": "T"}
        single = [city.post("entities", json={**body, "by": who}) for who in range(CLIENTS // 2)]
        batch = [city.post("entityOperations/create", json=[{**body, "by": -who}]) for who in range(1, CLIENTS // 2)]
        statuses = Counter(answer.status_code for answer in await asyncio.gather(*single, *batch))
        assert statuses[201] == 1
        assert statuses[409] + statuses[207] == len(single) + len(batch) - 1


@pytest.mark.parametrize("with_deletions", [False, True])
async def test_paging_while_others_write_neither_loses_nor_doubles_an_entity_that_stays(city, with_deletions):
    """Only deleting entities older than a page's shifts it, which lies in the limit and offset of the standard."""
    steady = [f"urn:x:steady:{n:04}" for n in range(0, 1000, 2)]
    await city.post("entityOperations/create", json=[{"id": id, "type": "T", "n": 0} for id in steady])
    done = asyncio.Event()

    async def write() -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            patched = [{"id": id, "n": turn} for id in steady[turn % 7 :: 7]]
            new = [{"id": f"urn:x:steady:{n:04}", "type": "T"} for n in range(1 + 2 * (turn % 50), 1000, 100)]
            await city.post("entityOperations/merge", json=patched)
            await city.post("entityOperations/upsert", json=new)
            if with_deletions:
                await city.post("entityOperations/delete", json=[one["id"] for one in new[::2]])

    async def read() -> None:
        for _ in range(4):
            seen: Counter[str] = Counter()
            path = "entities?type=T&limit=100"
            while path:
                answer = (await city.get(path)).raise_for_status()
                seen.update(one["id"] for one in answer.json())
                following = [part for part in answer.headers.get("link", "").split(",") if 'rel="next"' in part]
                path = following[0].split(">")[0].strip(" <").removeprefix("/ngsi-ld/v1/") if following else ""
            assert [id for id in steady if seen[id] != 1] == []

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        await asyncio.gather(read(), read())
        done.set()
    assert writing.exception() is None


async def test_delete_against_patch_leaves_either_nothing_or_a_whole_entity(city):
    for n in range(30):
        body = {"id": f"urn:x:{n}", "type": "T", "a": 1}
        await city.post("entities", json=body)
        deleted, *patched = await asyncio.gather(
            city.delete(f"entities/urn:x:{n}"), *(city.patch(f"entities/urn:x:{n}", json={"a": k}) for k in range(4))
        )
        assert deleted.status_code == 204
        assert {answer.status_code for answer in patched} <= {204, 404}
        assert (await city.get(f"entities/urn:x:{n}")).status_code == 404
        again = await city.post("entities", json={"id": f"urn:x:{n}", "type": "T", "b": 1})
        assert again.status_code == 201
        kept = (await city.get(f"entities/urn:x:{n}", params={"format": "simplified"})).json()
        assert kept == {"id": f"urn:x:{n}", "type": "T", "b": 1}


async def test_tenants_made_and_written_at_once_see_only_their_own(city):
    tenants = [f"ward-{n}" for n in range(5)]

    async def write(tenant: str, n: int) -> int:
        body = {"id": f"urn:x:{n}", "type": "T", "of": tenant}
        return (await city.post("entities", json=body, headers={"ngsild-tenant": tenant})).status_code

    statuses = await asyncio.gather(*(write(tenant, n) for n in range(10) for tenant in tenants))
    assert set(statuses) == {201}
    for tenant in tenants:
        asked = {"type": "T", "format": "simplified", "limit": 100}
        kept = (await city.get("entities", params=asked, headers={"ngsild-tenant": tenant})).json()
        assert sorted(one["id"] for one in kept) == sorted(f"urn:x:{n}" for n in range(10))
        assert {one["of"] for one in kept} == {tenant}
    assert (await city.get("entities", params={"type": "T"})).json() == []


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, list[dict]]]:
    """An HTTP endpoint that keeps what is notified to it: its address and the list."""
    received: list[dict] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                received.append(json.loads(await reader.readexactly(length)))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", received
        server.close()


async def test_a_subscription_made_while_writes_run_misses_nothing_after_its_201(city):
    async with receiver() as (address, received):
        subscribed = asyncio.Event()
        after: set[int] = set()

        async def write(writer: int) -> None:
            for n in range(60):
                value = writer * 1000 + n
                must_come = subscribed.is_set()
                body = [{"id": f"urn:x:{writer}", "type": "T", "n": {"type": "Property", "value": value}}]
                answer = await city.post("entityOperations/upsert", json=body)
                assert answer.status_code in (201, 204), answer.text
                if must_come:
                    after.add(value)

        async def subscribe() -> httpx.Response:
            await asyncio.sleep(0.05)
            document = {
                "type": "Subscription",
                "entities": [{"type": "T"}],
                "watchedAttributes": ["n"],
                "notification": {"endpoint": {"uri": address, "accept": "application/json"}, "format": "simplified"},
            }
            answer = await city.post("subscriptions", json=document)
            subscribed.set()
            return answer

        made, *_ = await asyncio.gather(subscribe(), *(write(writer) for writer in range(8)))
        assert made.status_code == 201, made.text
        assert after
        for _ in range(100):
            told = {one["n"] for each in received for one in each["data"]}
            last = {writer * 1000 + 59 for writer in range(8)}
            if last <= told:
                break
            await asyncio.sleep(0.1)
        path = made.headers["location"].removeprefix("/ngsi-ld/v1/")
        assert (await city.delete(path)).status_code == 204
    assert after <= told, sorted(after - told)
