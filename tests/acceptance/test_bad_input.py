"""Whatever comes in over the wire: a precise problem comes back, nothing is half stored, the process stays up."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

JSON = {"content-type": "application/json"}
LD = {"content-type": "application/ld+json"}
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
MIB = 1024 * 1024
SERVER_ENV = {"DOTHI__NETWORK__CONTEXT_DEADLINE_S": "1"}


@pytest.fixture(scope="module")
def city(city_server: Any) -> Iterator[httpx.Client]:
    with city_server.client() as client:
        yield client


@pytest.fixture(autouse=True)
def survival(city_server: Any, city: httpx.Client) -> Iterator[None]:
    """After each test the process lives, answers, and has stored nothing of what was refused."""
    yield
    assert city_server.is_alive(), city_server.errors()[-5000:]
    city.delete("entities/urn:x:kept")
    counted = city.get("entities", params={"local": "true", "limit": 0, "count": "true"})
    assert counted.headers["ngsild-results-count"] == "0"


def is_problem(answer: httpx.Response, status: int, kind: str, *words: str) -> None:
    """The answer is a whole problem document that names the fault."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    problem = answer.json()
    assert problem["type"] == ERRORS + kind
    assert problem["status"] == status
    assert problem["title"]
    for word in words:
        assert word in problem["detail"], problem["detail"]


def entity(**attributes: Any) -> dict[str, Any]:
    return {"id": "urn:x:1", "type": "T", **attributes}


def test_texts_that_are_no_json_are_told_with_their_place(city):
    for body, *words in (
        (b'{"id": "urn:x:1",\n "type": }', "line 2, column 10"),
        (b'{"id": "urn:x:1", "type": "T\xc3("}', "byte 0xc3 at offset 28"),
        (b"\xff\xfe{\x00}\x00", "byte 0xff at offset 0"),
        (b'{"id": "urn:x:1", "type": "T", "n": {"type": "Property", "value": NaN}}', "line 1, column"),
        (b'{"id": "urn:x:1", "type": "T", "n": {"type": "Property", "value": -Infinity}}', "line 1, column"),
        (b'{"id": "urn:x:1", "type": "T", "n": 1, "n": 2}', "'n' stands twice"),
        (b'{"id": "urn:x:1", "type": "T", "n": {"value": {"a": 1, "\\u0061": 2}}}', "'a' stands twice"),
        (b'{"id": "urn:x:1", "type": "\\ud800"}', "surrogate"),
        (b"\x1f\x8b\x08\x00gzip", "byte 0x8b at offset 1"),
    ):  # fmt: skip
        is_problem(city.post("entities", content=body, headers=JSON), 400, "InvalidRequest", *words)


def test_deep_documents_are_refused_at_once_wherever_they_go(city):
    for body in (b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000):
        for method, path in (("POST", "entities"), ("POST", "entityOperations/upsert"), ("PATCH", "entities/urn:x:1"),
                             ("POST", "subscriptions"), ("POST", "jsonldContexts"), ("POST", "temporal/entities"),
                             ("POST", "entityOperations/query")):  # fmt: skip
            begin = time.monotonic()
            is_problem(city.request(method, path, content=body, headers=JSON), 400, "InvalidRequest", "ne")
            assert time.monotonic() - begin < 2


def test_a_huge_body_is_refused_before_it_is_sent(city, city_server):
    with closing(socket.create_connection(city_server.address, timeout=10)) as line:
        head = b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        line.sendall(head + b"Content-Length: %d\r\n\r\n{" % 10**12)
        answer = line.recv(65536)
    assert b" 413 " in answer
    assert f"limit of {16 * MIB}".encode() in answer
    is_problem(
        city.post("entities", content=b" " * (16 * MIB + 1), headers=JSON), 413, "RequestEntityTooLarge", "smaller"
    )


def test_a_limit_of_the_settings_holds(serve):
    server = serve(env={"DOTHI__SERVER__MAX_BODY_MIB": "0.001"})
    with server.client() as client:
        answer = client.post("entities", json=entity(n="x" * 1100))
        is_problem(answer, 413, "RequestEntityTooLarge", "limit of 1048")
        client.post("entities", json=entity(n="x" * 900)).raise_for_status()


def test_dates_that_are_none_are_told_with_their_attribute(city):
    for text in ("yesterday", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00",
                 "2026-01-01T00:00:00+25:00", "٢٠٢٦-01-01T00:00:00Z", "", "0000-01-01T00:00:00Z", 5, None,
                 ["x"]):  # fmt: skip
        answer = city.post("entities", json=entity(level={"type": "Property", "value": 1, "observedAt": text}))
        is_problem(answer, 400, "BadRequestData", "level.observedAt")
    answer = city.post("entities", json=entity(built={"value": {"@type": "DateTime", "@value": "soon"}}))
    is_problem(answer, 400, "BadRequestData", "built", "soon")


