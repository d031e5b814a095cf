"""Notifications over MQTT and MQTTS to a real mosquitto: versions, qualities, users, and a broker that vanishes."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
import pytest

from dothi.broker.outside import Guard, Outside
from dothi.broker.poster import checked_by
from dothi.broker.publisher import Publisher
from dothi.model.endpoint import parse_mqtt_address, read_endpoint
from dothi.model.errors import BadRequestData, TargetRefused

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
A = "urn:ngsi-ld:Building:a"
TOPIC = "city/binh-duong/levels"


def prop(value: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value}


class Mosquitto:
    """One mosquitto process, which a test may stop and start again; `settings` are further lines of its file."""

    def __init__(self, folder: Path, *settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join((f"listener {self.port} 127.0.0.1", "user root", *settings, "")))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert MOSQUITTO is not None
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            MOSQUITTO, "-c", str(self._config), stdout=quiet, stderr=quiet
        )
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise AssertionError("mosquitto did not start")

    async def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            (self._process.kill if kill else self._process.terminate)()
            await self._process.wait()
            self._process = None

    def uri(self, login: str = "", scheme: str = "mqtt", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{login}{host}:{self.port}/{TOPIC}"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts brokers: await broker("allow_anonymous true")."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    running: list[Mosquitto] = []

    async def start(*settings: str) -> Mosquitto:
        one = Mosquitto(tmp_path, *(settings or ("allow_anonymous true",)))
        running.append(one)
        await one.start()
        return one

    yield start
    for one in running:
        await one.stop()


class Inbox:
    """What a subscriber of the topic has got, in order."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.qualities: list[int] = []

    @property
    def values(self) -> list[Any]:
        return [entity["level"]["value"] for message in self.messages for entity in message["body"]["data"]]


@asynccontextmanager
async def listening(port: int, **more: Any) -> AsyncIterator[Inbox]:
    inbox = Inbox()
    async with aiomqtt.Client("127.0.0.1", port, **more) as client:
        await client.subscribe(TOPIC, qos=2)

        async def read() -> None:
            async for message in client.messages:
                inbox.messages.append(orjson.loads(message.payload))  # type: ignore[arg-type]
                inbox.qualities.append(message.qos)

        reading = asyncio.ensure_future(read())
        try:
            yield inbox
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def wishing(version: str | None = None, qos: int | None = None) -> dict[str, Any]:
    wishes = {"MQTT-Version": version, "MQTT-QoS": None if qos is None else str(qos)}
    return {"notifierInfo": [{"key": key, "value": value} for key, value in wishes.items() if value is not None]}


@pytest.mark.parametrize("version", [None, "mqtt3.1.1", "mqtt5.0"])
@pytest.mark.parametrize("qos", [None, 0, 1, 2])
async def test_every_version_and_quality_brings_each_notification(
    city: Any, broker: Any, eventually: Any, version: str | None, qos: int | None
) -> None:
    mosquitto = await broker()
    async with listening(mosquitto.port) as inbox:
        id = await city.subscribe(mosquitto.uri(), {"endpoint": wishing(version, qos)})
        await city.create(A, level=prop(0))
        for value in range(1, 20):
            await city.set(A, value)
        await eventually(lambda: len(inbox.values) >= 20)
        assert inbox.values == list(range(20))
        assert set(inbox.qualities) == {qos or 0}
        await eventually(lambda: city.counters(id).get("status") == "ok")


