"""The server as a process: it starts by itself, tells what keeps it from starting, and ends cleanly when asked."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing
from http.client import HTTPConnection

import httpx
import pytest


def test_health_is_open_and_ready_once_the_address_is_printed(serve):
    server = serve()
    assert httpx.get(server.base + "/health/live").json() == {"status": "live"}
    assert httpx.get(server.base + "/health/ready").json() == {"status": "ready"}


def test_sigterm_ends_it_cleanly(serve):
    server = serve()
    assert server.stop() == 0
    assert server.errors() == ""


def test_sigterm_ends_it_within_seconds_though_streams_and_connections_are_open(serve):
    server = serve()
    with closing(socket.create_connection(server.address)) as stream, server.client() as client:
        stream.sendall(b"GET /api/stream?layers=weather HTTP/1.1\r\nHost: city\r\n\r\n")
        received = b""
        while b"event: snapshot" not in received:
            received += stream.recv(65536)
        client.get("entities?type=T").raise_for_status()
        with closing(socket.create_connection(server.address)) as half:
            half.sendall(b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: city\r\nContent-Length: 100\r\n")
            begin = time.monotonic()
            assert server.stop() == 0
    assert time.monotonic() - begin < 5
    assert "Traceback" not in server.errors()


def test_what_was_written_before_sigterm_is_there_after_the_next_start(serve):
    server = serve()
    with server.client() as client:
        client.post("entities", json={"id": "urn:x:1", "type": "T", "n": {"value": 1}}).raise_for_status()
    server.stop()
    with server.start().client() as client:
        assert client.get("entities/urn:x:1", params={"format": "simplified"}).json()["n"] == 1


def _try(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dothi", *arguments], capture_output=True, text=True, timeout=60, cwd=cwd
    )


def test_a_folder_that_is_served_is_refused_by_a_second_server_and_by_load(serve, tmp_path):
    server = serve()
    (tmp_path / "one.json").write_text('{"id": "urn:x:1", "type": "T"}')
    for command in (["serve", "--port", "0"], ["load", str(tmp_path / "one.json")]):
        run = _try(*command, "--data", str(server.folder))
        assert run.returncode == 3
        assert f"open in another dothi (process {server.process.pid}); stop it first" in run.stderr
        assert "Traceback" not in run.stderr
    assert server.is_alive()


def test_a_port_that_is_taken_is_told_in_one_line(serve, tmp_path):
    port = serve().address[1]
    run = _try("serve", "--port", str(port), "--data", str(tmp_path / "other"))
    assert run.returncode == 3
    assert run.stderr.strip() == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    run = _try("serve", "--port", "0", "--data", str(tmp_path / "file" / "city"))
    assert run.returncode == 3
    assert "Not a directory" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_file_that_is_no_city_keeps_it_from_starting(tmp_path):
    (tmp_path / "city.db").write_bytes(b"this is no database" * 1000)
    run = _try("serve", "--port", "0", "--data", str(tmp_path))
    assert run.returncode == 3
    assert "file is not a database" in run.stderr


def test_an_address_that_others_can_reach_needs_a_token(tmp_path):
    run = _try("serve", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path / "city"))
    assert run.returncode == 2
    assert "set server.token" in run.stderr
    assert not (tmp_path / "city").exists()


TOKEN = "a-token-of-the-tests"


@pytest.fixture
def guarded(serve, tmp_path):
    return serve(tmp_path / "guarded", "--host", "0.0.0.0", env={"DOTHI__SERVER__TOKEN": TOKEN})


def test_without_its_token_every_route_but_the_bare_shell_answers_401(guarded):
    base = guarded.base.replace("0.0.0.0", "127.0.0.1")
    for path in ("/ngsi-ld/v1/entities?type=T", "/ngsi-ld/v1/jsonldContexts", "/ngsi-ld/v1", "/api/city",
                 "/api/stream", "/api/openapi.json", "/index.html", "/nothing", "/health", "/api/%2e%2e/city",
                 "//api/city"):  # fmt: skip
        for token in ("", "Bearer wrong-token-of-tests", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN[:-1]}", "Bearer ä"):
            answer = httpx.get(base + path, headers={"authorization": token.encode()} if token else {})
            assert answer.status_code == 401, (path, token)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "Authorization: Bearer" in answer.json()["detail"]
    for method in ("POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD", "PROPFIND"):
        assert httpx.request(method, base + "/ngsi-ld/v1/entities/urn:x:1").status_code == 401


def test_no_way_round_leads_from_what_is_open_to_what_is_guarded(guarded):
    for path in ("/health/../api/city", "/health/%2e%2e/api/city", "/assets/../api/city", "/assets/..%2fapi/city",
                 "/assets//../../api/city", "/health/../ngsi-ld/v1/types", "/health//ngsi-ld/v1/types", "/?/api/city",
                 "/assets/%2e%2e/%2e%2e/%2e%2e/pyproject.toml", "/assets/%00", "/assets/" + "a" * 5_000):  # fmt: skip
        line = HTTPConnection("127.0.0.1", guarded.address[1], timeout=10)
        line.request("GET", path)
        answer = line.getresponse()
        body = answer.read()
        assert answer.status in ((200, 503) if path.startswith("/?") else (401, 404)), (path, answer.status)
        assert b"center" not in body
        assert b"hatchling" not in body
        line.close()
    assert "Traceback" not in guarded.errors()


def test_a_source_that_notifies_needs_no_token_but_a_copy_that_is_known(guarded):
    notify = guarded.base.replace("0.0.0.0", "127.0.0.1") + "/ngsi-ld/ex/remote-notify"
    stray = {"type": "Notification", "subscriptionId": "urn:x:1", "data": []}
    assert httpx.post(notify, json=stray).status_code == 401
    assert httpx.post(notify + "?copy=urn:x:1", json=stray).status_code == 404


def test_with_its_token_the_city_answers_and_health_needs_none(guarded):
    base = guarded.base.replace("0.0.0.0", "127.0.0.1")
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.get(base + "/api/city", headers=headers).status_code == 200
    document = {"id": "urn:x:1", "type": "T"}
    assert httpx.post(base + "/ngsi-ld/v1/entities", json=document, headers=headers).status_code == 201
    assert httpx.get(base + "/health/live").status_code == 200
    assert httpx.get(base + "/health/ready").status_code == 200
