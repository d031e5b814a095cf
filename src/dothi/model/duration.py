"""Durations of ISO 8601 (P1DT12H) as microseconds, for lifetimes: a month counts 30 days, a year 365."""

from __future__ import annotations

import re
from typing import Final

_DURATION = re.compile(
    r"P(?=[\dT])(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?",
    re.ASCII,
)
_DAY: Final = 86_400
#: Seconds of years, months, weeks, days, hours, minutes.
_UNITS: Final = (365 * _DAY, 30 * _DAY, 7 * _DAY, _DAY, 3600, 60)
MAX_LENGTH: Final = 64


def parse_duration(text: str) -> int:
    """Microseconds of a duration like PT30M, P7D or P1Y2M3DT4H5M6.5S. Raises ValueError for any other text."""
    match = _DURATION.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        raise ValueError(f"{text[:MAX_LENGTH]!r} is no ISO 8601 duration like PT30M or P7D")
    seconds = sum(int(group or 0) * unit for group, unit in zip(match.groups(), _UNITS, strict=False))
    return seconds * 1_000_000 + round(float((match[7] or "0").replace(",", ".")) * 1_000_000)
