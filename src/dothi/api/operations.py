"""The operations API under /api: what the app reads about the city, its layers, its entities and its health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from dothi.api import operations_shapes as shapes
from dothi.api.entity_index import EntityIndex
from dothi.api.operations_alarms import Channels, add_alarms
from dothi.api.operations_description import DescribedApi
from dothi.api.operations_entities import Browser, add_entities
from dothi.api.operations_entity import Panel, targets, unit_of
from dothi.api.operations_export import add_export
from dothi.api.operations_history import chart_columns
from dothi.api.operations_incidents import add_incidents
from dothi.api.operations_letters import DeadLetters, NoDeadLetters, add_dead_letters
from dothi.api.operations_procedures import add_procedures
from dothi.api.operations_rules import NoRules, RulesDesk, add_rules
from dothi.api.operations_search import NameIndex
from dothi.api.operations_shifts import add_shifts
from dothi.api.operations_stream import add_stream
from dothi.api.operations_time import TimeMachine, add_time
from dothi.api.operations_uptime import add_uptime
from dothi.automation.alarms.alarms import Alarms
from dothi.automation.incidents.incidents import Incidents
from dothi.automation.incidents.procedures import RunsTold
from dothi.automation.incidents.timeline import Timeline, no_alarm_acts, no_runs
from dothi.broker.clock import wall_clock
from dothi.broker.past_state import PastState
from dothi.city.module import CityModule, Text
from dothi.connectors.base import Health
from dothi.connectors.uptime import Uptime
from dothi.model.aliases import Aliases
from dothi.model.context import core_context
from dothi.model.entity import each_instance
from dothi.model.errors import BadRequestData, InvalidRequest, Problem, ResourceNotFound
from dothi.model.instant import parse_instant
from dothi.model.query import EntityQuery
from dothi.storage.store import Store
from dothi.web.features import LayerView
from dothi.web.live import LiveMap
from dothi.web.security import SecureHeaders
from dothi.web.vocabulary import vocabulary_of

#: Entities that one answer of /layers/{id}/features may hold; the stream has no such limit.
MOST_FEATURES = 50_000
#: Relationship targets looked up for their names.
MOST_LINKED = 100
DAY = 86_400_000_000
#: Grows when an answer changes in a way that a client could notice.
API_VERSION = "1"

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": shapes.ProblemView, "description": "The request is wrong; the detail says where"},
    404: {"model": shapes.ProblemView, "description": "There is no such thing"},
}


@dataclass(frozen=True, slots=True)
class CityFacts:
    """What the app must know before it can draw. `center` is (lon, lat), `bounds` (west, south, east, north)."""

    name: Text
    center: tuple[float, float] = (106.68, 11.05)
    zoom: float = 9.6
    bounds: tuple[float, float, float, float] | None = None
    demo: bool = False
    version: str = ""
    languages: tuple[str, ...] = ("vi", "en")


@dataclass(frozen=True, slots=True)
class Operations:
    """The parts that the operations API reads; it writes no entities."""

    city: CityFacts
    store: Store
    modules: Sequence[CityModule]
    vocabulary: Aliases
    live: LiveMap
    connectors: Callable[[], Sequence[Health]]
    dead_letters: DeadLetters
    now: Callable[[], int]


def operations_api(
    city: CityFacts,
    store: Store,
    modules: Sequence[CityModule],
    vocabulary: Aliases,
    live: LiveMap,
    *,
    connectors: Callable[[], Sequence[Health]] = tuple,
    dead_letters: DeadLetters | None = None,
    uptime: Uptime | None = None,
    rules: RulesDesk | None = None,
    alarms: Alarms | None = None,
    people: Channels | None = None,
    desk: Any = None,
    now: Callable[[], int] = wall_clock,
) -> FastAPI:
    """The application to mount at /api. Its schema is at /api/openapi.json; there is no docs page from a CDN."""
    parts = Operations(city, store, modules, vocabulary, live, connectors, dead_letters or NoDeadLetters(), now)
    app = DescribedApi(
        title="dothi operations API",
        version=API_VERSION,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.add_middleware(SecureHeaders)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    app.add_exception_handler(HTTPException, http_problem)
    _add_city(app, parts)
    _add_layers(app, parts)
    _add_entities(app, parts)
    _add_health(app, parts)
    _add_time(app, parts)
    add_uptime(app, uptime or Uptime(connectors, now), connectors)
    add_alarms(app, alarms or Alarms(store, vocabulary, now=now), PROBLEMS, now, people)
    incidents = Incidents(store, vocabulary, now=now)
    runs = no_runs if desk is None else RunsTold(desk.runs)
    told = Timeline(incidents, no_alarm_acts if alarms is None else alarms.acts, runs)
    add_incidents(app, incidents, told, PROBLEMS, now, asdict(city.name), city.demo)
    add_rules(app, rules or NoRules(), PROBLEMS)
    books: Any = getattr(desk, "books", None)  # without a desk the routes are only described
    running: Any = getattr(desk, "runs", None)
    add_procedures(app, books, running, PROBLEMS)
    add_shifts(app, desk, PROBLEMS)
    return app


def describe() -> dict[str, Any]:
    """The OpenAPI description of the operations API, from which the app's types are made; it needs no city."""
    nothing: Any = None  # describing calls no operation, so no store is asked
    live = LiveMap(nothing, {}, wall_clock)
    return operations_api(CityFacts(Text("", "")), nothing, (), vocabulary_of((), core_context()), live).openapi()


