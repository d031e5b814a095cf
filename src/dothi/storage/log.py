"""Reads the change log for followers that catch up."""

from __future__ import annotations

from typing import Any

import apsw
import orjson

from dothi.model.change import AttributeChange, Cause, Change, ChangeKind
from dothi.model.entity import Entity, instances
from dothi.storage.flush import PAST
from dothi.storage.rows import Names

_KINDS: tuple[ChangeKind, ...] = ("created", "updated", "deleted")

_AFTER = """
SELECT seq, at, kind, cause, change.doc, entity.n, id, types, scopes, created, modified, expires, json(entity.doc)
FROM change JOIN entity ON entity.n = change.entity
WHERE seq > ? AND kind <> ? ORDER BY seq LIMIT ?
"""


def changes(connection: apsw.Connection, names: Names, after: int, limit: int) -> list[Change]:
    """The log after a sequence number in order. `entity` is today's state (without attributes where it is gone);
    `before` of each attribute is not in the log and reads None."""
    found = []
    for seq, at, kind, cause, doc, *row in connection.execute(_AFTER, (after, PAST, limit)):
        found.append(Change(seq, at, _KINDS[kind], _entity(names, row), _attributes(names, doc), _cause(cause)))
    return found


def _entity(names: Names, row: list[Any]) -> Entity:
    if row[-1] is None:
        row[-1] = "{}"
    return names.entity_of(tuple(row))


def _attributes(names: Names, doc: str) -> tuple[AttributeChange, ...]:
    found = []
    for name, attribute in names.decode(doc).items():
        for instance in instances(attribute):
            gone = "deletedAt" in instance
            dataset = instance.get("datasetId")
            found.append(AttributeChange(name, dataset, None, None if gone else instance))
    return tuple(found)


def _cause(text: str | None) -> Cause:
    return Cause() if text is None else Cause(*orjson.loads(text))