async def test_a_message_has_metadata_and_the_notification_as_its_body(
    tmp_path: Path, city_in: Any, broker: Any, eventually: Any
) -> None:
    mosquitto = await broker()
    info = [{"key": "quận", "value": "Thủ Dầu Một"}, {"key": "X-Key", "value": "a: b"}]
    async with city_in(tmp_path, tenant="q1") as city, listening(mosquitto.port) as inbox:
        await city.subscribe(mosquitto.uri(), {"endpoint": {"receiverInfo": info}})
        await city.subscribe(mosquitto.uri(), {"endpoint": {"accept": "application/ld+json"}})
        await city.create(A, level=prop(1))
        await eventually(lambda: len(inbox.messages) == 2)
    plain = next(each for each in inbox.messages if each["metadata"]["Content-Type"] == "application/json")
    linked = next(each for each in inbox.messages if each["metadata"]["Content-Type"] == "application/ld+json")
    assert set(plain) == {"metadata", "body"}
    assert plain["metadata"]["quận"] == "Thủ Dầu Một"
    assert plain["metadata"]["X-Key"] == "a: b"
    assert plain["metadata"]["NGSILD-Tenant"] == "q1"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in plain["metadata"]["Link"]
    assert plain["body"]["type"] == "Notification"
    assert plain["body"]["data"][0]["level"] == prop(1)
    assert "Link" not in linked["metadata"]
    assert linked["body"]["@context"]


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_broker_that_vanishes_gets_everything_in_order_when_it_is_back(
    city: Any, broker: Any, eventually: Any, qos: int
) -> None:
    mosquitto = await broker()
    id = await city.subscribe(mosquitto.uri(), {"endpoint": wishing(qos=qos)})
    async with listening(mosquitto.port) as inbox:
        await city.create(A, level=prop(0))
        await eventually(lambda: inbox.values == [0])
    await eventually(lambda: city.counters(id).get("timesSent") == 1)
    await mosquitto.stop(kill=True)
    for value in range(1, 30):
        await city.set(A, value)
    await eventually(lambda: city.counters(id)["status"] == "failed")
    await mosquitto.start()
    async with listening(mosquitto.port) as inbox:
        for value in range(30, 35):
            await city.set(A, value)
        await eventually(lambda: 34 in inbox.values)
        await eventually(lambda: city.counters(id)["status"] == "ok")
    assert inbox.values[-5:] == list(range(30, 35))
    assert inbox.values == sorted(inbox.values)


async def test_nothing_is_lost_over_a_restart_of_dothi_while_the_broker_is_away(
    tmp_path: Path, city_in: Any, broker: Any, eventually: Any
) -> None:
    mosquitto = await broker()
    await mosquitto.stop()
    async with city_in(tmp_path) as city:
        await city.subscribe(mosquitto.uri(), {"endpoint": wishing(qos=1)})
        await city.create(A, level=prop(0))
        for value in range(1, 20):
            await city.set(A, value)
        await asyncio.sleep(0.3)
    await mosquitto.start()
    async with listening(mosquitto.port) as inbox, city_in(tmp_path):
        await eventually(lambda: len(inbox.values) >= 20)
    assert inbox.values == list(range(20))


async def test_user_and_password_of_the_address_are_used_and_not_shown(
    tmp_path: Path, city: Any, broker: Any, eventually: Any
) -> None:
    keys = tmp_path / "passwords"
    _keep_password(keys, "thu", "m@t")
    mosquitto = await broker("allow_anonymous false", f"password_file {keys}")
    async with listening(mosquitto.port, username="thu", password="m@t") as inbox:
        await city.subscribe(mosquitto.uri("thu:m%40t@"))
        wrong = await city.subscribe(mosquitto.uri("thu:sai@"))
        await city.create(A, level=prop(1))
        await eventually(lambda: len(inbox.messages) == 1)
        await eventually(lambda: city.counters(wrong).get("status") == "failed")
        assert len(inbox.messages) == 1


