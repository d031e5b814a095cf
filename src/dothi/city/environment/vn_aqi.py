"""VN_AQI, the Vietnamese air quality index, hourly and daily, after Decision 1459/QĐ-TCMT of 12 November 2019."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from dothi.city.environment.air_index import AirIndex, half_up, nowcast, worst

Pollutant = Literal["o3_1h", "o3_8h", "co", "so2", "no2", "pm10", "pm25"]

#: Index values I_i of the levels 1 to 8.
INDEX: Final = (0, 50, 100, 150, 200, 300, 400, 500)

#: Table 2 of the decision: concentrations BP_i in µg/m³ (CO too); ozone's 8-hour mean ends at level 6.
BREAKPOINTS: Final[Mapping[Pollutant, tuple[int, ...]]] = {
    "o3_1h": (0, 160, 200, 300, 400, 800, 1000, 1200),
    "o3_8h": (0, 100, 120, 170, 210, 400),
    "co": (0, 10_000, 30_000, 45_000, 60_000, 90_000, 120_000, 150_000),
    "so2": (0, 125, 350, 550, 800, 1600, 2100, 2630),
    "no2": (0, 100, 200, 700, 1200, 2350, 3100, 3850),
    "pm10": (0, 50, 150, 250, 350, 420, 500, 600),
    "pm25": (0, 25, 50, 80, 150, 250, 350, 500),
}

#: Gases of the hourly index and the column of table 2 that judges each.
GASES: Final[Mapping[str, Pollutant]] = {"o3": "o3_1h", "co": "co", "so2": "so2", "no2": "no2"}


def sub_index(pollutant: Pollutant, concentration: float) -> int | None:
    """The index of one pollutant from µg/m³, formula 1 of clause 2.2.1.b; 500 from the last breakpoint on.

    None for an 8-hour ozone mean above 400 µg/m³, which the decision leaves to the 1-hour value (clause 2.2.2.b).
    Raises ValueError for a concentration that is negative or no number.
    """
    if not math.isfinite(concentration) or concentration < 0:
        raise ValueError(f"{pollutant}: {concentration} µg/m³ is no concentration; give a number from 0 upwards")
    limits = BREAKPOINTS[pollutant]
    if concentration > limits[-1]:
        return None if pollutant == "o3_8h" else INDEX[-1]
    i = next(k for k in range(1, len(limits)) if concentration <= limits[k])
    share = (concentration - limits[i - 1]) / (limits[i] - limits[i - 1])
    return half_up(INDEX[i - 1] + share * (INDEX[i] - INDEX[i - 1]))


def hourly(
    gases: Mapping[str, float],
    pm25: Sequence[float | None] = (),
    pm10: Sequence[float | None] = (),
) -> AirIndex | None:
    """The index of one hour: gases as 1-hour means in µg/m³, PM as up to 12 hourly means, the newest first.

    None where neither PM2.5 nor PM10 has a NowCast value: clause 2.1.b asks for at least one of the two.
    """
    parts = {"pm25": nowcast(pm25), "pm10": nowcast(pm10)}
    return combine({name: value for name, value in parts.items() if value is not None}, gases)


def combine(pm: Mapping[str, float], gases: Mapping[str, float]) -> AirIndex | None:
    """The largest sub-index of PM (NowCast or 24-hour mean) and gases (1-hour means); None without any PM value."""
    parts: dict[str, int] = {}
    for name, value in (*pm.items(), *gases.items()):
        column = GASES.get(name, name)
        index = sub_index(column, value) if column in BREAKPOINTS else None  # type: ignore[arg-type]
        if index is not None:
            parts[name] = index
    return worst(parts) if "pm25" in parts or "pm10" in parts else None


def daily(hours: Mapping[str, Sequence[float | None]], share: float = 0.75) -> AirIndex | None:
    """The index of one day (clause 2.2.2) from hourly means in µg/m³, the oldest first.

    Each series holds the 24 hours 01:00 to 00:00; ozone may hold the 7 hours before them too, so that each of the 24
    hours has its 8-hour mean. PM counts by its 24-hour mean; SO2, NO2 and CO by their highest hour; ozone by its
    highest hour and its highest 8-hour mean. The decision names no least number of hours: `share` of each window must
    be there, 75 % unless told. None where neither PM2.5 nor PM10 has a value.
    """
    parts: dict[str, int | None] = {}
    for name in ("pm25", "pm10"):
        mean = _mean(hours.get(name, ())[-24:], share, 24)
        parts[name] = None if mean is None else sub_index(name, mean)
    for name, column in GASES.items():
        day = [hour for hour in hours.get(name, ())[-24:] if hour is not None]
        parts[name] = sub_index(column, max(day)) if len(day) >= share * 24 else None
    means = eight_hour_means(hours.get("o3", ()), share)
    if means:
        parts["o3_8h"] = sub_index("o3_8h", max(means))
    known = {name: value for name, value in parts.items() if value is not None}
    return worst(known) if "pm25" in known or "pm10" in known else None


def eight_hour_means(hours: Sequence[float | None], share: float = 0.75) -> list[float]:
    """The mean of each 8 consecutive hours that ends in one of the last 24 hours of the series."""
    ends = range(max(8, len(hours) - 23), len(hours) + 1)
    means = (_mean(hours[end - 8 : end], share, 8) for end in ends)
    return [mean for mean in means if mean is not None]


def _mean(hours: Sequence[float | None], share: float, length: int) -> float | None:
    present = [hour for hour in hours if hour is not None]
    return math.fsum(present) / len(present) if present and len(present) >= share * length else None
