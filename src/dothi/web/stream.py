"""The live stream as server-sent events: snapshots, deltas and counts, with a deadline for readers that hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dothi.web.grid import Port
from dothi.web.live import LiveMap, Watcher

#: Changes gather for so long before they are sent, seconds.
GATHER = 0.15
#: A comment is sent after so long without news, so that both ends notice a dead line, seconds.
HEARTBEAT = 15.0
#: A reader that takes nothing for so long is disconnected, seconds.
PATIENCE = 30.0
#: Features in one snapshot or delta event; so much is held for a reader that hangs: about 150 kB.
PIECE = 500


async def events(live: LiveMap, watcher: Watcher) -> AsyncGenerator[bytes, None]:
    """The stream of one watcher until the live map closes: pieces of snapshots, deltas, counts, heartbeats."""
    yield b"retry: 2000\n\n"
    if watcher.port is not None:
        yield event("hello", 0, {"id": watcher.id})
    while not live.closed:
        try:
            async with asyncio.timeout(HEARTBEAT):
                await watcher.news.wait()
        except TimeoutError:
            yield b": heartbeat\n\n"
        watcher.news.clear()
        live.flush()
        for layer in watcher.layers:
            for piece in layer_events(live, watcher, layer):
                yield piece
        await asyncio.sleep(GATHER)


def layer_events(live: LiveMap, watcher: Watcher, layer: str) -> Iterator[bytes]:
    """What the watcher has not seen of a layer."""
    if layer in watcher.behind:
        watcher.behind.discard(layer)
        seq, features = live.snapshot(layer, watcher.port)
        yield from snapshot_events(
            layer, seq, features, clustered=watcher.port is not None and live.is_clustered(layer)
        )
    yield from delta_events(layer, live.seq(layer), watcher.pending.pop(layer, {}))
    counts = live.news_of_counts(watcher, layer)
    if counts is not None:
        yield event("counts", live.seq(layer), {"layer": layer, "counts": counts})


def snapshot_events(layer: str, seq: int, features: Sequence[bytes], *, clustered: bool = False) -> Iterator[bytes]:
    """`snapshot` events {layer, seq, first, last, clustered, features}: `first` starts anew, `last` completes it.

    Each is made when it is sent: of a layer for a reader who is slow, no more than a piece is held.
    """
    for start in range(0, max(len(features), 1), PIECE):
        document = {
            "layer": layer,
            "seq": seq,
            "first": start == 0,
            "last": start + PIECE >= len(features),
            "clustered": clustered,
            "features": [orjson.Fragment(feature) for feature in features[start : start + PIECE]],
        }
        yield event("snapshot", seq, document)


def delta_events(layer: str, seq: int, changed: dict[str, bytes | None]) -> Iterator[bytes]:
    """`delta` events {layer, seq, upserts, removed} for what changed since the last; none where nothing did."""
    items = list(changed.items())
    for start in range(0, len(items), PIECE):
        piece = items[start : start + PIECE]
        document = {
            "layer": layer,
            "seq": seq,
            "upserts": [orjson.Fragment(feature) for _, feature in piece if feature is not None],
            "removed": [id for id, feature in piece if feature is None],
        }
        yield event("delta", seq, document)


def event(name: str, seq: int, document: object) -> bytes:
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), seq, orjson.dumps(document))


class LiveStream(Response):
    """Streams the layers to one client until it leaves or takes nothing for PATIENCE seconds.

    A client that comes back with Last-Event-ID starts with snapshots again: they are small, and always right.
    """

    media_type = "text/event-stream"

    def __init__(self, live: LiveMap, layers: Sequence[str], port: Port | None = None) -> None:
        """Raises what LiveMap.admit raises, so that a refusal is an ordinary answer."""
        live.admit(layers)
        self.live = live
        self.layers = layers
        self.port = port
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                leaving = group.create_task(_wait_for_leaving(receive))
                await self._send(send)
                leaving.cancel()
        except* (_Left, TimeoutError):
            pass  # nobody reads any more; the server closes the connection

    async def _send(self, send: Send) -> None:
        async with self.live.watch(self.layers, self.port) as watcher, aclosing(events(self.live, watcher)) as stream:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for chunk in stream:
                async with asyncio.timeout(PATIENCE):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Left(Exception):
    """The client closed the connection."""


async def _wait_for_leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Left
