"""Writes entities together with those to which they lead (GS CIM 009 clause 4.5.23)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dothi.api.distributed import federation_of, page_of_entities
from dothi.api.exchange import Exchange
from dothi.api.media import GEO_JSON
from dothi.broker.linked import Fetch, join
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.linked import Join, Shown
from dothi.model.query import EntityQuery
from dothi.model.represent import feature, represent


async def joined(x: Exchange, entities: list[Entity], how: Join, context: Context, media: str) -> Any:
    """A page of entities with their linked ones: flat in one array (or FeatureCollection), or inline (5.7.2.5)."""
    return _all(await join(entities, how, _fetch(x, context), context), context, media)


async def joined_one(x: Exchange, entity: Entity, how: Join, context: Context, media: str) -> Any:
    """One entity, or the array of it and its linked ones where these are asked for flat and there are any (5.7.1.5)."""
    shown = await join([entity], how, _fetch(x, context), context)
    if len(shown) > 1:
        return _all(shown, context, media)
    ((entity, shape),) = shown
    return (feature if media == GEO_JSON else represent)(entity, context, shape)


def _fetch(x: Exchange, context: Context) -> Fetch:
    """How linked entities are had: from here, and from the context sources that the request goes to (4.5.23.1)."""
    federation = federation_of(x)
    if federation is None:
        return x.broker.consume.some

    async def fetch(ids: Sequence[str]) -> list[Entity]:
        asked = EntityQuery(ids=tuple(ids), limit=len(ids))
        return (await page_of_entities(x, federation, {}, asked, context, count=False)).entities

    return fetch


def _all(shown: list[Shown], context: Context, media: str) -> Any:
    if media == GEO_JSON:
        features = [feature(entity, context, how) for entity, how in shown]
        return {"type": "FeatureCollection", "features": features}
    documents = (represent(entity, context, how) for entity, how in shown)
    return [document for document in documents if document]
