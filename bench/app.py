"""The operations app in Chromium: from a change to the screen, the first view of the wall, and the size of the app."""

from __future__ import annotations

import http.client
import json
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.processes import dothi, request

#: Key -> what, unit, floor (the most).
FLOORS = {
    "change_to_screen_p99_ms": ("from sending a PATCH to the map, 2,000 changes/s, 20 clients", "ms", 500),
    "wall_first_view_s": ("map, tiles and trends of the wall in Chromium, 100,000 entities", "s", 2),
    "app_shell_kb_gz": ("page, scripts and styles of the frame, gzipped", "kB", 80),
    "app_map_kb_gz": ("scripts and styles that the map page adds, gzipped", "kB", 520),
}
VEHICLES, STATIONS = 50_000, 50_000
BATCH = 500
#: Vehicles that move in one batch, and seconds between batches: 2,000 changes/s.
MOVED, BEAT = 200, 0.1
CLIENTS = 20
PROBES = 100
PROBE = "urn:ngsi-ld:AirQualityObserved:probe"
PORT = "bbox=106.2,10.7,107.2,11.5&zoom=9"
STATIC = Path(__file__).parents[1] / "src/dothi/web/static"
UPSERT = "/ngsi-ld/v1/entityOperations/upsert?options=update"
FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader", "--disable-background-networking")

#: Notes the moment (ms) at which each value of the probe is first in the map's source, once a frame.
NOTE = """() => {
  window.seen = {}
  const look = () => {
    const map = window.dothi?.map
    for (const each of map?.querySourceFeatures('city:air-quality') ?? []) {
      if (each.properties.id === PROBE) window.seen[each.properties.label] ??= Date.now()
    }
    requestAnimationFrame(look)
  }
  look()
}""".replace("PROBE", repr(PROBE))
VIEWED = """() => {
  const map = window.dothi?.map
  const drawn = map?.getLayer('city:vehicles:cluster')
    && map.queryRenderedFeatures({layers: ['city:vehicles:cluster', 'city:vehicles:point']}).length > 0
  return !!drawn && document.querySelectorAll('.tile .figure').length >= 2 && !!document.querySelector('.trends svg')
}"""

Add = Callable[[str, float, str], None]


def measure_app(folder: Path, add: Add) -> None:
    """Measure in a scratch folder; needs Chromium and a built app."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with dothi(folder / "app") as server, sync_playwright() as playwright:
        _fill(server.port)
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            home = f"http://127.0.0.1:{server.port}"
            first = _wall(browser, home)
            again = _wall(browser, home)
            add("wall_first_view_s", again, f"software rendering; {first:.1f} s while the server reads the layers")
            with _clients(server.port, CLIENTS - 1), _traffic(server.port) as sent:
                delays = _changes(browser, home, server.port)
            rate = sum(sent) / max(1e-9, len(sent) * BEAT)
            beside = f"median {np.median(delays):.0f} ms of {len(delays)}; {rate:,.0f} changes/s sent"
            add("change_to_screen_p99_ms", float(np.percentile(delays, 99)), beside)
            frame, more = _sizes(browser, home)
            add("app_shell_kb_gz", frame / 1000, "without the fonts")
            add("app_map_kb_gz", more / 1000, "without land and borders (data, 240 kB)")
        finally:
            browser.close()


def _vehicle(number: int, turn: int) -> dict[str, Any]:
    chance = random.Random(number)
    lon = 106.68 + chance.gauss(0, 0.09) + turn * 0.0004
    place = [round(lon, 5), round(11.05 + chance.gauss(0, 0.08), 5)]
    return {
        "id": f"urn:ngsi-ld:Vehicle:b{number:05d}",
        "type": "Vehicle",
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": place}},
        "speed": _observed(30),
    }


def _station(id: str, value: float, place: list[float]) -> dict[str, Any]:
    return {
        "id": id,
        "type": "AirQualityObserved",
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": place}},
        "airQualityIndex": _observed(value),
    }


def _observed(value: float) -> dict[str, Any]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"type": "Property", "value": value, "observedAt": now}


def _put(port: int, entities: list[dict[str, Any]]) -> None:
    status, answer = request(port, "POST", UPSERT, json.dumps(entities).encode())
    if status >= 300:
        raise RuntimeError(f"upsert answered {status}: {answer[:200]!r}")


def _fill(port: int) -> None:
    for start in range(0, VEHICLES, BATCH):
        _put(port, [_vehicle(number, 0) for number in range(start, start + BATCH)])
    chance = random.Random(7)
    for start in range(0, STATIONS - 1, BATCH):
        count = min(BATCH, STATIONS - 1 - start)
        places = [[round(chance.gauss(106.68, 0.09), 5), round(chance.gauss(11.05, 0.08), 5)] for _ in range(count)]
        ids = [f"urn:ngsi-ld:AirQualityObserved:b{start + number:05d}" for number in range(count)]
        _put(port, [_station(id, 40, place) for id, place in zip(ids, places, strict=True)])
    _put(port, [_station(PROBE, 300, [106.3, 11.3])])


def _wall(browser: Any, home: str) -> float:
    """Seconds from the address to a wall with map, tiles and trends, in a new browser without anything kept."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    try:
        page = context.new_page()
        began = time.monotonic()
        page.goto(f"{home}/wall?kiosk&layers=vehicles,air-quality&lang=vi", wait_until="commit")
        while not page.evaluate(VIEWED):
            if time.monotonic() - began > 60:
                raise RuntimeError("the wall did not come within 60 s")
            time.sleep(0.02)
        return time.monotonic() - began
    finally:
        context.close()


