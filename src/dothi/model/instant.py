"""Instants as integers: microseconds since 1970-01-01T00:00:00Z, parsed from and written as NGSI-LD DateTimes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@lru_cache(maxsize=65536)
def parse_instant(text: str) -> int:
    """Microseconds since the epoch of an ISO 8601 DateTime (GS CIM 009 clause 4.6.3).

    The clause asks for UTC with a trailing Z; an explicit offset is taken too, since the instant is the same.
    Digits past the microsecond are cut. Raises ValueError when the text is no DateTime or has no zone.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no DateTime like 2026-01-31T08:00:00Z")
    fraction = match[1]
    if fraction is not None and (len(fraction) > 7 or fraction[0] == ","):
        text = text[:19] + "." + fraction[1:7] + match[2]
    return (datetime.fromisoformat(text) - EPOCH) // MICROSECOND


def format_instant(micros: int) -> str:
    """The DateTime of an instant, in UTC with a trailing Z and a fraction only where there is one."""
    moment = EPOCH + MICROSECOND * micros
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds" if moment.microsecond else "seconds")
    return text.rstrip("0") + "Z" if moment.microsecond else text + "Z"
