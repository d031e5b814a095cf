"""Query strings: read once, strictly, into a dictionary of the parameters that an operation knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from dothi.model.errors import InvalidRequest

#: Parameters in which a plus sign has a meaning of its own (a scope wildcard, a time zone) and a blank has none.
_PLUS_MATTERS: Final = frozenset({"scopeQ", "timeAt", "endTimeAt"})


def parse_parameters(query: bytes, known: frozenset[str]) -> dict[str, str]:
    """Parameter name -> decoded value. Raises InvalidRequest for unknown, repeated or badly encoded ones (6.3.20)."""
    parameters: dict[str, str] = {}
    for part in query.split(b"&"):
        if not part:
            continue
        raw_name, _, raw_value = part.partition(b"=")
        name = decode(raw_name)
        if name not in known:
            hint = f"it knows {', '.join(sorted(known))}" if known else "it takes none"
            raise InvalidRequest(f"The parameter {name!r} is not known to this operation: {hint}.")
        if name in parameters:
            raise InvalidRequest(f"The parameter {name!r} is given twice: put its values into one, joined by commas.")
        value = decode(raw_value)
        parameters[name] = value.replace(" ", "+") if name in _PLUS_MATTERS else value
    return parameters


def decode(raw: bytes, plus: bytes = b" ") -> str:
    """Percent-decoded text; a plus sign becomes `plus`. Raises InvalidRequest where it is not UTF-8."""
    if b"+" in raw:
        raw = raw.replace(b"+", plus)
    try:
        return (unquote_to_bytes(raw) if b"%" in raw else raw).decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{raw.decode('latin-1')!r} is not UTF-8 after percent-decoding.") from None


def encode(parameters: Iterable[tuple[str, object]]) -> str:
    """A query string of parameters in the order given; what RFC 3986 allows in a query stays readable."""
    return "&".join(f"{quote(name, safe='')}={quote(str(value), safe='/:,;.*()~!$@')}" for name, value in parameters)


def flag(parameters: dict[str, str], name: str) -> bool:
    """A boolean parameter: true or false, absent is false. Raises InvalidRequest for anything else."""
    value = parameters.get(name)
    if value is None or value == "false":
        return False
    if value == "true":
        return True
    raise InvalidRequest(f"{name}={value} is no boolean: write true or false.")


def whole(parameters: dict[str, str], name: str, default: int, low: int = 0) -> int:
    """A whole number parameter of at least `low`. Raises InvalidRequest for anything else."""
    value = parameters.get(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > 15 or int(value) < low:
        raise InvalidRequest(f"{name}={value} is no whole number of at least {low}.")
    return int(value)


def listed(parameters: dict[str, str], name: str) -> tuple[str, ...]:
    """A comma separated parameter; absent is empty. Raises InvalidRequest for an empty element."""
    value = parameters.get(name)
    if value is None:
        return ()
    parts = tuple(value.split(","))
    if not all(parts):
        raise InvalidRequest(f"{name}={value} has an empty element: write values joined by single commas.")
    return parts


def one_of(parameters: dict[str, str], name: str, values: Iterable[str], default: str) -> str:
    """A parameter that takes one of some words. Raises InvalidRequest for any other."""
    value = parameters.get(name, default)
    if value not in values:
        raise InvalidRequest(f"{name}={value} is not supported: write one of {', '.join(values)}.")
    return value
