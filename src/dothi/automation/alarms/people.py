"""Tells people of alarms by the ways that the settings declare (Zalo, Telegram, e-mail, webhooks), never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import structlog

from dothi.automation.alarms.alarm import RANK, Act, Alarm, Severity
from dothi.broker.clock import wall_clock
from dothi.model.errors import BadGateway, ResourceNotFound

log = structlog.get_logger(__name__)

#: Quiet hours and the times in messages are of Vietnam.
ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
#: Messages that wait for one channel; one more, and the oldest is given up and counted as failed.
MOST_WAITING: Final = 200
#: Messages gather for so long, seconds: what comes together is sent as one.
GATHER: Final = 1.0
#: Lines of a message that tells of several alarms.
MOST_LINES: Final = 20
#: Pauses before a message is tried again, seconds; after the last it has failed.
PAUSES: Final = (2.0, 10.0, 60.0)
#: The longest that one attempt may take, seconds.
DEADLINE: Final = 30.0

Language = Literal["vi", "en"]

_QUIET: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)

WORDS: Final[dict[Language, dict[str, str]]] = {
    "vi": {
        "critical": "NGHIÊM TRỌNG", "major": "NẶNG", "minor": "NHẸ", "advisory": "LƯU Ý", "several": "{count} cảnh báo",
        "more": "… và {count} cảnh báo nữa", "at": "Lúc {time}", "threshold": "ngưỡng", "test": "Tin nhắn thử từ dothi",
    },
    "en": {
        "critical": "CRITICAL", "major": "MAJOR", "minor": "MINOR", "advisory": "ADVISORY", "several": "{count} alarms",
        "more": "… and {count} more", "at": "At {time}", "threshold": "threshold", "test": "Test message from dothi",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day in which only what is critical may disturb; they may pass midnight."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Quiet:
        """Of "22:00-06:00". Raises ValueError."""
        found = _QUIET.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} are no quiet hours; write them like 22:00-06:00")
        first, second, third, fourth = map(int, found.groups())
        return cls(time(first, second), time(third, fourth))

    def covers(self, micros: int) -> bool:
        moment = datetime.fromtimestamp(micros / 1_000_000, ZONE).time()
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to people: `urls` as apprise writes them, the least `severity` they want, and when they sleep."""

    name: str
    urls: tuple[str, ...]
    severity: Severity = "major"
    quiet: Quiet | None = None
    language: Language = "vi"

    def wants(self, severity: Severity, now: int) -> bool:
        if RANK[severity] > RANK[self.severity]:
            return False
        return severity == "critical" or self.quiet is None or not self.quiet.covers(now)


@dataclass(frozen=True, slots=True)
class Message:
    """What people are told: a line and its text, in both languages."""

    severity: Severity
    title: dict[Language, str]
    body: dict[Language, str]


#: deliver(urls, title, body, severity): blocks until it is sent; raises DeliveryFailed with the reason.
Deliver = Callable[[Sequence[str], str, str, Severity], None]


class DeliveryFailed(Exception):
    """A message could not be sent; the text says why, without the address, which may hold a secret.

    `left` are the addresses that did not take it; empty: all of them.
    """

    def __init__(self, told: str, left: tuple[str, ...] = ()) -> None:
        super().__init__(told)
        self.left = left


@dataclass(slots=True)
class Fare:
    """How a channel fares; times are microseconds."""

    channel: Channel
    waiting: deque[Message] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    sent: int = 0
    failed: int = 0
    last_sent: int | None = None
    last_error: str | None = None


