"""Seals the tail of the log into chunks in the background, entity by entity, never past the slowest follower."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apsw
import orjson
import structlog

from dothi.storage.chunk import CHUNK_POINTS, Chunk, Summary
from dothi.storage.past import pack, series_number, store_chunks
from dothi.storage.rows import Names
from dothi.storage.series import Key, tail_points

log = structlog.get_logger("dothi.storage")

#: An entity with this many rows in the tail is sealed.
RIPE_ROWS = 128
#: Entities sealed in one transaction: keeps the writer free for others.
ENTITIES_AT_ONCE = 16
#: Share of one core that sealing may take while the tail is short; a long tail lifts the limit.
DUTY = 0.25
LONG_TAIL_ROWS = 2_000_000

_FOREVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Sealed:
    """What becomes of one entity's tail: new chunks per series, chunks that they replace, log rows that go.

    `length` is that of the rows' documents together: less of it means that something was erased since.
    """

    entity: int
    chunks: list[tuple[Key, list[tuple[Summary, bytes]]]]
    replaced: list[int]
    rows: list[int]
    length: int


class Sealer:
    """A thread with a reading connection of its own; what it made is stored through the writer."""

    def __init__(
        self,
        connection: apsw.Connection,
        names: Names,
        upkeep: Callable[[Callable[[apsw.Connection], None]], None],
    ) -> None:
        self._connection = connection
        self._names = names
        self._upkeep = upkeep
        self._rows: dict[int, int] = dict(connection.execute("SELECT entity, count(*) FROM change GROUP BY entity"))
        self._ripe = deque(n for n, rows in self._rows.items() if rows >= RIPE_ROWS)
        self.tail_rows = sum(self._rows.values())
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="dothi-sealer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join()
        self._connection.close()

    def touched(self, entities: Sequence[int]) -> None:
        """Called by the writer: each entity got a row in the tail."""
        rows = self._rows
        for n in entities:
            count = rows[n] = rows.get(n, 0) + 1
            if count == RIPE_ROWS:
                self._ripe.append(n)
        self.tail_rows += len(entities)

    def _run(self) -> None:
        while not self._ended:
            if not self._ripe:
                self._wake.wait(0.2)
                continue
            started = time.monotonic()
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - the supervisor of sealing: nothing is lost, it is tried again
                log.error("sealing failed", error=repr(error))
                self._wake.wait(5)
            if self.tail_rows < LONG_TAIL_ROWS:
                self._wake.wait((time.monotonic() - started) * (1 / DUTY - 1))

    def _round(self) -> None:
        batch = [self._ripe.popleft() for _ in range(min(len(self._ripe), ENTITIES_AT_ONCE))]
        floor = follower_floor(self._connection)
        plans = [plan for plan in (plan_seal(self._connection, n, floor) for n in batch) if plan.rows]
        if plans:
            self._upkeep(lambda connection: self._store(connection, plans))
        for n in batch:
            if self._rows[n] >= RIPE_ROWS:
                self._ripe.append(n)
        if not plans:
            self._wake.wait(0.2)

    def seal_all(self) -> None:
        """Seal every entity's tail now, from a thread that may wait. For tests, benches and before an export."""
        floor = follower_floor(self._connection)
        for n in [n for n, rows in self._rows.items() if rows]:
            plan = plan_seal(self._connection, n, floor)
            self._upkeep(lambda connection, plan=plan: self._store(connection, [plan]))  # type: ignore[misc]

    def _store(self, connection: apsw.Connection, plans: Sequence[Sealed]) -> None:
        """On the writer's thread, like `touched`, so that the counts stay right."""
        for plan in store_sealed(connection, plans):
            self._rows[plan.entity] -= len(plan.rows)
            self.tail_rows -= len(plan.rows)


def follower_floor(connection: apsw.Connection) -> int:
    """The last change that every durable follower has seen (records of kind "cursor" hold {"seq": n})."""
    cursors = [orjson.loads(doc)["seq"] for (doc,) in connection.execute("SELECT doc FROM record WHERE kind='cursor'")]
    return min(cursors, default=_FOREVER)


def plan_seal(connection: apsw.Connection, entity: int, floor: int) -> Sealed:
    """Chunks for the tail of one entity; a small last chunk of a series is taken up into the new one."""
    with connection:
        by_series, rows = tail_points(connection, entity, None, floor)
        length = _tail_length(connection, entity, rows[-1]) if rows else 0
        chunks, replaced = [], []
        for key, points in by_series.items():
            points.sort(key=lambda point: point[:2])
            small = _small_last_chunk(connection, entity, key, len(points))
            if small is not None:
                number, chunk = small
                replaced.append(number)
                points = sorted(chunk.all_points() + points, key=lambda point: point[:2])
            chunks.append((key, list(pack(points))))
    return Sealed(entity, chunks, replaced, rows, length)


def _tail_length(connection: apsw.Connection, entity: int, upto: int) -> int:
    """Length of the documents in the tail of an entity up to a row; it never grows, and erasing makes it less."""
    sql = "SELECT total(length(doc)) FROM change WHERE entity = ? AND seq <= ?"
    return int(connection.execute(sql, (entity, upto)).get)


def _still_holds(connection: apsw.Connection, plan: Sealed) -> bool:
    """Whether what a plan was made from is all there: nothing of it was erased in the meantime."""
    if not plan.rows or _tail_length(connection, plan.entity, plan.rows[-1]) != plan.length:
        return False
    there = connection.execute(
        "SELECT count(*) FROM chunk WHERE n IN (SELECT value FROM json_each(?))",
        (orjson.dumps(plan.replaced).decode(),),
    ).get
    return bool(there == len(plan.replaced))


def _small_last_chunk(connection: apsw.Connection, entity: int, key: Key, points: int) -> tuple[int, Chunk] | None:
    row = connection.execute(
        """SELECT chunk.n, points, data FROM chunk JOIN series ON series.n = chunk.series
           WHERE entity = ? AND attribute = ? AND dataset = ? ORDER BY "end" DESC LIMIT 1""",
        (entity, *key),
    ).fetchone()
    if row is None or row[1] > 4 * points or row[1] + points > CHUNK_POINTS:
        return None
    return row[0], Chunk(row[2], row[1])


def store_sealed(connection: apsw.Connection, plans: Sequence[Sealed]) -> list[Sealed]:
    """Put the chunks in and take the rows out, in the transaction of the caller; which plans were carried out."""
    plans = [plan for plan in plans if _still_holds(connection, plan)]
    for plan in plans:
        for key, chunks in plan.chunks:
            store_chunks(connection, series_number(connection, plan.entity, key), chunks)
        connection.executemany("DELETE FROM chunk WHERE n = ?", [(n,) for n in plan.replaced])
        connection.executemany("DELETE FROM change WHERE seq = ?", [(seq,) for seq in plan.rows])
    last = max((plan.rows[-1] for plan in plans if plan.rows), default=0)
    connection.execute(
        """INSERT INTO record (kind, key, doc) VALUES ('log', 'last', ?)
           ON CONFLICT DO UPDATE SET doc = max(CAST(doc AS INTEGER), CAST(excluded.doc AS INTEGER))""",
        (str(last),),
    )
    return plans
