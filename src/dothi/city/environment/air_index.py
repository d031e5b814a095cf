"""What the air quality indices share: the result, NowCast, truncation and rounding as the standards ask for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["good", "moderate", "poor", "bad", "veryBad", "hazardous"]

#: Highest index value of each level. VN_AQI (Decision 1459/QĐ-TCMT, table 1) and the US AQI share these limits.
LEVELS: tuple[tuple[int, Level], ...] = (
    (50, "good"),
    (100, "moderate"),
    (150, "poor"),
    (200, "bad"),
    (300, "veryBad"),
    (500, "hazardous"),
)


@dataclass(frozen=True, slots=True)
class AirIndex:
    """An index value 0 to 500, its level, the pollutant that decides it, and the index of every pollutant."""

    value: int
    level: Level
    pollutant: str
    parts: dict[str, int]


def level(value: int) -> Level:
    """The level of an index value; everything above 300 is hazardous."""
    return next((name for limit, name in LEVELS if value <= limit), "hazardous")


def worst(parts: dict[str, int]) -> AirIndex | None:
    """The index of a station is the largest of its pollutants' indices; None where there is none."""
    if not parts:
        return None
    pollutant = max(parts, key=lambda name: parts[name])
    return AirIndex(parts[pollutant], level(parts[pollutant]), pollutant, dict(parts))


def nowcast(hours: Sequence[float | None]) -> float | None:
    """The weighted mean of up to 12 hourly means in µg/m³, the newest first; a missing hour is None.

    The weight is w = lowest / highest, at least 1/2; hour i counts with w^(i-1) and a missing hour with nothing. None
    where fewer than two of the three newest hours are there. The same rule stands in Decision 1459/QĐ-TCMT clause
    2.2.1.a and in EPA-454/B-24-002 ("How the NowCast is calculated"). The decision writes the case w = 1/2 as the bare
    sum of c_i / 2^i; this is the same but for the divisor, which here sums the weights used: with all 12 hours it
    differs by 1/4096, and with gaps the bare sum would take a missing hour for clean air.
    """
    window = [None if hour is None or not math.isfinite(hour) else hour for hour in hours[:12]]
    if sum(hour is not None for hour in window[:3]) < 2:
        return None
    present = [hour for hour in window if hour is not None]
    if max(present) <= 0:
        return 0.0
    weight = max(0.5, min(present) / max(present))
    pairs = [(weight**i, hour) for i, hour in enumerate(window) if hour is not None]
    return sum(w * hour for w, hour in pairs) / sum(w for w, _ in pairs)


def truncate(value: float, digits: int) -> int:
    """The value in units of 10^-digits, further digits cut: truncate(35.49, 1) is 354; digits 0 to 3.

    Binary fractions must not lose a unit: 0.285 ppm are 285 ppb although 0.285 * 1000 is 284.99999999999994.
    """
    return math.floor(round(value * (1, 10, 100, 1000)[digits], 6))


def half_up(value: float) -> int:
    """The nearest whole number, halves upwards; 49.5 is 50 although Python's round goes to the even number."""
    return math.floor(round(value, 9) + 0.5)
