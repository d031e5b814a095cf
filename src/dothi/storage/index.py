"""Keeps the indexes by type, scope and place in step with the state of entities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw

from dothi.model.change import AttributeChange
from dothi.model.entity import Entity, PlainProperty, each_instance
from dothi.model.geo import box
from dothi.storage.rows import Names

#: At most this many geometries of one entity are indexed.
PLACES = 256

Pairs = list[tuple[Any, int]]


class Index:
    """Gathers what one flush has to change in entity_type, entity_scope and place."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._gone_types: Pairs = []
        self._new_types: Pairs = []
        self._gone_scopes: Pairs = []
        self._new_scopes: Pairs = []
        self._gone_places: list[tuple[int]] = []
        self._new_places: list[tuple[Any, ...]] = []

    def move(self, n: int, before: Entity | None, after: Entity | None, places: bool) -> None:
        """Entity number `n` goes from one state to another; `places`: a GeoProperty may have come, gone or moved."""
        had, has = before.types if before else (), after.types if after else ()
        if had != has:
            intern = self._names.intern
            self._gone_types += [(intern(iri), n) for iri in had if iri not in has]
            self._new_types += [(intern(iri), n) for iri in has if iri not in had]
        had, has = before.scopes if before else (), after.scopes if after else ()
        if had != has:
            self._gone_scopes += [(scope, n) for scope in had if scope not in has]
            self._new_scopes += [(scope, n) for scope in has if scope not in had]
        if places:
            old, new = _places(before), _places(after)
            if old != new:
                self._gone_places += [(self._place_id(n, name, position),) for position, (name, _) in enumerate(old)]
                self._new_places += [self._place_row(n, position, *place) for position, place in enumerate(new)]

    def store(self, connection: apsw.Connection) -> None:
        for rows, sql in (
            (self._gone_types, "DELETE FROM entity_type WHERE type = ? AND entity = ?"),
            (self._new_types, "INSERT OR IGNORE INTO entity_type (type, entity) VALUES (?, ?)"),
            (self._gone_scopes, "DELETE FROM entity_scope WHERE scope = ? AND entity = ?"),
            (self._new_scopes, "INSERT OR IGNORE INTO entity_scope (scope, entity) VALUES (?, ?)"),
            (self._gone_places, "DELETE FROM place WHERE id = ?"),
            (self._new_places, "INSERT INTO place VALUES (?, ?, ?, ?, ?, ?, ?)"),
        ):
            if rows:
                connection.executemany(sql, rows)

    def _place_row(self, n: int, position: int, name: str, geometry: dict[str, Any]) -> tuple[Any, ...]:
        west, south, east, north = box(geometry)
        lon, lat = geometry["coordinates"][:2] if geometry["type"] == "Point" else (None, None)
        return (self._place_id(n, name, position), west, east, south, north, lon, lat)

    def _place_id(self, n: int, name: str, position: int) -> int:
        return n << 32 | self._names.intern(name) << 8 | position


def touches_place(changes: Iterable[AttributeChange]) -> bool:
    """Whether a GeoProperty comes, goes or moves by one of the changes."""
    for change in changes:
        before, after = change.before, change.after
        if before.__class__ is PlainProperty is after.__class__:
            continue
        if any(each is not None and each["type"] == "GeoProperty" for each in (before, after)):
            return True
    return False


def _places(entity: Entity | None) -> list[tuple[str, dict[str, Any]]]:
    """(attribute IRI, geometry) of each GeoProperty instance, in order."""
    if entity is None:
        return []
    return [
        (name, instance["value"])
        for name, instance in each_instance(entity.attributes)
        if instance["type"] == "GeoProperty"
    ][:PLACES]
