"""The past of one attribute of one entity as columns, and how truths in it become the few flips that matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dothi.automation.rules.bounds import SAYS_NOTHING, UNKNOWN, Floats, Ints, Truths
from dothi.automation.rules.event import Flip


@dataclass(slots=True)
class Series:
    """`times` rise strictly, in microseconds; `numbers` is NaN where an instance has no number or an infinite one.

    `read` gives the values as they were written; `deleted` marks instances that tell of a deletion, None for none.
    """

    entity: str
    types: tuple[str, ...]
    attribute: str
    times: Ints
    numbers: Floats
    read: Callable[[], list[Any]] | None = None
    deleted: Any = None
    _values: list[Any] | None = field(default=None)

    def values(self) -> list[Any]:
        if self._values is None:
            self._values = self.numbers.tolist() if self.read is None else self.read()
        return self._values

    def value(self, position: int) -> Any:
        if self.read is None or not np.isnan(self.numbers[position]):
            number = float(self.numbers[position])
            return int(number) if number.is_integer() and self.read is not None else number
        return self.values()[position]


def flips(
    series: Series, truths: Truths, shown: Callable[[int], Any] | None = None, gap: int | None = None
) -> list[Flip]:
    """Where the truth changes. With `gap`, it is not known any more where nothing has come for so long."""
    times = series.times
    says = np.flatnonzero(truths != SAYS_NOTHING) if (truths == SAYS_NOTHING).any() else None
    when, what = (times, truths) if says is None else (times[says], truths[says])
    if not len(when):
        return []
    lost = np.zeros(0, np.int64)
    fresh = np.append(True, what[1:] != what[:-1])
    if gap is not None:
        wide = np.append(when[1:] - when[:-1] > gap, False)
        lost = np.flatnonzero(wide & (what != UNKNOWN))
        fresh[1:] |= wide[:-1] & (what[1:] != UNKNOWN)
        fresh[1:] &= ~(wide[:-1] & (what[1:] == UNKNOWN))
    tell = shown or series.value
    entity = series.entity
    found = []
    for position in np.flatnonzero(fresh).tolist():
        place = position if says is None else int(says[position])
        truth = _TRUTH[int(what[position])]
        found.append(Flip(int(when[position]), entity, truth, None if truth is None else tell(place)))
    found += [Flip(int(when[position]) + gap, entity, None, None, True) for position in lost.tolist()]  # type: ignore[operator]
    if gap is not None and what[-1] != UNKNOWN:
        found.append(Flip(int(when[-1]) + gap, entity, None, None, True))
    return found


_TRUTH = {1: True, 0: False, -1: None}
