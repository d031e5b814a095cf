"""The rules of a city as durable documents: versions, modes, who changed what when; two who edit one are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from dothi.automation.rules.definition import Rule
from dothi.automation.rules.reading import read_rule, rule_document
from dothi.model.errors import Conflict, ResourceNotFound
from dothi.model.instant import format_instant
from dothi.storage.store import Store, Transaction

Mode = Literal["off", "dry", "on"]
What = Literal["created", "changed", "deleted", "mode", "tested"]

#: Kinds of records: the rules by id, their versions by "<id>/<number of the entry>".
RULE, HISTORY = "rule", "rule-history"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is kept. `tested`: the version whose back-test was looked at last. Times in microseconds."""

    rule: Rule
    version: int
    mode: Mode
    at: int
    by: str
    tested: int | None = None
    entries: int = 0


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a rule's book: what was done to it, by whom and why."""

    version: int
    at: int
    by: str
    reason: str
    what: What
    mode: Mode
    rule: Rule | None = None


class Book:
    """Keeps rules; tells `changed` (id, entry or None) after each commit that touches one."""

    def __init__(self, store: Store, changed: Callable[[str, Entry | None], None] = lambda _, entry: None) -> None:
        self._store = store
        self.changed = changed
        self.entries: dict[str, Entry] = {}

    async def open(self) -> None:
        """Read what is kept."""
        kept = await self._store.records(RULE)
        self.entries = {id: _entry(document) for id, document in sorted(kept.items())}

    def get(self, id: str) -> Entry:
        """Raises ResourceNotFound."""
        found = self.entries.get(id)
        if found is None:
            raise ResourceNotFound(f"there is no rule {id}")
        return found

    async def put(self, rule: Rule, version: int, by: str, reason: str, now: int) -> Entry:
        """Keep a new version of what was version `version` (0: a new rule). Raises Conflict, ResourceNotFound."""

        def work(tx: Transaction) -> Entry:
            old = self._expect(tx, rule.id, version)
            if old is None:
                fresh = Entry(rule=rule, version=1, mode="off", at=now, by=by)
                return _keep(tx, fresh, "created", reason)
            fresh = msgspec.structs.replace(old, rule=rule, version=version + 1, at=now, by=by)
            return _keep(tx, fresh, "changed", reason)

        return self._tell(rule.id, await self._store.write(work))

    async def switch(self, id: str, mode: Mode, by: str, reason: str, now: int) -> Entry:
        """Raises ResourceNotFound."""

        def work(tx: Transaction) -> Entry:
            old = self._there(tx, id)
            return _keep(tx, msgspec.structs.replace(old, mode=mode, at=now, by=by), "mode", reason)

        return self._tell(id, await self._store.write(work))

    async def tested(self, id: str, version: int, by: str, now: int) -> Entry:
        """Note that the back-test of a version was looked at. Raises ResourceNotFound."""

        def work(tx: Transaction) -> Entry:
            old = self._there(tx, id)
            if old.version != version or old.tested == version:
                return old
            fresh = _keep(tx, msgspec.structs.replace(old, tested=version, at=now, by=by), "tested", "")
            # Looking at the past changes neither the rule nor who changed it.
            fresh = msgspec.structs.replace(fresh, at=old.at, by=old.by)
            tx.put_record(RULE, id, _document(fresh))
            return fresh

        entry = self.entries[id] = await self._store.write(work)
        return entry

    async def drop(self, id: str, version: int, by: str, reason: str, now: int) -> None:
        """Raises Conflict, ResourceNotFound."""

        def work(tx: Transaction) -> None:
            old = self._expect(tx, id, version)
            assert old is not None
            _keep(tx, msgspec.structs.replace(old, at=now, by=by, mode="off"), "deleted", reason)
            tx.drop_record(RULE, id)

        if version < 1:
            raise Conflict(f"rule {id}: give the version that is to be deleted")
        await self._store.write(work)
        self.entries.pop(id, None)
        self.changed(id, None)

    async def versions(self, id: str) -> list[Version]:
        """The book of a rule, the newest line first, also of one that was deleted. Raises ResourceNotFound."""
        kept = await self._store.records(HISTORY)
        found = [(key, document) for key, document in kept.items() if key.rpartition("/")[0] == id]
        if not found:
            raise ResourceNotFound(f"there is no rule {id}")
        return [msgspec.convert(document, Version) for _, document in sorted(found, reverse=True)]

    def _tell(self, id: str, entry: Entry) -> Entry:
        self.entries[id] = entry
        self.changed(id, entry)
        return entry

    def _there(self, tx: Transaction, id: str) -> Entry:
        kept = tx.record(RULE, id)
        if kept is None:
            raise ResourceNotFound(f"there is no rule {id}")
        return _entry(kept)

    def _expect(self, tx: Transaction, id: str, version: int) -> Entry | None:
        kept = tx.record(RULE, id)
        if kept is None:
            if version:
                raise ResourceNotFound(f"there is no rule {id}; it may have been deleted. Send version 0 for a new one")
            return None
        old = _entry(kept)
        if old.version != version:
            raise Conflict(
                f"rule {id} is in version {old.version} since {format_instant(old.at)} by {old.by}; you edited version "
                f"{version}. Read it again, then change it.",
                version=old.version,
                by=old.by,
                at=old.at // 1000,
            )
        return old


def _keep(tx: Transaction, entry: Entry, what: What, reason: str) -> Entry:
    id = entry.rule.id
    number = max(entry.entries, _last_entry(tx, id)) + 1
    fresh = msgspec.structs.replace(entry, entries=number)
    version = Version(
        version=fresh.version, at=fresh.at, by=fresh.by, reason=reason, what=what, mode=fresh.mode,
        rule=fresh.rule if what in ("created", "changed") else None,
    )  # fmt: skip
    tx.put_record(RULE, id, _document(fresh))
    tx.put_record(HISTORY, f"{id}/{number:08d}", msgspec.to_builtins(version))
    tx.put_record(HISTORY + "-last", id, {"number": number})
    return fresh


def _last_entry(tx: Transaction, id: str) -> int:
    kept = tx.record(HISTORY + "-last", id)
    return 0 if kept is None else int(kept["number"])


def _document(entry: Entry) -> dict[str, Any]:
    return {**msgspec.to_builtins(entry), "rule": rule_document(entry.rule)}


def _entry(document: dict[str, Any]) -> Entry:
    return msgspec.convert({**document, "rule": read_rule(document["rule"])}, Entry, from_attributes=True)
