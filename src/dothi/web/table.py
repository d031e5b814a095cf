"""One watched layer in memory: its features as JSON, where they stand, and what of them somebody has not seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import orjson

from dothi.model.entity import Entity
from dothi.web.features import OFFLINE_FACTOR, LayerView
from dothi.web.grid import SEVERITY, CellKey, Changed, Grid, Point, Port, mercator

#: A layer with more objects is shown in clusters to those who say what they see.
CLUSTERED_FROM = 2_000
#: A clustered layer stays so until it has become this small, so that it does not go to and fro.
CLUSTERED_UNTIL = 1_500
#: Ages are looked at again after so long, microseconds.
AGEING = 15_000_000
#: Shapes of layers that are never clustered: their features are lines and areas.
WHOLE_SHAPES = frozenset(("line", "fill"))


@dataclass(slots=True)
class Table:
    """The encoded features of one watched layer. `dirty` holds changed entities by id (None: deleted).

    `points` says where the features of a layer of points stand, `grids` how they cluster at each zoom that is
    watched, `counts` how many there are of each state of SEVERITY.
    `left` is when the last watcher went.
    """

    view: LayerView
    features: dict[str, bytes] = field(default_factory=dict)
    points: dict[str, Point] = field(default_factory=dict)
    grids: dict[int, Grid] = field(default_factory=dict)
    counts: list[int] = field(default_factory=lambda: [0] * len(SEVERITY))
    dirty: dict[str, Entity | None] = field(default_factory=dict)
    clustered: bool = False
    aged: int = 0
    watchers: int = 0
    left: int = 0
    seq: int = 0
    loaded: bool = False
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def has_points(self) -> bool:
        return self.view.layer.shape not in WHOLE_SHAPES

    def put(self, entity: Entity, now: int) -> bytes | None:
        """Keep the entity's feature and give it; None where the entity has no place, and so is not shown."""
        feature = self.view.feature(entity, now)
        if feature is None:
            self.remove(entity.id)
            return None
        encoded = orjson.dumps(feature)
        self.features[entity.id] = encoded
        if self.has_points:
            self._place(entity.id, self._point(feature, encoded))
        return encoded

    def remove(self, id: str) -> bool:
        """Whether the feature was there."""
        if self.features.pop(id, None) is None:
            return False
        self._place(id, None)
        return True

    def apply(self, now: int) -> Changed:
        """Turn the changed entities into features: what is new, and None for what is gone."""
        changed: Changed = {}
        for id, entity in self.dirty.items():
            was_there = id in self.features
            encoded = None if entity is None else self.put(entity, now)
            if entity is None:
                self.remove(id)
            if encoded is not None or was_there:
                changed[id] = encoded
        self.dirty.clear()
        return changed

    def age(self, now: int) -> None:
        """Look again at what fell silent, since a cluster cannot do so in the app."""
        longest = self.view.stale_after
        if longest is None or now - self.aged < AGEING:
            return
        self.aged = now
        oldest = now // 1000 - OFFLINE_FACTOR * longest * 1000
        silent = [
            (id, point)
            for id, point in self.points.items()
            if point.status != "offline" and (point.observed is None or point.observed < oldest)
        ]
        for id, point in silent:
            feature = orjson.loads(point.feature)
            feature["properties"] |= {"status": "offline", "stale": True}
            encoded = self.features[id] = orjson.dumps(feature)
            self._place(id, Point(point.x, point.y, "offline", point.observed, encoded))

    def resize(self) -> bool:
        """Begin or end clustering as the layer's size asks; whether that changed."""
        limit = CLUSTERED_UNTIL if self.clustered else CLUSTERED_FROM
        if self.clustered == (len(self.points) > limit):
            return False
        self.clustered = not self.clustered
        return True

    def window(self, port: Port) -> list[bytes]:
        """What a watcher of this port is shown of a clustered layer."""
        grid = self.grids.get(port.zoom)
        if grid is None:
            grid = self.grids[port.zoom] = Grid(port.zoom, self.points)
        return grid.window(port)

    def regrid(self) -> dict[int, list[tuple[CellKey, Changed]]]:
        """What is shown otherwise, at each zoom that is watched."""
        return {zoom: grid.flush() for zoom, grid in self.grids.items()}

    def keep(self, zooms: set[int]) -> None:
        """Forget the grids of zooms that nobody watches."""
        for zoom in [zoom for zoom in self.grids if zoom not in zooms]:
            del self.grids[zoom]

    def _place(self, id: str, point: Point | None) -> None:
        old = self.points.pop(id, None)
        if old is not None:
            self.counts[SEVERITY.index(old.status)] -= 1
            for grid in self.grids.values():
                grid.drop(id, old)
        if point is not None:
            self.points[id] = point
            self.counts[SEVERITY.index(point.status)] += 1
            for grid in self.grids.values():
                grid.put(id, point)

    def _point(self, feature: dict[str, Any], encoded: bytes) -> Point:
        properties = feature["properties"]
        x, y = mercator(*_first_position(feature["geometry"]))
        return Point(x, y, properties["status"], properties["observedAt"], encoded)


class Current(Sequence[bytes]):
    """The features of a table that were there at a moment, each as it is when it is asked for; one gone since is empty.

    So a reader who takes a large layer slowly holds its ids only, not an old copy of each feature.
    """

    def __init__(self, features: Mapping[str, bytes]) -> None:
        self._features = features
        self._ids = list(features)

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...

    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, int):
            return self._features.get(self._ids[place], b"")
        return [self._features[id] for id in self._ids[place] if id in self._features]


def _first_position(geometry: dict[str, Any]) -> tuple[float, float]:
    """[lon, lat] of a point; of anything larger its first corner."""
    place: Any = geometry.get("coordinates")
    while isinstance(place, list | tuple) and place and not isinstance(place[0], int | float):
        place = place[0]
    return (float(place[0]), float(place[1])) if place else (0.0, 0.0)
