"""Clients that others wrote work unchanged: ngsildclient, and FIWARE's IoT agents over MQTT.

Neither is part of the project; each test runs where they are installed:

    python3.11 -m venv X && X/bin/pip install ngsildclient      then DOTHI_NGSILDCLIENT=X/bin/python
    clones of iotagent-ul and iotagent-json below Y, `npm install --omit=dev` in each      then DOTHI_IOT_AGENTS=Y
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

SERVER_ENV = {"DOTHI__NETWORK__ALLOW": '["127.0.0.0/8"]'}
WALK = Path(__file__).with_name("walk_by_ngsildclient.py")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")

#: The agents' own tenant: they name none in their registrations, so the city calls them without one (5.2.9).
TENANT = "iotagent"

#: Per agent: the name of its protocol, its resource, and what a measure of 21.5 and a status look like on the wire.
AGENTS = {
    "ul": ("PDI-IoTA-UltraLight", "/iot/d", "t|21.5|s|on"),
    "json": ("IoTA-JSON", "/iot/json", '{"t": 21.5, "s": "on"}'),
}


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Any]]]:
    """The address of an HTTP receiver on loopback, and the list of the notifications that it got."""
    got: list[Any] = []

    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receive) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", got
        server.shutdown()


def test_ngsildclient_walks_through_the_broker(city_server: Any, receiver: tuple[str, list[Any]]) -> None:
    python = os.environ.get("DOTHI_NGSILDCLIENT")
    if python is None:
        pytest.skip("DOTHI_NGSILDCLIENT names no Python that has ngsildclient (pip install ngsildclient)")
    address, got = receiver
    _, port = city_server.address
    done = subprocess.run([python, WALK, str(port), address], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    wait_until(lambda: bool(got), "a notification")
    assert {entity["id"] for each in got for entity in each["data"]} == {"urn:ngsi-ld:AirQualityObserved:station1"}


@pytest.mark.parametrize("protocol", AGENTS)
def test_a_measure_that_a_device_publishes_by_mqtt_reaches_the_city_through_an_iot_agent(
    protocol: str, city_server: Any, tmp_path: Path
) -> None:
    folder = agent_folder(protocol)
    name, resource, measure = AGENTS[protocol]
    entity = f"urn:ngsi-ld:Thermometer:{protocol}1"
    with mosquitto(tmp_path) as broker, agent(folder, protocol, broker, city_server.address, tmp_path) as north:
        provision(north, name, resource, entity)
        address = f"{city_server.base}/ngsi-ld/v1/entities/{entity}"
        asked: Any = {"headers": {"NGSILD-Tenant": TENANT}, "params": {"options": "keyValues"}}

        def arrives() -> bool:
            publish(broker, f"/{protocol}/secret/thermometer1/attrs", measure)
            answer = httpx.get(address, **asked)
            return answer.status_code == 200 and answer.json().get("temperature") == 21.5

        wait_until(arrives, "the measure in the city", every=0.3)
        state = httpx.get(address, **asked).json()
    assert state["type"] == "Thermometer"
    assert state["status"] == "on"
    assert state["ward"] == "Thới Hòa"


@pytest.mark.parametrize("protocol", AGENTS)
def test_a_command_that_is_written_in_the_city_reaches_the_device_through_an_iot_agent(
    protocol: str, city_server: Any, tmp_path: Path
) -> None:
    """The agent registers itself as the context source of the command (5.9.2), and the city forwards the write."""
    folder = agent_folder(protocol)
    name, resource, _ = AGENTS[protocol]
    entity = f"urn:ngsi-ld:Lamp:{protocol}1"
    with mosquitto(tmp_path) as broker, agent(folder, protocol, broker, city_server.address, tmp_path) as north:
        provision(north, name, resource, entity)
        listen = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker), "-t", "/secret/thermometer1/cmd", "-C", "1"]
        with subprocess.Popen([*listen, "-W", "60"], stdout=subprocess.PIPE, text=True) as device:

            def heard() -> bool:
                answer = httpx.patch(
                    f"{city_server.base}/ngsi-ld/v1/entities/{entity}/attrs/switch",
                    json={"type": "Property", "value": "on"}, headers={"NGSILD-Tenant": TENANT}, timeout=30,
                )  # fmt: skip
                assert answer.status_code == 204, answer.text
                return device.poll() is not None

            try:
                wait_until(heard, "the command at the device", every=0.3)
            finally:
                device.terminate()
            said = device.stdout.read() if device.stdout is not None else ""
    assert "switch" in said
    assert "on" in said


def agent_folder(protocol: str) -> Path:
    folder = Path(os.environ.get("DOTHI_IOT_AGENTS", "")) / f"iotagent-{protocol}"
    if "DOTHI_IOT_AGENTS" not in os.environ or not (folder / "node_modules").is_dir():
        pytest.skip(f"DOTHI_IOT_AGENTS names no folder with an installed iotagent-{protocol} (npm install --omit=dev)")
    if MOSQUITTO is None or shutil.which("mosquitto_pub") is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto mosquitto-clients)")
    return folder


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """The port of an MQTT broker on loopback."""
    port = free_port()
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    assert MOSQUITTO is not None
    with running([MOSQUITTO, "-c", str(folder / "mosquitto.conf")], folder / "mosquitto.log", {}, port):
        yield port


@contextmanager
def agent(folder: Path, protocol: str, mqtt: int, city: tuple[str, int], scratch: Path) -> Iterator[str]:
    """The address of an agent's own API; it keeps its devices in memory and writes NGSI-LD to the city."""
    north = free_port()
    env = {
        "IOTA_CB_HOST": city[0], "IOTA_CB_PORT": str(city[1]), "IOTA_CB_NGSI_VERSION": "ld",
        "IOTA_NORTH_PORT": str(north), "IOTA_PROVIDER_URL": f"http://127.0.0.1:{north}",
        "IOTA_JSON_LD_CONTEXT": "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld",
        "IOTA_REGISTRY_TYPE": "memory", "IOTA_LOG_LEVEL": "INFO", "IOTA_AMQP_DISABLED": "true",
        "IOTA_MQTT_HOST": "127.0.0.1", "IOTA_MQTT_PORT": str(mqtt), "IOTA_HTTP_PORT": str(free_port()),
    }  # fmt: skip
    command = ["node", str(folder / "bin" / f"iotagent-{protocol}")]
    with running(command, scratch / "agent.log", env, north):
        yield f"http://127.0.0.1:{north}"


