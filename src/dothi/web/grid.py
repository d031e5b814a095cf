"""Clusters of a large layer at one zoom: what each cell of a square grid shows, and what of it changed; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
import orjson

from dothi.city.module import Status

#: From worst to best, as the app orders them.
SEVERITY: tuple[Status, ...] = ("critical", "major", "minor", "advisory", "offline", "unknown", "ok")
#: States that a cluster of normal objects holds; all others are shown by themselves.
NORMAL = frozenset[Status](("ok", "unknown"))

#: Whole numbers on an axis of the Mercator square: sums of them are exact, so a cluster never drifts.
SPAN = 1 << 30
#: Cells on an axis at zoom 0: the map draws the world 512 pixels wide there, a cell is 64 pixels.
CELLS = 8
#: The mean place of a cluster is told in eighths of a cell, so that what hardly moves is not sent again.
STEPS = 8
#: From this zoom on every object stands alone.
FINEST = 16
#: Abnormal objects that a cell shows one by one; more become a cluster of their own, marked with the worst.
MOST_SINGLES = 16
#: Latitudes beyond the Mercator square.
EDGE = 85.051129

CellKey = tuple[int, int]
Changed = dict[str, bytes | None]


class Point(msgspec.Struct, gc=False, eq=False):
    (
        """One object: its place on the Mercator square (0 to SPAN), its state, when it was observed (milliseconds), its
    feature as JSON."""
        ""
    )

    x: int
    y: int
    status: Status
    observed: int | None
    feature: bytes


def mercator(lon: float, lat: float) -> tuple[int, int]:
    """A place on the square, x to the east and y to the south."""
    phi = math.radians(max(-EDGE, min(EDGE, lat)))
    x = (lon + 180) / 360 % 1.0
    y = (1 - math.asinh(math.tan(phi)) / math.pi) / 2
    return min(int(x * SPAN), SPAN - 1), max(0, min(int(y * SPAN), SPAN - 1))


def geographic(x: float, y: float) -> tuple[float, float]:
    """The place (lon, lat) of a point of the square."""
    return x / SPAN * 360 - 180, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / SPAN))))


@dataclass(frozen=True, slots=True)
class Port:
    """What a watcher sees: degrees, and a zoom that is a whole number from 0 to FINEST."""

    west: float
    south: float
    east: float
    north: float
    zoom: int

    def cells(self) -> tuple[int, int, int, int]:
        """First and last cell to the east and to the south: x0, y0, x1, y1."""
        size = SPAN // (CELLS << self.zoom)
        x0, y0 = mercator(max(self.west, -180), self.north)
        x1, y1 = mercator(min(self.east, 179.999999), self.south)
        return x0 // size, y0 // size, x1 // size, y1 // size


@dataclass(slots=True)
class Cell:
    """The objects of a cell, and what is shown of them: feature ids -> features."""

    normal: dict[str, Point] = field(default_factory=dict)
    abnormal: dict[str, Point] = field(default_factory=dict)
    shown: dict[str, bytes] = field(default_factory=dict)
    x: int = 0
    y: int = 0


class Grid:
    """The cells of one layer at one zoom. `put` and `drop` change it, `flush` says what is shown otherwise now."""

    def __init__(self, zoom: int, points: Mapping[str, Point]) -> None:
        self.zoom = zoom
        self._size = SPAN // (CELLS << zoom)
        self._cells: dict[CellKey, Cell] = {}
        self._touched: set[CellKey] = set()
        for id, point in points.items():
            self.put(id, point)
        self.flush()

    def put(self, id: str, point: Point) -> None:
        key = (point.x // self._size, point.y // self._size)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell()
        if point.status in NORMAL:
            cell.normal[id] = point
            cell.x += point.x
            cell.y += point.y
        else:
            cell.abnormal[id] = point
        self._touched.add(key)

    def drop(self, id: str, point: Point) -> None:
        """Take out what was put with this same point."""
        key = (point.x // self._size, point.y // self._size)
        cell = self._cells[key]
        if cell.normal.pop(id, None) is not None:
            cell.x -= point.x
            cell.y -= point.y
        else:
            del cell.abnormal[id]
        self._touched.add(key)

    def flush(self) -> list[tuple[CellKey, Changed]]:
        """For each cell that shows something else than at the last flush, what: a feature, or None (gone)."""
        changes: list[tuple[CellKey, Changed]] = []
        for key in self._touched:
            cell = self._cells[key]
            shown = self._shown(key, cell)
            changed: Changed = {id: None for id in cell.shown if id not in shown}
            changed.update((id, feature) for id, feature in shown.items() if cell.shown.get(id) != feature)
            cell.shown = shown
            if changed:
                changes.append((key, changed))
            if not cell.normal and not cell.abnormal:
                del self._cells[key]
        self._touched.clear()
        return changes

    def window(self, port: Port) -> list[bytes]:
        """What is shown in the port, as of the last flush."""
        x0, y0, x1, y1 = port.cells()
        if (x1 - x0 + 1) * (y1 - y0 + 1) < len(self._cells):
            keys: Iterable[CellKey] = ((x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))
            cells = [cell for key in keys if (cell := self._cells.get(key)) is not None]
        else:
            cells = [cell for (x, y), cell in self._cells.items() if x0 <= x <= x1 and y0 <= y <= y1]
        return [feature for cell in cells for feature in cell.shown.values()]

    def _shown(self, key: CellKey, cell: Cell) -> dict[str, bytes]:
        shown: dict[str, bytes] = {}
        if self.zoom >= FINEST or len(cell.normal) == 1:
            shown.update((id, point.feature) for id, point in cell.normal.items())
        elif cell.normal:
            count = len(cell.normal)
            self._cluster(shown, key, "", cell.normal, cell.x / count, cell.y / count)
        if self.zoom >= FINEST or len(cell.abnormal) <= MOST_SINGLES:
            shown.update((id, point.feature) for id, point in cell.abnormal.items())
        else:
            count = len(cell.abnormal)
            x = sum(point.x for point in cell.abnormal.values()) / count
            y = sum(point.y for point in cell.abnormal.values()) / count
            self._cluster(shown, key, "!", cell.abnormal, x, y)
        return shown

    def _cluster(
        self, shown: dict[str, bytes], key: CellKey, mark: str, members: Mapping[str, Point], x: float, y: float
    ) -> None:
        """Add the cluster of a cell: a Point at about the mean of its members, with the worst state and the counts."""
        step = self._size / STEPS
        lon, lat = geographic((x // step + 0.5) * step, (y // step + 0.5) * step)
        counts = count_states(point.status for point in members.values())
        id = f"cluster:{self.zoom}/{key[0]}/{key[1]}{mark}"
        feature = {
            "type": "Feature",
            "id": id,
            "geometry": {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]},
            "properties": {
                "name": "",
                "value": None,
                "status": next(iter(counts)),
                "observedAt": None,
                "heading": None,
                "stale": False,
                "count": len(members),
                "counts": counts,
            },
        }
        shown[id] = orjson.dumps(feature)


def count_states(states: Iterable[Status]) -> dict[Status, int]:
    """How many of each, worst first; states that nobody has are left out."""
    counts: dict[Status, int] = dict.fromkeys(SEVERITY, 0)
    for state in states:
        counts[state] += 1
    return {state: count for state, count in counts.items() if count}


def select(changes: Iterable[tuple[CellKey, Changed]], port: Port) -> Changed:
    """Of what changed in a grid, that which lies in the port; an object that went from cell to cell is not gone."""
    x0, y0, x1, y1 = port.cells()
    gone: Changed = {}
    new: Changed = {}
    for (x, y), changed in changes:
        if x0 <= x <= x1 and y0 <= y <= y1:
            for id, feature in changed.items():
                (gone if feature is None else new)[id] = feature
    return gone | new
