"""Schedules of rules: whether an instant lies within, and when that changes next; with Vietnam's holidays and Tết."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

from dothi.automation.rules.definition import Schedule
from dothi.automation.rules.lunar import lunar_day

ZONE: Final = "Asia/Ho_Chi_Minh"
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Days that are looked ahead for the next change of a schedule.
AHEAD: Final = 400

_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)


def parse_span(text: str) -> tuple[int, int]:
    """(from, to) in minutes of the day; `to` is beyond 1440 where the span passes midnight. Raises ValueError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no span of hours like 06:00-22:00")
    first, last = (int(match[i]) * 60 + int(match[i + 1]) for i in (1, 3))
    if first >= 1440 or last > 1440 or int(match[2]) > 59 or int(match[4]) > 59:
        raise ValueError(f"{text!r} has an hour beyond 24:00")
    if first == last:
        raise ValueError(f"{text!r} is empty; leave it out for the whole day")
    return first, last if last > first else last + 1440


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> dict[date, str]:
    return dict(holidays.country_holidays("VN", years=year, language="vi").items())


def holiday(day: date) -> str | None:
    """The Vietnamese name of the public holiday, its substitute days included; None on other days."""
    return _public_holidays(day.year).get(day)


def is_tet(day: date) -> bool:
    """Whether it is a day of the Tết holiday (not the New Year of the solar calendar)."""
    name = holiday(day)
    return name is not None and "Tết" in name and "Dương lịch" not in name


def day_fits(schedule: Schedule, day: date) -> bool:
    """Whether the day is one of the schedule's, whatever the hour."""
    if schedule.days and WEEKDAYS[day.weekday()] not in schedule.days:
        return False
    if schedule.months and day.month not in schedule.months:
        return False
    if schedule.lunar_days and lunar_day(day) not in schedule.lunar_days:
        return False
    if schedule.calendar == "any":
        return True
    if schedule.calendar == "tet":
        return is_tet(day)
    if schedule.calendar == "holiday":
        return holiday(day) is not None
    off = day.weekday() >= 5 or holiday(day) is not None
    return off if schedule.calendar == "off" else not off


class Times:
    """A schedule in a zone. Spans of the following days are computed once."""

    def __init__(self, schedule: Schedule, zone: str = ZONE) -> None:
        self._schedule = schedule
        self._zone = ZoneInfo(zone)
        self._spans = tuple(map(parse_span, schedule.hours)) or ((0, 1440),)
        self._known: tuple[int, int, bool] | None = None

    def covers(self, instant: int) -> bool:
        """Whether the instant (microseconds) lies within."""
        return self._stretch(instant)[2]

    def next_change(self, instant: int) -> int | None:
        """The first instant after this one at which `covers` changes; None where it does not within 400 days."""
        end = self._stretch(instant)[1]
        return end if end < 1 << 62 else None

    def _stretch(self, instant: int) -> tuple[int, int, bool]:
        known = self._known
        if known is None or not known[0] <= instant < known[1]:
            known = self._known = self._find(instant)
        return known

    def _find(self, instant: int) -> tuple[int, int, bool]:
        """(start, end, covered) of a stretch of the schedule that holds the instant; it need not begin at its start."""
        day = (_EPOCH + _MICROSECOND * instant).astimezone(self._zone).date() - _DAY
        start, inside = instant, False
        end: int | None = None
        for _ in range(AHEAD):
            for first, last in self._of(day):
                if last <= instant:
                    continue
                if end is None and first > instant:
                    return start, first, False
                if end is not None and first > end:
                    return start, end, True
                inside, end = True, last if end is None else max(end, last)
            day += _DAY
        return start, 1 << 62, inside

    def _of(self, day: date) -> list[tuple[int, int]]:
        """The spans that begin on a day, in order."""
        if not day_fits(self._schedule, day):
            return []
        midnight = datetime.combine(day, time(), self._zone)
        base = (midnight - _EPOCH) // _MICROSECOND
        minute = 60_000_000
        return sorted((base + first * minute, base + last * minute) for first, last in self._spans)