def provision(north: str, protocol: str, resource: str, entity: str) -> None:
    """Tell the agent of a group of devices, and of one device in it with two measures and one static value."""
    group = {"apikey": "secret", "resource": resource, "entity_type": "Thermometer"}
    device = {
        "device_id": "thermometer1", "entity_name": entity, "entity_type": "Thermometer", "apikey": "secret",
        "protocol": protocol, "transport": "MQTT",
        "attributes": [{"object_id": "t", "name": "temperature", "type": "Number"},
                       {"object_id": "s", "name": "status", "type": "Text"}],
        "commands": [{"object_id": "switch", "name": "switch", "type": "command"}],
        "static_attributes": [{"name": "ward", "type": "Text", "value": "Thới Hòa"}],
    }  # fmt: skip
    for path, body in (("services", {"services": [group]}), ("devices", {"devices": [device]})):
        answer = httpx.post(
            f"{north}/iot/{path}", json=body, headers={"fiware-service": TENANT, "fiware-servicepath": "/"}, timeout=30
        )
        assert answer.status_code == 201, answer.text


def publish(port: int, topic: str, text: str) -> None:
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-m", text]
    subprocess.run(command, check=True, timeout=10)


@contextmanager
def running(command: list[str], log: Path, env: dict[str, str], port: int) -> Iterator[None]:
    """A process that listens on this port within the block."""
    with log.open("ab") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, **env}, cwd=log.parent)
    try:
        wait_until(lambda: process.poll() is not None or listens(port), f"port {port}")
        assert process.poll() is None, log.read_text("utf-8", "replace")[-3000:]
        yield
    except AssertionError as error:
        raise AssertionError(f"{error}\n{log.name}: {log.read_text('utf-8', 'replace')[-3000:]}") from error
    finally:
        process.terminate()
        process.wait(20)


def wait_until(holds: Callable[[], bool], what: str, every: float = 0.05) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come within 30 s"
        time.sleep(every)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
