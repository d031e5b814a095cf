"""One unit of work and the group it is committed with: what was loaded, what was staged, in memory until flushed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any

import apsw
import orjson

from dothi.model.change import AttributeChange, Cause, Change, ChangeKind
from dothi.model.entity import Entity, Instance
from dothi.model.patch import SCOPE
from dothi.model.query import EntityQuery
from dothi.storage.counters import Counters
from dothi.storage.erase import Forgotten, erase, find_instance, is_kept
from dothi.storage.flush import Known, Past, PastColumns, Staged, flush, scope_instance, written_into
from dothi.storage.index import touches_place
from dothi.storage.packing import Floats, Ints
from dothi.storage.past import keep_columns, keep_past, new_positions, not_kept_yet
from dothi.storage.remembered import Remembered
from dothi.storage.rows import COLUMNS, Names
from dothi.storage.series import FIRST_RECORDED
from dothi.storage.store import Found

_LOAD = f"SELECT {COLUMNS} FROM entity WHERE id IN (SELECT value FROM json_each(?))"


class Group:
    """All that one commit writes. Lives on the writer thread."""

    def __init__(
        self, connection: apsw.Connection, names: Names, counters: Counters, remembered: Remembered, now: int
    ) -> None:
        self.connection = connection
        self.names = names
        self.counters = counters
        self.remembered = remembered
        self.now = now
        self.known: dict[str, Known] = {}
        self.staged = Staged()
        self.changes: list[Change] = []
        self.touched: list[int] = []
        self._written: dict[str, Known] = {}

    def load(self, ids: Iterable[str]) -> None:
        """Make the stored state of these ids known, by one SELECT for those that are not yet."""
        missing = []
        for id in ids:
            if id not in self.known:
                known = self.remembered.get(id)
                if known is None:
                    missing.append(id)
                else:  # a copy, since readers see the remembered one while the group is not committed yet
                    self.known[id] = Known(known.n, known.after, known.after)
        if not missing:
            return
        names = self.names
        for row in self.connection.execute(_LOAD, (orjson.dumps(missing).decode(),)):
            doc = row[7]
            entity = None if doc is None else names.entity_of(row)
            self.known[row[1]] = Known(row[0], entity, entity)
        for id in missing:
            if id not in self.known:
                self.known[id] = Known(0, None, None)

    def absorb(self, unit: Unit) -> None:
        """Take over what a unit that succeeded has staged."""
        for entity, kind, attributes, cause in unit.saved:
            known = self.known[entity.id]
            before = known.after
            known.after = None if kind == "deleted" else entity
            known.last = entity
            if not known.n:
                known.n = self.counters.next_entity()
                known.is_new = True
            change = Change(self.counters.next_change(), unit.now, kind, entity, attributes, cause)
            self.changes.append(change)
            self.staged.changes.append((known, change))
            if not known.moved:
                known.moved = kind == "deleted" or touches_place(attributes)
            known.written = written_into(change) if entity.id not in self.staged.entities else None
            self.staged.entities[entity.id] = known
            if entity.scopes != (() if before is None else before.scopes) and not unit.tells_scope_of(entity.id):
                row = (known, self.counters.next_change(), unit.now, scope_instance(entity.scopes, unit.now))
                self.staged.scopes.append(row)
        self.staged.records.update(unit.records)
        for past in unit.past:
            self.flush()
            n = self.known[past.id].n
            if isinstance(past, Forgotten):
                erase(self.connection, self.names, n, past)
            elif isinstance(past, PastColumns):
                keep_columns(self.connection, self.names, n, past)
            elif keep_past(self.connection, self.names, self.counters, n, past):
                self.touched.append(n)

    def flush(self) -> None:
        """Write what is staged so far, inside the transaction."""
        self.touched += flush(self.connection, self.names, self.staged, self.now)
        self._written.update(self.staged.entities)
        self.staged = Staged()

    def remember(self) -> None:
        """After the commit: what was written need not be read again."""
        self.remembered.keep(self._written.items())


class Unit:
    """What one `Store.write` stages; the Transaction that its work is given."""

    def __init__(self, group: Group, now: int) -> None:
        self._group = group
        self._states: dict[str, Entity | None] = {}
        self._now = now
        self.saved: list[tuple[Entity, ChangeKind, tuple[AttributeChange, ...], Cause]] = []
        self.past: list[Past | PastColumns | Forgotten] = []
        self.records: dict[tuple[str, str], Any] = {}

    @property
    def now(self) -> int:
        return self._now

    def load(self, ids: Iterable[str]) -> Mapping[str, Entity]:
        ids = tuple(ids)
        group, states = self._group, self._states
        group.load(ids)
        found = {}
        for id in ids:
            entity = states[id] if id in states else group.known[id].after
            if entity is not None:
                found[id] = entity
        return found

    def save(self, entity: Entity, kind: ChangeKind, changes: Sequence[AttributeChange], cause: Cause) -> None:
        if entity.id not in self._group.known:
            self._group.load((entity.id,))
        self._states[entity.id] = None if kind == "deleted" else entity
        self.saved.append((entity, kind, tuple(changes), cause))

    def append(self, entity: Entity, instances: Sequence[tuple[str, Instance]], cause: Cause) -> int:
        group = self._group
        if entity.id not in group.known:
            group.load((entity.id,))
        fresh = not_kept_yet(group.connection, group.names, group.known[entity.id].n, instances)
        if fresh:
            self.past.append(Past(entity.id, fresh, cause, self._now))
        return len(fresh)

    def append_columns(self, entity: Entity, attribute: str, instance: Instance, times: Ints, values: Floats) -> int:
        group = self._group
        if entity.id not in group.known:
            group.load((entity.id,))
        key = (attribute, instance.get("datasetId", ""))
        fresh = new_positions(group.connection, group.names, group.known[entity.id].n, key, times, values)
        if len(fresh):
            self.past.append(PastColumns(entity.id, attribute, instance, times[fresh], values[fresh], self._now))
        return len(fresh)

    def instance(self, id: str, attribute: str, instance: str) -> Found | None:
        group = self._known(id)
        group.flush()
        return find_instance(group.connection, group.names, group.known[id].n, attribute, instance)

    def amend(self, id: str, attribute: str, found: Found, name: str, amended: Instance, cause: Cause) -> None:
        self._known(id)
        kept = {**amended, "instanceId": name, FIRST_RECORDED: found.created}
        self.past.append(Forgotten(id, attribute, found.dataset, found.time))
        self.past.append(Past(id, [(attribute, kept)], cause, self._now))

    def forget(
        self,
        id: str,
        attribute: str | None = None,
        dataset: str | EllipsisType | None = ...,
        instance: str | None = None,
    ) -> bool:
        group = self._known(id)
        group.flush()
        what = Forgotten(id, attribute, dataset)
        if instance is not None:
            assert attribute is not None
            found = self.instance(id, attribute, instance)
            if found is None:
                return False
            what = Forgotten(id, attribute, found.dataset, found.time)
        elif not is_kept(group.connection, group.names, group.known[id].n, what):
            return False
        self.past.append(what)
        return True

    def tells_scope_of(self, id: str) -> bool:
        """Whether the past that is added has the scope of this entity, with times of its own."""
        return any(
            isinstance(past, Past) and past.id == id and any(name == SCOPE for name, _ in past.instances)
            for past in self.past
        )

    def _known(self, id: str) -> Group:
        group = self._group
        if id not in group.known:
            group.load((id,))
        return group

    def select(self, query: EntityQuery) -> list[str]:
        from dothi.storage.compile import compile_entities

        self._group.flush()
        compiled = compile_entities(query, self._group.names.number)
        if compiled.empty:
            return []
        return [row[1] for row in self._group.connection.execute(compiled.sql, compiled.parameters)]

    def record(self, kind: str, key: str) -> Any | None:
        for layer in (self.records, self._group.staged.records):
            if (kind, key) in layer:
                return layer[kind, key]
        doc = self._group.connection.execute("SELECT doc FROM record WHERE kind = ? AND key = ?", (kind, key)).get
        return None if doc is None else orjson.loads(doc)

    def put_record(self, kind: str, key: str, document: Any) -> None:
        self.records[kind, key] = document

    def drop_record(self, kind: str, key: str) -> bool:
        was = self.record(kind, key) is not None
        self.records[kind, key] = None
        return was


#: What a caller hands to the writer.
Work = Callable[[Unit], Any]
