"""An incident as the NGSI-LD entity of type Incident that keeps it, with relationships to alarms, reports and notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dothi.automation.incidents.incident import Act, Incident
from dothi.model.attribute import NGSI_LD
from dothi.model.entity import VALUE_MEMBER, Attributes, Entity, Instance, instances
from dothi.model.instant import format_instant, parse_instant
from dothi.model.parse import Fragment
from dothi.model.values import NULL

_ONTOLOGY: Final = "https://dothi.dev/ontology/"
_DCTERMS: Final = "http://purl.org/dc/terms/"

TYPE: Final = _ONTOLOGY + "Incident"
#: What an operator wrote down without being asked by an alarm: text, place, time.
NOTE: Final = _ONTOLOGY + "DeskNote"
NOTE_TEXT: Final = _DCTERMS + "description"
NOTED_BY: Final = _ONTOLOGY + "notedBy"
NOTED_AT: Final = _ONTOLOGY + "notedAt"
NOTE_CATEGORY: Final = _ONTOLOGY + "noteCategory"

#: Field of an Incident -> (IRI of its attribute, kind of the attribute). Times are DateTimes in the entity.
_PROPERTIES: Final[Mapping[str, tuple[str, str]]] = {
    "title": (_DCTERMS + "title", "LanguageProperty"),
    "state": (_ONTOLOGY + "incidentState", "Property"),
    "severity": (_ONTOLOGY + "incidentSeverity", "Property"),
    "category": (_ONTOLOGY + "incidentCategory", "Property"),
    "description": (_DCTERMS + "description", "Property"),
    "lessons": (_ONTOLOGY + "lessons", "Property"),
    "commander": (_ONTOLOGY + "commander", "Property"),
    "alarms": (_ONTOLOGY + "hasAlarm", "ListRelationship"),
    "reports": (_ONTOLOGY + "hasReport", "ListRelationship"),
    "notes": (_ONTOLOGY + "hasNote", "ListRelationship"),
    "tasks": (_ONTOLOGY + "tasks", "JsonProperty"),
    "area": (NGSI_LD + "location", "GeoProperty"),
    "drawn": (_ONTOLOGY + "areaDrawn", "Property"),
    "opened_at": (_ONTOLOGY + "openedAt", "Property"),
    "opened_by": (_ONTOLOGY + "openedBy", "Property"),
    "confirmed_at": (_ONTOLOGY + "confirmedAt", "Property"),
    "working_at": (_ONTOLOGY + "workingAt", "Property"),
    "contained_at": (_ONTOLOGY + "containedAt", "Property"),
    "closed_at": (_ONTOLOGY + "closedAt", "Property"),
    "merged_into": (_ONTOLOGY + "mergedInto", "Relationship"),
    "before_merge": (_ONTOLOGY + "stateBeforeMerge", "Property"),
    "version": (_ONTOLOGY + "incidentVersion", "Property"),
    "last_act": (_ONTOLOGY + "lastIncidentAct", "JsonProperty"),
}
_TIMES: Final = frozenset(("opened_at", "confirmed_at", "working_at", "contained_at", "closed_at"))
_LISTS: Final = frozenset(("alarms", "reports", "notes"))

#: Its history is the audit.
ACT: Final = _PROPERTIES["last_act"][0]

#: Terms for the city's own @context: short name -> IRI.
TERMS: Final[Mapping[str, str]] = {
    iri.rpartition("/")[2]: iri
    for iri in (TYPE, NOTE, NOTED_BY, NOTED_AT, NOTE_CATEGORY, *(iri for iri, _ in _PROPERTIES.values()))
    if iri.startswith(_ONTOLOGY)
}


def incident_of(entity: Entity) -> Incident | None:
    """The incident that an entity keeps; None where it is none or lacks what every incident has."""
    if TYPE not in entity.types:
        return None
    found = {name: _read(name, entity.attributes.get(iri)) for name, (iri, _) in _PROPERTIES.items()}
    known = {name: value for name, value in found.items() if value is not None}
    try:
        return msgspec.convert({"id": entity.id, **known}, Incident)
    except msgspec.ValidationError:
        return None


def act_of(value: Any) -> Act | None:
    """The act that a value of the attribute ACT tells."""
    try:
        return msgspec.convert(value, Act)
    except msgspec.ValidationError:
        return None


def draft(incident: Incident) -> Entity:
    """A new incident as an entity that is not stored yet."""
    attributes: Attributes = {}
    for name, (iri, kind) in _PROPERTIES.items():
        value = getattr(incident, name)
        if value is not None and value != ():
            attributes[iri] = _instance(name, kind, value, incident)
    return Entity(incident.id, (TYPE,), attributes)


def difference(old: Incident, new: Incident) -> Fragment:
    """What a write has to change of the entity; what is None or empty now is deleted."""
    attributes: Attributes = {}
    for name, (iri, kind) in _PROPERTIES.items():
        value = getattr(new, name)
        if value != getattr(old, name):
            gone = value is None or value == ()
            attributes[iri] = _null(kind) if gone else _instance(name, kind, value, new)
    return Fragment(new.id, (TYPE,), attributes)


def note_entity(id: str, text: str, by: str, at: int, location: Mapping[str, Any] | None, category: str) -> Entity:
    """A note of the desk as an entity."""
    moment = format_instant(at)
    attributes: Attributes = {
        NOTE_TEXT: {"type": "Property", "value": text, "observedAt": moment},
        NOTED_BY: {"type": "Property", "value": by, "observedAt": moment},
        NOTED_AT: {"type": "Property", "value": moment, "observedAt": moment},
        NOTE_CATEGORY: {"type": "Property", "value": category, "observedAt": moment},
    }
    if location is not None:
        attributes[NGSI_LD + "location"] = {"type": "GeoProperty", "value": dict(location), "observedAt": moment}
    return Entity(id, (NOTE,), attributes)


def _instance(name: str, kind: str, value: Any, incident: Incident) -> Instance:
    # The act's own microsecond, so that acts of one instant stay apart in the history.
    at = incident.last_act.at if incident.last_act else incident.opened_at
    if name in _TIMES:
        value = format_instant(value)
    elif name in _LISTS:
        value = list(value)
    elif kind == "JsonProperty":
        value = msgspec.to_builtins(value)
    elif kind in ("LanguageProperty", "GeoProperty"):
        value = dict(value)
    return {"type": kind, VALUE_MEMBER[kind]: value, "observedAt": format_instant(at)}


def _null(kind: str) -> Instance:
    value: Any = [NULL] if kind == "ListRelationship" else {"@none": NULL} if kind == "LanguageProperty" else NULL
    return {"type": kind, VALUE_MEMBER[kind]: value}


def _read(name: str, attribute: Instance | list[Instance] | None) -> Any:
    found = instances(attribute)
    if not found:
        return None
    value = found[0].get(VALUE_MEMBER.get(found[0].get("type", "Property"), "value"))
    if name in _LISTS:
        return list(value or ())
    if name not in _TIMES:
        return value
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None
