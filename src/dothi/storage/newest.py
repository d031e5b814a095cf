"""The newest instances of one attribute as JSON: written once for each chunk, since a sealed chunk never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import apsw
import numpy as np
import orjson

from dothi.model.entity import VALUE_MEMBER, Instance, instances
from dothi.model.temporal import plain
from dothi.storage.chunk import Chunk, Point, date_times, time_of
from dothi.storage.rows import Names, Row
from dothi.storage.series import Key, Tail, instance_id
from dothi.storage.store import Newest

#: Most instances that are asked for in this way, and bytes of JSON that are remembered of all chunks together.
MOST: Final = 200
REMEMBERED_BYTES: Final = 8_000_000

_SERIES = """
SELECT entity.n, types, series.n, dataset FROM entity LEFT JOIN series ON series.entity = entity.n AND attribute = ?
WHERE id = ? AND (doc IS NOT NULL OR deleted IS NOT NULL)
"""
_TAIL = "SELECT at, doc FROM change WHERE entity = ? ORDER BY seq"
_CHUNKS = 'SELECT n, start, "end" FROM chunk WHERE series = ? ORDER BY "end" DESC'

_VALUE, _TIME, _ID = "\0value", "\0time", "\0id"


@dataclass(frozen=True, slots=True)
class Run:
    """Instances of one segment, newest first: their JSON joined by commas, and where each ends in it."""

    text: bytes
    ends: list[int]

    def newest(self, count: int) -> bytes:
        return self.text if count >= len(self.ends) else self.text[: self.ends[count - 1]]


class Runs:
    """Runs of chunks by their number, the longest unused go first. None stands for a chunk that has none."""

    def __init__(self, most: int = REMEMBERED_BYTES) -> None:
        self._runs: OrderedDict[int, Run | None] = OrderedDict()
        self._bytes = 0
        self._most = most
        self._lock = threading.Lock()

    def of(self, connection: apsw.Connection, number: int, entity: int, key: Key) -> Run | None:
        """The newest instances of a chunk."""
        with self._lock:
            if number in self._runs:
                self._runs.move_to_end(number)
                return self._runs[number]
        rows: list[Row] = connection.execute("SELECT points, data FROM chunk WHERE n = ?", (number,)).fetchall()
        ((points, data),) = rows
        run = _run(Chunk(data, points), entity, key)
        with self._lock:
            self._runs[number] = run
            self._bytes += _size(run)
            while self._bytes > self._most:
                self._bytes -= _size(self._runs.popitem(last=False)[1])
        return run


def _size(run: Run | None) -> int:
    return 200 if run is None else 200 + len(run.text) + 8 * len(run.ends)


def read_newest(
    connection: apsw.Connection, names: Names, runs: Runs, id: str, attribute: str, last: int
) -> Newest | None:
    """The last instances of an attribute, newest first; None where there are none or only read_history can tell.

    That is where the attribute has several datasetIds, instances out of order, or some that need names of a context.
    """
    number = names.number(attribute)
    if number is None:
        return None
    rows: list[Row] = connection.execute(_SERIES, (number, id)).fetchall()
    if len(rows) != 1:
        return None
    entity, types, series, dataset = rows[0]
    tail = _tail(connection, entity, str(number))
    datasets = {point[2].get("datasetId", "") for point in tail} | ({dataset} if series is not None else set())
    if len(datasets) != 1:
        return None
    key = (number, datasets.pop())
    gathered = _Gathered(last)
    if tail and not gathered.takes(_run(Tail(tail), entity, key), tail[0][0], tail[-1][0]):
        return None
    chunks: Iterator[Row] = connection.execute(_CHUNKS, (series or 0,))
    for chunk, start, end in chunks:
        if gathered.is_full and end < gathered.edge:
            break
        if gathered.is_full or not gathered.takes(runs.of(connection, chunk, entity, key), start, end):
            return None
    return Newest(names.decode_types(types), b",".join(gathered.parts)) if gathered.parts else None


class _Gathered:
    """Runs from the newest to older ones, until there are enough; `edge` is the time of the oldest segment's start."""

    def __init__(self, most: int) -> None:
        self.parts: list[bytes] = []
        self.edge = 1 << 62
        self._missing = most

    @property
    def is_full(self) -> bool:
        return self._missing <= 0

    def takes(self, run: Run | None, start: int, end: int) -> bool:
        """Add the run of a segment; whether it could be added: it is a plain one, and older than all so far."""
        if run is None or end >= self.edge:
            return False
        self.parts.append(run.newest(self._missing))
        self._missing -= len(run.ends)
        self.edge = start
        return True


def _tail(connection: apsw.Connection, entity: int, attribute: str) -> list[Point]:
    """The points of an attribute that are not sealed yet, in the order of their writing."""
    rows: list[Row] = connection.execute(_TAIL, (entity,)).fetchall()
    written = ((at, instance) for at, doc in rows for instance in instances(orjson.loads(doc).get(attribute)))
    return [(time_of(instance, at), at, instance) for at, instance in written]


def _run(segment: Tail | Chunk, entity: int, key: Key) -> Run | None:
    """The newest instances of a segment; None where one is not plain, or its times do not ascend."""
    times = segment.times[-MOST - 1 :]
    if not (times[1:] > times[:-1]).all():
        return None
    times = times[-MOST:][::-1]
    positions = np.arange(len(segment.times) - 1, len(segment.times) - 1 - len(times), -1)
    metas, which = segment.metas()
    frames = [_frame(meta) for meta in metas]
    prefix, suffix = instance_id(entity, key)
    text, ends = bytearray(), []
    for position, micros, time, value in zip(
        positions.tolist(), times.tolist(), date_times(times), segment.values_at(positions), strict=True
    ):
        frame = frames[0 if which is None else which[position]]
        if frame is None:
            return None
        before, between, after, end = frame
        text += before + orjson.dumps(value) + between + time.encode() + after
        text += _encoded(f"{prefix}{micros}{suffix}") + end
        ends.append(len(text))
        text += b","
    return Run(bytes(text[:-1]), ends)


def _encoded(text: str) -> bytes:
    """A text inside a JSON string."""
    return orjson.dumps(text)[1:-1]


def _frame(meta: dict[str, Any]) -> tuple[bytes, bytes, bytes, bytes] | None:
    """What stands before the value, between value and time, behind the time, and behind the id of an instance.

    Where it has no observedAt, the time must not be shown, so there is no frame.
    """
    if "observedAt" not in meta or "instanceId" in meta or VALUE_MEMBER[meta["type"]] != "value":
        return None
    instance: Instance = {"type": meta["type"], "value": _VALUE, **meta, "observedAt": _TIME, "instanceId": _ID}
    shown = plain(instance)
    if shown is None:
        return None
    parts: list[bytes] = []
    rest = orjson.dumps(shown)
    for mark, quoted in ((_VALUE, True), (_TIME, False), (_ID, False)):
        written = orjson.dumps(mark) if quoted else _encoded(mark)
        if rest.count(written) != 1:
            return None
        before, _, rest = rest.partition(written)
        parts.append(before)
    return parts[0], parts[1], parts[2], rest
