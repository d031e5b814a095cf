"""Entity maps of temporal queries: /temporal/entityMaps (GS CIM 009 clause 6.35)."""

from __future__ import annotations

from typing import Any, Final

from dothi.api.entity_maps import answer_map, evolving, keep_map, lifetime_asked
from dothi.api.exchange import PAGING, Exchange, Operation, Reply
from dothi.api.query import QUERYING, check_asks_something, entity_query, query_parameters
from dothi.api.temporal import temporal_parameters
from dothi.api.timeline import TIMELINE, timeline_of
from dothi.api.timespan import TEMPORAL, window_of
from dothi.model.context import Context


async def create(x: Exchange) -> Reply:
    """GET temporal/entityMaps: 201 with a map of the entities whose evolution a query finds (6.35.3.1, 5.14.5)."""
    return await _create(x, x.parameters, await x.context())


async def create_by_post(x: Exchange) -> Reply:
    """POST temporal/entityMaps: the same, asked by a Query document (6.35.3.2, 5.14.5, 5.2.23)."""
    x.negotiate()
    document, context = await x.document()
    parameters = {**x.parameters, **query_parameters(document), **temporal_parameters(document)}
    return await _create(x, parameters, context, document.get("entities"))


async def _create(x: Exchange, parameters: dict[str, str], context: Context, selectors: Any = None) -> Reply:
    media, time = x.negotiate(), lifetime_asked(parameters)
    x.page()
    asked, timeline = window_of(parameters, required=True), timeline_of(parameters, context)
    which = entity_query(parameters, context, 0, 0, selectors)
    check_asks_something(parameters, which)
    sources = await evolving(x, parameters, which, asked, timeline, context)
    return answer_map(x, keep_map(x, which, sources, time), context, media)


ROUTES: Final = (
    Operation("GET", "temporal/entityMaps", create, "5.14.5", QUERYING | TIMELINE | TEMPORAL | PAGING),
    Operation("POST", "temporal/entityMaps", create_by_post, "5.14.5", TIMELINE | TEMPORAL | PAGING),
)
