"""What stations send, as entities: Smart Data Models payloads in any form, and plain JSON of one reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from dothi.city.environment.entities import TYPES
from dothi.city.module import Feed, Text
from dothi.model.instant import EPOCH, format_instant, parse_instant
from dothi.model.reading import Decoded, Document, Trouble

_ATTRIBUTES: Final = {entity.name: {attr.name: attr for attr in entity.attributes} for entity in TYPES}
_TIMES: Final = ("dateObserved", "observationDateTime", "dateObservedTo")

#: Declared unit -> unit that may come instead -> factor. Milligrams are common for CO.
_FACTORS: Final[Mapping[str, Mapping[str, float]]] = {"GQ": {"GP": 1000.0}, "MTR": {"CMT": 0.01, "MMT": 0.001}}

#: Names that plain JSON devices use -> attribute and factor.
_ALIASES: Final[Mapping[str, tuple[str, float]]] = {
    "pm2_5": ("pm25", 1), "pm2.5": ("pm25", 1), "PM25": ("pm25", 1), "PM2.5": ("pm25", 1), "PM10": ("pm10", 1),
    "NO2": ("no2", 1), "SO2": ("so2", 1), "O3": ("o3", 1), "CO": ("co", 1), "temp": ("temperature", 1),
    "humidity": ("relativeHumidity", 0.01), "rain": ("precipitation", 1), "pressure": ("atmosphericPressure", 1),
    "laeq": ("LAeq", 1), "level": ("waterLevel", 1),
}  # fmt: skip


def decode_smart_data_models(message: bytes, address: str) -> Decoded:
    """One entity or a list of them, normalized or key-values, of the module's types.

    Measured attributes get `observedAt` from dateObserved where they have none, and the declared unit where the one
    given can be converted (CO in mg/m³). An attribute that is no number, or in another unit, is left out and told.
    """
    decoded = Decoded()
    for where, item in _objects(message, address, decoded.problems):
        kind = item.get("type")
        if not isinstance(kind, str) or kind not in _ATTRIBUTES:
            mend = "known here: " + ", ".join(_ATTRIBUTES)
            decoded.problems.append(Trouble(f"{where}/type", f"{kind!r} is no type of this feed", mend))
        elif not isinstance(item.get("id"), str) or ":" not in item["id"]:
            decoded.problems.append(
                Trouble(f"{where}/id", f"{item.get('id')!r} is no URI", "give an id like urn:ngsi-ld:" + kind + ":1")
            )
        else:
            decoded.entities.append(_entity(item, where, decoded.problems))
    return decoded


def decode_plain(message: bytes, address: str) -> Decoded:
    """One JSON object (or a list) of a station: id, time, lat, lon, name and its readings.

    `id` may be missing: the last part of the topic stands in. `time` is an ISO 8601 DateTime with a zone, or seconds or
    milliseconds since 1970. `humidity` is in percent, `relativeHumidity` from 0 to 1, all else in the units declared.
    The type is `type`, else the one that knows most of the readings.
    """
    decoded = Decoded()
    for where, item in _objects(message, address, decoded.problems):
        document = _reading(item, where, address, decoded.problems)
        if document is not None:
            decoded.entities.append(document)
    return decoded


def _objects(message: bytes, address: str, problems: list[Trouble]) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        content = msgspec.json.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        problems.append(Trouble(address, f"no JSON: {fault}", "send one JSON object or a list of objects"))
        return
    many = isinstance(content, list)
    for i, item in enumerate(content if isinstance(content, list) else [content]):
        where = f"{address}#/{i}" if many else f"{address}#"
        if isinstance(item, dict):
            yield where, item
        else:
            problems.append(Trouble(where, f"{type(item).__name__} instead of an object", "send JSON objects"))


def _entity(item: dict[str, Any], where: str, problems: list[Trouble]) -> Document:
    known = _ATTRIBUTES[item["type"]]
    observed = _observed_at(item)
    document: Document = {"id": item["id"], "type": item["type"]}
    for name, given in item.items():
        if name in ("id", "type", "@context", "scope"):
            continue
        instance = _instance(name, given)
        if name in known and known[name].unit:
            trouble = _measure(instance, known[name].unit_code, observed)
            if trouble:
                problems.append(Trouble(f"{where}/{name}", *trouble))
                continue
        document[name] = instance
    return document


def _instance(name: str, given: Any) -> dict[str, Any]:
    if isinstance(given, dict) and given.get("type") in ("Property", "Relationship", "GeoProperty"):
        return dict(given)
    if name == "location" and isinstance(given, dict):
        return {"type": "GeoProperty", "value": given}
    if name.startswith("ref") and isinstance(given, str) and ":" in given:
        return {"type": "Relationship", "object": given}
    if isinstance(given, dict) and "value" in given:
        return {**given, "type": "Property"}
    return {"type": "Property", "value": given}


def _measure(instance: dict[str, Any], unit: str | None, observed: str | None) -> tuple[str, str] | None:
    value = instance.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{value!r} is no number", "send a JSON number"
    given = instance.get("unitCode", unit)
    if given != unit:
        factor = _FACTORS.get(unit or "", {}).get(str(given))
        if factor is None:
            return f"unit {given!r} cannot be taken", f"send it in unitCode {unit}"
        instance["value"] = value * factor
    if unit:
        instance["unitCode"] = unit
    if observed and "observedAt" not in instance:
        instance["observedAt"] = observed
    return None


def _observed_at(item: Mapping[str, Any]) -> str | None:
    for name in _TIMES:
        given = item.get(name)
        while isinstance(given, dict):
            given = given.get("value", given.get("@value"))
        moment = _instant(given)
        if moment is not None:
            return moment
    return None


def _instant(given: Any) -> str | None:
    """A DateTime in UTC from ISO 8601 with a zone or from seconds or milliseconds since 1970, else None."""
    if isinstance(given, str):
        try:
            return format_instant(parse_instant(given))
        except ValueError:
            return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    seconds = given / 1000 if given > 1e11 else given
    return format_instant(round(seconds * 1_000_000)) if 0 < seconds < 4e9 else None


def _reading(item: dict[str, Any], where: str, address: str, problems: list[Trouble]) -> Document | None:
    moment = next((item[name] for name in ("time", "timestamp", "observedAt", "dateObserved") if name in item), None)
    observed = _instant(moment)
    if observed is None:
        mend = f"send time as an ISO 8601 DateTime with a zone, like {EPOCH:%Y}-01-31T08:00:00Z, or as seconds"
        problems.append(Trouble(f"{where}/time", f"{moment!r} is no moment", mend))
        return None
    values = {_ALIASES.get(name, (name, 1)): value for name, value in item.items()}
    kind = item.get("type") or _type_of({name for name, _ in values})
    if kind not in _ATTRIBUTES:
        problems.append(Trouble(where, "no reading of a known type", "send for example pm25, temperature or LAeq"))
        return None
    station = item.get("id") or item.get("station") or item.get("device") or address.rstrip("/").rsplit("/", 1)[-1]
    document: Document = {"id": _id(kind, str(station)), "type": kind} | _place(item, where, problems)
    document["dateObserved"] = {"type": "Property", "value": {"@type": "DateTime", "@value": observed}}
    for (name, factor), value in values.items():
        attribute = _ATTRIBUTES[kind].get(name)
        if attribute is None or name == "type":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.append(Trouble(f"{where}/{name}", f"{value!r} is no number", "send a JSON number"))
            continue
        document[name] = {"type": "Property", "value": value * factor if factor != 1 else value, "observedAt": observed}
        if attribute.unit_code:
            document[name]["unitCode"] = attribute.unit_code
    return document


def _type_of(names: set[str]) -> str | None:
    # Temperature alone is weather, although air quality stations have it too: of equals the later type wins.
    best = max(reversed(_ATTRIBUTES), key=lambda kind: len(names & _ATTRIBUTES[kind].keys()))
    return best if names & _ATTRIBUTES[best].keys() else None


def _id(kind: str, station: str) -> str:
    if station.startswith("urn:"):
        return station
    return f"urn:ngsi-ld:{kind}:" + "".join(c if c.isalnum() or c in "-_.:" else "-" for c in station)


def _place(item: Mapping[str, Any], where: str, problems: list[Trouble]) -> Document:
    found: Document = {}
    if isinstance(item.get("name"), str):
        found["name"] = {"type": "Property", "value": item["name"]}
    lat, lon = item.get("lat", item.get("latitude")), item.get("lon", item.get("lng", item.get("longitude")))
    if lat is None and lon is None:
        return found
    inside = isinstance(lat, int | float) and isinstance(lon, int | float) and -90 <= lat <= 90 and -180 <= lon <= 180
    if not inside:
        problems.append(Trouble(f"{where}/lat", f"{lat!r}, {lon!r} is no place", "lat -90 to 90, lon -180 to 180"))
        return found
    found["location"] = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}
    return found


FEEDS = (
    Feed(
        "smart-data-models",
        decode_smart_data_models,
        Text(
            "Bản tin Smart Data Models: một thực thể hoặc danh sách thực thể",
            "Smart Data Models payload: one entity or a list",
        ),
    ),
    Feed(
        "plain",
        decode_plain,
        Text("JSON đơn giản: mã trạm, thời gian, tọa độ và các số đo", "Plain JSON: station, time, place and readings"),
    ),
)
