"""Turns what a group has staged into rows: few statements, each for many rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import apsw
import msgspec
import orjson

from dothi.model.change import Cause, Change
from dothi.model.entity import Attributes, Entity, Instance
from dothi.model.patch import SCOPE
from dothi.storage.index import Index
from dothi.storage.packing import Floats, Ints
from dothi.storage.rows import Names, encode_scopes

KIND_NUMBERS = {"created": 0, "updated": 1, "deleted": 2}
PAST = 3

_INSERT_ENTITY = """
INSERT INTO entity (types, scopes, created, modified, expires, deleted, doc, id, n)
VALUES (?, ?, ?, ?, ?, ?, jsonb(?), ?, ?)
"""
_UPDATE_ENTITY = """
UPDATE entity SET types = ?, scopes = ?, created = ?, modified = ?, expires = ?, deleted = ?, doc = jsonb(?)
WHERE n = ?
"""
#: Where nothing but attributes changed; the usual case.
_UPDATE_DOC = "UPDATE entity SET modified = ?, doc = jsonb(?) WHERE n = ?"
#: Before an entity is created again: its life until then, for what is asked as of a time in it.
_KEEP_LIFE = "INSERT INTO life SELECT n, created, deleted FROM entity WHERE n = ? AND deleted IS NOT NULL"
_MARK_DELETED = "UPDATE entity SET deleted = ?, expires = NULL, doc = NULL WHERE n = ?"
INSERT_CHANGE = "INSERT INTO change (seq, entity, at, kind, cause, doc) VALUES (?, ?, ?, ?, ?, ?)"

#: Rows that one statement takes: SQLite then works on them while other threads have the interpreter, which a call for
#: each row would hand to and fro.
AT_ONCE = 64
_UPDATE_DOCS = (
    "UPDATE entity SET modified = v.column1, doc = jsonb(v.column2) "
    f"FROM (VALUES {', '.join(['(?, ?, ?)'] * AT_ONCE)}) AS v WHERE n = v.column3"
)
_INSERT_CHANGES = f"{INSERT_CHANGE}{', (?, ?, ?, ?, ?, ?)' * (AT_ONCE - 1)}"

_OUTSIDE = Cause()


class Known(msgspec.Struct, gc=False):
    """What the group knows of one entity: its number (0 = none yet), its state before the group and now."""

    n: int
    before: Entity | None
    after: Entity | None
    is_new: bool = False
    #: Whether a write of the group touched a place.
    moved: bool = False
    #: What the only write of the group to it has written, where that stands in `after` as it is.
    written: Attributes | None = None
    #: The `doc` text of `written`.
    doc: str = ""
    #: How much it counts among the remembered states.
    weight: int = 0
    #: The last state that lived, for the row of an entity that came and went within one group.
    last: Entity | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """Instances that belong only to the history of an entity."""

    id: str
    instances: Sequence[tuple[str, Instance]]
    cause: Cause
    at: int


@dataclass(frozen=True, slots=True)
class PastColumns:
    """Numbers that belong only to the history of one attribute instance set of an entity."""

    id: str
    attribute: str
    instance: Instance
    times: Ints
    values: Floats
    at: int


@dataclass(slots=True)
class Staged:
    """What is to be written: entities by id, changes in order, documents (None = to be removed)."""

    entities: dict[str, Known] = field(default_factory=dict)
    changes: list[tuple[Known, Change]] = field(default_factory=list)
    #: Instances of the scope: entity, number and time of the change, and what the scope became.
    scopes: list[tuple[Known, int, int, Instance]] = field(default_factory=list)
    records: dict[tuple[str, str], Any] = field(default_factory=dict)


def flush(connection: apsw.Connection, names: Names, staged: Staged, now: int) -> list[int]:
    """Write it all; returns the number of the entity of each row added to the tail."""
    if staged.entities:
        _write_entities(connection, names, staged.entities.values(), now)
    touched = []
    if staged.changes:
        rows = [_change_row(names, known, change) for known, change in staged.changes]
        _execute_rows(connection, INSERT_CHANGE, _INSERT_CHANGES, rows)
        touched = [known.n for known, _ in staged.changes]
        for known in staged.entities.values():
            known.doc, known.written, known.last = "", None, None
    if staged.scopes:
        connection.executemany(INSERT_CHANGE, [_scope_row(names, *scope) for scope in staged.scopes])
        touched += [known.n for known, *_ in staged.scopes]
    if staged.records:
        _write_records(connection, staged.records)
    names.store(connection)
    return touched


def _execute_rows(connection: apsw.Connection, one: str, several: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for many rows: `several` takes AT_ONCE of them, `one` what is left."""
    whole = len(rows) - len(rows) % AT_ONCE
    for first in range(0, whole, AT_ONCE):
        connection.execute(several, tuple(chain.from_iterable(rows[first : first + AT_ONCE])))
    if whole < len(rows):
        connection.executemany(one, rows[whole:])


