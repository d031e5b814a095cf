"""The entity browser in the operations API: pages of entities by facets and words, and who relates to an entity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Query

from dothi.api import entities_shapes
from dothi.api.entity_index import FACETS, EntityIndex, Facet, Line, Sort, Wanted
from dothi.api.operations_entity import Declared, text_view, unit_of
from dothi.api.operations_shapes import RelationView
from dothi.model.entity import Entity
from dothi.model.query import EntityQuery
from dothi.storage.store import Store
from dothi.web.features import LayerView
from dothi.web.vocabulary import value_of

#: Lines of one page, relations of one answer, values of one facet.
MOST_ROWS = 500
MOST_RELATIONS = 200
MOST_VALUES = 100

Many = Annotated[list[str] | None, Query(max_length=100)]


@dataclass(frozen=True, slots=True)
class Browser:
    """What the routes read."""

    store: Store
    index: EntityIndex
    declared: Declared
    views: Sequence[LayerView]
    now: Callable[[], int]

    async def rows(self, lines: Sequence[Line]) -> list[entities_shapes.EntityRow]:
        """The lines as the app shows them, with their values of now."""
        query = EntityQuery(ids=tuple(line.id for line in lines), limit=len(lines))
        entities = {each.id: each for each in (await self.store.entities(query)).entities} if lines else {}
        moment = self.now()
        return [self._row(line, entities.get(line.id), moment) for line in lines]

    def _row(self, line: Line, entity: Entity | None, now: int) -> entities_shapes.EntityRow:
        covering = [] if entity is None else [view for view in self.views if view.covers(entity)]
        shown = [(view, view.instance(entity)) for view in covering if entity is not None]
        view, instance = next((pair for pair in shown if pair[1] is not None), (None, None))
        attribute = None if view is None else view.attribute
        value = None if instance is None else value_of(instance)
        if attribute is not None and isinstance(value, str) and value in attribute.words:
            word = attribute.words[value]
            value = {"vi": word.vi, "en": word.en}
        return entities_shapes.EntityRow(
            id=line.id,
            name=line.name,
            type=line.type,
            type_label=self.type_label(line.type),
            area=line.area,
            provider=line.provider,
            status=line.status(now),
            age=line.age(now),
            value=value,
            value_label=None if attribute is None else text_view(attribute.label),
            unit="" if instance is None else unit_of(attribute, instance),
            digits=None if attribute is None else attribute.digits,
            observed_at=None if line.observed is None else line.observed // 1000,
            location=line.place,
        )

    def type_label(self, name: str) -> Any:
        kind = next((kind for kind in self.declared.types.values() if kind.name == name), None)
        return None if kind is None else text_view(kind.label)


def wanted_of(
    q: str, facets: Mapping[Facet, list[str] | None], sort: Sort = "name", descending: bool = False
) -> Wanted:
    """The question of a request."""
    return Wanted(q, {facet: frozenset(values) for facet, values in facets.items() if values}, sort, descending)


def add_entities(app: FastAPI, browser: Browser, problems: dict[int | str, dict[str, Any]]) -> None:
    """Add the routes; `problems` describes what else they answer."""

    @app.get("/entities", response_model=entities_shapes.EntitiesView, responses=problems, tags=["entities"])
    async def read_entities(
        q: Annotated[str, Query(max_length=200, description="words; case and diacritics do not matter")] = "",
        type: Many = None,
        area: Many = None,
        status: Many = None,
        provider: Many = None,
        age: Many = None,
        sort: Sort = "name",
        descending: bool = False,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Any:
        """A page of all entities. A facet named several times holds where one of its values does."""
        chosen: dict[Facet, list[str] | None] = {
            "type": type, "area": area, "status": status, "provider": provider, "age": age,
        }  # fmt: skip
        found = await browser.index.find(wanted_of(q, chosen, sort, descending))
        facets = {
            facet: [
                {"value": value, "label": browser.type_label(value) if facet == "type" else None, "count": count}
                for value, count in sorted(found.counts[facet].items(), key=lambda pair: (-pair[1], pair[0]))
            ][:MOST_VALUES]
            for facet in FACETS
        }
        rows = await browser.rows(found.lines[offset : offset + limit])
        return {"total": len(found.lines), "offset": offset, "rows": rows, "facets": facets}

    @app.get("/incoming/{id:path}", response_model=entities_shapes.IncomingView, responses=problems, tags=["entities"])
    async def read_incoming(id: str) -> Any:
        """The entities that have a relationship to this one, by name."""
        found = await browser.index.incoming(id)
        relations = []
        for source, name in found.items():
            line = await browser.index.line(source)
            label = browser.declared.attribute((), browser.declared.vocabulary.expand(name))
            view = None if label is None else text_view(label.label)
            shown = None if line is None else line.name
            relations.append(RelationView(name=name, label=view, target=source, target_name=shown))
        relations.sort(key=lambda each: (each.name, str(each.target_name), each.target))
        return {"relations": relations[:MOST_RELATIONS], "total": len(relations)}
