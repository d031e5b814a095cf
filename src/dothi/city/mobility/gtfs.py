"""A GTFS feed's tables as Smart Data Models entities: stops, routes, shapes, trips with their stop times, services."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from dothi.city.mobility.stop_times import StopTimes, seconds
from dothi.model.reading import Document, Trouble

Row = dict[str, str]
#: Table name without .txt -> its rows with their line numbers. Each table is read once.
Tables = Mapping[str, Iterable[tuple[int, Row]]]

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: GTFS location_type -> type of entity; generic nodes and boarding areas (3, 4) stay stops.
_STOP_TYPES: Final = {"": "GtfsStop", "0": "GtfsStop", "1": "GtfsStation", "2": "GtfsAccessPoint"}


def urn(kind: str, feed: str, key: str) -> str:
    """The entity id of a GTFS key: urn:ngsi-ld:GtfsStop:<feed>:<key>, other than URI characters percent-encoded."""
    return f"urn:ngsi-ld:{kind}:{quote(feed, safe='-._~')}:{quote(key, safe='-._~')}"


def gtfs_entities(tables: Tables, feed: str = "gtfs") -> Iterator[Document | Trouble]:
    """Every entity of a feed, and a Trouble with file and line for every row that cannot be taken.

    One GtfsAgency, GtfsRoute, GtfsService, GtfsCalendarRule, GtfsCalendarDateRule, GtfsShape, GtfsStop (or GtfsStation,
    GtfsAccessPoint), GtfsTrip and GtfsFrequency per row of its table, shapes by shape_id. Stop times do not become
    entities of their own (a city has millions): each trip holds its visits in the JsonProperty `stopTimes`.
    A row whose route, service or trip is not in the feed is refused. Memory: 16 bytes a stop time and a shape point,
    and the keys of routes, services, shapes, stops and trips.
    """
    yield from _Feed(tables, feed).entities()


class _Feed:
    """One pass over the tables, in the order in which rows refer to one another."""

    def __init__(self, tables: Tables, feed: str) -> None:
        self.tables = tables
        self.feed = feed
        self.agencies: list[str] = []
        self.routes: dict[str, str] = {}
        self.services: set[str] = set()
        self.shapes: dict[str, tuple[array[int], array[float]]] = {}
        #: shape_id -> the first route that runs on it.
        self.route_of: dict[str, str] = {}
        self.stops: set[str] = set()
        self.trips: set[str] = set()

    def entities(self) -> Iterator[Document | Trouble]:
        for table in ("agency", "stops", "routes", "trips", "stop_times"):
            if table not in self.tables:
                yield Trouble(f"{table}.txt", "the feed lacks this file", "GTFS asks for it; add it to the zip")
        yield from self._rows("agency", self._agency)
        yield from self._rows("routes", self._route)
        yield from self._rows("calendar", self._calendar)
        yield from self._rows("calendar_dates", self._calendar_date)
        yield from self._rows("shapes", self._shape_point)
        yield from self._rows("stops", self._stop)
        times = StopTimes()
        yield from self._rows("stop_times", lambda row: self._stop_time(row, times))
        yield from self._rows("trips", lambda row: self._trip(row, times))
        yield from self._shapes()
        for trip in sorted(times.trips() - self.trips):
            yield Trouble("stop_times.txt", f"trip_id {trip!r} is not in trips.txt", "its stop times were left out")
        yield from self._rows("frequencies", self._frequency)

    def _rows(self, table: str, take: Callable[[Row], list[Document]]) -> Iterator[Document | Trouble]:
        for line, row in self.tables.get(table, ()):
            try:
                yield from take(row)
            except _Fault as fault:
                yield Trouble(f"{table}.txt:{line}", str(fault), fault.mend)

    def _urn(self, kind: str, key: str) -> str:
        return urn(kind, self.feed, key)

    def _agency(self, row: Row) -> list[Document]:
        key = row.get("agency_id", "").strip() or "agency"
        self.agencies.append(key)
        return [
            _document(
                self._urn("GtfsAgency", key),
                "GtfsAgency",
                agencyName=_need(row, "agency_name"),
                page=row.get("agency_url"),
                timezone=row.get("agency_timezone"),
                language=row.get("agency_lang"),
                phone=row.get("agency_phone"),
            )
        ]

    def _route(self, row: Row) -> list[Document]:
        key = _need(row, "route_id")
        agency = row.get("agency_id", "").strip() or (self.agencies[0] if len(self.agencies) == 1 else "")
        short, long = row.get("route_short_name", "").strip(), row.get("route_long_name", "").strip()
        self.routes[key] = " ".join(part for part in (short, long) if part)
        document = _document(
            self._urn("GtfsRoute", key),
            "GtfsRoute",
            shortName=short,
            name=long or short,
            description=row.get("route_desc"),
            routeType=_need(row, "route_type"),
            routeColor=row.get("route_color"),
            routeTextColor=row.get("route_text_color"),
            page=row.get("route_url"),
        )
        return [_relate(document, operatedBy=self._urn("GtfsAgency", agency) if agency else None)]

    def _calendar(self, row: Row) -> list[Document]:
        key = _need(row, "service_id")
        rule = _document(
            self._urn("GtfsCalendarRule", key),
            "GtfsCalendarRule",
            startDate=_date(row, "start_date"),
            endDate=_date(row, "end_date"),
            **{day: _flag(row, day) for day in _DAYS},
        )
        return [*self._service(key), _relate(rule, hasService=self._urn("GtfsService", key))]

    def _calendar_date(self, row: Row) -> list[Document]:
        key, date = _need(row, "service_id"), _date(row, "date")
        kind = row.get("exception_type", "").strip()
        if kind not in ("1", "2"):
            raise _Fault(f"exception_type {kind!r} is not 1 or 2", "1 adds the service on this date, 2 removes it")
        rule = _document(
            self._urn("GtfsCalendarDateRule", f"{key}:{date}"),
            "GtfsCalendarDateRule",
            appliesOn=date,
            exceptionType=kind,
        )
        return [*self._service(key), _relate(rule, hasService=self._urn("GtfsService", key))]

    def _service(self, key: str) -> list[Document]:
        if key in self.services:
            return []
        self.services.add(key)
        document = _document(self._urn("GtfsService", key), "GtfsService", name=key)
        agency = self._urn("GtfsAgency", self.agencies[0]) if len(self.agencies) == 1 else None
        return [_relate(document, operatedBy=agency)]

    def _shape_point(self, row: Row) -> list[Document]:
        key = _need(row, "shape_id")
        sequence = _whole(row, "shape_pt_sequence")
        order, places = self.shapes.setdefault(key, (array("q"), array("d")))
        places.extend(_place(row, "shape_pt_lon", "shape_pt_lat"))
        order.append(sequence)
        return []

    def _shapes(self) -> Iterator[Document | Trouble]:
        for key, (order, places) in self.shapes.items():
            line = [[places[2 * i], places[2 * i + 1]] for i in sorted(range(len(order)), key=order.__getitem__)]
            if all(point == line[0] for point in line):
                yield Trouble("shapes.txt", f"shape_id {key!r} has fewer than two places", "give the line's points")
                continue
            route = self.route_of.get(key)
            document = _document(self._urn("GtfsShape", key), "GtfsShape", name=self.routes.get(route or ""))
            document["location"] = {"type": "GeoProperty", "value": {"type": "LineString", "coordinates": line}}
            yield _relate(document, hasRoute=self._urn("GtfsRoute", route) if route else None)

    def _stop(self, row: Row) -> list[Document]:
        key = _need(row, "stop_id")
        self.stops.add(key)
        kind = _STOP_TYPES.get(row.get("location_type", "").strip(), "GtfsStop")
        document = _document(
            self._urn(kind, key),
            kind,
            code=row.get("stop_code", "").strip() or key,
            name=row.get("stop_name", "").strip() or key,
            description=row.get("stop_desc"),
            zoneCode=row.get("zone_id"),
            page=row.get("stop_url"),
        )
        lon, lat = _place(row, "stop_lon", "stop_lat")
        document["location"] = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}}
        parent = row.get("parent_station", "").strip()
        return [_relate(document, hasParentStation=self._urn("GtfsStation", parent) if parent else None)]

    def _stop_time(self, row: Row, times: StopTimes) -> list[Document]:
        trip, stop = _need(row, "trip_id"), _need(row, "stop_id")
        _known(stop, self.stops, "stop_id", "stops.txt")
        try:
            arrival, departure = seconds(row.get("arrival_time", "")), seconds(row.get("departure_time", ""))
        except ValueError as fault:
            raise _Fault(str(fault), "write HH:MM:SS, hours may pass 24") from None
        times.add(trip, _whole(row, "stop_sequence"), stop, arrival, departure)
        return []

    def _trip(self, row: Row, times: StopTimes) -> list[Document]:
        key, route, service = _need(row, "trip_id"), _need(row, "route_id"), _need(row, "service_id")
        _known(route, self.routes, "route_id", "routes.txt")
        _known(service, self.services, "service_id", "calendar.txt or calendar_dates.txt")
        self.trips.add(key)
        shape = row.get("shape_id", "").strip()
        if shape in self.shapes:
            self.route_of.setdefault(shape, route)
        document = _document(
            self._urn("GtfsTrip", key),
            "GtfsTrip",
            headSign=row.get("trip_headsign"),
            shortName=row.get("trip_short_name"),
            block=row.get("block_id"),
            direction=_choice(row, "direction_id"),
            wheelChairAccessible=_choice(row, "wheelchair_accessible"),
            bikesAllowed=_choice(row, "bikes_allowed"),
        )
        visits = times.of(key)
        if visits:
            document["stopTimes"] = {"type": "JsonProperty", "json": visits}
        return [
            _relate(
                document,
                hasRoute=self._urn("GtfsRoute", route),
                hasService=self._urn("GtfsService", service),
                hasShape=self._urn("GtfsShape", shape) if shape in self.shapes else None,
            )
        ]

    def _frequency(self, row: Row) -> list[Document]:
        trip, start = _need(row, "trip_id"), _need(row, "start_time")
        _known(trip, self.trips, "trip_id", "trips.txt")
        document = _document(
            self._urn("GtfsFrequency", f"{trip}:{start}"),
            "GtfsFrequency",
            startTime=start,
            endTime=_need(row, "end_time"),
            headwaySeconds=_whole(row, "headway_secs"),
            exactTimes=row.get("exact_times", "").strip() == "1",
        )
        return [_relate(document, hasTrip=self._urn("GtfsTrip", trip))]


class _Fault(Exception):
    """Why a row cannot be taken, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def _document(id: str, kind: str, **properties: Any) -> Document:
    document: Document = {"id": id, "type": kind}
    for name, value in properties.items():
        value = value.strip() if isinstance(value, str) else value
        if value is not None and value != "":
            document[name] = {"type": "Property", "value": value}
    return document


