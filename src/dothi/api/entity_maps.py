"""Entity maps over HTTP: /entityMaps, and how a query uses one (GS CIM 009 clauses 6.32, 6.34, 6.35, 5.5.14)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, unquote

from dothi.api.distributed import federation_of, page_of_pasts, question_of, tell
from dothi.api.exchange import PAGING, PREFIX, Exchange, Header, Operation, Reply, no_content
from dothi.api.parameters import flag
from dothi.api.query import QUERYING, SHAPING, check_asks_something, entity_query, query_parameters, shape_of
from dothi.api.timeline import Timeline
from dothi.api.timespan import Asked
from dothi.broker.entity_maps import evolving_sources, local_sources
from dothi.broker.federation.federation import Federation
from dothi.model.context import Context
from dothi.model.entity_map import EntityMap, Sources, lifetime
from dothi.model.errors import TooManyResults
from dothi.model.query import EntityQuery

_HEADER: Final = b"ngsild-entitymap"

#: Entities of a map over context sources, each of which has to tell all that it has.
MOST_SHARED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Mapped:
    """The map that a request is answered by; `is_new`: it was made for this request."""

    map: EntityMap
    is_new: bool

    @property
    def header(self) -> Header:
        """NGSILD-EntityMap: the path of the map (table 6.4.3.2-3)."""
        return _HEADER, f"{PREFIX}/entityMaps/{quote(self.map.id, safe=':')}".encode()


def uses_map(x: Exchange, parameters: Mapping[str, str]) -> bool:
    """Whether a request names an entity map or wants one to be made (clause 5.5.14)."""
    return _HEADER in x.headers or "entityMap" in parameters


def named_map(x: Exchange) -> Mapped | None:
    """The map that the header NGSILD-EntityMap names by its address or its id; None where there is none by now."""
    named = x.headers.get(_HEADER)
    if named is None:
        return None
    id = unquote(named.decode("latin-1").strip().strip("<>").rstrip("/").rsplit("/", 1)[-1])
    map = x.broker.entity_maps.find(id)
    return None if map is None else Mapped(map, is_new=False)


async def mapped(
    x: Exchange,
    parameters: Mapping[str, str],
    asked: EntityQuery,
    collect: Callable[[], Awaitable[Sources]] | None = None,
) -> Mapped | None:
    """The map to answer by: the one that is named, else a new one of all that match; None where none is wanted.

    `collect` finds the entities of a new one; without it these are the ones here that match `asked`.
    """
    if not uses_map(x, parameters):
        return None
    wanted, time = flag(dict(parameters), "entityMap"), lifetime_asked(parameters)
    if not wanted and _HEADER not in x.headers:
        return None
    found = named_map(x)
    if found is None:
        sources = await (local_sources(x.broker.store, asked) if collect is None else collect())
        found = keep_map(x, asked, sources, time)
    return found


async def shared_sources(
    x: Exchange, federation: Federation, parameters: dict[str, str], asked: EntityQuery, context: Context
) -> Sources:
    """The entities that match here and in context sources, and who has each (5.14.4.4). Raises TooManyResults."""
    question = question_of(parameters, replace(asked, limit=MOST_SHARED, offset=0), context)
    gathered = await federation.reading.entities(question, federation.origin(context, x.headers))
    if gathered.page.more:
        raise TooManyResults(f"More than {MOST_SHARED} entities match, too many for a map over context sources.")
    tell(x, gathered.warnings)
    return gathered.holders


async def evolving(
    x: Exchange,
    parameters: dict[str, str],
    which: EntityQuery,
    asked: Asked,
    timeline: Timeline,
    context: Context,
) -> Sources:
    """The entities here and in context sources that match and have something to show of the time that is asked for,
    and who has each (5.14.5.4). Raises TooManyResults."""
    if (federation := federation_of(x)) is not None:
        all_of_it = replace(which, limit=MOST_SHARED, offset=0)
        pasts = await page_of_pasts(x, federation, parameters, all_of_it, asked.window, context, count=False)
        if pasts.more:
            raise TooManyResults(f"More than {MOST_SHARED} entities match, too many for a map over context sources.")
        return pasts.holders
    return await evolving_sources(x.broker.store, replace(which, dataset_ids=timeline.datasets), asked.window)


def map_of_one(x: Exchange, id: str, sources: tuple[str, ...]) -> Mapped | None:
    """The map of a retrieved entity, new where none is named or alive (5.7.1.4); None where none is wanted."""
    if not uses_map(x, x.parameters):
        return None
    wanted, time = flag(x.parameters, "entityMap"), lifetime_asked(x.parameters)
    if not wanted and _HEADER not in x.headers:
        return None
    return named_map(x) or keep_map(x, EntityQuery(ids=(id,)), {id: sources}, time)


def keep_map(
    x: Exchange, asked: EntityQuery, sources: Sources, time: int | None = None, linked: dict[str, str] | None = None
) -> Mapped:
    """Keep a new map of these entities."""
    return Mapped(x.broker.entity_maps.keep(asked, sources, time, linked), is_new=True)


async def create(x: Exchange) -> Reply:
    """GET entityMaps: 201 with a new map of the entities that match (6.34.3.1, 5.14.4)."""
    return await _create(x, x.parameters, await x.context())


async def create_by_post(x: Exchange) -> Reply:
    """POST entityMaps: the same, asked by a Query document (6.34.3.2, 5.14.4, 5.2.23)."""
    x.negotiate()
    document, context = await x.document()
    parameters = {**x.parameters, **query_parameters(document)}
    return await _create(x, parameters, context, document.get("entities"))


async def _create(x: Exchange, parameters: dict[str, str], context: Context, selectors: Any = None) -> Reply:
    media, time = x.negotiate(), lifetime_asked(parameters)
    x.page()
    asked = entity_query(parameters, context, 0, 0, selectors)
    check_asks_something(parameters, asked)
    shape_of(parameters, context, media)
    if (federation := federation_of(x)) is not None:
        sources = await shared_sources(x, federation, parameters, asked, context)
    else:
        sources = await local_sources(x.broker.store, asked)
    return answer_map(x, keep_map(x, asked, sources, time), context, media)


def answer_map(x: Exchange, made: Mapped, context: Context, media: str) -> Reply:
    """201 with an EntityMap and its address (tables 6.34.3.1-1 and 6.35.3.1-1)."""
    return x.answer(made.map.document(), context, media, [made.header])._replace(status=201)


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET entityMaps/{id}: which entities are in it, where they are held, and when it expires (6.32.3.1, 5.14.1)."""
    media, context = x.negotiate(), await x.context()
    return x.answer(x.broker.entity_maps.get(id).document(), context, media)


async def update(x: Exchange, id: str) -> Reply:
    """PATCH entityMaps/{id}: 204; a new expiresAt, bounded by the city (6.32.3.2, 5.14.2)."""
    document, _ = await x.document(patch=True)
    x.broker.entity_maps.update(id, document)
    return no_content()


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE entityMaps/{id}: 204 (6.32.3.3, 5.14.3)."""
    x.broker.entity_maps.delete(id)
    return no_content()


def lifetime_asked(parameters: Mapping[str, str]) -> int | None:
    """entityMapLifetime in microseconds, None where it is not given. Raises BadRequestData."""
    text = parameters.get("entityMapLifetime")
    return None if text is None else lifetime(text)


ROUTES: Final = (
    Operation("GET", "entityMaps", create, "5.14.4", QUERYING | SHAPING | PAGING),
    Operation("POST", "entityMaps", create_by_post, "5.14.4", SHAPING | PAGING),
    Operation("GET", "entityMaps/{id}", retrieve, "5.14.1"),
    Operation("PATCH", "entityMaps/{id}", update, "5.14.2"),
    Operation("DELETE", "entityMaps/{id}", delete, "5.14.3"),
)
