"""Number columns come back exactly, and small."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dothi.storage.packing import numbers_of, pack_ints, pack_numbers, unpack_ints, unpack_numbers

int64 = st.integers(-(1 << 61), 1 << 61)
numbers = st.one_of(
    st.integers(-(1 << 53), 1 << 53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=2).map(float),
)


@given(st.lists(int64, min_size=1, max_size=50))
def test_integers_come_back(values):
    array = np.array(values, np.int64)
    assert unpack_ints(pack_ints(array), len(array)).tolist() == values


def test_a_regular_clock_takes_no_bytes():
    assert pack_ints(np.arange(0, 3_600_000_000 * 500, 3_600_000_000, dtype=np.int64)).data == b""


@given(st.lists(numbers, min_size=1, max_size=50))
def test_numbers_come_back_with_their_python_type(values):
    packed = pack_numbers(np.array(values, np.float64), np.array([type(v) is int for v in values]))
    back = numbers_of(packed, unpack_numbers(packed, len(values)), len(values))
    assert [(type(v), v, math.copysign(1, v)) for v in back] == [(type(v), v, math.copysign(1, v)) for v in values]


@given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000).map(lambda v: v / 10)), min_size=1, max_size=50))
def test_gaps_come_back_as_nan(values):
    array = np.array([math.nan if v is None else v for v in values])
    packed = pack_numbers(array, np.zeros(len(values), np.bool_))
    assert np.array_equal(unpack_numbers(packed, len(values)), array, equal_nan=True)


def test_one_decimal_is_kept_as_small_integers():
    values = np.array([20.1, 20.4, 19.9, 21.0] * 100)
    packed = pack_numbers(values, np.zeros(400, np.bool_))
    assert packed.digits == 1
    assert packed.ints is not None
    assert len(packed.ints.data) <= 400