def test_geometries_that_are_none_are_told_with_their_attribute(city):
    square = [[0, 0], [0, 1], [1, 1], [0, 0]]
    for kind, coordinates in (
        ("Polygon", [square[:3]]), ("Polygon", [[*square[:3], [0, 1]]]), ("Polygon", []), ("Polygon", square),
        ("Point", [181, 0]), ("Point", [0, 90.1]), ("Point", [1]), ("Point", []), ("Point", "1,2"),
        ("Point", [1, None]),
        ("Point", [True, False]), ("LineString", [[0, 0]]), ("MultiPolygon", [[square[:3]]]), ("Circle", [0, 0]),
        ("Point", {"x": 1}), ("MultiPoint", [0, 0]), ("GeometryCollection", []),
    ):  # fmt: skip
        answer = city.post("entities", json=entity(location={"type": kind, "coordinates": coordinates}))
        is_problem(answer, 400, "BadRequestData", "location")


def test_names_with_control_characters_are_told(city):
    for name in ("a\u0000b", "a\nb", "a\u0085b", "a b", 'a"b', "a<b", "", "\ufeff", "\u202ea"):
        is_problem(city.post("entities", json=entity(**{name: 1})), 400, "BadRequestData", "name")
        answer = city.post(
            "entities", json={"id": "urn:x:1", "type": "T" + name} if name else {"id": "urn:x:1", "type": ""}
        )
        is_problem(answer, 400, "BadRequestData", "type")
        if name:
            is_problem(city.post("entities", json={"id": "urn:x:" + name, "type": "T"}), 400, "BadRequestData", "id")


def test_q_with_unbalanced_parts_is_told_with_its_position(city):
    for q in ("(a==1", "a==1)", "a==1;", "a==", "==1", 'a=="x', "a[b", "a]==1", "a==1;;b==2", "a==1|", "((((a", "a.b.",
              "a..b", "a==1..", "(", ")", "a~=", "a==[", 'a=="\\', "a{b", "a==1 b==2", "(" * 50_000,
              "a;" * 5_000, "a==1..2..3"):  # fmt: skip
        begin = time.monotonic()
        answer = city.post("entityOperations/query", json={"type": "Query", "entities": [{"type": "T"}], "q": q})
        assert answer.status_code in (400, 403, 422), (q[:50], answer.text)
        assert "q" in answer.json()["detail"], answer.text
        assert time.monotonic() - begin < 2


def test_regular_expressions_that_would_explode_are_bounded_in_time(city):
    city.post("entities", json={**entity(name="a" * 5_000 + "!"), "id": "urn:x:kept"}).raise_for_status()
    for pattern in ("(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*)*x", "([a-z]+)*\\d", "a{500}{500}", "(a{1000}){1000}",
                    "(?=a)b", "(a)\\1", "[", "(" * 500, "a" * 100_000):  # fmt: skip
        for path, asked in (
            ("entityOperations/query", {"type": "Query", "entities": [{"type": "T"}], "q": f'name~="{pattern}"'}),
            ("entityOperations/query", {"type": "Query", "entities": [{"type": "T", "idPattern": pattern}]}),
        ):  # fmt: skip
            begin = time.monotonic()
            answer = city.post(path, json=asked)
            assert answer.status_code in (200, 400, 403), answer.text[:500]
            assert time.monotonic() - begin < 2, pattern[:50]


def test_one_bad_among_ten_thousand_keeps_no_other_out(city):
    batch = [{"id": f"urn:x:{n}", "type": "T", "level": {"type": "Property", "value": n}} for n in range(10_000)]
    batch[5_000]["level"] = {"type": "Property", "value": 1, "observedAt": "soon"}
    answer = city.post("entityOperations/create", json=batch)
    assert answer.status_code == 207
    result = answer.json()
    assert len(result["success"]) == 9_999
    [error] = result["errors"]
    assert error["entityId"] == "urn:x:5000"
    assert error["error"]["type"] == ERRORS + "BadRequestData"
    assert "level.observedAt" in error["error"]["detail"]
    counted = city.get("entities", params={"type": "T", "limit": 0, "count": "true"})
    assert counted.headers["ngsild-results-count"] == "9999"
    assert city.get("entities/urn:x:9999").json()["level"]["value"] == 9_999
    gone = city.post("entityOperations/delete", json=[f"urn:x:{n}" for n in range(10_000)])
    assert (gone.status_code, len(gone.json()["success"])) == (207, 9_999)


# --- contexts ------------------------------------------------------------------------------------------------------


