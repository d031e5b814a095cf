"""Temporal evolution under /temporal: create, extend, retrieve, query, delete (GS CIM 009 clauses 6.18 to 6.24)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson

from dothi.api import distributed_writes as shared
from dothi.api.distributed import federation_of, page_of_pasts, past_elsewhere
from dothi.api.entity_maps import evolving, map_of_one, mapped, uses_map
from dothi.api.exchange import PAGING, PREFIX, Exchange, Header, Operation, Reply, created, no_content
from dothi.api.media import JSON_LD
from dothi.api.parameters import flag
from dothi.api.query import QUERYING, check_asks_something, check_id, entity_query, query_parameters
from dothi.api.timeline import TIMELINE, Timeline, timeline_of
from dothi.api.timespan import TEMPORAL, Asked, Part, Periods, content_range, part_of, part_of_periods, window_of
from dothi.broker.consume import EntityPage, unknown_entity
from dothi.broker.entity_maps import mapped_page
from dothi.broker.federation.aggregating import aggregate_history
from dothi.broker.federation.evolution import PastPage, joined_history
from dothi.broker.federation.writing import Written
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.entity_map import LOCAL
from dothi.model.errors import BadRequestData, InvalidRequest, ResourceNotFound, TooManyResults
from dothi.model.projection import MEMBERS
from dothi.model.query import EntityQuery, Window
from dothi.model.represent import one_or_list
from dothi.model.values import is_uri, name_fault
from dothi.storage.store import Evolved, History

#: Parameters that say which instances of an attribute are erased (clause 6.21.3.1).
ERASING: Final = frozenset({"datasetId", "deleteAll"})

#: What is asked for where the last instances of attributes are all that is wanted.
_NEWEST: Final = frozenset({"attrs", "lastN"})

#: Parameters that have a map made of the entity (clause 5.7.3.4).
_MAPPING: Final = frozenset({"entityMap", "entityMapLifetime"})

#: Instances of an attribute of which aggregates are made where parts of them lie in context sources.
MOST_SHARED: Final = 100_000

_QUOTED: Final = re.compile(r'"[^"]*"')

_ROOT: Final = f"{PREFIX}/temporal/entities"


async def create(x: Exchange) -> Reply:
    """POST temporal/entities: 201 with the address, 204 where the entity was there (6.18.3.1, 5.6.11)."""
    document, context = await x.document()
    if (federation := federation_of(x)) is not None:
        local = partial(x.broker.evolutions.put, context=context)
        written = await shared.evolve(x, federation, document, context, local)
        if written is not None:
            address = created(f"{_ROOT}/{document['id']}")
            return shared.entity_reply(document["id"], written, address if _is_new(written) else no_content())
    id, is_new = await x.broker.evolutions.put(document, context)
    return created(f"{_ROOT}/{id}") if is_new else no_content()


def _is_new(written: Written) -> bool:
    """Whether the evolution was not there before: so this broker says, else it is not known and taken for new."""
    mine = [result.value for result in written.results if result.registration is None]
    return not mine or (isinstance(mine[0], tuple) and bool(mine[0][1]))


async def append(x: Exchange, id: str) -> Reply:
    """POST temporal/entities/{id}/attrs: 204 (6.20.3.1, 5.6.12)."""
    check_id(id)
    document, context = await x.document()
    if (federation := federation_of(x)) is not None:
        local = partial(x.broker.evolutions.extend, id, context=context)
        written = await shared.fragment(x, federation, id, document, context, local, shared.EXTENDING, None)
        if written is not None:
            return shared.attributes_reply(written)
    await x.broker.evolutions.extend(id, document, context)
    return no_content()


async def delete_attribute(x: Exchange, id: str, name: str) -> Reply:
    """DELETE temporal/entities/{id}/attrs/{name}: 204 (6.21.3.1, 5.6.13)."""
    check_id(id)
    dataset, everything = x.parameters.get("datasetId"), flag(x.parameters, "deleteAll")
    if everything and dataset is not None:
        raise InvalidRequest("deleteAll=true and datasetId contradict one another: write one of them.")
    context = await x.context()
    erase = partial(x.broker.evolutions.delete_attribute, dataset=dataset, everything=everything)
    if (federation := federation_of(x)) is not None:
        write = shared.SharedWrite(
            x, federation, id, "deleteAttrsTemporal", context, parameters=tuple(ERASING), root=shared.PASTS
        )
        written = await write.attribute("DELETE", name, None, lambda: erase(id, name, context))
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await erase(id, name, context)
    return no_content()


async def modify_instance(x: Exchange, id: str, name: str, instance: str) -> Reply:
    """PATCH temporal/entities/{id}/attrs/{name}/{instanceId}: 204 (6.22.3.1, 5.6.14)."""
    _check_instance(id, instance)
    document, context = await x.document(patch=True)
    await x.broker.evolutions.modify_instance(id, name, instance, document, context)
    return no_content()


async def delete_instance(x: Exchange, id: str, name: str, instance: str) -> Reply:
    """DELETE temporal/entities/{id}/attrs/{name}/{instanceId}: 204 (6.22.3.2, 5.6.15)."""
    _check_instance(id, instance)
    await x.broker.evolutions.delete_instance(id, name, instance, await x.context())
    return no_content()


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET temporal/entities/{id}: 200, or 206 with a Content-Range where it is too long (6.19.3.1, 5.7.3)."""
    media, context = x.negotiate(), await x.context()
    if x.parameters.keys() == _NEWEST and x.broker.registrations.is_empty and not uses_map(x, x.parameters):
        quick = await _newest(x, id, media, context)
        if quick is not None:
            return quick
    asked = window_of(x.parameters)
    timeline = timeline_of(x.parameters, context)
    check_id(id)
    asked = replace(asked, window=replace(asked.window, dataset_ids=timeline.datasets))
    told: dict[str, list[History]] = {}
    if (federation := federation_of(x)) is not None:
        told = await past_elsewhere(
            x, federation, id, timeline.attributes, asked.to_read(timeline.aggregation), context
        )
    documents, headers = await _documents(x, [id], asked, timeline, context, told)
    if not documents:
        raise unknown_entity(id)
    if timeline.finds_nothing_in(documents[0]):
        raise ResourceNotFound(f"The entity {id} has no past of the members that are asked for.")
    if (found := map_of_one(x, id, (LOCAL,))) is not None:
        headers.append(found.header)
    return _partly(x.answer(documents[0], context, media, headers))


