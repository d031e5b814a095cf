"""Posts letters over kept-alive HTTP/1.1 connections to addresses that were checked before.

An own client of one method, since delivery is the one place where the city makes thousands of calls a second: see
docs/decisions/0005-notification-delivery.md for what it costs beside httpx and aiohttp. Parsing is left to httptools.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

from dothi.broker.letterhead import as_header_lines
from dothi.broker.mailbox import Letter
from dothi.broker.outside import Guard
from dothi.model.endpoint import Endpoint
from dothi.model.errors import TargetRefused

#: Host name and port -> the numeric addresses to try, checked. Raises TargetRefused or OSError.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

#: An answer longer than this is no answer to a notification; the connection is closed.
ANSWER_LIMIT: Final = 64 * 1024

#: Seconds to wait for a connection.
CONNECTING: Final = 5.0

#: Idle connections are dropped after this many seconds.
IDLE: Final = 60.0


class PostFailed(Exception):
    """No answer came: the message says why. The request may or may not have been read by the other side."""


class Unreachable(PostFailed):
    """There was no connection at all."""


class Refused(PostFailed):
    """The other side does not want this very letter, whatever the weather."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to post, taken apart once."""

    secure: bool
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What a connection can be shared by."""
        return self.secure, self.host, self.port

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_address(uri: str) -> Address:
    """Take an http or https URI apart. Raises ValueError for a bad port or a missing host."""
    parts = urlsplit(uri)
    if not parts.hostname or any(not "!" <= letter <= "~" for letter in uri):
        raise ValueError("it has no host, or characters that must be percent-encoded")
    secure = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(secure, parts.hostname, parts.port or (443 if secure else 80), target)


class _Connection(asyncio.Protocol):
    """One connection, one request at a time. httptools calls the on_... methods."""

    def __init__(self) -> None:
        self.usable = False
        self.answered = False
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._status: asyncio.Future[int] | None = None
        self._received = 0
        #: The head of the answer, not of an interim one, is there.
        self._final = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.usable = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        if self._final:
            # A body without length ends with the connection, as HTTP/1.0 servers have it (RFC 9112 section 6.3).
            self._answer(self._parser.get_status_code())
        self._fail("the connection was closed before an answer came" if exc is None else str(exc))

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self.answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("the answer is no HTTP/1.1")
            self.close()
        if self._received > ANSWER_LIMIT:
            self._fail(f"the answer is longer than {ANSWER_LIMIT} bytes")
            self.close()

    def on_headers_complete(self) -> None:
        self._final = self._parser.get_status_code() >= 200

    def on_message_complete(self) -> None:
        if not self._final:
            return
        if self._status is None or not self._parser.should_keep_alive():
            self.close()
        self._answer(self._parser.get_status_code())

    async def post(self, request: bytes) -> int:
        """Send one request and wait for its status. Raises PostFailed; the caller sets the deadline."""
        if self._transport is None or not self.usable:
            raise PostFailed("the connection is closed")
        self._received = 0
        self.answered = self._final = False
        self._status = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._status

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def _answer(self, status: int) -> None:
        waiting, self._status = self._status, None
        if waiting is not None and not waiting.done():
            waiting.set_result(status)

    def _fail(self, reason: str) -> None:
        waiting, self._status = self._status, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(PostFailed(reason))


class Poster:
    """Keeps idle connections by origin and posts over them. One per tenant."""

    def __init__(self, resolve: Resolve, tls: ssl.SSLContext | None = None) -> None:
        self._resolve = resolve
        self._tls = tls
        self._idle: dict[tuple[bool, str, int], list[_Connection]] = {}
        self._addresses: dict[str, Address] = {}

    async def post(self, address: Address, head: bytes, body: bytes, seconds: float) -> int:
        """POST and return the status of the answer.

        `head` holds the header lines beside Host and Content-Length, each ended by CRLF. A connection that the other
        side closed while it was idle is replaced once, unnoticed. Raises PostFailed, Unreachable, TargetRefused.
        """
        request = b"".join((
            b"POST ", address.target.encode(), b" HTTP/1.1\r\nHost: ", address.authority.encode(),
            b"\r\nContent-Length: ", str(len(body)).encode(), b"\r\n", head, b"\r\n", body,
        ))  # fmt: skip
        try:
            async with asyncio.timeout(seconds):
                return await self._send(address, request)
        except TimeoutError:
            raise PostFailed(f"no answer within {seconds:g} s") from None

    # --- as a carrier (see delivery.Carrier) ------------------------------------------------------------------

    def lane(self, endpoint: Endpoint) -> tuple[bool, str, int]:
        """Whom a failure to connect concerns: all endpoints of the same scheme, host and port."""
        return self._address(endpoint.uri).origin

    async def bring(self, endpoint: Endpoint, letter: Letter, seconds: float) -> int:
        """Post a letter. Raises as `post`."""
        return await self.post(self._address(endpoint.uri), as_header_lines(letter.head), letter.body, seconds)

    def _address(self, uri: str) -> Address:
        address = self._addresses.get(uri)
        if address is None:
            address = self._addresses[uri] = parse_address(uri)
        return address

    # --- connections ------------------------------------------------------------------------------------------

    async def _send(self, address: Address, request: bytes) -> int:
        connection = self._take(address)
        if connection is not None:
            try:
                return await self._exchange(address, connection, request)
            except PostFailed:
                if connection.answered:
                    raise
        return await self._exchange(address, await self._connect(address), request)

    async def _exchange(self, address: Address, connection: _Connection, request: bytes) -> int:
        try:
            status = await connection.post(request)
        except BaseException:
            connection.close()
            raise
        if connection.usable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.setdefault(address.origin, []).append(connection)
        return status

    def _take(self, address: Address) -> _Connection | None:
        idle = self._idle.get(address.origin)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self, address: Address) -> _Connection:
        try:
            async with asyncio.timeout(CONNECTING):
                return await self._connect_to_any(address, await self._resolve(address.host, address.port))
        except TimeoutError:
            raise Unreachable(f"cannot connect to {address.authority} within {CONNECTING:g} s") from None
        except OSError as fault:
            raise Unreachable(f"cannot connect to {address.authority}: {fault}") from None

    async def _connect_to_any(self, address: Address, hosts: Sequence[str]) -> _Connection:
        loop = asyncio.get_running_loop()
        tls = self._context() if address.secure else None
        name = address.host if tls else None
        failure = OSError("the name has no address")
        for host in dict.fromkeys(hosts):
            try:
                return (await loop.create_connection(_Connection, host, address.port, ssl=tls, server_hostname=name))[1]
            except OSError as fault:
                failure = fault
        raise failure

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def sweep(self) -> None:
        """Close what was idle for too long."""
        if len(self._addresses) > 10_000:
            self._addresses.clear()
        limit = asyncio.get_running_loop().time() - IDLE
        for origin, idle in list(self._idle.items()):
            kept = [connection for connection in idle if connection.usable and connection.idle_since > limit]
            for connection in idle:
                if connection not in kept:
                    connection.close()
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]

    def close(self) -> None:
        """Close every idle connection."""
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()


def checked_by(guard: Guard) -> Resolve:
    """Name resolution of which every answer is checked: one that may not be called refuses the host."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise OSError(f"{host!r} is no host name") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses if not guard.trusts(host) else ():
            if not guard.allows(address):
                raise TargetRefused(f"{host} leads to {address}, which the settings do not allow to call.")
        return addresses

    return resolve
