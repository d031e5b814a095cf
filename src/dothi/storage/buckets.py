"""Aggregates over periods (GS CIM 009 clause 4.5.19): which bucket a time falls into, and what each bucket says."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson

from dothi.model.errors import BadRequestData
from dothi.model.instant import EPOCH, MICROSECOND
from dothi.model.query import AggregateMethod, Window
from dothi.storage.packing import Floats, Ints
from dothi.storage.store import Bucket

_DURATION = re.compile(
    r"P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_DAY = 86_400_000_000
_MOST_BUCKETS = 1_000_000


def parse_period(text: str) -> tuple[int, int]:
    """(months, microseconds) of an ISO 8601 duration; (0, 0) means the whole range. Raises BadRequestData."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadRequestData(f"aggrPeriodDuration {text!r} is no ISO 8601 duration like PT1H, P1D or P1M")
    years, months, weeks, days, hours, minutes = (int(group or 0) for group in match.groups()[:6])
    seconds = round(float(match[7] or 0) * 1_000_000)
    fixed = (weeks * 7 + days) * _DAY + hours * 3_600_000_000 + minutes * 60_000_000 + seconds
    calendar_months = years * 12 + months
    if calendar_months and fixed:
        raise BadRequestData(f"aggrPeriodDuration {text!r} mixes months with shorter units; use one of them")
    return calendar_months, fixed


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
        return _month_edges(first, last, first if window.start is None else window.start, months)
    anchor = first if window.start is None else window.start
    begin = anchor + (first - anchor) // fixed * fixed
    if (last - begin) // fixed > _MOST_BUCKETS:
        raise BadRequestData(f"aggrPeriodDuration {period!r} would give more than {_MOST_BUCKETS} periods")
    return np.arange(begin, last + fixed + 1, fixed, dtype=np.int64)


def _month_edges(first: int, last: int, start: int, months: int) -> Ints:
    origin = EPOCH + MICROSECOND * start
    found: list[int] = []
    step = 0
    while not found or found[-1] <= last:
        edge = (_add_months(origin, step * months) - EPOCH) // MICROSECOND
        if edge <= first:
            found = [edge]
        else:
            found.append(edge)
        step += 1
    return np.array(found, np.int64)


def _add_months(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


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
            int(borders[index + 1]),
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
        Bucket(int(borders[index]), int(borders[index + 1]), {method: _of_any(method, group) for method in methods})
        for index, group in groups.items()
    ]


def _of_any(method: AggregateMethod, group: Sequence[Any]) -> Any:
    if method == "totalCount":
        return len(group)
    if method == "distinctCount":
        return len({orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in group})
    if method in ("min", "max") and all(isinstance(value, str) for value in group):
        return min(group) if method == "min" else max(group)
    numbers = [number for number in map(_as_number, group) if number is not None]
    if not numbers:
        return None
    if method in ("min", "max"):
        return min(numbers) if method == "min" else max(numbers)
    total = math.fsum(numbers)
    mean = total / len(numbers)
    if method == "sum":
        return total
    if method == "avg":
        return mean
    if method == "sumsq":
        return math.fsum(number * number for number in numbers)
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list):
        return float(len(value))
    return None
