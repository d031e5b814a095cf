"""The alarms in memory: every open one and the closed ones of late, filtered, sorted, and streamed to who watches."""

from __future__ import annotations

import asyncio
import unicodedata
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from dothi.automation.alarms.alarm import RANK, SEVERITIES, Alarm, Severity
from dothi.automation.alarms.entity import ACTIVE, TYPE, alarm_of
from dothi.broker.clock import wall_clock
from dothi.model.change import Change
from dothi.model.errors import Overloaded
from dothi.model.query import EntityQuery, Name
from dothi.storage.store import Store

#: Alarms read from the store at once when the board opens.
PAGE: Final = 2_000
#: Closed alarms kept in memory; of more, those that were closed longest ago are in the store only.
MOST_CLOSED: Final = 10_000
#: Streams at once; one more is refused with 503.
MOST_WATCHERS: Final = 500
#: Changed alarms that one stream may be behind before it is given a fresh snapshot instead.
MOST_PENDING: Final = 1_000
#: More alarms raised than FLOOD within FLOOD_WINDOW microseconds are a flood (ISA-18.2: 10 in 10 minutes).
FLOOD: Final = 10
FLOOD_WINDOW: Final = 600_000_000
#: Raisings remembered to tell a flood by.
MOST_RAISINGS: Final = 5_000

