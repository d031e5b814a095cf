"""What can be asked of registrations (GS CIM 009 clause 5.10.2), and which of them answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast, get_args

import msgspec

from dothi.model import members
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData
from dothi.model.geo import LOCATION
from dothi.model.match import compile_query
from dothi.model.query import GeoQuery, Query, Selection, TimeProperty, Window
from dothi.model.registration import Coverage, Interval, Registration, covering
from dothi.model.relation import GeoTest
from dothi.model.selection import names, select_scopes
from dothi.model.subscription import EntitySelector, Subscription

#: The IRI of a member of the core context.
CORE: Final = "https://uri.etsi.org/ngsi-ld/"
DEFAULT: Final = "https://uri.etsi.org/ngsi-ld/default-context/"

RegistrationTest = Callable[[Registration], bool]


class SourceQuery(msgspec.Struct, frozen=True):
    """Which registrations: every given part must hold. Names are IRIs.

    `filters` are context source queries (the parameters q and csf). Without `window` only sources of the latest
    information count, that is those without a time interval.
    """

    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    types: Selection | None = None
    attributes: tuple[str, ...] = ()
    filters: tuple[Query, ...] = ()
    geo: GeoQuery | None = None
    scope: Selection | None = None
    window: Window | None = None


#: What a registration answers of a query at an instant, or None.
SourceMatch = Callable[[Registration, int], Coverage | None]


def compile_sources(query: SourceQuery) -> SourceMatch:
    """The query as a function of a registration and the instant in microseconds (clause 5.10.2.4)."""
    tests = [compile_filter(q) for q in query.filters]
    if query.geo is not None:
        tests.append(_place(query.geo))
    if query.scope is not None:
        chosen = select_scopes(query.scope)
        tests.append(lambda registration: chosen(registration.scopes))
    tests.append(_time(query.window))
    types = tuple(names(query.types)) if query.types is not None else ()

    def match(registration: Registration, now: int) -> Coverage | None:
        found = covering(
            registration,
            None,
            now=now,
            ids=query.ids,
            id_pattern=query.id_pattern,
            types=types,
            attributes=query.attributes,
        )
        return found if found is not None and all(test(registration) for test in tests) else None

    return match


def compile_filter(query: Query) -> RegistrationTest:
    """A context source filter (csf, clause 4.9) as a test of registrations: it looks at their members by name."""
    holds = compile_query(query)
    return lambda registration: holds(_as_entity(registration))


def may_have(registration: Registration, geo: GeoQuery | None = None, window: Window | None = None) -> bool:
    """Whether a source may have entities at a place and in a time: what it says of neither it may have (4.3.6.1).

    A location that meets the geometry asked for may have an entity within it; to lie apart, or farther away than a
    distance, no location is too small.
    """
    location = registration.location
    if geo is not None and geo.property == LOCATION and location is not None:
        apart = geo.relation == "disjoint" or geo.min_distance is not None
        meets = geo if geo.max_distance is not None else replace(geo, relation="intersects")
        if not apart and not GeoTest(meets).geometry(location):
            return False
    if window is None:
        return True
    observed = window.property == "observedAt"
    interval = registration.observation_interval if observed else registration.management_interval
    return interval is None or _overlaps(interval, window)


def _as_entity(registration: Registration) -> Entity:
    """The members of a registration in the place of attributes, under the names that contexts expand them to."""
    attributes: dict[str, Any] = {}
    for name, value in registration.document.items():
        instance = {"type": "Property", "value": value}
        if name in registration.other:
            is_attribute = isinstance(value, dict) and value.get("type") == "Property" and "value" in value
            attributes[name] = value if is_attribute else instance
        else:
            attributes[CORE + name] = attributes[DEFAULT + name] = attributes[name] = instance
    return Entity(
        registration.id,
        ("ContextSourceRegistration",),
        attributes,
        registration.scopes,
        registration.created,
        registration.modified,
        registration.expires,
    )


def _place(geo: GeoQuery) -> RegistrationTest:
    """A registration without the geometry that is asked for does not match (clause 5.10.2.4)."""
    holds = GeoTest(geo).geometry

    def test(registration: Registration) -> bool:
        name = geo.property.removeprefix(CORE)
        geometry: Any = {
            "location": registration.location,
            "observationSpace": registration.observation_space,
            "operationSpace": registration.operation_space,
        }.get(name, registration.other.get(geo.property))
        return isinstance(geometry, dict) and "coordinates" in geometry and holds(geometry)

    return test


def _time(window: Window | None) -> RegistrationTest:
    """observedAt is held against the observation interval, every other time against the management interval."""
    if window is None:
        return lambda registration: (
            registration.observation_interval is None and registration.management_interval is None
        )

    def test(registration: Registration) -> bool:
        observed = window.property == "observedAt"
        interval = registration.observation_interval if observed else registration.management_interval
        return interval is not None and _overlaps(interval, window)

    return test


def _overlaps(interval: Interval, window: Window) -> bool:
    start, end = interval
    return (window.end is None or start < window.end) and (window.start is None or end is None or end >= window.start)


def read_window(temporal: dict[str, Any], place: str = "") -> Window:
    """The window of a temporal query (clauses 4.11 and 5.2.21): timerel, timeAt, endTimeAt, timeproperty.

    Raises BadRequestData naming the member.
    """
    property = temporal.get("timeproperty", "observedAt")
    if property not in get_args(TimeProperty):
        raise BadRequestData(
            f"{members.at(place, 'timeproperty')} {property!r} is unknown: use {', '.join(get_args(TimeProperty))}."
        )
    relation = temporal.get("timerel")
    if relation not in ("before", "after", "between"):
        raise BadRequestData(f"{members.at(place, 'timerel')} {relation!r} is unknown: use before, after or between.")
    at, end = (members.instant(temporal, name, place) for name in ("timeAt", "endTimeAt"))
    if at is None or (relation == "between" and end is None):
        missing = "timeAt" if at is None else "endTimeAt"
        raise BadRequestData(f"{members.at(place, missing)} is missing: timerel {relation} needs it.")
    if relation == "before":
        return Window(end=at, property=cast(TimeProperty, property))
    if relation == "between" and cast(int, end) < at:
        raise BadRequestData(f"{members.at(place, 'endTimeAt')} lies before timeAt: change them round.")
    return Window(start=at, end=end if relation == "between" else None, property=cast(TimeProperty, property))


def compile_watch(subscription: Subscription, csf: Query | None) -> SourceMatch:
    """Which registrations a subscription to registrations is about (clause 5.11.7), as `compile_sources`.

    `csf` is its context source filter, parsed; its q is held against context source properties as well.
    """
    temporal = subscription.kept.get("temporalQ")
    if temporal is not None and not isinstance(temporal, dict):
        raise BadRequestData("temporalQ must be an object with timerel and timeAt.")
    selectors = subscription.entities or (EntitySelector(types=None),)
    matches = [
        compile_sources(
            SourceQuery(
                ids=(selector.id,) if selector.id is not None else (),
                id_pattern=selector.id_pattern if selector.id is None else None,
                types=selector.types,
                attributes=tuple(sorted(subscription.watched)),
                filters=tuple(query for query in (subscription.q, csf) if query is not None),
                geo=subscription.geo,
                scope=subscription.scope,
                window=read_window(temporal, "temporalQ") if temporal is not None else None,
            )
        )
        for selector in selectors
    ]

    def match(registration: Registration, now: int) -> Coverage | None:
        found = [coverage for each in matches if (coverage := each(registration, now)) is not None]
        if not found:
            return None
        parts = tuple(dict.fromkeys(part for coverage in found for part in coverage.parts))
        return Coverage(registration, parts, tuple(sorted({at for coverage in found for at in coverage.positions})))

    return match
