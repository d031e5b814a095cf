"""A rule's condition as a tree over its simple conditions: and, or, not, related entities, areas, times of day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from dothi.automation.rules.definition import Area, Related
from dothi.automation.rules.times import Times


class Node(Protocol):
    def truth(self, subject: str, now: int) -> bool | None:
        """Whether it holds for a subject; None is not known."""
        ...


class LeafNode:
    """The truth of a simple condition by entity, as its flips say."""

    def __init__(self) -> None:
        self.truths: dict[str, bool] = {}

    def truth(self, subject: str, now: int) -> bool | None:
        return self.truths.get(subject)


class DuringNode:
    def __init__(self, times: Times) -> None:
        self._times = times

    def truth(self, subject: str, now: int) -> bool | None:
        return self._times.covers(now)


class AllNode:
    def __init__(self, parts: list[Node]) -> None:
        self._parts = parts

    def truth(self, subject: str, now: int) -> bool | None:
        found: bool | None = True
        for part in self._parts:
            truth = part.truth(subject, now)
            if truth is False:
                return False
            if truth is None:
                found = None
        return found


class AnyNode:
    def __init__(self, parts: list[Node]) -> None:
        self._parts = parts

    def truth(self, subject: str, now: int) -> bool | None:
        found: bool | None = False
        for part in self._parts:
            truth = part.truth(subject, now)
            if truth is True:
                return True
            if truth is None:
                found = None
        return found


class NotNode:
    def __init__(self, part: Node) -> None:
        self._part = part

    def truth(self, subject: str, now: int) -> bool | None:
        truth = self._part.truth(subject, now)
        return None if truth is None else not truth


class Relation(Protocol):
    """A node that speaks of other entities than its subject; it learns from an attribute who they are."""

    attribute: str
    types: tuple[str, ...]

    def learn(self, entity: str, value: Any, is_other: bool) -> None:
        """Take in the attribute of an entity; `is_other`: it is of the types that the inner condition speaks of."""
        ...

    def subjects(self, other: str) -> Iterable[str]:
        """Whose truth depends on this entity's inner condition."""
        ...


class RelatedNode:
    """Over the entities at the other end of a relationship."""

    def __init__(self, condition: Related, part: Node) -> None:
        self.attribute = condition.via
        self.types = condition.types
        self._quantity = condition.quantity
        self._inverse = condition.inverse
        self._part = part
        #: Holder of the relationship -> where it leads, and back.
        self._targets: dict[str, tuple[str, ...]] = {}
        self._holders: dict[str, set[str]] = {}

    def learn(self, entity: str, value: Any, is_other: bool) -> None:
        for target in self._targets.pop(entity, ()):
            self._holders[target].discard(entity)
        targets = tuple(value) if isinstance(value, list | tuple) else () if value is None else (value,)
        targets = tuple(each for each in targets if isinstance(each, str))
        if targets:
            self._targets[entity] = targets
        for target in targets:
            self._holders.setdefault(target, set()).add(entity)

    def subjects(self, other: str) -> Iterable[str]:
        return self._targets.get(other, ()) if self._inverse else tuple(self._holders.get(other, ()))

    def truth(self, subject: str, now: int) -> bool | None:
        others = self._holders.get(subject, ()) if self._inverse else self._targets.get(subject, ())
        truths = [self._part.truth(other, now) for other in others]
        known = [truth for truth in truths if truth is not None]
        if not known:
            return None
        if self._quantity == "all":
            return len(known) == len(truths) and all(known)
        return sum(known) >= (1 if self._quantity == "any" else int(self._quantity))


class AreaNode:
    """Over the entities of one area; `is_root`: the area itself is the subject."""

    def __init__(self, condition: Area, part: Node, is_root: bool) -> None:
        self.attribute = condition.by
        self.types = condition.types
        self.is_root = is_root
        self._at_least = condition.at_least
        self._share = condition.share
        self._part = part
        self._area: dict[str, str] = {}
        #: Area -> the entities that count, and all that lie there.
        self._members: dict[str, dict[str, bool]] = {}

    def learn(self, entity: str, value: Any, is_other: bool) -> None:
        area = value if isinstance(value, str) and value else None
        was = self._area.get(entity)
        if was is not None and was != area:
            del self._members[was][entity]
            del self._area[entity]
        if area is not None:
            self._area[entity] = area
            self._members.setdefault(area, {})[entity] = is_other

    def subjects(self, other: str) -> Iterable[str]:
        area = self._area.get(other)
        if area is None:
            return ()
        return (area,) if self.is_root else tuple(self._members[area])

    def truth(self, subject: str, now: int) -> bool | None:
        area = subject if self.is_root else self._area.get(subject)
        if area is None:
            return None
        members = self._members.get(area, {})
        truths = [self._part.truth(other, now) for other, counts in members.items() if counts]
        known = [truth for truth in truths if truth is not None]
        if not known:
            return None
        if self._share is not None:
            return sum(known) >= self._share * len(known)
        return sum(known) >= self._at_least
