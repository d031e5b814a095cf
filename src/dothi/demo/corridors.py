"""Bus corridors of the demo city, real numbers and ends on schematic lines, measured so that buses can move on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Corridor(NamedTuple):
    """`line` holds (lat, lon); `published` says whether number and ends are a real route's."""

    number: str
    name: str
    published: bool
    line: tuple[tuple[float, float], ...]


#: Routes 51 and 52: Kaze Shuttle as published in 2014; 171: as published in 2025; 61-05: as of 2023, drawn to Tân Vạn.
CORRIDORS: Final = (
    Corridor("51", "Becamex Tower – Đại học Quốc tế Miền Đông", True,
             ((10.978, 106.675), (10.990, 106.672), (11.005, 106.668), (11.022, 106.662), (11.036, 106.660),
              (11.045, 106.668), (11.053, 106.680), (11.056, 106.674), (11.053, 106.667))),
    Corridor("52", "Becamex Tower – Thành phố mới Bình Dương", True,
             ((10.978, 106.675), (10.990, 106.672), (11.010, 106.678), (11.030, 106.682), (11.045, 106.684),
              (11.055, 106.682))),
    Corridor("171", "Bến xe Phú Chánh – Bến xe buýt Sài Gòn (đoạn Bình Dương)", True,
             ((11.066, 106.705), (11.060, 106.692), (11.053, 106.680), (11.030, 106.665), (10.990, 106.672),
              (10.966, 106.683), (10.945, 106.702), (10.921, 106.707), (10.900, 106.710), (10.880, 106.714))),
    Corridor("61-05", "Bến xe Bình Dương – Big C Đồng Nai (đoạn Bình Dương)", True,
             ((10.966, 106.668), (10.955, 106.690), (10.945, 106.702), (10.921, 106.707), (10.915, 106.735),
              (10.907, 106.769), (10.895, 106.795), (10.898, 106.829))),
    Corridor("D1", "Minh họa: Bến xe Bình Dương – Mỹ Phước – Lai Uyên", False,
             ((10.966, 106.668), (11.000, 106.663), (11.050, 106.640), (11.100, 106.615), (11.155, 106.605),
              (11.210, 106.612), (11.270, 106.615))),
    Corridor("D2", "Minh họa: Thành phố mới – Phước Vĩnh", False,
             ((11.055, 106.682), (11.085, 106.700), (11.130, 106.725), (11.180, 106.750), (11.240, 106.775),
              (11.295, 106.795))),
    Corridor("D3", "Minh họa: Bến xe Bình Dương – Dầu Tiếng", False,
             ((10.966, 106.668), (10.995, 106.640), (11.040, 106.610), (11.090, 106.570), (11.150, 106.520),
              (11.210, 106.450), (11.250, 106.400), (11.280, 106.363))),
    Corridor("D4", "Minh họa: Uyên Hưng – Tân Phước Khánh – Dĩ An", False,
             ((11.065, 106.795), (11.050, 106.765), (11.025, 106.740), (11.005, 106.722), (10.975, 106.735),
              (10.945, 106.755), (10.907, 106.769))),
)  # fmt: skip

SPEED: Final = 8.3  # m/s between stops, about 30 km/h
DWELL: Final = 20.0  # s at each stop
_SPACING: Final = 1_400.0  # m between stops
_NORTH: Final = 110_600.0  # m per degree


def line(corridor: Corridor) -> list[list[float]]:
    """The corridor as GeoJSON LineString coordinates."""
    return [[lon, lat] for lat, lon in corridor.line]


@dataclass(frozen=True, slots=True)
class Track:
    """A corridor measured in metres, with its stops, and the there-and-back timetable that every bus of it follows."""

    lat: Floats
    lon: Floats
    along: Floats
    stops: Floats
    times: Floats
    places: Floats

    @property
    def round_trip(self) -> float:
        """Seconds from a terminus and back to it."""
        return float(self.times[-1])

    def at(self, distance: Floats) -> tuple[Floats, Floats]:
        """(lat, lon) at metres from the first terminus."""
        return np.interp(distance, self.along, self.lat), np.interp(distance, self.along, self.lon)

    def motion(self, seconds: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """(lat, lon, speed in km/h, heading in degrees clockwise from north) at seconds of the timetable.

        A bus at a stop keeps the heading in which it will go on, so that its arrow on the map stays put.
        """
        clock = seconds % self.round_trip
        here = np.interp(clock, self.times, self.places)
        speed = np.where(np.interp((clock + 1) % self.round_trip, self.times, self.places) != here, SPEED * 3.6, 0.0)
        sign = np.where(clock < self.round_trip / 2, 1.0, -1.0)
        i = np.clip(np.searchsorted(self.along, here + sign * 0.01, "right") - 1, 0, len(self.along) - 2)
        north = (self.lat[i + 1] - self.lat[i]) * sign
        east = (self.lon[i + 1] - self.lon[i]) * np.cos(np.radians(self.lat[i])) * sign
        lat, lon = self.at(here)
        return lat, lon, speed, np.degrees(np.arctan2(east, north)) % 360


def track(corridor: Corridor) -> Track:
    """The corridor's track with evenly spaced stops, both ends included."""
    lat = np.array([place[0] for place in corridor.line])
    lon = np.array([place[1] for place in corridor.line])
    north = np.diff(lat) * _NORTH
    east = np.diff(lon) * _NORTH * math.cos(math.radians(11.0))
    along = np.concatenate(([0.0], np.cumsum(np.hypot(north, east))))
    stops = np.linspace(0.0, along[-1], max(2, round(along[-1] / _SPACING) + 1))
    there_and_back = np.concatenate((stops, stops[-2::-1]))
    ride = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(there_and_back)) / SPEED)))
    arrive = ride + DWELL * np.arange(len(ride))
    times = np.column_stack((arrive, arrive + DWELL)).ravel()[:-1]
    return Track(lat, lon, along, stops, times, np.repeat(there_and_back, 2)[:-1])
