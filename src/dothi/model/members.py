"""Members of control documents (subscriptions, registrations): read by their shape, refused by their place."""

from __future__ import annotations

import re
from typing import Any, Final

from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant

#: Headers that belong to the connection, or that the broker sets by itself.
OWN_HEADERS: Final = frozenset({
    "host", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
    "upgrade", "expect", "link", "via", "ngsild-tenant",
})  # fmt: skip

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def at(place: str, name: str) -> str:
    """Where a member stands, for messages: `management.timeout`."""
    return f"{place}.{name}" if place else name


def text(document: dict[str, Any], name: str, place: str = "") -> str | None:
    """A text that is not empty; None where it is absent. Raises BadRequestData."""
    value = document.get(name)
    if value is None and name not in document:
        return None
    if not isinstance(value, str) or not value:
        raise BadRequestData(f"{at(place, name)} must be a text that is not empty.")
    return value


def texts(document: dict[str, Any], name: str, place: str = "") -> tuple[str, ...] | None:
    """An array of at least one text; None where it is absent. Raises BadRequestData."""
    if name not in document:
        return None
    value = document[name]
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each for each in value):
        raise BadRequestData(f"{at(place, name)} must be an array of at least one text.")
    return tuple(value)


def flag(document: dict[str, Any], name: str, place: str = "", default: bool = False) -> bool:
    """A boolean. Raises BadRequestData."""
    value = document.get(name, default)
    if not isinstance(value, bool):
        raise BadRequestData(f"{at(place, name)} must be true or false.")
    return value


def positive(document: dict[str, Any], name: str, place: str = "") -> float | None:
    """A number greater than 0; None where it is absent. Raises BadRequestData."""
    if name not in document:
        return None
    value = document[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        raise BadRequestData(f"{at(place, name)} {value!r} must be a number greater than 0.")
    return float(value)


def instant(document: dict[str, Any], name: str, place: str = "") -> int | None:
    """A DateTime in microseconds; None where it is absent. Raises BadRequestData."""
    if name not in document:
        return None
    value = document[name]
    try:
        return parse_instant(value)
    except (TypeError, ValueError, OverflowError):
        raise BadRequestData(f"{at(place, name)} {value!r} is no DateTime like 2027-01-31T08:00:00Z.") from None


def pairs(document: dict[str, Any], name: str, place: str = "") -> tuple[tuple[str, str], ...]:
    """KeyValuePair[] (clause 5.2.22); absent is empty. Raises BadRequestData."""
    given = document.get(name, [])
    if not isinstance(given, list):
        raise BadRequestData(f'{at(place, name)} must be an array of {{"key": text, "value": text}}.')
    found = []
    for n, pair in enumerate(given):
        key, value = (pair.get("key"), pair.get("value")) if isinstance(pair, dict) else (None, None)
        if not isinstance(key, str) or not isinstance(value, str):
            raise BadRequestData(f"{at(place, name)}[{n}] must have a key and a value that are both strings.")
        found.append((key, value))
    return tuple(found)


def header_fault(key: str, value: str) -> str | None:
    """Why a pair cannot be a header of a call that the broker makes, or None."""
    if not _HEADER_NAME.fullmatch(key) or not _HEADER_VALUE.fullmatch(value):
        return "it cannot be an HTTP header: mind its characters"
    if key.lower() in OWN_HEADERS:
        return "the broker sets this header itself, leave it out"
    return None
