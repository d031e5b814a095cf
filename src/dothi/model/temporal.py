"""Writes the past of an entity as JSON: instance by instance, as values over time, or aggregated over periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol

from dothi.model.attribute import Naming
from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.instant import format_instant
from dothi.model.language import in_language
from dothi.model.patch import SCOPE
from dothi.model.query import AggregateMethod, TimeProperty
from dothi.model.represent import NORMALIZED, Representation, concise, normalized, one_or_list, simplified
from dothi.model.values import NULL

TemporalFormat = Literal["normalized", "concise", "temporalValues"]

#: Member that holds a value -> the member that holds values over time (clause 4.5.9).
OVER_TIME: Final = {
    "value": "values", "object": "objects", "languageMap": "languageMaps", "vocab": "vocabs", "json": "jsons",
    "valueList": "valueLists", "objectList": "objectLists",
}  # fmt: skip

_PLAIN: Final = frozenset(
    ("type", "value", "observedAt", "unitCode", "datasetId", "instanceId", "createdAt", "modifiedAt")
)

#: The NGSI-LD Null of each kind that does not take it as it is (clause 4.5.0).
_NULLS: Final[Mapping[str, Any]] = {"languageMap": {"@none": NULL}, "valueList": [NULL], "objectList": [NULL]}


#: Members that only sysAttrs shows (clause 6.3.11).
_SYSTEM: Final = frozenset(("createdAt", "modifiedAt", "expiresAt"))


class Past(Protocol):
    """What storage keeps of an entity's past (storage.store.History); times in microseconds."""

    @property
    def id(self) -> str: ...
    @property
    def types(self) -> tuple[str, ...]: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def created(self) -> int | None: ...
    @property
    def modified(self) -> int | None: ...
    @property
    def attributes(self) -> Mapping[str, Sequence[Instance]]: ...
    @property
    def deleted(self) -> int | None: ...


class Period(Protocol):
    """One aggregation period (storage.store.Bucket): microseconds, and a value per method, None where undefined."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def values(self) -> Mapping[AggregateMethod, Any]: ...


def represent_history(
    past: Past,
    context: Naming,
    how: Representation = NORMALIZED,
    *,
    form: TemporalFormat = "normalized",
    time: TimeProperty = "observedAt",
) -> dict[str, Any]:
    """The past of an entity (clauses 4.5.6 to 4.5.9), without @context.

    normalized and concise: each attribute is an array of instances in the order of `past`, deleted ones with the
    NGSI-LD Null and deletedAt; createdAt and modifiedAt with sys_attrs or where they are the time property.
    temporalValues: each attribute is {"type", "values": [[value, time], ...]}, one such object for each datasetId.
    An instance without observedAt is at the time of its recording.
    """
    out = _head(past, context, how, form, time)
    for iri, found in past.attributes.items():
        if iri == SCOPE or not how.shows(iri):
            continue
        if form == "normalized" and how.is_whole and not how.sys_attrs and time == "observedAt":
            whole = [plain(each) for each in found]
            if None not in whole:
                out[context.compact(iri)] = whole
                continue
        several = [_completed(each) for each in found if _is_wanted(each, how)]
        if how.lang:
            several = [in_language(each, how.lang) for each in several]
        if not several:
            continue
        name = context.compact(iri)
        if form == "temporalValues":
            out[name] = _values(several, context, time)
        elif form == "concise":
            out[name] = [concise(_timed(each, how, time), context, True, alone=False) for each in several]
        else:
            out[name] = [normalized(_timed(each, how, time), context, True) for each in several]
    return out


def plain(instance: Instance) -> Instance | None:
    """What is shown of an instance that has nothing to expand, complete or leave out but its times; else None."""
    if not instance.keys() <= _PLAIN or instance["type"] not in ("Property", "GeoProperty") or "value" not in instance:
        return None
    shown = instance.copy()
    shown.pop("createdAt", None)
    shown.pop("modifiedAt", None)
    return shown


def represent_aggregates(
    past: Past,
    aggregates: Mapping[str, Sequence[Period]],
    methods: Sequence[AggregateMethod],
    context: Naming,
    how: Representation = NORMALIZED,
    kinds: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The aggregated temporal representation (clause 4.5.19): {"type", "avg": [[value, start, end], ...], ...}.

    `kinds` tells the kind of an attribute by its IRI, Property where it tells none. Periods in which a method is
    undefined are left out of its array.
    """
    out = _head(past, context, how, "temporalValues", "observedAt")
    for iri, periods in aggregates.items():
        if not how.shows(iri):
            continue
        body: dict[str, Any] = {"type": (kinds or {}).get(iri, "Property")}
        spans = [(format_instant(period.start), format_instant(period.end)) for period in periods]
        for method in methods:
            body[method] = [
                [period.values[method], start, end]
                for period, (start, end) in zip(periods, spans, strict=True)
                if period.values.get(method) is not None
            ]
        out[context.compact(iri)] = body
    return out


