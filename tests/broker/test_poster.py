"""The HTTP client of delivery against servers that behave, and servers that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from dothi.broker.outside import Guard
from dothi.broker.poster import Address, Poster, PostFailed, Unreachable, checked_by, parse_address
from dothi.model.errors import TargetRefused

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[Address]:
    async def safely(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(safely, "127.0.0.1", 0)
    yield parse_address(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x?y=1")
    server.close()


async def local(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
def poster() -> Poster:
    return Poster(local)


def answering(*answers: bytes, close: bool = False) -> tuple[Serve, list[int]]:
    """A server that gives these answers, the last again and again; the list counts connections."""
    left = list(answers)
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
            await reader.readexactly(int(length.split(b":")[1]))
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()
            if close:
                return

    return serve, connections


async def test_one_connection_serves_many_posts(poster: Poster) -> None:
    serve, connections = answering(OK)
    async with serving(serve) as address:
        assert [await poster.post(address, b"X: 1\r\n", b"{}", 2) for _ in range(5)] == [204] * 5
        assert len(connections) == 1
        poster.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_answers_of_all_shapes_are_understood(poster: Poster, answer: bytes) -> None:
    serve, _ = answering(answer)
    async with serving(serve) as address:
        assert [await poster.post(address, b"", b"{}", 2) for _ in range(3)] == [200] * 3
        poster.close()


async def test_an_answer_that_ends_with_the_connection_is_understood(poster: Poster) -> None:
    serve, connections = answering(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nthanks", close=True)
    async with serving(serve) as address:
        assert [await poster.post(address, b"", b"{}", 2) for _ in range(3)] == [200] * 3
        assert len(connections) == 3


async def test_a_head_that_breaks_off_is_a_failure(poster: Poster) -> None:
    serve, _ = answering(b"HTTP/1.1 200 OK\r\nServer: ol", close=True)
    async with serving(serve) as address:
        with pytest.raises(PostFailed, match="closed before an answer"):
            await poster.post(address, b"", b"{}", 2)


async def test_a_connection_that_the_server_closed_while_idle_is_replaced_unnoticed(poster: Poster) -> None:
    serve, connections = answering(OK, close=True)
    async with serving(serve) as address:
        for _ in range(3):
            assert await poster.post(address, b"", b"{}", 2) == 204
            await asyncio.sleep(0.01)
        assert len(connections) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, "longer than"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"a" * 70_000, "longer than"),
    ],
)
async def test_nonsense_is_a_failure(poster: Poster, answer: bytes, said: str) -> None:
    serve, _ = answering(answer)
    async with serving(serve) as address:
        with pytest.raises(PostFailed, match=said):
            await poster.post(address, b"", b"{}", 2)


async def test_silence_ends_by_the_deadline_and_the_connection_is_not_used_again(poster: Poster) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    async with serving(silent) as address:
        with pytest.raises(PostFailed, match=r"no answer within 0\.1 s"):
            await poster.post(address, b"", b"{}", 0.1)


async def test_nobody_there_is_unreachable(poster: Poster) -> None:
    serve, _ = answering(OK)
    async with serving(serve) as address:
        pass
    with pytest.raises(Unreachable, match="cannot connect"):
        await poster.post(address, b"", b"{}", 2)


async def test_a_name_that_leads_inside_is_refused_when_connecting() -> None:
    resolve = checked_by(Guard())
    with pytest.raises(TargetRefused):
        await resolve("10.1.2.3", 80)
    with pytest.raises(OSError, match="no host name"):
        await resolve("a..b", 80)
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]
    assert await checked_by(Guard(["10.0.0.0/8"]))("10.1.2.3", 80) == ["10.1.2.3"]


def test_addresses_are_taken_apart() -> None:
    assert parse_address("https://example.org").authority == "example.org"
    assert parse_address("http://[::1]:81/a?b").authority == "[::1]:81"
    assert parse_address("http://example.org?x").target == "/?x"
    for bad in ("http:///x", "http://example.org:99999/", "http://exämple.org/", "http://example.org/a b"):
        with pytest.raises(ValueError, match=r"."):
            parse_address(bad)