class People:
    """The channels of one city. `tell` returns at once; each channel has a queue and a thread's worth of patience."""

    def __init__(
        self,
        channels: Sequence[Channel],
        deliver: Deliver | None = None,
        *,
        now: Callable[[], int] = wall_clock,
        pauses: Sequence[float] = PAUSES,
        deadline: float = DEADLINE,
    ) -> None:
        self._fares = {channel.name: Fare(channel) for channel in channels}
        self._deliver = deliver or by_apprise
        self._now = now
        self._pauses = pauses
        self._deadline = deadline
        # Threads of their own: an address that hangs must not take those that the rest of the house needs.
        self._threads = ThreadPoolExecutor(max(1, len(channels)), "people")

    @property
    def names(self) -> list[str]:
        return list(self._fares)

    def hear(self, alarm: Alarm, act: Act) -> None:
        """Tell of an alarm that was raised or has become worse; a listener for Alarms.subscribe."""
        now = self._now()
        if act.deed in ("raise", "worsen") and not act.flooded and not alarm.acknowledged and not alarm.is_shelved(now):
            self.tell(message_of(alarm))

    def tell(self, message: Message, to: Collection[str] | None = None) -> int:
        """Send to the channels that want it, or to those of `to` whatever their wishes; how many will be told.

        This is the hook of the shift desk's escalation: tell(message_of(alarm), to=["truong-ca"]).
        """
        now = self._now()
        if to is None:
            fares = [fare for fare in self._fares.values() if fare.channel.wants(message.severity, now)]
        else:
            fares = [self._fares[name] for name in dict.fromkeys(to) if name in self._fares]
        for fare in fares:
            if len(fare.waiting) >= MOST_WAITING:
                fare.waiting.popleft()
                fare.failed += 1
                fare.last_error = f"more than {MOST_WAITING} messages waited; the oldest was given up"
            fare.waiting.append(message)
            fare.arrived.set()
        return len(fares)

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            for fare in self._fares.values():
                group.create_task(self._serve(fare))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def test(self, name: str) -> None:
        """Send a test message now. Raises ResourceNotFound, BadGateway with the reason."""
        fare = self._fares.get(name)
        if fare is None:
            raise ResourceNotFound(f"no channel {name!r}; the settings declare {', '.join(self._fares) or 'none'}")
        text = WORDS[fare.channel.language]["test"]
        try:
            await self._send(fare, fare.channel.urls, text, text, "advisory")
        except DeliveryFailed as failure:
            raise BadGateway(f"{name}: {failure}") from failure

    def fare(self) -> list[dict[str, Any]]:
        """How each channel fares, without its addresses: times in milliseconds."""
        return [
            {
                "name": fare.channel.name,
                "severity": fare.channel.severity,
                "quiet": None if fare.channel.quiet is None else _hours(fare.channel.quiet),
                "sent": fare.sent,
                "failed": fare.failed,
                "waiting": len(fare.waiting),
                "last_sent": None if fare.last_sent is None else fare.last_sent // 1000,
                "last_error": fare.last_error,
            }
            for fare in self._fares.values()
        ]

    async def _serve(self, fare: Fare) -> None:
        while True:
            await fare.arrived.wait()
            await asyncio.sleep(GATHER)
            fare.arrived.clear()
            messages = list(fare.waiting)
            fare.waiting.clear()
            if messages:
                await self._send_patiently(fare, messages)

    async def _send_patiently(self, fare: Fare, messages: Sequence[Message]) -> None:
        title, body, severity = digest(messages, fare.channel.language)
        urls = fare.channel.urls
        for pause in (*self._pauses, None):
            try:
                await self._send(fare, urls, title, body, severity)
            except DeliveryFailed as failure:
                urls = failure.left or urls
                log.warning("people could not be told", channel=fare.channel.name, error=str(failure))
                if pause is None:
                    fare.failed += len(messages)
                    return
                await asyncio.sleep(pause)
            else:
                fare.sent += len(messages)
                return

    async def _send(self, fare: Fare, urls: Sequence[str], title: str, body: str, severity: Severity) -> None:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, self._deliver, urls, title, body, severity)
        try:
            async with asyncio.timeout(self._deadline):
                await future
        except TimeoutError:
            fare.last_error = f"no answer within {self._deadline:g} s"
            raise DeliveryFailed(fare.last_error) from None
        except DeliveryFailed as failure:
            fare.last_error = str(failure)
            raise
        fare.last_sent = self._now()
        fare.last_error = None


