"""The wire is bounded: heads have a limit, and a request that never ends loses its connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest
import uvicorn

from dothi.web.protocol import HEAD_LIMIT, GatheringProtocol, Patience


async def echo(scope, receive, send):
    """Says how many bytes of body came."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"%d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def create(scope, receive, send):
    """Has made something."""
    headers = [(b"location", b"/things/1"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving(app=echo) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=GatheringProtocol, ws="none", lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag only
        await asyncio.sleep(0.01)
    try:
        yield server, listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        listener.close()


async def answer(port: int, *parts: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)
        return await asyncio.wait_for(reader.read(1000), 5)
    finally:
        writer.close()


async def test_a_head_beyond_the_limit_is_a_431():
    async with serving() as (_, port):
        piece = b"X-Long: " + b"a" * (HEAD_LIMIT // 2) + b"\r\n"
        assert b" 200 OK" in await answer(port, b"GET / HTTP/1.1\r\nHost: x\r\n", piece, b"\r\n")
        assert b" 431 " in await answer(port, b"GET / HTTP/1.1\r\nHost: x\r\n", piece, piece)
        assert b" 431 " in await answer(port, b"GET /", b"a" * HEAD_LIMIT, b"a")


async def test_a_large_body_is_no_large_head():
    async with serving() as (_, port):
        body = b"x" * 4 * HEAD_LIMIT
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert (await answer(port, head + body[:1000], body[1000:])).endswith(str(len(body)).encode())
        twice = await answer(port, head + body + head, body)
        assert twice.count(b"200 OK") == 2


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
async def test_a_request_that_does_not_go_on_loses_its_connection_at_the_second_sweep(begin):
    async with serving() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begin)
        await asyncio.sleep(0.05)
        patience = Patience()
        assert patience.sweep(list(server.server_state.connections)) == 0
        assert patience.sweep(list(server.server_state.connections)) == 1
        assert await asyncio.wait_for(reader.read(), 2) == b""
        writer.close()


async def test_a_connection_that_waits_for_its_next_request_is_left_alone():
    async with serving() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        patience = Patience()
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.read(1000)
            assert patience.sweep(list(server.server_state.connections)) == 0
        writer.close()


async def test_the_address_of_what_was_created_is_written_with_a_capital():
    async with serving(create) as (_, port):
        told = await answer(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    assert b"\r\nLocation: /things/1\r\n" in told
