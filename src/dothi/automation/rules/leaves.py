"""Simple conditions on single attributes: each follows events one by one, and gives the same from whole columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from dothi.automation.rules.bounds import ENDS, HOLDS, SAYS_NOTHING, UNKNOWN, Limits, Listed, Truths, number_of
from dothi.automation.rules.columns import Series, flips
from dothi.automation.rules.definition import Silent, Threshold
from dothi.automation.rules.durations import micros
from dothi.automation.rules.event import Event, Flip


class Leaf(Protocol):
    """`attribute` is the name in the rule, None for any; `patience`: microseconds after the last event at which the
    clock may flip it. `late` counts events that came too late to matter."""

    attribute: str | None
    patience: int | None
    late: int

    def take(self, event: Event) -> Flip | None:
        """Follow an event; the flip that it brings."""
        ...

    def due(self, entity: str) -> int | None:
        """When the clock flips it unless an event comes; None when it will not."""
        ...

    def elapse(self, entity: str, now: int) -> Flip | None:
        """The flip that the clock brings at `now`."""
        ...

    def past(self, series: Sequence[Series], end: int) -> list[Flip]:
        """The flips up to `end` of the series of one entity, unordered."""
        ...

    def threshold(self, value: Any) -> Any:
        """The bound that a value which holds has crossed, or what it is compared with."""
        ...

    def export(self) -> Any:
        """The state as JSON; `restore` takes it back."""
        ...

    def restore(self, state: Any) -> None: ...


class ThresholdLeaf:
    """The newest value, against bounds or a list."""

    patience: int | None = None

    def __init__(self, condition: Threshold) -> None:
        self.attribute: str | None = condition.attribute
        self.late = 0
        self._listed = Listed(condition) if condition.equals or condition.differs else None
        self._limits = Limits(condition)
        #: entity -> (time of the newest value, truth)
        self._state: dict[str, tuple[int, bool | None]] = {}

    def take(self, event: Event) -> Flip | None:
        entity, time, value = event.entity, event.time, event.value
        state = self._state.get(entity)
        was = None
        if state is not None:
            if time < state[0]:
                self.late += 1
                return None
            was = state[1]
        truth: bool | None
        if value is None:
            truth = None
        elif self._listed is not None:
            truth = self._listed.judge(value)
        else:
            number = number_of(value)
            if number is None:
                return None
            truth = self._limits.judge(number, was)
        self._state[entity] = (time, truth)
        if truth is was:
            return None
        return Flip(time, entity, truth, value, False, event.depth)

    def due(self, entity: str) -> int | None:
        return None

    def elapse(self, entity: str, now: int) -> Flip | None:
        return None

    def past(self, series: Sequence[Series], end: int) -> list[Flip]:
        return [flip for one in series for flip in flips(one, self._truths(one))]

    def _truths(self, series: Series) -> Truths:
        deleted = series.deleted
        if self._listed is None:
            known = ~np.isnan(series.numbers)
            if deleted is None:
                return self._limits.judge_all(series.numbers, known)
            return _between_deletions(self._limits, series, known)
        judge = self._listed.judge
        truths = np.fromiter((HOLDS if judge(value) else ENDS for value in series.values()), np.int8, len(series.times))
        if deleted is not None:
            truths[deleted] = UNKNOWN
        return truths

    def threshold(self, value: Any) -> Any:
        if self._listed is None:
            return self._limits.crossed(value)
        among = self._listed.equals or self._listed.differs
        return among[0] if len(among) == 1 else list(among)

    def export(self) -> Any:
        return self._state

    def restore(self, state: Any) -> None:
        self._state = {entity: (time, truth) for entity, (time, truth) in state.items()}


def _between_deletions(limits: Limits, series: Series, known: Any) -> Truths:
    """After a deletion nothing is remembered, so that hysteresis begins anew."""
    truths = np.full(len(series.times), SAYS_NOTHING, np.int8)
    cuts = np.flatnonzero(series.deleted)
    for first, last in zip([0, *(cuts + 1)], [*cuts, len(truths)], strict=True):
        if last > first:
            truths[first:last] = limits.judge_all(series.numbers[first:last], known[first:last])
    truths[cuts] = UNKNOWN
    return truths


class SilentLeaf:
    """Nothing heard for a time."""

    def __init__(self, condition: Silent) -> None:
        self.attribute = condition.attribute
        self.patience: int | None = micros(condition.after)
        self.late = 0
        self._after = micros(condition.after)
        #: Nothing counts as silent before this: a dothi that was off did not listen.
        self.listening_since = -(1 << 62)
        #: entity -> (last heard, truth)
        self._state: dict[str, tuple[int, bool]] = {}

    def take(self, event: Event) -> Flip | None:
        state = self._state.get(event.entity)
        if event.value is None:
            return None
        if state is None:
            self._state[event.entity] = (event.time, False)
            return Flip(event.time, event.entity, False, None, False, event.depth)
        if event.time <= state[0]:
            self.late += event.time < state[0]
            return None
        self._state[event.entity] = (event.time, False)
        return Flip(event.time, event.entity, False, None, False, event.depth) if state[1] else None

    def due(self, entity: str) -> int | None:
        state = self._state.get(entity)
        return None if state is None or state[1] else max(state[0], self.listening_since) + self._after

    def elapse(self, entity: str, now: int) -> Flip | None:
        due = self.due(entity)
        if due is None or due > now:
            return None
        self._state[entity] = (self._state[entity][0], True)
        return Flip(due, entity, True, None, True)

    def past(self, series: Sequence[Series], end: int) -> list[Flip]:
        heard = [one.times if one.deleted is None else one.times[~one.deleted] for one in series]
        times = np.unique(np.concatenate(heard)) if len(heard) > 1 else heard[0]
        if not len(times):
            return []
        entity, after = series[0].entity, self._after
        found = [Flip(int(times[0]), entity, False)]
        for position in np.flatnonzero(times[1:] - times[:-1] > after).tolist():
            found.append(Flip(int(times[position]) + after, entity, True, None, True))
            found.append(Flip(int(times[position + 1]), entity, False))
        found.append(Flip(int(times[-1]) + after, entity, True, None, True))
        return found

    def threshold(self, value: Any) -> Any:
        return self._after // 1_000_000

    def export(self) -> Any:
        return self._state

    def restore(self, state: Any) -> None:
        self._state = {entity: (time, truth) for entity, (time, truth) in state.items()}
