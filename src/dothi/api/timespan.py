"""Temporal parameters, and the cut of a long history to the part that one answer holds (clauses 4.11 and 6.3.10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from dothi.api.parameters import listed, whole
from dothi.model.duration import parse_period
from dothi.model.entity import Instance
from dothi.model.errors import BadRequestData, InvalidRequest
from dothi.model.instant import format_instant, parse_instant
from dothi.model.patch import SCOPE
from dothi.model.query import Aggregation, TimeProperty, Window
from dothi.storage.store import Bucket, History

#: Parameters of temporal queries (clauses 6.18.3.2 and 6.19.3.1).
TEMPORAL: Final = frozenset({
    "timerel", "timeAt", "endTimeAt", "timeproperty", "lastN", "aggrMethods", "aggrPeriodDuration",
})  # fmt: skip

_PROPERTIES: Final[tuple[TimeProperty, ...]] = ("observedAt", "createdAt", "modifiedAt", "deletedAt")
_METHODS: Final = ("totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq")


@dataclass(frozen=True, slots=True)
class Asked:
    """The window that was asked for; `start` and `end` are the times as given, None where open."""

    window: Window
    given: bool
    start: int | None = None
    end: int | None = None

    def to_read(self, aggregation: Aggregation | None) -> Window:
        """The window of the instances to read: all of them for aggregates, of which the last n periods count."""
        return self.window if aggregation is None else replace(self.window, last=None)


def window_of(parameters: dict[str, str], *, required: bool = False) -> Asked:
    """The window of timerel, timeAt, endTimeAt, timeproperty and lastN: before is exclusive, after is inclusive (4.11).

    Raises BadRequestData naming the parameter.
    """
    property = parameters.get("timeproperty", "observedAt")
    if property not in _PROPERTIES:
        raise BadRequestData(f"timeproperty={property} is unknown: write one of {', '.join(_PROPERTIES)}.")
    last = _last(parameters)
    window = Window(property=property, last=last)
    relation = parameters.get("timerel")
    if relation is None:
        for name in ("timeAt", "endTimeAt"):
            if name in parameters:
                raise BadRequestData(f"{name} without timerel: add timerel=before, after or between.")
        if required and last is None:
            raise BadRequestData("A temporal query needs timerel with timeAt, or lastN.")
        return Asked(window, False)
    at = _time(parameters, "timeAt")
    if relation == "before":
        return Asked(replace(window, end=at), True, end=at)
    if relation == "after":
        return Asked(replace(window, start=at), True, start=at)
    if relation == "between":
        end = _time(parameters, "endTimeAt")
        if end < at:
            raise BadRequestData("endTimeAt lies before timeAt: change them round.")
        return Asked(replace(window, start=at, end=end), True, at, end)
    raise BadRequestData(f"timerel={relation} is unknown: write before, after or between.")


def _last(parameters: dict[str, str]) -> int | None:
    if "lastN" not in parameters:
        return None
    try:
        return whole(parameters, "lastN", 0, 1)
    except InvalidRequest as fault:
        raise BadRequestData(fault.detail) from None


def _time(parameters: dict[str, str], name: str) -> int:
    text = parameters.get(name)
    if text is None:
        raise BadRequestData(f"timerel={parameters['timerel']} needs {name}: add a DateTime like 2026-01-31T08:00:00Z.")
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as fault:
        raise BadRequestData(f"{name}: {fault}.") from None


def aggregation_of(parameters: dict[str, str]) -> Aggregation:
    """The aggregation of aggrMethods and aggrPeriodDuration (clauses 4.5.19, 5.2.44). Raises BadRequestData."""
    methods = listed(parameters, "aggrMethods")
    if not methods:
        raise BadRequestData(f"aggregatedValues needs aggrMethods: write some of {', '.join(_METHODS)}.")
    for method in methods:
        if method not in _METHODS:
            raise BadRequestData(f"aggrMethods={method} is unknown: write some of {', '.join(_METHODS)}.")
    period = parameters.get("aggrPeriodDuration", "PT0S")
    parse_period(period)
    return Aggregation(methods, period)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Part:
    """The part of some histories that fits into one answer; `first` and `last` are its times, None where all fits."""

    histories: list[History]
    first: int | None = None
    last: int | None = None


def part_of(histories: list[History], window: Window, limit: int) -> Part:
    """At most about `limit` instances, the earliest ones, or the latest where the window asks for the last n.

    It is cut between two times over all attributes, so that the rest can be asked for; instances of one time stay
    together. An attribute of which nothing is left stays with an empty list.
    """
    total = sum(len(several) for history in histories for _, several in _counted(history))
    if total <= limit:
        return Part(histories)
    latest = window.last is not None
    times = sorted(_times(histories, window.property), reverse=latest)
    edge = times[limit - 1]

    def kept(instance: Instance) -> bool:
        time = _time_of(instance, window.property)
        return time >= edge if latest else time <= edge

    cut = [
        replace(
            history,
            attributes={**history.attributes, **{name: list(filter(kept, all)) for name, all in _counted(history)}},
        )
        for history in histories
    ]
    return Part(cut, times[0], edge)


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods of aggregates that fit into one answer, by entity and attribute; `first` and `last` as in Part."""

    buckets: dict[str, dict[str, list[Bucket]]]
    first: int | None = None
    last: int | None = None


def part_of_periods(buckets: dict[str, dict[str, list[Bucket]]], window: Window, limit: int) -> Periods:
    """At most about `limit` periods of all attributes together, cut between two times as instances are.

    With `window.last` these are the last n periods of each attribute, newest first.
    """
    latest = window.last is not None
    if latest:
        buckets = _each(buckets, lambda several: several[: -(window.last or 0) - 1 : -1])
    times = sorted((b.start for by in buckets.values() for several in by.values() for b in several), reverse=latest)
    if len(times) <= limit:
        return Periods(buckets)
    edge = times[limit - 1]
    cut = _each(buckets, lambda several: [b for b in several if (b.start >= edge if latest else b.start <= edge)])
    last = edge if latest else max(b.end for by in cut.values() for several in by.values() for b in several)
    return Periods(cut, times[0], last)


def _each(
    buckets: dict[str, dict[str, list[Bucket]]], change: Callable[[list[Bucket]], list[Bucket]]
) -> dict[str, dict[str, list[Bucket]]]:
    return {id: {name: change(several) for name, several in by.items()} for id, by in buckets.items()}


def content_range(part: Part | Periods, asked: Asked) -> str:
    """The Content-Range of an answer that is a part: from the start asked for to the last time in it (6.3.10)."""
    assert part.first is not None
    assert part.last is not None
    last = asked.window.last
    start = asked.end if last is not None else asked.start
    size = "*" if last is None else str(last)
    first = part.first if start is None else start
    return f"date-time {format_instant(first)}-{format_instant(part.last)}/{size}"


def _times(histories: list[History], property: TimeProperty) -> list[int]:
    return [
        _time_of(instance, property)
        for history in histories
        for _, several in _counted(history)
        for instance in several
    ]


def _counted(history: History) -> list[tuple[str, list[Instance]]]:
    """Attributes with their instances; the scope is always shown as a whole."""
    return [(name, several) for name, several in history.attributes.items() if name != SCOPE]


def _time_of(instance: Instance, property: TimeProperty) -> int:
    time: Any = instance.get(property)
    if time is None:
        time = instance.get("modifiedAt", 0)
    return parse_instant(time) if isinstance(time, str) else int(time)
