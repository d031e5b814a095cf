"""Subscriptions that reach over two cities: the copy at the other one, its notifications, changes and the end."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

CAR = "urn:ngsi-ld:Vehicle:1"


class Receiver:
    """What the subscriber was told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.told.append(document)
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


def until(holds: Callable[[], Any], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


@pytest.fixture
def cities(serve: Any) -> tuple[Any, Any]:
    """Two servers that know under which address they are reached."""

    def city() -> Any:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = str(probe.getsockname()[1])
        return serve(None, "--port", port, env={"DOTHI__SERVER__ADDRESS": f"http://127.0.0.1:{port}/"})

    return city(), city()


def register(client: httpx.Client, endpoint: str) -> str:
    document = {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": "Vehicle"}]}],
        "operations": ["federationOps"],
        "endpoint": endpoint,
    }
    answer = client.post("csourceRegistrations", json=document)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


def subscribe(client: httpx.Client, uri: str, **more: Any) -> str:
    document = {
        "type": "Subscription", "entities": [{"type": "Vehicle"}], "notification": {"endpoint": {"uri": uri}}, **more,
    }  # fmt: skip
    answer = client.post("subscriptions", json=document)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rsplit("/", 1)[1]


def test_a_subscription_hears_of_the_other_city_until_it_is_changed_and_deleted(
    cities: tuple[Any, Any], receiver: Receiver
) -> None:
    here, there = cities
    with here.client() as mine, there.client() as theirs:
        register(mine, there.base)
        id = subscribe(mine, receiver.uri, q="speed>10")
        until(lambda: theirs.get("subscriptions").json())
        (copy,) = theirs.get("subscriptions").json()
        assert copy["q"] == "speed>10"
        assert receiver.uri not in json.dumps(copy)
        assert theirs.post("entities", json={"id": CAR, "type": "Vehicle", "speed": prop(5)}).status_code == 201
        theirs.patch(f"entities/{CAR}/attrs", json={"speed": prop(50)}).raise_for_status()
        until(lambda: receiver.told)
        assert receiver.told[0]["subscriptionId"] == id
        assert receiver.told[0]["data"] == [{"id": CAR, "type": "Vehicle", "speed": prop(50)}]
        mine.patch(f"subscriptions/{id}", json={"q": "speed>100", "notification": {
            "endpoint": {"uri": receiver.uri}, "format": "keyValues"}}).raise_for_status()  # fmt: skip
        until(lambda: theirs.get("subscriptions").json()[0]["q"] == "speed>100")
        theirs.patch(f"entities/{CAR}/attrs", json={"speed": prop(60)}).raise_for_status()
        theirs.patch(f"entities/{CAR}/attrs", json={"speed": prop(160)}).raise_for_status()
        until(lambda: len(receiver.told) == 2)
        assert receiver.told[1]["data"] == [{"id": CAR, "type": "Vehicle", "speed": 160}]
        here.kill()
        here.start()
    with here.client() as mine, there.client() as theirs:
        theirs.patch(f"entities/{CAR}/attrs", json={"speed": prop(170)}).raise_for_status()
        until(lambda: len(receiver.told) == 3)
        assert mine.delete(f"subscriptions/{id}").status_code == 204
        until(lambda: theirs.get("subscriptions").json() == [])


def test_split_entities_are_joined_first_and_what_is_for_here_alone_or_runs_in_a_circle_is_not_copied(
    cities: tuple[Any, Any], receiver: Receiver
) -> None:
    here, there = cities
    with here.client() as mine, there.client() as theirs:
        register(mine, there.base)
        register(theirs, here.base)
        subscribe(mine, receiver.uri, localOnly=True, q="never")
        subscribe(mine, receiver.uri, q='speed>10;brand=="Tesla"', splitEntities=True)
        until(lambda: theirs.get("subscriptions").json())
        assert "q" not in theirs.get("subscriptions").json()[0]
        local = {"local": "true"}
        mine.post("entities", json={"id": CAR, "type": "Vehicle", "brand": prop("Tesla")}, params=local)
        theirs.post("entities", json={"id": CAR, "type": "Vehicle", "speed": prop(5)}, params=local)
        theirs.patch(f"entities/{CAR}/attrs", json={"speed": prop(50)}, params=local).raise_for_status()
        until(lambda: receiver.told)
        entity = receiver.told[0]["data"][0]
        assert (entity["speed"], entity["brand"]) == (prop(50), prop("Tesla"))
        time.sleep(1.5)
        assert len(receiver.told) == 1
        assert len(mine.get("subscriptions").json()) == 2
        assert len(theirs.get("subscriptions").json()) == 1
        stray = {"type": "Notification", "subscriptionId": "urn:ngsi-ld:Subscription:x", "data": []}
        assert httpx.post(here.base + "/ngsi-ld/ex/remote-notify", json=stray).status_code == 404
        assert httpx.post(here.base + "/ngsi-ld/ex/remote-notify", json=[]).status_code == 400
