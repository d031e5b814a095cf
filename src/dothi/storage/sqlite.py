"""The embedded store: one SQLite file per city, one writer thread, a pool of readers."""

from __future__ import annotations

import asyncio
import math
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import apsw
import orjson

from dothi.model.change import Change
from dothi.model.entity import Entity
from dothi.model.errors import TooComplexQuery
from dothi.model.query import AggregateMethod, EntityQuery, Window
from dothi.storage import discovery, log, transient
from dothi.storage.asof import Asked, PastMemory, read_as_of
from dothi.storage.bulk import PastColumn, read_past_columns
from dothi.storage.checkpointer import Checkpointer
from dothi.storage.compile import compile_entities
from dothi.storage.evolved import read_evolved
from dothi.storage.functions import register
from dothi.storage.history import read_aggregates, read_history
from dothi.storage.migrate import migrate
from dothi.storage.newest import MOST, Runs, read_newest
from dothi.storage.rows import COLUMNS, Names, Row
from dothi.storage.sealer import Sealer
from dothi.storage.snapshot import duplicate, extract
from dothi.storage.store import Bucket, Choice, Evolved, History, Newest, Page, Transaction, TypeSummary
from dothi.storage.writer import Writer

T = TypeVar("T")

#: Threads that read beside the loop; SQLite lets them run while the interpreter does something else.
READERS = 2
#: A read that runs longer than this many seconds is stopped and told as too complex.
READ_DEADLINE = 20.0
#: Seconds that a read may take on the loop.
QUICK = 0.003
#: Page cache of the connection that reads on the loop, KiB; the others have 32 MB each.
LOOP_CACHE_KB = 128_000
#: Steps of SQLite's machine between two looks at the clock.
STEPS = 5_000
#: Pages of entities and last instances of one attribute that are read on the loop.
SHORT_PAGE, SHORT_PAST = 100, 200

_BY_NUMBERS = f"SELECT {COLUMNS} FROM entity WHERE n IN (SELECT value FROM json_each(?))"
_BY_ID = f"SELECT {COLUMNS} FROM entity WHERE id = ? AND doc IS NOT NULL"


