"""A subscription (GS CIM 009 clause 5.2.12) as a value that cannot be wrong, read from the document that is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal, cast
from urllib.parse import unquote

from dothi.model import members
from dothi.model.endpoint import PORTS, Endpoint, read_endpoint
from dothi.model.errors import BadRequestData
from dothi.model.geo import parse_geo
from dothi.model.qlang import MAX_HOPS, parse_query
from dothi.model.query import EntityQuery, GeoQuery, Query, Selection
from dothi.model.represent import Format
from dothi.model.selection import parse_scopes, parse_types
from dothi.model.values import is_uri

Trigger = Literal[
    "entityCreated", "entityUpdated", "entityDeleted", "attributeCreated", "attributeUpdated", "attributeDeleted"
]
Status = Literal["active", "paused", "expired"]
Join = Literal["flat", "inline"]

TRIGGERS: Final = (
    "entityCreated", "entityUpdated", "entityDeleted", "attributeCreated", "attributeUpdated", "attributeDeleted",
)  # fmt: skip
DEFAULT_TRIGGERS: Final = ("attributeCreated", "attributeUpdated")
FORMATS: Final[Mapping[str, Format]] = {
    "normalized": "normalized",
    "concise": "concise",
    "keyValues": "simplified",
    "simplified": "simplified",
}

#: Schemes of endpoints that there is a delivery for.
SCHEMES: Final = frozenset(PORTS)

#: Members that a client may give, by the object in which they stand.
MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({
        "id", "type", "subscriptionName", "description", "entities", "watchedAttributes", "notificationTrigger",
        "timeInterval", "q", "geoQ", "scopeQ", "csf", "isActive", "notification", "expiresAt", "throttling",
        "temporalQ", "lang", "datasetId", "jsonldContext", "localOnly", "splitEntities", "expandValues",
    }),
    "notification": frozenset({
        "attributes", "pick", "omit", "format", "sysAttrs", "showChanges", "endpoint", "join", "joinLevel",
        "containedBy",
    }),
    "notification.endpoint": frozenset({
        "uri", "accept", "timeout", "cooldown", "receiverInfo", "notifierInfo",
    }),
}  # fmt: skip

#: Members that the broker computes; what a client gives for them is ignored (tables 5.2.12-2 and 5.2.14.2-1).
COMPUTED: Final = frozenset({
    "status", "createdAt", "modifiedAt", "deletedAt", "@context",
    "timesSent", "timesFailed", "lastNotification", "lastFailure", "lastSuccess",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class EntitySelector:
    """Which entities (clause 5.2.33): `types` is None for the type "*"; an id goes before a pattern."""

    types: Selection | None
    id: str | None = None
    id_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to watch, when to tell and how. Names are expanded IRIs, instants microseconds, durations seconds.

    `kept` is the document of which it was read, names expanded. `context` is what the subscriber named as @context.
    """

    id: str
    kept: dict[str, Any]
    entities: tuple[EntitySelector, ...]
    watched: frozenset[str]
    triggers: frozenset[Trigger]
    endpoint: Endpoint
    q: Query | None = None
    geo: GeoQuery | None = None
    scope: Selection | None = None
    lang: str | None = None
    dataset_ids: tuple[str, ...] = ()
    is_active: bool = True
    expires: int | None = None
    throttling: float = 0.0
    interval: float | None = None
    format: Format = "normalized"
    attributes: tuple[str, ...] = ()
    pick: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    sys_attrs: bool = False
    show_changes: bool = False
    join: Join | None = None
    join_level: int = 1
    contained_by: tuple[str, ...] = ()
    context: Any = None

    def status(self, now: int) -> Status:
        """Active, paused or expired at an instant (clause 5.2.12, member status)."""
        if self.expires is not None and self.expires <= now:
            return "expired"
        return "active" if self.is_active else "paused"

    def queries(self) -> tuple[EntityQuery, ...]:
        """One query for each entity selector; an entity belongs to the subscription when it matches one of them."""
        selectors = self.entities or (EntitySelector(types=None),)
        return tuple(
            EntityQuery(
                ids=(selector.id,) if selector.id is not None else (),
                id_pattern=selector.id_pattern if selector.id is None else None,
                types=selector.types,
                attributes=() if self.entities else tuple(sorted(self.watched)),
                q=self.q,
                geo=self.geo,
                scope=self.scope,
            )
            for selector in selectors
        )


