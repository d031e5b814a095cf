"""How long a copied @context may be used before its address is asked again (GS CIM 009 clause 6.3.16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

SECOND: Final = 1_000_000

#: For answers that do not say how long they hold.
USUAL: Final = 24 * 3600 * SECOND

#: However little an answer promises: not every request may wait for another server.
SHORTEST: Final = 60 * SECOND

#: Beyond this an answer is asked for again, whatever it promised.
LONGEST: Final = 365 * 24 * 3600 * SECOND

_AGES = (
    re.compile(r"\bs-maxage\s*=\s*\"?(\d+)", re.IGNORECASE),
    re.compile(r"\bmax-age\s*=\s*\"?(\d+)", re.IGNORECASE),
)
_AT_ONCE = re.compile(r"\bno-(?:store|cache)\b", re.IGNORECASE)


def stale_at(headers: Mapping[str, str], now: int) -> int:
    """When a copy of this answer has to be asked for again; both times in microseconds, header names in lower case.

    s-maxage goes before max-age, both before Expires (RFC 7234 section 5.3); what cannot be read counts as stale.
    """
    control = headers.get("cache-control", "")
    if _AT_ONCE.search(control):
        return now + SHORTEST
    for age in _AGES:
        if found := age.search(control):
            return now + _within_bounds(int(found[1]) * SECOND)
    if "expires" in headers:
        return now + _within_bounds(_date(headers["expires"]) - now)
    return now + USUAL


def _within_bounds(span: int) -> int:
    return max(SHORTEST, min(span, LONGEST))


def _date(text: str) -> int:
    """An HTTP date in microseconds; 0, which is long ago, where it is none."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return 0
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * SECOND)
