"""Schedules with Vietnam's calendar, against published dates."""

from datetime import date

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.automation.rules.definition import Schedule
from dothi.automation.rules.durations import micros
from dothi.automation.rules.lunar import lunar_day
from dothi.automation.rules.times import Times, is_tet
from dothi.model.instant import format_instant, parse_instant


def test_every_tet_of_a_century_is_the_first_day_of_a_lunar_month():
    for year in range(2000, 2100):
        days = holidays.country_holidays("VN", years=year, language="vi").items()
        (tet,) = [day for day, name in days if name == "Tết Nguyên Đán"]
        assert lunar_day(tet) == 1


@pytest.mark.parametrize(("day", "lunar"), [(date(2024, 9, 17), 15), (date(2026, 3, 3), 15), (date(2007, 2, 17), 1)])
def test_full_moon_feasts_are_on_the_fifteenth(day, lunar):
    assert lunar_day(day) == lunar


def test_tet_is_not_the_new_year_of_the_solar_calendar():
    assert is_tet(date(2026, 2, 17))
    assert not is_tet(date(2026, 1, 1))


def test_a_span_past_midnight_counts_to_the_day_on_which_it_begins():
    times = Times(Schedule(hours=("22:00-06:00",), days=("fri",)))
    assert times.covers(parse_instant("2026-01-30T16:00:00Z"))  # Friday, 23:00
    assert times.covers(parse_instant("2026-01-30T22:00:00Z"))  # Saturday, 05:00
    assert not times.covers(parse_instant("2026-01-30T23:00:00Z"))
    assert format_instant(times.next_change(parse_instant("2026-01-30T16:00:00Z"))) == "2026-01-30T23:00:00Z"


def test_a_substitute_day_is_a_day_off():
    off = Times(Schedule(calendar="off"))
    assert off.covers(parse_instant("2026-04-27T05:00:00Z"))  # Monday after the Hùng Kings' day on a Sunday
    assert not off.covers(parse_instant("2026-04-28T05:00:00Z"))


spans = st.lists(
    st.sampled_from(["00:00-24:00", "06:00-08:00", "07:30-09:00", "22:00-06:00", "09:00-09:30"]), max_size=3
)


@given(
    st.builds(Schedule, hours=spans.map(tuple), days=st.sampled_from([(), ("mon", "tue"), ("sun",)])),
    st.integers(0, 14 * 24 * 60),
)
def test_the_next_change_is_the_first_minute_that_differs(schedule, minute):
    times, start = Times(schedule), parse_instant("2026-01-01T00:00:00Z") + minute * 60_000_000
    was = times.covers(start)
    differing = (
        start + i * 60_000_000 for i in range(1, 9 * 24 * 60) if times.covers(start + i * 60_000_000) is not was
    )
    assert times.next_change(start) == next(differing, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("PT5M", 300)]
)
def test_durations_are_read(text, seconds):
    assert micros(text) == seconds * 1_000_000


@pytest.mark.parametrize("text", ["", "m", "10", "5 m", "-1m", "500d", "1m1h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match=r"duration|longer"):
        micros(text)
