"""Aggregation periods and methods agree with the slow obvious way."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.duration import parse_period
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant
from dothi.model.query import Window
from dothi.storage.buckets import aggregate_numbers, aggregate_values, edges

METHODS = ("totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq")
HOUR = 3_600_000_000


def naive(times, values, window, size):
    anchor = times[0] if window.start is None else window.start
    groups = {}
    for time, value in zip(times, values, strict=True):
        groups.setdefault((time - anchor) // size, []).append(value)
    return {
        anchor + index * size: {
            "totalCount": len(group),
            "distinctCount": len(set(group)),
            "sum": math.fsum(group),
            "avg": math.fsum(group) / len(group),
            "min": min(group),
            "max": max(group),
            "stddev": math.sqrt(math.fsum((v - math.fsum(group) / len(group)) ** 2 for v in group) / len(group)),
            "sumsq": math.fsum(v * v for v in group),
        }
        for index, group in groups.items()
    }


@given(
    st.lists(st.tuples(st.integers(0, 200 * HOUR), st.integers(-100, 100)), min_size=1, max_size=40),
    st.sampled_from([None, 0, 90 * 60_000_000]),
)
def test_hourly_aggregates_agree_with_the_obvious_way(pairs, start):
    pairs = sorted((time, value) for time, value in pairs if start is None or time >= start)
    if not pairs:
        return
    window = Window(start=start)
    times, values = [p[0] for p in pairs], [p[1] for p in pairs]
    expected = naive(times, values, window, HOUR)
    fast = aggregate_numbers(np.array(times), np.array(values, float), window, METHODS, "PT1H")
    slow = aggregate_values(np.array(times), values, window, METHODS, "PT1H")
    for buckets in (fast, slow):
        assert [bucket.start for bucket in buckets] == list(expected)
        for bucket in buckets:
            assert bucket.values == pytest.approx(expected[bucket.start], abs=1e-9)


def days(borders):
    return [datetime.fromtimestamp(edge / 1e6, UTC).strftime("%Y-%m-%d") for edge in borders]


def test_months_follow_the_calendar_from_the_start_of_the_window():
    start, first, last = map(parse_instant, ("2024-01-01T00:00:00Z", "2024-01-31T10:00:00Z", "2024-04-02T00:00:00Z"))
    borders = edges(first, last, Window(start=start), "P1M")
    assert days(borders) == ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"]


def test_months_without_a_window_begin_with_the_first_instance():
    first, last = map(parse_instant, ("2024-01-31T10:00:00Z", "2024-04-02T00:00:00Z"))
    assert days(edges(first, last, Window(), "P1M")) == ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]


def test_whole_range_is_one_bucket():
    (bucket,) = aggregate_numbers(np.array([5, 7]), np.array([1.0, 3.0]), Window(), ("avg",), "PT0S")
    assert (bucket.start, bucket.values) == (5, {"avg": 2.0})


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1H", "P1H", "P-1D", "PT1.S", "PT1.5H1M", "P0.5M", "P9999Y", "P99999999999D"]
)
def test_a_wrong_period_is_refused(text):
    with pytest.raises(BadRequestData, match="aggrPeriodDuration"):
        parse_period(text)


def test_texts_have_an_order_but_no_mean():
    (bucket,) = aggregate_values(np.array([1, 2]), ["b", "a"], Window(), ("min", "max", "avg", "totalCount"), "P1D")
    assert bucket.values == {"min": "a", "max": "b", "avg": None, "totalCount": 2}


@pytest.mark.parametrize(
    ("text", "months", "micros"),
    [
        ("PT0.5H", 0, HOUR // 2),
        ("PT1,5S", 0, 1_500_000),
        ("P2W", 0, 14 * 24 * HOUR),
        ("P1DT12H", 0, 36 * HOUR),
        ("P0.5Y", 6, 0),
        ("P1Y2M3DT4H5M6S", 14, 76 * HOUR + 306_000_000),
        ("PT0S", 0, 0),
    ],
)
def test_periods_are_read(text, months, micros):
    assert parse_period(text) == (months, micros)


def test_a_month_and_a_day_follow_the_calendar_and_then_the_clock():
    start, last = map(parse_instant, ("2024-01-31T00:00:00Z", "2024-04-01T00:00:00Z"))
    assert days(edges(start, last, Window(), "P1M1D")) == ["2024-01-31", "2024-03-01", "2024-04-02"]


def test_periods_at_the_end_of_time_end_with_it():
    last = parse_instant("9999-12-31T00:00:00Z")
    for period in ("P1Y", "P7D", "P1000Y"):
        (bucket,) = aggregate_numbers(np.array([last]), np.array([1.0]), Window(), ("avg",), period)
        assert bucket.end == parse_instant("9999-12-31T23:59:59.999999Z")


def test_every_kind_of_value_has_the_aggregates_of_its_kind():
    def of(values):
        (bucket,) = aggregate_values(np.arange(len(values)), values, Window(), METHODS, "PT0S")
        return {method: value for method, value in bucket.values.items() if value is not None}

    assert of([True, False, True]) == {
        "totalCount": 3, "distinctCount": 2, "sum": 2, "avg": 2 / 3, "min": 0, "max": 1, "sumsq": 2,
        "stddev": pytest.approx(math.sqrt(2) / 3),
    }  # fmt: skip
    assert of([[1, 2, 3], [4]])["avg"] == 2
    assert of([{"a": 1}, {"a": 1}]) == {"totalCount": 2, "distinctCount": 1}
    early, late = "2026-01-01T08:00:00.5Z", "2026-01-01T08:00:01Z"
    assert (of([late, early])["min"], of([late, early])["max"]) == (early, late)
    typed = [{"@type": "DateTime", "@value": late}, {"@type": "DateTime", "@value": "2026-01-01T15:00:00+07:00"}]
    assert of(typed) == {"totalCount": 2, "distinctCount": 2, "min": "2026-01-01T15:00:00+07:00", "max": late}