async def _newest(x: Exchange, id: str, media: str, context: Context) -> Reply | None:
    """The last instances of one attribute, as charts ask for again and again; None where it is not so simple."""
    attrs, last = x.parameters["attrs"], x.parameters["lastN"]
    if not (last.isascii() and last.isdigit() and 0 < len(last) < 6 and 0 < int(last) <= x.limits.instances):
        return None
    if name_fault(attrs) is not None or attrs in MEMBERS:
        return None
    found = await x.broker.consume.newest(id, name := context.expand(attrs), int(last))
    if found is None:
        return None
    reply = x.answer({"id": id, "type": one_or_list([context.compact(each) for each in found.types])}, context, media)
    attribute = orjson.dumps(context.compact(name)) + b":[" + found.instances + b"]"
    head, rest = reply.body[:-1], b""
    if media == JSON_LD:
        head, at, rest = head.partition(b',"@context":')
        rest = at + rest
    return reply._replace(body=head + b"," + attribute + rest + b"}")


async def query(x: Exchange) -> Reply:
    """GET temporal/entities: a page of entities with their evolution (6.18.3.2, 5.7.4)."""
    return await _query(x, x.parameters, await x.context())


async def query_by_post(x: Exchange) -> Reply:
    """POST temporal/entityOperations/query: the same, asked by a Query document (6.24.3.1, 5.7.4, 5.2.23)."""
    x.negotiate()
    document, context = await x.document()
    parameters = {**x.parameters, **query_parameters(document), **temporal_parameters(document)}
    return await _query(x, parameters, context, document.get("entities"))


