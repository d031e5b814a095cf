"""Decoders of device messages into entities: plain JSON, and Smart Data Models payloads. Pure; they never raise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from dothi.connectors import places
from dothi.connectors.keyvalues import normalized
from dothi.connectors.names import NO_ATTRIBUTES, attribute_name, id_part
from dothi.connectors.ngsild import take_context
from dothi.connectors.topics import wildcards
from dothi.model.instant import format_instant, parse_instant
from dothi.model.reading import Decoded, Document, Trouble
from dothi.model.values import is_uri

Decode = Callable[[bytes, str], Decoded]

_TIMES: Final = ("observedAt", "time", "timestamp", "ts", "datetime", "dateObserved")
_LATS: Final = ("lat", "latitude")
_LONS: Final = ("lon", "lng", "long", "longitude")
_FIELD = re.compile(r"\{([^{}]*)\}")
#: Seconds since 1970 stay below this until 2286; larger numbers are milliseconds, microseconds or nanoseconds.
_SECONDS: Final = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the messages of a topic filter become entities.

    `id` is a template: {1}, {2} ... stand for the wildcards of `pattern`, {name} or {name.inner} for members of the
    message. It may be left out where the message has a URI as id, or an id and `type`.
    """

    pattern: str = "#"
    type: str | None = None
    id: str | None = None


class Unfit(ValueError):
    """A message that cannot become an entity; `mend` says what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def json_feed(recipe: Recipe) -> Decode:
    """Plain JSON: an object (or a list of objects) of readings, or a bare value that the topic's last level names.

    `time`, `timestamp`, `ts` ... (ISO 8601 with a zone, or a number since 1970) become observedAt, `lat` and `lon`
    become location, all other members become Properties.
    """

    def decode(message: bytes, topic: str) -> Decoded:
        return decode_items(message, topic, lambda item: plain_entity(item, topic, recipe))

    return decode


def smart_data_model_feed(recipe: Recipe) -> Decode:
    """Smart Data Models payloads, normalized, concise or key-values: one entity or a list of them."""

    def decode(message: bytes, topic: str) -> Decoded:
        return decode_items(message, topic, lambda item: _model_entity(item, topic, recipe))

    return decode


def decode_items(message: bytes, topic: str, make: Callable[[Any], Document]) -> Decoded:
    """Decode a JSON message and make an entity of each object in it; what cannot be one is told with its pointer."""
    decoded = Decoded()
    for where, item in _items(message, topic, decoded.problems):
        try:
            decoded.entities.append(make(item))
        except Unfit as fault:
            decoded.problems.append(Trouble(where, str(fault), fault.mend))
    return decoded


def _items(message: bytes, topic: str, problems: list[Trouble]) -> Iterator[tuple[str, Any]]:
    try:
        content = orjson.loads(message)
    except orjson.JSONDecodeError as fault:
        what = "the message is empty" if not message else f"is no JSON: {fault.msg} at character {fault.pos}"
        problems.append(Trouble(topic, what, "send JSON in UTF-8, or choose another feed for this topic"))
        return
    if isinstance(content, list):
        yield from ((f"{topic}#/{index}", item) for index, item in enumerate(content))
    else:
        yield topic, content


def plain_entity(item: Any, topic: str, recipe: Recipe, observed: str | None = None) -> Document:
    """The entity of one object of readings. Raises Unfit."""
    if not isinstance(item, dict):
        item = {attribute_name(topic.rpartition("/")[2]): _bare(item)}
    type, id = identity(item, topic, recipe)
    document: Document = {"id": id, "type": type}
    used = {"id", "type", *NO_ATTRIBUTES}
    time_name = next((name for name in _TIMES if name in item), None)
    if time_name is not None:
        used.add(time_name)
        observed = moment(item[time_name], time_name)
    lat, lon = _first(item, _LATS), _first(item, _LONS)
    if lat is not None and lon is not None:
        used |= {lat, lon}
        document["location"] = _place(item[lon], item[lat], lon, lat)
    for name, value in item.items():
        if name not in used and value is not None:
            document[attribute_name(name)] = {"type": "Property", "value": value}
    if observed is not None:
        for name in document.keys() - {"id", "type"}:
            document[name]["observedAt"] = observed
    if len(document) == 2:
        raise Unfit("holds no reading", "send at least one member beside id and time")
    return document


def identity(item: Mapping[str, Any], topic: str, recipe: Recipe) -> tuple[str, str]:
    """Type and id of a message's entity, by the recipe or by its own members. Raises Unfit."""
    type = recipe.type or item.get("type")
    if not isinstance(type, str) or not type:
        raise Unfit("names no type", "give `type` with the topic in the settings")
    if recipe.id is not None:
        return type, _filled(recipe.id, item, topic, recipe)
    own = item.get("id")
    if isinstance(own, str) and is_uri(own):
        return type, own
    if isinstance(own, str | int) and own != "":
        return type, f"urn:ngsi-ld:{id_part(type)}:{id_part(own)}"
    raise Unfit("names no id", f"give `id` with the topic in the settings, as in urn:ngsi-ld:{type}:{{1}}")


def moment(value: Any, name: str) -> str:
    """A DateTime in UTC of a device's time: ISO 8601 with a zone, or a number since 1970. Raises Unfit."""
    if isinstance(value, dict):
        value = value.get("@value", value.get("value"))
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            return format_instant(parse_instant(value))
        number = float(value)
        while number >= _SECONDS:
            number /= 1000
        return format_instant(round(number * 1_000_000))
    except (TypeError, ValueError, OverflowError):
        mend = "send ISO 8601 with a zone, as in 2026-01-31T08:00:00Z, or seconds since 1970"
        raise Unfit(f"{name} {value!r} is no time", mend) from None


def _filled(template: str, item: Mapping[str, Any], topic: str, recipe: Recipe) -> str:
    levels = wildcards(recipe.pattern, topic) or []

    def value(match: re.Match[str]) -> str:
        name = match[1]
        found = levels[int(name) - 1] if name.isdigit() and 0 < int(name) <= len(levels) else member(item, name)
        if not isinstance(found, str | int | float) or found == "":
            raise Unfit(f"has no {{{name}}}, which the id is made from", f"the id template is {template}")
        return id_part(found)

    id = _FIELD.sub(value, template)
    if not is_uri(id):
        raise Unfit(f"id {id!r} is no URI", "begin the id template with urn:ngsi-ld:")
    return id


def member(item: Mapping[str, Any], path: str) -> Any:
    """A member by its name, or by a path with dots; None where it is not there."""
    if path in item:
        return item[path]
    found: Any = item
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _model_entity(item: Any, topic: str, recipe: Recipe) -> Document:
    if not isinstance(item, dict):
        raise Unfit(f"{str(item)[:40]!r} is no entity", "send an object with id and type")
    if isinstance(item.get("type"), list) and recipe.type is None:
        type, id = item["type"], item.get("id")
    else:
        type, id = identity(item, topic, recipe)
    context = take_context(item)
    document = normalized(item | {"id": id, "type": type})
    return document | {"@context": context} if context else document


def _bare(value: Any) -> Any:
    if value is None or isinstance(value, list):
        raise Unfit(f"{str(value)[:40]!r} is no reading", "send an object, or a number, a text or a truth value")
    return value


def _first(item: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if item.get(name) is not None), None)


def _place(lon: Any, lat: Any, lon_name: str, lat_name: str) -> dict[str, Any]:
    try:
        return {"type": "GeoProperty", "value": places.point(lon, lat, None)}
    except ValueError as fault:
        raise Unfit(str(fault), f"send {lon_name} and {lat_name} in degrees") from None
