"""Finds entities by their past: those whose instances in a window meet a query (GS CIM 009 clause 5.7.4)."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import replace

import apsw

from dothi.model.entity import Attributes, Entity
from dothi.model.match import compile_match
from dothi.model.patch import SCOPE
from dothi.model.query import EntityQuery, Window
from dothi.storage.compile import compile_entities
from dothi.storage.history import ENTITIES_OF, read_columns, written
from dothi.storage.rows import Names, Row
from dothi.storage.store import Evolved

_DELETED = f"{ENTITIES_OF} WHERE deleted IS NOT NULL AND doc IS NULL ORDER BY n"


def read_evolved(connection: apsw.Connection, names: Names, query: EntityQuery, window: Window, count: bool) -> Evolved:
    """A page of the entities, living or deleted, in store order or by id; their number in all where `count`.

    Ids, types and patterns choose candidates in SQL. What is left of a query is judged by the instances in the window,
    which lie in chunks: candidate by candidate, until the page is full.
    """
    holds = _Judge(names, query, window)
    found: list[str] = []
    seen = 0
    for row in _candidates(connection, names, query):
        if not holds(connection, row):
            continue
        seen += 1
        if seen > query.offset and len(found) <= query.limit:
            found.append(row[1])
        if not count and len(found) > query.limit:
            break
    return Evolved(found[: query.limit], seen if count else None, len(found) > query.limit)


def _candidates(connection: apsw.Connection, names: Names, query: EntityQuery) -> Iterator[Row]:
    """Rows of ENTITIES by the parts of a query that are about the entity itself."""
    chosen = replace(query, attributes=(), q=None, geo=None, scope=None, dataset_ids=(), limit=-1, offset=0)
    compiled = compile_entities(chosen, names.number)
    living = iter(()) if compiled.empty else _rows(connection, connection.execute(compiled.sql, compiled.parameters))
    matches = compile_match(replace(chosen, order=()))
    gone: Iterator[Row] = connection.execute(_DELETED)
    deleted = [row for row in gone if matches(Entity(row[1], names.decode_types(row[2]), {}))]
    place, descending = (1, query.order[0].descending) if query.order else (0, False)
    deleted.sort(key=lambda row: row[place], reverse=descending)
    return heapq.merge(living, deleted, key=lambda row: row[place], reverse=descending)


def _rows(connection: apsw.Connection, found: Iterable[Row]) -> Iterator[Row]:
    """The rows of entities that were found by number, in the order in which they were."""
    for n, *_ in found:
        yield from connection.execute(f"{ENTITIES_OF} WHERE n = ?", (n,))


class _Judge:
    """Whether an entity has something in the window that meets the query."""

    def __init__(self, names: Names, query: EntityQuery, window: Window) -> None:
        self._names = names
        self._window = replace(window, last=None, scope=query.scope, dataset_ids=query.dataset_ids)
        self._query = query
        self._attributes = frozenset(query.attributes)
        looks = query.q is not None or query.geo is not None
        self._meets = (
            compile_match(EntityQuery(q=query.q, geo=query.geo, dataset_ids=query.dataset_ids)) if looks else None
        )
        self._read = () if looks else query.attributes

    def __call__(self, connection: apsw.Connection, row: Row) -> bool:
        is_there = False
        attributes: Attributes = {}
        for key, column, taken in read_columns(connection, self._names, row, self._read, self._window):
            name = self._names.iri(key[0])
            if name == SCOPE or not len(taken):
                continue
            is_there = is_there or not self._attributes or name in self._attributes
            if self._meets is None:
                if is_there:
                    return True
            else:
                attributes[name] = [*attributes.get(name, ()), *written(row[0], key, column, taken)]
        if not is_there or self._meets is None:
            return self._was_deleted(row)
        _, id, types, _, created, modified, _ = row
        return self._meets(Entity(id, self._names.decode_types(types), attributes, (), created, modified))

    def _was_deleted(self, row: Row) -> bool:
        """Whether the entity itself was deleted in a window of deletions, and nothing but that is asked for."""
        deleted, window, query = row[6], self._window, self._query
        if deleted is None or window.property != "deletedAt":
            return False
        if query.attributes or query.dataset_ids or query.scope is not None or self._meets is not None:
            return False
        return (window.start is None or window.start <= deleted) and (window.end is None or deleted < window.end)