def read_subscription(kept: dict[str, Any], schemes: Collection[str] = SCHEMES) -> Subscription:
    """Read and check a whole subscription document whose names are expanded (model.subscription_names).

    `schemes` are those of the deliveries that the city has. Raises BadRequestData naming the member and the fault,
    TooComplexQuery for a q beyond its bounds.
    """
    _check_frame(kept)
    notification = _object(kept, "notification", "")
    projection = {name: _texts(notification, name, "notification") for name in ("attributes", "pick", "omit")}
    _check_projection(projection)
    terms = kept.get("qTerms", {})
    subscription = Subscription(
        id=kept["id"],
        kept=kept,
        entities=_entities(kept),
        watched=frozenset(_texts(kept, "watchedAttributes", "")),
        triggers=_triggers(kept),
        endpoint=read_endpoint(_object(notification, "endpoint", "notification"), schemes),
        q=parse_query(query_text(kept), lambda name: terms.get(name, name)) if "q" in kept else None,
        geo=_geo(kept),
        scope=parse_scopes(_text(kept, "scopeQ", "")) if "scopeQ" in kept else None,
        lang=_text(kept, "lang", "") if "lang" in kept else None,
        dataset_ids=_dataset_ids(kept),
        is_active=members.flag(kept, "isActive", "", True),
        expires=members.instant(kept, "expiresAt"),
        throttling=members.positive(kept, "throttling") or 0.0,
        interval=members.positive(kept, "timeInterval"),
        format=_format(notification),
        attributes=projection["attributes"],
        pick=projection["pick"],
        omit=projection["omit"],
        sys_attrs=members.flag(notification, "sysAttrs", "notification"),
        show_changes=members.flag(notification, "showChanges", "notification"),
        join=_join(notification),
        join_level=_join_level(notification),
        contained_by=_texts(notification, "containedBy", "notification"),
        context=kept.get("jsonldContext", kept.get("@context")),
    )
    _check_together(subscription)
    return subscription


def without_unknown(document: dict[str, Any], place: str = "") -> dict[str, Any]:
    """The members of a document that a client may give: unknown ones are ignored, computed ones the broker's own.

    Raises BadRequestData for an unknown member that looks like a slip of the pen, which would be missed.
    """
    known = {}
    for name, value in document.items():
        where = members.at(place, name)
        if name in MEMBERS[place]:
            known[name] = without_unknown(value, where) if where in MEMBERS and isinstance(value, dict) else value
        elif name not in COMPUTED:
            close = get_close_matches(name, MEMBERS[place], 1, 0.85)
            if close:
                raise BadRequestData(f"{where} is no member of a subscription: write {close[0]}.")
    return known


def query_text(kept: dict[str, Any]) -> str:
    """The q of a document; many clients send it percent-encoded, as it would stand in an address."""
    return unquote(_text(kept, "q", ""))


def _check_frame(kept: dict[str, Any]) -> None:
    """The members that say what the document is, and those that are only kept."""
    if kept.get("type") != "Subscription":
        raise BadRequestData(f'type is {kept.get("type")!r}: a subscription has "type": "Subscription".')
    if not is_uri(kept.get("id")):
        raise BadRequestData(f"id {kept.get('id')!r} is no URI: write one such as urn:ngsi-ld:Subscription:air.")
    if "entities" not in kept and "watchedAttributes" not in kept:
        raise BadRequestData("The subscription names neither entities nor watchedAttributes: give at least one.")
    if "notification" not in kept:
        raise BadRequestData("notification is missing: it says where to send, in notification.endpoint.uri.")
    if "jsonldContext" in kept and not is_uri(kept["jsonldContext"]):
        raise BadRequestData(f"jsonldContext {kept['jsonldContext']!r} is no URI: name a context that can be fetched.")
    for name in ("localOnly", "splitEntities"):
        members.flag(kept, name)
    for name in ("subscriptionName", "description"):
        _ = _text(kept, name, "") if name in kept else ""
    if "csf" in kept:
        parse_query(_text(kept, "csf", ""), str)


def _check_projection(projection: dict[str, tuple[str, ...]]) -> None:
    if projection["attributes"] and (projection["pick"] or projection["omit"]):
        raise BadRequestData("notification.attributes cannot stand beside pick or omit: use one of the two ways.")
    both = set(projection["pick"]) & set(projection["omit"])
    if both:
        raise BadRequestData(f"notification.pick and notification.omit both name {sorted(both)[0]}: leave one out.")


