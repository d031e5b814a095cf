"""A single instance looked up in place is the one that unpacking the whole chunk gives."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.model.instant import format_instant, parse_instant
from dothi.storage.chunk import Chunk, seal
from dothi.storage.peek import Peek, Peeks

START = parse_instant("2026-01-01T00:00:00Z")

numbers = st.one_of(
    st.integers(-(1 << 53), 1 << 53),
    st.integers(-40, 400),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-4000, 4000).map(lambda tenths: tenths / 10),
)
values = st.one_of(numbers, st.text(max_size=3), st.booleans(), st.none())
steps = st.one_of(st.integers(0, 3).map(lambda step: step * 600_000_000), st.integers(0, 10**13))


@st.composite
def chunks(draw):
    """Points of one series in order of time: a clock's steady steps or any, numbers only or anything."""
    kind = draw(st.sampled_from((numbers, values)))
    steady = draw(st.booleans())
    points, time = [], START
    for value in draw(st.lists(kind, min_size=1, max_size=40)):
        time += 60_000_000 if steady else draw(steps)
        recorded = time + draw(st.integers(-5, 10**9))
        instance = {"type": "Property", "value": value}
        if draw(st.booleans()):
            instance["observedAt"] = format_instant(time)
        points.append((time, recorded, instance))
    return sorted(points, key=lambda point: point[:2])


@given(chunks(), st.integers(-100, 100))
@settings(max_examples=200, deadline=None)
def test_a_peek_gives_what_the_opened_chunk_gives(points, shift):
    _, data = seal(points)
    peek, chunk = Peek(data, len(points)), Chunk(data, len(points))
    for position, (time, recorded, instance) in enumerate(chunk.all_points()):
        found = peek.instance(position)
        assert (peek.time(position), peek.recorded(position)) == (time, recorded)
        assert {**instance, "createdAt": recorded, "modifiedAt": recorded} == found
        assert type(found["value"]) is type(instance["value"])
        at = time + shift * 1_000_000
        assert peek.last(at) == max((n for n, point in enumerate(points) if point[0] <= at), default=-1)


def test_the_longest_unused_chunks_are_forgotten_first():
    _, data = seal([(START, START, {"type": "Property", "value": 1})])
    size = Peek(data, 1).size
    peeks = Peeks(most=2 * size)
    for number in range(3):
        peeks.keep((number, 0, 1), Peek(data, 1))
        peeks.get((0, 0, 1))
    assert [peeks.get((number, 0, 1)) is not None for number in range(3)] == [True, False, True]
