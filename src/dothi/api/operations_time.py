"""The time machine in the operations API: the map's features, single entities and plain documents as they were."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Query
from fastapi.responses import Response

from dothi.api import operations_shapes as shapes
from dothi.api import time_shapes
from dothi.api.operations_entity import Panel, targets
from dothi.broker.past_state import Box, Moment, PastState
from dothi.model.aliases import Aliases
from dothi.model.entity import Entity, each_instance
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant
from dothi.web.features import LayerView
from dothi.web.vocabulary import LOCATION, value_of

#: Features that one answer may hold, and documents.
MOST_FEATURES = 50_000
MOST_DOCUMENTS = 2_000
MOST_LINKED = 100

At = Annotated[str, Query(description="DateTime with zone, or milliseconds since 1970: the instant to look at")]
Known = Annotated[
    str | None,
    Query(description="DateTime or milliseconds: leave out what was recorded later; absent: all known today counts"),
]


@dataclass(frozen=True, slots=True)
class TimeMachine:
    """What the routes read."""

    past: PastState
    views: Mapping[str, LayerView]
    panel: Panel
    vocabulary: Aliases


def add_time(app: FastAPI, machine: TimeMachine, problems: dict[int | str, dict[str, Any]]) -> None:
    """Add the routes; `problems` describes what else they answer."""

    @app.get("/as-of", response_model=time_shapes.PastFeaturesView, responses=problems, tags=["time"])
    async def read_as_of(
        at: At,
        known: Known = None,
        layers: Annotated[str, Query(description="ids of layers, separated by commas; all where absent")] = "",
        types: Annotated[str, Query(description="short names or IRIs: only layers of one of these types")] = "",
        bbox: Annotated[str, Query(description="west,south,east,north in degrees")] = "",
    ) -> Response:
        """The features of the live layers as they were at an instant; ages count from that instant."""
        moment = moment_of(at, known)
        views = _asked(machine, _list(layers), _list(types))
        found = await _states(machine.past, views, moment, _box(bbox))
        body = await asyncio.to_thread(_features, found, moment)
        return Response(body, media_type="application/geo+json", headers={"cache-control": "no-store"})

    @app.get("/as-of/entities/{id:path}", response_model=shapes.EntityView, responses=problems, tags=["time"])
    async def read_past_entity(id: str, at: At, known: Known = None) -> Any:
        """One entity for people as it was at an instant."""
        moment = moment_of(at, known)
        entity = await machine.past.entity(id, moment)
        ids = [target for _, each in each_instance(entity.attributes) for target in targets(each)][:MOST_LINKED]
        linked = {each.id: each for each in await machine.past.some(ids, moment)}
        return machine.panel.view(entity, linked, moment.at)

    @app.get("/as-of/documents", response_model=time_shapes.PastDocumentsView, responses=problems, tags=["time"])
    async def read_past_documents(
        at: At,
        types: Annotated[str, Query(description="short names or IRIs, separated by commas", min_length=1)],
        known: Known = None,
        limit: Annotated[int, Query(ge=1, le=MOST_DOCUMENTS)] = MOST_DOCUMENTS,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Any:
        """Entities of some types as plain documents of that instant: what alarms and incidents there were."""
        moment = moment_of(at, known)
        iris = [iri for name in _list(types) for iri in machine.vocabulary.iris(name)]
        found = await machine.past.entities(moment, iris)
        documents = [document_of(entity, machine.vocabulary) for entity in found[offset : offset + limit]]
        return {**_told(moment), "total": len(found), "documents": documents}


def moment_of(at: str, known: str | None) -> Moment:
    """The instants of a request. Raises BadRequestData."""
    return Moment(_instant("at", at), None if known is None else _instant("known", known))


def document_of(entity: Entity, vocabulary: Aliases) -> dict[str, Any]:
    """{"id", "type", short name: value}; of several instances the last one by datasetId counts."""
    document: dict[str, Any] = {"id": entity.id, "type": vocabulary.compact(entity.types[0])}
    for iri, instance in each_instance(entity.attributes):
        document[vocabulary.compact(iri)] = value_of(instance if isinstance(instance, dict) else instance.members())
    return document


def _told(moment: Moment) -> dict[str, int | None]:
    return {"at": moment.at // 1000, "known": None if moment.known is None else moment.known // 1000}


def _instant(name: str, text: str) -> int:
    try:
        return int(text) * 1000 if text.isascii() and text.isdecimal() and len(text) <= 15 else parse_instant(text)
    except (ValueError, OverflowError) as error:
        raise BadRequestData(f"{name}: {error}, nor milliseconds since 1970") from None


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _box(text: str) -> Box | None:
    if not text:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError:
        raise BadRequestData("bbox: write west,south,east,north in degrees, as in 106.5,10.9,106.9,11.3") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadRequestData("bbox: west must not be beyond east, nor south beyond north; degrees within 180 and 90")
    return west, south, east, north


def _asked(machine: TimeMachine, layers: Sequence[str], types: Sequence[str]) -> list[LayerView]:
    unknown = [layer for layer in layers if layer not in machine.views]
    if unknown:
        raise BadRequestData(f"layers: no layer {', '.join(unknown)}; declared: {', '.join(machine.views) or 'none'}")
    iris = {iri for name in types for iri in machine.vocabulary.iris(name)}
    views = [machine.views[layer] for layer in layers] if layers else list(machine.views.values())
    return [view for view in views if not types or not iris.isdisjoint(view.type_iris)]


async def _states(
    past: PastState, views: Sequence[LayerView], moment: Moment, box: Box | None
) -> list[tuple[LayerView, Entity]]:
    """The entities of each layer, with what the layer shows of them; a layer without a value shows the newest time of
    anything, so of those everything is read."""
    found: list[tuple[LayerView, Entity]] = []
    for group in ([view for view in views if view.value_iris], [view for view in views if not view.value_iris]):
        if not group:
            continue
        types = dict.fromkeys(iri for view in group for iri in view.type_iris)
        attributes = _shown(group) if group[0].value_iris else []
        for entity in await past.entities(moment, list(types), attributes, box):
            found += [(view, entity) for view in group if view.covers(entity)]
    return found


def _shown(views: Sequence[LayerView]) -> list[str]:
    reader = views[0].reader
    values = [iri for view in views for iri in view.value_iris]
    return list(dict.fromkeys((LOCATION, *reader.names, *reader.headings, *values)))


def _features(found: Sequence[tuple[LayerView, Entity]], moment: Moment) -> bytes:
    features = []
    for view, entity in found:
        feature = view.feature(entity, moment.at)
        if feature is not None:
            features.append({**feature, "layer": view.layer.id})
    more = len(features) > MOST_FEATURES
    told = {"type": "FeatureCollection", **_told(moment), "truncated": more, "features": features[:MOST_FEATURES]}
    return orjson.dumps(told)
