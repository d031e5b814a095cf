"""The HTTP protocol of uvicorn, which writes an answer by one system call and bounds what a request may take."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes that a request line with its headers may have beyond what came with its first packet; more is a 431.
HEAD_LIMIT: Final = 64 * 1024
#: A request that has not come in whole after so many seconds ends its connection (at the next sweep).
PATIENCE: Final = 60

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)

_CREATED: Final = b"HTTP/1.1 201 "


class GatheringProtocol(HttpToolsProtocol):
    """uvicorn's protocol over a transport that gathers. A third of the time of a small GET was the second write.

    Heads are bounded: uvicorn would gather one for ever.
    """

    _head: int | None = None
    _has_begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(GatheringTransport(transport, self.loop))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_LIMIT:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._head = 0
        self._has_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        super().on_headers_complete()

    def awaited(self) -> object | None:
        """What the client owes, the same object as long as it owes it: a first request, the rest of a head or body."""
        if not self._has_begun:
            return self
        if self._head is not None:
            return self.scope
        cycle = self.cycle
        return cycle if cycle is not None and cycle.more_body and not cycle.response_complete else None


class Patience:
    """Closes connections on which a request never comes to its end, since each takes a file descriptor."""

    def __init__(self) -> None:
        self._owed: dict[object, object] = {}

    def sweep(self, connections: Iterable[object]) -> int:
        """Close those that owe what they owed at the last sweep already; call it every PATIENCE seconds."""
        protocols = [each for each in connections if isinstance(each, GatheringProtocol)]
        owed = {each: what for each in protocols if (what := each.awaited()) is not None}
        stalled = [each for each, what in owed.items() if self._owed.get(each) is what]
        for each in stalled:
            each.transport.close()
        self._owed = {each: what for each, what in owed.items() if each not in stalled}
        return len(stalled)


class GatheringTransport:
    """Holds what is written until the loop's next turn; all else is the transport's own.

    uvicorn writes header names in small letters. The address of what was created is written as RFC 9110 has it, since
    there are clients that look for it so.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        if data.startswith(_CREATED):
            data = data.replace(b"\r\nlocation: ", b"\r\nLocation: ", 1)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts = self._parts
        if parts:
            self._parts = []
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
