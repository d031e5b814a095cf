"""Context sources over HTTP: registrations and subscriptions to them (GS CIM 009 clauses 6.8, 6.9, 6.12 and 6.13)."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from dothi.api.exchange import PAGING, PREFIX, Exchange, Header, Operation, Reply, created, no_content
from dothi.api.media import JSON_LD
from dothi.api.parameters import listed
from dothi.api.projection import attribute_name
from dothi.broker.source_subscriptions import SourceSubscriptions
from dothi.model.context import Context
from dothi.model.errors import BadRequestData, InvalidRequest
from dothi.model.geo import parse_geo
from dothi.model.pattern import compile_pattern
from dothi.model.qlang import parse_query
from dothi.model.query import GeoQuery
from dothi.model.selection import parse_scopes, parse_types
from dothi.model.source_query import SourceQuery, read_window
from dothi.model.values import is_uri

_SHOWING: Final = frozenset({"options"})
_TIMES: Final = frozenset({"timerel", "timeAt", "endTimeAt", "timeproperty"})
_PLACES: Final = frozenset({"georel", "geometry", "coordinates", "geoproperty"})

#: Parameters of which a query must have one (clause 5.10.2.4).
_NARROWING: Final = ("id", "type", "idPattern", "attrs", "q", "csf", "georel", "scopeQ", "timerel")
_QUERYING: Final = frozenset({*_NARROWING, *_TIMES, *_PLACES})


# --- registrations ----------------------------------------------------------------------------------------------


async def register(x: Exchange) -> Reply:
    """POST csourceRegistrations: 201 with the address of the new registration (6.8.3.1, 5.9.2)."""
    document, context = await x.document()
    id = await x.broker.registrations.create(document, context)
    return created(f"{PREFIX}/csourceRegistrations/{quote(id, safe=':')}")


async def query(x: Exchange) -> Reply:
    """GET csourceRegistrations: a page of the registrations that match (6.8.3.2, 5.10.2)."""
    media, context = x.negotiate(), await x.context()
    limit, offset, _ = x.page()
    asked = source_query(x.parameters, context)
    shown, total = x.broker.registrations.query(asked, context, limit, offset, sys_attrs=_with_times(x))
    headers = _paging(x, limit, offset, len(shown), total, media)
    return x.answer(shown, context, media, headers)


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET csourceRegistrations/{id}: one registration (6.9.3.1, 5.10.1)."""
    media, context = x.negotiate(), await x.context()
    return x.answer(x.broker.registrations.retrieve(id, context, sys_attrs=_with_times(x)), context, media)


