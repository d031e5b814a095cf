"""Copies of @context documents are asked for again when their time is over, and serve on when nobody answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.freshness import LONGEST, SECOND, SHORTEST, USUAL, stale_at
from dothi.broker.outside import Outside
from dothi.storage.sqlite import SqliteStore

ADDRESS = "https://city.example/context.jsonld"
NOW = 1_795_000_000 * SECOND


@pytest.mark.parametrize(
    ("headers", "span"),
    [
        ({}, USUAL),
        ({"cache-control": "max-age=600"}, 600 * SECOND),
        ({"cache-control": 'public, max-age=600, s-maxage="900"'}, 900 * SECOND),
        ({"cache-control": "max-age=600", "expires": "Wed, 18 Nov 2026 12:00:00 GMT"}, 600 * SECOND),
        ({"expires": "Wed, 18 Nov 2026 12:00:00 GMT"}, 1_795_003_200 * SECOND - NOW),
        ({"expires": "Wed, 18 Nov 2020 12:00:00 GMT"}, SHORTEST),
        ({"expires": "0"}, SHORTEST),
        ({"cache-control": "no-store"}, SHORTEST),
        ({"cache-control": "max-age=0"}, SHORTEST),
        ({"cache-control": f"max-age={10**30}"}, LONGEST),
        ({"cache-control": "private"}, USUAL),
    ],
)
def test_a_copy_holds_as_long_as_its_answer_says(headers: dict[str, str], span: int) -> None:
    assert stale_at(headers, NOW) - NOW == span


class Elsewhere:
    """A server that answers with one context, good for ten minutes, or with an error."""

    def __init__(self) -> None:
        self.iri = "https://one.example/flow"
        self.asked = 0
        self.down = False

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        body = orjson.dumps({"@context": {"flow": self.iri}})
        headers = {"cache-control": "max-age=600"}
        return httpx.Response(503 if self.down else 200, stream=httpx.ByteStream(body), headers=headers)


async def test_a_stale_copy_is_replaced_by_what_its_address_answers_now(tmp_path: Path) -> None:
    clock, server = [NOW], Elsewhere()
    store = SqliteStore(tmp_path)
    await store.open()
    contexts = await opened(store, clock, server)
    assert (await contexts.resolve([ADDRESS, {"b": "urn:b:"}])).expand("flow") == "https://one.example/flow"
    server.iri = "https://two.example/flow"
    clock[0] += 599 * SECOND
    assert (await contexts.resolve([ADDRESS, {"b": "urn:b:"}])).expand("flow") == "https://one.example/flow"
    contexts = await opened(store, clock, server)
    assert (await contexts.resolve(ADDRESS)).expand("flow") == "https://one.example/flow"
    assert server.asked == 1
    clock[0] += 2 * SECOND
    assert contexts.known(ADDRESS) is None
    assert (await contexts.resolve(ADDRESS)).expand("flow") == "https://two.example/flow"
    assert contexts.known(ADDRESS) is not None
    assert server.asked == 2
    await store.close()


async def test_a_stale_copy_serves_on_while_its_address_does_not_answer(tmp_path: Path) -> None:
    clock, server = [NOW], Elsewhere()
    store = SqliteStore(tmp_path)
    await store.open()
    contexts = await opened(store, clock, server)
    await contexts.resolve(ADDRESS)
    server.down = True
    clock[0] += 601 * SECOND
    assert (await contexts.resolve(ADDRESS)).expand("flow") == "https://one.example/flow"
    assert contexts.known(ADDRESS) is not None, "not every request may wait for a server that is down"
    assert server.asked == 2
    await store.close()


async def opened(store: SqliteStore, clock: list[int], server: Any) -> Contexts:
    outside = Outside(transport=httpx.MockTransport(server))
    contexts = Contexts(store, outside, now=lambda: clock[0])
    await contexts.open()
    return contexts
