"""Snapshots on the real server: kept over kill -9, watched by subscriptions of their own."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

QUERY = {"type": "Query", "entities": [{"type": "Vehicle"}]}


class Receiver(HTTPServer):
    """Takes notifications; `told` holds headers and body of each."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.told = []
        self.url = f"http://127.0.0.1:{self.server_port}/told"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def wait(self, number):
        """The first `number` notifications, once they are there."""
        end = time.monotonic() + 15
        while len(self.told) < number and time.monotonic() < end:
            time.sleep(0.02)
        return self.told


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.told.append((dict(self.headers.items()), json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.shutdown()
    receiver.server_close()


def vehicle(speed):
    return {"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": {"type": "Property", "value": speed}}


def frozen(client, **members):
    answer = client.post("snapshots", json={"type": "Snapshot", "snapshotQueries": [QUERY], **members})
    assert answer.status_code == 201, answer.text
    where = answer.headers["location"].removeprefix("/ngsi-ld/v1/")
    for _ in range(300):
        status = client.get(where).json()
        if status["snapshotStatus"] != "preparing":
            assert status["snapshotStatus"] == "success", status
            return status["id"]
        time.sleep(0.02)
    raise AssertionError("the snapshot was never ready")


def speed(client, **headers):
    answer = client.get("entities/urn:ngsi-ld:Vehicle:1?format=simplified", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["speed"]


def test_a_snapshot_and_what_was_written_into_it_outlive_kill_9(serve):
    server = serve()
    with server.client() as client:
        client.post("entities", json=vehicle(80), headers={"NGSILD-Tenant": "a"})
        client.headers["NGSILD-Tenant"] = "a"
        id = frozen(client)
        client.patch("entities/urn:ngsi-ld:Vehicle:1/attrs", json={"speed": {"type": "Property", "value": 5}})
        changed = {"speed": {"type": "Property", "value": 70}}
        answer = client.patch("entities/urn:ngsi-ld:Vehicle:1/attrs", json=changed, headers={"NGSILD-Snapshot": id})
        assert answer.status_code == 204
    server.kill()
    server.start()
    with server.client() as client:
        client.headers["NGSILD-Tenant"] = "a"
        assert (speed(client), speed(client, **{"NGSILD-Snapshot": id})) == (5, 70)


def test_a_subscription_on_a_snapshot_hears_of_the_snapshot_alone(serve, receiver):
    server = serve()
    with server.client() as client:
        client.post("entities", json=vehicle(80))
        id = frozen(client, endpoint=receiver.url)
        ((_, ready),) = receiver.wait(1)
        assert (ready["type"], ready["snapshotStatus"]) == ("SnapshotNotification", "success")
        subscription = {
            "type": "Subscription",
            "entities": [{"type": "Vehicle"}],
            "notification": {"endpoint": {"uri": receiver.url}},
        }
        answer = client.post("subscriptions", json=subscription, headers={"NGSILD-Snapshot": id})
        assert answer.status_code == 201, answer.text
        for value, headers in ((1, {}), (2, {"NGSILD-Snapshot": id})):
            changed = {"speed": {"type": "Property", "value": value}}
            answer = client.patch("entities/urn:ngsi-ld:Vehicle:1/attrs", json=changed, headers=headers)
            assert answer.status_code == 204
        headers, notification = receiver.wait(2)[1]
        assert headers["NGSILD-Snapshot"] == id
        assert notification["data"][0]["speed"]["value"] == 2
        assert client.get("subscriptions").json() == []
