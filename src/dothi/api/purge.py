"""DELETE /entities: deletes what a query finds, or attributes of it (GS CIM 009 clause 6.4.3.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dothi.api.distributed import federation_of, question_of
from dothi.api.distributed_writes import entity_reply
from dothi.api.entity_maps import mapped
from dothi.api.exchange import Exchange, Operation, Reply
from dothi.api.parameters import listed
from dothi.api.projection import attribute_name
from dothi.api.query import check_asks_something, entity_query
from dothi.broker.federation.federation import Federation
from dothi.broker.federation.purging import Purged
from dothi.broker.purge import Purge
from dothi.model.context import Context
from dothi.model.errors import BadRequestData
from dothi.model.projection import MEMBERS
from dothi.model.query import EntityQuery

#: Parameters of a purge (table 6.4.3.3-1, and attrs, which clause 5.6.21.4 names).
PURGING: Final = frozenset({
    "attrs", "coordinates", "csf", "drop", "expandValues", "geometry", "geometryProperty", "geoproperty", "georel",
    "id", "idPattern", "jsonKeys", "keep", "q", "scopeQ", "type",
})  # fmt: skip


async def purge(x: Exchange) -> Reply:
    """DELETE entities: 204; entities that match are gone, or lose what `drop` names or all that `keep` does not
    (6.4.3.3, 5.6.21)."""
    context = await x.context()
    drop, keep = _names(x, "drop", context), _names(x, "keep", context)
    if drop and keep:
        raise BadRequestData("drop and keep contradict one another: write one of them.")
    asked = entity_query(x.parameters, context, 0, 0)
    check_asks_something(x.parameters, asked)
    found = await mapped(x, x.parameters, asked)
    if found is not None:
        asked = replace(asked, ids=tuple(id for id in found.map.sources if not asked.ids or id in asked.ids))
    if found is None and (federation := federation_of(x)) is not None:
        return await _shared(x, federation, asked, context, drop, keep)
    if found is None or asked.ids:
        await _perform(Purge(x.broker.store), asked, drop, keep)
    return Reply(204, [] if found is None else [found.header])


async def _shared(
    x: Exchange,
    federation: Federation,
    asked: EntityQuery,
    context: Context,
    drop: tuple[str, ...],
    keep: tuple[str, ...],
) -> Reply:
    """The purge here and in the context sources that have a part in it; 207 where some failed (table 6.4.3.3-2)."""
    origin = federation.origin(context, x.headers)
    purged = Purged(question_of(x.parameters, asked, context), frozenset(drop), frozenset(keep))
    written = await federation.purging.purge(purged, origin, lambda: _perform(Purge(x.broker.store), asked, drop, keep))
    if written is None:
        await _perform(Purge(x.broker.store), asked, drop, keep)
        return Reply(204, [])
    return entity_reply(None, written, Reply(204, []))


async def _perform(purge: Purge, asked: EntityQuery, drop: tuple[str, ...], keep: tuple[str, ...]) -> None:
    if drop or keep:
        await purge.attributes(asked, drop or keep, keep=bool(keep))
    else:
        await purge.entities(asked)


def _names(x: Exchange, parameter: str, context: Context) -> tuple[str, ...]:
    names = listed(x.parameters, parameter)
    for name in names:
        if name in MEMBERS:
            raise BadRequestData(f"{parameter}={name}: {name} belongs to the entity itself; name attributes only.")
    return tuple(attribute_name(name, parameter, context) for name in names)


ROUTES: Final = (Operation("DELETE", "entities", purge, "5.6.21", PURGING),)
