"""The sensors of one fleet: where they stand, what they are called, and what they report at any moment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from dothi.city.environment.air_index import level
from dothi.city.environment.flood import flood_status
from dothi.demo.chance import Floats, derived, seed_of, seeds_of, uniform
from dothi.demo.communes import COMMUNES, outline
from dothi.demo.fleets import Fleet, Measure
from dothi.demo.signals import ALERT_LEVEL, DANGER_LEVEL, Sites, access_point_up
from dothi.model.instant import format_instant
from dothi.model.reading import Document

Micros = NDArray[np.int64]

PROVIDER: Final = "dothi demo"
_HOUR: Final = 3_600_000_000
_SECOND: Final = 1_000_000
#: Bình Dương keeps Indochina time all year.
_ZONE: Final = 7.0
_REGION: Final = 0.2  # degrees: neighbours within it share their weather


def property_of(value: Any, **more: Any) -> dict[str, Any]:
    """A Property instance."""
    return {"type": "Property", "value": value, **more}


def signed(document: Document) -> Document:
    """The document with the marks of generated data: provider and dataProvider."""
    return document | {"provider": property_of(PROVIDER), "dataProvider": property_of(PROVIDER)}


@dataclass(frozen=True, slots=True)
class Series:
    """The past of one attribute: `entity` is the document to create it with, without the attribute itself.

    `times` are microseconds since 1970, rising, int64; `values` are float64 of the same length; `unit` is a UN/CEFACT
    code or None.
    """

    entity: Document
    attribute: str
    unit: str | None
    times: Micros
    values: Floats


class Stations:
    """`count` sensors of a fleet, the same for the same seed."""

    def __init__(self, fleet: Fleet, seed: int, count: int) -> None:
        self.fleet = fleet
        self.count = count
        self._seeds = seeds_of(seed_of(seed, fleet.key), count)
        self._phase = (self._draw(1) * fleet.period).astype(np.int64)

    def _draw(self, purpose: int) -> Floats:
        return uniform(derived(self._seeds, purpose), np.zeros(1, np.int64))

    @cached_property
    def _home(self) -> NDArray[np.int64]:
        """The commune of each: the more people, the more sensors."""
        people = np.cumsum([commune.population for commune in COMMUNES])
        home: NDArray[np.int64] = np.searchsorted(people, self._draw(2) * people[-1], "right").astype(np.int64)
        return home

    @cached_property
    def _places(self) -> tuple[Floats, Floats]:
        """(lat, lon), scattered around each commune's point, within the outline of the city."""
        facts = np.array([(commune.lat, commune.lon, commune.area) for commune in COMMUNES])[self._home]
        radius = 0.6 * np.sqrt(facts[:, 2] / math.pi * self._draw(3))
        angle = 2 * np.pi * self._draw(4)
        border = outline()
        shapely.prepare(border)
        # The communes' points lie inside, so that going towards them ends inside.
        for _ in range(6):
            lat = facts[:, 0] + radius * np.sin(angle) / 110.6
            lon = facts[:, 1] + radius * np.cos(angle) / 109.3
            radius = np.where(shapely.contains_xy(border, lon, lat), radius, radius / 2)
        return lat.round(5), lon.round(5)

    @cached_property
    def sites(self) -> Sites:
        lat, lon = self._places
        cell = np.floor(lat / _REGION).astype(np.int64) * 4096 + np.floor(lon / _REGION).astype(np.int64)
        region = derived(np.full(self.count, seed_of("weather"), np.uint64), 0) + cell.astype(np.uint64)
        return Sites(self._seeds, region, 2 * self._draw(5) - 1)

    def site(self, i: int) -> Sites:
        """One site, to be asked for many times."""
        return self.sites.at(slice(i, i + 1))

    def _spots(self, i: int) -> int:
        return 40 + 10 * int(self._seeds[i] % np.uint64(30))

    def template(self, i: int) -> Document:
        """What does not change: id, type, name, place and provider, and what the fleet adds."""
        lat, lon = float(self._places[0][i]), float(self._places[1][i])
        commune = COMMUNES[self._home[i]]
        document: Document = {
            "id": f"urn:ngsi-ld:{self.fleet.type}:demo:{self.fleet.key}-{i + 1:05d}",
            "type": self.fleet.type,
            "name": property_of(f"{self.fleet.name} {commune.name} {i + 1}"),
            "areaServed": property_of(commune.title),
            "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}},
        }
        if self.fleet.key == "flood":
            document["alertLevel"] = property_of(ALERT_LEVEL, unitCode="MTR")
            document["dangerLevel"] = property_of(DANGER_LEVEL, unitCode="MTR")
            document["stationID"] = property_of(f"BD-N{i + 1:03d}")
        elif self.fleet.key == "parking":
            document["totalSpotNumber"] = property_of(self._spots(i))
            document["category"] = property_of(["public", "feeCharged"])
            document["allowedVehicleType"] = property_of(["motorcycle", "car"])
        elif self.fleet.key == "meter":
            document["phaseType"] = property_of("singlePhase")
        elif self.fleet.key == "wifi":
            document["ssid"] = property_of(["BinhDuong-FreeWiFi"])
        return signed(document)

    def values(self, measure: Measure, chosen: NDArray[np.int64], times: Micros) -> Floats:
        """What the chosen stations report of a measure at their times, rounded as the measure says."""
        return np.round(measure.signal(self.sites.at(chosen), _local_hours(times)), measure.digits)

    def last_reports(self, now: int) -> Micros:
        """When each station reported last, at or before `now` (microseconds)."""
        periods = (now // _SECOND - self._phase) // self.fleet.period
        times: Micros = (periods * self.fleet.period + self._phase) * _SECOND
        return times

    def reports(self, now: int, since: int | None) -> Iterator[tuple[int, Document]]:
        """(index, changed attributes) of the stations whose last report lies after `since`; of all where it is None."""
        times = self.last_reports(now)
        chosen = np.arange(self.count) if since is None else np.flatnonzero(times > since)
        if not len(chosen):
            return
        times = times[chosen]
        columns = [self.values(measure, chosen, times).tolist() for measure in self.fleet.measures]
        up = access_point_up(self.sites.at(chosen), _local_hours(times)) > 0
        for row, i in enumerate(chosen.tolist()):
            observed = {"observedAt": format_instant(int(times[row]))}
            changed: Document = {}
            for measure, column in zip(self.fleet.measures, columns, strict=True):
                changed[measure.attribute] = property_of(_number(column[row], measure), **observed)
                if measure.unit:
                    changed[measure.attribute]["unitCode"] = measure.unit
            changed |= self._judged(i, changed, bool(up[row]), observed)
            yield i, changed

    def _judged(self, i: int, changed: Document, up: bool, observed: dict[str, Any]) -> Document:
        """What follows from the values of a report."""
        if self.fleet.key == "air":
            return {"airQualityLevel": property_of(level(changed["airQualityIndex"]["value"]), **observed)}
        if self.fleet.key == "flood":
            return {"floodLevelStatus": property_of(flood_status(changed["floodIndex"]["value"]), **observed)}
        if self.fleet.key == "wifi":
            return {"apState": property_of("up" if up else "down", **observed)}
        if self.fleet.key == "parking":
            free = round(self._spots(i) * (1 - changed["occupancy"]["value"]))
            return {"availableSpotNumber": property_of(free, **observed)}
        return {}

    def history(self, times: Micros) -> Iterator[Series]:
        """The past of every measure of every station at the given times."""
        hours = _local_hours(times)
        for i in range(self.count):
            template, site = self.template(i), self.site(i)
            for measure in self.fleet.measures:
                values = np.round(measure.signal(site, hours), measure.digits) + 0.0
                yield Series(template, measure.attribute, measure.unit, times, values)


def _local_hours(times: Micros) -> Floats:
    return times / _HOUR + _ZONE


def _number(value: float, measure: Measure) -> float | int:
    return int(value) if measure.digits == 0 else value + 0.0
