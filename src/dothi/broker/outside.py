"""Every call that the city makes to an address which somebody gave it goes through here, guarded and bounded."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urljoin

import httpcore
import httpx

from dothi.model.errors import TargetRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST: Final = re.compile(rb"[A-Za-z0-9._:~-]+")

B = TypeVar("B", bytes, bytearray)

#: (host, port) -> numeric addresses; raises OSError when the name is not known.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FAULTS: Final = (
    *(OSError, UnicodeError, httpx.HTTPError, httpx.InvalidURL, httpcore.TimeoutException),
    *(httpcore.NetworkError, httpcore.ProtocolError, httpcore.PoolTimeout),
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class OutsideFailed(Exception):
    """A call that was allowed did not succeed: no answer, no answer in time, too much of it, or broken HTTP."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class NoAnswerInTime(OutsideFailed):
    """The deadline came before the whole answer."""


class UnfitAnswer(OutsideFailed):
    """An answer came that is too large, or packed in a way that cannot be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. `url` is where it came from after redirects; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Guard:
    """Which hosts may be called.

    Public addresses may, loopback too unless `loopback` is off; private, link-local (and so the metadata services of
    clouds), multicast, reserved and unspecified addresses may not, whatever form they are written in, unless `allow`
    names them: a network ("10.1.0.0/16", "fd00::/8") or a host name. Raises ValueError for an entry that is neither.
    """

    def __init__(self, allow: Iterable[str] = (), *, loopback: bool = True) -> None:
        self._loopback = loopback
        self._networks: list[Network] = []
        self._hosts: set[str] = set()
        for entry in allow:
            try:
                self._networks.append(ipaddress.ip_network(entry))
            except ValueError:
                if "/" in entry or not entry.strip():
                    raise ValueError(f"{entry!r} is no network like 10.1.0.0/16 and no host name") from None
                self._hosts.add(entry.lower().rstrip("."))

    def trusts(self, host: str) -> bool:
        """The settings allow this host by its name, whatever address it has."""
        return host.lower().rstrip(".") in self._hosts

    def allows(self, address: str) -> bool:
        """A numeric address may be called."""
        ip = ipaddress.ip_address(address)
        if any(ip.version == network.version and ip in network for network in self._networks):
            return True
        embedded = _embedded(ip)
        if embedded is not None:
            return self.allows(str(embedded))
        if ip.is_loopback:
            return self._loopback
        return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_link_local)


def _embedded(ip: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: mapped, 6to4, NAT64 or Teredo."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


class Outside:
    """HTTP to addresses given by users: contexts, notifications, polling.

    The host is resolved once, checked by `guard`, and the connection goes to the very address that was checked; the
    Host header and TLS keep the name. Nothing follows redirects by itself, environment proxies are not used, an answer
    is read up to a limit, and every call ends by its deadline. `transport` replaces the network (httpx.MockTransport in
    tests), `resolve` the name service.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        deadline: float = 5.0,
        limit: int = 1024 * 1024,
        connections: int = 200,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.guard = guard or Guard()
        self._deadline = deadline
        self._limit = limit
        self._resolve = resolve or _resolve
        self._transport = transport or _Transport(_CheckedNetwork(self.guard, self._resolve), connections, tls)

    async def __aenter__(self) -> Outside:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.aclose()

    async def check(self, url: str) -> None:
        """Raise TargetRefused when the address may not be called now; a name that is not known yet may."""
        target = _target(url)
        if not self.guard.trusts(target.host):
            try:
                found = await asyncio.wait_for(self._resolve(target.host, target.port or 80), self._deadline)
            except (OSError, TimeoutError, UnicodeError):
                return
            _choose(self.guard, target.host, found)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        deadline: float | None = None,
        limit: int | None = None,
    ) -> Answer:
        """One call, redirects not followed. `deadline` in seconds for all of it, `limit` in bytes of the body.

        Raises TargetRefused and OutsideFailed.
        """
        seconds = self._deadline if deadline is None else deadline
        end = asyncio.get_running_loop().time() + seconds
        return await self._perform(
            httpx.Request(method, _target(url), headers=headers, content=content), seconds, end, limit
        )

    async def fetch(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
        limit: int | None = None,
        redirects: int = 4,
    ) -> Answer:
        """GET, following up to `redirects` redirects, each checked like the first address.

        Any status but a redirect's is an answer. Raises TargetRefused and OutsideFailed.
        """
        seconds = self._deadline if deadline is None else deadline
        end = asyncio.get_running_loop().time() + seconds
        here = url
        for _ in range(redirects + 1):
            answer = await self._perform(httpx.Request("GET", _target(here), headers=headers), seconds, end, limit)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                return answer
            here = _next(here, answer.headers["location"])
        raise OutsideFailed(url, f"more than {redirects} redirects, the last one to {here}")

    async def _perform(self, request: httpx.Request, seconds: float, end: float, limit: int | None) -> Answer:
        """The call until `end` on the loop's clock, which is `seconds` after its caller began."""
        url = str(request.url)
        request.headers.setdefault("accept-encoding", "gzip")
        try:
            async with asyncio.timeout_at(end):
                response = await self._transport.handle_async_request(request)
                try:
                    body = await _body(response, url, self._limit if limit is None else limit)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise NoAnswerInTime(url, f"no whole answer within {seconds:.3g} s") from None
        except _FAULTS as error:
            raise OutsideFailed(url, str(error) or type(error).__name__) from error
        return Answer(response.status_code, dict(response.headers), body, url)