def _check_together(subscription: Subscription) -> None:
    """Rules that bind two members (tables 5.2.12-1 and 5.2.14.1-1)."""
    if subscription.interval is not None and subscription.throttling:
        raise BadRequestData("timeInterval and throttling exclude each other: leave one out.")
    if subscription.show_changes and subscription.format == "simplified":
        raise BadRequestData("notification.showChanges needs format normalized or concise, not keyValues.")


def _entities(kept: dict[str, Any]) -> tuple[EntitySelector, ...]:
    given = kept.get("entities")
    if given is None:
        return ()
    if not isinstance(given, list) or not given:
        raise BadRequestData("entities must be an array of at least one entity selector.")
    return tuple(_selector(selector, f"entities[{n}]") for n, selector in enumerate(given))


def _selector(selector: Any, where: str) -> EntitySelector:
    if not isinstance(selector, dict):
        raise BadRequestData(f'{where} must be an object such as {{"type": "AirQualityObserved"}}.')
    types = selector.get("type")
    if not isinstance(types, str) or not types:
        raise BadRequestData(f'{where}.type must be an entity type or a selection of types; write "*" for any type.')
    id, pattern = selector.get("id"), selector.get("idPattern")
    if id is not None and not is_uri(id):
        raise BadRequestData(f"{where}.id {id!r} is no URI.")
    if pattern is not None and (not isinstance(pattern, str) or not pattern):
        raise BadRequestData(f"{where}.idPattern must be a regular expression.")
    return EntitySelector(None if types == "*" else parse_types(types, str), id, pattern)


def _triggers(kept: dict[str, Any]) -> frozenset[Trigger]:
    """entityUpdated stands for the three attribute triggers together (clause 5.2.12)."""
    given = _texts(kept, "notificationTrigger", "") or DEFAULT_TRIGGERS
    for trigger in given:
        if trigger not in TRIGGERS:
            raise BadRequestData(f"notificationTrigger {trigger!r} is unknown: use {', '.join(TRIGGERS)}.")
    found = set(given)
    if "entityUpdated" in found:
        found |= {"attributeCreated", "attributeUpdated", "attributeDeleted"}
    return frozenset(cast("set[Trigger]", found))


def _geo(kept: dict[str, Any]) -> GeoQuery | None:
    if "geoQ" not in kept:
        return None
    geo = _object(kept, "geoQ", "")
    for name in ("georel", "geometry", "coordinates"):
        if name not in geo:
            raise BadRequestData(f"geoQ.{name} is missing: a geoquery has georel, geometry and coordinates.")
    georel, geometry = _text(geo, "georel", "geoQ"), _text(geo, "geometry", "geoQ")
    return parse_geo(georel, geometry, geo["coordinates"], geo["geoproperty"])


def _format(notification: dict[str, Any]) -> Format:
    given = notification.get("format", "normalized")
    if not isinstance(given, str) or given not in FORMATS:
        raise BadRequestData(f"notification.format {given!r} is unknown: use {', '.join(FORMATS)}.")
    return FORMATS[given]


def _join(notification: dict[str, Any]) -> Join | None:
    """Whether entities that are linked to are told too, and where (clause 4.5.23); "@none" is the default."""
    given = notification.get("join", "@none")
    if given not in ("flat", "inline", "@none"):
        raise BadRequestData(f"notification.join {given!r} is unknown: use flat, inline or @none.")
    return None if given == "@none" else given


def _join_level(notification: dict[str, Any]) -> int:
    given = notification.get("joinLevel", 1)
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MAX_HOPS:
        raise BadRequestData(f"notification.joinLevel {given!r} must be a whole number from 1 to {MAX_HOPS}.")
    return given


def _dataset_ids(kept: dict[str, Any]) -> tuple[str, ...]:
    ids = _texts(kept, "datasetId", "")
    for id in ids:
        if id != "@none" and not is_uri(id):
            raise BadRequestData(f"datasetId {id!r} is no URI; the default instance is @none.")
    return ids


def _object(document: dict[str, Any], name: str, place: str) -> dict[str, Any]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise BadRequestData(f"{members.at(place, name)} must be an object.")
    return value


def _text(document: dict[str, Any], name: str, place: str) -> str:
    found = members.text(document, name, place)
    if found is None:
        raise BadRequestData(f"{members.at(place, name)} must be a text that is not empty.")
    return found


def _texts(document: dict[str, Any], name: str, place: str) -> tuple[str, ...]:
    """Absent is empty; an empty array is a fault (0 length is not allowed in any of them)."""
    return members.texts(document, name, place) or ()
