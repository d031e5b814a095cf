"""Judges numbers by bounds with hysteresis, and values by lists: one at a time, or a whole column at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dothi.automation.rules.definition import Bounds, Threshold

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: 1 holds, 0 does not, -1 is not known, -2 tells nothing: what was, stays.
Truths = NDArray[np.int8]
HOLDS, ENDS, UNKNOWN, SAYS_NOTHING = 1, 0, -1, -2


def number_of(value: Any) -> float | None:
    """The value as a number that can be judged: no truth value, nothing infinite."""
    kind = value.__class__
    if kind is float:
        return value if math.isfinite(value) else None
    return float(value) if kind is int else None


class Limits:
    """Bounds with hysteresis."""

    __slots__ = ("above", "back_above", "back_below", "below")

    def __init__(self, bounds: Bounds) -> None:
        self.above = math.inf if bounds.above is None else bounds.above
        self.below = -math.inf if bounds.below is None else bounds.below
        self.back_above = self.above - bounds.hysteresis
        self.back_below = self.below + bounds.hysteresis

    def judge(self, number: float, was: bool | None) -> bool:
        if number > self.above or number < self.below:
            return True
        return was is True and not self.back_below <= number <= self.back_above

    def judge_all(self, numbers: Floats, known: NDArray[np.bool_]) -> Truths:
        """The truth after each number in turn; where it is not `known`, SAYS_NOTHING."""
        on = (numbers > self.above) | (numbers < self.below)
        if self.back_above == self.above and self.back_below == self.below:
            truths = on.astype(np.int8)
        else:
            decided = known & (on | ((numbers <= self.back_above) & (numbers >= self.back_below)))
            last = np.maximum.accumulate(np.where(decided, np.arange(len(numbers)), -1))
            truths = np.where(last >= 0, on[last], False).astype(np.int8)
        if not known.all():
            truths[~known] = SAYS_NOTHING
        return truths

    def crossed(self, number: Any) -> float | None:
        """The bound of which a number that holds speaks."""
        value = number_of(number)
        if value is not None and value < self.below:
            return self.below
        if math.isinf(self.above):
            return None if math.isinf(self.below) else self.below
        return self.above


class Listed:
    """Values that are, or are not, among some."""

    __slots__ = ("differs", "equals")

    def __init__(self, threshold: Threshold) -> None:
        self.equals = threshold.equals
        self.differs = threshold.differs

    def judge(self, value: Any) -> bool:
        if self.equals:
            return has_one(value, self.equals)
        return not has_one(value, self.differs)


def has_one(value: Any, wanted: Sequence[Any]) -> bool:
    """Whether the value, or a member of it where it is a list, is one of these; truth values equal no numbers."""
    if isinstance(value, list):
        return any(has_one(each, wanted) for each in value)
    return any(value == each and (value is True or value is False) == isinstance(each, bool) for each in wanted)
