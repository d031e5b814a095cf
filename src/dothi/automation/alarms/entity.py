"""An alarm as the NGSI-LD entity of type Alert that keeps it: terms of the Smart Data Models where they exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dothi.automation.alarms.alarm import RANK, Act, Alarm
from dothi.model.attribute import NGSI_LD
from dothi.model.entity import VALUE_MEMBER, Attributes, Entity, Instance, instances
from dothi.model.instant import format_instant, parse_instant
from dothi.model.parse import Fragment
from dothi.model.values import NULL

_MODEL: Final = "https://smartdatamodels.org/dataModel.Alert/"
_ONTOLOGY: Final = "https://dothi.dev/ontology/"
_DCTERMS: Final = "http://purl.org/dc/terms/"

TYPE: Final = _MODEL + "Alert"

#: Field of an Alarm -> (IRI of its attribute, kind of the attribute). Times are DateTimes in the entity.
_PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    "severity": (_MODEL + "severity", "Property"),
    "active": (_ONTOLOGY + "active", "Property"),
    "acknowledged": (_ONTOLOGY + "acknowledged", "Property"),
    "source": (_MODEL + "alertSource", "Relationship"),
    "source_type": (_ONTOLOGY + "sourceType", "Property"),
    "source_name": (_ONTOLOGY + "sourceName", "JsonProperty"),
    "rule": (_ONTOLOGY + "rule", "Property"),
    "title": (_DCTERMS + "title", "LanguageProperty"),
    "description": (_DCTERMS + "description", "LanguageProperty"),
    "attribute": (_MODEL + "anomalousProperty", "Property"),
    "value": (_MODEL + "measuredValue", "Property"),
    "threshold": (_MODEL + "thresholdValue", "Property"),
    "unit": (_ONTOLOGY + "unitText", "Property"),
    "category": (_MODEL + "category", "Property"),
    "sub_category": (_MODEL + "subCategory", "Property"),
    "location": (NGSI_LD + "location", "GeoProperty"),
    "raised_at": (_MODEL + "dateIssued", "Property"),
    "cleared_at": (_ONTOLOGY + "clearedAt", "Property"),
    "acknowledged_at": (_ONTOLOGY + "acknowledgedAt", "Property"),
    "acknowledged_by": (_ONTOLOGY + "acknowledgedBy", "Property"),
    "assignee": (_ONTOLOGY + "assignee", "Property"),
    "shelved_until": (_ONTOLOGY + "shelvedUntil", "Property"),
    "count": (_ONTOLOGY + "occurrences", "Property"),
    "first_at": (_ONTOLOGY + "firstAt", "Property"),
    "last_at": (_ONTOLOGY + "lastAt", "Property"),
    "version": (_ONTOLOGY + "alarmVersion", "Property"),
    "last_act": (_ONTOLOGY + "lastAct", "JsonProperty"),
}
_TIMES: Final = frozenset({"raised_at", "cleared_at", "acknowledged_at", "shelved_until", "first_at", "last_at"})
_NEEDED: Final = ("severity", "active", "acknowledged", "rule", "title", "raised_at", "first_at", "last_at")

#: Attributes that only an alarm has: what tells it from the alerts of a timetable or a weather service.
ACTIVE: Final = _PROPERTIES["active"][0]
#: Its history is the audit.
ACT: Final = _PROPERTIES["last_act"][0]

#: Terms for the city's own @context: short name -> IRI.
TERMS: Final[Mapping[str, str]] = {
    iri.rpartition("/")[2]: iri for iri, _ in _PROPERTIES.values() if iri.startswith(_ONTOLOGY)
}


def alarm_of(entity: Entity) -> Alarm | None:
    """The alarm that an entity keeps, None where it is another kind of alert or lacks what every alarm has."""
    if TYPE not in entity.types or ACTIVE not in entity.attributes:
        return None
    found = {name: _read(name, entity.attributes.get(iri)) for name, (iri, _) in _PROPERTIES.items()}
    if any(found[name] is None for name in _NEEDED) or found["severity"] not in RANK:
        return None
    known = {name: value for name, value in found.items() if value is not None}
    try:
        return msgspec.convert({"id": entity.id, **known}, Alarm)
    except msgspec.ValidationError:
        return None


def act_of(value: Any) -> Act | None:
    """The act that a value of the attribute ACT tells."""
    try:
        return msgspec.convert(value, Act)
    except msgspec.ValidationError:
        return None


def draft(alarm: Alarm, now: int) -> Entity:
    """A new alarm as an entity that is not stored yet."""
    at = _moment(alarm, now)
    attributes: Attributes = {}
    for name, (iri, kind) in _PROPERTIES.items():
        value = getattr(alarm, name)
        if value is not None:
            attributes[iri] = _instance(name, kind, value, at)
    return Entity(alarm.id, (TYPE,), attributes)


def difference(old: Alarm, new: Alarm, now: int) -> Fragment:
    """What a write has to change of the entity; what is None now is deleted."""
    at = _moment(new, now)
    attributes: Attributes = {}
    for name, (iri, kind) in _PROPERTIES.items():
        value = getattr(new, name)
        if value == getattr(old, name):
            continue
        attributes[iri] = _null(kind) if value is None else _instance(name, kind, value, at)
    return Fragment(new.id, (TYPE,), attributes)


def _moment(alarm: Alarm, now: int) -> str:
    """The time under which the history keeps a write: the act's, so that acts of one instant stay apart."""
    return format_instant(max(now, alarm.last_act.at) if alarm.last_act else now)


def _instance(name: str, kind: str, value: Any, at: str) -> Instance:
    if name in _TIMES:
        value = format_instant(value)
    elif name in ("last_act", "source_name"):
        value = msgspec.to_builtins(value)
    elif kind in ("LanguageProperty", "GeoProperty"):
        value = dict(value)
    return {"type": kind, VALUE_MEMBER[kind]: value, "observedAt": at}


def _null(kind: str) -> Instance:
    value: Any = {"@none": NULL} if kind == "LanguageProperty" else NULL
    return {"type": kind, VALUE_MEMBER[kind]: value}


def _read(name: str, attribute: Instance | list[Instance] | None) -> Any:
    found = instances(attribute)
    if not found:
        return None
    value = found[0].get(VALUE_MEMBER.get(found[0].get("type", "Property"), "value"))
    if name not in _TIMES:
        return value
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None