async def _query(x: Exchange, parameters: dict[str, str], context: Context, selectors: Any = None) -> Reply:
    media = x.negotiate()
    limit, offset, count = x.page()
    asked = window_of(parameters, required=True)
    timeline = timeline_of(parameters, context)
    _refuse_linked(parameters)
    which = entity_query(parameters, context, limit, offset, selectors)
    if any(key.path.names != ("id",) for key in which.order):
        raise BadRequestData("orderBy of a temporal query can be id only, since attributes have many values.")
    check_asks_something(parameters, which)
    which = replace(which, dataset_ids=timeline.datasets)
    asked = replace(asked, window=replace(asked.window, scope=which.scope, dataset_ids=timeline.datasets))
    collect = partial(evolving, x, parameters, which, asked, timeline, context)
    found = await mapped(x, parameters, which, collect)
    told: dict[str, list[History]] = {}
    read = partial(_as_entities, x, parameters, asked.to_read(timeline.aggregation), context, told)
    page = await (read(which, count=count) if found is None else mapped_page(read, which, found.map, count=count))
    ids, total, more = [entity.id for entity in page.entities], page.total, page.more
    documents, headers = await _documents(x, ids, asked, timeline, context, told)
    headers += x.paging(limit, offset, len(ids), total, more, media)
    if found is not None:
        headers.append(found.header)
    reply = _partly(x.answer(documents, context, media, headers))
    return reply._replace(status=201) if found is not None and found.is_new else reply


async def _as_entities(
    x: Exchange,
    parameters: dict[str, str],
    window: Window,
    context: Context,
    told: dict[str, list[History]],
    query: EntityQuery,
    *,
    count: bool = False,
) -> EntityPage:
    """Entities found by their past, in the form of a page of entities of which only the ids are told; what context
    sources say of them goes into `told`."""
    page: Evolved | PastPage
    if (federation := federation_of(x)) is not None:
        page = pasts = await page_of_pasts(x, federation, parameters, query, window, context, count=count)
        told.update(pasts.told)
    else:
        page = await x.broker.consume.evolved(query, window, count=count)
    return EntityPage([Entity(id, (), {}) for id in page.ids], page.total, page.more)


def _refuse_linked(parameters: dict[str, str]) -> None:
    """Raises BadRequestData where a filter or projection looks into linked entities (clause 5.7.4.4)."""
    for name in ("q", "attrs", "pick", "omit"):
        if "{" in _QUOTED.sub("", parameters.get(name, "")):
            raise BadRequestData(f"{name} of a temporal query cannot look into linked entities: leave the braces out.")


async def _documents(
    x: Exchange,
    ids: list[str],
    asked: Asked,
    timeline: Timeline,
    context: Context,
    told: Mapping[str, list[History]],
) -> tuple[list[dict[str, Any]], list[Header]]:
    """The evolutions of entities, and the Content-Range header where they were cut; `told` is what sources say."""
    if timeline.aggregation is not None:
        return await _aggregated(x, ids, asked, timeline, context, told)
    limit = x.limits.instances
    histories = await _joined(x, ids, timeline.attributes, asked.window, told, limit + 1)
    part = part_of(histories, asked.window, limit)
    pairs = zip(part.histories, histories, strict=True)
    documents = [timeline.shown(history, whole, asked.window.property, context) for history, whole in pairs]
    return documents, _range(part, asked)


async def _joined(
    x: Exchange,
    ids: list[str],
    attributes: tuple[str, ...],
    window: Window,
    told: Mapping[str, list[History]],
    most: int,
) -> list[History]:
    """The evolutions of entities here, at most so many instances of each attribute, with what sources told of them."""
    histories = await x.broker.consume.history(ids, attributes, window, most)
    if not told:
        return histories
    here = {history.id: history for history in histories}
    joined = (joined_history(here.get(id), told.get(id, []), window) for id in ids)
    return [history for history in joined if history is not None]


