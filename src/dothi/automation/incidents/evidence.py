"""What may belong to an incident, read from entities: alarms, citizens' reports (Open311 style), notes of the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import shapely

from dothi.automation.alarms.alarm import Severity, Words
from dothi.automation.alarms.entity import TYPE as ALERT
from dothi.automation.alarms.entity import alarm_of
from dothi.automation.incidents.entity import NOTE, NOTE_CATEGORY, NOTE_TEXT, NOTED_AT, NOTED_BY
from dothi.automation.incidents.incident import MemberKind
from dothi.automation.incidents.similarity import fold
from dothi.model.aliases import Aliases
from dothi.model.attribute import NGSI_LD
from dothi.model.entity import VALUE_MEMBER, Entity, instances
from dothi.model.instant import parse_instant

#: Short names of the types that a citizen's report may have.
REPORT_TYPES: Final = ("ServiceRequest", "Open311ServiceRequest")

_TITLES: Final = ("title", "name", "service_name", "serviceName")
_TEXTS: Final = ("description", "comments")
_TIMES: Final = ("requested_datetime", "requestedDatetime", "dateCreated", "dateObserved", "dateIssued")
_CATEGORIES: Final = ("category", "service_code", "serviceCode", "subCategory", "service_name")
_PLACES: Final = ("address", "address_string")

#: Kind of incident -> folded words that tell it; the first that is found counts.
TELLING: Final[Mapping[str, tuple[str, ...]]] = {
    "flood": ("ngap", "flood", "trieu cuong", "nuoc dang", "nuoc tran", "waterlog", "water level", "muc nuoc",
              "cong thoat"),
    "fire": ("chay", "fire", "khoi", "smoke", "no lon", "explosion"),
    "air": ("khong khi", "air", "bui min", "pm2", "pm10", "aqi", "o nhiem", "pollution"),
    "power": ("mat dien", "power", "cup dien", "electric", "dien luc", "tram bien ap"),
    "traffic": ("giao thong", "traffic", "ket xe", "tai nan", "accident", "xe buyt", "bus", "vehicle"),
    "water": ("nuoc sach", "be ong", "water supply", "ong nuoc"),
    "network": ("wifi", "wi-fi", "mang", "network", "access point", "mat tin hieu", "offline"),
    "waste": ("rac", "waste", "garbage"),
    "tree": ("cay do", "cay nga", "fallen tree"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """One alarm, report or note. `at` is in microseconds, `point` (lon, lat); `kind_of` is a kind of incident or ""."""

    id: str
    kind: MemberKind
    title: Words
    text: str
    at: int
    point: tuple[float, float] | None
    category: str
    severity: Severity | None = None
    source: str | None = None
    by: str | None = None
    open: bool = True
    ended: int | None = None


def evidence_of(entity: Entity, names: Aliases) -> Evidence | None:
    """What an entity tells; None where it is of no such type."""
    if ALERT in entity.types:
        return _alarm(entity)
    if NOTE in entity.types:
        return _note(entity)
    if any(iri in entity.types for name in REPORT_TYPES for iri in names.iris(name)):
        return _report(entity, names)
    return None


def telling(text: str) -> str:
    """The kind of incident of which a text speaks, "" where it does not say."""
    folded = f" {fold(text)} "
    return next((kind for kind, words in TELLING.items() if any(f" {word}" in folded for word in words)), "")


def middle(geometry: Any) -> tuple[float, float] | None:
    """A point (lon, lat) inside a GeoJSON geometry; None where it is none."""
    if not isinstance(geometry, Mapping) or "type" not in geometry:
        return None
    if geometry["type"] == "Point":
        lon, lat = geometry["coordinates"][:2]
        return float(lon), float(lat)
    point = shapely.from_geojson(_json(geometry)).representative_point()
    return (point.x, point.y) if not point.is_empty else None


def _alarm(entity: Entity) -> Evidence | None:
    alarm = alarm_of(entity)
    if alarm is None:
        return None
    name = alarm.source_name
    named = " ".join(name.values()) if isinstance(name, Mapping) else (name or "")
    text = f"{alarm.title.get('vi', '')} {named} {(alarm.description or {}).get('vi', '')}"
    spoken = " ".join(
        filter(None, (alarm.category, alarm.sub_category, *alarm.title.values(), alarm.rule, alarm.attribute))
    )
    return Evidence(
        id=entity.id,
        kind="alarm",
        title=alarm.title,
        text=text,
        at=alarm.raised_at,
        point=middle(alarm.location),
        category=telling(f"{spoken} {alarm.source_type or ''}"),
        severity=alarm.severity,
        source=alarm.source,
        open=alarm.active,
        ended=alarm.cleared_at,
    )


def _note(entity: Entity) -> Evidence:
    text = str(_value(entity, (NOTE_TEXT,)) or "")
    kind = str(_value(entity, (NOTE_CATEGORY,)) or "") or telling(text)
    by = _value(entity, (NOTED_BY,))
    return Evidence(
        id=entity.id,
        kind="note",
        title=_both(text[:120]),
        text=text,
        at=_time(_value(entity, (NOTED_AT,))) or entity.created,
        point=middle(_value(entity, (NGSI_LD + "location",))),
        category=kind,
        by=None if by is None else str(by),
    )


def _report(entity: Entity, names: Aliases) -> Evidence:
    def first(terms: Sequence[str]) -> Any:
        return next((value for term in terms if (value := _value(entity, names.iris(term)))), None)

    text, title = _words(first(_TEXTS)), _words(first(_TITLES))
    category = _words(first(_CATEGORIES))
    said = f"{title} {text} {_words(first(_PLACES))}".strip()
    at = _time(first(_TIMES)) or entity.created
    return Evidence(
        id=entity.id,
        kind="report",
        title=_both((title or text or entity.id)[:120]),
        text=said,
        at=at,
        point=middle(_value(entity, (NGSI_LD + "location",))),
        category=telling(f"{category} {said}"),
    )


def _value(entity: Entity, iris: Sequence[str]) -> Any:
    for iri in iris:
        found = instances(entity.attributes.get(iri))
        if found:
            return found[0].get(VALUE_MEMBER.get(found[0].get("type", "Property"), "value"))
    return None


def _words(value: Any) -> str:
    """A text, or what a map of languages, an address or a list says, as one text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return " ".join(_words(each) for each in value.values())
    if isinstance(value, list):
        return " ".join(_words(each) for each in value)
    return "" if value is None else str(value)


def _time(value: Any) -> int | None:
    if isinstance(value, Mapping):
        value = value.get("@value")
    try:
        return parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _both(text: str) -> Words:
    return {"vi": text, "en": text}


def _json(geometry: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(geometry)).decode()
