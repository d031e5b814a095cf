"""A sealed chunk gives back what was put in, whatever the instances look like."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.entity import VALUE_MEMBER
from dothi.model.instant import format_instant, parse_instant
from dothi.storage.chunk import Chunk, seal, time_of

values = st.one_of(
    st.integers(-(1 << 60), 1 << 60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(max_size=5),
    st.lists(st.integers(0, 9), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2),
)


@st.composite
def instances(draw):
    kind = draw(st.sampled_from(["Property", "JsonProperty", "Relationship", "ListProperty"]))
    instance = {"type": kind, VALUE_MEMBER[kind]: draw(values)}
    if draw(st.booleans()):
        instance["unitCode"] = draw(st.sampled_from(["CEL", "GQ"]))
    if draw(st.booleans()):
        instance["observedAt"] = format_instant(draw(st.integers(0, 4_000_000_000_000_000)))
    if draw(st.booleans()):
        instance["https://example.org/accuracy"] = {"type": "Property", "value": draw(st.integers(0, 3))}
    return instance


@given(st.lists(st.tuples(instances(), st.integers(0, 4_000_000_000_000_000)), min_size=1, max_size=20))
def test_points_come_back(pairs):
    points = sorted(((time_of(i, at), at, i) for i, at in pairs), key=lambda point: point[:2])
    summary, data = seal(points)
    chunk = Chunk(data, summary.points)
    metas, which = chunk.metas()
    back = []
    for position, value in enumerate(chunk.values()):
        meta = metas[0 if which is None else which[position]]
        instance = {**meta, VALUE_MEMBER[meta["type"]]: value}
        if "observedAt" in instance:
            instance["observedAt"] = format_instant(int(chunk.times[position]))
        back.append((int(chunk.times[position]), int(chunk.recorded[position]), instance))
    assert back == points
    assert (summary.start, summary.end) == (points[0][0], points[-1][0])


def test_summary_speaks_of_the_numbers():
    instances = [{"type": "Property", "value": value} for value in (1, 2.5, "x", 4)]
    summary, data = seal([(i, i, instance) for i, instance in enumerate(instances)])
    assert (summary.count, summary.total, summary.low, summary.high) == (3, 7.5, 1, 4)
    numbers = Chunk(data, 4).numbers()
    assert np.array_equal(numbers, [1, 2.5, np.nan, 4], equal_nan=True)


def test_hourly_values_of_one_decimal_take_under_six_bytes():
    rng = np.random.default_rng(1)
    start = parse_instant("2025-01-01T00:00:00Z")
    points = [
        (start + hour * 3_600_000_000, start, {"type": "Property", "value": round(float(v), 1), "observedAt": "x"})
        for hour, v in enumerate(30 + np.cumsum(rng.normal(0, 3, 1024)))
    ]
    _, data = seal(points)
    assert len(data) / 1024 < 6


def test_numbers_whose_sum_is_beyond_all_doubles_are_kept():
    summary, data = seal([(i, i, {"type": "Property", "value": 1.7e308}) for i in range(3)])
    assert summary.total == float("inf")
    assert Chunk(data, 3).values() == [1.7e308] * 3
