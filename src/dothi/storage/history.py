"""What the past answers: instances of entities in a window, and aggregates over periods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import numpy as np
import orjson

from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.instant import format_instant
from dothi.model.query import AggregateMethod, Window
from dothi.storage.buckets import aggregate_numbers, aggregate_values
from dothi.storage.packing import Ints
from dothi.storage.rows import Names
from dothi.storage.series import Column, Key, columns
from dothi.storage.store import Bucket, History

_ENTITIES = """
SELECT n, id, types, scopes, created, modified, deleted FROM entity
WHERE id IN (SELECT value FROM json_each(?))
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
    for n, id, types, scopes, created, modified, deleted in connection.execute(
        _ENTITIES, (orjson.dumps(ids).decode(),)
    ):
        past: dict[str, list[Instance]] = {}
        for key, column in columns(connection, names, n, attributes, window, last).items():
            positions = _positions(column, window)
            if last is not None:
                positions = positions[: -last - 1 : -1]
            if limit is not None:
                positions = positions[:limit]
            if len(positions):
                past.setdefault(names.iri(key[0]), []).extend(_instances(n, key, column, positions))
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


def _positions(column: Column, window: Window) -> Ints:
    """Positions of a column that the window takes, ascending (clause 4.11: the time property must be present)."""
    if window.start is None and window.end is None and window.property in ("observedAt", "createdAt", "modifiedAt"):
        return np.arange(len(column.times))
    times = column.times if window.property == "observedAt" else column.recorded
    taken = np.ones(len(times), np.bool_)
    if window.start is not None:
        taken &= times >= window.start
    if window.end is not None:
        taken &= times < window.end
    if window.property in ("observedAt", "deletedAt"):
        taken &= column.marks(window.property)
    picked: Ints = np.flatnonzero(taken)
    return picked


def _instances(entity: int, key: Key, column: Column, positions: Ints) -> list[Instance]:
    attribute, dataset = key
    prefix = f"urn:ngsi-ld:Instance:{entity}-{attribute}-"
    suffix = f"-{dataset}" if dataset else ""
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
        instance = template.copy()
        instance[member] = value
        if observed:
            instance["observedAt"] = text
        if not deleted:
            instance["createdAt"] = instance["modifiedAt"] = recorded
        instance["instanceId"] = f"{prefix}{time}{suffix}"
        found.append(instance)
    return found


def date_times(times: Ints) -> list[str]:
    """DateTimes in UTC of an array of instants, as model.instant writes them."""
    if not len(times):
        return []
    if (times % 1_000_000 == 0).all() and times.min() > -62_135_596_800_000_000:
        return [text + "Z" for text in np.datetime_as_string(times.astype("datetime64[us]"), unit="s").tolist()]
    return [format_instant(time) for time in times.tolist()]


def read_aggregates(
    connection: apsw.Connection,
    names: Names,
    ids: Sequence[str],
    attributes: Sequence[str],
    window: Window,
    methods: Sequence[AggregateMethod],
    period: str,
) -> dict[str, dict[str, list[Bucket]]]:
    """Buckets per entity and attribute; all datasetIds of an attribute count together."""
    found: dict[str, dict[str, list[Bucket]]] = {}
    for n, id, *_ in connection.execute(_ENTITIES, (orjson.dumps(ids).decode(),)):
        merged: dict[str, list[Column]] = {}
        for key, column in columns(connection, names, n, attributes, window).items():
            merged.setdefault(names.iri(key[0]), []).append(column)
        found[id] = {name: _aggregate(parts, window, methods, period) for name, parts in merged.items()}
    return found


def _aggregate(
    parts: Sequence[Column], window: Window, methods: Sequence[AggregateMethod], period: str
) -> list[Bucket]:
    times, numbers, values = [], [], []
    for column in parts:
        positions = _positions(column, window)
        times.append((column.times if window.property == "observedAt" else column.recorded)[positions])
        numbers.append(column.numbers()[positions])
    when, what = np.concatenate(times), np.concatenate(numbers)
    order = np.argsort(when, kind="stable") if len(parts) > 1 else slice(None)
    when, what = when[order], what[order]
    if not len(when):
        return []
    if not np.isnan(what).any():
        return aggregate_numbers(when, what, window, methods, period)
    flat: list[Any] = []
    for column in parts:
        everything = column.values()
        flat += [everything[position] for position in _positions(column, window).tolist()]
    values = [flat[index] for index in order.tolist()] if isinstance(order, np.ndarray) else flat
    return aggregate_values(when, values, window, methods, period)
