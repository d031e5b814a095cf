"""What the past answers: instances of entities in a window, and aggregates over periods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apsw
import numpy as np
import orjson

from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.patch import SCOPE
from dothi.model.query import AggregateMethod, Window
from dothi.storage.buckets import aggregate_numbers, aggregate_values
from dothi.storage.chunk import date_times
from dothi.storage.packing import Ints
from dothi.storage.rows import Names, Row
from dothi.storage.series import FIRST_RECORDED, Column, Key, columns, instance_id
from dothi.storage.store import Bucket, History
from dothi.storage.windows import axis, positions, scope_positions, validity, within

#: What is read of an entity whose past is asked for.
ENTITIES_OF = "SELECT n, id, types, scopes, created, modified, deleted FROM entity"
#: One without document and time of deletion was erased (storage.erase).
ENTITIES = f"""{ENTITIES_OF}
WHERE id IN (SELECT value FROM json_each(?)) AND (doc IS NOT NULL OR deleted IS NOT NULL)
"""


def read_history(
    connection: apsw.Connection,
    names: Names,
    ids: Sequence[str],
    attributes: Sequence[str],
    window: Window,
    limit: int | None,
) -> list[History]:
    """The past of these entities in the order of `ids`, ascending in time, or newest first where `window.last` is."""
    found = {}
    last = window.last
    rows: Iterator[Row] = connection.execute(ENTITIES, (orjson.dumps(ids).decode(),))
    for row in rows:
        n, id, types, scopes, created, modified, deleted = row
        past: dict[str, list[Instance]] = {}
        for key, column, taken in read_columns(connection, names, row, attributes, window):
            if last is not None:
                taken = taken[: -last - 1 : -1]
            if limit is not None:
                taken = taken[:limit]
            if len(taken) or names.iri(key[0]) == SCOPE:
                past.setdefault(names.iri(key[0]), []).extend(written(n, key, column, taken))
        found[id] = History(
            id=id,
            types=names.decode_types(types),
            scopes=() if scopes is None else tuple(orjson.loads(scopes)),
            created=created,
            modified=modified,
            attributes=past,
            deleted=deleted,
        )
    return [found[id] for id in ids if id in found]


def read_columns(
    connection: apsw.Connection, names: Names, row: Row, attributes: Sequence[str], window: Window
) -> Iterator[tuple[Key, Column, Ints]]:
    """Series of the entity of a row of ENTITIES, and the positions in it that the window takes, ascending."""
    n, _, _, scopes, *_ = row
    scope, wants_scope = names.number(SCOPE), not attributes or SCOPE in attributes
    wanted = attributes if wants_scope or window.scope is None else (*attributes, SCOPE)
    found = columns(connection, names, n, wanted, window, None if window.scope else window.last)
    datasets = frozenset("" if each == "@none" else each for each in window.dataset_ids)
    valid = None
    if window.scope is not None:
        had = () if scopes is None else tuple(orjson.loads(scopes))
        valid = validity(found.get((scope or 0, "")), had, window.scope, window.property)
    for key, column in found.items():
        if key[0] == scope:
            if wants_scope:
                yield key, column, scope_positions(column, window)
            continue
        if datasets and key[1] not in datasets:
            continue
        taken = positions(column, window)
        yield key, column, taken if valid is None else taken[within(axis(column, window.property)[taken], valid)]


def written(entity: int, key: Key, column: Column, positions: Ints) -> list[Instance]:
    """The instances at some positions of a series, with their times and instanceIds."""
    prefix, suffix = instance_id(entity, key)
    times = column.times[positions]
    last: dict[str, Any] | None = None
    found: list[Instance] = []
    for time, text, recorded, (meta, value) in zip(
        times.tolist(), date_times(times), column.recorded[positions].tolist(), column.rows(positions), strict=True
    ):
        if meta is not last:
            last, member = meta, VALUE_MEMBER[meta["type"]]
            template = {"type": meta["type"], member: None, **meta}
            observed, deleted = "observedAt" in meta, "deletedAt" in meta
            first, name = template.pop(FIRST_RECORDED, None), meta.get("instanceId")
        instance = template.copy()
        instance[member] = value
        if observed:
            instance["observedAt"] = text
        if not deleted:
            instance["createdAt"] = recorded if first is None else first
            instance["modifiedAt"] = recorded
        instance["instanceId"] = f"{prefix}{time}{suffix}" if name is None else name
        found.append(instance)
    return found


def read_aggregates(
    connection: apsw.Connection,
    names: Names,
    ids: Sequence[str],
    attributes: Sequence[str],
    window: Window,
    methods: Sequence[AggregateMethod],
    period: str,
) -> dict[str, dict[str, list[Bucket]]]:
    """Buckets per entity and attribute; all its datasetIds that the window takes count together."""
    found: dict[str, dict[str, list[Bucket]]] = {}
    rows: Iterator[Row] = connection.execute(ENTITIES, (orjson.dumps(ids).decode(),))
    for row in rows:
        merged: dict[str, list[tuple[Column, Ints]]] = {}
        for key, column, taken in read_columns(connection, names, row, attributes, window):
            if (name := names.iri(key[0])) != SCOPE:
                merged.setdefault(name, []).append((column, taken))
        found[row[1]] = {name: _aggregate(parts, window, methods, period) for name, parts in merged.items()}
    return found


def _aggregate(
    parts: Sequence[tuple[Column, Ints]], window: Window, methods: Sequence[AggregateMethod], period: str
) -> list[Bucket]:
    parts = [(column, _undeleted(column, taken)) for column, taken in parts]
    times = [axis(column, window.property)[taken] for column, taken in parts]
    numbers = [column.numbers()[taken] for column, taken in parts]
    when, what = np.concatenate(times), np.concatenate(numbers)
    order = np.argsort(when, kind="stable") if len(parts) > 1 else slice(None)
    when, what = when[order], what[order]
    if not len(when):
        return []
    if not np.isnan(what).any():
        return aggregate_numbers(when, what, window, methods, period)
    flat: list[Any] = []
    for column, taken in parts:
        everything = column.values()
        flat += [everything[position] for position in taken.tolist()]
    values = [flat[index] for index in order.tolist()] if isinstance(order, np.ndarray) else flat
    return aggregate_values(when, values, window, methods, period)


def _undeleted(column: Column, taken: Ints) -> Ints:
    """Positions of those that tell no deletion; among numbers there is none."""
    if not np.isnan(column.numbers()[taken]).any():
        return taken
    left: Ints = taken[~column.marks("deletedAt")[taken]]
    return left
