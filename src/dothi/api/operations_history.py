"""The past of one attribute as columns for a chart: single observations, or buckets where there are too many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from dothi.model.entity import Instance
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.instant import parse_instant
from dothi.model.query import Window
from dothi.storage.store import Bucket, Store
from dothi.web.vocabulary import value_of

SECOND = 1_000_000
#: A hole longer than this many usual steps is a gap; what is usual is told by so many steps before and after it.
GAP = 2.5
NEAR = 5


@dataclass(frozen=True, slots=True)
class Columns:
    """Rows of a chart; `t` in milliseconds, `period` in seconds where rows are buckets."""

    t: list[int]
    v: list[float | None]
    low: list[float | None]
    high: list[float | None]
    points: int
    period: int | None = None


async def chart_columns(store: Store, id: str, iri: str, start: int, end: int, points: int) -> Columns:
    """The observations of an attribute's default instances with start <= observedAt < end (microseconds).

    At most about `points` rows: more observations become buckets of mean, least and greatest. Raises BadRequestData
    when the range is empty and ResourceNotFound when the entity has no past.
    """
    if start >= end:
        raise BadRequestData("start must be before end")
    window = Window(start, end)
    kept = await store.history([id], [iri], window, limit=points + 1)
    if not kept:
        if await store.entity(id) is None:
            raise ResourceNotFound(f"no entity {id}, now or in the past")
        return Columns([], [], [], [], 0)
    instances = [each for each in kept[0].attributes.get(iri, []) if "datasetId" not in each]
    if len(instances) <= points:
        return single(instances)
    period = max(1, math.ceil((end - start) / SECOND / points))
    buckets = await store.aggregate([id], [iri], window, ("avg", "min", "max", "totalCount"), f"PT{period}S")
    return bucketed(buckets.get(id, {}).get(iri, []), period)


def single(instances: Sequence[Instance]) -> Columns:
    """Numeric observations in order of time, with a row of null in each gap."""
    rows = sorted(
        (parse_instant(each["observedAt"]) // 1000, float(value))
        for each in instances
        if isinstance(value := value_of(each), int | float) and isinstance(each.get("observedAt"), str)
    )
    times = [time for time, _ in rows]
    return _columns(times, [(value, None, None) for _, value in rows], 0.0, len(rows), None)


def bucketed(buckets: Sequence[Bucket], period: int) -> Columns:
    """Buckets at their middle, with a row of null where one or more are missing."""
    rows: list[tuple[int, tuple[float | None, float | None, float | None]]] = []
    total = 0
    for bucket in buckets:
        total += int(bucket.values.get("totalCount") or 0)
        values = (_number(bucket, "avg"), _number(bucket, "min"), _number(bucket, "max"))
        if values[0] is not None:
            rows.append(((bucket.start + period * SECOND // 2) // 1000, values))
    times = [time for time, _ in rows]
    return _columns(times, [values for _, values in rows], period * 1000.0, total, period)


def gaps(times: Sequence[int], least: float) -> list[bool]:
    """For each two neighbours, whether values are missing between them.

    A step is measured by those around it, since a station may have reported hourly and now reports each minute; the
    slower side counts. Steps up to GAP times `least` are never gaps.
    """
    steps = [after - before for before, after in pairwise(times)]
    sides = [(steps[max(0, at - NEAR) : at], steps[at + 1 : at + 1 + NEAR]) for at in range(len(steps))]
    usual = [max(least, *(median(side) for side in two if side), 0.0) for two in sides]
    return [step > GAP * size > 0 for step, size in zip(steps, usual, strict=True)]


def _number(bucket: Bucket, method: Any) -> float | None:
    value = bucket.values.get(method)
    return float(value) if isinstance(value, int | float) else None


def _columns(
    times: Sequence[int],
    rows: Sequence[tuple[float | None, float | None, float | None]],
    least: float,
    points: int,
    period: int | None,
) -> Columns:
    columns = Columns([], [], [], [], points, period)
    missing = [False, *gaps(times, least)]
    for at, (time, row) in enumerate(zip(times, rows, strict=True)):
        if missing[at]:
            _append(columns, (times[at - 1] + time) // 2, (None, None, None))
        _append(columns, time, row)
    return columns


def _append(columns: Columns, time: int, row: tuple[float | None, float | None, float | None]) -> None:
    columns.t.append(time)
    columns.v.append(row[0])
    columns.low.append(row[1])
    columns.high.append(row[2])
