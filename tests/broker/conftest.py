"""A city in this process, and receivers on loopback, for what notifies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httptools
import orjson
import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.delivery import Terms
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.subscriptions import Subscriptions
from dothi.storage.sqlite import SqliteStore

QUICK = Terms(rest=0.05, longest_rest=0.2, timeout=2.0)


@dataclass
class Letter:
    headers: dict[str, str]
    body: Any
    path: str


class Receiver:
    """A small HTTP server that keeps what it is posted and answers what the test says."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.status: Callable[[int], int] = lambda count: 204
        self.delay = 0.0
        self.port = 0
        self.calls = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}/notify"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        seen: dict[str, str] = {}

        class Parts:
            def on_header(self, name: bytes, value: bytes) -> None:
                seen[name.decode().lower()] = value.decode()

        parser = httptools.HttpRequestParser(Parts())
        parser.feed_data(head)
        body = await reader.readexactly(int(seen["content-length"]))
        self.calls += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        status = self.status(self.calls)
        if 200 <= status < 300:
            self.letters.append(Letter(seen, orjson.loads(body), head.split(b" ")[1].decode()))
        writer.write(f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        return True

    async def wait(self, count: int, seconds: float = 5.0) -> list[Letter]:
        """The letters, once there are this many."""
        await _eventually(lambda: len(self.letters) >= count, seconds)
        return self.letters

    async def silence(self, seconds: float = 0.3) -> None:
        """Nothing more comes."""
        count = len(self.letters)
        await asyncio.sleep(seconds)
        assert len(self.letters) == count

    @property
    def told(self) -> list[dict[str, Any]]:
        """All entities told so far, in order."""
        return [entity for letter in self.letters for entity in letter.body["data"]]


async def _eventually(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


@dataclass
class City:
    store: SqliteStore
    contexts: Contexts
    outside: Outside
    provision: Provision
    subscriptions: Subscriptions
    made: int = field(default=0)

    async def subscribe(self, receiver: Receiver | str, notification: dict[str, Any] | None = None, **more: Any) -> str:
        uri = receiver if isinstance(receiver, str) else receiver.uri
        given = notification or {}
        endpoint = {"uri": uri, **given.get("endpoint", {})}
        document = {
            "type": "Subscription",
            "entities": [{"type": "Building"}],
            "notification": {**given, "endpoint": endpoint},
            **more,
        }
        return await self.subscriptions.create(document, self.contexts.core)

    async def create(self, id: str, **attributes: Any) -> None:
        document = {"id": id, "type": "Building", **attributes}
        await self.provision.create(document, self.contexts.core)

    async def update(self, id: str, **attributes: Any) -> None:
        await self.provision.update(id, attributes, self.contexts.core)

    async def set(self, id: str, value: Any) -> None:
        await self.update(id, level={"type": "Property", "value": value})

    def counters(self, id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.subscriptions.retrieve(id, self.contexts.core)["notification"]
        return shown


@asynccontextmanager
async def _city_in(folder: Path, **more: Any) -> AsyncIterator[City]:
    """A city on a folder; leaving it stops the notifier and closes the store."""
    store = SqliteStore(folder)
    await store.open()
    outside = Outside()
    contexts = Contexts(store, outside)
    await contexts.open()
    subscriptions = Subscriptions(store, contexts, outside, **{"terms": QUICK, **more})
    await subscriptions.start()
    try:
        yield City(store, contexts, outside, Provision(store), subscriptions)
    finally:
        await subscriptions.stop()
        await outside.close()
        await store.close()


@pytest.fixture
def city_in() -> Callable[..., Any]:
    """Opens a city on a folder: _city_in(folder, terms=..., tenant=...)."""
    return _city_in


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Waits until something holds: await _eventually(lambda: ...)."""
    return _eventually


@pytest.fixture
async def dead() -> Receiver:
    """A receiver that was there once: nothing listens at its address until it is started."""
    gone = Receiver()
    await gone.start()
    await gone.stop()
    return gone


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    async with _city_in(tmp_path) as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    started = Receiver()
    await started.start()
    yield started
    await started.stop()
