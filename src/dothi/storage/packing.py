"""Packs number columns of a chunk into few bytes and back, exactly."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

_WIDTHS = ((0, 1), (1, 1 << 8), (2, 1 << 16), (4, 1 << 32))
_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_SCALES = tuple(10.0**digits for digits in range(7))
_EXACT = float(1 << 53)


class PackedInts(msgspec.Struct, frozen=True, array_like=True):
    """int64 values as first + running sum of (low + unit * small); `delta` says whether the small ones are steps."""

    delta: bool
    first: int
    low: int
    unit: int
    width: int
    data: bytes


class PackedNumbers(msgspec.Struct, frozen=True, array_like=True):
    """Numbers as integers over 10**digits where that is exact, else (digits -1) as float64 bytes by significance.

    `integers` says which were written without a fraction: None all, b"" not one, else one bit each.
    """

    digits: int
    ints: PackedInts | None
    raw: bytes
    integers: bytes | None
    missing: bytes


def pack_ints(values: Ints) -> PackedInts:
    """Pack a non-empty int64 array by the smaller of its own range and the range of its steps."""
    steps = np.diff(values)
    plain = _range(values)
    stepped = _range(steps) if len(steps) else 0
    delta = len(steps) > 0 and 0 <= stepped < plain
    column = steps if delta else values
    low = int(column.min())
    offsets = column - low
    unit = int(np.gcd.reduce(offsets)) or 1
    offsets //= unit
    width = _width(int(offsets.max()))
    data = offsets.astype(_UNSIGNED[width]).tobytes() if width else b""
    return PackedInts(delta, int(values[0]), low, unit, width, _by_significance(data, width))


def unpack_ints(packed: PackedInts, points: int) -> Ints:
    count = points - 1 if packed.delta else points
    if packed.width:
        data = _by_value(packed.data, packed.width)
        column = np.frombuffer(data, _UNSIGNED[packed.width]).astype(np.int64) * packed.unit + packed.low
    else:
        column = np.full(count, packed.low, np.int64)
    if not packed.delta:
        return column
    values = np.empty(points, np.int64)
    values[0] = packed.first
    np.cumsum(column, out=values[1:])
    values[1:] += packed.first
    return values


def pack_numbers(values: Floats, integers: NDArray[np.bool_]) -> PackedNumbers:
    """Pack float64 values; NaN stands for no number. Integers beyond 2**53 must not be given."""
    missing = np.isnan(values)
    missing_bits = np.packbits(missing).tobytes() if missing.any() else b""
    known = np.where(missing, 0.0, values)
    integer_bits: bytes | None = None
    if not integers.all():
        integer_bits = np.packbits(integers).tobytes() if integers.any() else b""
    for digits, scale in enumerate(_SCALES):
        scaled = np.rint(known * scale)
        if np.abs(scaled).max() >= _EXACT:
            break
        if np.array_equal(scaled / scale, known) and not _has_negative_zero(known):
            return PackedNumbers(digits, pack_ints(scaled.astype(np.int64)), b"", integer_bits, missing_bits)
    return PackedNumbers(-1, None, _by_significance(known.tobytes(), 8), integer_bits, missing_bits)


def unpack_numbers(packed: PackedNumbers, points: int) -> Floats:
    """The float64 values again, NaN where there was no number."""
    if packed.ints is None:
        values = np.frombuffer(_by_value(packed.raw, 8), np.float64)
    else:
        values = unpack_ints(packed.ints, points) / _SCALES[packed.digits]
    if packed.missing:
        values = np.where(np.unpackbits(np.frombuffer(packed.missing, np.uint8), count=points) == 1, np.nan, values)
    return values


def numbers_of(packed: PackedNumbers, values: Floats, points: int) -> list[Any]:
    """The values as Python numbers, integers as they were written."""
    if packed.integers == b"":
        plain: list[Any] = values.tolist()
        return plain
    if packed.integers is None and not packed.missing:
        whole: list[Any] = values.astype(np.int64).tolist()
        return whole
    if packed.integers is None:
        flags = [True] * points
    else:
        flags = (np.unpackbits(np.frombuffer(packed.integers, np.uint8), count=points) == 1).tolist()
    return [
        int(value) if flag and value == value else value for value, flag in zip(values.tolist(), flags, strict=True)
    ]


def _range(values: Ints) -> int:
    return int(values.max()) - int(values.min())


def _width(largest: int) -> int:
    for width, bound in _WIDTHS:
        if largest < bound:
            return width
    return 8


def _by_significance(data: bytes, width: int) -> bytes:
    """Bytes of equal significance together, which compresses better."""
    return data if width < 2 else np.frombuffer(data, np.uint8).reshape(-1, width).T.tobytes()


def _by_value(data: bytes, width: int) -> bytes:
    return data if width < 2 else np.frombuffer(data, np.uint8).reshape(width, -1).T.tobytes()


def _has_negative_zero(values: Floats) -> bool:
    return bool((np.signbit(values) & (values == 0)).any())
