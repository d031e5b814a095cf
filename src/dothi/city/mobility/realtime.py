"""A GTFS-Realtime message as entities: vehicles, the next arrival of each trip, and alerts."""

from __future__ import annotations

from functools import partial
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.transit import gtfs_realtime_pb2 as gtfs_realtime

from dothi.city.mobility.gtfs import urn
from dothi.model.instant import format_instant
from dothi.model.reading import Decoded, Document, Trouble

#: Alert.SeverityLevel -> severity of the Smart Data Models' Alert.
_SEVERITY = {2: "informational", 3: "medium", 4: "high"}
_KMH = 3.6


def decode_realtime(message: bytes, address: str, feed: str = "gtfs") -> Decoded:
    """The entities of one FeedMessage (GTFS-Realtime 2.0, protobuf).

    A VehiclePosition becomes a Vehicle with location, speed in km/h, heading in degrees clockwise from north and its
    trip, route and stop. A TripUpdate becomes an ArrivalEstimation for the trip's next stop. An Alert becomes an Alert.
    `feed` is the name under which the static feed was loaded, so that the relations meet its entities.
    What is not protobuf, or a vehicle without a place on earth, is told.
    """
    decoded = Decoded()
    content = gtfs_realtime.FeedMessage()
    try:
        content.ParseFromString(message)
        fault = "" if content.HasField("header") else "it has no header"
    except DecodeError as error:
        fault = str(error)
    if fault:
        mend = "the address must answer a protobuf FeedMessage"
        decoded.problems.append(Trouble(address, f"no GTFS-Realtime message: {fault}", mend))
        return decoded
    made = content.header.timestamp or None
    for item in content.entity:
        where = f"{address}#{item.id}"
        if item.is_deleted:
            continue
        if item.HasField("vehicle"):
            _take(decoded, _vehicle(item.vehicle, item.id, made, feed, where))
        if item.HasField("trip_update"):
            _take(decoded, _arrival(item.trip_update, made, feed, where))
        if item.HasField("alert"):
            _take(decoded, _alert(item.alert, item.id, made, feed, where))
    return decoded


def realtime_decoder(feed: str) -> partial[Decoded]:
    """decode_realtime for the static feed of this name."""
    return partial(decode_realtime, feed=feed)


def _take(decoded: Decoded, found: Document | Trouble) -> None:
    if isinstance(found, Trouble):
        decoded.problems.append(found)
    else:
        decoded.entities.append(found)


def _vehicle(vehicle: Any, entity_id: str, made: int | None, feed: str, where: str) -> Document | Trouble:
    place = vehicle.position
    if not vehicle.HasField("position") or not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):
        mend = "latitude -90 to 90, longitude -180 to 180"
        return Trouble(where, f"vehicle without a place on earth: {place.latitude}, {place.longitude}", mend)
    observed = _time(vehicle.timestamp or made)
    document: Document = {
        "id": urn("Vehicle", feed, vehicle.vehicle.id or entity_id),
        "type": "Vehicle",
        "vehicleType": _property("bus"),
        "category": _property(["tracked", "public"]),
        # Positions are float32; seven digits are all they hold.
        "location": {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [round(place.longitude, 5), round(place.latitude, 5)]},
            **observed,
        },
    }
    if place.HasField("speed"):
        document["speed"] = _property(round(place.speed * _KMH, 1), unitCode="KMH", **observed)
    if place.HasField("bearing"):
        document["heading"] = _property(round(place.bearing % 360, 1), unitCode="DD", **observed)
    if vehicle.vehicle.label:
        document["name"] = _property(vehicle.vehicle.label)
    if vehicle.vehicle.license_plate:
        document["vehiclePlateIdentifier"] = _property(vehicle.vehicle.license_plate)
    return _relate_trip(document, vehicle.trip, vehicle.stop_id, feed)


def _arrival(update: Any, made: int | None, feed: str, where: str) -> Document | Trouble:
    if not update.trip.trip_id:
        return Trouble(where, "trip update without trip_id", "dothi finds trips by trip_id")
    now = update.timestamp or made or 0
    upcoming = [stop for stop in update.stop_time_update if _arrives(stop) is None or _arrives(stop) >= now]
    document: Document = {
        "id": urn("ArrivalEstimation", feed, update.trip.trip_id),
        "type": "ArrivalEstimation",
    }
    observed = _time(now or None)
    if upcoming:
        stop = upcoming[0]
        event = stop.arrival if stop.HasField("arrival") else stop.departure
        if event.HasField("time") and now:
            document["remainingTime"] = _property(f"PT{max(0, event.time - now)}S", **observed)
        if event.HasField("delay"):
            document["delay"] = _property(event.delay, unitCode="SEC", **observed)
    elif update.HasField("delay"):
        document["delay"] = _property(update.delay, unitCode="SEC", **observed)
    return _relate_trip(document, update.trip, upcoming[0].stop_id if upcoming else "", feed)


def _arrives(stop: Any) -> Any:
    event = stop.arrival if stop.HasField("arrival") else stop.departure
    return event.time if event.HasField("time") else None


def _alert(alert: Any, entity_id: str, made: int | None, feed: str, where: str) -> Document | Trouble:
    text = _text(alert.header_text) or _text(alert.description_text)
    if not text:
        return Trouble(where, "alert without header_text or description_text", "give it a text for passengers")
    document: Document = {
        "id": urn("Alert", feed, entity_id),
        "type": "Alert",
        "category": _property("traffic"),
        "alertSource": _property(f"gtfs-realtime:{feed}"),
        "name": _property(text),
        "description": _property(_text(alert.description_text) or text),
        "severity": _property(_SEVERITY.get(alert.severity_level, "low")),
    }
    if made:
        document["dateIssued"] = _moment(made)
    if alert.active_period:
        period = alert.active_period[0]
        document |= {
            name: _moment(seconds)
            for name, seconds in (("validFrom", period.start), ("validTo", period.end))
            if seconds
        }
    routes = sorted({item.route_id for item in alert.informed_entity if item.route_id})
    if routes:
        targets = [urn("GtfsRoute", feed, route) for route in routes]
        document["hasRoute"] = {"type": "Relationship", "object": targets if len(targets) > 1 else targets[0]}
    return document


def _text(translated: Any) -> str:
    """The Vietnamese text if there is one, else the first."""
    texts = list(translated.translation)
    chosen = next((text for text in texts if text.language.startswith("vi")), texts[0] if texts else None)
    return "" if chosen is None else str(chosen.text).strip()


def _relate_trip(document: Document, trip: Any, stop: str, feed: str) -> Document:
    keys = (
        ("hasTrip", "GtfsTrip", trip.trip_id),
        ("hasRoute", "GtfsRoute", trip.route_id),
        ("hasStop", "GtfsStop", stop),
    )
    for name, kind, key in keys:
        if key:
            document[name] = {"type": "Relationship", "object": urn(kind, feed, key)}
    return document


def _property(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **more}


def _moment(seconds: int) -> dict[str, Any]:
    return _property({"@type": "DateTime", "@value": format_instant(_clamp(seconds) * 1_000_000)})


def _time(seconds: int | None) -> dict[str, str]:
    return {"observedAt": format_instant(_clamp(seconds) * 1_000_000)} if seconds else {}


def _clamp(seconds: int) -> int:
    """Timestamps are uint64; the year 9999 is the last that a DateTime can tell."""
    return min(seconds, 253_402_300_799)
