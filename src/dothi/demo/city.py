"""The demo city: Bình Dương from typed-in facts, with sensors that never existed; the same seed gives the same city."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from dothi.demo.buses import Buses
from dothi.demo.communes import COMMUNES, cells
from dothi.demo.fleets import BUSES, FLEETS, MOST_BUSES
from dothi.demo.landmarks import PARKS, PLACES, hexagon
from dothi.demo.stations import Series, Stations, property_of, signed
from dothi.model.reading import Document

_HOUR: Final = 3_600_000_000
_STEP: Final = 2_000_000
_FLEET_SHARE: Final = BUSES + sum(fleet.share for fleet in FLEETS)


class DemoCity:
    """A city of `size` entities, at least some 300: communes, parks, places, buses with their network, and sensors.

    Everything is a pure function of seed, size and time; nothing depends on the order of calls. Times are
    microseconds since 1970. Entities are NGSI-LD normalized with short names, each with `provider` "dothi demo".
    """

    def __init__(self, seed: int = 1, size: int = 1500) -> None:
        self.seed = seed
        self.size = size
        network = list(Buses(seed, 0).network())
        room = max(0, size - len(network) - len(COMMUNES) - len(PARKS) - len(PLACES))
        count = {fleet.key: room * fleet.share // _FLEET_SHARE for fleet in FLEETS}
        buses = min(MOST_BUSES, room * BUSES // _FLEET_SHARE)
        # What rounding leaves over goes to the largest fleet.
        count["meter"] += room - buses - sum(count.values())
        self._buses = Buses(seed, buses)
        self._stations = [Stations(fleet, seed, count[fleet.key]) for fleet in FLEETS]

    def entities(self, now: int | None = None) -> Iterator[Document]:
        """Every entity, with its state at `now`; without `now` only what does not change."""
        yield from _communes()
        yield from _parks()
        yield from _places()
        yield from self._buses.network()
        moving = {} if now is None else dict(self._buses.positions(now, None))
        for bus in range(self._buses.count):
            yield self._buses.template(bus) | moving.get(bus, {})
        for stations in self._stations:
            if now is None:
                yield from map(stations.template, range(stations.count))
            else:
                yield from (stations.template(i) | changed for i, changed in stations.reports(now, None))

    def history(self, start: int, end: int) -> Iterator[Series]:
        """The whole hours from `start` up to, not including, `end` of every sensor attribute, one series at a time."""
        times = np.arange(-(-start // _HOUR) * _HOUR, end, _HOUR, dtype=np.int64)
        for stations in self._stations:
            yield from stations.history(times)

    def live(self, now: int, since: int | None = None) -> list[Document]:
        """What changed after `since` (two seconds ago unless told) up to `now`: id, type and the changed attributes.

        Buses report every two seconds, sensors at their own rhythm (10 to 120 seconds); of several reports of one
        entity in the span only the last is given. Ask for consecutive spans and none is lost.
        """
        after = now - _STEP if since is None else since
        found = [_head(self._buses.template(bus)) | changed for bus, changed in self._buses.positions(now, after)]
        for stations in self._stations:
            found += [_head(stations.template(i)) | changed for i, changed in stations.reports(now, after)]
        return found


def _head(document: Document) -> Document:
    return {"id": document["id"], "type": document["type"]}


def _communes() -> Iterator[Document]:
    for commune, cell in zip(COMMUNES, cells(), strict=True):
        yield signed({
            "id": f"urn:ngsi-ld:AdministrativeUnit:demo:{commune.code}",
            "type": "AdministrativeUnit",
            "name": property_of(commune.title),
            "code": property_of(commune.code),
            "unitKind": property_of(commune.kind),
            "area": property_of(commune.area, unitCode="KMK"),
            "population": property_of(commune.population),
            "populationDensity": property_of(round(commune.population / commune.area)),
            "partOf": property_of("Thành phố Hồ Chí Minh"),
            "formerlyIn": property_of("Tỉnh Bình Dương"),
            "location": {"type": "GeoProperty", "value": cell, "schematic": property_of(True)},
        })  # fmt: skip


def _parks() -> Iterator[Document]:
    for i, park in enumerate(PARKS, 1):
        area = hexagon(park.lat, park.lon, park.area)
        yield signed({
            "id": f"urn:ngsi-ld:IndustrialPark:demo:{i:02d}",
            "type": "IndustrialPark",
            "name": property_of(f"Khu công nghiệp {park.name}"),
            "area": property_of(park.area, unitCode="HAR"),
            "parkStatus": property_of(park.status),
            "location": {"type": "GeoProperty", "value": area, "schematic": property_of(True)},
        })  # fmt: skip


def _places() -> Iterator[Document]:
    for i, place in enumerate(PLACES, 1):
        yield signed({
            "id": f"urn:ngsi-ld:PointOfInterest:demo:{i:02d}",
            "type": "PointOfInterest",
            "name": property_of(place.name),
            "category": property_of([place.category]),
            "location": {
                "type": "GeoProperty",
                "value": {"type": "Point", "coordinates": [place.lon, place.lat]},
                "schematic": property_of(True),
            },
        })  # fmt: skip
