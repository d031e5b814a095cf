"""Every entity's line in memory: what the browser of entities filters, counts by facet and sorts, without the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import shapely
from shapely.geometry import shape

from dothi.api.operations_entity import RELATIONSHIPS, Declared, targets
from dothi.api.operations_search import fold, middle
from dothi.city.module import Status
from dothi.model.change import Change
from dothi.model.entity import Entity, each_instance
from dothi.model.query import EntityQuery
from dothi.storage.store import Store
from dothi.web.features import AgeClass, LayerView, age_class, observed_at
from dothi.web.vocabulary import LOCATION, Reader, main_instance, value_of

PAGE: Final = 5_000
#: Lines kept; entities past that are found by the NGSI-LD API only.
MOST_LINES: Final = 300_000
#: Changed entities that wait until somebody looks; one more and they become lines at once.
MOST_WAITING: Final = 20_000

Facet = Literal["type", "area", "status", "provider", "age"]
FACETS: Final[tuple[Facet, ...]] = ("type", "area", "status", "provider", "age")
Sort = Literal["name", "type", "status", "observed", "area"]
_WORST: Final = ("critical", "major", "minor", "advisory", "offline", "unknown", "ok")


@dataclass(slots=True)
class Line:
    """One entity; `judged` is its status apart from age, `observed` in microseconds, `text` folded for the search."""

    id: str
    name: str | dict[str, str]
    type: str
    area: str
    provider: str
    judged: Status
    observed: int | None
    stale_after: float | None
    place: tuple[float, float] | None
    text: str
    key: str
    relations: tuple[tuple[str, str], ...]

    def age(self, now: int) -> AgeClass:
        return age_class(self.observed, self.stale_after, now)

    def status(self, now: int) -> Status:
        return "offline" if self.age(now) == "offline" else self.judged


@dataclass(frozen=True, slots=True)
class Wanted:
    """What lines are asked for: words, and the values of each facet of which one must hold."""

    text: str = ""
    facets: Mapping[Facet, frozenset[str]] = field(default_factory=dict)
    sort: Sort = "name"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class FoundLines:
    """All that match in order, and how many lines each value of a facet would give, the other facets holding."""

    lines: list[Line]
    counts: dict[Facet, dict[str, int]]


class Areas:
    """Communes and wards as shapes: which one a point lies in."""

    def __init__(self, found: Iterable[tuple[str, Any]]) -> None:
        pairs = [(name, outline) for name, outline in found if outline is not None]
        self._names = [name for name, _ in pairs]
        self._tree = shapely.STRtree([outline for _, outline in pairs])

    def of(self, point: tuple[float, float] | None) -> str:
        """The name, "" where the point lies in none."""
        if point is None or not self._names:
            return ""
        hits = self._tree.query(shapely.Point(point), predicate="intersects")
        return self._names[int(min(hits))] if len(hits) else ""


class EntityIndex:
    """Read from the store by the first who asks, and kept by the changes after that."""

    def __init__(self, store: Store, views: Sequence[LayerView], declared: Declared, now: Callable[[], int]) -> None:
        self._store = store
        self._views = views
        self._declared = declared
        self._reader = Reader.of(declared.vocabulary)
        self._now = now
        self._lines: dict[str, Line] = {}
        self._incoming: dict[str, dict[str, str]] = {}
        self._areas = Areas(())
        self._waiting: dict[str, Entity | None] | None = None
        self._loading = asyncio.Lock()
        self._loaded = False

    async def find(self, wanted: Wanted) -> FoundLines:
        """The matching lines and the counts of the facets."""
        await self._load()
        return await asyncio.to_thread(self._find, list(self._lines.values()), wanted, self._now())

    async def incoming(self, id: str) -> dict[str, str]:
        """The entities that have a relationship to this one: id -> short name of the relationship."""
        await self._load()
        return dict(self._incoming.get(id, {}))

    async def line(self, id: str) -> Line | None:
        await self._load()
        return self._lines.get(id)

    def _find(self, lines: list[Line], wanted: Wanted, now: int) -> FoundLines:
        words = fold(wanted.text).split()
        if words:
            lines = [line for line in lines if all(word in line.text for word in words)]
        chosen = [(facet, values) for facet, values in wanted.facets.items() if values]
        counts: dict[Facet, dict[str, int]] = {facet: {} for facet in FACETS}
        found = []
        for line in lines:
            mine = facets_of(line, now)
            failed = [facet for facet, values in chosen if mine[facet] not in values]
            if not failed:
                found.append(line)
                for facet in FACETS:
                    counts[facet][mine[facet]] = counts[facet].get(mine[facet], 0) + 1
            elif len(failed) == 1:
                facet = failed[0]
                counts[facet][mine[facet]] = counts[facet].get(mine[facet], 0) + 1
        return FoundLines(ordered(found, wanted.sort, wanted.descending, now), counts)

    async def _load(self) -> None:
        async with self._loading:
            if not self._loaded:
                if self._waiting is None:
                    self._waiting = {}
                    self._store.subscribe(self._listen)
                await self._read_areas()
                await self._read_lines()
                self._loaded = True
        self._settle()

    async def _read_areas(self) -> None:
        areas: list[tuple[str, Any]] = []
        for view in self._views:
            if view.layer.shape != "fill":
                continue
            page = await self._store.entities(EntityQuery(types=view.query.types, limit=PAGE))
            areas += [(_plain(self._reader.name(entity)), outline_of(entity)) for entity in page.entities]
        self._areas = Areas(areas)

    async def _read_lines(self) -> None:
        for offset in range(0, MOST_LINES, PAGE):
            page = await self._store.entities(EntityQuery(limit=PAGE, offset=offset))
            for entity in page.entities:
                self._put(entity)
            if len(page.entities) < PAGE:
                break
            await asyncio.sleep(0)

    def _listen(self, changes: Sequence[Change]) -> None:
        waiting = self._waiting
        assert waiting is not None
        for change in changes:
            waiting[change.entity.id] = None if change.kind == "deleted" else change.entity
        if self._loaded and len(waiting) > MOST_WAITING:
            self._settle()

    def _settle(self) -> None:
        """Turn what has changed into lines."""
        waiting, self._waiting = self._waiting or {}, {}
        for id, entity in waiting.items():
            if entity is not None and (id in self._lines or len(self._lines) < MOST_LINES):
                self._put(entity)
            else:
                self._drop(id)

    def _put(self, entity: Entity) -> None:
        line = self._line(entity)
        old = self._lines.get(entity.id)
        self._lines[entity.id] = line
        if old is not None and old.relations == line.relations:
            return
        if old is not None:
            self._unlink(old)
        for name, target in line.relations:
            self._incoming.setdefault(target, {})[line.id] = name

    def _drop(self, id: str) -> None:
        old = self._lines.pop(id, None)
        if old is not None:
            self._unlink(old)

    def _unlink(self, line: Line) -> None:
        for _, target in line.relations:
            self._incoming.get(target, {}).pop(line.id, None)

    def _line(self, entity: Entity) -> Line:
        name = self._reader.name(entity)
        vocabulary = self._declared.vocabulary
        views = [view for view in self._views if view.covers(entity)]
        view = next((each for each in views if each.instance(entity) is not None), views[0] if views else None)
        instance = None if view is None else view.instance(entity)
        place = main_instance(entity, LOCATION)
        point = None if place is None else middle(value_of(place))
        kind = self._declared.types.get(entity.types[0])
        names = list(name.values()) if isinstance(name, dict) else [name]
        return Line(
            id=entity.id,
            name=name,
            type=vocabulary.compact(entity.types[0]) if kind is None else kind.name,
            area=self._areas.of(point),
            provider=self._reader.provider(entity) or "",
            judged="ok" if view is None else view.status(instance),
            observed=observed_at(instance, entity),
            stale_after=self._declared.stale_after(entity.types),
            place=point,
            text=fold(" ".join((*names, entity.id))),
            key=fold(_plain(name)),
            relations=tuple(
                (vocabulary.compact(iri), target)
                for iri, each in each_instance(entity.attributes)
                if each.get("type") in RELATIONSHIPS
                for target in targets(each)
            ),
        )


def facets_of(line: Line, now: int) -> dict[Facet, str]:
    age = line.age(now)
    return {
        "type": line.type,
        "area": line.area,
        "status": "offline" if age == "offline" else line.judged,
        "provider": line.provider,
        "age": age,
    }


def ordered(lines: list[Line], sort: Sort, descending: bool, now: int) -> list[Line]:
    """By the column, then by name; those without an observation come last either way."""
    by_name = sorted(lines, key=lambda line: (line.key, line.id), reverse=descending and sort == "name")
    if sort == "name":
        return by_name
    if sort == "observed":
        timed = [line for line in by_name if line.observed is not None]
        timed.sort(key=lambda line: line.observed or 0, reverse=descending)
        return timed + [line for line in by_name if line.observed is None]
    keys: dict[Sort, Callable[[Line], Any]] = {
        "type": lambda line: line.type,
        "area": lambda line: fold(line.area),
        "status": lambda line: _WORST.index(line.status(now)),
    }
    return sorted(by_name, key=keys[sort], reverse=descending)


def outline_of(entity: Entity) -> Any:
    """The shape of an area, None where it is no area."""
    place = main_instance(entity, LOCATION)
    geometry = None if place is None else value_of(place)
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return None
    outline = shape(geometry)
    return outline if outline.is_valid else outline.buffer(0)


def _plain(name: str | dict[str, str]) -> str:
    return name if isinstance(name, str) else name.get("vi") or next(iter(name.values()), "")
