"""Days of the Vietnamese lunar month, from the times of the new moons (Meeus, Astronomical Formulae, chapter 32)."""

from __future__ import annotations

import math
from datetime import date
from functools import lru_cache
from typing import Final

#: The Vietnamese calendar counts days at 105° east, UTC+7, since 1968.
_ZONE: Final = 7.0 / 24.0
#: Julian day number of the proleptic ordinal day 0.
_ORDINAL: Final = 1_721_424.5
_MONTH: Final = 29.530588853
#: Julian day of the new moon number 0, 1 January 1900.
_FIRST: Final = 2_415_021.076998695


@lru_cache(maxsize=4096)
def lunar_day(day: date) -> int:
    """1 to 30: the day of the lunar month; the month begins on the day of the new moon in Vietnam."""
    ordinal = day.toordinal()
    k = math.floor((ordinal + _ORDINAL - _FIRST) / _MONTH)
    start = next(moon for moon in map(_new_moon_day, (k + 1, k, k - 1)) if moon <= ordinal)
    return ordinal - start + 1


@lru_cache(maxsize=1024)
def _new_moon_day(k: int) -> int:
    """The proleptic ordinal of the day in Vietnam on which the k-th new moon since 1900 falls."""
    return math.floor(_new_moon(k) + _ZONE - _ORDINAL)


def _new_moon(k: int) -> float:
    """Julian day (about universal time) of the new moon; right to some minutes between 1900 and 2100."""
    t = k / 1236.85
    mean = 2_415_020.75933 + 29.53058868 * k + (0.0001178 - 0.000000155 * t) * t * t
    mean += 0.00033 * math.sin(math.radians(166.56 + (132.87 - 0.009173 * t) * t))
    sun = math.radians(359.2242 + 29.10535608 * k - (0.0000333 + 0.00000347 * t) * t * t)
    moon = math.radians(306.0253 + 385.81691806 * k + (0.0107306 + 0.00001236 * t) * t * t)
    node = math.radians(21.2964 + 390.67050646 * k - (0.0016528 + 0.00000239 * t) * t * t)
    terms = (
        (0.1734 - 0.000393 * t, sun), (0.0021, 2 * sun), (-0.4068, moon), (0.0161, 2 * moon), (-0.0004, 3 * moon),
        (0.0104, 2 * node), (-0.0051, sun + moon), (-0.0074, sun - moon), (0.0004, 2 * node + sun),
        (-0.0004, 2 * node - sun), (-0.0006, 2 * node + moon), (0.0010, 2 * node - moon), (0.0005, 2 * moon + sun),
    )  # fmt: skip
    return mean + sum(size * math.sin(angle) for size, angle in terms) - _delta(t)


def _delta(t: float) -> float:
    """Days by which dynamical time runs before universal time."""
    if t < -11:
        return 0.001 + 0.000839 * t + 0.0002261 * t * t - 0.00000845 * t**3 - 0.000000081 * t**4
    return -0.000278 + 0.000265 * t + 0.000262 * t * t
