"""Looks up single instances in a sealed chunk without unpacking its columns where they can be read in place."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

import numpy as np
import orjson

from dothi.model.entity import VALUE_MEMBER
from dothi.model.instant import format_instant
from dothi.storage.chunk import open_blob
from dothi.storage.packing import PackedInts, unpack_ints, unpack_numbers
from dothi.storage.series import FIRST_RECORDED

#: Bytes of opened chunks that are remembered: the same ones are looked at again while time is played.
REMEMBERED_BYTES: Final = 96_000_000
_EMPTY: Final = 400
#: Sums of steps go round like those of 64 bits.
_HALF: Final = 1 << 63


class Peek:
    """A chunk of which few instances are wanted. `points` is their number, `size` the bytes that it holds."""

    __slots__ = ("_blob", "_metas", "_numbers", "_times", "points", "size")

    def __init__(self, data: bytes, points: int) -> None:
        blob = open_blob(data)
        self._blob = blob
        self._times: Any = None
        self._numbers: Any = None
        self._metas: Any = None
        self.points = points
        packed = len(blob.times.data) + len(blob.recorded.data) + len(blob.texts) + len(blob.metas)
        ints = None if blob.numbers is None else blob.numbers.ints
        self.size = _EMPTY + packed + (0 if ints is None else len(ints.data)) + 16 * points

    def last(self, at: int) -> int:
        """The last position whose time is not after `at`; -1 where there is none."""
        times = self._blob.times
        if times.delta and not times.width and times.low > 0:
            return min(self.points - 1, max(-1, (at - times.first) // times.low))
        if self._times is None:
            self._times = unpack_ints(times, self.points)
        return int(np.searchsorted(self._times, at, side="right")) - 1

    def time(self, position: int) -> int:
        return _at(self._blob.times, position, self.points) if self._times is None else int(self._times[position])

    def recorded(self, position: int) -> int:
        recorded = _at(self._blob.recorded, position, self.points)
        return recorded + self.time(position) if self._blob.lag else recorded

    def instance(self, position: int) -> dict[str, Any]:
        """The instance as history gives it, with createdAt and modifiedAt (unless it tells a deletion)."""
        if self._metas is None:
            self._metas = orjson.loads(self._blob.metas)
        metas = self._metas
        meta = metas[0] if len(metas) == 1 else metas[_at(self._blob.meta_of, position, self.points)]
        instance = {**meta, VALUE_MEMBER[meta["type"]]: self._value(position)}
        if "observedAt" in instance:
            instance["observedAt"] = format_instant(self.time(position))
        first = instance.pop(FIRST_RECORDED, None)
        instance.pop("instanceId", None)
        if "deletedAt" not in instance:
            recorded = self.recorded(position)
            instance["createdAt"] = recorded if first is None else first
            instance["modifiedAt"] = recorded
        return instance

    def _value(self, position: int) -> Any:
        blob = self._blob
        numbers = blob.numbers
        if numbers is None:
            assert blob.text_of is not None
            return orjson.loads(blob.texts)[_at(blob.text_of, position, self.points)]
        if numbers.ints is not None and not numbers.missing:
            value = _at(numbers.ints, position, self.points) / 10.0**numbers.digits
        else:
            if self._numbers is None:
                self._numbers = unpack_numbers(numbers, self.points)
            value = float(self._numbers[position])
        flags = numbers.integers
        whole = flags is None or (flags != b"" and bool(flags[position >> 3] & (128 >> (position & 7))))
        return int(value) if whole else value


def _at(packed: PackedInts, position: int, points: int) -> int:
    """One of the packed integers; of steps, the sum up to it, byte by byte of equal significance."""
    if not packed.delta:
        raw = sum(packed.data[position + place * points] << 8 * place for place in range(packed.width))
        return packed.low + packed.unit * raw
    stride = points - 1
    steps = sum(
        sum(packed.data[place * stride : place * stride + position]) << 8 * place for place in range(packed.width)
    )
    value = packed.first + packed.low * position + packed.unit * steps
    return value if -_HALF <= value < _HALF else (value + _HALF) % (2 * _HALF) - _HALF


#: Number, end and points of a chunk: what is erased of one is told by the last two.
Name = tuple[int, int, int]


class Peeks:
    """Opened chunks by name; the longest unused go first. For several threads."""

    def __init__(self, most: int = REMEMBERED_BYTES) -> None:
        self._kept: OrderedDict[Name, Peek] = OrderedDict()
        self._bytes = 0
        self._most = most
        self._lock = threading.Lock()

    def get(self, name: Name) -> Peek | None:
        with self._lock:
            found = self._kept.get(name)
            if found is not None:
                self._kept.move_to_end(name)
            return found

    def keep(self, name: Name, peek: Peek) -> None:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = peek
                self._bytes += peek.size
            while self._bytes > self._most:
                self._bytes -= self._kept.popitem(last=False)[1].size

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._bytes = 0
