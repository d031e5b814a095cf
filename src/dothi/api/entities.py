"""Entities under /entities: create, query, retrieve, replace, merge, delete (GS CIM 009 clauses 6.4, 6.5, 6.23)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from dothi.api.exchange import PAGING, PREFIX, Exchange, Operation, Reply, created, no_content
from dothi.api.media import GEO_JSON
from dothi.api.parameters import one_of
from dothi.api.query import (
    QUERYING,
    SHAPING,
    Shape,
    check_asks_something,
    check_id,
    entity_query,
    entity_type,
    query_parameters,
    shape_of,
)
from dothi.broker.consume import unknown_entity
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.query import EntityQuery
from dothi.model.represent import Representation, feature, feature_collection, represent
from dothi.model.selection import select_types


async def create(x: Exchange) -> Reply:
    """POST entities: 201 with the address of the new entity (6.4.3.1, 5.6.1)."""
    document, context = await x.document()
    id = await x.broker.provision.create(document, context)
    return created(entity_path(id))


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET entities/{id}: one entity as asked, 404 where nothing of it is asked for (6.5.3.1, 5.7.1)."""
    media, context = x.negotiate(geo=True), await x.context()
    shape, where = shape_of(x.parameters, context, media), entity_type(x, context)
    check_id(id)
    entity = await x.broker.consume.entity(id)
    if where is not None and not select_types(where)(entity.types):
        raise unknown_entity(id)
    if shape.wanted and not any(name in entity.attributes for name in shape.wanted):
        raise ResourceNotFound(f"The entity {id} has none of the attributes that are asked for.")
    document = (feature if media == GEO_JSON else represent)(entity, context, shape.representation)
    if not document:
        raise ResourceNotFound(f"Nothing of the entity {id} is left after pick and omit.")
    return x.answer(document, context, media)


async def query(x: Exchange) -> Reply:
    """GET entities: a page of the entities that match (6.4.3.2, 5.7.2)."""
    media, context = x.negotiate(geo=True), await x.context()
    limit, offset, count = x.page()
    asked = entity_query(x.parameters, context, limit, offset)
    check_asks_something(x.parameters, asked)
    return await answer_page(x, asked, count, shape_of(x.parameters, context, media), context, media)


async def query_by_post(x: Exchange) -> Reply:
    """POST entityOperations/query: the same, asked by a Query document (6.23.3.1, 5.7.2, 5.2.23)."""
    media = x.negotiate(geo=True)
    document, context = await x.document()
    parameters = {**x.parameters, **query_parameters(document)}
    limit, offset, count = x.page()
    if "temporalQ" in document:
        raise BadRequestData("temporalQ asks for the past: send the query to temporal/entityOperations/query.")
    asked = entity_query(parameters, context, limit, offset, document.get("entities"))
    check_asks_something(parameters, asked)
    return await answer_page(x, asked, count, shape_of(parameters, context, media), context, media)


async def answer_page(
    x: Exchange, asked: EntityQuery, count: bool, shape: Shape, context: Context, media: str
) -> Reply:
    """One page of entities with its count and its links to the pages beside it (6.3.10)."""
    page = await x.broker.consume.entities(asked, count=count)
    headers = x.paging(asked.limit, asked.offset, len(page.entities), page.total, page.more, media)
    return x.answer(_represent_all(page.entities, context, shape.representation, media), context, media, headers)


def _represent_all(entities: list[Entity], context: Context, how: Representation, media: str) -> Any:
    if media == GEO_JSON:
        return feature_collection(entities, context, how)
    documents = [represent(entity, context, how) for entity in entities]
    return documents if how.is_whole else [document for document in documents if document]


async def replace(x: Exchange, id: str) -> Reply:
    """PUT entities/{id}: 204; all attributes are replaced (6.5.3.3, 5.6.18)."""
    check_id(id)
    document, context = await x.document()
    await x.broker.provision.replace(id, document, context, where=entity_type(x, context))
    return no_content()


async def merge(x: Exchange, id: str) -> Reply:
    """PATCH entities/{id}: 204; merged member by member, nulls delete (6.5.3.4, 5.6.17)."""
    check_id(id)
    document, context = await x.document(patch=True)
    form = x.parameters.get("format") or x.parameters.get("options", "normalized")
    one_of({"format": form}, "format", ("normalized", "concise", "simplified", "keyValues"), "normalized")
    await x.broker.provision.merge(
        id,
        document,
        context,
        simplified=form in ("simplified", "keyValues"),
        observed_at=x.parameters.get("observedAt"),
        lang=x.parameters.get("lang"),
        where=entity_type(x, context),
    )
    return no_content()


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE entities/{id}: 204 (6.5.3.2, 5.6.6)."""
    check_id(id)
    await x.broker.provision.delete(id, where=entity_type(x, await x.context()))
    return no_content()


def entity_path(id: str) -> str:
    """The path of an entity; a slash in the id is escaped."""
    return f"{PREFIX}/entities/{quote(id, safe=':@!$&()*,;=~+')}"


_LOCAL_TYPE: Final = frozenset({"type"})
_MERGING: Final = frozenset({"type", "options", "format", "observedAt", "lang"})

ROUTES: Final = (
    Operation("POST", "entities", create, "5.6.1", creates=True),
    Operation("GET", "entities", query, "5.7.2", QUERYING | SHAPING | PAGING),
    Operation("GET", "entities/{id}", retrieve, "5.7.1", SHAPING | _LOCAL_TYPE),
    Operation("PUT", "entities/{id}", replace, "5.6.18", _LOCAL_TYPE),
    Operation("PATCH", "entities/{id}", merge, "5.6.17", _MERGING),
    Operation("DELETE", "entities/{id}", delete, "5.6.6", _LOCAL_TYPE),
    Operation("POST", "entityOperations/query", query_by_post, "5.7.2", SHAPING | PAGING),
)
