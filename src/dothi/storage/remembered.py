"""States of the entities written last or read, so that neither the writer nor a reader need decode them again."""

from __future__ import annotations

from collections.abc import Iterable

from dothi.model.entity import Entity
from dothi.storage.flush import Known

#: Attributes of all remembered entities together; at some 200 bytes each, this bounds the memory to about 200 MB.
MOST_ATTRIBUTES = 1_000_000
#: An entity that was not written for so many microseconds makes room for others.
STALE = 300_000_000


class Remembered:
    """By id, the longest unwritten first. Holds what is committed, and is emptied when a commit fails.

    When it is full, a new entity is let in only where a stale one can go: a city larger than this, written round and
    round, would otherwise push out each entity just before it comes again.
    """

    def __init__(self, most: int = MOST_ATTRIBUTES) -> None:
        self._known: dict[str, Known] = {}
        self._attributes = 0
        self._most = most

    def get(self, id: str) -> Known | None:
        return self._known.get(id)

    def entity(self, id: str) -> Entity | None:
        """The state after the last commit that was answered, if it is remembered."""
        known = self._known.get(id)
        return None if known is None else known.after

    def keep(self, entities: Iterable[tuple[str, Known]]) -> None:
        """Take over the states that a commit has made durable."""
        known, most = self._known, self._most
        for id, state in entities:
            old = known.pop(id, None)
            if old is not None:
                self._attributes -= old.weight
            entity = state.after
            if entity is None:
                continue
            state.weight = weight = len(entity.attributes)
            if self._attributes + weight <= most or self._makes_room(entity):
                self._attributes += weight
                known[id] = state

    def learn(self, n: int, entity: Entity) -> None:
        """Take in a state that was read, where there is room. To be called on the loop, as `keep` is: so what is read
        between a commit and its `keep` is the new state or gives way to it."""
        weight = len(entity.attributes)
        if entity.id not in self._known and self._attributes + weight <= self._most:
            self._attributes += weight
            self._known[entity.id] = Known(n, entity, entity, weight=weight)

    def clear(self) -> None:
        self._known.clear()
        self._attributes = 0

    def _makes_room(self, entity: Entity) -> bool:
        weight = len(entity.attributes)
        while self._attributes + weight > self._most:
            oldest = next(iter(self._known), None)
            if oldest is None:
                return False
            after = self._known[oldest].after
            if after is not None and after.modified > entity.modified - STALE:
                return False
            self._forget(oldest)
        return True

    def _forget(self, id: str) -> None:
        old = self._known.pop(id, None)
        if old is not None:
            self._attributes -= old.weight
