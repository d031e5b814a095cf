"""Whether a request goes to context sources too, and the reads that do (GS CIM 009 clauses 5.7.1, 5.7.2, 6.3.17)."""

from __future__ import annotations

from dataclasses import replace

from dothi.api.exchange import Exchange
from dothi.api.parameters import flag, listed
from dothi.broker.consume import EntityPage
from dothi.broker.federation.evolution import PAST, PastPage
from dothi.broker.federation.federation import Federation
from dothi.broker.federation.questions import FILTERS, Question
from dothi.broker.federation.reading import Missing
from dothi.broker.federation.warnings import SourceWarning
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData
from dothi.model.qlang import parse_query
from dothi.model.query import EntityQuery, Query, Selection, Window
from dothi.storage.store import History


def federation_of(x: Exchange) -> Federation | None:
    """The federation, where there are context sources and the request is not for what is held here (5.5.13, 6.3.18)."""
    broker = x.broker
    if broker.registrations.is_empty or flag(x.parameters, "local"):
        return None
    return broker.federation


async def entity(
    x: Exchange, federation: Federation, id: str, where: Selection | None, wanted: tuple[str, ...], context: Context
) -> tuple[Entity, tuple[str, ...]]:
    """One entity of which parts may lie in context sources, and who had it (5.7.1). Raises ResourceNotFound."""
    origin = federation.origin(context, x.headers)
    question = Question(
        EntityQuery(ids=(id,), types=where, attributes=wanted),
        csf=csf_of(x.parameters, context),
        datasets=listed(x.parameters, "datasetId"),
    )
    try:
        found, warnings, holders = await federation.reading.entity(question, origin)
    except Missing as missing:
        tell(x, missing.warnings)
        raise
    tell(x, warnings)
    return found, holders


async def page_of_entities(
    x: Exchange,
    federation: Federation,
    parameters: dict[str, str],
    asked: EntityQuery,
    context: Context,
    *,
    count: bool = False,
) -> EntityPage:
    """A page of entities of which parts may lie in context sources (5.7.2). Raises BadRequestData for orderBy where
    the query goes to any source: there is no order over them (clause 4.23)."""
    question = question_of(parameters, asked, context)
    origin = federation.origin(context, x.headers)
    if asked.order and federation.reading.tasks(question, origin, ("queryEntity", "queryBatch")):
        raise BadRequestData("orderBy cannot order entities of several context sources: add local=true, or leave it.")
    gathered = await federation.reading.entities(question, origin, count=count)
    tell(x, gathered.warnings)
    return gathered.page


async def past_elsewhere(
    x: Exchange, federation: Federation, id: str, wanted: tuple[str, ...], window: Window, context: Context
) -> dict[str, list[History]]:
    """What context sources tell of the past of an entity (5.7.3)."""
    question = Question(
        EntityQuery(ids=(id,), attributes=wanted),
        csf=csf_of(x.parameters, context),
        datasets=window.dataset_ids,
        window=window,
    )
    origin = federation.origin(context, x.headers)
    told, warnings = await federation.evolution.one(question, _past(x.parameters, window), origin)
    tell(x, warnings)
    return {id: [history for history in told if history.id == id]}


async def page_of_pasts(
    x: Exchange,
    federation: Federation,
    parameters: dict[str, str],
    asked: EntityQuery,
    window: Window,
    context: Context,
    *,
    count: bool,
) -> PastPage:
    """A page of entities of whose past parts may lie in context sources (5.7.4)."""
    question = replace(question_of(parameters, asked, context), window=window)
    origin = federation.origin(context, x.headers)
    page, warnings = await federation.evolution.page(question, window, _past(parameters, window), origin, count=count)
    tell(x, warnings)
    return page


def _past(parameters: dict[str, str], window: Window) -> dict[str, str]:
    """The temporal parameters for sources; without lastN where the window does not ask for the last n."""
    past = {name: parameters[name] for name in PAST if name in parameters}
    if window.last is None:
        past.pop("lastN", None)
    return past


def question_of(parameters: dict[str, str], asked: EntityQuery, context: Context) -> Question:
    """The query as it is put to context sources."""
    filters: dict[str, str] = {name: parameters[name] for name in FILTERS if name in parameters}
    split, datasets = flag(parameters, "splitEntities"), listed(parameters, "datasetId")
    return Question(asked, filters, csf_of(parameters, context), split, datasets)


def csf_of(parameters: dict[str, str], context: Context) -> Query | None:
    """The context source filter of a request (clause 4.9)."""
    csf = parameters.get("csf")
    return None if csf is None else parse_query(csf, context.expand)


def tell(x: Exchange, warnings: list[SourceWarning]) -> None:
    """Put the warnings beside the answer, whatever that will be (clause 6.3.17)."""
    x.told += [(b"ngsild-warning", warning.header()) for warning in warnings]
