"""Snapshots over HTTP: /snapshots (GS CIM 009 clauses 6.36 to 6.38). NGSILD-Snapshot itself is read by the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from dothi.api.distributed import federation_of, question_of
from dothi.api.entity_maps import MOST_SHARED
from dothi.api.exchange import PREFIX, Exchange, Operation, Reply, created, no_content
from dothi.api.query import check_asks_something, entity_query, query_parameters
from dothi.api.temporal import temporal_parameters
from dothi.api.timespan import window_of
from dothi.broker.federation.federation import Federation
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.questions import Question
from dothi.broker.snapshots import Snapshots
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.entity_map import LOCAL
from dothi.model.errors import BadRequestData, OperationNotSupported, Problem, ResourceNotFound, TooManyResults
from dothi.model.query import EntityQuery
from dothi.model.snapshot import QUERIES, read_snapshot

#: A query as parameters and as it is read.
Asked = tuple[dict[str, str], EntityQuery]


async def create(x: Exchange) -> Reply:
    """POST snapshots: 201 with the address of a snapshot that is being made (6.36.3.1, 5.16.1)."""
    document, context = await x.document()
    read_snapshot(document)
    entities, temporal = ([*_asked(name, document, context)] for name in QUERIES)
    elsewhere = None
    if (federation := federation_of(x)) is not None:
        questions = [question_of(parameters, asked, context) for parameters, asked in entities]
        elsewhere = partial(_elsewhere, federation, questions, federation.origin(context, x.headers))
    queries = ([asked for _, asked in entities], [asked for _, asked in temporal])
    return created(_path(await _snapshots(x).create(document, *queries, elsewhere)))


async def purge(x: Exchange) -> Reply:
    """DELETE snapshots: 204; those that q finds are gone, 404 where it finds none (6.36.3.2, 5.16.7)."""
    q = x.parameters.get("q")
    if q is None:
        raise BadRequestData("The parameter q is missing: it says which snapshots are to go.")
    if not await _snapshots(x).purge(q):
        raise ResourceNotFound(f"No snapshot matches q={q}.")
    return no_content()


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET snapshots/{id}: its status (6.37.3.1, 5.16.3)."""
    media, context = x.negotiate(), await x.context()
    return x.answer(_snapshots(x).retrieve(id), context, media)


async def update(x: Exchange, id: str) -> Reply:
    """PATCH snapshots/{id}: 200 with its new status (6.37.3.2, 5.16.4)."""
    media = x.negotiate()
    document, context = await x.document(patch=True)
    return x.answer(await _snapshots(x).update(id, document), context, media)


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE snapshots/{id}: 204 (6.37.3.3, 5.16.5)."""
    await _snapshots(x).delete(id)
    return no_content()


async def clone(x: Exchange, id: str) -> Reply:
    """POST snapshots/{id}/clone: 201 with the address of a copy that is being made (6.38.3.1, 5.16.2)."""
    document, _ = await x.document()
    return created(_path(await _snapshots(x).clone(id, document)))


async def _elsewhere(federation: Federation, questions: Sequence[Question], origin: Origin) -> list[list[Entity]]:
    """What context sources have of each query of a snapshot, joined with what is here (5.7.2.4)."""
    found = []
    for question in questions:
        gathered = await federation.reading.entities(question, origin)
        if gathered.page.more:
            raise TooManyResults(f"More than {MOST_SHARED} entities match, too many to copy from context sources.")
        found.append([each for each in gathered.page.entities if gathered.holders[each.id] != (LOCAL,)])
    return found


def _asked(name: str, document: dict[str, Any], context: Context) -> Iterator[Asked]:
    """The queries of a member of a snapshot. Raises a Problem that says which of them is wrong."""
    for position, query in enumerate(document.get(name, ())):
        try:
            yield _query(query, context)
        except Problem as problem:
            problem.detail = f"{name}[{position}]: {problem.detail}"
            raise


def _query(query: dict[str, Any], context: Context) -> Asked:
    parameters = query_parameters(query)
    if "temporalQ" in query:
        window_of(temporal_parameters(query), required=True)
    asked = entity_query(parameters, context, MOST_SHARED, 0, query.get("entities"))
    check_asks_something(parameters, asked)
    return parameters, asked


def _snapshots(x: Exchange) -> Snapshots:
    if x.broker.snapshots is None:
        raise OperationNotSupported("There are no snapshots here.")
    return x.broker.snapshots


def _path(id: str) -> str:
    return f"{PREFIX}/snapshots/{quote(id, safe=':')}"


ROUTES: Final = (
    Operation("POST", "snapshots", create, "5.16.1"),
    Operation("DELETE", "snapshots", purge, "5.16.7", frozenset({"q"})),
    Operation("GET", "snapshots/{id}", retrieve, "5.16.3"),
    Operation("PATCH", "snapshots/{id}", update, "5.16.4"),
    Operation("DELETE", "snapshots/{id}", delete, "5.16.5"),
    Operation("POST", "snapshots/{id}/clone", clone, "5.16.2"),
)
