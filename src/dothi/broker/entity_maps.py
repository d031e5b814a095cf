"""Keeps the entity maps of a tenant, and pages through them while the city changes (GS CIM 009 clauses 5.14, 5.5.9.3).

Maps live in memory: one that is gone after a restart is made anew by the request that names it, as clause 5.5.14 asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from dothi.broker.clock import wall_clock
from dothi.broker.consume import EntityPage
from dothi.model.entity import Entity
from dothi.model.entity_map import LOCAL, EntityMap, Sources, new_expiry
from dothi.model.errors import BadRequestData, ResourceNotFound, TooManyResults
from dothi.model.query import EntityQuery, Window
from dothi.model.values import is_uri
from dothi.storage.store import Store

#: How long a map lives where nobody asks for a time, and at most, in microseconds.
USUAL, LONGEST = 3600 * 1_000_000, 24 * 3600 * 1_000_000
#: Entities of one map, and of all maps of a tenant; when there are more, the maps that would expire first give way.
MOST, MOST_TOGETHER = 100_000, 1_000_000
#: Maps of a tenant.
MAPS: Final = 1_000
#: Candidates that are checked by one query.
CHUNK: Final = 1_000


class EntityMaps:
    """The entity maps of one tenant. `clock` gives microseconds."""

    def __init__(self, clock: Callable[[], int] = wall_clock) -> None:
        self._maps: dict[str, EntityMap] = {}
        self._clock = clock

    def find(self, id: str) -> EntityMap | None:
        """The map of this id, unless it is unknown or has expired."""
        map = self._maps.get(id)
        if map is not None and map.expires <= self._clock():
            del self._maps[id]
            return None
        return map

    def get(self, id: str) -> EntityMap:
        """Retrieve a map (5.14.1). Raises BadRequestData for an id that is no URI, ResourceNotFound."""
        if not is_uri(id):
            raise BadRequestData(f"The entity map id {id!r} is no URI.")
        map = self.find(id)
        if map is None:
            raise ResourceNotFound(f"There is no entity map {id}, or it has expired.")
        return map

    def keep(
        self, query: EntityQuery, sources: Sources, lifetime: int | None = None, linked: dict[str, str] | None = None
    ) -> EntityMap:
        """Keep a new map of these entities for `lifetime` microseconds, at most LONGEST (5.14.4, 5.14.5)."""
        self._make_room(len(sources))
        expires = self._clock() + min(USUAL if lifetime is None else lifetime, LONGEST)
        map = EntityMap(f"urn:ngsi-ld:EntityMap:{uuid.uuid4()}", without_page(query), sources, expires, linked or {})
        self._maps[map.id] = map
        return map

    def update(self, id: str, fragment: dict[str, Any]) -> None:
        """Change when a map expires, at the latest LONGEST from now (5.14.2). Raises as `get`."""
        map, expires = self.get(id), new_expiry(fragment)
        if expires is not None:
            map.expires = min(expires, self._clock() + LONGEST)

    def delete(self, id: str) -> None:
        """Forget a map (5.14.3). Raises as `get`."""
        del self._maps[self.get(id).id]

    def _make_room(self, size: int) -> None:
        now = self._clock()
        self._maps = {id: map for id, map in self._maps.items() if map.expires > now}
        held = sum(len(map.sources) for map in self._maps.values())
        for map in sorted(self._maps.values(), key=lambda one: one.expires):
            if held + size <= MOST_TOGETHER and len(self._maps) < MAPS:
                return
            held -= len(map.sources)
            del self._maps[map.id]


def without_page(query: EntityQuery) -> EntityQuery:
    """What a query asks for, whichever page and order, and whichever entities by their ids."""
    return replace(query, ids=(), order=(), limit=0, offset=0)


async def local_sources(store: Store, query: EntityQuery) -> Sources:
    """The entities here that match now, in the order asked for. Raises TooManyResults for more than MOST."""
    ids = await store.ids(query, MOST + 1)
    if len(ids) > MOST:
        raise TooManyResults(f"More than {MOST} entities match, too many for an entity map: narrow the query down.")
    return dict.fromkeys(ids, (LOCAL,))


async def evolving_sources(store: Store, query: EntityQuery, window: Window) -> Sources:
    """The entities here of which instances in the window meet the query (5.14.5.4). Raises TooManyResults."""
    page = await store.evolved(replace(query, limit=MOST, offset=0), window)
    if page.more:
        raise TooManyResults(f"More than {MOST} entities match, too many for an entity map: narrow the query down.")
    return dict.fromkeys(page.ids, (LOCAL,))


class Read(Protocol):
    """How entities are read: Consume.entities, or the same together with context sources."""

    async def __call__(self, query: EntityQuery, *, count: bool = False) -> EntityPage: ...


async def mapped_page(read: Read, query: EntityQuery, map: EntityMap, *, count: bool = False) -> EntityPage:
    """One page of the entities of a map which still match, and their number where asked (5.5.9.3, 5.7.2).

    The page is filled as long as there are candidates. Those that match no more are struck off the map, unless the
    query is not the one that the map was made for.
    """
    wanted = frozenset(query.ids)
    candidates = [id for id in map.sources if not wanted or id in wanted]
    strike = without_page(query) == map.query
    found, seen = await _fill(read, query, candidates[query.offset :], map if strike else None)
    total = await _count(read, query, map, candidates) if count else None
    return EntityPage(found, total, query.offset + seen < len(candidates))


async def _fill(
    read: Read, query: EntityQuery, candidates: Sequence[str], strike: EntityMap | None
) -> tuple[list[Entity], int]:
    """Entities for a page, and how many candidates it took."""
    found: list[Entity] = []
    seen = 0
    while len(found) < query.limit and seen < len(candidates):
        some = candidates[seen : seen + min(query.limit - len(found), CHUNK)]
        asked = replace(query, ids=tuple(some), order=(), limit=len(some), offset=0)
        by_id = {entity.id: entity for entity in (await read(asked)).entities}
        found += [by_id[id] for id in some if id in by_id]
        seen += len(some)
        if strike is not None:
            for id in some:
                if id not in by_id:
                    strike.sources.pop(id, None)
    return found, seen


async def _count(read: Read, query: EntityQuery, map: EntityMap, candidates: Sequence[str]) -> int:
    total = 0
    for some in _chunks([id for id in candidates if id in map.sources]):
        asked = replace(query, ids=tuple(some), order=(), limit=0, offset=0)
        total += (await read(asked, count=True)).total or 0
    return total


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK))
