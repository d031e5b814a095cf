"""Brings letters to their receivers: lanes per endpoint, so that a dead one delays nobody, with rest after failure."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from dothi.broker.mailbox import Letter, Mailbox
from dothi.broker.poster import Address, Poster, PostFailed, Unreachable, parse_address
from dothi.model.errors import TargetRefused

log = structlog.get_logger(__name__)

#: Answers that say that this very notification is unwelcome, whatever the weather. 408, 425 and 429 are weather.
REFUSALS: Final = frozenset(range(400, 500)) - {408, 425, 429}


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


@dataclass(slots=True)
class Lane:
    """The way to one endpoint (scheme, host and port). `failures` count connections that failed in a row."""

    ready: deque[Mailbox] = field(default_factory=deque)
    workers: int = 0
    busy: int = 0
    failures: int = 0
    closed: bool = False


class Delivery:
    """Posts what mailboxes hold; one letter of a subscription at a time, so its order stands."""

    def __init__(self, office: Office, poster: Poster, terms: Terms, tasks: asyncio.TaskGroup) -> None:
        self._office = office
        self._poster = poster
        self._terms = terms
        self._tasks = tasks
        self._lanes: dict[tuple[bool, str, int], Lane] = {}
        self._addresses: dict[str, Address] = {}
        self._timers: set[asyncio.TimerHandle] = set()

    def ready(self, mailbox: Mailbox) -> None:
        """The mailbox has something to send. Cheap, and may be called again and again."""
        if mailbox.phase != "idle" or mailbox.gone:
            return
        mailbox.phase = "queued"
        origin = self._address(mailbox).origin
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = Lane()
        lane.ready.append(mailbox)
        self._staff(lane)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call after some time, unless delivery was closed by then."""

        def due() -> None:
            self._timers.discard(handle)
            call()

        handle = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(handle)

    def sweep(self) -> None:
        """Drop lanes and addresses that nobody uses."""
        self._poster.sweep()
        self._lanes = {
            origin: lane for origin, lane in self._lanes.items() if lane.ready or lane.workers or lane.closed
        }
        if len(self._addresses) > 10_000:
            self._addresses.clear()

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._poster.close()

    def _address(self, mailbox: Mailbox) -> Address:
        uri = mailbox.subscription.endpoint.uri
        address = self._addresses.get(uri)
        if address is None:
            address = self._addresses[uri] = parse_address(uri)
        return address

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
            self.later(rest, lambda: self._rested(mailbox))
        else:
            mailbox.phase = "idle"
            if mailbox.has_mail:
                self.ready(mailbox)

    def _rested(self, mailbox: Mailbox) -> None:
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
            status = await self._poster.post(self._address(mailbox), letter.head, letter.body, seconds)
        except TargetRefused as refused:
            await self._office.failed(mailbox, letter, refused.detail, final=False)
            return self._rest_of(mailbox)
        except PostFailed as fault:
            await self._office.failed(mailbox, letter, str(fault), final=False)
            if not isinstance(fault, Unreachable):
                return self._rest_of(mailbox)
            self._close_lane(lane)
            return endpoint.cooldown
        lane.failures = 0
        if 200 <= status < 300:
            self._office.delivered(mailbox, letter)
            return 0.0
        final = status == 410 or (status in REFUSALS and mailbox.attempts + 1 >= terms.refusals)
        await self._office.failed(mailbox, letter, f"the receiver answered {status}", final=final)
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
