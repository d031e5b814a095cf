"""Times of files become instants in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.connectors.times import time_reader, zone_of


@pytest.mark.parametrize(
    ("format", "zone", "cell", "instant"),
    [
        ("iso", None, "2022-10-01 00:00:00+00:00", "2022-10-01T00:00:00Z"),
        ("iso", "Asia/Ho_Chi_Minh", "2026-01-31T08:00", "2026-01-31T01:00:00Z"),
        ("iso", "+07:00", "2026-01-31", "2026-01-30T17:00:00Z"),
        ("%m/%d/%y %H:%M", "UTC", "1/2/17 0:10", "2017-01-02T00:10:00Z"),
        ("%d-%m-%Y %H:%M", "America/Chicago", "02-10-2012 09:00", "2012-10-02T14:00:00Z"),
        ("%m/%d/%Y %I:%M:%S %p", "America/New_York", "03/01/2011 12:05:00 AM", "2011-03-01T05:05:00Z"),
        ("%m/%d/%Y %I:%M:%S %p", "America/New_York", "03/01/2011 12:05:00 pm", "2011-03-01T17:05:00Z"),
        ("%d.%m.%Y %H:%M:%S.%f", "UTC", "31.01.2026 08:00:00.25", "2026-01-31T08:00:00.25Z"),
        ("%d %b %Y", "UTC", "31 Jan 2026", "2026-01-31T00:00:00Z"),
        ("epoch", None, "1769846400", "2026-01-31T08:00:00Z"),
        ("epoch_ms", None, 1769846400500, "2026-01-31T08:00:00.5Z"),
        # The first of the two 01:30 when clocks go back; 02:30 does not exist when they go forward.
        ("%Y-%m-%d %H:%M", "America/Chicago", "2017-11-05 01:30", "2017-11-05T06:30:00Z"),
        ("%Y-%m-%d %H:%M", "America/Chicago", "2017-03-12 02:30", "2017-03-12T08:30:00Z"),
    ],
)
def test_a_time_of_a_file_becomes_utc(format: str, zone: str | None, cell: object, instant: str) -> None:
    assert time_reader(format, zone)(cell) == instant


@pytest.mark.parametrize(
    ("format", "zone", "cell", "words"),
    [
        ("iso", None, "2026-01-31 08:00", "names no time zone"),
        ("iso", "UTC", "31/01/2026", "no ISO 8601"),
        ("%d/%m/%Y", "UTC", "13/13/2026", "no date by %d/%m/%Y"),
        ("%d/%m/%Y", "UTC", "2026-01-31", "not written as %d/%m/%Y"),
        ("%I:%M %p", "UTC", "13:00 PM", "hour must be in 1..12"),
        ("epoch", None, "soon", "no time counted since 1970"),
    ],
)
def test_a_wrong_time_says_what_is_wrong(format: str, zone: str | None, cell: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        time_reader(format, zone)(cell)


def test_an_unknown_zone_or_format_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone_of("Asia/Atlantis")
    with pytest.raises(ValueError, match="no time format"):
        time_reader("YYYY-MM-DD")


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001 - local by intention
    st.sampled_from(["%d/%m/%Y %H:%M:%S.%f", "%m-%d-%Y %I:%M:%S.%f %p", "%Y%m%d%H%M%S%f"]),
    st.integers(-12, 14),
)
def test_own_patterns_agree_with_strptime(moment: datetime, format: str, hours: int) -> None:
    text = moment.strftime(format)
    zone = f"{'-' if hours < 0 else '+'}{abs(hours):02d}:00"
    expected = moment.replace(tzinfo=UTC) - timedelta(hours=hours)
    assert datetime.fromisoformat(time_reader(format, zone)(text)) == expected
