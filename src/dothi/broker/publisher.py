"""Publishes letters to MQTT brokers (GS CIM 009 clause 7.2): one connection for each broker, user and version.

aiomqtt does the protocol. Three things are put in beside it: the connection goes to the address that was checked, the
reason with which a broker refuses a message is not lost, and with quality 0, which knows no acknowledgement, a ping is
sent behind the message: its answer says that the broker has read everything before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt
import paho.mqtt.client as paho

from dothi.broker.letterhead import as_metadata
from dothi.broker.mailbox import Letter
from dothi.broker.poster import CONNECTING, IDLE, PostFailed, Refused, Resolve, Unreachable
from dothi.model.endpoint import Endpoint, MqttAddress, MqttVersion, parse_mqtt_address
from dothi.model.errors import TargetRefused

#: Reason codes from here on say that the broker did not take a message (MQTT 5, 2.4). Some are no fault of the message.
_FAILED: Final = 0x80
_WEATHER: Final = frozenset({0x80, 0x83, 0x91, 0x97})

#: What the answer to a letter is called where it was taken, as HTTP has it.
_TAKEN: Final = 204

_PROTOCOLS: Final = {"mqtt3.1.1": aiomqtt.ProtocolVersion.V311, "mqtt5.0": aiomqtt.ProtocolVersion.V5}


@dataclass(frozen=True, slots=True)
class Way:
    """What letters can share a connection by."""

    secure: bool
    host: str
    port: int
    username: str | None
    password: str | None
    version: MqttVersion


class Publisher:
    """Publishes over connections that live in the task group it is given. See delivery.Carrier."""

    def __init__(self, resolve: Resolve, tasks: asyncio.TaskGroup, tls: ssl.SSLContext | None = None) -> None:
        self._resolve = resolve
        self._tasks = tasks
        self._tls = tls
        self._lines: dict[Way, _Line] = {}
        self._addresses: dict[str, MqttAddress] = {}

    def lane(self, endpoint: Endpoint) -> Way:
        """Whom a failure to connect concerns: all who come by the same way."""
        address = self._address(endpoint.uri)
        return Way(
            address.secure, address.host, address.port, address.username, address.password, endpoint.mqtt_version
        )

    async def bring(self, endpoint: Endpoint, letter: Letter, seconds: float) -> int:
        """Publish {"metadata": ..., "body": the notification}. Raises PostFailed, Unreachable, TargetRefused."""
        line = await self._connected(self.lane(endpoint))
        payload = b"".join((b'{"metadata":', as_metadata(letter.head), b',"body":', letter.body, b"}"))
        try:
            async with asyncio.timeout(seconds):
                await line.publish(self._address(endpoint.uri).topic, payload, endpoint.qos)
        except TimeoutError:
            line.end()
            raise PostFailed(f"no acknowledgement within {seconds:g} s") from None
        except aiomqtt.MqttError as fault:
            line.end()
            raise PostFailed(f"the connection broke: {fault}") from None
        return _TAKEN

    def sweep(self) -> None:
        """End what was idle for too long."""
        limit = asyncio.get_running_loop().time() - IDLE
        for line in list(self._lines.values()):
            if line.used < limit:
                line.end()
        if len(self._addresses) > 10_000:
            self._addresses.clear()

    def close(self) -> None:
        """End every connection; the task group waits for them."""
        for line in list(self._lines.values()):
            line.end()

    def _address(self, uri: str) -> MqttAddress:
        address = self._addresses.get(uri)
        if address is None:
            address = self._addresses[uri] = parse_mqtt_address(uri)
        return address

    async def _connected(self, way: Way) -> _Line:
        line = self._lines.get(way)
        if line is None:
            line = self._lines[way] = _Line(way)
            self._tasks.create_task(self._hold(line))
        await asyncio.shield(line.up)
        return line

    async def _hold(self, line: _Line) -> None:
        """The life of one connection: what goes wrong is told to those who wait for it, or publish over it."""
        way = line.way
        where = f"{way.host}:{way.port}"
        try:
            async with asyncio.timeout(CONNECTING):
                hosts = await self._resolve(way.host, way.port)
            async with line.over(hosts, self._context() if way.secure else None):
                await line.until_it_ends()
        except (TimeoutError, aiomqtt.MqttError, OSError) as fault:
            reason = str(fault) or f"no answer within {CONNECTING:g} s"
            line.fail(Unreachable(f"cannot connect to {where}: {reason}"))
        except (TargetRefused, ValueError) as fault:
            line.fail(fault)
        finally:
            line.fail(Unreachable(f"the connection to {where} was ended"))
            if self._lines.get(way) is line:
                del self._lines[way]

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class _Line:
    """One connection. `up` is done when the broker has accepted it, or holds the reason why not."""

    def __init__(self, way: Way) -> None:
        loop = asyncio.get_running_loop()
        self.way = way
        self.used = loop.time()
        self.up: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._client: aiomqtt.Client | None = None
        #: What is published and not acknowledged, by packet identifier, and pings that are not answered.
        self._published: dict[int, asyncio.Future[None]] = {}
        self._pings: list[asyncio.Future[None]] = []

    @contextlib.asynccontextmanager
    async def over(self, hosts: Sequence[str], tls: ssl.SSLContext | None) -> AsyncIterator[None]:
        """The connection stands within this context. Raises aiomqtt.MqttError where there is none."""
        way = self.way
        client = aiomqtt.Client(
            way.host, way.port,
            username=way.username, password=way.password, protocol=_PROTOCOLS[way.version], tls_context=tls,
            timeout=CONNECTING, keepalive=30,
        )  # fmt: skip
        self._prepare(client._client, hosts, tls)
        try:
            async with client:
                self._client = client
                if not self.up.done():
                    self.up.set_result(None)
                yield
        finally:
            client._client._sock_close()

    def _prepare(self, client: paho.Client, hosts: Sequence[str], tls: ssl.SSLContext | None) -> None:
        """Connect to the checked addresses only; listen to refusals and to the answers to pings."""
        client._create_socket = lambda: _socket(hosts, self.way, tls)  # type: ignore[method-assign]
        answered = client._handle_pingresp

        def on_publish(client: paho.Client, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
            waiting = self._published.pop(mid, None)
            if waiting is not None and not waiting.done():
                _tell(waiting, reason)

        def on_pong() -> Any:
            waiting = self._pings.pop(0) if self._pings else None
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
            return answered()

        client.on_publish = on_publish
        client._handle_pingresp = on_pong  # type: ignore[method-assign]

    async def until_it_ends(self) -> None:
        """Wait until somebody ends the line, or the broker does. Raises aiomqtt.MqttError for the latter."""
        assert self._client is not None
        gone = self._client._disconnected
        try:
            await asyncio.wait((self._ended, gone), return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                gone.result()
        finally:
            self._client = None
            for waiting in (*self._published.values(), *self._pings):
                if not waiting.done():
                    waiting.set_exception(aiomqtt.MqttError("the broker went away"))

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Publish, and wait until the broker has it. Raises aiomqtt.MqttError, PostFailed, Refused."""
        if self._client is None:
            raise aiomqtt.MqttError("it is closed")
        loop = asyncio.get_running_loop()
        self.used = loop.time()
        client = self._client._client
        try:
            sent = client.publish(topic, payload, qos)
        except ValueError as fault:
            raise Refused(f"the message cannot be sent by MQTT: {fault}") from None
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttError(paho.error_string(sent.rc))
        waiting = loop.create_future()
        if qos:
            self._published[sent.mid] = waiting
        else:
            self._pings.append(waiting)
            client._send_pingreq()
        await waiting

    def fail(self, fault: Exception) -> None:
        """Tell those who wait for the connection, if it never was there."""
        if not self.up.done():
            self.up.set_exception(fault)
            # Nobody may be waiting any more.
            self.up.exception()

    def end(self) -> None:
        """Disconnect; takes effect in the task that holds the line."""
        if not self._ended.done():
            self._ended.set_result(None)


def _tell(waiting: asyncio.Future[None], reason: Any) -> None:
    """How the broker took a message, to him who waits for it."""
    code = getattr(reason, "value", 0)
    if code < _FAILED:
        waiting.set_result(None)
    else:
        kind = PostFailed if code in _WEATHER else Refused
        waiting.set_exception(kind(f"the broker did not take the message: {reason}"))


def _socket(hosts: Sequence[str], way: Way, tls: ssl.SSLContext | None) -> socket.socket:
    """A connection to the first address that answers, its certificate checked. Runs in a thread. Raises OSError."""
    plain = _connection(hosts, way.port)
    if tls is None:
        return plain
    try:
        secured = tls.wrap_socket(plain, server_hostname=way.host, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    try:
        secured.settimeout(CONNECTING)
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured


def _connection(hosts: Sequence[str], port: int) -> socket.socket:
    """A connection to the first address that answers. Runs in a thread. Raises OSError."""
    failure = OSError("the name has no address")
    for host in dict.fromkeys(hosts):
        try:
            connection = socket.create_connection((host, port), timeout=CONNECTING)
        except OSError as fault:
            failure = fault
        else:
            # A ping behind a message would wait for its acknowledgement by TCP otherwise, up to 40 ms.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise failure
