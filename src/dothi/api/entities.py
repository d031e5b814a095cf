"""Entities under /entities: create, query, retrieve, replace, merge, delete (GS CIM 009 clauses 6.4, 6.5, 6.23)."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from urllib.parse import quote

from dothi.api import distributed_writes as shared
from dothi.api.distributed import entity as distributed_entity
from dothi.api.distributed import federation_of, page_of_entities
from dothi.api.entity_maps import map_of_one, mapped, shared_sources
from dothi.api.exchange import PAGING, PREFIX, Exchange, Operation, Reply, created, no_content
from dothi.api.linked import joined, joined_one
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
from dothi.broker.entity_maps import Read, mapped_page
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.entity_map import LOCAL
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.query import EntityQuery
from dothi.model.represent import Representation, feature, feature_collection, represent
from dothi.model.selection import select_types


async def create(x: Exchange) -> Reply:
    """POST entities: 201 with the address of the new entity (6.4.3.1, 5.6.1)."""
    document, context = await x.document()
    if (federation := federation_of(x)) is not None:
        written = await shared.create(x, federation, document, context)
        if written is not None:
            return shared.entity_reply(document["id"], written, created(entity_path(document["id"])))
    id = await x.broker.provision.create(document, context)
    return created(entity_path(id))


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET entities/{id}: one entity as asked, 404 where nothing of it is asked for (6.5.3.1, 5.7.1)."""
    media, context = x.negotiate(geo=True), await x.context()
    shape, where = shape_of(x.parameters, context, media), entity_type(x, context)
    check_id(id)
    holders: tuple[str, ...] = (LOCAL,)
    if (federation := federation_of(x)) is None:
        entity = await x.broker.consume.entity(id)
    else:
        entity, holders = await distributed_entity(x, federation, id, where, shape.wanted, context)
    if where is not None and not select_types(where)(entity.types):
        raise unknown_entity(id)
    if shape.wanted and not any(name in entity.attributes for name in shape.wanted):
        raise ResourceNotFound(f"The entity {id} has none of the attributes that are asked for.")
    if shape.join is not None:
        document = await joined_one(x, entity, shape.join, context, media)
    else:
        document = (feature if media == GEO_JSON else represent)(entity, context, shape.representation)
    if not document:
        raise ResourceNotFound(f"Nothing of the entity {id} is left after pick and omit.")
    found = map_of_one(x, id, holders)
    return x.answer(document, context, media, None if found is None else [found.header])


async def query(x: Exchange) -> Reply:
    """GET entities: a page of the entities that match (6.4.3.2, 5.7.2)."""
    media, context = x.negotiate(geo=True), await x.context()
    limit, offset, count = x.page()
    asked = entity_query(x.parameters, context, limit, offset)
    check_asks_something(x.parameters, asked)
    return await answer_page(x, x.parameters, asked, count, shape_of(x.parameters, context, media), context, media)


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
    return await answer_page(x, parameters, asked, count, shape_of(parameters, context, media), context, media)


async def answer_page(
    x: Exchange,
    parameters: dict[str, str],
    asked: EntityQuery,
    count: bool,
    shape: Shape,
    context: Context,
    media: str,
) -> Reply:
    """One page of entities with its count and its links to the pages beside it (6.3.10).

    201 where an entity map was made for it (table 6.4.3.2-3).
    """
    read: Read = x.broker.consume.entities
    collect = None
    if (federation := federation_of(x)) is not None:
        read = partial(page_of_entities, x, federation, parameters, context=context)
        collect = partial(shared_sources, x, federation, parameters, asked, context)
    found = await mapped(x, parameters, asked, collect)
    if found is None:
        page = await read(asked, count=count)
    else:
        page = await mapped_page(read, asked, found.map, count=count)
    headers = x.paging(asked.limit, asked.offset, len(page.entities), page.total, page.more, media)
    if found is not None:
        headers.append(found.header)
    if shape.join is not None:
        documents = await joined(x, page.entities, shape.join, context, media)
    else:
        documents = _represent_all(page.entities, context, shape.representation, media)
    reply = x.answer(documents, context, media, headers)
    return reply._replace(status=201) if found is not None and found.is_new else reply


def _represent_all(entities: list[Entity], context: Context, how: Representation, media: str) -> Any:
    if media == GEO_JSON:
        return feature_collection(entities, context, how)
    documents = [represent(entity, context, how) for entity in entities]
    return documents if how.is_whole else [document for document in documents if document]


async def replace(x: Exchange, id: str) -> Reply:
    """PUT entities/{id}: 204; all attributes are replaced (6.5.3.3, 5.6.18)."""
    check_id(id)
    document, context = await x.document()
    where = entity_type(x, context)
    if (federation := federation_of(x)) is not None:
        written = await shared.replace(x, federation, id, document, context, where)
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await x.broker.provision.replace(id, document, context, where=where)
    return no_content()


async def merge(x: Exchange, id: str) -> Reply:
    """PATCH entities/{id}: 204; merged member by member, nulls delete (6.5.3.4, 5.6.17)."""
    check_id(id)
    document, context = await x.document(patch=True)
    form = x.parameters.get("format") or x.parameters.get("options", "normalized")
    one_of({"format": form}, "format", ("normalized", "concise", "simplified", "keyValues"), "normalized")
    where, simplified = entity_type(x, context), form in ("simplified", "keyValues")

    async def local(mine: dict[str, Any]) -> None:
        await x.broker.provision.merge(
            id,
            mine,
            context,
            simplified=simplified,
            observed_at=x.parameters.get("observedAt"),
            lang=x.parameters.get("lang"),
            where=where,
        )

    if (federation := federation_of(x)) is not None:
        kind = shared.MERGING_VALUES if simplified else shared.MERGING
        written = await shared.fragment(x, federation, id, document, context, local, kind, where)
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await local(document)
    return no_content()


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE entities/{id}: 204 (6.5.3.2, 5.6.6)."""
    check_id(id)
    context = await x.context()
    where = entity_type(x, context)
    if (federation := federation_of(x)) is not None:
        write = shared.SharedWrite(x, federation, id, "deleteEntity", context, where=where)
        written = await write.whole("DELETE", lambda: x.broker.provision.delete(id, where=where))
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await x.broker.provision.delete(id, where=where)
    return no_content()


def entity_path(id: str) -> str:
    """The path of an entity; a slash in the id is escaped."""
    return f"{PREFIX}/entities/{quote(id, safe=':@!$&()*,;=~+')}"


_LOCAL_TYPE: Final = frozenset({"type"})
_MAPPING: Final = frozenset({"entityMap", "entityMapLifetime"})
_MERGING: Final = frozenset({"type", "options", "format", "observedAt", "lang"})

ROUTES: Final = (
    Operation("POST", "entities", create, "5.6.1", creates=True),
    Operation("GET", "entities", query, "5.7.2", QUERYING | SHAPING | PAGING),
    Operation("GET", "entities/{id}", retrieve, "5.7.1", SHAPING | _LOCAL_TYPE | _MAPPING),
    Operation("PUT", "entities/{id}", replace, "5.6.18", _LOCAL_TYPE),
    Operation("PATCH", "entities/{id}", merge, "5.6.17", _MERGING),
    Operation("DELETE", "entities/{id}", delete, "5.6.6", _LOCAL_TYPE),
    Operation("POST", "entityOperations/query", query_by_post, "5.7.2", SHAPING | PAGING),
)
