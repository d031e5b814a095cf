"""A receiver of notifications in a process of its own: many ports, a histogram of how late each entity came.

Prints its ports as JSON on the first line; on each line that it reads it prints what came since, as JSON:
{"posts": n, "entities": n, "ms": latencies in ms}. An entity carries the instant of its sending (ns) in `sentAt`.
"""

from __future__ import annotations

import asyncio
import sys
import time

import httptools
import orjson

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Box:
    """What came since it was emptied."""

    def __init__(self) -> None:
        self.posts = 0
        self.ms: list[float] = []

    def take(self) -> bytes:
        told = orjson.dumps({"posts": self.posts, "entities": len(self.ms), "ms": self.ms})
        self.posts, self.ms = 0, []
        return told


class Door(asyncio.Protocol):
    """One connection; httptools calls the on_... methods."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._parts: list[bytes] = []
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self._parts.append(data)

    def on_message_complete(self) -> None:
        now = time.time_ns()
        document = orjson.loads(b"".join(self._parts))
        self._parts.clear()
        self._box.posts += 1
        self._box.ms += [(now - entity["sentAt"]["value"]) / 1e6 for entity in document["data"]]
        self._transport.write(ANSWER)  # type: ignore[attr-defined]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and never answers."""
    while await reader.read(65536):
        pass
    writer.close()


async def main(live: int, mute: int) -> None:
    loop = asyncio.get_running_loop()
    box = Box()
    servers = [await loop.create_server(lambda: Door(box), "127.0.0.1", 0) for _ in range(live)]
    servers += [await asyncio.start_server(silent, "127.0.0.1", 0) for _ in range(mute)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(orjson.dumps({"live": ports[:live], "mute": ports[live:]}).decode(), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(box.take().decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
