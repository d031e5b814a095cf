"""Adds instances to the past of an entity: few go to the tail, many are sealed at once, known ones are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw
import numpy as np
import orjson

from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.query import Window
from dothi.storage.chunk import CHUNK_POINTS, Point, Summary, seal, seal_columns, time_of
from dothi.storage.counters import Counters
from dothi.storage.flush import INSERT_CHANGE, PAST, Past, PastColumns, encode_cause
from dothi.storage.packing import Floats, Ints
from dothi.storage.rows import Names
from dothi.storage.series import Column, Key, columns

#: From this many instances of one series on, a batch is sealed without passing through the tail.
SEAL_AT_ONCE = 32

INSERT_CHUNK = """
INSERT INTO chunk (series, start, "end", points, count, total, low, high, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def not_kept_yet(
    connection: apsw.Connection, names: Names, n: int, instances: Sequence[tuple[str, Instance]]
) -> list[tuple[str, Instance]]:
    """The instances that the history of entity number `n` does not hold in just this form."""
    if not n or not instances:
        return list(instances)
    times = [time_of(instance, 0) for _, instance in instances]
    window = Window(start=min(times), end=max(times) + 1)
    known = columns(connection, names, n, sorted({name for name, _ in instances}), window)
    kept = {key: _fingerprints(column, window) for key, column in known.items()}
    fresh = []
    for (name, instance), time in zip(instances, times, strict=True):
        number = names.number(name)
        there = kept.get((number, instance.get("datasetId", ""))) if number is not None else None
        if there is None or there.get(time) != _fingerprint(*_parted(instance)):
            fresh.append((name, instance))
    return fresh


def _parted(instance: Instance) -> tuple[dict[str, Any], Any]:
    member = VALUE_MEMBER[instance["type"]]
    return {key: item for key, item in instance.items() if key != member}, instance.get(member)


_TIMES = frozenset({"observedAt", "createdAt", "modifiedAt", "deletedAt"})


def _fingerprint(meta: dict[str, Any], value: Any) -> bytes:
    plain = {key: item for key, item in meta.items() if key not in _TIMES}
    return orjson.dumps((plain, value), option=orjson.OPT_SORT_KEYS)


def _fingerprints(column: Column, window: Window) -> dict[int, bytes]:
    assert window.start is not None
    assert window.end is not None
    positions = np.flatnonzero((column.times >= window.start) & (column.times < window.end))
    rows = column.rows(positions)
    times = column.times[positions].tolist()
    return {time: _fingerprint(meta, value) for time, (meta, value) in zip(times, rows, strict=True)}


def new_positions(
    connection: apsw.Connection, names: Names, n: int, key: tuple[str, str], times: Ints, values: Floats
) -> Ints:
    """Positions of (time, number) pairs that the history of entity number `n` does not hold."""
    attribute, dataset = key
    everything = np.arange(len(times))
    if not n or not len(times):
        return everything
    window = Window(start=int(times[0]), end=int(times[-1]) + 1)
    column = columns(connection, names, n, [attribute], window).get((names.number(attribute) or 0, dataset))
    if column is None:
        return everything
    place = np.minimum(np.searchsorted(column.times, times), len(column.times) - 1)
    known = (column.times[place] == times) & (column.numbers()[place] == values)
    return np.flatnonzero(~known)


def keep_columns(connection: apsw.Connection, names: Names, n: int, past: PastColumns) -> None:
    """Seal numbers of one series straight into chunks."""
    key = (names.intern(past.attribute), past.instance.get("datasetId", ""))
    names.store(connection)
    meta = {name: item for name, item in past.instance.items() if name not in ("value", "createdAt", "modifiedAt")}
    meta["observedAt"] = True
    chunks = []
    for first in range(0, len(past.times), CHUNK_POINTS):
        times = past.times[first : first + CHUNK_POINTS]
        recorded, which = np.full(len(times), past.at, np.int64), np.zeros(len(times), np.int64)
        values = past.values[first : first + CHUNK_POINTS]
        chunks.append(seal_columns(times, recorded, values, [meta], which))
    store_chunks(connection, series_number(connection, n, key), chunks)


def keep_past(connection: apsw.Connection, names: Names, counters: Counters, n: int, past: Past) -> bool:
    """Write instances into the history of entity number `n`; whether a row was added to the tail."""
    by_series: dict[Key, list[Point]] = {}
    for name, instance in past.instances:
        key = (names.intern(name), instance.get("datasetId", ""))
        by_series.setdefault(key, []).append((time_of(instance, past.at), past.at, instance))
    names.store(connection)
    rest: dict[str, list[Instance]] = {}
    for key, points in by_series.items():
        if len(points) >= SEAL_AT_ONCE:
            points.sort(key=lambda point: point[:2])
            store_chunks(connection, series_number(connection, n, key), pack(points))
        else:
            rest.setdefault(names.iri(key[0]), []).extend(instance for _, _, instance in points)
    if not rest:
        return False
    row = (counters.next_change(), n, past.at, PAST, encode_cause(past.cause), names.encode({**rest}))
    connection.execute(INSERT_CHANGE, row)
    return True


def pack(points: Sequence[Point]) -> Iterator[tuple[Summary, bytes]]:
    """Chunks of points that are in order of time."""
    for first in range(0, len(points), CHUNK_POINTS):
        yield seal(points[first : first + CHUNK_POINTS])


def series_number(connection: apsw.Connection, entity: int, key: Key) -> int:
    """The number of a series, made when it is new."""
    identity = (entity, *key)
    number = connection.execute("SELECT n FROM series WHERE entity = ? AND attribute = ? AND dataset = ?", identity).get
    if number is not None:
        return int(number)
    connection.execute("INSERT INTO series (entity, attribute, dataset) VALUES (?, ?, ?)", identity)
    return connection.last_insert_rowid()


def store_chunks(connection: apsw.Connection, series: int, chunks: Iterable[tuple[Summary, bytes]]) -> None:
    connection.executemany(
        INSERT_CHUNK,
        [(series, s.start, s.end, s.points, s.count, s.total, s.low, s.high, data) for s, data in chunks],
    )
