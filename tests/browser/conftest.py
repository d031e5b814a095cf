"""A real server in a process of its own, filled through the standard API, and the machine's own Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
CONTEXT = "https://dothi.dev/context/v1.jsonld"
STATION = "urn:ngsi-ld:AirQualityObserved:test-1"
#: What the browser says when a test itself cuts a line, a token is asked for, or somebody else was quicker.
EXPECTED = ("net::ERR_FAILED", "401 (Unauthorized)", "409 (Conflict)")
BUS = "urn:ngsi-ld:Vehicle:test-61B-001"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", action="store_true", help="write docs/pictures/*.png from what the tests show")


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Any, str], None]:
    """Keeps what a page shows as docs/pictures/<name>.png where `--pictures` is given; else does nothing."""
    wanted = request.config.getoption("--pictures", default=False)

    def keep(page: Any, name: str) -> None:
        if wanted:
            page.wait_for_timeout(1_500)  # the last tiles and icons
            page.screenshot(path=ROOT / "docs/pictures" / f"{name}.png")

    return keep


@pytest.fixture
def axe() -> Callable[[Any], list[str]]:
    """The accessibility faults of a page as axe-core finds them."""
    program = (ROOT / "web/node_modules/axe-core/axe.min.js").read_text("utf-8")

    def faults(page: Any) -> list[str]:
        page.evaluate(program)  # the page's policy allows no injected script element
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]

    return faults


@pytest.fixture(scope="session")
def base_url() -> None:
    """In the place of a plugin's fixture, whose form pytest warns of."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    quiet = [
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    ]
    needed = ["disable-dev-shm-usage", "enable-unsafe-swiftshader", *(["no-sandbox"] if os.geteuid() == 0 else [])]
    flags = [f"--{flag}" for flag in (*quiet, *needed)]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": flags}


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    size = {"width": 1100, "height": 640}  # drawn by the processor: smaller is faster
    return {**browser_context_args, "viewport": size, "timezone_id": "Asia/Ho_Chi_Minh", "color_scheme": "light"}


@dataclass
class Server:
    """A running city; `put` writes entities through the standard API."""

    address: str
    client: httpx.Client
    process: subprocess.Popen[str]

    def put(self, *entities: dict[str, Any]) -> None:
        body = [{"@context": CONTEXT, **entity} for entity in entities]
        headers = {"content-type": "application/ld+json"}
        answer = self.client.post("ngsi-ld/v1/entityOperations/upsert?options=update", json=body, headers=headers)
        assert answer.status_code in (201, 204), answer.text


TOKEN = "a-token-of-the-browser-tests"


def start(folder: Path, token: str | None = None) -> Server:
    command = [sys.executable, "-m", "dothi", "serve", "--port", "0", "--data", str(folder)]
    env = {**os.environ, "DOTHI__SERVER__TOKEN": token} if token else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    assert process.stdout is not None
    headers = {"authorization": f"Bearer {token}"} if token else {}
    told: list[str] = []
    for line in process.stdout:
        told.append(line)
        found = re.search(r"http://[\d.]+:\d+", line)
        if found:
            break
    else:
        raise AssertionError("the server did not start:\n" + "".join(told))
    drain = threading.Thread(target=process.stdout.read, daemon=True)
    drain.start()
    return Server(found[0], httpx.Client(base_url=found[0], headers=headers), process)


def stop(server: Server) -> None:
    server.client.close()
    server.process.terminate()
    server.process.wait(20)
    if server.process.stdout is not None:
        server.process.stdout.close()


def observed(value: Any, ago: timedelta = timedelta()) -> dict[str, Any]:
    moment = (datetime.now(UTC) - ago).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": "Property", "value": value, "observedAt": moment}


def at(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}


def station() -> dict[str, Any]:
    return {
        "id": STATION,
        "type": "AirQualityObserved",
        "name": {"type": "Property", "value": "Trạm không khí Bến Cát"},
        "location": at(106.62, 11.15),
        "airQualityIndex": observed(230),
        "temperature": observed(31.5),
    }


def bus(lon: float) -> dict[str, Any]:
    return {
        "id": BUS,
        "type": "Vehicle",
        "name": {"type": "Property", "value": "Xe buýt 61B-001"},
        "location": at(lon, 11.08),
        "speed": observed(32),
        "heading": observed(90),
    }


@dataclass
class Driver:
    """Moves the bus east, a step a second, until it is told to stop."""

    server: Server
    stopped: threading.Event = field(default_factory=threading.Event)

    def drive(self) -> None:
        begun = time.monotonic()
        while not self.stopped.wait(0.5):
            self.server.put(bus(106.60 + 0.004 * (time.monotonic() - begun)))


@pytest.fixture(scope="session")
def built() -> None:
    if not (ROOT / "src/dothi/web/static/index.html").is_file():
        pytest.skip("the app is not built: make build")


@pytest.fixture(scope="session")
def city(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A served city with an air station, some of its history, and a bus."""
    server = start(tmp_path_factory.mktemp("city"))
    try:
        for hours in range(20, 0, -1):
            past = {**station(), "airQualityIndex": observed(40 + 5 * (hours % 7), timedelta(hours=hours))}
            del past["temperature"]
            server.put(past)
        server.put(station(), bus(106.60))
        yield server
    finally:
        stop(server)


@pytest.fixture
def driven(city: Server) -> Iterator[Server]:
    """The city while its bus moves."""
    driver = Driver(city)
    thread = threading.Thread(target=driver.drive)
    thread.start()
    yield city
    driver.stopped.set()
    thread.join()


@pytest.fixture(scope="session")
def empty_city(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start(tmp_path_factory.mktemp("empty"))
    yield server
    stop(server)


@pytest.fixture(scope="session")
def guarded_city(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A city that asks for a token, with a bus."""
    server = start(tmp_path_factory.mktemp("guarded"), TOKEN)
    server.put(bus(106.60))
    yield server
    stop(server)


def until(page: Any, expression: str, seconds: float = 15) -> None:
    """Wait until a JavaScript expression is true; Playwright's own waiting needs eval, which the page forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(100)


@pytest.fixture
def true_soon(page: Any) -> Callable[[str], None]:
    return lambda expression: until(page, expression)


@pytest.fixture
def opened(page: Any) -> Iterator[Callable[..., Any]]:
    """Opens the app and waits until it is live; at the end, fails on foreign requests and console errors."""
    requests: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    homes: set[str] = set()

    def hear(told: Any) -> None:
        if told.type == "error" and not any(each in told.text for each in EXPECTED):
            faults.append(told.text)

    page.on("console", hear)

    def open(server: Server, view: str = "", live: bool = True) -> Any:
        homes.add(server.address)
        page.goto(f"{server.address}/{view}")
        if not live:
            return page
        page.wait_for_selector("[role=status][data-state=live]", timeout=15_000)
        until(page, "!!window.dothi?.map?.getSource('city:air-quality')")
        return page

    yield open
    foreign = [url for url in requests if not url.startswith((*homes, "data:", "blob:"))]
    assert foreign == []
    assert faults == []
