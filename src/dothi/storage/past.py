"""Adds instances to the past of an entity: few go to the tail, many are sealed at once, known ones are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apsw
import orjson

from dothi.model.entity import VALUE_MEMBER, Attributes, Instance
from dothi.model.query import Window
from dothi.storage.chunk import CHUNK_POINTS, Point, Summary, seal, time_of
from dothi.storage.flush import INSERT_CHANGE, PAST, Known, Past, encode_cause
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


def _fingerprint(meta: dict[str, Any], value: Any) -> bytes:
    plain = {key: item for key, item in meta.items() if key not in ("observedAt", "createdAt", "modifiedAt")}
    return orjson.dumps((plain, value), option=orjson.OPT_SORT_KEYS)


def _fingerprints(column: Column, window: Window) -> dict[int, bytes]:
    assert window.start is not None
    assert window.end is not None
    positions = [i for i, time in enumerate(column.times.tolist()) if window.start <= time < window.end]
    rows = column.rows(positions)
    return {
        int(column.times[position]): _fingerprint(meta, value)
        for position, (meta, value) in zip(positions, rows, strict=True)
    }


def keep_past(
    connection: apsw.Connection, names: Names, counters: Any, known: dict[str, Known], past: Past
) -> list[int]:
    """Write instances of one entity into its history; returns its number once for each row added to the tail."""
    n = known[past.id].n
    if not n:
        raise ValueError(f"{past.id} has no row to hang a history on")
    by_series: dict[Key, list[Point]] = {}
    for name, instance in past.instances:
        key = (names.intern(name), instance.get("datasetId", ""))
        by_series.setdefault(key, []).append((time_of(instance, past.at), past.at, instance))
    names.store(connection)
    rest: Attributes = {}
    for key, points in by_series.items():
        if len(points) >= SEAL_AT_ONCE:
            points.sort(key=lambda point: point[:2])
            store_chunks(connection, series_number(connection, n, key), pack(points))
        else:
            held = rest.setdefault(names.iri(key[0]), [])
            assert isinstance(held, list)
            held += [instance for _, _, instance in points]
    if not rest:
        return []
    row = (counters.next_change(), n, past.at, PAST, encode_cause(past.cause), names.encode(rest))
    connection.execute(INSERT_CHANGE, row)
    return [n]


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


def store_chunks(connection: apsw.Connection, series: int, chunks: Any) -> None:
    connection.executemany(
        INSERT_CHUNK,
        [(series, s.start, s.end, s.points, s.count, s.total, s.low, s.high, data) for s, data in chunks],
    )