def _relate(document: Document, **targets: str | None) -> Document:
    for name, target in targets.items():
        if target is not None:
            document[name] = {"type": "Relationship", "object": target}
    return document


def _known(key: str, keys: Container[str], column: str, file: str) -> None:
    if key not in keys:
        raise _Fault(f"{column} {key!r} is not in {file}", "correct it, or add the row it means")


def _need(row: Row, column: str) -> str:
    value = row.get(column, "").strip()
    if not value:
        raise _Fault(f"{column} is empty", "GTFS asks for a value here")
    return value


def _whole(row: Row, column: str) -> int:
    value = _need(row, column)
    # 9 digits keep within the 32 bits that stop times are packed in.
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise _Fault(f"{column} {value!r} is no whole number from 0 to 999999999", "write digits only")
    return int(value)


def _choice(row: Row, column: str) -> int | None:
    value = row.get(column, "").strip()
    if value not in ("", "0", "1", "2"):
        raise _Fault(f"{column} {value!r} is not 0, 1 or 2", "see the GTFS reference")
    return int(value) if value else None


def _flag(row: Row, column: str) -> bool:
    value = row.get(column, "").strip()
    if value not in ("0", "1"):
        raise _Fault(f"{column} {value!r} is not 0 or 1", "1: the service runs on this weekday")
    return value == "1"


def _date(row: Row, column: str) -> str:
    value = _need(row, column)
    if not (value.isascii() and value.isdigit() and len(value) == 8 and 1 <= int(value[4:6]) <= 12):
        raise _Fault(f"{column} {value!r} is no date like 20260131", "write YYYYMMDD")
    return f"{value[:4]}-{value[4:6]}-{value[6:]}"


def _place(row: Row, lon: str, lat: str) -> tuple[float, float]:
    try:
        place = float(row.get(lon, "")), float(row.get(lat, ""))
    except ValueError:
        place = float("nan"), float("nan")
    if not (-180 <= place[0] <= 180 and -90 <= place[1] <= 90):
        raise _Fault(f"{lat} {row.get(lat, '')!r}, {lon} {row.get(lon, '')!r} is no place", "degrees, WGS 84")
    return place