def _head(past: Past, context: Naming, how: Representation, form: TemporalFormat, time: TimeProperty) -> dict[str, Any]:
    head: dict[str, Any] = {"id": past.id, "type": one_or_list([context.compact(each) for each in past.types])}
    if how.shows("scope") and (scope := _scope(past, how, form, time)) is not None:
        head["scope"] = scope
    for member, micros in (("createdAt", past.created), ("modifiedAt", past.modified)):
        if how.sys_attrs and micros is not None:
            head[member] = format_instant(micros)
    if past.deleted is not None and (how.sys_attrs or time == "deletedAt"):
        head["deletedAt"] = format_instant(past.deleted)
    return {member: item for member, item in head.items() if how.shows(member)}


def _scope(past: Past, how: Representation, form: TemporalFormat, time: TimeProperty) -> Any:
    """The scope as a Property over time (clause 4.5.6); what was set through the core API was observed then."""
    found = past.attributes.get(SCOPE)
    if found is None:
        if not past.scopes or time == "deletedAt":
            return None
        at = past.modified or past.created or 0
        found = [{"type": "Property", "value": list(past.scopes), "createdAt": at, "modifiedAt": at}]
    several = [_scope_instance(each, how, time) for each in found]
    if not several:
        return None
    if form == "temporalValues":
        return {"type": "Property", "values": [[each["value"], _time_of(each, time)] for each in several]}
    return [{key: item for key, item in each.items() if key != "type" or form == "normalized"} for each in several]


def _scope_instance(instance: Instance, how: Representation, time: TimeProperty) -> dict[str, Any]:
    """Non-reified temporal Properties are all that a scope may have (clause 4.5.6)."""
    shown: dict[str, Any] = {"type": "Property", "value": one_or_list(instance["value"])}
    if "deletedAt" in instance:
        shown["deletedAt"] = format_instant(instance["deletedAt"])
    elif "observedAt" in instance:
        shown["observedAt"] = instance["observedAt"]
    else:
        shown["observedAt"] = format_instant(instance["modifiedAt"])
    for member in ("createdAt", "modifiedAt"):
        if (how.sys_attrs or time == member) and member in instance:
            shown[member] = format_instant(instance[member])
    return shown


def _is_wanted(instance: Instance, how: Representation) -> bool:
    return not how.dataset_ids or instance.get("datasetId", "@none") in how.dataset_ids


def _completed(instance: Instance) -> Instance:
    """A deleted instance with the NGSI-LD Null of its kind; others as they are."""
    holder = VALUE_MEMBER[instance["type"]]
    if "deletedAt" in instance and instance.get(holder) is None:
        return {**instance, holder: _NULLS.get(holder, NULL)}
    return instance


def _timed(instance: Instance, how: Representation, time: TimeProperty) -> Instance:
    """The instance with just those system times that are asked for."""
    if how.sys_attrs:
        return instance
    return {key: item for key, item in instance.items() if key not in _SYSTEM or key == time}


def _values(several: list[Instance], context: Naming, time: TimeProperty) -> Any:
    series: dict[tuple[str, str | None], dict[str, Any]] = {}
    for instance in several:
        kind, dataset = instance["type"], instance.get("datasetId")
        member = OVER_TIME[VALUE_MEMBER[kind]]
        body = series.get((kind, dataset))
        if body is None:
            body = series[kind, dataset] = {"type": kind, **({"datasetId": dataset} if dataset else {}), member: []}
        body[member].append([simplified(instance, context), _time_of(instance, time)])
    bodies = list(series.values())
    return bodies if len(bodies) > 1 else bodies[0]


def _time_of(instance: Instance, time: TimeProperty) -> str:
    """The asked time of an instance; where it has none, when it was deleted or recorded."""
    for member in (time, "deletedAt", "modifiedAt", "createdAt", "observedAt"):
        found = instance.get(member)
        if found is not None:
            return format_instant(found) if isinstance(found, int) else str(found)
    return ""
