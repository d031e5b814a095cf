"""Which instances of a series a window takes: by time, and by the scope that was valid then (GS CIM 009, 4.11)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from dothi.model.query import Selection, TimeProperty, Window
from dothi.model.selection import select_scopes
from dothi.storage.packing import Ints
from dothi.storage.series import Column

_FOREVER = 1 << 62

#: Stretches of time, from (inclusive) and to (exclusive), in microseconds.
Stretches = list[tuple[int, int]]


def axis(column: Column, property: TimeProperty) -> Ints:
    """The times by which instances are chosen."""
    return column.times if property == "observedAt" else column.recorded


def positions(column: Column, window: Window) -> Ints:
    """Positions that the window takes, in order of the time property, which must be present (clause 4.11).

    Instances that have expired are not among them (clause 4.22).
    """
    times = axis(column, window.property)
    if window.start is None and window.end is None and window.property != "deletedAt":
        picked: Ints = np.arange(len(times))
    else:
        taken = np.ones(len(times), np.bool_)
        if window.start is not None:
            taken &= times >= window.start
        if window.end is not None:
            taken &= times < window.end
        # A deleted instance has deletedAt, and neither createdAt nor modifiedAt.
        deleted = window.property in ("createdAt", "modifiedAt")
        marks = column.marks("deletedAt" if deleted else window.property)
        picked = np.flatnonzero(taken & ~marks if deleted else taken & marks)
    expiries = column.expiries()
    if expiries is not None:
        picked = picked[expiries[picked] > time.time_ns() // 1000]
    return picked if window.property == "observedAt" else picked[np.argsort(times[picked], kind="stable")]


def scope_positions(column: Column, window: Window) -> Ints:
    """Positions of a scope's instances: those in the window, and the one that was valid when it began (clause 4.18).

    A scope that the core API has set is observed when it is recorded (clause 4.5.6).
    """
    if window.property == "deletedAt":
        return positions(column, window)
    times = axis(column, window.property)
    first = 0 if window.start is None else max(0, int(np.searchsorted(times, window.start, side="right")) - 1)
    end = len(times) if window.end is None else int(np.searchsorted(times, window.end))
    return np.arange(first, end)


def validity(column: Column | None, scopes: Sequence[str], selection: Selection, property: TimeProperty) -> Stretches:
    """When an entity had a scope that matches: each is valid until the next change of it (clause 4.18).

    `column` holds what is kept of its scope; where there is nothing, `scopes` are those that it has always had. The
    first scope counts from the beginning, unless it came with a time of its own.
    """
    matches = select_scopes(selection)
    if column is None:
        return [(-_FOREVER, _FOREVER)] if matches(scopes) else []
    starts = axis(column, property).tolist()
    if not column.marks("observedAt")[0]:
        starts[0] = -_FOREVER
    ends = [*starts[1:], _FOREVER]
    return [span for span, value in zip(zip(starts, ends, strict=True), column.values(), strict=True) if matches(value)]


def within(times: Ints, stretches: Stretches) -> Ints:
    """Positions of the times that lie in one of the stretches, ascending."""
    taken = np.zeros(len(times), np.bool_)
    for start, end in stretches:
        taken |= (times >= start) & (times < end)
    picked: Ints = np.flatnonzero(taken)
    return picked
