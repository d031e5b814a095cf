"""States of the entities written last, kept by the writer so that it need not read back what it has just written."""

from __future__ import annotations

from collections.abc import Iterable

from dothi.storage.flush import Known

#: Attributes of all remembered entities together; at some 500 bytes each, this bounds the memory.
MOST_ATTRIBUTES = 800_000


class Remembered:
    """By id, the longest unwritten first. Holds what is committed, and is emptied when a commit fails."""

    def __init__(self, most: int = MOST_ATTRIBUTES) -> None:
        self._known: dict[str, Known] = {}
        self._attributes = 0
        self._most = most

    def get(self, id: str) -> Known | None:
        return self._known.get(id)

    def keep(self, entities: Iterable[tuple[str, Known]]) -> None:
        """Take over the states that a commit has made durable."""
        known = self._known
        for id, state in entities:
            self._forget(id)
            if state.after is not None:
                known[id] = state
                state.weight = len(state.after.attributes)
                self._attributes += state.weight
        while self._attributes > self._most:
            self._forget(next(iter(known)))

    def clear(self) -> None:
        self._known.clear()
        self._attributes = 0

    def _forget(self, id: str) -> None:
        old = self._known.pop(id, None)
        if old is not None:
            self._attributes -= old.weight