def message_of(alarm: Alarm) -> Message:
    """An alarm as people are told of it."""
    return Message(
        alarm.severity,
        {language: f"[{WORDS[language][alarm.severity]}] {_title(alarm, language)}" for language in WORDS},
        {language: _body(alarm, language) for language in WORDS},
    )


def digest(messages: Sequence[Message], language: Language) -> tuple[str, str, Severity]:
    """One message of several: title, body, and the worst severity."""
    worst = min(messages, key=lambda message: RANK[message.severity])
    if len(messages) == 1:
        return worst.title[language], worst.body[language], worst.severity
    words = WORDS[language]
    ordered = sorted(messages, key=lambda message: RANK[message.severity])
    lines = [message.title[language] for message in ordered[:MOST_LINES]]
    if len(ordered) > MOST_LINES:
        lines.append(words["more"].format(count=len(ordered) - MOST_LINES))
    title = f"[{words[worst.severity]}] {words['several'].format(count=len(messages))}"
    return title, "\n".join(lines), worst.severity


def by_apprise(urls: Sequence[str], title: str, body: str, severity: Severity) -> None:
    """Send by apprise, blocking. Raises DeliveryFailed."""
    try:
        import apprise
    except ImportError:
        raise DeliveryFailed("the package apprise is not installed; run: pip install apprise") from None
    kinds = {"critical": apprise.NotifyType.FAILURE, "advisory": apprise.NotifyType.INFO}
    kind = kinds.get(severity, apprise.NotifyType.WARNING)
    faults: dict[str, str] = {}
    for place, url in enumerate(urls):
        where = f"urls[{place}] ({url.partition(':')[0]}:…)"
        service = apprise.Apprise.instantiate(url)
        if service is None:
            faults[url] = f"{where} is no address that apprise knows; see the list of its services"
            continue
        with contextlib.closing(_Heard()) as heard:
            if not service.notify(title=title, body=body, notify_type=kind):
                faults[url] = f"{where}: {heard.last or 'the service did not take it'}"
    if faults:
        raise DeliveryFailed("; ".join(faults.values()), tuple(faults))


class _Heard:
    """The last warning that apprise logs: it answers only yes or no, and people want to know why."""

    def __init__(self) -> None:
        import logging
        import threading

        self.last = ""
        thread = threading.get_ident()
        outer = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                if record.thread == thread:
                    outer.last = record.getMessage()[:300]

        self._handler = Handler(logging.WARNING)
        self._logger = logging.getLogger("apprise")
        self._logger.addHandler(self._handler)

    def close(self) -> None:
        self._logger.removeHandler(self._handler)


def _title(alarm: Alarm, language: Language) -> str:
    title = alarm.title.get(language) or next(iter(alarm.title.values()), alarm.rule)
    name = alarm.source_name
    place = name if isinstance(name, str) else name.get(language, "") if name else ""
    return f"{title} – {place}" if place else title


def _body(alarm: Alarm, language: Language) -> str:
    words = WORDS[language]
    lines = []
    if alarm.value is not None:
        limit = "" if alarm.threshold is None else f" ({words['threshold']} {_number(alarm.threshold, language)})"
        lines.append(f"{_number(alarm.value, language)} {alarm.unit}".strip() + limit)
    if alarm.description:
        lines.append(alarm.description.get(language) or next(iter(alarm.description.values()), ""))
    moment = datetime.fromtimestamp(alarm.raised_at / 1_000_000, ZONE)
    lines.append(words["at"].format(time=f"{moment:%H:%M %d/%m/%Y}"))
    lines.append(alarm.id)
    return "\n".join(lines)


def _number(value: float | str | bool, language: Language) -> str:
    if isinstance(value, bool | str):
        return str(value)
    text = f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return text.replace(".", ",") if language == "vi" else text


def _hours(quiet: Quiet) -> str:
    return f"{quiet.start:%H:%M}-{quiet.end:%H:%M}"
