"""Remembers where the points of the tail stand in time, so that a past state need not read the whole log anew."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final

import apsw
import numpy as np
import orjson
from numpy.typing import NDArray

from dothi.model.entity import instances
from dothi.storage.chunk import time_of
from dothi.storage.packing import Ints, Marks
from dothi.storage.rows import Row

#: (entity number, attribute number, datasetId or "")
Place = tuple[int, int, str]

_NEVER: Final = -(1 << 62)
#: Points after which it is looked whether their rows are still there.
_SWEEP: Final = 200_000


class TailMemory:
    """Times of all points of the tail; 36 bytes each. Empty until it is first used.

    Rows that are sealed or erased meanwhile are noticed by who reads them, and told to `drop`. Hold `lock` from before
    the first statement of a reading transaction to its end, so that what is remembered is never newer than that.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.places: list[Place] = []
        self._numbers: dict[Place, int] = {}
        self._entity_of, self._attribute_of = array("q"), array("q")
        self._clear()

    def _clear(self) -> None:
        self._last = 0
        self._checked = 0
        self._key, self._time, self._at, self._seq = array("i"), array("q"), array("q"), array("q")

    def number(self, place: Place) -> int | None:
        return self._numbers.get(place)

    def columns_of_places(self) -> tuple[Ints, Ints]:
        """The entity and the attribute of each place, by their numbers."""
        return np.array(self._entity_of, np.int64), np.array(self._attribute_of, np.int64)

    def follow(self, connection: apsw.Connection) -> None:
        """Take in the rows that came since the last time."""
        if len(self._seq) - self._checked > max(_SWEEP, self._checked):
            self._sweep(connection)
        key, time, at_, seq_ = self._key, self._time, self._at, self._seq
        rows: Iterator[Row] = connection.execute(
            "SELECT seq, entity, at, doc FROM change WHERE seq > ? ORDER BY seq", (self._last,)
        )
        for seq, entity, at, doc in rows:
            for number, attribute in orjson.loads(doc).items():
                for instance in instances(attribute):
                    place = (entity, int(number), instance.get("datasetId", ""))
                    key.append(self._numbered(place))
                    time.append(time_of(instance, at))
                    at_.append(at)
                    seq_.append(seq)
            self._last = seq

    def _numbered(self, place: Place) -> int:
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = len(self.places)
            self.places.append(place)
            self._entity_of.append(place[0])
            self._attribute_of.append(place[1])
        return number

    def _columns(self) -> tuple[NDArray[np.int32], Ints, Ints, Ints]:
        # Copies, since an array cannot grow while numpy looks into it.
        return (
            np.array(self._key, np.int32),
            np.array(self._time, np.int64),
            np.array(self._at, np.int64),
            np.array(self._seq, np.int64),
        )

    def newest(self, at: int, known: int, wanted: Marks, cuts: Ints) -> dict[int, tuple[int, int]]:
        """For each wanted place (a mark for each) the time and the row of its last point not after `at`, of those
        recorded not after `known` and after `cuts` (one for each place); of equal times the last row counts."""
        key, time, recorded, seq = self._columns()
        taken = np.flatnonzero((time <= at) & (recorded <= known) & wanted[key] & (recorded > cuts[key]))
        return self._picked(key[taken], time[taken], seq[taken])

    def standing(self, moments: Ints) -> dict[int, tuple[int, int]]:
        """For each place the time and the row of its last point at just this moment (one for each place)."""
        key, time, _, seq = self._columns()
        taken = np.flatnonzero(time == moments[key])
        return self._picked(key[taken], time[taken], seq[taken])

    def _picked(self, key: NDArray[np.int32], time: Ints, seq: Ints) -> dict[int, tuple[int, int]]:
        best = np.full(len(self.places), _NEVER, np.int64)
        np.maximum.at(best, key, time)
        winners = np.flatnonzero(time == best[key])
        rows = np.zeros(len(self.places), np.int64)
        rows[key[winners]] = seq[winners]
        found = np.flatnonzero(best > _NEVER)
        pairs = zip(best[found].tolist(), rows[found].tolist(), strict=True)
        return dict(zip(found.tolist(), pairs, strict=True))

    def drop(self, sealed: Sequence[tuple[int, int]], erased: Sequence[tuple[int, int]]) -> None:
        """Forget points by (number of place, row): all up to a row that is `sealed`, just those that are `erased`."""
        upto = np.full(len(self.places), _NEVER, np.int64)
        for place, row in sealed:
            upto[place] = max(int(upto[place]), row)
        key, _, _, seq = self._columns()
        kept = seq > upto[key]
        for place, row in erased:
            kept &= (key != place) | (seq != row)
        self._keep(kept)

    def _sweep(self, connection: apsw.Connection) -> None:
        live = np.fromiter((row[0] for row in connection.execute("SELECT seq FROM change")), np.int64)
        self._keep(np.isin(self._columns()[3], live))
        self._checked = len(self._seq)

    def _keep(self, kept: Marks) -> None:
        columns: list[Any] = [column[kept] for column in self._columns()]
        self._key, self._time, self._at, self._seq = (
            array(code, column.tobytes()) for code, column in zip("iqqq", columns, strict=True)
        )
        self._checked = min(self._checked, len(self._seq))
