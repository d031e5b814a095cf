"""Buses that run the corridors day and night: where each is at any moment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dothi.demo.chance import seed_of, seeds_of, uniform
from dothi.demo.corridors import CORRIDORS, Track, line, track
from dothi.demo.fleets import BUS_PERIOD
from dothi.demo.stations import property_of, signed
from dothi.model.instant import format_instant
from dothi.model.reading import Document

_STEP = BUS_PERIOD * 1_000_000
AGENCY = "urn:ngsi-ld:GtfsAgency:demo:demo"


def _urn(kind: str, key: str) -> str:
    return f"urn:ngsi-ld:{kind}:demo:{key}"


class Buses:
    """`count` buses spread evenly over the corridors; they never rest, so that the demo always shows movement."""

    def __init__(self, seed: int, count: int) -> None:
        self.count = count
        self.tracks = [track(corridor) for corridor in CORRIDORS]
        self._start = uniform(seeds_of(seed_of(seed, "bus"), max(1, count)), np.zeros(1, np.int64))

    def network(self) -> Iterator[Document]:
        """The operator, and each corridor's route, shape and stops."""
        yield signed({"id": AGENCY, "type": "GtfsAgency", "agencyName": property_of("Xe buýt Bình Dương (minh họa)"),
                      "timezone": property_of("Asia/Ho_Chi_Minh"), "language": property_of("vi")})  # fmt: skip
        for corridor, course in zip(CORRIDORS, self.tracks, strict=True):
            route = {"type": "Relationship", "object": _urn("GtfsRoute", corridor.number)}
            name = property_of(corridor.name)
            yield signed({
                "id": _urn("GtfsRoute", corridor.number), "type": "GtfsRoute", "name": name,
                "shortName": property_of(corridor.number), "routeType": property_of("3"),
                "operatedBy": {"type": "Relationship", "object": AGENCY},
            })  # fmt: skip
            yield signed({
                "id": _urn("GtfsShape", corridor.number), "type": "GtfsShape",
                "name": property_of(f"{corridor.number} {corridor.name}"), "hasRoute": route,
                "location": {
                    "type": "GeoProperty", "value": {"type": "LineString", "coordinates": line(corridor)}
                },
            })  # fmt: skip
            yield from _stops(corridor.number, course)

    def positions(self, now: int, since: int | None) -> Iterator[tuple[int, Document]]:
        """(bus, its moving attributes) at the last whole step of two seconds, unless that lies at or before `since`."""
        step = now // _STEP * _STEP
        if not self.count or (since is not None and step <= since):
            return
        observed = {"observedAt": format_instant(step)}
        for number, course in enumerate(self.tracks):
            buses = np.arange(number, self.count, len(self.tracks))
            headway = course.round_trip / max(1, len(buses))
            clock = step / 1e6 + headway * np.arange(len(buses)) + self._start[number % self.count] * course.round_trip
            lat, lon, speed, heading = course.motion(clock)
            for row, bus in enumerate(buses.tolist()):
                place = [round(float(lon[row]), 6), round(float(lat[row]), 6)]
                yield (
                    bus,
                    {
                        "location": {
                            "type": "GeoProperty",
                            "value": {"type": "Point", "coordinates": place},
                            **observed,
                        },
                        "speed": property_of(round(float(speed[row]), 1), unitCode="KMH", **observed),
                        "heading": property_of(round(float(heading[row]), 1) % 360, unitCode="DD", **observed),
                    },
                )

    def template(self, bus: int) -> Document:
        """What does not change of a bus."""
        corridor = CORRIDORS[bus % len(CORRIDORS)]
        return signed({
            "id": _urn("Vehicle", f"bus-{bus + 1:04d}"), "type": "Vehicle",
            "name": property_of(f"Xe {corridor.number}-{bus // len(CORRIDORS) + 1:02d}"),
            "vehicleType": property_of("bus"), "category": property_of(["public", "tracked"]),
            "vehiclePlateIdentifier": property_of(f"DEMO-{bus + 1:04d}"),
            "serviceStatus": property_of("onRoute"),
            "hasRoute": {"type": "Relationship", "object": _urn("GtfsRoute", corridor.number)},
        })  # fmt: skip


def _stops(number: str, course: Track) -> Iterator[Document]:
    lats, lons = course.at(course.stops)
    for i, (lat, lon) in enumerate(zip(lats.tolist(), lons.tolist(), strict=True), 1):
        yield signed({
            "id": _urn("GtfsStop", f"{number}-{i:02d}"), "type": "GtfsStop",
            "name": property_of(f"Trạm {i} tuyến {number}"), "code": property_of(f"{number}-{i:02d}"),
            "operatedBy": {"type": "Relationship", "object": AGENCY},
            "location": {
                "type": "GeoProperty", "value": {"type": "Point", "coordinates": [round(lon, 5), round(lat, 5)]}
            },
        })  # fmt: skip
