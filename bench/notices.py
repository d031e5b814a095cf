"""What notifications cost, and how late they come while some endpoints are dead. `python -m bench.notices` alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from bench import city
from bench.processes import Server, dothi, free_port, request

#: Key -> what, unit, the most that it may be.
FLOORS = {
    "notify_p99_ms_10pct_dead": ("to live endpoints, 5,000/s offered, 5 of 50 endpoints dead", "ms", 1_000),
    "subscriptions_5000_cpu_ratio": ("upsert of 100 with 5,000 subscriptions on 500 types against none", "ratio", 1.3),
}

ENDPOINTS, MUTE, CLOSED = 50, 2, 3
SUBSCRIPTIONS = 500
PER_SECOND = 5_000
Add = Callable[[str, float, str], None]


def measure_notices(folder: Path, add: Add, seconds: float) -> None:
    """Both cases in a scratch folder; `seconds` for each load."""
    _lateness(folder / "late", add, seconds)
    _ratio(folder, add, seconds)


def _lateness(folder: Path, add: Add, seconds: float) -> None:
    """Batches of 100 devices at an even pace; each device has a subscription of its own, spread over the endpoints."""
    ids = [city.entity_id(n) for n in range(SUBSCRIPTIONS)]
    with _receiver() as (ports, took), dothi(folder) as server:
        uris = [f"http://127.0.0.1:{port}/n" for port in (*ports, *(free_port() for _ in range(CLOSED)))]
        for n, id in enumerate(ids):
            _subscribe(server, f"urn:ngsi-ld:Subscription:{n}", uris[n % ENDPOINTS], {"id": id, "type": "Device"})
        _offer(server, ids, 1.0)
        time.sleep(3)
        took()
        before, began = server.cpu_s(), time.monotonic()
        sent = _offer(server, ids, seconds)
        lasted = time.monotonic() - began
        time.sleep(3)
        got, cpu = took(), server.cpu_s() - before
    wanted = sum(n % ENDPOINTS < ENDPOINTS - MUTE - CLOSED for n in range(SUBSCRIPTIONS)) * sent // len(ids)
    if got["entities"] < wanted:
        raise RuntimeError(f"{wanted} were to be told, {got['entities']} were")
    middle, late = np.percentile(got["ms"], [50, 99])
    beside = (
        f"{sent / lasted:,.0f}/s offered, {got['posts']:,} posts with {got['entities']:,} entities, "
        f"median {middle:.0f} ms, {cpu / sent * 1e6:.0f} CPU µs per change"
    )
    add("notify_p99_ms_10pct_dead", float(late), beside)


def _offer(server: Server, ids: list[str], seconds: float) -> int:
    """Upsert 100 devices every 20 ms, all of them in turn; how many changes that were.

    The instant of sending is that of the timetable, and four send side by side, so a server that is late is seen.
    """
    began, turns = time.monotonic(), int(seconds * PER_SECOND / city.BATCH)
    with ThreadPoolExecutor(4) as senders:
        sent = []
        for turn in range(turns):
            time.sleep(max(0.0, began + turn * city.BATCH / PER_SECOND - time.monotonic()))
            first = turn * city.BATCH % len(ids)
            now = {"type": "Property", "value": time.time_ns()}
            body = [{"id": id, "type": "Device", "sentAt": now} for id in ids[first : first + city.BATCH]]
            sent.append(senders.submit(_upsert, server, orjson.dumps(body)))
        for each in sent:
            each.result()
    return turns * city.BATCH


def _upsert(server: Server, body: bytes) -> None:
    status, answer = request(server.port, "POST", f"{city.API}/entityOperations/upsert?options=update", body)
    if status not in (201, 204):
        raise RuntimeError(f"upsert: {status} {answer[:300]!r}")


def _ratio(folder: Path, add: Add, seconds: float) -> None:
    """Two servers with the same devices, one with subscriptions, loaded in turn; CPU per batch of the one by the other.

    No subscription is for devices: what is measured is what it costs to see that. Beside it stands the same where ten
    subscriptions look at each device and a q that does not hold lets none of them tell.
    """
    batches = [next(city.batches(turn)) for turn in range(1, 40)]
    with dothi(folder / "none") as none, dothi(folder / "many") as many, dothi(folder / "same") as same:
        for n in range(5_000):
            type = f"Type{n % 500}"
            _subscribe(many, f"urn:ngsi-ld:Subscription:{n}", "http://127.0.0.1:9/n", {"type": type})
            selector = {"type": "Device" if n < 10 else type}
            _subscribe(same, f"urn:ngsi-ld:Subscription:{n}", "http://127.0.0.1:9/n", selector, q="temperature>1000")
        used = {server.port: 0.0 for server in (none, many, same)}
        for server in (none, many, same):
            _send(server, batches, 0.5)
        for _ in range(4):
            for server in (none, many, same):
                used[server.port] += _send(server, batches, seconds / 4)
        base = used[none.port]
        beside = (
            f"{base / 4 * 1e6:,.0f} CPU µs a batch without; where ten look at each device and none tells: "
            f"ratio {used[same.port] / base:.2f}"
        )
        add("subscriptions_5000_cpu_ratio", used[many.port] / base, beside)


def _send(server: Server, batches: list[city.Request], seconds: float) -> float:
    """CPU seconds for each batch over some seconds."""
    before, count, end = server.cpu_s(), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        request(server.port, *batches[count % len(batches)])
        count += 1
    return (server.cpu_s() - before) / count


def _subscribe(server: Server, id: str, uri: str, selector: dict[str, str], **more: Any) -> None:
    document = {
        "id": id, "type": "Subscription", "entities": [selector], "notification": {"endpoint": {"uri": uri}}, **more,
    }  # fmt: skip
    status, answer = request(server.port, "POST", f"{city.API}/subscriptions", orjson.dumps(document))
    if status != 201:
        raise RuntimeError(f"subscribing: {status} {answer[:300]!r}")


@contextmanager
def _receiver() -> Iterator[tuple[list[int], Callable[[], dict[str, Any]]]]:
    """The live and the mute ports of a receiver, and what came since the last call."""
    command = [sys.executable, "-m", "bench.receiver", str(ENDPOINTS - MUTE - CLOSED), str(MUTE)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    ports = json.loads(process.stdout.readline())

    def took() -> dict[str, Any]:
        process.stdin.write(b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        told: dict[str, Any] = orjson.loads(process.stdout.readline())  # type: ignore[union-attr]
        return told

    try:
        yield [*ports["live"], *ports["mute"]], took
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def main() -> None:
    def show(key: str, value: float, beside: str) -> None:
        print(f"{key:30} {value:10,.2f}  {beside}", flush=True)

    with tempfile.TemporaryDirectory(prefix="dothi-bench-") as folder:
        measure_notices(Path(folder), show, 10)


if __name__ == "__main__":
    main()
