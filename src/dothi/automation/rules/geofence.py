"""Conditions on where an entity lies: inside or outside of an area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape

from dothi.automation.rules.bounds import ENDS, HOLDS, SAYS_NOTHING, UNKNOWN
from dothi.automation.rules.columns import Series, flips
from dothi.automation.rules.definition import Geofence
from dothi.automation.rules.event import Event, Flip

#: Metres of a degree of latitude.
DEGREE = 111_195.0


def circle(center: tuple[float, float], radius: float) -> dict[str, Any]:
    """A polygon of 64 corners for a circle of `radius` metres around (lon, lat)."""
    lon, lat = center
    across = radius / (DEGREE * math.cos(math.radians(lat)))
    ring = [
        [lon + across * math.cos(angle), lat + radius / DEGREE * math.sin(angle)]
        for angle in (2 * math.pi * i / 64 for i in range(64))
    ]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


class GeofenceLeaf:
    """Inside or outside of one geometry. Points are judged exactly, other geometries by whether they touch it."""

    patience: int | None = None

    def __init__(self, condition: Geofence, area: dict[str, Any]) -> None:
        """`area` is the GeoJSON geometry that the condition means."""
        self.attribute: str | None = condition.attribute
        self.late = 0
        self._inside = condition.side == "inside"
        self._area = shape(area)
        shapely.prepare(self._area)
        self._state: dict[str, tuple[int, bool | None]] = {}

    def take(self, event: Event) -> Flip | None:
        state = self._state.get(event.entity)
        if state is not None and event.time < state[0]:
            self.late += 1
            return None
        truth = None if event.value is None else self._judge(event.value)
        if truth is None and event.value is not None:
            return None
        self._state[event.entity] = (event.time, truth)
        if truth is (None if state is None else state[1]):
            return None
        return Flip(event.time, event.entity, truth, event.value, False, event.depth)

    def _judge(self, geometry: Any) -> bool | None:
        if not isinstance(geometry, dict) or "coordinates" not in geometry:
            return None
        if geometry.get("type") == "Point":
            lon, lat = geometry["coordinates"][:2]
            within = bool(shapely.contains_xy(self._area, lon, lat))
        else:
            within = bool(self._area.intersects(shape(geometry)))
        return within is self._inside

    def due(self, entity: str) -> int | None:
        return None

    def elapse(self, entity: str, now: int) -> Flip | None:
        return None

    def past(self, series: Sequence[Series], end: int) -> list[Flip]:
        found: list[Flip] = []
        for one in series:
            values = one.values()
            truths = np.full(len(values), SAYS_NOTHING, np.int8)
            points = np.array([_is_point(value) for value in values], np.bool_)
            if points.any():
                places = np.array([value["coordinates"][:2] for value in values if _is_point(value)], np.float64)
                within = shapely.contains_xy(self._area, places[:, 0], places[:, 1])
                truths[points] = np.where(within == self._inside, HOLDS, ENDS)
            for position in np.flatnonzero(~points).tolist():
                truth = self._judge(values[position])
                if truth is not None:
                    truths[position] = truth
            if one.deleted is not None:
                truths[one.deleted] = UNKNOWN
            found += flips(one, truths, values.__getitem__)
        return found

    def threshold(self, value: Any) -> Any:
        return None

    def export(self) -> Any:
        return self._state

    def restore(self, state: Any) -> None:
        self._state = {entity: (time, truth) for entity, (time, truth) in state.items()}


def _is_point(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "Point" and "coordinates" in value
