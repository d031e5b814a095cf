"""Which sensors the demo city has: types, how many of 1,500 entities, how often they report, and what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dothi.demo import signals
from dothi.demo.signals import Signal


@dataclass(frozen=True, slots=True)
class Measure:
    """One attribute: its unit by UN/CEFACT code, decimals kept, and what it would show."""

    attribute: str
    unit: str | None
    digits: int
    signal: Signal


@dataclass(frozen=True, slots=True)
class Fleet:
    """Sensors of one type. `share` of them stand in a city of 1,500 entities; `period` is seconds between reports."""

    key: str
    type: str
    name: str
    share: int
    period: int
    measures: tuple[Measure, ...]


FLEETS: Final = (
    Fleet("air", "AirQualityObserved", "Trạm quan trắc không khí", 40, 30, (
        Measure("pm25", "GQ", 1, signals.pm25),
        Measure("pm10", "GQ", 1, signals.pm10),
        Measure("no2", "GQ", 1, signals.no2),
        Measure("so2", "GQ", 1, signals.so2),
        Measure("o3", "GQ", 1, signals.o3),
        Measure("co", "GQ", 0, signals.co),
        Measure("airQualityIndex", None, 0, signals.air_index),
    )),
    Fleet("weather", "WeatherObserved", "Trạm thời tiết", 30, 60, (
        Measure("temperature", "CEL", 1, signals.temperature),
        Measure("relativeHumidity", None, 2, signals.humidity),
        Measure("precipitation", "MMT", 1, signals.rain),
        Measure("windSpeed", "MTS", 1, signals.wind_speed),
        Measure("windDirection", "DD", 0, signals.wind_direction),
        Measure("atmosphericPressure", "A97", 1, signals.pressure),
        Measure("solarRadiation", "D54", 0, signals.sunshine),
    )),
    Fleet("noise", "NoiseLevelObserved", "Trạm đo tiếng ồn", 30, 10, (
        Measure("LAeq", "2N", 1, signals.noise),
        Measure("LAmax", "2N", 1, signals.noise_peak),
    )),
    Fleet("water", "WaterObserved", "Trạm thủy văn", 30, 60, (
        Measure("waterLevel", "MTR", 2, signals.river_level),
        Measure("flow", "MQS", 1, signals.river_flow),
    )),
    Fleet("flood", "FloodMonitoring", "Trạm cảnh báo ngập", 30, 60, (
        Measure("currentLevel", "MTR", 2, signals.canal_level),
        Measure("floodIndex", None, 2, signals.flood_index),
    )),
    Fleet("wifi", "AccessPoint", "Điểm Wi-Fi công cộng", 300, 60, (
        Measure("clientsConnected", None, 0, signals.clients),
    )),
    Fleet("meter", "ACMeasurement", "Công tơ điện thông minh", 500, 60, (
        Measure("totalActivePower", "WTT", 0, signals.power),
    )),
    Fleet("lamp", "StreetlightControlCabinet", "Tủ điều khiển chiếu sáng", 200, 120, (
        Measure("intensityR", "AMP", 1, signals.lamp_current),
    )),
    Fleet("parking", "OffStreetParking", "Bãi đỗ xe", 25, 30, (
        Measure("occupancy", None, 2, signals.parking_share),
    )),
)  # fmt: skip

#: Buses of a city of 1,500 entities, the most that any size has, and seconds between their positions.
BUSES: Final = 40
MOST_BUSES: Final = 400
BUS_PERIOD: Final = 2
