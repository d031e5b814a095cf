"""Where an attribute stands among others when entities are ordered (GS CIM 009 clause 4.23)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import orjson
import shapely
from shapely.geometry import shape

from dothi.model.entity import VALUE_MEMBER, Entity, Instance, instances
from dothi.model.language import best_language
from dothi.model.match import DEFAULT_DATASET, clock, ending, instant
from dothi.model.qlang import TIME_ENDS
from dothi.model.query import Order
from dothi.model.relation import RADIUS, distance, haversine

#: Ranks of the data types, lowest first (clause 4.23.2).
NUMBER, TEXT, OBJECT, ARRAY, BOOLEAN, TIME, DATE, DATE_TIME, NULL, ABSENT = range(10)
#: Before all of them, where entities are ordered by distance: a GeoProperty.
PLACE: Final = -1

#: The rank of the data type and the value that orders within it; values of one rank are comparable.
Standing = tuple[int, Any]

_NOWHERE: Final[Standing] = (ABSENT, None)
_ENTITY_FIELDS: Final[dict[str, Callable[[Entity], Standing]]] = {
    "id": lambda entity: (TEXT, entity.id),
    "type": lambda entity: (TEXT, entity.types[0]),
    "createdAt": lambda entity: (DATE_TIME, entity.created),
    "modifiedAt": lambda entity: (DATE_TIME, entity.modified),
    "expiresAt": lambda entity: _NOWHERE if entity.expires is None else (DATE_TIME, entity.expires),
}


class Placing:
    """One key of orderBy made ready: asks attributes, as they are stored, where they stand."""

    def __init__(self, order: Order, dataset_ids: Sequence[str] = ()) -> None:
        self.order = order
        self.datasets = dataset_ids
        self.near = order.near
        self.end = ending(order.path)
        self.subs = order.path.names[1:-1] if self.end else order.path.names[1:]

    def standing(self, attribute: Instance | list[Instance] | None) -> Standing:
        """Where the attribute stands. Of several instances that without datasetId counts, else the first; where
        datasets are asked for, the first that is of one of them."""
        instance = self._chosen(attribute)
        for name in self.subs:
            instance = None if instance is None else self._chosen(instance.get(name))
        if instance is None:
            return _NOWHERE
        if self.end:
            return self._member(instance.get(self.end))
        if self.near is not None and instance["type"] == "GeoProperty":
            return PLACE, metres(self.near, instance["value"])
        return self._ranked(self._value(instance))

    def rank(self, attribute: Instance | list[Instance] | None) -> int:
        return self.standing(attribute)[0]

    def value(self, attribute: Instance | list[Instance] | None) -> Any:
        return self.standing(attribute)[1]

    def of(self, entity: Entity) -> Standing:
        """Where the entity stands."""
        first = self.order.path.names[0]
        if len(self.order.path.names) == 1 and first in _ENTITY_FIELDS:
            return _ENTITY_FIELDS[first](entity)
        return self.standing(entity.attributes.get(first))

    def _chosen(self, attribute: Instance | list[Instance] | None) -> Instance | None:
        several = instances(attribute)
        if self.datasets:
            return next((each for each in several if each.get("datasetId", DEFAULT_DATASET) in self.datasets), None)
        return next((each for each in several if "datasetId" not in each), several[0] if several else None)

    def _value(self, instance: Instance) -> Any:
        kind = instance["type"]
        value = instance.get(VALUE_MEMBER[kind], _MISSING)
        members = self.order.path.members
        if kind == "LanguageProperty" and isinstance(value, dict) and value:
            return self._text(value)
        for member in members:
            if not isinstance(value, dict) or member not in value:
                return _MISSING
            value = value[member]
        return value

    def _text(self, languages: dict[str, Any]) -> Any:
        """The text of the language that the path names, else of the one that `lang` chooses."""
        members = self.order.path.members
        if members and members[0] != "*":
            return languages.get(members[0], _MISSING) if len(members) == 1 else _MISSING
        return languages[best_language(tuple(languages), self.order.lang or "*")]

    def _member(self, value: Any) -> Standing:
        if value is None:
            return _NOWHERE
        if self.end in TIME_ENDS:
            return DATE_TIME, value if isinstance(value, int) else instant(value)
        return self._ranked(value)

    def _ranked(self, value: Any) -> Standing:
        if value is _MISSING:
            return _NOWHERE
        if isinstance(value, dict) and "@value" in value:
            return self._typed(value)
        if isinstance(value, str):
            return TEXT, value if self.order.collation is None else self.order.collation.key(value)
        if isinstance(value, bool):
            return BOOLEAN, value
        if isinstance(value, int | float):
            return NUMBER, value if -(2**63) <= value < 2**63 else float(value)
        if value is None:
            return NULL, None
        written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
        return (OBJECT if isinstance(value, dict) else ARRAY), written

    def _typed(self, value: dict[str, Any]) -> Standing:
        """A JSON-LD typed value: a DateTime, Date or Time by what it says, any other by its @value."""
        kind = str(value.get("@type", "")).rpartition("/")[2].rpartition(":")[2]
        read, rank = _TIMES.get(kind, (None, ABSENT))
        known = read(value["@value"]) if read is not None else None
        return self._ranked(value["@value"]) if known is None else (rank, known)


def in_order(entities: Sequence[Entity], orders: Sequence[Order], dataset_ids: Sequence[str] = ()) -> list[Entity]:
    """The entities as a query with this orderBy has them; those that stand alike keep their order.

    The twin of the ORDER BY that storage.compile makes. A direction turns the values round, not the ranks of the
    data types: what is absent is last in either.
    """
    found = list(entities)
    for order in reversed(orders):
        placing = Placing(order, dataset_ids)
        by_rank: dict[int, list[tuple[Any, Entity]]] = {}
        for entity in found:
            rank, value = placing.of(entity)
            by_rank.setdefault(rank, []).append((value, entity))
        found = []
        for rank in sorted(by_rank):
            group = by_rank[rank]
            if rank not in (NULL, ABSENT):
                group.sort(key=lambda standing: standing[0], reverse=order.descending)
            found += [entity for _, entity in group]
    return found


def metres(near: dict[str, Any], geometry: dict[str, Any]) -> float:
    """The distance of two checked geometries on the sphere (see model.relation)."""
    if near["type"] == "Point" and geometry["type"] == "Point":
        (lon1, lat1), (lon2, lat2) = near["coordinates"][:2], geometry["coordinates"][:2]
        return 2 * RADIUS * math.asin(min(1.0, math.sqrt(haversine(lon1, lat1, lon2, lat2))))
    # GEOS divides by zero on its way for parallel lines, and numpy would warn of it; the distances are sound.
    with np.errstate(divide="ignore", invalid="ignore"):
        return distance(_valid(near), _valid(geometry))


def _valid(geometry: dict[str, Any]) -> Any:
    """The geometry for shapely; rings that cross themselves are mended."""
    made = shape(geometry)
    return made if shapely.is_valid(made) else shapely.make_valid(made)


def _day(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_MISSING: Final = object()
_TIMES: Final[dict[str, tuple[Callable[[Any], Any], int]]] = {
    "DateTime": (instant, DATE_TIME),
    "Date": (_day, DATE),
    "Time": (clock, TIME),
}