def scope_instance(scopes: Sequence[str], at: int) -> Instance:
    """What history keeps where the scope changed: a Property, marked as deleted where none is left (clause 4.5.6)."""
    instance: Instance = {"type": "Property", "value": list(scopes)}
    return instance if scopes else {**instance, "deletedAt": at}


def _scope_row(names: Names, known: Known, seq: int, at: int, instance: Instance) -> tuple[Any, ...]:
    return seq, known.n, at, PAST, None, names.encode({SCOPE: instance})


def encode_cause(cause: Cause) -> str | None:
    return None if cause == _OUTSIDE else orjson.dumps([cause.by, cause.depth]).decode()


def _change_row(names: Names, known: Known, change: Change) -> tuple[Any, ...]:
    doc = known.doc or names.encode(_written(change))
    return change.seq, known.n, change.at, KIND_NUMBERS[change.kind], encode_cause(change.cause), doc


def written_into(change: Change) -> Attributes | None:
    """The attributes that a change wrote, where each stands whole in the state after it; None where one does not."""
    state = change.entity.attributes
    written: Attributes = {}
    for attribute in change.attributes:
        name = attribute.name
        if attribute.after is None or state.get(name) is not attribute.after:
            return None
        written[name] = attribute.after
    return written


def _encode_state(names: Names, known: Known, after: Entity) -> str:
    """The `doc` of the state. What a write brought is written once, and serves for state and change."""
    written, attributes = known.written, after.attributes
    if not written:
        return names.encode(attributes)
    known.doc = doc = names.encode(written)
    if len(written) == len(attributes):
        return doc
    rest = names.encode({name: attribute for name, attribute in attributes.items() if name not in written})
    return f"{doc[:-1]},{rest[1:]}"


def _written(change: Change) -> Attributes:
    """What a change wrote, by attribute; deletions as instances with deletedAt."""
    written: Attributes = {}
    for attribute in change.attributes:
        instance = attribute.after
        if instance is None:
            instance = _deletion(attribute.before, attribute.dataset, change.at)
        name = attribute.name
        if name in written:
            earlier = written[name]
            written[name] = [*earlier, instance] if isinstance(earlier, list) else [earlier, instance]
        else:
            written[name] = instance
    return written


def _deletion(before: Instance | None, dataset: str | None, at: int) -> Instance:
    kind = "Property" if before is None else before["type"]
    instance = {"type": kind, "deletedAt": at}
    if dataset is not None:
        instance["datasetId"] = dataset
    return instance


def _write_entities(connection: apsw.Connection, names: Names, entities: Iterable[Known], now: int) -> None:
    new, updated, docs, deleted, reborn = [], [], [], [], []
    index = Index(names)
    for known in entities:
        n, before, after = known.n, known.before, known.after
        known.doc = ""
        if after is None:
            if known.is_new:
                new.append(_deleted_row(names, known, now))
            else:
                deleted.append((now, n))
        else:
            doc = _encode_state(names, known, after)
            if before is not None and not known.moved and _is_same_but_attributes(before, after):
                docs.append((after.modified, doc, n))
                known.before = after
                continue
            types, scopes = names.encode_types(after.types), encode_scopes(after.scopes)
            if known.is_new:
                new.append((types, scopes, after.created, after.modified, after.expires, None, doc, after.id, n))
            else:
                if before is None:
                    reborn.append((n,))
                updated.append((types, scopes, after.created, after.modified, after.expires, None, doc, n))
        index.move(n, before, after, places=known.moved)
        known.before, known.is_new, known.moved = after, False, False
    if new:
        connection.executemany(_INSERT_ENTITY, new)
    if reborn:
        connection.executemany(_KEEP_LIFE, reborn)
    if updated:
        connection.executemany(_UPDATE_ENTITY, updated)
    if docs:
        _execute_rows(connection, _UPDATE_DOC, _UPDATE_DOCS, docs)
    if deleted:
        connection.executemany(_MARK_DELETED, deleted)
    index.store(connection)


def _is_same_but_attributes(before: Entity, after: Entity) -> bool:
    return (
        before.types == after.types
        and before.scopes == after.scopes
        and before.expires == after.expires
        and before.created == after.created
    )


def _deleted_row(names: Names, known: Known, now: int) -> tuple[Any, ...]:
    last = known.last
    assert last is not None
    types = names.encode_types(last.types)
    return (types, encode_scopes(last.scopes), last.created, last.modified, None, now, None, last.id, known.n)


def _write_records(connection: apsw.Connection, records: dict[tuple[str, str], Any]) -> None:
    kept = [(kind, key, orjson.dumps(doc).decode()) for (kind, key), doc in records.items() if doc is not None]
    gone = [identity for identity, doc in records.items() if doc is None]
    if kept:
        connection.executemany(
            "INSERT INTO record (kind, key, doc) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET doc = excluded.doc", kept
        )
    if gone:
        connection.executemany("DELETE FROM record WHERE kind = ? AND key = ?", gone)
