"""Durations as people write them in rules: "90s", "10m", "1h30m", "2d", or ISO 8601."""

from __future__ import annotations

import re
from typing import Final

from dothi.model.duration import parse_duration

_PARTS = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)
_UNITS: Final = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000)
LONGEST: Final = 400 * _UNITS[0]


def micros(text: str) -> int:
    """Microseconds of a duration of at most 400 days. Raises ValueError with the reason."""
    written = text.strip()
    if written.startswith("P"):
        found = parse_duration(written)
    else:
        match = _PARTS.fullmatch(written) if 0 < len(written) <= 64 else None
        if match is None:
            raise ValueError(f"{text[:64]!r} is no duration like 90s, 10m, 1h30m or 2d")
        found = round(sum(float(part or 0) * unit for part, unit in zip(match.groups(), _UNITS, strict=True)))
    if found > LONGEST:
        raise ValueError(f"{text!r} is longer than 400 days")
    return found
