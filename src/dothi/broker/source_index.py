"""Finds the registrations that a request may concern by type and id, without looking at those that it does not."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dothi.model.registration import EntityInfo, Registration


class SourceIndex:
    """Registrations by the types and by the ids of their entities. What it finds still has to be tested."""

    def __init__(self) -> None:
        self._types: dict[str, set[str]] = {}
        self._ids: dict[str, set[str]] = {}
        #: Registrations of attributes of any entity, and of entities that are not named by their ids.
        self._any_type: set[str] = set()
        self._any_id: set[str] = set()

    def add(self, registration: Registration) -> None:
        for information in registration.information:
            if not information.entities:
                self._any_type.add(registration.id)
                self._any_id.add(registration.id)
            for info in information.entities:
                if not info.types:
                    self._any_type.add(registration.id)
                for type in info.types:
                    self._types.setdefault(type, set()).add(registration.id)
                self._place_of(info).add(registration.id)

    def remove(self, registration: Registration) -> None:
        for information in registration.information:
            for info in information.entities:
                for type in info.types:
                    _discard(self._types, type, registration.id)
                if info.id is not None:
                    _discard(self._ids, info.id, registration.id)
        self._any_type.discard(registration.id)
        self._any_id.discard(registration.id)

    def find(self, ids: Collection[str], types: Collection[str]) -> set[str] | None:
        """Ids of the registrations that may have entities of these ids and types; None for all of them."""
        if types:
            found = self._any_type.union(*_sets(self._types, types))
        elif ids:
            return self._any_id.union(*_sets(self._ids, ids))
        else:
            return None
        if ids and found:
            found &= self._any_id.union(*_sets(self._ids, ids))
        return found

    def _place_of(self, info: EntityInfo) -> set[str]:
        return self._any_id if info.id is None else self._ids.setdefault(info.id, set())


def _sets(index: dict[str, set[str]], keys: Iterable[str]) -> list[set[str]]:
    return [index[key] for key in keys if key in index]


def _discard(index: dict[str, set[str]], key: str, id: str) -> None:
    several = index.get(key)
    if several is not None:
        several.discard(id)
        if not several:
            del index[key]