def _add_city(app: FastAPI, parts: Operations) -> None:
    city = parts.city

    @app.get("/city", response_model=shapes.CityView, tags=["city"])
    async def read_city() -> Any:
        """The city's name, where it lies, and the server's clock."""
        return {**asdict(city), "now": parts.now() // 1000}


def _add_layers(app: FastAPI, parts: Operations) -> None:
    live = parts.live

    @app.get("/layers", response_model=list[shapes.LayerShape], tags=["map"])
    async def read_layers() -> Any:
        """Every layer that the city's modules declare, with the number of its entities."""
        return [_layer(view, await parts.store.count(view.query)) for view in live.views.values()]

    @app.get("/layers/{id}/features", response_model=shapes.FeaturesView, responses=PROBLEMS, tags=["map"])
    async def read_features(id: str) -> Response:
        """The layer as GeoJSON, at most 50,000 features; the stream gives the same and keeps it up to date."""
        live.admit([id])
        view = live.views[id]
        query = view.query
        page = await parts.store.entities(EntityQuery(types=query.types, limit=MOST_FEATURES))
        moment = parts.now()
        encoded = [view.encode(entity, moment) for entity in page.entities]
        features = [orjson.Fragment(each) for each in encoded if each is not None]
        body = orjson.dumps({"type": "FeatureCollection", "features": features})
        return Response(body, media_type="application/geo+json", headers={"cache-control": "no-store"})

    add_stream(app, live, PROBLEMS)


def _layer(view: LayerView, count: int) -> dict[str, Any]:
    layer, attribute = view.layer, view.attribute
    return {
        "id": layer.id,
        "module": view.module.name,
        "module_label": asdict(view.module.label),
        "label": asdict(layer.label),
        "types": list(layer.types),
        "shape": layer.shape,
        "value": layer.value,
        "value_label": None if attribute is None else asdict(attribute.label),
        "unit": "" if attribute is None else attribute.unit,
        "digits": None if attribute is None else attribute.digits,
        "words": {} if attribute is None else {text: asdict(word) for text, word in attribute.words.items()},
        "bands": [asdict(band) for band in layer.bands],
        "visible": layer.visible,
        "min_zoom": layer.min_zoom,
        "stale_after": view.stale_after,
        "count": count,
    }


def _add_entities(app: FastAPI, parts: Operations) -> None:
    store = parts.store
    panel = Panel.of(parts.modules, parts.live.views, parts.vocabulary)
    names = NameIndex(store, list(parts.live.views.values()), parts.vocabulary)

    @app.get("/entities/{id:path}", response_model=shapes.EntityView, responses=PROBLEMS, tags=["entities"])
    async def read_entity(id: str) -> Any:
        """One entity for people: labels, units, ages, relations. The raw entity is at /ngsi-ld/v1/entities/{id}."""
        entity = await store.entity(id)
        if entity is None:
            raise ResourceNotFound(f"no entity {id}")
        ids = [target for _, each in each_instance(entity.attributes) for target in targets(each)][:MOST_LINKED]
        linked = (await store.entities(EntityQuery(ids=tuple(ids), limit=MOST_LINKED))).entities if ids else []
        return panel.view(entity, {each.id: each for each in linked}, parts.now())

    @app.get("/history/{id:path}", response_model=shapes.HistoryView, responses=PROBLEMS, tags=["entities"])
    async def read_history(
        id: str,
        attribute: Annotated[str, Query(description="short name or IRI")],
        start: Annotated[str | None, Query(description="DateTime with zone; a day before `end` where absent")] = None,
        end: Annotated[str | None, Query(description="DateTime with zone; now where absent")] = None,
        points: Annotated[int, Query(ge=2, le=5_000)] = 600,
    ) -> Any:
        """An attribute's past as columns for a chart, in buckets where there are more observations than `points`."""
        last = _instant("end", end, parts.now() + 1)
        entity = await store.entity(id)
        iri = parts.vocabulary.present(attribute, entity.attributes if entity else {})
        columns = await chart_columns(store, id, iri, _instant("start", start, last - DAY), last, points)
        known = None if entity is None else panel.declared.attribute(entity.types, iri)
        digits = None if known is None else known.digits
        return {**asdict(columns), "attribute": attribute, "unit": unit_of(known, None), "digits": digits}

    @app.get("/search", response_model=shapes.SearchView, tags=["entities"])
    async def search(q: Annotated[str, Query(max_length=200)], limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Any:
        """Entities whose name or id holds every word, without regard to case and diacritics."""
        hits, total = await names.search(q, limit)
        return {"hits": hits, "total": total}


def _instant(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadRequestData(f"{name}: {error}") from None


def _add_health(app: FastAPI, parts: Operations) -> None:
    @app.get("/connectors", response_model=list[shapes.ConnectorView], tags=["health"])
    async def read_connectors() -> Any:
        """How each connector fares: state, counters, last problems."""
        return [_connector(health) for health in parts.connectors()]

    add_dead_letters(app, parts.dead_letters, PROBLEMS)


def _connector(health: Health) -> dict[str, Any]:
    return {
        "name": health.name,
        "kind": health.kind,
        "state": health.state,
        "since": health.since // 1000,
        "last_message": None if health.last_message is None else health.last_message // 1000,
        "messages": health.messages,
        "entities": health.entities,
        "values": health.values,
        "rejected": health.rejected,
        "queue": health.queue,
        "lag_ms": health.lag_ms,
        "detail": health.detail,
        "problems": [asdict(problem) for problem in reversed(health.problems)],
    }


def _add_time(app: FastAPI, parts: Operations) -> None:
    """What looks at many entities at once: the time machine, the browser, files."""
    views, vocabulary = parts.live.views, parts.vocabulary
    past = PastState(parts.store, parts.now)
    panel = Panel.of(parts.modules, views, vocabulary)
    add_time(app, TimeMachine(past, views, panel, vocabulary), PROBLEMS)
    shown = list(views.values())
    index = EntityIndex(parts.store, shown, panel.declared, parts.now)
    browser = Browser(parts.store, index, panel.declared, shown, parts.now)
    add_entities(app, browser, PROBLEMS)
    add_export(app, browser, past, parts.city.name, PROBLEMS)


async def _problem(request: Request, error: Exception) -> Response:
    problem = error if isinstance(error, Problem) else Problem(str(error))
    body = orjson.dumps(problem.document())
    return Response(body, status_code=problem.status, media_type="application/problem+json")


async def _validation_problem(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    told = "; ".join(f"{'.'.join(str(part) for part in fault['loc'][1:])}: {fault['msg']}" for fault in faults)
    return await _problem(request, InvalidRequest(told))


async def http_problem(request: Request, error: Exception) -> Response:
    """The problem document of what the web framework refuses: unknown paths and methods."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    problem = ResourceNotFound(f"no {request.url.path} here; /api/openapi.json lists what there is")
    document = {**problem.document(), "status": status}
    if status != problem.status and isinstance(error, HTTPException):
        document |= {"type": "about:blank", "title": error.detail, "detail": error.detail}
    return Response(orjson.dumps(document), status_code=status, media_type="application/problem+json")
