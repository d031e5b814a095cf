"""How long a federated query takes beyond its deadline when one of its four brokers is dead."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import orjson

from bench.processes import Server, dothi, request

#: Seconds that each source is given.
DEADLINE_S = 0.5
TURNS = 20
_API = "/ngsi-ld/v1"


def measure_federation(folder: Path, add: Callable[[str, float, str], None]) -> None:
    """federated_deadline_over_ms: what the slowest of twenty queries took beyond the deadline, in milliseconds."""
    with ExitStack() as stack:
        brokers = [stack.enter_context(dothi(folder / f"broker{number}")) for number in range(3)]
        dead = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        for number, broker in enumerate(brokers):
            _post(broker, "entities", {"id": f"urn:bus:{number}", "type": "Bus", "speed": {"value": number}})
        ports = [broker.port for broker in brokers[1:]] + [dead.getsockname()[1]]
        for port in ports:
            _post(brokers[0], "csourceRegistrations", _registration(port))
        took = [_query(brokers[0]) for _ in range(TURNS)]
    beyond = [(each - DEADLINE_S) * 1000 for each in took]
    beside = f"the slowest of {TURNS}; median {statistics.median(beyond):.1f} ms; deadline {DEADLINE_S * 1000:.0f} ms"
    add("federated_deadline_over_ms", max(beyond), beside)


def _registration(port: int) -> dict[str, object]:
    return {
        "type": "ContextSourceRegistration",
        "information": [{"entities": [{"type": "Bus"}]}],
        "endpoint": f"http://127.0.0.1:{port}",
        "management": {"timeout": DEADLINE_S * 1000},
    }


def _query(broker: Server) -> float:
    began = time.monotonic()
    status, answer = request(broker.port, "GET", f"{_API}/entities?type=Bus")
    took = time.monotonic() - began
    if status != 200 or len(orjson.loads(answer)) != 3:
        raise RuntimeError(f"the federated query answered {status} {answer[:300]!r}")
    return took


def _post(broker: Server, path: str, body: dict[str, object]) -> None:
    status, answer = request(broker.port, "POST", f"{_API}/{path}", orjson.dumps(body))
    if status != 201:
        raise RuntimeError(f"POST {path}: {status} {answer[:300]!r}")
