"""Calls to the outside: what is refused, what is bounded; against real servers on loopback."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from dothi.broker.outside import Guard, Outside, OutsideFailed
from dothi.model.errors import TargetRefused

Talk = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A raw HTTP server: (its address, the request heads it has seen)."""
    heads: list[bytes] = []
    talks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            await talk(head, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort() if asyncio.current_task().cancelling() else writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", heads
    finally:
        listening.close()
        for task in filter(None, talks):
            task.cancel()
        await asyncio.wait(filter(None, talks)) if talks else None


def answer(body: bytes, status: str = "200 OK", *headers: str) -> Talk:
    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return talk


# --- the guard ------------------------------------------------------------------------------------------------------


INNER = (
    "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "192.0.2.1", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "ff02::1", "::",
    "2001:db8::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
    "2002:0a00:0001::",
)  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_addresses_inside_of_networks_are_refused(address: str) -> None:
    assert not Guard().allows(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "203.162.0.181", "2606:4700::1111", "127.0.0.1", "127.8.9.1", "::1"])
def test_public_addresses_and_loopback_are_allowed(address: str) -> None:
    assert Guard().allows(address)


def test_loopback_can_be_refused_too() -> None:
    guard = Guard(loopback=False)
    assert not any(guard.allows(address) for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"))


def test_the_settings_allow_networks_and_hosts() -> None:
    guard = Guard(["10.1.0.0/16", "fd00::/8", "broker.city.local"])
    assert guard.allows("10.1.2.3")
    assert guard.allows("fd00::7")
    assert not guard.allows("10.2.0.1")
    assert guard.trusts("Broker.City.Local.")
    assert not guard.trusts("city.local")


@pytest.mark.parametrize("entry", ["10.1.0.0/99", "10.1.2.3/16", " "])
def test_an_allowance_that_is_neither_network_nor_host_is_told(entry: str) -> None:
    with pytest.raises(ValueError, match="no network"):
        Guard([entry])


# --- addresses in all their forms -----------------------------------------------------------------------------------


FORMS = (
    "http://169.254.169.254/latest", "http://2852039166/", "http://0xa9fea9fe/", "http://169.254.43518/",
    "http://[::ffff:a9fe:a9fe]/", "http://[fe80::1]/", "http://10.0.0.1:8080/", "http://0/",
    "http://[64:ff9b::10.0.0.1]/",
)  # fmt: skip


@pytest.mark.parametrize("url", FORMS)
async def test_no_form_of_an_inner_address_is_called(url: str) -> None:
    async with Outside() as outside:
        with pytest.raises(TargetRefused, match="private"):
            await outside.request("GET", url)
        with pytest.raises(TargetRefused, match="private"):
            await outside.check(url)


STRANGE = (
    "ftp://example.org/", "file:///etc/passwd", "gopher://x/", "x", "", "http://", "http://u:p@example.org/", "//x",
    "http://0251.0376.0251.0376/", "http://a b/", "http://x:99999/", "http://[::1",
)  # fmt: skip


@pytest.mark.parametrize("url", STRANGE)
async def test_what_is_no_plain_http_address_is_refused(url: str) -> None:
    async with Outside() as outside:
        with pytest.raises(TargetRefused):
            await outside.request("POST", url, content=b"x")
        with pytest.raises(TargetRefused):
            await outside.check(url)


async def test_a_name_that_resolves_to_an_inner_address_is_refused_whatever_else_it_resolves_to() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["8.8.8.8", "10.0.0.5"]

    async with Outside(resolve=resolve) as outside:
        with pytest.raises(TargetRefused, match=r"inner\.example \(10\.0\.0\.5\)"):
            await outside.request("GET", "http://inner.example/")


async def test_the_connection_goes_to_the_address_that_was_checked_and_keeps_the_name() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.5"]

    async with server(answer(b"{}")) as (address, heads), Outside(resolve=resolve) as outside:
        port = address.rpartition(":")[2]
        got = await outside.request("GET", f"http://rebinding.example:{port}/c")
        assert got.body == b"{}"
        assert asked == ["rebinding.example"]
        assert f"host: rebinding.example:{port}".encode() in heads[0].lower()
        with pytest.raises(TargetRefused):
            await outside.request("GET", f"http://rebinding.example:{port}/c")


async def test_a_host_that_the_settings_name_is_called_whatever_its_address() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    guard = Guard(["broker.city.local"], loopback=False)
    async with server(answer(b"yes")) as (address, _), Outside(guard, resolve=resolve) as outside:
        url = address.replace("127.0.0.1", "broker.city.local")
        await outside.check(url)
        assert (await outside.request("GET", url)).body == b"yes"
        with pytest.raises(TargetRefused):
            await outside.request("GET", address.replace("127.0.0.1", "other.city.local"))


async def test_a_name_that_is_not_known_may_be_kept_but_not_called() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("name not known")

    async with Outside(resolve=resolve) as outside:
        await outside.check("http://later.example/")
        with pytest.raises(OutsideFailed, match="name not known"):
            await outside.request("GET", "http://later.example/")


# --- redirects ------------------------------------------------------------------------------------------------------


async def test_a_request_does_not_follow_a_redirect() -> None:
    async with server(answer(b"", "302 Found", "location: http://8.8.8.8/")) as (address, _), Outside() as outside:
        got = await outside.request("POST", address, content=b"x")
        assert (got.status, got.headers["location"]) == (302, "http://8.8.8.8/")


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data", "http://[::ffff:10.0.0.1]/", "file:///etc"]
)
async def test_a_redirect_to_an_inner_address_is_refused(target: str) -> None:
    async with server(answer(b"", "302 Found", f"location: {target}")) as (address, _), Outside() as outside:
        with pytest.raises(TargetRefused):
            await outside.fetch(address)


