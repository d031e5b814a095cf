"""Sealed history of one series: instances to a compressed blob and back, without loss."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.instant import format_instant, parse_instant
from dothi.storage.packing import (
    Floats,
    Ints,
    Marks,
    PackedInts,
    PackedNumbers,
    numbers_of,
    pack_ints,
    pack_numbers,
    unpack_ints,
    unpack_numbers,
)

#: Most instances of one chunk: large enough to compress well, small enough that reading the last few stays cheap.
CHUNK_POINTS = 1024

#: An instant after all others.
NEVER = 1 << 62

#: (time, recorded, instance): time is observedAt where given, else recorded; microseconds.
Point = tuple[int, int, Instance]


class _Blob(msgspec.Struct, frozen=True, array_like=True):
    times: PackedInts
    recorded: PackedInts
    lag: bool
    numbers: PackedNumbers | None
    texts: bytes
    text_of: PackedInts | None
    metas: bytes
    meta_of: PackedInts


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands beside the blob: time range, points, and count, total, low, high of the numeric values."""

    start: int
    end: int
    points: int
    count: int
    total: float | None
    low: float | None
    high: float | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Blob).decode


class _Codecs(threading.local):
    """zstd contexts of one thread; they must not be shared."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=6, write_content_size=True).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_codecs = _Codecs()


def is_number(value: object) -> bool:
    """Whether a value goes into a number column: int within 2**53 or finite float, no bool."""
    kind = type(value)
    return kind is float or (kind is int and -(1 << 53) <= value <= 1 << 53)  # type: ignore[operator]


def seal(points: Sequence[Point]) -> tuple[Summary, bytes]:
    """Pack points of one series that are in order of time. At least one point; the caller cuts at CHUNK_POINTS."""
    metas: dict[bytes, int] = {}
    meta_of: list[int] = []
    values: list[Any] = []
    for _, _, instance in points:
        member = VALUE_MEMBER[instance["type"]]
        value = instance.get(member)
        values.append(value)
        rest = {key: item for key, item in instance.items() if key not in _DERIVED and key != member}
        if instance.get("observedAt") is not None:
            rest["observedAt"] = True
        meta_of.append(metas.setdefault(orjson.dumps(rest), len(metas)))
    return seal_columns(
        np.array([point[0] for point in points], np.int64),
        np.array([point[1] for point in points], np.int64),
        values,
        [orjson.loads(meta) for meta in metas],
        np.array(meta_of, np.int64),
    )


_DERIVED = frozenset({"observedAt", "createdAt", "modifiedAt"})


def seal_columns(
    times: Ints,
    recorded: Ints,
    values: Sequence[Any] | Floats,
    metas: list[dict[str, Any]],
    meta_of: Ints,
) -> tuple[Summary, bytes]:
    """Pack columns: `values` are the value members, `metas[meta_of[i]]` the rest of instance i.

    A meta with "observedAt": true says that the instance has one, equal to its time.
    """
    points = len(times)
    numbers: PackedNumbers | None = None
    texts, text_of = b"", None
    numeric: Floats | None = None
    if isinstance(values, np.ndarray):
        numeric = values
        numbers = pack_numbers(values, np.zeros(points, np.bool_))
    elif all(map(is_number, values)):
        numeric = np.array(values, np.float64)
        numbers = pack_numbers(numeric, np.array([type(value) is int for value in values], np.bool_))
    else:
        known: dict[bytes, int] = {}
        index = [known.setdefault(orjson.dumps(value), len(known)) for value in values]
        texts, text_of = b"[" + b",".join(known) + b"]", pack_ints(np.array(index, np.int64))
        flags = [is_number(value) for value in values]
        if any(flags):
            numeric = np.array([v if flag else np.nan for v, flag in zip(values, flags, strict=True)], np.float64)
    lags = recorded - times
    lag = int(np.ptp(lags)) < int(np.ptp(recorded))
    blob = _Blob(
        pack_ints(times),
        pack_ints(lags if lag else recorded),
        lag,
        numbers,
        texts,
        text_of,
        orjson.dumps(metas),
        pack_ints(meta_of),
    )
    return _summary(times, numeric), _codecs.compress(_encode(blob))


def open_blob(data: bytes) -> _Blob:
    """The packed columns of a chunk, as they are."""
    return _decode(_codecs.decompress(data))


class Chunk:
    """A chunk opened for reading: columns at once, instances on demand."""

    __slots__ = ("_blob", "_numbers", "points", "recorded", "times")

    def __init__(self, data: bytes, points: int) -> None:
        blob = open_blob(data)
        self._blob = blob
        self._numbers: Floats | None = None
        self.points = points
        self.times: Ints = unpack_ints(blob.times, points)
        recorded = unpack_ints(blob.recorded, points)
        self.recorded: Ints = recorded + self.times if blob.lag else recorded

    def numbers(self) -> Floats | None:
        """Values as float64 (NaN where not a number), or None when the chunk has none."""
        if self._blob.numbers is None:
            flat = [value if is_number(value) else np.nan for value in self.values()]
            numbers = np.array(flat, np.float64)
            return None if np.isnan(numbers).all() else numbers
        if self._numbers is None:
            self._numbers = unpack_numbers(self._blob.numbers, self.points)
        return self._numbers

    def values(self) -> list[Any]:
        """The value members as they were written."""
        blob = self._blob
        if blob.numbers is not None:
            numbers = self.numbers()
            assert numbers is not None
            return numbers_of(blob.numbers, numbers, self.points)
        texts = orjson.loads(blob.texts)
        assert blob.text_of is not None
        return [texts[index] for index in unpack_ints(blob.text_of, self.points).tolist()]

    def values_at(self, positions: Ints) -> list[Any]:
        """The value members at some positions, as they were written."""
        packed = self._blob.numbers
        if packed is None or packed.integers or packed.missing:
            values = self.values()
            return [values[position] for position in positions.tolist()]
        numbers = self.numbers()
        assert numbers is not None
        return numbers_of(packed, numbers[positions], len(positions))

    def metas(self) -> tuple[list[dict[str, Any]], list[int] | None]:
        """The distinct rests of instances, and which one each has (None: all the only one)."""
        metas = orjson.loads(self._blob.metas)
        if len(metas) == 1:
            return metas, None
        return metas, unpack_ints(self._blob.meta_of, self.points).tolist()

    def marks(self, member: str) -> Marks:
        """For each instance whether it has the member."""
        metas, which = self.metas()
        has = np.array([member in meta for meta in metas], np.bool_)
        return np.full(self.points, has[0]) if which is None else has[which]

    def expiries(self) -> Ints | None:
        """When each instance expires, None where none does."""
        if b'"expiresAt"' not in self._blob.metas:
            return None
        metas, which = self.metas()
        ends = np.array([expiry_of(meta) for meta in metas], np.int64)
        return np.full(self.points, ends[0]) if which is None else ends[which]

    def all_points(self) -> list[Point]:
        """The points as they were before sealing."""
        metas, which = self.metas()
        found: list[Point] = []
        for position, (when, text, recorded, value) in enumerate(
            zip(self.times.tolist(), date_times(self.times), self.recorded.tolist(), self.values(), strict=True)
        ):
            meta = metas[0 if which is None else which[position]]
            instance = {**meta, VALUE_MEMBER[meta["type"]]: value}
            if "observedAt" in instance:
                instance["observedAt"] = text
            found.append((when, recorded, instance))
        return found


def date_times(times: Ints) -> list[str]:
    """DateTimes in UTC of an array of instants, as model.instant writes them."""
    if not len(times):
        return []
    if (times % 1_000_000 == 0).all() and times.min() > -62_135_596_800_000_000:
        return [text + "Z" for text in np.datetime_as_string(times.astype("datetime64[us]"), unit="s").tolist()]
    return [format_instant(time) for time in times.tolist()]


def _summary(times: Ints, numbers: Floats | None) -> Summary:
    start, end, points = int(times[0]), int(times[-1]), len(times)
    if numbers is None:
        return Summary(start, end, points, 0, None, None, None)
    known: NDArray[np.float64] = numbers[~np.isnan(numbers)]
    if not len(known):
        return Summary(start, end, points, 0, None, None, None)
    with np.errstate(over="ignore"):  # a sum beyond all doubles is infinite, which is told as such
        total = float(known.sum())
    return Summary(start, end, points, len(known), total, float(known.min()), float(known.max()))


def expiry_of(instance: Instance) -> int:
    """When the instance expires; NEVER where it does not."""
    expires = instance.get("expiresAt")
    return NEVER if expires is None else parse_instant(expires)


def time_of(instance: Instance, recorded: int) -> int:
    """The time under which history keeps an instance: its observedAt, else when it was recorded."""
    observed = instance.get("observedAt")
    return recorded if observed is None else parse_instant(observed)