async def update(x: Exchange, id: str) -> Reply:
    """PATCH csourceRegistrations/{id}: 204; members replaced, null removes (6.9.3.2, 5.9.3)."""
    document, context = await x.document(patch=True)
    await x.broker.registrations.update(id, document, context)
    return no_content()


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE csourceRegistrations/{id}: 204 (6.9.3.3, 5.9.4)."""
    await x.broker.registrations.delete(id)
    return no_content()


def source_query(parameters: dict[str, str], context: Context) -> SourceQuery:
    """The parameters of clause 6.8.3.2 as what is asked of registrations; an empty one counts as not given.

    Raises BadRequestData with parameter and position of the fault.
    """
    given = {name: value for name, value in parameters.items() if value}
    if not any(name in given for name in _NARROWING):
        raise BadRequestData("The query asks for every registration: give type, attrs, id, q, csf, scopeQ or georel.")
    ids = listed(given, "id")
    for id in ids:
        if not is_uri(id):
            raise BadRequestData(f"id={id} is no URI: entity ids are URIs like urn:ngsi-ld:Type:name.")
    pattern = given.get("idPattern")
    if pattern is not None:
        compile_pattern(pattern)
    types = given.get("type")
    scopes = given.get("scopeQ")
    return SourceQuery(
        ids=ids,
        id_pattern=pattern if not ids else None,
        types=parse_types(types, context.expand) if types is not None and types != "*" else None,
        attributes=tuple(attribute_name(name, "attrs", context) for name in listed(given, "attrs")),
        filters=tuple(parse_query(given[name], context.expand) for name in ("q", "csf") if name in given),
        geo=_geo(given, context),
        scope=parse_scopes(scopes) if scopes is not None else None,
        window=read_window(dict(given)) if given.keys() & (_TIMES - {"timeproperty"}) else None,
    )


def _geo(given: dict[str, str], context: Context) -> GeoQuery | None:
    wanted = ("georel", "geometry", "coordinates")
    missing = [name for name in wanted if name not in given]
    if len(missing) == len(wanted):
        return None
    if missing:
        raise BadRequestData(f"The geo query lacks {' and '.join(missing)}: it needs {', '.join(wanted)}.")
    property = context.expand(given.get("geoproperty", "location"))
    return parse_geo(given["georel"], given["geometry"], given["coordinates"], property)


# --- subscriptions to registrations -------------------------------------------------------------------------------


async def subscribe(x: Exchange) -> Reply:
    """POST csourceSubscriptions: 201 with the address of the new subscription (6.12.3.1, 5.11.2)."""
    document, context = await x.document()
    id = await _subscriptions(x).create(document, context)
    return created(f"{PREFIX}/csourceSubscriptions/{quote(id, safe=':')}")


async def query_subscriptions(x: Exchange) -> Reply:
    """GET csourceSubscriptions: a page of the subscriptions to registrations (6.12.3.2, 5.11.5)."""
    media, context = x.negotiate(), await x.context()
    limit, offset, _ = x.page()
    shown, total = _subscriptions(x).query(context, limit, offset, sys_attrs=_with_times(x))
    headers = _paging(x, limit, offset, len(shown), total, media)
    return x.answer(shown, context, media, headers)


async def retrieve_subscription(x: Exchange, id: str) -> Reply:
    """GET csourceSubscriptions/{id}: one subscription with status and counters (6.13.3.1, 5.11.4)."""
    media, context = x.negotiate(), await x.context()
    return x.answer(_subscriptions(x).retrieve(id, context, sys_attrs=_with_times(x)), context, media)


async def update_subscription(x: Exchange, id: str) -> Reply:
    """PATCH csourceSubscriptions/{id}: 204; members replaced, null removes (6.13.3.2, 5.11.3)."""
    document, context = await x.document(patch=True)
    await _subscriptions(x).update(id, document, context)
    return no_content()


async def delete_subscription(x: Exchange, id: str) -> Reply:
    """DELETE csourceSubscriptions/{id}: 204 (6.13.3.3, 5.11.6)."""
    await _subscriptions(x).delete(id)
    return no_content()


def _subscriptions(x: Exchange) -> SourceSubscriptions:
    subscriptions: SourceSubscriptions = x.broker.source_subscriptions
    return subscriptions


def _paging(x: Exchange, limit: int, offset: int, shown: int, total: int, media: str) -> list[Header]:
    """The links of a page; to who takes anything they promise JSON-LD, as the example of clause 6.3.10 does."""
    promised = JSON_LD if x.headers.get(b"accept", b"*/*") == b"*/*" else media
    return x.paging(limit, offset, shown, total, offset + shown < total, promised, as_asked=True)


def _with_times(x: Exchange) -> bool:
    options = listed(x.parameters, "options")
    if not set(options) <= {"sysAttrs"}:
        raise InvalidRequest(f"options={','.join(options)} is not supported here: write sysAttrs.")
    return bool(options)


ROUTES: Final = (
    Operation("POST", "csourceRegistrations", register, "5.9.2", creates=True),
    Operation("GET", "csourceRegistrations", query, "5.10.2", PAGING | _QUERYING | _SHOWING),
    Operation("GET", "csourceRegistrations/{id}", retrieve, "5.10.1", _SHOWING),
    Operation("PATCH", "csourceRegistrations/{id}", update, "5.9.3"),
    Operation("DELETE", "csourceRegistrations/{id}", delete, "5.9.4"),
    Operation("POST", "csourceSubscriptions", subscribe, "5.11.2", creates=True),
    Operation("GET", "csourceSubscriptions", query_subscriptions, "5.11.5", PAGING | _SHOWING),
    Operation("GET", "csourceSubscriptions/{id}", retrieve_subscription, "5.11.4", _SHOWING),
    Operation("PATCH", "csourceSubscriptions/{id}", update_subscription, "5.11.3"),
    Operation("DELETE", "csourceSubscriptions/{id}", delete_subscription, "5.11.6"),
)
