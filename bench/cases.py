"""What is measured, each figure with its floor."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

from bench import app, city, federation, notices, rules
from bench import time as past
from bench.processes import Server, dothi, has, influxdb, nginx, request
from bench.wrk import Load, run

#: Key -> what, unit, floor (the least for rates, the most for times, sizes and bytes).
FLOORS = {
    "upsert_values_per_s": ("batches of 100 entities x 6 attributes, 8 connections", "values/s", 150_000),
    "upsert_vs_influx": ("the same values into InfluxDB 1.6, both on one core", "ratio", 0.8),
    "patch_per_s": ("one attribute, 64 connections", "1/s", 10_000),
    "patch_p99_ms": ("one attribute, 64 connections", "ms", 20),
    "get_per_s": ("by id, 64 connections", "1/s", 15_000),
    "query_per_s": ("type + q + near, 20 rows of 100,000", "1/s", 2_000),
    "history_100_per_s": ("the last 100 instances of one attribute", "1/s", 4_000),
    "aggregate_100k_ms": ("hourly means over 100,000 instances of one entity", "ms", 50),
    "history_bytes_per_value": ("sealed, on the air-quality files", "bytes", 6),
    "start_s": ("until ready, 100,000 entities", "s", 3),
    "rss_start_mb": ("resident memory when ready", "MB", 250),
    "rss_load_mb": ("resident memory after all loads", "MB", 600),
    "federated_deadline_over_ms": ("a query over four brokers of which one is dead, beyond its deadline", "ms", 50),
    "notify_per_s": ("to one receiver", "1/s", 2_000),
    **notices.FLOORS,
    **rules.FLOORS,
    **app.FLOORS,
    **past.FLOORS,
}
LEAST_UNITS = ("ms", "s", "MB", "kB", "bytes")
MOST = frozenset(key for key, (_, unit, _) in FLOORS.items() if unit in LEAST_UNITS) | {*notices.FLOORS}


@dataclass(slots=True)
class Figures:
    """What was measured, and beside it: CPU µs per operation, and what peers did in the same run."""

    values: dict[str, float] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: float, beside: str = "") -> None:
        self.values[key] = value
        self.beside[key] = beside
        print(f"{key:26} {value:14,.2f}  {beside}", flush=True)


def measure(folder: Path, seconds: float, shared: Path | None) -> Figures:
    """Run everything in a scratch folder; `seconds` for each load."""
    figures = Figures()
    data = folder / "city"
    with dothi(data) as server:
        _fill(server, folder, figures, seconds)
    asyncio.run(_past(data))
    with dothi(data) as server:
        figures.add("start_s", server.start_s)
        figures.add("rss_start_mb", server.rss_mb())
        _loads(server, folder, figures, seconds)
        figures.add("rss_load_mb", server.rss_mb())
    notices.measure_notices(folder, figures.add, seconds)
    federation.measure_federation(folder, figures.add)
    rules.measure_rules(folder, figures.add)
    app.measure_app(folder, figures.add)
    past.measure_time(folder, figures.add)
    _against_influx(folder, figures, seconds)
    if shared is not None:
        _bytes_per_value(folder, shared, figures)
    return figures


def _cpu(load: Load) -> str:
    return f"{load.cpu_us:.1f} CPU µs/op"


def _fill(server: Server, folder: Path, figures: Figures, seconds: float) -> None:
    """Create the city, then measure upserts over it."""
    began = time.monotonic()
    for method, path, body in city.batches(0, placed=True):
        status, answer = request(server.port, method, path, body)
        if status not in (201, 204):
            raise RuntimeError(f"creating the city: {status} {answer[:300]!r}")
    created = city.ENTITIES / (time.monotonic() - began)
    updates = [each for turn in (1, 2) for each in city.batches(turn)]
    load = run(server, updates, 8, seconds, folder)
    per_value = load.cpu_us / (city.BATCH * len(city.ATTRIBUTES))
    rate = load.per_s * city.BATCH * len(city.ATTRIBUTES)
    figures.add(
        "upsert_values_per_s", rate, f"{per_value:.2f} CPU µs/value; creating went at {created:,.0f} entities/s"
    )


def _loads(server: Server, folder: Path, figures: Figures, seconds: float) -> None:
    load = run(server, list(city.patches(50_000)), 64, seconds, folder)
    figures.add("patch_per_s", load.per_s, _cpu(load))
    figures.add("patch_p99_ms", load.p99_ms)
    load = run(server, list(city.gets(50_000)), 64, seconds, folder)
    beside = _cpu(load)
    if has("nginx"):
        _, body = request(server.port, "GET", f"{city.API}/entities/{city.entity_id(1)}")
        with nginx(folder / "nginx", body) as other:
            peer = run(other, [("GET", "/body", b"")], 64, seconds, folder)
        beside += f"; nginx with the same bytes {peer.per_s:,.0f}/s, {peer.cpu_us:.1f} CPU µs/op"
    figures.add("get_per_s", load.per_s, beside)
    load = run(server, list(city.queries(20_000)), 64, seconds, folder)
    figures.add("query_per_s", load.per_s, _cpu(load))
    load = run(server, list(city.histories([_long(n) for n in range(100)])), 64, seconds, folder)
    figures.add("history_100_per_s", load.per_s, _cpu(load))
    figures.add("aggregate_100k_ms", _aggregate_ms(server), "median of 20 requests")
    if has("nginx"):
        _notify(server, folder, figures, seconds)


def _long(n: int) -> str:
    return f"urn:ngsi-ld:Device:long{n:03d}"


async def _past(folder: Path) -> None:
    """Devices with 100,000 values a minute apart for the history cases, kept as sealed history."""
    from dothi.model.entity import Entity
    from dothi.storage.sqlite import SqliteStore

    store = SqliteStore(folder)
    await store.open()
    attribute = "https://uri.etsi.org/ngsi-ld/default-context/temperature"
    start = 1_700_000_000_000_000
    for n in range(100):
        count = 100_000 if n == 0 else 2_000
        times = start + np.arange(count) * 60_000_000
        numbers = np.round(25 + np.random.default_rng(n).normal(0, 3, count).cumsum() * 0.01, 1)
        entity = Entity(_long(n), ("https://uri.etsi.org/ngsi-ld/default-context/Device",), {}, (), start, start)

        def work(tx, entity=entity, times=times, numbers=numbers):  # type: ignore[no-untyped-def]
            from dothi.model.change import Cause

            tx.save(entity, "created", [], Cause("bench"))
            return tx.append_columns(entity, attribute, {"type": "Property", "unitCode": "CEL"}, times, numbers)

        await store.write(work)
    await store.seal()
    await store.close()


def _aggregate_ms(server: Server) -> float:
    times = []
    for _ in range(20):
        began = time.perf_counter()
        status, answer = request(server.port, "GET", city.hourly_means(_long(0)))
        times.append((time.perf_counter() - began) * 1000)
        if status not in (200, 206) or len(orjson.loads(answer)["temperature"]["avg"]) < 1000:
            raise RuntimeError(f"aggregate: {status} {answer[:300]!r}")
    return statistics.median(times)


def _notify(server: Server, folder: Path, figures: Figures, seconds: float) -> None:
    """Changes of 64 devices, each with a subscription of its own to the same receiver: every change is a POST.

    nginx receives and counts. The patches go on for `seconds`; what arrives in that time counts.
    """
    path = f"{city.API}/subscriptions"
    ids = [city.entity_id(n) for n in range(64)]
    with nginx(folder / "receiver", b"{}") as receiver:
        endpoint = {"uri": f"http://127.0.0.1:{receiver.port}/n", "accept": "application/json"}
        for id in ids:
            subscription = {
                "id": id.replace("Device", "Subscription"), "type": "Subscription",
                "entities": [{"id": id, "type": "Device"}], "watchedAttributes": ["temperature"],
                "notification": {"endpoint": endpoint},
            }  # fmt: skip
            status, answer = request(server.port, "POST", path, orjson.dumps(subscription))
            if status != 201:
                raise RuntimeError(f"subscribing: {status} {answer[:300]!r}")
        before, cpu, began = _received(receiver), server.cpu_s(), time.monotonic()
        load = run(server, list(city.patches(6_400, ids)), 64, seconds, folder)
        arrived, took = _received(receiver) - before, time.monotonic() - began
        used = server.cpu_s() - cpu
        beside = f"{load.per_s:,.0f} patches/s offered; {used / max(arrived, 1) * 1e6:.0f} CPU µs per patch and POST"
        figures.add("notify_per_s", arrived / took, beside)
        for id in ids:
            request(server.port, "DELETE", f"{path}/{id.replace('Device', 'Subscription')}")


def _received(receiver: Server) -> int:
    """Requests that nginx has served, its own status calls taken out."""
    _, text = request(receiver.port, "GET", "/count")
    return int(text.split()[9]) - 1


def _against_influx(folder: Path, figures: Figures, seconds: float) -> None:
    if not has("influxd"):
        print("upsert_vs_influx: InfluxDB is not installed: apt-get install influxdb")
        return
    updates = [each for turn in (3, 4) for each in city.batches(turn)]
    with dothi(folder / "one-core", core=0) as server:
        for method, path, body in city.batches(0, placed=True):
            request(server.port, method, path, body)
        ours = run(server, updates, 8, seconds, folder)
    points = [each for turn in (3, 4) for each in city.lines(turn)]
    with influxdb(folder / "influx", core=0) as server:
        for method, path, body in city.lines(0):
            request(server.port, method, path, body)
        theirs = run(server, points, 8, seconds, folder, {})
    width = city.BATCH * len(city.ATTRIBUTES)
    beside = f"{ours.per_s * width:,.0f} against {theirs.per_s * width:,.0f} values/s on core 0"
    figures.add("upsert_vs_influx", ours.per_s / theirs.per_s, beside)


def _bytes_per_value(folder: Path, shared: Path, figures: Figures) -> None:
    """Load the air-quality files as history and divide the pages of the history tables by the values."""
    import apsw

    from bench.air import load_air

    target = folder / "air"
    shutil.rmtree(target, ignore_errors=True)
    values = asyncio.run(load_air(target, shared / "air-quality"))
    connection = apsw.Connection(str(target / "city.db"))
    tables = ("chunk", "chunk_series", "series", "sqlite_autoindex_series_1", "change", "change_entity")
    marks = ",".join("?" * len(tables))
    size = connection.execute(f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({marks})", tables).get
    connection.close()
    beside = f"{size:,} bytes for {values:,} values, pages of all indexes"
    figures.add("history_bytes_per_value", size / values, beside)
