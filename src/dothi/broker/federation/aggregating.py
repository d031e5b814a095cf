"""Aggregates of a past whose instances came from several places (GS CIM 009 clauses 4.5.19, 5.7.3.4, 5.7.4.4).

Pure: a joined history in, periods out. What lies here alone is aggregated by the store, which need not read it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.instant import parse_instant
from dothi.model.patch import SCOPE
from dothi.model.query import AggregateMethod, Window
from dothi.storage.buckets import aggregate_numbers, aggregate_values
from dothi.storage.store import Bucket, History


def aggregate_history(
    history: History, window: Window, methods: Sequence[AggregateMethod], period: str
) -> dict[str, list[Bucket]]:
    """The periods of each attribute; all its datasetIds count together, deletions do not."""
    found = {name: _points(several, window) for name, several in history.attributes.items() if name != SCOPE}
    return {name: _buckets(points, window, methods, period) for name, points in found.items()}


def _points(several: Sequence[Instance], window: Window) -> list[tuple[int, Any]]:
    """Times in microseconds with values, in order of time; what has no such time plays no part."""
    found = []
    for instance in several:
        time = instance.get(window.property)
        if time is not None and "deletedAt" not in instance:
            value = instance[VALUE_MEMBER[instance["type"]]]
            found.append((parse_instant(time) if isinstance(time, str) else int(time), value))
    return sorted(found, key=lambda point: point[0])


def _buckets(
    points: list[tuple[int, Any]], window: Window, methods: Sequence[AggregateMethod], period: str
) -> list[Bucket]:
    if not points:
        return []
    times = np.array([time for time, _ in points], np.int64)
    values = [value for _, value in points]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return aggregate_numbers(times, np.array(values, np.float64), window, methods, period)
    return aggregate_values(times, values, window, methods, period)
