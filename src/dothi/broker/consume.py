"""Every read of entities, types, attributes and history, without HTTP (GS CIM 009 clause 5.7)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dothi.model.entity import Entity
from dothi.model.errors import ResourceNotFound
from dothi.model.expiry import without_expired
from dothi.model.query import AggregateMethod, EntityQuery, Window
from dothi.storage.store import Bucket, Evolved, History, Newest, Store, TypeSummary


@dataclass(frozen=True, slots=True)
class AttributeSummary:
    """An attribute: how many entities have it, the types of these, and the kinds seen ("Property", ...)."""

    name: str
    count: int
    types: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntityPage:
    """Entities of one page in store order, how many match in all where that was asked, and whether there are more."""

    entities: list[Entity]
    total: int | None
    more: bool


class Consume:
    """What a reader can ask of one tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def entity(self, id: str) -> Entity:
        """One entity (5.7.1). Raises ResourceNotFound."""
        entity = await self._store.entity(id)
        now = time.time_ns() // 1000
        if entity is None or (entity.expires is not None and entity.expires <= now):
            raise unknown_entity(id)
        return without_expired(entity, now)

    async def entities(self, query: EntityQuery, *, count: bool = False) -> EntityPage:
        """One page of the entities that match, and their number where asked (5.7.2).

        One entity more than the page holds is read, since only that tells whether there is a next page.
        """
        limit = query.limit
        page = await self._store.entities(replace(query, limit=limit + 1) if limit else query, count=count)
        now = time.time_ns() // 1000
        found = [without_expired(entity, now) for entity in page.entities[:limit]]
        return EntityPage(found, page.total, len(page.entities) > limit)

    async def some(self, ids: Sequence[str]) -> list[Entity]:
        """The living ones among the entities of these ids, in store order, by one SELECT (4.5.23)."""
        page = await self._store.entities(EntityQuery(ids=tuple(ids), limit=len(ids)))
        now = time.time_ns() // 1000
        return [without_expired(entity, now) for entity in page.entities]

    async def types(self) -> list[TypeSummary]:
        """All types that living entities have, in order of their IRI (5.7.5); what is here, as 5.7.11 allows."""
        return sorted(await self._store.types(), key=lambda summary: summary.type)

    async def type(self, type: str) -> TypeSummary:
        """One type with its attributes (5.7.7). Raises ResourceNotFound."""
        for summary in await self._store.types():
            if summary.type == type:
                return summary
        raise ResourceNotFound(f"No entity has the type {type}.")

    async def attributes(self) -> list[AttributeSummary]:
        """All attributes that living entities have, in order of their IRI (5.7.8)."""
        return summarise_attributes(await self._store.types())

    async def attribute(self, name: str) -> AttributeSummary:
        """One attribute (5.7.10). Raises ResourceNotFound."""
        for summary in await self.attributes():
            if summary.name == name:
                return summary
        raise ResourceNotFound(f"No entity has the attribute {name}.")

    async def history(
        self, ids: list[str], attributes: tuple[str, ...], window: Window | None, limit: int | None = None
    ) -> list[History]:
        """The past of entities, living or deleted, in the order of the ids (5.7.3, 5.7.4)."""
        return await self._store.history(ids, attributes, window, limit)

    async def evolved(self, query: EntityQuery, window: Window, *, count: bool = False) -> Evolved:
        """A page of the entities of which instances in the window meet the query (5.7.4)."""
        return await self._store.evolved(query, window, count=count)

    async def newest(self, id: str, attribute: str, last: int) -> Newest | None:
        """The last instances of an attribute as JSON, the fast way of 5.7.3; None where `history` must be asked."""
        return await self._store.newest(id, attribute, last)

    async def aggregate(
        self,
        ids: list[str],
        attributes: tuple[str, ...],
        window: Window,
        methods: tuple[AggregateMethod, ...],
        period: str,
    ) -> dict[str, dict[str, list[Bucket]]]:
        """Aggregated values by entity and attribute (4.5.19)."""
        return await self._store.aggregate(ids, attributes, window, methods, period)


def summarise_attributes(types: list[TypeSummary]) -> list[AttributeSummary]:
    """Attributes over all types. An entity of two types counts once for each, as its types do."""
    counts: dict[str, int] = {}
    owners: dict[str, set[str]] = {}
    kinds: dict[str, set[str]] = {}
    for summary in types:
        for name, by_kind in summary.attributes.items():
            counts[name] = counts.get(name, 0) + sum(by_kind.values())
            owners.setdefault(name, set()).add(summary.type)
            kinds.setdefault(name, set()).update(by_kind)
    return [
        AttributeSummary(name, counts[name], tuple(sorted(owners[name])), tuple(sorted(kinds[name])))
        for name in sorted(counts)
    ]


def unknown_entity(id: str) -> ResourceNotFound:
    return ResourceNotFound(f"There is no entity {id}.")
