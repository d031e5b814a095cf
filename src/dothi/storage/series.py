"""Reads the past of one entity: the tail of the log and sealed chunks as one column per series, in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import apsw
import numpy as np
import orjson

from dothi.model.entity import VALUE_MEMBER, instances
from dothi.model.instant import format_instant
from dothi.model.patch import SCOPE
from dothi.model.query import Window
from dothi.storage.chunk import NEVER, Chunk, Point, expiry_of, is_number, time_of
from dothi.storage.packing import Floats, Ints, Marks
from dothi.storage.rows import Names

#: (attribute number, datasetId or "")
Key = tuple[int, str]

#: Member of a kept instance that was changed later on: when it was first recorded, in microseconds. Like its
#: `instanceId`, which tells its first time, it stands only there.
FIRST_RECORDED = "firstRecorded"

_FOREVER = 1 << 62

INSTANCE = "urn:ngsi-ld:Instance:"

_CHUNKS = """
SELECT points, data, "end" FROM chunk WHERE series = ? AND "end" >= ? AND start < ? ORDER BY "end" DESC
"""


def instance_id(entity: int, key: Key) -> tuple[str, str]:
    """What stands before and behind the time (microseconds) in the instanceIds of a series."""
    attribute, dataset = key
    return f"{INSTANCE}{entity}-{attribute}-", f"-{dataset}" if dataset else ""


class Segment(Protocol):
    """A run of points: a chunk, or the part of the tail that belongs to the series."""

    times: Ints
    recorded: Ints

    def numbers(self) -> Floats | None: ...

    def values(self) -> list[Any]: ...

    def values_at(self, positions: Ints) -> list[Any]: ...

    def metas(self) -> tuple[list[dict[str, Any]], list[int] | None]: ...

    def marks(self, member: str) -> Marks: ...

    def expiries(self) -> Ints | None: ...


class Tail:
    """Points not sealed yet, as a segment."""

    __slots__ = ("_instances", "recorded", "times")

    def __init__(self, points: Sequence[Point]) -> None:
        self.times: Ints = np.array([point[0] for point in points], np.int64)
        self.recorded: Ints = np.array([point[1] for point in points], np.int64)
        self._instances = [point[2] for point in points]

    def numbers(self) -> Floats | None:
        values = self.values()
        flags = [is_number(value) for value in values]
        if not any(flags):
            return None
        return np.array([v if flag else np.nan for v, flag in zip(values, flags, strict=True)], np.float64)

    def values(self) -> list[Any]:
        return [instance.get(VALUE_MEMBER[instance["type"]]) for instance in self._instances]

    def values_at(self, positions: Ints) -> list[Any]:
        values = self.values()
        return [values[position] for position in positions.tolist()]

    def metas(self) -> tuple[list[dict[str, Any]], list[int] | None]:
        metas = []
        for instance in self._instances:
            member = VALUE_MEMBER[instance["type"]]
            meta = {key: item for key, item in instance.items() if key != member and key not in _TIMES}
            if "observedAt" in instance:
                meta["observedAt"] = True
            metas.append(meta)
        return metas, list(range(len(metas)))

    def marks(self, member: str) -> Marks:
        return np.array([member in instance for instance in self._instances], np.bool_)

    def expiries(self) -> Ints | None:
        if not any("expiresAt" in instance for instance in self._instances):
            return None
        return np.array([expiry_of(instance) for instance in self._instances], np.int64)


_TIMES = frozenset({"createdAt", "modifiedAt", "observedAt"})


class Column:
    """Every instance kept of one series, ascending in time; of several with one time the last recorded one counts."""

    __slots__ = ("_place", "recorded", "segments", "times")

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments
        times = np.concatenate([segment.times for segment in segments])
        recorded = np.concatenate([segment.recorded for segment in segments])
        self._place: Ints | None = None
        if len(times) > 1 and not (times[1:] > times[:-1]).all():
            order = np.lexsort((recorded, times))
            times, recorded = times[order], recorded[order]
            newest = np.append(times[1:] != times[:-1], True)
            self._place, times, recorded = order[newest], times[newest], recorded[newest]
        self.times: Ints = times
        self.recorded: Ints = recorded

    def _picked(self, parts: Sequence[Any]) -> Any:
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole if self._place is None else whole[self._place]

    def numbers(self) -> Floats:
        """Values as float64 in time order, NaN where an instance has no number."""
        parts = []
        for segment in self.segments:
            numbers = segment.numbers()
            parts.append(np.full(len(segment.times), np.nan) if numbers is None else numbers)
        picked: Floats = self._picked(parts)
        return picked

    def values(self) -> list[Any]:
        flat = [value for segment in self.segments for value in segment.values()]
        return flat if self._place is None else [flat[index] for index in self._place.tolist()]

    def marks(self, member: str) -> Any:
        """For each instance whether it has the member ("observedAt", "deletedAt")."""
        return self._picked([segment.marks(member) for segment in self.segments])

    def expiries(self) -> Ints | None:
        """When each instance expires (clause 4.22), in microseconds; None where none does."""
        found = [segment.expiries() for segment in self.segments]
        if all(each is None for each in found):
            return None
        pairs = zip(found, self.segments, strict=True)
        picked: Ints = self._picked(
            [np.full(len(segment.times), NEVER) if each is None else each for each, segment in pairs]
        )
        return picked

    def instance(self, position: int) -> tuple[dict[str, Any], int]:
        """The instance at a position as it was written, and when it was first recorded."""
        ((meta, value),) = self.rows(np.array([position]))
        instance = {**meta, VALUE_MEMBER[meta["type"]]: value}
        if "observedAt" in meta:
            instance["observedAt"] = format_instant(int(self.times[position]))
        return instance, instance.pop(FIRST_RECORDED, int(self.recorded[position]))

    def rows(self, positions: Ints) -> list[tuple[dict[str, Any], Any]]:
        """(rest of the instance, value) at each position; equal rests are the same dict."""
        place = positions if self._place is None else self._place[positions]
        found: list[tuple[dict[str, Any], Any]] = []
        if len(self.segments) == 1:
            return _rows_of(self.segments[0], place)
        starts = np.cumsum([0, *(len(segment.times) for segment in self.segments)])
        owner = np.searchsorted(starts, place, side="right") - 1
        order = np.argsort(owner, kind="stable")
        for index, segment in enumerate(self.segments):
            mine = order[owner[order] == index]
            found += _rows_of(segment, place[mine] - starts[index])
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return [found[position] for position in back.tolist()]


def _rows_of(segment: Segment, positions: Ints) -> list[tuple[dict[str, Any], Any]]:
    if not len(positions):
        return []
    metas, which = segment.metas()
    values = segment.values_at(positions)
    if which is None:
        meta = metas[0]
        return [(meta, value) for value in values]
    return [(metas[which[position]], value) for position, value in zip(positions.tolist(), values, strict=True)]


def tail_points(
    connection: apsw.Connection, entity: int, keys: set[str] | None, upto: int = _FOREVER
) -> tuple[dict[Key, list[Point]], list[int]]:
    """Points of the tail by series, ordered by sequence, and the sequence numbers read. `keys` limits attributes."""
    found: dict[Key, list[Point]] = {}
    read: list[int] = []
    rows = connection.execute(
        "SELECT seq, at, doc FROM change WHERE entity = ? AND seq <= ? ORDER BY seq", (entity, upto)
    )
    for seq, at, doc in rows:
        read.append(seq)
        for key, attribute in orjson.loads(doc).items():
            if keys is not None and key not in keys:
                continue
            for instance in instances(attribute):
                series = (int(key), instance.get("datasetId", ""))
                found.setdefault(series, []).append((time_of(instance, at), at, instance))
    return found, read


def columns(
    connection: apsw.Connection,
    names: Names,
    entity: int,
    attributes: Sequence[str],
    window: Window,
    last: int | None = None,
) -> dict[Key, Column]:
    """A column per series of an entity, holding at least what the window asks for (it may hold more).

    With `last`, only as many chunks are opened as the newest `last` instances of each series need.
    """
    wanted = None
    if attributes:
        wanted = {key for key in map(names.keys.get, attributes) if key is not None}
        if not wanted:
            return {}
    by_time = window.property == "observedAt"
    start = window.start if by_time and window.start is not None else -_FOREVER
    end = window.end if by_time and window.end is not None else _FOREVER
    tail, _ = tail_points(connection, entity, wanted)
    series = {
        (attribute, dataset): n
        for n, attribute, dataset in connection.execute(
            "SELECT n, attribute, dataset FROM series WHERE entity = ?", (entity,)
        )
        if wanted is None or str(attribute) in wanted
    }
    found: dict[Key, Column] = {}
    for key in [*series, *(key for key in tail if key not in series)]:
        segments: list[Segment] = []
        if key in tail:
            segments.append(Tail(tail[key]))
        if key in series:
            first = -_FOREVER if key[0] == names.number(SCOPE) else start
            _open_chunks(connection, series[key], first, end, last if by_time else None, segments)
        if segments:
            found[key] = Column(segments[::-1])
    return found


def _open_chunks(
    connection: apsw.Connection, series: int, start: int, end: int, last: int | None, segments: list[Segment]
) -> None:
    """Open chunks newest first and stop once `last` instances before `end` are newer than all that is left."""
    for points, data, newest in connection.execute(_CHUNKS, (series, start, end)):
        if last is not None and _newer(segments, newest, end) >= last:
            return
        segments.append(Chunk(data, points))


def _newer(segments: Sequence[Segment], time: int, end: int) -> int:
    """How many distinct times of the segments lie after `time` and before `end`."""
    if not segments:
        return 0
    times = segments[0].times
    if len(segments) == 1 and isinstance(segments[0], Chunk) and (times[1:] > times[:-1]).all():
        return int(np.searchsorted(times, end) - np.searchsorted(times, time, side="right"))
    times = np.concatenate([segment.times for segment in segments])
    return len(np.unique(times[(times > time) & (times < end)]))
