"""Finds entities by name or id, without regard to case or diacritics (and with đ read as d)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dothi.api.operations_shapes import SearchHit
from dothi.model.aliases import Aliases
from dothi.model.change import Change
from dothi.model.entity import Entity
from dothi.model.query import EntityQuery
from dothi.storage.store import Store
from dothi.web.features import LayerView
from dothi.web.vocabulary import LOCATION, Reader, main_instance, value_of

PAGE = 5_000
#: Names held in memory; entities past that are found by their id only through the NGSI-LD API.
MOST_NAMES = 300_000


def fold(text: str) -> str:
    """Lower case, no diacritics, đ as d, single spaces: "Thủ  Dầu Một" -> "thu dau mot"."""
    plain = text.casefold().replace("đ", "d")
    kept = "".join(each for each in unicodedata.normalize("NFD", plain) if not unicodedata.combining(each))
    return " ".join(kept.split())


@dataclass(frozen=True, slots=True)
class Found:
    """One searchable entity; `text` is its folded names and id."""

    text: str
    hit: SearchHit


class NameIndex:
    """Every entity's name in memory, read from the store by the first search and kept by the changes after it."""

    def __init__(self, store: Store, views: Sequence[LayerView], vocabulary: Aliases) -> None:
        self._store = store
        self._views = views
        self._vocabulary = vocabulary
        self._reader = Reader.of(vocabulary)
        self._found: dict[str, Found] = {}
        self._touched: dict[str, Found | None] | None = None
        self._loaded = False

    async def search(self, text: str, limit: int) -> tuple[list[SearchHit], int]:
        """The hits that hold every word of `text` and how many there are; short ones first, of which it says most."""
        await self._load()
        words = fold(text).split()
        if not words:
            return [], 0
        matches = [found for found in self._found.values() if all(word in found.text for word in words)]
        whole = " ".join(words)
        matches.sort(key=lambda found: (whole not in found.text, len(found.text), found.text))
        return [found.hit for found in matches[:limit]], len(matches)

    async def _load(self) -> None:
        if self._loaded:
            return
        if self._touched is None:
            self._touched = {}
            self._store.subscribe(self._listen)
        offset = 0
        while True:
            page = await self._store.entities(EntityQuery(limit=PAGE, offset=offset))
            for entity in page.entities:
                self._found.setdefault(entity.id, self._entry(entity))
            offset += PAGE
            if len(page.entities) < PAGE or offset >= MOST_NAMES:
                break
        self._merge(self._touched)
        self._touched = {}
        self._loaded = True

    def _listen(self, changes: Sequence[Change]) -> None:
        touched: dict[str, Found | None] = {}
        for change in changes:
            if change.kind == "deleted":
                touched[change.entity.id] = None
            elif change.kind == "created" or any(each.name in self._reader.names for each in change.attributes):
                touched[change.entity.id] = self._entry(change.entity)
        if self._loaded:
            self._merge(touched)
        elif self._touched is not None:
            self._touched.update(touched)

    def _merge(self, touched: dict[str, Found | None]) -> None:
        for id, found in touched.items():
            if found is None:
                self._found.pop(id, None)
            elif id in self._found or len(self._found) < MOST_NAMES:
                self._found[id] = found

    def _entry(self, entity: Entity) -> Found:
        name = self._reader.name(entity)
        names = list(name.values()) if isinstance(name, dict) else [name]
        layer = next((view.layer.id for view in self._views if view.covers(entity)), None)
        place = main_instance(entity, LOCATION)
        hit = SearchHit(
            id=entity.id,
            name=name,
            type=self._vocabulary.compact(entity.types[0]),
            layer=layer,
            location=None if place is None else middle(value_of(place)),
        )
        return Found(fold(" ".join((*names, entity.id))), hit)


def middle(geometry: Any) -> tuple[float, float] | None:
    """The middle of a geometry's box, [lon, lat]: where the map flies to."""
    points = list(_positions(geometry.get("coordinates"))) if isinstance(geometry, dict) else []
    if not points:
        return None
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    return (west + east) / 2, (south + north) / 2


def _positions(coordinates: Any) -> list[tuple[float, float]]:
    if not isinstance(coordinates, list) or not coordinates:
        return []
    if isinstance(coordinates[0], int | float):
        return [(coordinates[0], coordinates[1])]
    return [position for part in coordinates for position in _positions(part)]
