"""Listens to an MQTT broker; a message is acknowledged only after what it said is stored."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Any, cast

import aiomqtt
import msgspec
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dothi.connectors.base import Health
from dothi.connectors.intake import Intake
from dothi.connectors.payloads import Decode
from dothi.connectors.topics import check_filter, wildcards
from dothi.connectors.wide_socket import read_widely
from dothi.model.reading import Decoded, Trouble

#: The broker sends no more than this many messages that are not acknowledged yet (MQTT 5 Receive Maximum).
WINDOW = 10_000
#: Messages without acknowledgement (QoS 0) above this many that wait are dropped and counted.
LONGEST_QUEUE = 20_000
#: For how long the broker keeps the session, and what comes in meanwhile, while dothi is away (seconds).
SESSION = 7 * 24 * 3600
#: Pause between two looks into the inbox (seconds).
BREATH = 0.01


class Subscription(msgspec.Struct, frozen=True):
    """A topic filter and the name of the feed that reads its messages; `type` and `id` as in payloads.Recipe."""

    pattern: str
    feed: str
    type: str | None = None
    id: str | None = None
    qos: int = 1
    context: str | None = None


class MqttSource(msgspec.Struct, frozen=True):
    """One MQTT broker to listen to. A fixed `client_id` keeps the session, and so all messages, over restarts."""

    name: str
    topics: tuple[Subscription, ...]
    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    username: str | None = None
    password: str | None = None
    client_id: str | None = None


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """Messages read from the socket. QoS 1 and 2 are bounded by the window, so none of them is ever dropped."""

    dropped = 0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        if item.qos == 0 and self.qsize() >= LONGEST_QUEUE:
            self.dropped += 1
            return
        super().put_nowait(item)


class MqttConnector:
    """Connects, subscribes, decodes and hands on. Raises aiomqtt.MqttError when the connection fails or ends.

    `feeds` has a decoder for each subscription, by its place in `source.topics`. Raises ValueError for a wrong filter.
    """

    def __init__(self, source: MqttSource, feeds: Mapping[int, Decode], intake: Intake) -> None:
        for subscription in source.topics:
            check_filter(subscription.pattern)
        self.source = source
        self.health = Health(source.name, "mqtt")
        self._feeds = feeds
        self._intake = intake
        self._routes: dict[str, tuple[Decode, str | None] | None] = {}
        self._cause = f"mqtt:{source.name}"

    async def run(self) -> None:
        """One connection, until it fails or is cancelled. Messages not acknowledged come again with the next one."""
        inbox = _Inbox()
        client = self._client(inbox)
        read_widely(client._client)
        # aiomqtt has no manual acknowledgement of its own; the paho client within has, since 2.0.
        client._client.manual_ack_set(True)
        async with client:
            await client.subscribe([(topic.pattern, topic.qos) for topic in self.source.topics])
            self.health.state = "running"
            async for message in client.messages:
                await self._take(client, message)
                self.health.queue = inbox.qsize()
                while not inbox.empty():
                    await self._take(client, inbox.get_nowait())
                # Waking for each message costs more than the message: at 2,000 a second, wait until some are there.
                await asyncio.sleep(BREATH)
                if inbox.dropped:
                    self.health.detail = f"{inbox.dropped} messages of QoS 0 were dropped because the store is slower"

    def _client(self, inbox: _Inbox) -> aiomqtt.Client:
        source = self.source
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION if source.client_id else 0
        properties.ReceiveMaximum = WINDOW
        return aiomqtt.Client(
            source.host, source.port,
            identifier=source.client_id, username=source.username, password=source.password,
            protocol=aiomqtt.ProtocolVersion.V5, clean_start=source.client_id is None, properties=properties,
            tls_context=ssl.create_default_context() if source.tls else None, keepalive=30,
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", lambda maxsize: inbox),
        )  # fmt: skip

    async def _take(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        received = time.monotonic()
        health = self.health
        health.messages += 1
        health.last_message = time.time_ns() // 1000
        topic = str(message.topic)
        decoded, context = self._decode(topic, message.payload)
        health.problems.extend(decoded.problems)
        health.rejected += len(decoded.problems)

        def stored(refusals: list[Trouble]) -> None:
            health.entities += len(decoded.entities) - len(refusals)
            health.values += sum(len(document) - 2 for document in decoded.entities)
            health.rejected += len(refusals)
            health.problems.extend(refusals)
            health.lag_ms = (time.monotonic() - received) * 1000
            if message.qos:
                client._client.ack(message.mid, message.qos)

        if decoded.entities:
            await self._intake.offer(decoded.entities, context, self._cause, stored)
        else:
            stored([])

    def _decode(self, topic: str, payload: Any) -> tuple[Decoded, str | None]:
        """What the feed of the first filter that matches makes of it; garbage is told, acknowledged and forgotten."""
        if topic not in self._routes:
            if len(self._routes) > 100_000:
                self._routes.clear()
            self._routes[topic] = self._route(topic)
        route = self._routes[topic]
        if route is None:
            return Decoded(
                problems=[Trouble(topic, "no subscription has this topic", "the broker sent it unasked")]
            ), None
        message = payload if isinstance(payload, bytes) else str(payload or "").encode()
        return route[0](message, topic), route[1]

    def _route(self, topic: str) -> tuple[Decode, str | None] | None:
        for index, subscription in enumerate(self.source.topics):
            if wildcards(subscription.pattern, topic) is not None:
                return self._feeds[index], subscription.context
        return None