State = Literal["open", "active", "cleared", "acknowledged", "unacknowledged", "shelved", "closed", "all"]
STATES: Final[tuple[State, ...]] = get_args(State)
Sort = Literal["severity", "raised", "-raised", "last", "-last", "count", "title"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alarms: every given part must hold. `states` must all hold; `text` is matched without diacritics."""

    states: tuple[State, ...] = ("open",)
    severities: tuple[Severity, ...] = ()
    assignee: str | None = None
    types: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    text: str = ""

    def matches(self, alarm: Alarm, now: int) -> bool:
        return (
            all(_holds(state, alarm, now) for state in self.states)
            and (not self.severities or alarm.severity in self.severities)
            and (self.assignee is None or (alarm.assignee or "") == self.assignee)
            and (not self.types or alarm.source_type in self.types)
            and (not self.rules or alarm.rule in self.rules)
            and (not self.sources or alarm.source in self.sources)
            and (not self.text or all(word in _text(alarm) for word in fold(self.text).split()))
        )


def _holds(state: State, alarm: Alarm, now: int) -> bool:
    match state:
        case "open":
            return alarm.is_open(now)
        case "active":
            return alarm.active
        case "cleared":
            return not alarm.active
        case "acknowledged":
            return alarm.acknowledged
        case "unacknowledged":
            return not alarm.acknowledged
        case "shelved":
            return alarm.is_shelved(now)
        case "closed":
            return alarm.is_closed()
        case "all":
            return True


def fold(text: str) -> str:
    """Small letters without diacritics, đ as d."""
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _worst_first(alarm: Alarm) -> tuple[int, int, str]:
    return RANK[alarm.severity], -alarm.raised_at, alarm.id


def _text(alarm: Alarm) -> str:
    name = alarm.source_name or ""
    parts = [*alarm.title.values(), *([name] if isinstance(name, str) else name.values())]
    return fold(" ".join([*parts, alarm.rule, alarm.source or "", alarm.assignee or "", alarm.category or ""]))


@dataclass(frozen=True, slots=True)
class Summary:
    """The desk in figures: open alarms by severity, how many of each are unacknowledged, shelved ones, and the flood.

    `raised` counts the alarms raised within FLOOD_WINDOW, `flooding` the open ones by rule where a flood is on.
    """

    open: dict[Severity, int]
    unacknowledged: dict[Severity, int]
    shelved: int
    raised: int
    flood: bool
    flooding: dict[str, int]


@dataclass(slots=True, eq=False)
class Watcher:
    """One open stream: ids of alarms that it has not seen as they are; `behind` asks for a snapshot."""

    changed: set[str] = field(default_factory=set)
    behind: bool = True
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, ids: Iterable[str]) -> None:
        if not self.behind:
            self.changed.update(ids)
            if len(self.changed) > MOST_PENDING:
                self.changed.clear()
                self.behind = True
        self.news.set()


class Board:
    """Follows the store, so that it shows an alarm whichever road it was written by."""

    def __init__(self, store: Store, now: Callable[[], int] = wall_clock) -> None:
        self._store = store
        self._now = now
        self._alarms: dict[str, Alarm] = {}
        #: Those that are not closed: few, and all that the figures of the desk are about.
        self._unclosed: dict[str, Alarm] = {}
        #: Ids of closed alarms in the order of their closing.
        self._closed: dict[str, None] = {}
        self._raisings: deque[int] = deque(maxlen=MOST_RAISINGS)
        self._watchers: set[Watcher] = set()
        self._stop: Callable[[], None] | None = None
        #: Grows with each change that it shows.
        self.seq = 0
        self.closed = False

    async def open(self) -> None:
        """Read what is stored, and follow."""
        early: list[Sequence[Change]] = []
        self._stop = self._store.subscribe(early.append)
        offset = 0
        while True:
            query = EntityQuery(types=Name(TYPE), attributes=(ACTIVE,), limit=PAGE, offset=offset)
            page = await self._store.entities(query)
            for entity in page.entities:
                if (alarm := alarm_of(entity)) is not None:
                    self._keep(alarm)
            if len(page.entities) < PAGE:
                break
            offset += PAGE
        self._stop()
        self._stop = self._store.subscribe(self._take)
        for changes in early:
            self._take(changes)

    def close(self) -> None:
        """End every stream and follow no more."""
        self.closed = True
        if self._stop is not None:
            self._stop()
            self._stop = None
        for watcher in self._watchers:
            watcher.news.set()

    def get(self, id: str) -> Alarm | None:
        return self._alarms.get(id)

    def some(self, ids: Iterable[str]) -> list[Alarm]:
        return [self._alarms[id] for id in ids if id in self._alarms]

    def unclosed(self) -> list[Alarm]:
        """Every alarm that is not closed, worst first."""
        return sorted(self._unclosed.values(), key=_worst_first)

    def everything(self) -> list[Alarm]:
        """Every alarm that is held, in no order."""
        return list(self._alarms.values())

    def find(self, wanted: Filter, sort: Sort = "severity") -> list[Alarm]:
        """Alarms that match; by severity they stand worst first, and of one severity the newest first."""
        now = self._now()
        found = [alarm for alarm in self._alarms.values() if wanted.matches(alarm, now)]
        match sort:
            case "severity":
                found.sort(key=_worst_first)
            case "raised" | "-raised":
                found.sort(key=lambda alarm: (alarm.raised_at, alarm.id), reverse=sort[0] == "-")
            case "last" | "-last":
                found.sort(key=lambda alarm: (alarm.last_at, alarm.id), reverse=sort[0] == "-")
            case "count":
                found.sort(key=lambda alarm: (-alarm.count, alarm.id))
            case "title":
                found.sort(key=lambda alarm: (fold(alarm.title.get("vi", "")), alarm.id))
        return found

    def shelved_till(self, now: int) -> list[str]:
        """Ids of alarms whose shelving has ended."""
        return [
            alarm.id
            for alarm in self._alarms.values()
            if alarm.shelved_until is not None and alarm.shelved_until <= now
        ]

    def summary(self) -> Summary:
        now = self._now()
        seen = [alarm for alarm in self._unclosed.values() if alarm.is_open(now)]
        opened = dict.fromkeys(SEVERITIES, 0)
        waiting = dict.fromkeys(SEVERITIES, 0)
        rules: dict[str, int] = {}
        for alarm in seen:
            opened[alarm.severity] += 1
            waiting[alarm.severity] += not alarm.acknowledged
            rules[alarm.rule] = rules.get(alarm.rule, 0) + 1
        raised = sum(at > now - FLOOD_WINDOW for at in self._raisings)
        flood = raised > FLOOD
        shelved = sum(alarm.is_shelved(now) for alarm in self._unclosed.values())
        several = {rule: count for rule, count in rules.items() if count > 1} if flood else {}
        return Summary(opened, waiting, shelved, raised, flood, several)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[Watcher]:
        """A watcher that starts with a snapshot. Raises Overloaded past MOST_WATCHERS."""
        self.admit()
        watcher = Watcher()
        watcher.news.set()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def admit(self) -> None:
        """Whether a watcher can be taken now; raises what `watch` raises."""
        if self.closed:
            raise Overloaded("the server is stopping; try again in a moment")
        if len(self._watchers) >= MOST_WATCHERS:
            raise Overloaded(f"{MOST_WATCHERS} alarm streams are open already; close one or try again later")

    def _take(self, changes: Sequence[Change]) -> None:
        touched = set()
        for change in changes:
            if TYPE not in change.entity.types:
                continue
            id = change.entity.id
            alarm = None if change.kind == "deleted" else alarm_of(change.entity)
            if alarm is not None:
                self._keep(alarm)
            elif self._alarms.pop(id, None) is None:
                continue
            else:
                self._unclosed.pop(id, None)
                self._closed.pop(id, None)
            touched.add(id)
        if touched:
            self.seq = changes[-1].seq
            for watcher in self._watchers:
                watcher.take(touched)

    def _keep(self, alarm: Alarm) -> None:
        old = self._alarms.get(alarm.id)
        if alarm.active and (old is None or not old.active):
            self._raisings.append(alarm.raised_at)
        self._alarms[alarm.id] = alarm
        if not alarm.is_closed():
            self._unclosed[alarm.id] = alarm
            self._closed.pop(alarm.id, None)
            return
        self._unclosed.pop(alarm.id, None)
        if alarm.id not in self._closed:
            self._closed[alarm.id] = None
            if len(self._closed) > MOST_CLOSED:
                oldest = next(iter(self._closed))
                del self._closed[oldest], self._alarms[oldest]