def _target(url: str) -> httpx.URL:
    """Parse an address. Raises TargetRefused for what is no http or https address of a host."""
    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise TargetRefused(f"{str(url)[:200]!r} is no address: {error}.") from None
    if target.scheme not in ("http", "https") or not _HOST.fullmatch(target.raw_host) or (target.port or 0) > 65535:
        raise TargetRefused(f"{url!r} is no http or https address of a host: the city calls no other.")
    if target.userinfo:
        raise TargetRefused(f"{target.host} is given with a user or password in the address: use a header for it.")
    return target


def _next(here: str, location: str) -> str:
    try:
        return urljoin(here, location)
    except ValueError:
        raise OutsideFailed(here, f"redirects to {location[:200]!r}, which is no address") from None


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _choose(guard: Guard, host: str, addresses: Sequence[str]) -> Sequence[str]:
    """The addresses of a host, all of which may be called. One that may not refuses the host. Raises TargetRefused."""
    if not guard.trusts(host):
        for address in addresses:
            if not guard.allows(address):
                shown = host if host == address else f"{host} ({address})"
                raise TargetRefused(
                    f"{shown} is a private, link-local or reserved address, which the settings do not allow."
                )
    return addresses


async def _body(response: httpx.Response, url: str, limit: int) -> bytes:
    """The body, unpacked by ourselves so that a small packed one cannot become a huge one in memory."""
    if response.is_stream_consumed:  # a transport handed in may answer with a body that is read and unpacked already
        return _within(response.content, url, limit)
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise UnfitAnswer(url, f"the answer is packed with {encoding}, which was not asked for")
    unpack = None if encoding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)
    body = bytearray()
    async for chunk in response.aiter_raw():
        try:
            body += chunk if unpack is None else unpack.decompress(chunk, limit + 1)
        except zlib.error as error:
            raise UnfitAnswer(url, f"the answer says it is packed with {encoding}, and is not: {error}") from None
        _within(body, url, limit)
    if unpack is not None and body and not unpack.eof:
        raise UnfitAnswer(url, f"the answer packed with {encoding} breaks off")
    return bytes(body)


def _within(body: B, url: str, limit: int) -> B:
    if len(body) > limit:
        raise UnfitAnswer(url, f"the answer is larger than {limit} bytes")
    return body


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections only to addresses that were checked; there is no second look-up in between."""

    def __init__(self, guard: Guard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore names it so
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = _choose(self._guard, host, await self._resolve(host, port))
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in dict.fromkeys(addresses):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore names it so
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise TargetRefused(f"{path} is a socket of this machine: the city calls no such.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Transport(httpx.AsyncBaseTransport):
    """httpx requests over an httpcore pool whose connections are checked."""

    def __init__(self, network: httpcore.AsyncNetworkBackend, connections: int, tls: ssl.SSLContext | None) -> None:
        self._network = network
        self._connections = connections
        # Made now, since it takes tens of milliseconds in which the first calls would run into their deadlines.
        self._tls = tls or httpx.create_ssl_context()
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        answered = await self._open().handle_async_request(asked)
        return httpx.Response(
            answered.status,
            headers=answered.headers,
            stream=_Stream(answered),
            extensions=answered.extensions,
        )

    def _open(self) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self._tls,
                max_connections=self._connections,
                max_keepalive_connections=self._connections,
                keepalive_expiry=15,
                network_backend=self._network,
            )
        return self._pool

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
