"""Conditions on all values within a time: windows and rates, one value at a time and from whole columns."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from dothi.automation.rules.bounds import UNKNOWN, Floats, Ints, Limits, Truths, number_of
from dothi.automation.rules.columns import Series, flips
from dothi.automation.rules.definition import Rate, Window
from dothi.automation.rules.durations import micros
from dothi.automation.rules.event import Event, Flip

#: Decimals of a mean or sum: running totals and differences of cumulated ones must not disagree in their last bits.
DIGITS = 9


class _Held:
    """The values of one entity within the span, and the truth that they gave last."""

    __slots__ = ("points", "total", "truth")

    def __init__(self) -> None:
        self.points: deque[tuple[int, float]] = deque()
        self.total = 0.0
        self.truth: bool | None = None


class SpanLeaf:
    """A window or a rate: (time - over, time] is looked at with each value."""

    def __init__(self, condition: Window | Rate) -> None:
        self.attribute: str | None = condition.attribute
        self.late = 0
        self._over = micros(condition.over)
        self.patience: int | None = self._over
        self._limits = Limits(condition)
        self._method = "rate" if isinstance(condition, Rate) else condition.method
        self._points = 2 if isinstance(condition, Rate) else condition.points
        self._per = micros(condition.per) if isinstance(condition, Rate) else 0
        self._state: dict[str, _Held] = {}

    def take(self, event: Event) -> Flip | None:
        number = number_of(event.value)
        if number is None:
            return self._forgotten(event) if event.value is None else None
        held = self._state.get(event.entity)
        if held is None:
            held = self._state[event.entity] = _Held()
        points = held.points
        newest = points[-1][0] if points else event.time
        if event.time > newest or not points:
            points.append((event.time, number))
        elif not self._insert(points, event.time, number, newest):
            return None
        held.total += number
        now = max(newest, event.time)
        self._drop_old(held, now)
        value = self._value(held)
        truth = None if value is None else self._limits.judge(value, held.truth)
        if truth is held.truth:
            return None
        held.truth = truth
        return Flip(now, event.entity, truth, value, False, event.depth)

    def _insert(self, points: deque[tuple[int, float]], time: int, number: float, newest: int) -> bool:
        """Put a late value among the others; whether it is within the span."""
        self.late += 1
        if time <= newest - self._over or any(each[0] == time for each in points):
            return False
        ordered = list(points)
        insort(ordered, (time, number))
        points.clear()
        points.extend(ordered)
        return True

    def _drop_old(self, held: _Held, now: int) -> None:
        points, first = held.points, now - self._over
        while points and points[0][0] <= first:
            held.total -= points.popleft()[1]

    def _value(self, held: _Held) -> float | None:
        points, method = held.points, self._method
        if len(points) < self._points:
            return None
        if method == "rate":
            (first, low), (last, high) = points[0], points[-1]
            return (high - low) / (last - first) * self._per if last > first else None
        if method == "count":
            return float(len(points))
        if method == "min":
            return min(point[1] for point in points)
        if method == "max":
            return max(point[1] for point in points)
        return round(held.total / len(points) if method == "mean" else held.total, DIGITS)

    def _forgotten(self, event: Event) -> Flip | None:
        held = self._state.pop(event.entity, None)
        return None if held is None or held.truth is None else Flip(event.time, event.entity, None, None)

    def due(self, entity: str) -> int | None:
        held = self._state.get(entity)
        return None if held is None or not held.points else held.points[-1][0] + self._over

    def elapse(self, entity: str, now: int) -> Flip | None:
        due = self.due(entity)
        if due is None or due > now:
            return None
        held = self._state.pop(entity)
        return None if held.truth is None else Flip(due, entity, None, None, True)

    def past(self, series: Sequence[Series], end: int) -> list[Flip]:
        found: list[Flip] = []
        for one in series:
            for run, forgotten in _runs(one):
                flipped = self._flips(run)
                if forgotten is not None and flipped and flipped[-1].timed and flipped[-1].time > forgotten:
                    flipped[-1] = Flip(forgotten, one.entity, None)
                found += flipped
        return found

    def _flips(self, series: Series) -> list[Flip]:
        known = ~np.isnan(series.numbers)
        times, numbers = series.times[known], series.numbers[known]
        if not len(times):
            return []
        values = self._values(times, numbers)
        clean = Series(series.entity, series.types, series.attribute, times, values)
        # A break in which all values fall out of the span begins anew, hysteresis included.
        starts = np.flatnonzero(np.append(True, times[1:] - times[:-1] > self._over))
        told = np.isnan(values)
        if len(starts) == 1 and not told.any():
            truths = self._limits.judge_all(values, ~told)
        else:
            truths = self._pieces(values, told, starts)
        return flips(clean, truths, None, self._over)

    def _pieces(self, values: Floats, unknown: Any, starts: Ints) -> Truths:
        """Truths of runs that know nothing of one another: they begin at `starts` and after what is not known."""
        cuts = np.unique(np.concatenate([starts, np.flatnonzero(unknown), np.flatnonzero(unknown) + 1]))
        cuts = cuts[cuts < len(values)]
        truths = np.full(len(values), UNKNOWN, np.int8)
        for first, last in zip(cuts, [*cuts[1:], len(values)], strict=True):
            if not unknown[first]:
                truths[first:last] = self._limits.judge_all(values[first:last], ~unknown[first:last])
        return truths

    def _values(self, times: Ints, numbers: Floats) -> Floats:
        """What the window says after each value, NaN where it does not."""
        first = np.searchsorted(times, times - self._over, side="right")
        counts = np.arange(len(times)) - first + 1
        if self._method == "rate":
            with np.errstate(divide="ignore", invalid="ignore"):
                values = (numbers - numbers[first]) / (times - times[first]) * self._per
        elif self._method == "count":
            values = counts.astype(np.float64)
        elif self._method in ("min", "max"):
            values = extreme(numbers, first, np.minimum if self._method == "min" else np.maximum)
        else:
            sums = np.append(0.0, np.cumsum(numbers))
            values = sums[1:] - sums[first]
            values = np.round(values / counts if self._method == "mean" else values, DIGITS)
        return np.where(counts >= self._points, values, np.nan)

    def threshold(self, value: Any) -> Any:
        return self._limits.crossed(value)

    def export(self) -> Any:
        return {entity: (list(held.points), held.truth) for entity, held in self._state.items()}

    def restore(self, state: Any) -> None:
        self._state = {}
        for entity, (points, truth) in state.items():
            held = self._state[entity] = _Held()
            held.points.extend((int(time), float(number)) for time, number in points)
            held.total, held.truth = sum(point[1] for point in held.points), truth


def _runs(series: Series) -> list[tuple[Series, int | None]]:
    """The series cut where a deletion makes everything be forgotten, each part with the time of its deletion."""
    if series.deleted is None:
        return [(series, None)]
    cuts = np.flatnonzero(series.deleted)
    ends: list[int | None] = [*series.times[cuts].tolist(), None]
    return [
        (Series(series.entity, series.types, series.attribute, series.times[a:b], series.numbers[a:b]), end)
        for a, b, end in zip([0, *(cuts + 1)], [*cuts, len(series.times)], ends, strict=True)
        if b > a
    ]


def extreme(numbers: Floats, first: Ints, choose: np.ufunc) -> Floats:
    """The least or greatest of numbers[first[i]..i] for each i: two overlapping runs of a power of two cover it."""
    count = len(numbers)
    lengths = np.arange(count) - first + 1
    found = np.empty(count)
    level, size = numbers, 1
    powers = np.floor(np.log2(lengths)).astype(np.int64)
    for power in range(int(powers.max()) + 1):
        chosen = np.flatnonzero(powers == power)
        # level[i] is the extreme of the `size` numbers that end at i.
        found[chosen] = choose(level[chosen], level[first[chosen] + size - 1])
        shifted = np.concatenate([level[:size], choose(level[size:], level[:-size])]) if size < count else level
        level, size = shifted, size * 2
    return found
