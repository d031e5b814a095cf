"""An incident as a Common Alerting Protocol 1.2 alert (OASIS Standard, 1 July 2010), in Vietnamese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Literal
from xml.etree import ElementTree

from dothi.automation.incidents.evidence import middle
from dothi.automation.incidents.incident import Incident
from dothi.automation.incidents.similarity import fold
from dothi.automation.incidents.words import KINDS, STATES
from dothi.model.instant import EPOCH, MICROSECOND

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"

CapStatus = Literal["Actual", "Exercise", "System", "Test", "Draft"]

#: Vietnam keeps UTC+07:00 all year. CAP wants an offset and no Z (section 3.3.2).
ZONE: Final = timezone(timedelta(hours=7))
#: How long a message of an open incident holds before it must be sent again.
VALID: Final = timedelta(hours=6)

_CATEGORY: Final[Mapping[str, str]] = {
    "flood": "Met", "fire": "Fire", "air": "Env", "power": "Infra", "traffic": "Transport", "water": "Infra",
    "network": "Infra", "waste": "Env", "tree": "Safety",
}  # fmt: skip
_SEVERITY: Final[Mapping[str, str]] = {
    "critical": "Extreme", "major": "Severe", "minor": "Moderate", "advisory": "Minor",
}  # fmt: skip
_URGENCY: Final[Mapping[str, str]] = {
    "new": "Unknown", "confirmed": "Immediate", "working": "Immediate", "contained": "Expected", "closed": "Past",
    "merged": "Past",
}  # fmt: skip
_CERTAINTY: Final[Mapping[str, str]] = {"new": "Possible"}
_RESPONSE: Final[Mapping[str, str]] = {"new": "Monitor", "closed": "AllClear", "merged": "None"}
_LANGUAGES: Final = (("vi", "vi-VN"), ("en", "en-GB"))
#: What identifier and sender may not hold: spaces, commas, < and & (section 3.2.1).
_UNFIT: Final = re.compile(r"[\s,<&]+")


def cap_alert(incident: Incident, city: Mapping[str, str], now: int, status: CapStatus = "Actual") -> bytes:
    """The XML document. `city` is the name of the city in both languages; `now` (microseconds) is when it is sent."""
    ElementTree.register_namespace("", NAMESPACE)
    alert = ElementTree.Element(_tag("alert"))
    _add(alert, "identifier", _UNFIT.sub("-", f"{incident.id}:{incident.version}"))
    _add(alert, "sender", sender(city))
    _add(alert, "sent", moment(now))
    _add(alert, "status", status)
    _add(alert, "msgType", "Alert")
    _add(alert, "scope", "Public")
    _add(alert, "incidents", _UNFIT.sub("-", incident.id))
    for language, tag in _LANGUAGES:
        _add_info(alert, incident, city, now, language, tag)
    ElementTree.indent(alert)
    found: bytes = ElementTree.tostring(alert, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def sender(city: Mapping[str, str]) -> str:
    """Who sends, without what CAP forbids in a sender: "binh-duong@dothi"."""
    name = re.sub(r"[^a-z0-9]+", "-", fold(city.get("en") or city.get("vi") or "")).strip("-")
    return f"{name or 'city'}@dothi"


def moment(micros: int) -> str:
    """An instant as CAP writes it: seconds, and the offset of Vietnam."""
    found: datetime = (EPOCH + MICROSECOND * micros).astimezone(ZONE)
    return found.isoformat(timespec="seconds")


def _add_info(
    alert: ElementTree.Element, incident: Incident, city: Mapping[str, str], now: int, language: str, tag: str
) -> None:
    kind = KINDS.get(incident.category, KINDS["other"])
    info = ElementTree.SubElement(alert, _tag("info"))
    _add(info, "language", tag)
    _add(info, "category", _CATEGORY.get(incident.category, "Other"))
    _add(info, "event", kind[language])
    _add(info, "responseType", _RESPONSE.get(incident.state, "Monitor"))
    _add(info, "urgency", _URGENCY[incident.state])
    _add(info, "severity", _SEVERITY[incident.severity])
    _add(info, "certainty", _CERTAINTY.get(incident.state, "Observed"))
    _add(info, "effective", moment(now))
    _add(info, "onset", moment(incident.opened_at))
    if incident.is_open():
        _add(info, "expires", moment(now + VALID // MICROSECOND))
    _add(info, "senderName", city.get(language) or sender(city))
    title = incident.title.get(language) or next(iter(incident.title.values()), kind[language])
    _add(info, "headline", title[:160])
    _add(info, "description", incident.description or title)
    for name, value in (
        ("state", STATES[incident.state][language]),
        ("alarms", str(len(incident.alarms))),
        ("reports", str(len(incident.reports))),
    ):
        parameter = ElementTree.SubElement(info, _tag("parameter"))
        _add(parameter, "valueName", name)
        _add(parameter, "value", value)
    _add_area(info, incident, city, language)


def _add_area(info: ElementTree.Element, incident: Incident, city: Mapping[str, str], language: str) -> None:
    area = ElementTree.SubElement(info, _tag("area"))
    _add(area, "areaDesc", _described(incident, city, language))
    for ring in _rings(incident.area):
        _add(area, "polygon", " ".join(f"{lat:.5f},{lon:.5f}" for lon, lat in ring))


def _described(incident: Incident, city: Mapping[str, str], language: str) -> str:
    place = city.get(language) or city.get("vi") or ""
    point = middle(incident.area) if incident.area else None
    if point is None:
        return place or incident.id
    around = {"vi": "quanh", "en": "around"}[language]
    return f"{place}, {around} {point[1]:.4f}, {point[0]:.4f}".strip(", ")


def _rings(area: Mapping[str, Any] | None) -> list[list[tuple[float, float]]]:
    """Outer borders as (lon, lat), each closed; CAP knows no holes (section 3.2.4)."""
    if area is None or area["type"] not in ("Polygon", "MultiPolygon"):
        return []
    parts = [area["coordinates"]] if area["type"] == "Polygon" else area["coordinates"]
    rings = [[(float(each[0]), float(each[1])) for each in part[0]] for part in parts]
    return [ring if ring[0] == ring[-1] else [*ring, ring[0]] for ring in rings if len(ring) >= 3]


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _add(parent: ElementTree.Element, name: str, text: str) -> None:
    # XML 1.0 cannot hold most control characters.
    ElementTree.SubElement(parent, _tag(name)).text = "".join(c for c in text if c >= " " or c in "\n\t")