def _changes(browser: Any, home: str, port: int) -> list[float]:
    """Milliseconds from sending each change of the probe to its being in the map's source."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{home}/?layers=vehicles,air-quality&lang=vi&side=none&map=9/11.1/106.6")
    page.evaluate(NOTE)
    end = time.monotonic() + 60
    while "300" not in page.evaluate("window.seen"):
        if time.monotonic() > end:
            raise RuntimeError("the probe was never on the map")
        time.sleep(0.1)
    time.sleep(2)
    sent = {}
    for number in range(PROBES):
        value = 301 + number
        sent[str(value)] = time.time() * 1000
        status, _ = request(
            port, "PATCH", f"/ngsi-ld/v1/entities/{PROBE}/attrs/airQualityIndex", json.dumps(_observed(value)).encode()
        )
        if status >= 300:
            raise RuntimeError(f"PATCH answered {status}")
        time.sleep(0.35)
    time.sleep(3)
    seen = page.evaluate("window.seen")
    page.close()
    # A value that the next one overtook was not late: the next one tells.
    return [seen[value] - at for value, at in sent.items() if value in seen]


@contextmanager
def _clients(port: int, count: int) -> Iterator[None]:
    """Clients of the stream that read all they are sent."""
    ended = threading.Event()

    def read() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"/api/stream?layers=vehicles,air-quality&{PORT}")
        answer = connection.getresponse()
        while not ended.is_set() and answer.read1(65_536):
            pass
        connection.close()

    threads = [threading.Thread(target=read, daemon=True) for _ in range(count)]
    with ExitStack() as stack:
        stack.callback(ended.set)
        for thread in threads:
            thread.start()
        yield


@contextmanager
def _traffic(port: int) -> Iterator[list[int]]:
    """Moves 2,000 vehicles a second; gives how many it has moved at each beat."""
    ended, sent = threading.Event(), []

    def drive() -> None:
        due = time.monotonic()
        for turn in range(1, 1_000_000):
            if ended.is_set():
                return
            start = turn * MOVED % VEHICLES
            _put(port, [_vehicle(number, turn % 50) for number in range(start, start + MOVED)])
            sent.append(MOVED)
            due += BEAT
            ended.wait(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=drive)
    thread.start()
    began = time.monotonic()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()
        beats = (time.monotonic() - began) / BEAT
        sent.extend([0] * max(0, round(beats) - len(sent)))


def _sizes(browser: Any, home: str) -> tuple[int, int]:
    """Gzipped bytes of what a page without a map loads of the frame, and of what the map page adds."""
    frame = {name for name in _loaded(browser, f"{home}/style") if "Page" not in name}
    return _gzipped(frame | {"index.html"}), _gzipped(_loaded(browser, f"{home}/") - frame)


def _loaded(browser: Any, address: str) -> set[str]:
    page = browser.new_page()
    page.goto(address)
    time.sleep(3)
    names = page.evaluate("performance.getEntriesByType('resource').map(each => new URL(each.name).pathname)")
    page.close()
    return {name.lstrip("/") for name in names if name.endswith((".js", ".mjs", ".css"))}


def _gzipped(names: set[str]) -> int:
    files = [STATIC / name for name in names]
    twins = [file.with_name(file.name + ".gz") for file in files]
    return sum((twin if twin.is_file() else file).stat().st_size for file, twin in zip(files, twins, strict=True))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        measure_app(Path(scratch), lambda key, value, beside: print(f"{key:26} {value:10,.2f}  {beside}", flush=True))