class SqliteStore:
    """A tenant's data in `folder`/city.db. `open` inside a running loop; implements storage.store.Store."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "city.db"
        self._names = Names()
        self._runs = Runs()
        self._past = PastMemory()
        self._listeners: list[Callable[[Sequence[Change]], None]] = []
        self._pool: ThreadPoolExecutor | None = None
        self._readers = threading.local()
        self._opened: list[apsw.Connection] = []
        self._writer: Writer
        self._sealer: Sealer
        self._checkpointer: Checkpointer
        self._point: _Reader

    async def open(self) -> None:
        """Open or create the file, bring its layout up to date, start writer, sealer and readers."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        connection = _connect(self._path)
        migrate(connection)
        self._names.load(connection)
        self._writer = Writer(connection, self._names, loop, self._publish, self._touched)
        self._sealer = Sealer(_connect(self._path), self._names, self._writer.upkeep)
        self._checkpointer = Checkpointer(_connect(self._path), self._writer.upkeep)
        self._checkpointer.watch(connection)
        self._pool = ThreadPoolExecutor(READERS, "dothi-reader")
        self._point = _Reader(self._path)
        self._point.connection.pragma("cache_size", -LOOP_CACHE_KB)
        self._sealer.start()
        self._checkpointer.start()
        self._write_connection = connection

    async def close(self) -> None:
        """Finish queued writes, then close the file. Nothing needs closing for durability."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._sealer.stop)
        await loop.run_in_executor(None, self._checkpointer.stop)
        await self._writer.stop()
        assert self._pool is not None
        self._pool.shutdown()
        for connection in (*self._opened, self._point.connection, self._write_connection):
            connection.close()
        await asyncio.sleep(0)

    async def write(self, work: Callable[[Transaction], T], ids: Sequence[str] = ()) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(work, ids, future)
        return await future

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def entity(self, id: str) -> Entity | None:
        """From memory, or by primary key on the loop's own connection: 5 µs, less than a hop to a thread."""
        remembered = self._writer.remembered.entity(id)
        if remembered is not None:
            return remembered
        connection = self._point.connection
        row = connection.execute(_BY_ID, (id,)).fetchone()
        return None if row is None else self._learnt(connection, row)

    async def entities(self, query: EntityQuery, *, count: bool = False) -> Page:
        read = self._quick_read if query.limit <= SHORT_PAGE else self._read
        return await read(lambda connection: self._page(connection, query, count))

    async def count(self, query: EntityQuery) -> int:
        return await self._quick_read(lambda connection: self._count(connection, query))

    async def ids(self, query: EntityQuery, most: int | None = None) -> list[str]:
        asked = replace(query, limit=-1 if most is None else most, offset=0)
        return await self._read(lambda connection: self._ids(connection, asked))

    async def types(self) -> list[TypeSummary]:
        return await self._read(lambda connection: discovery.types(connection, self._names))

    async def history(
        self,
        ids: Sequence[str],
        attributes: Sequence[str] = (),
        window: Window | None = None,
        limit: int | None = None,
    ) -> list[History]:
        asked = window or Window()
        is_short = len(ids) == 1 and asked.last is not None and asked.last <= SHORT_PAST
        read = self._quick_read if is_short else self._read
        return await read(lambda connection: read_history(connection, self._names, ids, attributes, asked, limit))

    async def evolved(self, query: EntityQuery, window: Window, *, count: bool = False) -> Evolved:
        return await self._read(lambda connection: read_evolved(connection, self._names, query, window, count))

    async def newest(self, id: str, attribute: str, last: int) -> Newest | None:
        """From memory where chunks are concerned; so it is done on the loop."""
        if last > MOST:
            return None
        try:
            return self._point.run(lambda c: read_newest(c, self._names, self._runs, id, attribute, last), QUICK)
        except apsw.InterruptError:
            return None

    async def aggregate(
        self,
        ids: Sequence[str],
        attributes: Sequence[str],
        window: Window,
        methods: Sequence[AggregateMethod],
        period: str,
    ) -> dict[str, dict[str, list[Bucket]]]:
        return await self._read(
            lambda connection: read_aggregates(connection, self._names, ids, attributes, window, methods, period)
        )

    async def as_of(
        self,
        at: int,
        known: int | None = None,
        *,
        types: Sequence[str] = (),
        ids: Sequence[str] = (),
        attributes: Sequence[str] = (),
    ) -> list[Entity]:
        asked = Asked(at, known, tuple(types), tuple(ids), tuple(attributes))
        return await self._read(lambda connection: read_as_of(connection, self._names, self._past, asked))

    async def past_columns(
        self, ids: Sequence[str], attributes: Sequence[str], start: int, end: int
    ) -> list[PastColumn]:
        return await self._read(
            lambda connection: read_past_columns(connection, self._names, ids, attributes, start, end)
        )

    async def expired(self, now: int, limit: int) -> list[str]:
        return await self._read(lambda connection: transient.expired(connection, now, limit))

    async def with_expiring_attributes(self) -> list[str]:
        return await self._read(transient.with_expiring_attributes)

    async def changes(self, after: int, limit: int = 1000) -> list[Change]:
        return await self._read(lambda connection: log.changes(connection, self._names, after, limit))

    async def last_seq(self) -> int:
        return self._writer.last_change

    async def records(self, kind: str) -> dict[str, Any]:
        rows = await self._read(
            lambda connection: connection.execute("SELECT key, doc FROM record WHERE kind = ?", (kind,)).fetchall()
        )
        return {str(key): orjson.loads(str(doc)) for key, doc in rows}

    async def record(self, kind: str, key: str) -> Any | None:
        doc = self._point.connection.execute("SELECT doc FROM record WHERE kind = ? AND key = ?", (kind, key)).get
        return None if doc is None else orjson.loads(doc)

    async def seal(self) -> None:
        """Seal the whole tail now. For benches, tests and exports; the background does it on its own."""
        await asyncio.get_running_loop().run_in_executor(None, self._sealer.seal_all)

    async def extract(self, folder: Path, choices: Sequence[Choice]) -> list[int]:
        def copy() -> list[int]:
            target = _new_file(folder)
            with closing(_connect(self._path)) as source:
                return extract(source, self._names.number, target, choices)

        return await asyncio.to_thread(copy)

    async def duplicate(self, folder: Path) -> None:
        def copy() -> None:
            with closing(_connect(self._path)) as source, closing(_connect(_new_file(folder))) as target:
                duplicate(source, target)

        await asyncio.to_thread(copy)

    def _page(self, connection: apsw.Connection, query: EntityQuery, count: bool) -> Page:
        compiled = compile_entities(query, self._names.number)
        found: list[Entity] = []
        if not compiled.empty and query.limit:
            found = self._states(connection, connection.execute(compiled.sql, compiled.parameters).fetchall())
        return Page(found, self._count(connection, query) if count else None)

    def _states(self, connection: apsw.Connection, rows: Sequence[tuple[Any, ...]]) -> list[Entity]:
        """The entities of rows (n, id, modified) in their order; a remembered one where it is of the same write, since
        each write has a time of its own, the others by one SELECT."""
        remembered = self._writer.remembered.entity
        found: list[Entity | None] = []
        missing: list[int] = []
        for n, id, modified in rows:
            entity = remembered(id)
            if entity is None or entity.modified != modified:
                entity = None
                missing.append(n)
            found.append(entity)
        if missing:
            read = {row[0]: row for row in connection.execute(_BY_NUMBERS, (orjson.dumps(missing).decode(),))}
            states = iter([self._learnt(connection, read[n]) for n in missing])
            found = [next(states) if entity is None else entity for entity in found]
        return found  # type: ignore[return-value]

    def _learnt(self, connection: apsw.Connection, row: Row) -> Entity:
        """The entity of a row; remembered where the loop reads, on which no commit can come between."""
        entity = self._names.entity_of(row)
        if connection is self._point.connection:
            self._writer.remembered.learn(row[0], entity)
        return entity

    def _ids(self, connection: apsw.Connection, query: EntityQuery) -> list[str]:
        compiled = compile_entities(query, self._names.number)
        if compiled.empty:
            return []
        rows = connection.execute(f"SELECT id FROM ({compiled.sql})", compiled.parameters)
        return [str(row[0]) for row in rows]

    def _count(self, connection: apsw.Connection, query: EntityQuery) -> int:
        compiled = compile_entities(query, self._names.number, count=True)
        return 0 if compiled.empty else int(connection.execute(compiled.sql, compiled.parameters).get)

    async def _read(self, read: Callable[[apsw.Connection], T]) -> T:
        assert self._pool is not None
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._reading, read)

    async def _quick_read(self, read: Callable[[apsw.Connection], T]) -> T:
        """Read at once on the loop's own connection; what takes more than some milliseconds is begun anew in a thread.

        A hop to a thread and back costs as much as most queries, since both threads compete for the interpreter.
        """
        try:
            return self._point.run(read, QUICK)
        except apsw.InterruptError:
            return await self._read(read)

    def _reading(self, read: Callable[[apsw.Connection], T]) -> T:
        reader = getattr(self._readers, "reader", None)
        if reader is None:
            reader = self._readers.reader = _Reader(self._path)
            self._opened.append(reader.connection)
        try:
            return reader.run(read, READ_DEADLINE)
        except apsw.InterruptError:
            raise TooComplexQuery(f"the query ran longer than {READ_DEADLINE:g} s; narrow it down") from None

    def _publish(self, changes: Sequence[Change]) -> None:
        for listener in list(self._listeners):
            listener(changes)

    def _touched(self, entities: Sequence[int]) -> None:
        self._sealer.touched(entities)


class _Reader:
    """A reading connection whose statements are stopped when their time is over."""

    def __init__(self, path: Path) -> None:
        self.connection = _connect(path)
        self._end = math.inf
        self.connection.set_progress_handler(lambda: time.monotonic() > self._end, STEPS)

    def run(self, read: Callable[[apsw.Connection], T], seconds: float) -> T:
        """Read from one state of the city. Raises apsw.InterruptError when it takes longer."""
        self._end = time.monotonic() + seconds
        try:
            with self.connection:
                found = read(self.connection)
        finally:
            self._end = math.inf
        return found


def _new_file(folder: Path) -> Path:
    """An empty city in a new folder; what a copy left half done there is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "city.db"
    with closing(_connect(path)) as connection:
        migrate(connection)
    return path


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(10_000)
    for pragma, value in (
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("cache_size", -32_000),
        ("temp_store", "MEMORY"),
        ("wal_autocheckpoint", 0),
    ):
        connection.pragma(pragma, value)
    register(connection)
    return connection