async def _aggregated(
    x: Exchange,
    ids: list[str],
    asked: Asked,
    timeline: Timeline,
    context: Context,
    told: Mapping[str, list[History]],
) -> tuple[list[dict[str, Any]], list[Header]]:
    """Aggregates instead of instances (4.5.19): by the store of what lies here alone, of all instances together where
    sources have some (5.7.3.4, 5.7.4.4). Raises TooManyResults."""
    assert timeline.aggregation is not None
    methods, period = timeline.aggregation.methods, timeline.aggregation.period
    window = asked.to_read(timeline.aggregation)
    alone = [id for id in ids if id not in told]
    histories = await _joined(x, alone, timeline.attributes, asked.window, {}, 1)  # one instance tells the kind
    buckets = await x.broker.consume.aggregate(alone, timeline.attributes, asked.window, methods, period)
    shared = [id for id in ids if id in told]
    if shared:
        joined = await _joined(x, shared, timeline.attributes, window, told, MOST_SHARED + 1)
        if any(len(several) > MOST_SHARED for history in joined for several in history.attributes.values()):
            raise TooManyResults(f"Aggregates over context sources take {MOST_SHARED} instances at most: ask for less.")
        buckets |= {history.id: aggregate_history(history, window, methods, period) for history in joined}
        found = {history.id: history for history in (*histories, *joined)}
        histories = [found[id] for id in ids if id in found]
    part = part_of_periods(buckets, asked.window, x.limits.instances)
    documents = [timeline.aggregated(history, part.buckets.get(history.id, {}), context) for history in histories]
    return documents, _range(part, asked)


def _range(part: Part | Periods, asked: Asked) -> list[Header]:
    return [] if part.first is None else [(b"content-range", content_range(part, asked).encode())]


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE temporal/entities/{id}: 204; the entity is gone with all of its past (6.19.3.2, 5.6.16)."""
    check_id(id)
    if (federation := federation_of(x)) is not None:
        write = shared.SharedWrite(x, federation, id, "deleteTemporal", await x.context(), root=shared.PASTS)
        written = await write.whole("DELETE", lambda: x.broker.evolutions.delete(id))
        if written is not None:
            return shared.entity_reply(id, written, no_content())
    await x.broker.evolutions.delete(id)
    return no_content()


def _check_instance(id: str, instance: str) -> None:
    check_id(id)
    if not is_uri(instance):
        raise BadRequestData(f"The instanceId {instance!r} is no URI: take it from an answer of this entity's past.")


def _partly(reply: Reply) -> Reply:
    is_part = any(name == b"content-range" for name, _ in reply.headers)
    return reply._replace(status=206) if is_part else reply


def temporal_parameters(document: dict[str, Any]) -> dict[str, str]:
    """temporalQ and aggrParams of a Query document as parameters (clauses 5.2.21, 5.2.41)."""
    parameters: dict[str, str] = {}
    for member, known in (
        ("temporalQ", tuple(sorted(TEMPORAL))),
        ("aggrParams", ("aggrMethods", "aggrPeriodDuration")),
    ):
        inner = document.get(member, {})
        if type(inner) is not dict:
            raise BadRequestData(f"{member} must be an object.")
        for name, value in inner.items():
            if name not in known:
                raise BadRequestData(f"The member {name!r} is none of a {member}'s.")
            parameters[name] = _written(f"{member}.{name}", value)
    return parameters


def _written(name: str, value: Any) -> str:
    if type(value) is list and value and all(type(item) is str for item in value):
        return ",".join(value)
    if type(value) is int or (type(value) is str and value):
        return str(value)
    raise BadRequestData(f"{name} has a value that cannot be: write a text or a whole number.")


ROUTES: Final = (
    Operation("POST", "temporal/entities", create, "5.6.11", creates=True),
    Operation("GET", "temporal/entities", query, "5.7.4", QUERYING | TIMELINE | TEMPORAL | PAGING),
    Operation("GET", "temporal/entities/{id}", retrieve, "5.7.3", TIMELINE | TEMPORAL | _MAPPING),
    Operation("DELETE", "temporal/entities/{id}", delete, "5.6.16"),
    Operation("POST", "temporal/entities/{id}/attrs", append, "5.6.12"),
    Operation("DELETE", "temporal/entities/{id}/attrs/{name}", delete_attribute, "5.6.13", ERASING),
    Operation("PATCH", "temporal/entities/{id}/attrs/{name}/{instance}", modify_instance, "5.6.14"),
    Operation("DELETE", "temporal/entities/{id}/attrs/{name}/{instance}", delete_instance, "5.6.15"),
    Operation("POST", "temporal/entityOperations/query", query_by_post, "5.7.4", TIMELINE | TEMPORAL | PAGING),
)
