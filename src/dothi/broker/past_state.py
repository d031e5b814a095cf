"""The city as it was: entities at a past instant, in a box or by id; what the time machine reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dothi.broker.clock import wall_clock
from dothi.model.entity import Entity, instances
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.instant import format_instant
from dothi.storage.store import Store

LOCATION = "https://uri.etsi.org/ngsi-ld/location"
#: Microseconds that a client's clock may be ahead.
LENIENCE = 5_000_000

#: west, south, east, north in degrees.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant to look at (microseconds); `known`: only what had been recorded by then, None: all known today."""

    at: int
    known: int | None = None


@dataclass(frozen=True, slots=True)
class PastState:
    """Reads past states of one tenant's store."""

    store: Store
    now: Callable[[], int] = wall_clock

    async def entities(
        self, moment: Moment, types: Sequence[str] = (), attributes: Sequence[str] = (), box: Box | None = None
    ) -> list[Entity]:
        """Entities of these types (IRIs; none: all) as they were, with these attributes (IRIs; none: all).

        With `box` those whose place touched it. Raises BadRequestData for an instant that is still to come.
        """
        self._admit(moment)
        wanted = (*attributes, LOCATION) if attributes else ()
        found = await self.store.as_of(moment.at, moment.known, types=types, attributes=wanted)
        return found if box is None else [entity for entity in found if lies_in(entity, box)]

    async def entity(self, id: str, moment: Moment) -> Entity:
        """One entity as it was. Raises ResourceNotFound where it was not there, BadRequestData."""
        found = await self.some([id], moment)
        if not found:
            raise ResourceNotFound(
                f"no entity {id} at {format_instant(moment.at)}; it is not there yet, or was deleted"
            )
        return found[0]

    async def some(self, ids: Sequence[str], moment: Moment) -> list[Entity]:
        """Those of these entities that were there."""
        self._admit(moment)
        return await self.store.as_of(moment.at, moment.known, ids=ids) if ids else []

    def _admit(self, moment: Moment) -> None:
        if moment.at > self.now() + LENIENCE:
            raise BadRequestData(f"at: {format_instant(moment.at)} is still to come; name a past instant")


def lies_in(entity: Entity, box: Box) -> bool:
    """Whether the box around one of the entity's places touches this one."""
    west, south, east, north = box
    for place in instances(entity.attributes.get(LOCATION)):
        positions = list(_positions(place.get("value")))
        if not positions:
            continue
        longitudes, latitudes = [x for x, _ in positions], [y for _, y in positions]
        if min(longitudes) <= east and max(longitudes) >= west and min(latitudes) <= north and max(latitudes) >= south:
            return True
    return False


def _positions(geometry: Any) -> Iterator[tuple[float, float]]:
    if isinstance(geometry, dict):
        yield from _positions(geometry.get("coordinates"))
        yield from _positions(geometry.get("geometries"))
    elif isinstance(geometry, list) and geometry:
        if isinstance(geometry[0], int | float):
            yield geometry[0], geometry[1]
        else:
            for part in geometry:
                yield from _positions(part)
