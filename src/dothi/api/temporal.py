"""Temporal evolution under /temporal: create, extend, retrieve, query, delete (GS CIM 009 clauses 6.18 to 6.24)."""

from __future__ import annotations

from typing import Any, Final

from dothi.api.exchange import PAGING, PREFIX, Exchange, Header, Operation, Reply, created, no_content
from dothi.api.query import QUERYING, check_asks_something, check_id, entity_query, query_parameters
from dothi.api.timeline import TIMELINE, Timeline, timeline_of
from dothi.api.timespan import TEMPORAL, Asked, content_range, part_of, window_of
from dothi.broker.consume import unknown_entity
from dothi.model.context import Context
from dothi.model.errors import BadRequestData, ResourceNotFound

_ROOT: Final = f"{PREFIX}/temporal/entities"


async def create(x: Exchange) -> Reply:
    """POST temporal/entities: 201 with the address, 204 where the entity was there (6.18.3.1, 5.6.11)."""
    document, context = await x.document()
    result = await x.broker.ingest.ingest([(document, context)])
    for _, problem in result.errors:
        raise problem
    return created(f"{_ROOT}/{result.succeeded[0]}") if result.created else no_content()


async def append(x: Exchange, id: str) -> Reply:
    """POST temporal/entities/{id}/attrs: 204 (6.20.3.1, 5.6.12)."""
    check_id(id)
    document, context = await x.document()
    await x.broker.ingest.extend(id, document, context)
    return no_content()


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET temporal/entities/{id}: 200, or 206 with a Content-Range where it is too long (6.19.3.1, 5.7.3)."""
    media, context = x.negotiate(), await x.context()
    asked = window_of(x.parameters)
    timeline = timeline_of(x.parameters, context)
    check_id(id)
    documents, headers = await _documents(x, [id], asked, timeline, context)
    if not documents:
        raise unknown_entity(id)
    if timeline.finds_nothing_in(documents[0]):
        raise ResourceNotFound(f"The entity {id} has no past of the members that are asked for.")
    return _partly(x.answer(documents[0], context, media, headers))


async def query(x: Exchange) -> Reply:
    """GET temporal/entities: a page of entities with their evolution (6.18.3.2, 5.7.4)."""
    return await _query(x, x.parameters, await x.context())


async def query_by_post(x: Exchange) -> Reply:
    """POST temporal/entityOperations/query: the same, asked by a Query document (6.24.3.1, 5.7.4, 5.2.23)."""
    x.negotiate()
    document, context = await x.document()
    parameters = {**x.parameters, **query_parameters(document), **_temporal_parameters(document)}
    return await _query(x, parameters, context, document.get("entities"))


async def _query(x: Exchange, parameters: dict[str, str], context: Context, selectors: Any = None) -> Reply:
    media = x.negotiate()
    limit, offset, count = x.page()
    asked = window_of(parameters, required=True)
    timeline = timeline_of(parameters, context)
    which = entity_query(parameters, context, limit, offset, selectors)
    if any(key.path.names != ("id",) for key in which.order):
        raise BadRequestData("orderBy of a temporal query can be id only, since attributes have many values.")
    check_asks_something(parameters, which)
    page = await x.broker.consume.entities(which, count=count)
    ids = [entity.id for entity in page.entities]
    documents, headers = await _documents(x, ids, asked, timeline, context, empty=False)
    headers += x.paging(limit, offset, len(ids), page.total, page.more, media)
    return _partly(x.answer(documents, context, media, headers))


async def _documents(
    x: Exchange, ids: list[str], asked: Asked, timeline: Timeline, context: Context, *, empty: bool = True
) -> tuple[list[dict[str, Any]], list[Header]]:
    """The evolutions of entities, and the Content-Range header where they were cut.

    Entities without any wanted instance in the window are left out unless `empty` says otherwise.
    """
    consume, limit = x.broker.consume, x.limits.instances
    read = 1 if timeline.aggregation is not None else limit + 1
    histories = await consume.history(ids, timeline.attributes, asked.window, read)
    if not empty:
        histories = [history for history in histories if timeline.has_something_of(history)]
    if timeline.aggregation is not None:
        methods, period = timeline.aggregation.methods, timeline.aggregation.period
        names = [history.id for history in histories]
        buckets = await consume.aggregate(names, timeline.attributes, asked.window, methods, period)
        return [timeline.aggregated(history, buckets.get(history.id, {}), context) for history in histories], []
    part = part_of(histories, asked.window, limit)
    headers = [] if part.first is None else [(b"content-range", content_range(part, asked).encode())]
    pairs = zip(part.histories, histories, strict=True)
    return [timeline.shown(history, whole, asked.window.property, context) for history, whole in pairs], headers


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE temporal/entities/{id}: 204; the entity is gone, its past stays in the change log (6.19.3.2, 5.6.16)."""
    check_id(id)
    await x.broker.provision.delete(id)
    return no_content()


def _partly(reply: Reply) -> Reply:
    is_part = any(name == b"content-range" for name, _ in reply.headers)
    return reply._replace(status=206) if is_part else reply


def _temporal_parameters(document: dict[str, Any]) -> dict[str, str]:
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
    Operation("GET", "temporal/entities/{id}", retrieve, "5.7.3", TIMELINE | TEMPORAL),
    Operation("DELETE", "temporal/entities/{id}", delete, "5.6.16"),
    Operation("POST", "temporal/entities/{id}/attrs", append, "5.6.12"),
    Operation("POST", "temporal/entityOperations/query", query_by_post, "5.7.4", TIMELINE | TEMPORAL | PAGING),
)
