"""Notifications of a real server: none is lost over kill -9, and no hostile endpoint delays or harms the others."""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

TYPE = "Building"


class Receiver:
    """A receiver on a thread of its own, which outlives the server under test."""

    def __init__(self) -> None:
        self.told: dict[str, list[int]] = defaultdict(list)
        self.delay = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["content-length"])))
                time.sleep(outer.delay)
                for entity in document["data"]:
                    outer.told[entity["id"]].append(entity["level"]["value"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}/n"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.close()


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def subscribe(client: httpx.Client, uri: str, type: str = TYPE) -> str:
    document = {"type": "Subscription", "entities": [{"type": type}], "notification": {"endpoint": {"uri": uri}}}
    answer = client.post("subscriptions", json=document)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


def upsert(client: httpx.Client, ids: list[str], value: int, type: str = TYPE) -> None:
    level = {"type": "Property", "value": value}
    body = [{"id": id, "type": type, "level": level} for id in ids]
    client.post("entityOperations/upsert?options=update", json=body).raise_for_status()


def test_after_kill_9_nothing_that_was_acknowledged_is_missing_and_the_order_stands(
    serve: Any, receiver: Receiver
) -> None:
    ids = [f"urn:ngsi-ld:Building:{n}" for n in range(5)]
    server = serve()
    with server.client() as client:
        subscribe(client, receiver.uri)
    acknowledged, value = dict.fromkeys(ids, 0), 0
    # Slow, so that much is on its way at each kill; then silent for longer than the outbox waits before it writes.
    for delay, writes in ((0.02, 40), (0.3, 40), (3.0, 20)):
        receiver.delay = delay
        with server.client() as client:
            for _ in range(writes):
                value += 1
                upsert(client, ids, value)
                acknowledged = dict.fromkeys(ids, value)
            time.sleep(1.5 if delay > 1 else 0)
        server.kill()
        receiver.delay = 0.0
        server.start()
    until(lambda: all(receiver.told[id] and receiver.told[id][-1] == acknowledged[id] for id in ids))
    for id in ids:
        # Some may come twice: each for the first time, in order, and none left out.
        assert list(dict.fromkeys(receiver.told[id])) == list(range(1, acknowledged[id] + 1))


@contextmanager
def hostile(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """An endpoint that reads what comes first and then does what the test says until the other side leaves."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                self.request.recv(65536)
                answer(self.request)
            except OSError:
                pass

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/n"
        server.shutdown()


def _ten_gigabytes(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def _endless_head(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"y" * 1000 + b"\r\n")


def _drop_by_drop(connection: socket.socket) -> None:
    for letter in b"HTTP/1.1 204 No Content\r\n\r\n":
        connection.sendall(bytes([letter]))
        time.sleep(0.5)


def _never(connection: socket.socket) -> None:
    connection.recv(1)


def _inside(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 307 T\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")


def _interim(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
        time.sleep(0.01)


HOSTILE = (_ten_gigabytes, _endless_head, _drop_by_drop, _never, _inside, _interim)


def test_endpoints_that_flood_drip_redirect_or_are_silent_delay_nobody_and_are_told_as_failed(
    serve: Any, receiver: Receiver
) -> None:
    server = serve(env={"DOTHI__NETWORK__NOTIFY_DEADLINE_S": "1"})
    with server.client() as client:
        bad = {}
        running = [hostile(answer) for answer in HOSTILE]
        for answer, context in zip(HOSTILE, running, strict=True):
            bad[answer.__name__] = subscribe(client, context.__enter__())
        subscribe(client, receiver.uri)
        began = time.monotonic()
        for value in range(1, 21):
            upsert(client, ["urn:ngsi-ld:Building:1"], value)
        until(lambda: receiver.told["urn:ngsi-ld:Building:1"][-1:] == [20], 3)
        assert time.monotonic() - began < 3

        def failed(name: str) -> bool:
            shown = client.get(f"subscriptions/{bad[name]}").json()["notification"]
            return bool(shown.get("status") == "failed" and "timesFailed" in shown and "lastFailure" in shown)

        for name in bad:
            until(lambda name=name: failed(name), 10)  # type: ignore[misc]
        for context in running:
            context.__exit__(None, None, None)
    assert "Traceback" not in server.errors()


def test_dead_letters_are_listed_and_sent_again_by_the_operations_api(serve: Any) -> None:
    with hostile(lambda connection: connection.sendall(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")) as gone:
        server = serve()
        with server.client() as client:
            subscribe(client, gone)
            upsert(client, ["urn:ngsi-ld:Building:1"], 1)
            dead = server.base + "/api/dead-letters"
            until(lambda: client.get(dead).json()["total"] == 1)
            (letter,) = client.get(dead).json()["letters"]
            assert letter["reason"] == "the receiver answered 410"
            assert json.loads(letter["body"])["data"][0]["level"]["value"] == 1
            again = f"{dead}/{letter['id']}/resend"
            assert client.post(again).status_code == 415
            assert client.post(again, headers={"content-type": "application/json"}).status_code == 204
            # It is refused once more, so it comes back as a younger letter.
            until(lambda: [one["id"] != letter["id"] for one in client.get(dead).json()["letters"]] == [True])
