"""Takes the past away for good: out of the tail of the log and out of sealed chunks (GS CIM 009 5.6.13 to 5.6.16)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Final

import apsw
import numpy as np
import orjson

from dothi.model.entity import Instance, instances
from dothi.model.query import Window
from dothi.storage.chunk import NEVER, Chunk, time_of
from dothi.storage.past import pack, store_chunks
from dothi.storage.rows import Names, Row
from dothi.storage.series import INSTANCE, Column, columns
from dothi.storage.store import Found

_ID: Final = re.compile(re.escape(INSTANCE) + r"(\d+)-(\d+)-(-?\d{1,20})(?:-(.+))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is to be erased of an entity: all, one attribute (IRI), one datasetId of it (None is the default instance,
    `...` all of them), or only its instances of one time (microseconds)."""

    id: str
    attribute: str | None = None
    dataset: str | EllipsisType | None = ...
    time: int | None = None


def find_instance(connection: apsw.Connection, names: Names, n: int, attribute: str, id: str) -> Found | None:
    """The instance of this name in the past of entity number `n`."""
    parts = _ID.fullmatch(id)
    number = names.number(attribute)
    if parts is None or number is None or (parts[1], parts[2]) != (str(n), str(number)):
        return None
    time = int(parts[3])
    if abs(time) >= NEVER:
        return None
    near = Window(start=time, end=time + 1)
    key = (number, parts[4] or "")
    column = columns(connection, names, n, [attribute], near).get(key)
    found = None if column is None else _at(column, time, id)
    return found or _moved(columns(connection, names, n, [attribute], Window()).get(key), id)


def _at(column: Column, time: int, id: str) -> Found | None:
    place = int(np.searchsorted(column.times, time))
    if place >= len(column.times) or column.times[place] != time:
        return None
    instance, created = column.instance(place)
    return Found(time, created, instance) if instance.pop("instanceId", id) == id else None


def _moved(column: Column | None, id: str) -> Found | None:
    if column is None:
        return None
    for place, (meta, _) in enumerate(column.rows(np.arange(len(column.times)))):
        if meta.get("instanceId") == id:
            instance, created = column.instance(place)
            del instance["instanceId"]
            return Found(int(column.times[place]), created, instance)
    return None


def is_kept(connection: apsw.Connection, names: Names, n: int, what: Forgotten) -> bool:
    """Whether the past of entity number `n` holds anything of what is to be erased."""
    if what.attribute is None:
        sql = "SELECT 1 FROM entity WHERE n = ? AND (doc IS NOT NULL OR deleted IS NOT NULL)"
        return connection.execute(sql, (n,)).get is not None
    found = columns(connection, names, n, [what.attribute], Window())
    return any(_fits(dataset, what) for _, dataset in found)


def erase(connection: apsw.Connection, names: Names, n: int, what: Forgotten) -> None:
    """Erase, in the transaction of the caller. Rows of the log stay, since followers count them, but are emptied."""
    connection.pragma("secure_delete", True)
    try:
        if what.attribute is None:
            _erase_entity(connection, n)
            return
        number = names.number(what.attribute)
        if number is not None:
            _erase_from_tail(connection, n, str(number), what)
            _erase_from_chunks(connection, n, number, what)
    finally:
        connection.pragma("secure_delete", False)


def _erase_entity(connection: apsw.Connection, n: int) -> None:
    """A row without document and time of deletion is that of an entity of which nothing is known any more."""
    connection.execute("UPDATE change SET doc = '{}' WHERE entity = ?", (n,))
    _drop_chunks(connection, "series IN (SELECT n FROM series WHERE entity = ?)", n)
    connection.execute("DELETE FROM series WHERE entity = ?", (n,))
    connection.execute("UPDATE entity SET deleted = NULL, scopes = NULL WHERE n = ? AND doc IS NULL", (n,))


def _erase_from_tail(connection: apsw.Connection, n: int, attribute: str, what: Forgotten) -> None:
    rows: list[Row] = connection.execute("SELECT seq, at, doc FROM change WHERE entity = ?", (n,)).fetchall()
    changed = []
    for seq, at, doc in rows:
        document: dict[str, Any] = orjson.loads(doc)
        if attribute not in document:
            continue
        before = instances(document.pop(attribute))
        left = [each for each in before if not _is_meant(each, at, what)]
        if len(left) == len(before):
            continue
        if left:
            document[attribute] = left if len(left) > 1 else left[0]
        changed.append((orjson.dumps(document).decode(), seq))
    connection.executemany("UPDATE change SET doc = ? WHERE seq = ?", changed)


def _is_meant(instance: Instance, at: int, what: Forgotten) -> bool:
    if not _fits(instance.get("datasetId", ""), what):
        return False
    return what.time is None or time_of(instance, at) == what.time


def _fits(dataset: str, what: Forgotten) -> bool:
    return what.dataset is ... or dataset == (what.dataset or "")


def _erase_from_chunks(connection: apsw.Connection, n: int, attribute: int, what: Forgotten) -> None:
    sql = "SELECT n, dataset FROM series WHERE entity = ? AND attribute = ?"
    series: list[Row] = connection.execute(sql, (n, attribute)).fetchall()
    for number, dataset in series:
        if not _fits(dataset, what):
            continue
        if what.time is None:
            _drop_chunks(connection, "series = ?", number)
            connection.execute("DELETE FROM series WHERE n = ?", (number,))
        else:
            _thin_chunks(connection, number, what.time)


def _thin_chunks(connection: apsw.Connection, series: int, time: int) -> None:
    """Seal the chunks of a series that hold this time anew, without it."""
    sql = 'SELECT n, points, data FROM chunk WHERE series = ? AND start <= ? AND "end" >= ?'
    chunks: list[Row] = connection.execute(sql, (series, time, time)).fetchall()
    for number, points, data in chunks:
        before = Chunk(data, points).all_points()
        left = [point for point in before if point[0] != time]
        if len(left) < len(before):
            store_chunks(connection, series, pack(left))
            _drop_chunks(connection, "n = ?", number)


def _drop_chunks(connection: apsw.Connection, condition: str, argument: int) -> None:
    """Delete chunks so that none of their numbers comes again: readers remember opened chunks by them."""
    connection.execute(
        f"""UPDATE chunk SET series = 0, points = 0, count = 0, total = NULL, low = NULL, high = NULL, data = x''
            WHERE {condition}""",
        (argument,),
    )
    connection.execute("DELETE FROM chunk WHERE series = 0 AND n < (SELECT max(n) FROM chunk)")