async def test_a_certificate_that_is_trusted_opens_mqtts_and_another_does_not(
    tmp_path: Path, city_in: Any, broker: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    _certify("localhost", key, certificate)
    mosquitto = await broker("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}")
    address = mosquitto.uri(scheme="mqtts", host="localhost")
    async with city_in(tmp_path / "one") as city:
        id = await city.subscribe(address)
        await city.create(A, level=prop(1))
        await eventually(lambda: city.counters(id).get("status") == "failed")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    trusting = ssl.create_default_context(cafile=str(certificate))
    trusting.check_hostname = False
    async with listening(mosquitto.port, tls_context=trusting) as inbox, city_in(tmp_path / "one") as city:
        await eventually(lambda: inbox.values == [1])
        await eventually(lambda: city.counters(id).get("status") == "ok")


async def test_a_topic_that_is_forbidden_ends_as_a_dead_letter(
    tmp_path: Path, city: Any, broker: Any, eventually: Any
) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic read #\n")
    rules.chmod(0o600)
    mosquitto = await broker("allow_anonymous true", f"acl_file {rules}")
    await city.subscribe(mosquitto.uri("thu@"), {"endpoint": wishing("mqtt5.0", 1)})
    await city.create(A, level=prop(1))
    for _ in range(200):
        dead, total = await city.subscriptions.list_dead()
        if total:
            break
        await asyncio.sleep(0.02)
    assert "did not take the message" in dead[0]["reason"]
    assert dead[0]["attempts"] == 5


async def test_a_dead_broker_delays_no_other_endpoint(city: Any, receiver: Any, dead: Any) -> None:
    for n in range(20):
        await city.subscribe(f"mqtt://127.0.0.1:{dead.port}/{n}")
    await city.subscribe(receiver)
    await city.create(A, level=prop(1))
    await receiver.wait(1, 1.0)


async def test_private_brokers_are_refused_when_subscribing_and_again_when_connecting(city: Any) -> None:
    for host in ("10.0.0.1", "169.254.169.254", "[fe80::1]"):
        with pytest.raises(TargetRefused):
            await city.subscribe(f"mqtt://{host}/topic")
    letter: Any = None
    async with Outside(Guard(loopback=False)) as outside, asyncio.TaskGroup() as tasks:
        publisher = Publisher(checked_by(outside.guard), tasks)
        with pytest.raises(TargetRefused):
            await publisher.bring(read_endpoint({"uri": "mqtt://127.0.0.1/topic"}, ["mqtt"]), letter, 1)


@pytest.mark.parametrize(
    ("uri", "fault"),
    [
        ("mqtt://host", "topic is missing"),
        ("mqtt://host/", "topic is missing"),
        ("mqtt://host/a/+", "no wildcards"),
        ("mqtt://host/a/%23", "no wildcards"),
        ("mqtt://host/a?b", "percent-encoded"),
        ("mqtt:topic", "no host"),
        ("mqtt://host:99999/a", "Port"),
    ],
)
async def test_addresses_that_cannot_work_are_refused_with_the_reason(city: Any, uri: str, fault: str) -> None:
    with pytest.raises(BadRequestData, match=fault):
        await city.subscribe(uri)


@pytest.mark.parametrize(("key", "value"), [("MQTT-Version", "5"), ("MQTT-QoS", "3"), ("MQTT-QoS", "")])
async def test_wishes_that_mqtt_does_not_know_are_refused(city: Any, key: str, value: str) -> None:
    with pytest.raises(BadRequestData, match=key):
        await city.subscribe("mqtt://host/a", {"endpoint": {"notifierInfo": [{"key": key, "value": value}]}})


def test_an_address_is_taken_apart_with_its_defaults() -> None:
    plain = parse_mqtt_address("mqtt://host/a/b")
    assert (plain.secure, plain.host, plain.port, plain.topic, plain.username) == (False, "host", 1883, "a/b", None)
    full = parse_mqtt_address("mqtts://u%3A:p%40@[::1]:1/%2Fa%20b")
    assert (full.secure, full.host, full.port, full.topic) == (True, "::1", 1, "/a b")
    assert (full.username, full.password) == ("u:", "p@")
    assert parse_mqtt_address("mqtts://host/a").port == 8883


def _certify(host: str, key: Path, certificate: Path) -> None:
    """A certificate of its own for one host, made by the machine's openssl; it lives for a day."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-days", "1", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host},IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)


def _keep_password(file: Path, user: str, password: str) -> None:
    """The file of users that mosquitto reads."""
    subprocess.run(["mosquitto_passwd", "-b", "-c", file, user, password], check=True, capture_output=True)


async def test_a_broker_that_takes_the_connection_and_says_nothing_is_told_as_failed(
    city: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dothi.broker.publisher.CONNECTING", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        id = await city.subscribe(f"mqtt://127.0.0.1:{port}/topic")
        await city.create(A, level=prop(1))
        await eventually(lambda: city.counters(id).get("status") == "failed")


async def test_a_change_of_the_scheme_takes_the_waiting_letters_along(
    city: Any, broker: Any, receiver: Any, eventually: Any
) -> None:
    mosquitto = await broker()
    await receiver.stop()
    info = {"receiverInfo": [{"key": "X-Key", "value": "k"}]}
    id = await city.subscribe(receiver, {"endpoint": info})
    await city.create(A, level=prop(0))
    await asyncio.sleep(0.3)
    core = city.contexts.core
    async with listening(mosquitto.port) as inbox:
        endpoint = {"uri": mosquitto.uri(), **info}
        await city.subscriptions.update(id, {"notification": {"endpoint": endpoint}}, core)
        await city.set(A, 1)
        await eventually(lambda: inbox.values == [0, 1])
    assert [message["metadata"]["X-Key"] for message in inbox.messages] == ["k", "k"]
    await mosquitto.stop()
    await city.set(A, 2)
    await asyncio.sleep(0.3)
    await receiver.start()
    await city.subscriptions.update(id, {"notification": {"endpoint": {"uri": receiver.uri, **info}}}, core)
    assert (await receiver.wait(1))[0].headers["x-key"] == "k"
