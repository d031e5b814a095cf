"""Durations of ISO 8601 such as P1DT12H, read as lengths (lifetimes, delays) or as calendar periods (clause 4.5.19)."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from dothi.model.errors import BadRequestData

_NUMBER: Final = r"(\d+(?:[.,]\d+)?)"
_DURATION: Final = re.compile(
    rf"P(?=[\dT])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII,
)
_DAY: Final = 86_400_000_000
#: Microseconds of weeks, days, hours, minutes and seconds.
_UNITS: Final = (7 * _DAY, _DAY, 3_600_000_000, 60_000_000, 1_000_000)
_LONGEST_MONTHS: Final = 12_000
_LONGEST: Final = 365_250 * _DAY
MAX_LENGTH: Final = 64


def parse_duration(text: str) -> int:
    """Microseconds of a duration like PT30M, P7D or P1Y2M3DT4H5M6.5S: a month counts 30 days, a year 365.

    The smallest part may have a fraction. Raises ValueError for any other text.
    """
    parts = _parts(text)
    if parts is None:
        raise ValueError(f"{text[:MAX_LENGTH]!r} is no ISO 8601 duration like PT30M or P7D")
    units = (365 * _DAY, 30 * _DAY, *_UNITS)
    return round(sum((part * unit for part, unit in zip(parts, units, strict=True)), Fraction(0)))


def parse_period(text: str) -> tuple[int, int]:
    """(months, microseconds) of a period of aggregation; (0, 0) means the whole range. Raises BadRequestData.

    The smallest part may have a fraction; years of it must be whole months.
    """
    parts = _parts(text)
    if parts is None:
        raise BadRequestData(f"aggrPeriodDuration {text[:MAX_LENGTH]!r} is no ISO 8601 duration like PT1H, P1D or P1M")
    years, months, *rest = parts
    calendar_months = years * 12 + months
    if calendar_months.denominator != 1:
        raise BadRequestData(f"aggrPeriodDuration {text!r} has a part of a month, which has no fixed length; use days")
    fixed = round(sum((part * unit for part, unit in zip(rest, _UNITS, strict=True)), Fraction(0)))
    if calendar_months > _LONGEST_MONTHS or fixed > _LONGEST:
        raise BadRequestData(f"aggrPeriodDuration {text!r} is longer than 1,000 years; use a shorter one")
    return int(calendar_months), fixed


def _parts(text: str) -> tuple[Fraction, ...] | None:
    """Years, months, weeks, days, hours, minutes and seconds; None where the text is no duration, or where another
    part than the last one has a fraction."""
    match = _DURATION.fullmatch(text) if len(text) <= MAX_LENGTH else None
    given = (
        [] if match is None else [Fraction(group.replace(",", ".")) for group in match.groups() if group is not None]
    )
    if match is None or not given or any(part.denominator != 1 for part in given[:-1]):
        return None
    return tuple(Fraction((group or "0").replace(",", ".")) for group in match.groups())