@contextmanager
def site(pages: dict[str, tuple[int, dict[str, str], bytes]]) -> Iterator[str]:
    """A web server of pages: path -> status, headers, body; the base address. /slow never ends its body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = pages.get(self.path, (404, {}, b"nothing here"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
                if self.path == "/slow":
                    time.sleep(30)
            except OSError:
                pass  # the broker has seen enough

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ld(document: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {"content-type": "application/ld+json"}, json.dumps(document).encode()


def test_contexts_that_loop_are_huge_or_lie_are_refused_with_their_address(city):
    pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
    with site(pages) as base:
        pages |= {
            "/self": ld({"@context": base + "/self"}),
            "/a": ld({"@context": [base + "/b"]}),
            "/b": ld({"@context": [base + "/a"]}),
            "/round": (302, {"location": base + "/round"}, b""),
            "/huge": (200, {"content-type": "application/ld+json"}, b'{"@context": {"a": "%b"}}' % (b"x" * 4 * MIB)),
            "/page": (200, {"content-type": "text/html"}, b"<html>sign in</html>"),
            "/lie": (200, {"content-type": "application/ld+json"}, b"<html>sign in</html>"),
            "/none": ld({"no": "context"}),
            "/number": ld({"@context": 5}),
            "/wrong": ld({"@context": {"a": {"@id": 5}}}),
            "/cycle": ld({"@context": {"a": "b:x", "b": "a:x"}}),
            "/deep": (200, {"content-type": "application/ld+json"}, b'{"@context":' + b"[" * 5_000),
            "/gone": (410, {}, b""),
            "/broken": (500, {}, b""),
            "/slow": (200, {"content-type": "application/ld+json", "content-length": "1000"}, b"{"),
            "/private": (302, {"location": "http://169.254.169.254/latest"}, b""),
        }  # fmt: skip
        for path in pages:
            begin = time.monotonic()
            body = {"@context": base + path, **entity()}
            answer = city.post("entities", content=json.dumps(body), headers=LD)
            assert answer.status_code in (400, 504), (path, answer.text)
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()["type"] in (ERRORS + "LdContextNotAvailable", ERRORS + "BadRequestData"), answer.text
            inside = "169.254.169.254"
            assert any(word in answer.json()["detail"] for word in (path, base, inside)), (path, answer.text)
            assert time.monotonic() - begin < 4, path


def test_contexts_that_cannot_be_reached_hold_nobody_else_up(city, city_server):
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:  # takes the connection, never answers
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}/c.jsonld"
        answers: list[httpx.Response] = []

        def ask() -> None:
            with city_server.client() as client:
                body = json.dumps({"@context": address, **entity()})
                answers.append(client.post("entities", content=body, headers=LD))

        waiting = threading.Thread(target=ask)
        waiting.start()
        time.sleep(0.2)
        for _ in range(20):
            begin = time.monotonic()
            assert city.get("entities", params={"type": "T"}).status_code == 200
            assert time.monotonic() - begin < 0.5
        waiting.join(15)
    is_problem(answers[0], 504, "LdContextNotAvailable", address)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/c.jsonld"
    body = json.dumps({"@context": closed, **entity()})
    is_problem(city.post("entities", content=body, headers=LD), 504, "LdContextNotAvailable", closed)


def test_addresses_of_the_inside_are_refused_for_contexts_and_notifications(city):
    for host in ("10.0.0.1", "192.168.1.1", "169.254.169.254", "172.16.0.1", "[fe80::1]", "[fd00::1]", "0.0.0.0"):
        body = json.dumps({"@context": f"http://{host}/c", **entity()})
        answer = city.post("entities", content=body, headers=LD)
        assert answer.status_code in (400, 504), answer.text
        assert host.strip("[]") in answer.json()["detail"]
        body = json.dumps({"@context": ["file:///etc/passwd"], **entity()})
        is_problem(city.post("entities", content=body, headers=LD), 400, "BadRequestData", "file:///etc/passwd")


# --- the wire ------------------------------------------------------------------------------------------------------


def raw(address: tuple[str, int], request: bytes, seconds: float = 5) -> bytes:
    """What the server says to these bytes until it closes or is silent."""
    with closing(socket.create_connection(address, timeout=seconds)) as line:
        received = b""
        try:
            line.sendall(request)
            while part := line.recv(65536):
                received += part
        except OSError:
            pass
        return received


def test_bytes_that_are_no_http_end_the_connection_only(city_server):
    for request in (b"\x00" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"G" * 100_000,
                    b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                    b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
                    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                    b"GET /%zz%00%ff HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):  # fmt: skip
        answer = raw(city_server.address, request, 0.5)
        assert not answer.startswith(b"HTTP/1.1 5"), (request[:40], answer)


def test_header_bombs_are_refused(city, city_server):
    for headers in (b"X: " + b"a" * 10 * MIB, b"\r\n".join(b"X-%d: a" % n for n in range(500_000))):
        with closing(socket.create_connection(city_server.address, timeout=5)) as line, suppress(ConnectionError):
            line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n")
            assert b" 431 " in line.recv(65536)
    assert city.get("types").status_code == 200


def test_half_requests_hold_nobody_up(city, city_server):
    with ExitStack() as stack:
        for n in range(200):
            line = stack.enter_context(closing(socket.create_connection(city_server.address)))
            line.sendall(
                b"GET /ngsi-ld/v1/types HTTP/1.1\r\nHost:"
                if n % 2
                else b"POST /ngsi-ld/v1/entities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
        for _ in range(20):
            begin = time.monotonic()
            assert city.get("types").status_code == 200
            assert time.monotonic() - begin < 0.5


def test_a_client_that_leaves_in_the_middle_of_a_body_leaves_nothing(city_server):
    body = json.dumps([entity()]).encode()
    head = b"POST /ngsi-ld/v1/entityOperations/upsert HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for cut in (1, len(body) // 2, len(body)):
        with closing(socket.create_connection(city_server.address)) as line:
            line.sendall(head + b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body[:cut])
