"""Connectors are built from typed settings, start again when they fail, and tell how they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from dothi.broker.outside import Outside
from dothi.connectors.base import Health
from dothi.connectors.http_poll import PollSource
from dothi.connectors.mqtt import MqttSource, Subscription
from dothi.connectors.supervisor import Connectors, Source, document
from dothi.model.reading import Decoded, Document, Trouble

POLL = PollSource(
    "meters", "http://127.0.0.1:9/meters", "json", every_s=0.02, type="Meter", id="urn:ngsi-ld:Meter:{serial}"
)


class Shelf:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.entities: list[Document] = []

    async def put(self, entities: list[Document], context: str | None, cause: str) -> list[Trouble]:
        self.entities += entities
        return []


def outside(answer: Callable[[httpx.Request], httpx.Response]) -> Outside:
    return Outside(transport=httpx.MockTransport(answer))


@asynccontextmanager
async def running(connectors: Connectors) -> AsyncIterator[None]:
    task = asyncio.ensure_future(connectors.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the conditions have no event
            await asyncio.sleep(0.01)


async def test_polling_stores_what_is_new_and_asks_with_the_last_etag() -> None:
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("if-none-match"))
        if asked[-1] == '"1"':
            return httpx.Response(304)
        return httpx.Response(200, headers={"etag": '"1"'}, json=[{"serial": 5, "kwh": 1.5}, {"kwh": 2}])

    shelf = Shelf()
    connectors = Connectors([POLL], shelf, outside(answer))
    async with running(connectors):
        await until(lambda: len(asked) >= 3)
        [health] = connectors.health()
        assert (health.state, health.messages, health.entities, health.rejected) == ("running", 1, 1, 1)
    assert asked[:3] == [None, '"1"', '"1"']
    assert [entity["id"] for entity in shelf.entities] == ["urn:ngsi-ld:Meter:5"]
    assert connectors.health()[0].state == "stopped"


async def test_a_failing_address_is_told_and_asked_again() -> None:
    answers = iter(
        [httpx.Response(500), httpx.Response(200, content=b"{broken"), httpx.Response(200, json={"serial": 1, "a": 1})]
    )

    def answer(request: httpx.Request) -> httpx.Response:
        return next(answers, httpx.Response(304))

    shelf = Shelf()
    connectors = Connectors([POLL], shelf, outside(answer))
    async with running(connectors):
        await until(lambda: len(shelf.entities) == 1)
        told = [problem.what for problem in connectors.health()[0].problems]
    assert told[0] == "answered 500"
    assert told[1].startswith("is no JSON")


async def test_an_address_that_the_settings_do_not_allow_is_told() -> None:
    source = PollSource("inner", "http://169.254.169.254/latest", "json", type="T", id="urn:x:1")
    async with Outside() as network:
        connectors = Connectors([source], Shelf(), network)
        async with running(connectors):
            await until(lambda: connectors.health()[0].state == "failing")
    assert "private, link-local or reserved" in connectors.health()[0].detail


class Fragile:
    """A connector that fails the first two times."""

    def __init__(self) -> None:
        self.health = Health("fragile", "test")
        self.runs = 0

    async def run(self) -> None:
        self.runs += 1
        if self.runs < 3:
            raise RuntimeError("broken pipe organ")
        self.health.state = "running"
        await asyncio.Event().wait()


async def test_a_connector_that_fails_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dothi.connectors.supervisor.SHORTEST_PAUSE", 0.01)
    connectors = Connectors([], Shelf(), outside(lambda _: httpx.Response(404)))
    fragile = Fragile()
    connectors.add(fragile)
    async with running(connectors):
        await until(lambda: fragile.health.state == "running")
    assert [problem.what for problem in fragile.health.problems] == ["RuntimeError: broken pipe organ"] * 2


async def test_a_faulty_feed_of_a_module_stops_nothing() -> None:
    def faulty(message: bytes, where: str) -> Decoded:
        raise KeyError("pm25")

    source = PollSource("air", "http://127.0.0.1:9/air", "environment.air", every_s=0.02)
    answer = outside(lambda _: httpx.Response(200, json={}))
    connectors = Connectors([source], Shelf(), answer, {"environment.air": faulty})
    async with running(connectors):
        await until(lambda: connectors.health()[0].messages >= 2)
    assert "the feed failed: KeyError" in connectors.health()[0].problems[0].what


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ([PollSource("a", "http://x", "jsn")], "there is no feed 'jsn'; known are json"),
        ([POLL, POLL], "two connectors are named 'meters'"),
        ([MqttSource("m", (Subscription("a/#/b", "json"),))], "# must stand alone and last"),
    ],
)
async def test_wrong_settings_are_refused_before_anything_starts(sources: list[Source], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Connectors(sources, Shelf(), outside(lambda _: httpx.Response(404)))


def test_health_is_told_as_json() -> None:
    health = Health("a", "mqtt", problems=Health("x", "y").problems)
    health.problems.append(Trouble("topic", "is bad", "mend it"))
    told = document(health)
    assert told["name"] == "a"
    assert told["problems"] == [{"where": "topic", "what": "is bad", "mend": "mend it"}]
