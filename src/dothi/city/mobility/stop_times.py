"""Stop times of a GTFS feed kept compactly until their trips are written: 16 bytes each."""

from __future__ import annotations

import re
from array import array
from typing import Any

_TIME = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)", re.ASCII)


def seconds(text: str) -> int | None:
    """Seconds after the service day's start of HH:MM:SS, hours beyond 24 allowed; None for an empty time.

    Raises ValueError for any other text (GTFS reference, field type Time).
    """
    text = text.strip()
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time like 08:05:00")
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])


class StopTimes:
    """Visits by trip: sequence, stop, arrival and departure, added in any order."""

    def __init__(self) -> None:
        self._stops: dict[str, int] = {}
        self._names: list[str] = []
        self._trips: dict[str, array[int]] = {}

    def add(self, trip: str, sequence: int, stop: str, arrival: int | None, departure: int | None) -> None:
        """One visit; times are seconds after the service day's start, None where the feed leaves them open."""
        number = self._stops.setdefault(stop, len(self._names))
        if number == len(self._names):
            self._names.append(stop)
        visit = (sequence, number, -1 if arrival is None else arrival, -1 if departure is None else departure)
        self._trips.setdefault(trip, array("i")).extend(visit)

    def of(self, trip: str) -> dict[str, Any] | None:
        """The visits of a trip in order: {"stop": [ids], "arrival": [s or None], "departure": [s or None]}."""
        packed = self._trips.get(trip)
        if packed is None:
            return None
        visits = sorted(tuple(packed[i : i + 4]) for i in range(0, len(packed), 4))
        return {
            "stop": [self._names[visit[1]] for visit in visits],
            "arrival": [None if visit[2] < 0 else visit[2] for visit in visits],
            "departure": [None if visit[3] < 0 else visit[3] for visit in visits],
        }

    def trips(self) -> set[str]:
        """The trips that have visits."""
        return set(self._trips)
