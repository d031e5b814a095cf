"""Decoders of LoRaWAN uplinks as ChirpStack v4 and The Things Stack v3 publish them by MQTT. Pure; they never raise.

The sensor's values come from the object that the network server's payload codec made. Names and types follow the Smart
Data Models Device where the recipe says nothing else.
"""

from __future__ import annotations

from typing import Any

from dothi.connectors.names import attribute_name
from dothi.connectors.payloads import Decode, Recipe, Unfit, decode_items, identity, moment
from dothi.model.reading import Decoded, Document
from dothi.model.values import is_geometry

TYPE = "Device"
_CODEC = "add a payload codec (formatter) to the device profile, so that the uplink carries decoded values"


def chirpstack_feed(recipe: Recipe) -> Decode:
    """Uplink events (`.../event/up`) of ChirpStack v4 in JSON; other events of a device are passed over.

    The id template may use {devEui}, {deviceName}, {applicationId}, {applicationName} and the device's tags.
    """

    def decode(message: bytes, topic: str) -> Decoded:
        if "/event/" in topic and not topic.endswith("/event/up"):
            return Decoded()
        return decode_items(message, topic, lambda event: _chirpstack(event, topic, recipe))

    return decode


def things_stack_feed(recipe: Recipe) -> Decode:
    """Uplinks (`v3/{application}@{tenant}/devices/{device}/up`) of The Things Stack v3; other events are passed over.

    The id template may use {dev_eui}, {device_id} and {application_id}.
    """

    def decode(message: bytes, topic: str) -> Decoded:
        if "/devices/" in topic and not topic.endswith("/up"):
            return Decoded()
        return decode_items(message, topic, lambda event: _things_stack(event, topic, recipe))

    return decode


def _chirpstack(event: Any, topic: str, recipe: Recipe) -> Document:
    info = _object(event, "deviceInfo", "a ChirpStack v4 uplink")
    facts = {**_part(info, "tags"), **info}
    receivers = [part for part in event.get("rxInfo") or [] if isinstance(part, dict)]
    return _device(
        recipe, topic, facts,
        key="devEui", name=info.get("deviceName"), values=event.get("object"), time=event.get("time"),
        signal=_strongest(receivers), place=None,
    )  # fmt: skip


def _things_stack(event: Any, topic: str, recipe: Recipe) -> Document:
    ids = _object(event, "end_device_ids", "an uplink of The Things Stack v3")
    uplink = _object(event, "uplink_message", "an uplink of The Things Stack v3")
    facts = {**_part(ids, "application_ids"), **ids}
    receivers = [part for part in uplink.get("rx_metadata") or [] if isinstance(part, dict)]
    return _device(
        recipe, topic, facts,
        key="dev_eui" if ids.get("dev_eui") else "device_id", name=ids.get("device_id"),
        values=uplink.get("decoded_payload"), time=uplink.get("received_at") or event.get("received_at"),
        signal=_strongest(receivers), place=next(iter(_part(uplink, "locations").values()), None),
    )  # fmt: skip


def _object(event: Any, name: str, what: str) -> dict[str, Any]:
    found = event.get(name) if isinstance(event, dict) else None
    if not isinstance(found, dict):
        raise Unfit(f"has no object {name!r}, so it is not {what}", "choose the feed that fits the topic")
    return found


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    """An object within, empty where it is absent or something else."""
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _strongest(receivers: list[dict[str, Any]]) -> dict[str, Any]:
    """The gateway that heard the device best."""
    heard = [receiver for receiver in receivers if isinstance(receiver.get("rssi"), int | float)]
    return max(heard, key=lambda receiver: float(receiver["rssi"]), default={})


def _device(
    recipe: Recipe, topic: str, facts: dict[str, Any], *, key: str, name: Any, values: Any, time: Any,
    signal: dict[str, Any], place: Any,
) -> Document:  # fmt: skip
    """The entity of an uplink: what the codec decoded, the name, and how well it was heard, all at the time of it."""
    if not isinstance(values, dict) or not values:
        raise Unfit("carries no decoded values", _CODEC)
    chosen = Recipe(recipe.pattern, recipe.type or TYPE, recipe.id or f"urn:ngsi-ld:{recipe.type or TYPE}:{{{key}}}")
    type, id = identity(facts, topic, chosen)
    document: Document = {"id": id, "type": type}
    for member, value in values.items():
        if value is not None:
            document[attribute_name(member)] = {"type": "Property", "value": value}
    if isinstance(name, str) and name:
        document.setdefault("name", {"type": "Property", "value": name})
    if "rssi" in signal:
        document.setdefault("rssi", {"type": "Property", "value": signal["rssi"], "unitCode": "DBM"})
    if isinstance(signal.get("snr"), int | float):
        document.setdefault("snr", {"type": "Property", "value": signal["snr"], "unitCode": "2N"})
    point = _point(place)
    if is_geometry(point):
        document.setdefault("location", {"type": "GeoProperty", "value": point})
    if time is not None:
        observed = moment(time, "time")
        for attribute in document.keys() - {"id", "type", "name"}:
            document[attribute]["observedAt"] = observed
    return document


def _point(place: Any) -> dict[str, Any] | None:
    if not isinstance(place, dict) or not {"latitude", "longitude"} <= place.keys():
        return None
    return {"type": "Point", "coordinates": [place["longitude"], place["latitude"]]}
