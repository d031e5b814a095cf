"""Aggregates over periods (GS CIM 009 clause 4.5.19): which bucket a time falls into, and what each bucket says."""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from dothi.model.duration import parse_period
from dothi.model.errors import BadRequestData
from dothi.model.instant import EPOCH, MICROSECOND, parse_instant
from dothi.model.query import AggregateMethod, Window
from dothi.storage.packing import Floats, Ints
from dothi.storage.store import Bucket

_MOST_BUCKETS = 1_000_000
#: The last instant that can be written.
_LAST = 253_402_300_799_999_999


def edges(first: int, last: int, window: Window, period: str) -> Ints:
    """Borders of the buckets from the one that holds `first` to the end of the one that holds `last`.

    Periods are counted from the start of the window, else from the first instance: they divide the time range of the
    query (clause 4.5.19.0), which begins with one of these. Months are as long as the calendar has them, in UTC.
    """
    months, fixed = parse_period(period)
    if not months and not fixed:
        start = first if window.start is None else window.start
        return np.array([start, last + 1 if window.end is None else max(window.end, last + 1)], np.int64)
    if months:
        return _calendar_edges(first, last, first if window.start is None else window.start, months, fixed)
    anchor = first if window.start is None else window.start
    begin = anchor + (first - anchor) // fixed * fixed
    if (last - begin) // fixed > _MOST_BUCKETS:
        raise BadRequestData(f"aggrPeriodDuration {period!r} would give more than {_MOST_BUCKETS} periods")
    return np.arange(begin, last + fixed + 1, fixed, dtype=np.int64)


def _calendar_edges(first: int, last: int, start: int, months: int, fixed: int) -> Ints:
    found: list[int] = []
    step = 0
    while not found or found[-1] <= last:
        edge = _after_months(start, step * months) + step * fixed
        if edge <= first:
            found = [edge]
        else:
            found.append(edge)
        step += 1
    return np.array(found, np.int64)


def _after_months(start: int, months: int) -> int:
    """The instant so many calendar months after another, in UTC; beyond the year 9999 just some later one."""
    moment = EPOCH + MICROSECOND * start
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if year > 9999:
        return _LAST + year * 12 + month
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return (moment.replace(year=year, month=month + 1, day=day) - EPOCH) // MICROSECOND


def aggregate_numbers(
    times: Ints, values: Floats, window: Window, methods: Sequence[AggregateMethod], period: str
) -> list[Bucket]:
    """Buckets of numbers in time order; periods without instances are left out."""
    borders = edges(int(times[0]), int(times[-1]), window, period)
    bucket = np.searchsorted(borders, times, side="right") - 1
    starts = np.flatnonzero(np.append(True, bucket[1:] != bucket[:-1]))
    counts = np.diff(np.append(starts, len(times)))
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond all doubles is infinite or undefined
        columns = {method: _NUMERIC[method](values, starts, counts) for method in methods}
    return [
        Bucket(
            int(borders[index]),
            min(int(borders[index + 1]), _LAST),
            {method: column[position] for method, column in columns.items()},
        )
        for position, index in enumerate(bucket[starts].tolist())
    ]


def _sums(values: Floats, starts: Ints, counts: Ints) -> Floats:
    sums: Floats = np.add.reduceat(values, starts)
    return sums


def _stddev(values: Floats, starts: Ints, counts: Ints) -> list[float]:
    means = _sums(values, starts, counts) / counts
    away = values - np.repeat(means, counts)
    deviations: list[float] = np.sqrt(_sums(away * away, starts, counts) / counts).tolist()
    return deviations


def _distinct(values: Floats, starts: Ints, counts: Ints) -> list[int]:
    return [len(np.unique(part)) for part in np.split(values, starts[1:])]


_NUMERIC: dict[AggregateMethod, Callable[[Floats, Ints, Ints], Sequence[Any]]] = {
    "totalCount": lambda values, starts, counts: counts.tolist(),
    "distinctCount": _distinct,
    "sum": lambda values, starts, counts: _sums(values, starts, counts).tolist(),
    "avg": lambda values, starts, counts: (_sums(values, starts, counts) / counts).tolist(),
    "min": lambda values, starts, counts: np.minimum.reduceat(values, starts).tolist(),
    "max": lambda values, starts, counts: np.maximum.reduceat(values, starts).tolist(),
    "stddev": _stddev,
    "sumsq": lambda values, starts, counts: _sums(values * values, starts, counts).tolist(),
}


def aggregate_values(
    times: Ints, values: Sequence[Any], window: Window, methods: Sequence[AggregateMethod], period: str
) -> list[Bucket]:
    """Buckets of values of any kind: arrays count by their length, booleans as 0 and 1, texts by order (table
    4.5.19.0-2); a method that has no meaning for the values gives None."""
    borders = edges(int(times[0]), int(times[-1]), window, period)
    bucket = (np.searchsorted(borders, times, side="right") - 1).tolist()
    groups: dict[int, list[Any]] = {}
    for index, value in zip(bucket, values, strict=True):
        groups.setdefault(index, []).append(value)
    return [
        Bucket(
            int(borders[index]),
            min(int(borders[index + 1]), _LAST),
            {method: _of_any(method, group) for method in methods},
        )
        for index, group in groups.items()
    ]


def _of_any(method: AggregateMethod, group: Sequence[Any]) -> Any:
    if method == "totalCount":
        return len(group)
    if method == "distinctCount":
        return len({orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in group})
    if method in ("min", "max"):
        return _outermost(method, [_untyped(value) for value in group])
    numbers = [number for number in map(_as_number, group) if number is not None]
    if not numbers:
        return None
    total = math.fsum(numbers)
    mean = total / len(numbers)
    if method == "sum":
        return total
    if method == "avg":
        return mean
    if method == "sumsq":
        return math.fsum(number * number for number in numbers)
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))


def _outermost(method: AggregateMethod, group: Sequence[Any]) -> Any:
    """The least or greatest: DateTimes by their instants, other texts by code point, all else as numbers."""
    choose = min if method == "min" else max
    if all(isinstance(value, str) for value in group):
        instants = [_instant(value) for value in group]
        if None in instants:
            return choose(group)
        return choose(zip(instants, group, strict=True))[1]
    numbers = [number for number in map(_as_number, group) if number is not None]
    return choose(numbers) if numbers else None


def _untyped(value: Any) -> Any:
    """The text of a JSON-LD typed value such as {"@type": "DateTime", "@value": ...}, others as they are."""
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _instant(text: str) -> int | None:
    try:
        return parse_instant(text)
    except ValueError:
        return None


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list):
        return float(len(value))
    return None
