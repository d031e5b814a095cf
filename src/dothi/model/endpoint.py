"""Where notifications go (GS CIM 009 clause 5.2.15): an address over HTTP or MQTT, and how it wants to be told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from dothi.model.errors import BadRequestData
from dothi.model.members import header_fault, pairs, positive
from dothi.model.values import is_uri

Accept = Literal["application/json", "application/ld+json", "application/geo+json"]
MqttVersion = Literal["mqtt3.1.1", "mqtt5.0"]

ACCEPTS: Final = ("application/json", "application/ld+json", "application/geo+json")

#: Ports where the address names none.
PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
MQTT_SCHEMES: Final = frozenset({"mqtt", "mqtts"})

_WHERE: Final = "notification.endpoint"
_VERSIONS: Final[tuple[MqttVersion, ...]] = ("mqtt3.1.1", "mqtt5.0")
_LONGEST_TOPIC: Final = 65_535


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """A topic of an MQTT broker: mqtt[s]://[user][:password]@host[:port]/topic (clause 7.2)."""

    secure: bool
    host: str
    port: int
    topic: str
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where notifications go: `timeout` and `cooldown` in seconds, `headers` are its receiverInfo.

    `mqtt_version` and `qos` are what notifierInfo says under MQTT-Version and MQTT-QoS (clause 7.2).
    """

    uri: str
    accept: Accept = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    notifier: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None
    cooldown: float = 0.0
    mqtt_version: MqttVersion = "mqtt5.0"
    qos: int = 0

    @property
    def scheme(self) -> str:
        return urlsplit(self.uri).scheme

    @property
    def is_mqtt(self) -> bool:
        return self.scheme in MQTT_SCHEMES

    @property
    def shown(self) -> str:
        """The address as others than the subscriber may see it: without a password."""
        return without_password(self.uri)


def read_endpoint(document: dict[str, Any], schemes: Collection[str]) -> Endpoint:
    """Read and check `notification.endpoint`; `schemes` are those that can be delivered to. Raises BadRequestData."""
    uri = document.get("uri")
    if not isinstance(uri, str) or not is_uri(uri):
        raise BadRequestData(f"{_WHERE}.uri {uri!r} is no URI: name the address that receives the notifications.")
    scheme = urlsplit(uri).scheme
    if scheme not in schemes:
        known = ", ".join(sorted(schemes))
        raise BadRequestData(f"{_WHERE}.uri {uri}: no delivery for {scheme!r}; supported: {known}.")
    accept = document.get("accept", "application/json")
    if accept not in ACCEPTS:
        raise BadRequestData(f"{_WHERE}.accept {accept!r} is not supported: use {', '.join(ACCEPTS)}.")
    timeout = positive(document, "timeout", _WHERE)
    cooldown = positive(document, "cooldown", _WHERE) if document.get("cooldown") != 0 else None
    notifier = pairs(document, "notifierInfo", _WHERE)
    version, qos = _mqtt_wishes(notifier) if scheme in MQTT_SCHEMES else ("mqtt5.0", 0)
    return Endpoint(
        uri=uri,
        accept=accept,
        headers=_headers(pairs(document, "receiverInfo", _WHERE), scheme),
        notifier=notifier,
        timeout=timeout / 1000 if timeout is not None else None,
        cooldown=(cooldown or 0.0) / 1000,
        mqtt_version=version,
        qos=qos,
    )


def parse_mqtt_address(uri: str) -> MqttAddress:
    """Take an mqtt or mqtts URI apart (clause 7.2). Raises ValueError that says what is wrong with it."""
    parts = urlsplit(uri)
    if not parts.hostname or any(not "!" <= letter <= "~" for letter in uri):
        raise ValueError("it has no host, or characters that must be percent-encoded")
    if parts.query or parts.fragment:
        raise ValueError("a topic with ? or # must have it percent-encoded, as %3F")
    topic = unquote(parts.path.removeprefix("/"))
    if not topic:
        raise ValueError("the topic is missing: write it behind the host, as in mqtt://host/city/alarms")
    if any(letter in topic for letter in "+#\0"):
        raise ValueError("a topic to publish to has no wildcards + and #")
    if len(topic.encode()) > _LONGEST_TOPIC:
        raise ValueError(f"the topic is longer than {_LONGEST_TOPIC} bytes")
    return MqttAddress(
        secure=parts.scheme == "mqtts",
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        topic=topic,
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def without_password(uri: str) -> str:
    """The address with the password taken out, for lists and logs."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}").geturl()


def _mqtt_wishes(notifier: tuple[tuple[str, str], ...]) -> tuple[MqttVersion, int]:
    """MQTT-Version and MQTT-QoS; without them version 5 and quality 0. Other keys of notifierInfo are kept, unused."""
    wishes = dict(notifier)
    wanted, qos = wishes.get("MQTT-Version", "mqtt5.0"), wishes.get("MQTT-QoS", "0")
    version = next((known for known in _VERSIONS if known == wanted), None)
    if version is None:
        raise BadRequestData(f"{_WHERE}.notifierInfo MQTT-Version {wanted!r}: write {' or '.join(_VERSIONS)}.")
    if qos not in ("0", "1", "2"):
        raise BadRequestData(f"{_WHERE}.notifierInfo MQTT-QoS {qos!r}: write 0, 1 or 2.")
    return version, int(qos)


def _headers(given: tuple[tuple[str, str], ...], scheme: str) -> tuple[tuple[str, str], ...]:
    """receiverInfo becomes headers of the request over HTTP, so it must be fit for it (clause 6.3.8)."""
    for key, value in given if scheme not in MQTT_SCHEMES else ():
        fault = header_fault(key, value)
        if fault is not None:
            raise BadRequestData(f"{_WHERE}.receiverInfo {key!r}: {fault}.")
    return given
