"""Times as files write them, turned into NGSI-LD DateTimes in UTC by a format and a zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Formats with a name of their own, beside patterns of strptime.
NAMED: Final = ("iso", "epoch", "epoch_ms")

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARTS: Final = {
    "%Y": r"(?P<Y>\d{4})",
    "%y": r"(?P<y>\d{2})",
    "%m": r"(?P<m>\d{1,2})",
    "%d": r"(?P<d>\d{1,2})",
    "%H": r"(?P<H>\d{1,2})",
    "%I": r"(?P<I>\d{1,2})",
    "%M": r"(?P<M>\d{1,2})",
    "%S": r"(?P<S>\d{1,2})",
    "%f": r"(?P<f>\d{1,6})",
    "%p": r"(?P<p>[AaPp][Mm])",
    "%z": r"(?P<z>Z|[+-]\d\d:?\d\d)",
    "%%": "%",
}

Reader = Callable[[Any], str]


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name such as Asia/Ho_Chi_Minh, of an offset such as +07:00, or of UTC or Z.

    Raises ValueError for anything else.
    """
    if name in {"UTC", "Z"}:
        return UTC
    if offset := _OFFSET.fullmatch(name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise ValueError(f"{name!r} is no time zone; write an IANA name or an offset like +07:00") from fault


def date_time(moment: datetime) -> str:
    """An aware datetime as NGSI-LD writes it: UTC, trailing Z, a fraction only where there is one."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def time_reader(format: str = "iso", zone: str | None = None) -> Reader:
    """A function from a cell (text, number, date or datetime) to a DateTime; it raises ValueError saying what is wrong.

    `format` is "iso", "epoch" (seconds), "epoch_ms", or a strptime pattern; `zone` is used where the text has none.
    Of a local time that a change of clocks makes twice, the first is meant; one that it skips moves forward.
    Raises ValueError when format or zone cannot be used.
    """
    home = zone_of(zone) if zone else None
    parse = _parser(format)

    def read(cell: Any) -> str:
        moment = cell if isinstance(cell, datetime) else _from_day(cell) if isinstance(cell, date) else parse(cell)
        if moment.tzinfo is None:
            if home is None:
                raise ValueError(f"{cell!r} names no time zone; give zone (an IANA name or +07:00)")
            moment = moment.replace(tzinfo=home)
        return date_time(moment)

    return lru_cache(maxsize=4096)(read)


def _from_day(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the reader adds the zone


def _parser(format: str) -> Callable[[Any], datetime]:
    if format == "iso":
        return _iso
    if format in {"epoch", "epoch_ms"}:
        unit = timedelta(seconds=1) if format == "epoch" else timedelta(milliseconds=1)
        return lambda cell: _epoch(cell, unit)
    return _pattern(format)


def _iso(cell: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(cell).strip())
    except ValueError:
        raise ValueError(f"{cell!r} is no ISO 8601 date or time") from None


def _epoch(cell: Any, unit: timedelta) -> datetime:
    try:
        return _EPOCH + float(cell) * unit
    except (ValueError, OverflowError):
        raise ValueError(f"{cell!r} is no time counted since 1970") from None


def _pattern(format: str) -> Callable[[Any], datetime]:
    """A reader by one regular expression where all parts are numbers (ten times faster), else strptime."""
    pieces = re.split(r"(%.)", format)
    if "%" not in format:
        raise ValueError(f"{format!r} is no time format; write iso, epoch, epoch_ms or a pattern like %d-%m-%Y %H:%M")
    directives = pieces[1::2]
    if any(piece not in _PARTS for piece in directives):
        return lambda cell: _strptime(cell, format)
    if len(set(directives)) < len(directives):
        raise ValueError(f"{format!r} names a part twice")
    expression = re.compile("".join(_PARTS.get(piece) or re.escape(piece) for piece in pieces), re.ASCII)

    def parse(cell: Any) -> datetime:
        match = expression.fullmatch(str(cell).strip())
        if match is None:
            raise ValueError(f"{cell!r} is not written as {format}")
        try:
            return _build(match.groupdict())
        except ValueError as fault:
            raise ValueError(f"{cell!r} is no date by {format}: {fault}") from None

    return parse


def _build(parts: dict[str, str]) -> datetime:
    get = parts.get
    year = int(parts["Y"]) if "Y" in parts else _century(int(get("y", "70")))
    hour = int(get("H") or 0) if "H" in parts else _noon(int(get("I") or 0), get("p"))
    micros = int((get("f") or "0").ljust(6, "0"))
    offset = get("z")
    return datetime(
        year, int(get("m") or 1), int(get("d") or 1), hour, int(get("M") or 0), int(get("S") or 0), micros,
        tzinfo=zone_of(offset) if offset else None,
    )  # fmt: skip


def _century(year: int) -> int:
    return year + (2000 if year < 69 else 1900)


def _noon(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("hour must be in 1..12")
    return hour % 12 + (12 if half in {"PM", "pm", "Pm", "pM"} else 0)


def _strptime(cell: Any, format: str) -> datetime:
    try:
        return datetime.strptime(str(cell).strip(), format)  # noqa: DTZ007 - the reader adds the zone
    except ValueError:
        raise ValueError(f"{cell!r} is not written as {format}") from None