async def test_a_relative_redirect_is_followed_and_a_loop_is_not() -> None:
    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        if head.startswith(b"GET /end "):
            await answer(b"here")(head, writer)
        elif head.startswith(b"GET /loop "):
            await answer(b"", "307 Temporary Redirect", "location: /loop")(head, writer)
        else:
            await answer(b"", "301 Moved Permanently", "location: end")(head, writer)

    async with server(talk) as (address, heads), Outside() as outside:
        got = await outside.fetch(f"{address}/start")
        assert (got.body, got.url) == (b"here", f"{address}/end")
        heads.clear()
        with pytest.raises(OutsideFailed, match="more than 4 redirects"):
            await outside.fetch(f"{address}/loop")
        assert len(heads) == 5


# --- bounds ---------------------------------------------------------------------------------------------------------


async def test_an_answer_that_never_ends_is_cut_at_the_deadline() -> None:
    async def drip(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(200):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with server(drip) as (address, _), Outside(deadline=0.2) as outside:
        began = asyncio.get_running_loop().time()
        with pytest.raises(OutsideFailed, match=r"within 0\.2 s"):
            await outside.fetch(address)
        assert asyncio.get_running_loop().time() - began < 2


@pytest.mark.parametrize("said", ["content-length: 60000000", "x-length: none"])
async def test_an_answer_that_is_too_large_is_not_read_whole(said: str) -> None:
    sent = 0

    async def pour(head: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{said}\r\nconnection: close\r\n\r\n".encode())
        for _ in range(6000):
            writer.write(b"x" * 10_000)
            await writer.drain()
            sent += 10_000

    async with server(pour) as (address, _), Outside(limit=10_000) as outside:
        with pytest.raises(OutsideFailed, match="larger than 10000 bytes"):
            await outside.fetch(address)
        assert sent < 60_000_000


async def test_a_packed_answer_is_unpacked_but_not_beyond_the_limit() -> None:
    small, bomb = gzip.compress(b'{"a": 1}'), gzip.compress(b"0" * 5_000_000)
    gzipped = "content-encoding: gzip"
    async with server(answer(small, "200 OK", gzipped)) as (address, _), Outside(limit=50_000) as outside:
        assert (await outside.fetch(address)).body == b'{"a": 1}'
    async with server(answer(bomb, "200 OK", gzipped)) as (address, _), Outside(limit=50_000) as outside:
        with pytest.raises(OutsideFailed, match="larger"):
            await outside.fetch(address)
    for body, encoding, fault in (
        (b"plain", "gzip", "is not"),
        (small[:-9], "gzip", "breaks off"),
        (small, "br", "br"),
    ):
        told = f"content-encoding: {encoding}"
        async with server(answer(body, "200 OK", told)) as (address, _), Outside() as outside:
            with pytest.raises(OutsideFailed, match=fault):
                await outside.fetch(address)


CUT_SHORT = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort"


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH_9\r\n", CUT_SHORT])
async def test_broken_http_is_told_as_a_failure(reply: bytes) -> None:
    async def talk(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    async with server(talk) as (address, _), Outside() as outside:
        with pytest.raises(OutsideFailed, match=address):
            await outside.fetch(address)


async def test_nobody_listening_is_told_as_a_failure() -> None:
    async with server(answer(b"")) as (address, _):
        pass
    async with Outside() as outside:
        with pytest.raises(OutsideFailed):
            await outside.request("GET", address)


async def test_a_connection_is_used_again() -> None:
    connections = 0
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            ended.set()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with Outside() as outside:
        for _ in range(5):
            assert (await outside.request("GET", f"http://localhost:{port}/")).status == 204
    await ended.wait()
    listening.close()
    assert connections == 1
