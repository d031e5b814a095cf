"""Brings letters to their receivers: lanes per endpoint, so that a dead one delays nobody, with rest after failure."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from dothi.broker.mailbox import Letter, Mailbox
from dothi.broker.poster import PostFailed, Refused, Unreachable
from dothi.model.endpoint import Endpoint
from dothi.model.errors import TargetRefused

log = structlog.get_logger(__name__)

#: Answers that say that this very notification is unwelcome, whatever the weather. 408, 425 and 429 are weather.
#: Redirects, which are not followed, since they could lead inside, are among them.
REFUSALS: Final = frozenset(range(300, 500)) - {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Terms:
    """How hard delivery tries. Seconds."""

    #: Posts at once to one endpoint, each of another subscription.
    at_once: int = 8
    timeout: float = 10.0
    longest_timeout: float = 60.0
    #: Rest after the first failure, doubled with each further one up to the longest, with up to half as jitter.
    rest: float = 0.5
    longest_rest: float = 60.0
    #: A letter that was refused this often, or could not be brought for this long, is given up.
    refusals: int = 5
    age: float = 24 * 3600.0
    #: Letters of one subscription that the outbox keeps; the oldest beyond are given up.
    outbox: int = 10_000
    #: Dead letters kept of one subscription; the oldest beyond are forgotten.
    dead: int = 1000


class Office(Protocol):
    """What delivery asks of the one who keeps the mailboxes."""

    async def next_letter(self, mailbox: Mailbox) -> Letter | None:
        """The letter to send now; None when there is none, or the subscription is not active."""
        ...

    def delivered(self, mailbox: Mailbox, letter: Letter) -> None: ...

    async def failed(self, mailbox: Mailbox, letter: Letter, reason: str, final: bool) -> None: ...


class Carrier(Protocol):
    """A way to bring letters to endpoints: Poster over HTTP, Publisher over MQTT, Carriers by the scheme."""

    def lane(self, endpoint: Endpoint) -> Hashable:
        """Endpoints that are equal in this share a lane: where one cannot be reached, the others cannot either."""
        ...

    async def bring(self, endpoint: Endpoint, letter: Letter, seconds: float) -> int:
        """Bring a letter and return the HTTP status of the answer. Raises PostFailed and its kin, TargetRefused."""
        ...

    def sweep(self) -> None: ...

    def close(self) -> None: ...


class Carriers:
    """Each letter by the carrier for the scheme of its endpoint."""

    def __init__(self, by_scheme: Mapping[str, Carrier]) -> None:
        self._by_scheme = by_scheme

    def lane(self, endpoint: Endpoint) -> Hashable:
        return endpoint.is_mqtt, self._by_scheme[endpoint.scheme].lane(endpoint)

    async def bring(self, endpoint: Endpoint, letter: Letter, seconds: float) -> int:
        return await self._by_scheme[endpoint.scheme].bring(endpoint, letter, seconds)

    def sweep(self) -> None:
        for carrier in set(self._by_scheme.values()):
            carrier.sweep()

    def close(self) -> None:
        for carrier in set(self._by_scheme.values()):
            carrier.close()


@dataclass(slots=True)
class Lane:
    """The way to one endpoint, as its carrier says (scheme, host and port over HTTP).

    `failures` count connections that failed in a row.
    """

    ready: deque[Mailbox] = field(default_factory=deque)
    workers: int = 0
    busy: int = 0
    failures: int = 0
    closed: bool = False


class Delivery:
    """Posts what mailboxes hold; one letter of a subscription at a time, so its order stands."""

    def __init__(self, office: Office, carrier: Carrier, terms: Terms, tasks: asyncio.TaskGroup) -> None:
        self._office = office
        self._carrier = carrier
        self._terms = terms
        self._tasks = tasks
        self._lanes: dict[Hashable, Lane] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def ready(self, mailbox: Mailbox) -> None:
        """The mailbox has something to send. Cheap, and may be called again and again."""
        if mailbox.phase != "idle" or mailbox.gone:
            return
        mailbox.phase = "queued"
        way = self._carrier.lane(mailbox.subscription.endpoint)
        lane = self._lanes.get(way)
        if lane is None:
            lane = self._lanes[way] = Lane()
        lane.ready.append(mailbox)
        self._staff(lane)

    def readdress(self, mailbox: Mailbox) -> None:
        """Its endpoint was changed: what waits goes there at once, whatever became of the old one."""
        if mailbox.phase == "queued":
            for lane in self._lanes.values():
                with contextlib.suppress(ValueError):
                    lane.ready.remove(mailbox)
        if mailbox.phase in ("queued", "resting"):
            mailbox.phase = "idle"
            mailbox.attempts = 0
            if mailbox.has_mail:
                self.ready(mailbox)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after some time, unless delivery was closed by then."""

        def due() -> None:
            self._timers.discard(handle)
            call()

        handle = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(handle)

    def sweep(self) -> None:
        """Drop lanes and connections that nobody uses."""
        self._carrier.sweep()
        self._lanes = {way: lane for way, lane in self._lanes.items() if lane.ready or lane.workers or lane.closed}

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._carrier.close()

    def _staff(self, lane: Lane) -> None:
        """A worker for each mailbox that is ready, up to the limit; a lane that failed is tried by one alone."""
        most = 1 if lane.failures else self._terms.at_once
        while not lane.closed and lane.workers < most and lane.workers - lane.busy < len(lane.ready):
            lane.workers += 1
            self._tasks.create_task(self._work(lane))

    async def _work(self, lane: Lane) -> None:
        while lane.ready and not lane.closed:
            lane.busy += 1
            await self._supervise(lane, lane.ready.popleft())
            lane.busy -= 1
        lane.workers -= 1
        self._staff(lane)

    async def _supervise(self, lane: Lane, mailbox: Mailbox) -> None:
        mailbox.phase = "sending"
        try:
            rest = await self._send(lane, mailbox)
        except Exception:
            log.exception("notification.broken", subscription=mailbox.id)
            rest = self._terms.longest_rest
        if rest:
            mailbox.phase = "resting"
            mailbox.rests += 1
            number = mailbox.rests
            self.later(rest, lambda: self._rested(mailbox, number))
        else:
            mailbox.phase = "idle"
            if mailbox.has_mail:
                self.ready(mailbox)

    def _rested(self, mailbox: Mailbox, number: int) -> None:
        if mailbox.phase != "resting" or mailbox.rests != number:
            return
        mailbox.phase = "idle"
        if mailbox.has_mail:
            self.ready(mailbox)

    async def _send(self, lane: Lane, mailbox: Mailbox) -> float:
        """Send one letter; how long this mailbox has to rest."""
        letter = await self._office.next_letter(mailbox)
        if letter is None:
            return 0.0
        terms = self._terms
        endpoint = mailbox.subscription.endpoint
        seconds = min(endpoint.timeout or terms.timeout, terms.longest_timeout)
        try:
            status = await self._carrier.bring(endpoint, letter, seconds)
        except TargetRefused as refused:
            await self._office.failed(mailbox, letter, refused.detail, final=False)
            return self._rest_of(mailbox)
        except Unreachable as fault:
            await self._office.failed(mailbox, letter, str(fault), final=False)
            self._close_lane(lane)
            return endpoint.cooldown
        except Refused as fault:
            return await self._refused(mailbox, letter, str(fault), at_once=False)
        except PostFailed as fault:
            await self._office.failed(mailbox, letter, str(fault), final=False)
            return self._rest_of(mailbox)
        lane.failures = 0
        if 200 <= status < 300:
            self._office.delivered(mailbox, letter)
            return 0.0
        reason = f"the receiver answered {status}"
        if status in REFUSALS:
            return await self._refused(mailbox, letter, reason, at_once=status == 410)
        await self._office.failed(mailbox, letter, reason, final=False)
        return self._rest_of(mailbox)

    async def _refused(self, mailbox: Mailbox, letter: Letter, reason: str, *, at_once: bool) -> float:
        """A letter that is unwelcome is given up after some tries; how long the mailbox has to rest."""
        final = at_once or mailbox.attempts + 1 >= self._terms.refusals
        await self._office.failed(mailbox, letter, reason, final=final)
        return 0.0 if final else self._rest_of(mailbox)

    def _rest_of(self, mailbox: Mailbox) -> float:
        return max(self._pause(mailbox.attempts), mailbox.subscription.endpoint.cooldown)

    def _pause(self, failures: int) -> float:
        pause = min(self._terms.longest_rest, self._terms.rest * 2.0 ** min(failures - 1, 20))
        return pause * (1 + random.random() / 2)

    def _close_lane(self, lane: Lane) -> None:
        """The breaker: nobody tries this endpoint until the pause is over, then one does."""
        lane.failures += 1
        if not lane.closed:
            lane.closed = True
            self.later(self._pause(lane.failures), lambda: self._open_lane(lane))

    def _open_lane(self, lane: Lane) -> None:
        lane.closed = False
        self._staff(lane)
