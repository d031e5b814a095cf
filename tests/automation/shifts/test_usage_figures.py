"""The centre's figures as pure sums: quantiles agree with numpy, spans with a slow count, priorities with ISA-18.2."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.automation.alarms.alarm import Act
from dothi.automation.shifts.usage import (
    Presence,
    answer_times,
    by_hour,
    covered,
    presence_of,
    priorities,
    quantile,
)
from dothi.model.instant import parse_instant

SECOND = 1_000_000


def act(deed, at, alarm="a", **more):
    return Act(alarm=alarm, deed=deed, by="an", at=at * SECOND, **more)


@given(st.lists(st.floats(0, 10_000), min_size=1), st.sampled_from([0.5, 0.9]))
def test_quantiles_are_those_of_numpy(values, share):
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), abs=0.06)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), max_size=8))
def test_covered_time_is_what_a_slow_count_says(spans):
    presence = [Presence("an", start, start + length) for start, length in spans]
    assert covered(presence) == len({each for one in presence for each in range(one.start, one.end)})


@given(st.lists(st.tuples(st.integers(0, 99), st.booleans()), max_size=12, unique_by=lambda sign: sign[0]))
def test_presence_is_what_a_slow_walk_says(signs):
    signs.sort()
    here = {m for m in range(20, 80) if next((is_in for at, is_in in reversed(signs) if at <= m), False)}
    told = presence_of("an", signs, 20, 80)
    assert {m for one in told for m in range(one.start, one.end)} == here


def test_an_answer_counts_from_the_last_raising_and_only_within_the_span():
    acts = [act("raise", 0), act("acknowledge", 30), act("raise", 100), act("raise", 200, "b"), act("acknowledge", 260)]
    assert answer_times(acts, 0, 300 * SECOND) == [30, 160]
    assert answer_times(acts, 50 * SECOND, 300 * SECOND) == [160]
    assert quantile([], 0.5) is None


def test_priorities_have_the_goals_of_the_standard():
    raised = [act("raise", 0, severity=each) for each in ("critical", "major", "minor", "advisory")]
    assert [(p.priority, p.count, p.share, p.goal) for p in priorities(raised)] == [
        ("low", 2, 0.5, 0.8), ("medium", 1, 0.25, 0.15), ("high", 1, 0.25, 0.05),
    ]  # fmt: skip
    assert [p.share for p in priorities([])] == [None, None, None]


def test_hours_are_those_of_the_city():
    at = parse_instant("2026-11-25T23:30:00Z") // SECOND
    assert by_hour([act("raise", at)], "Asia/Ho_Chi_Minh")[6] == 1
