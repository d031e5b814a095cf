"""What the house asks of a store: one road for writes, many readers, the change log and durable documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dothi.model.change import AttributeChange, Cause, Change, ChangeKind
from dothi.model.entity import Entity, Instance
from dothi.model.query import AggregateMethod, EntityQuery, TimeProperty, Window

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """Entities of one page in store order, and how many match in all where that was asked."""

    entities: list[Entity]
    total: int | None = None


@dataclass(frozen=True, slots=True)
class TypeSummary:
    """A type, how many entities have it, and attribute IRI -> kinds seen ("Property", ...) with entity counts."""

    type: str
    count: int
    attributes: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Bucket:
    """One aggregation period: start and end in microseconds, value per method (None where undefined)."""

    start: int
    end: int
    values: dict[AggregateMethod, Any]


@dataclass(frozen=True, slots=True)
class History:
    """What is kept of one entity's past: attribute IRI -> instances with `instanceId`, in the order asked."""

    id: str
    types: tuple[str, ...]
    scopes: tuple[str, ...]
    created: int | None
    modified: int | None
    attributes: dict[str, list[Instance]]
    deleted: int | None = None


class Transaction(Protocol):
    """One unit of work inside the group that is being committed. Sees what earlier units of the group wrote.

    A unit that raises leaves nothing behind; the others of the group are not touched.
    """

    @property
    def now(self) -> int:
        """The time of recording, in microseconds; never goes back."""
        ...

    def load(self, ids: Iterable[str]) -> Mapping[str, Entity]:
        """The stored entities among these ids, in one SELECT for what the group has not loaded yet."""
        ...

    def save(self, entity: Entity, kind: ChangeKind, changes: Sequence[AttributeChange], cause: Cause) -> None:
        """Keep this state and append the change to the log. kind "deleted" removes the entity, history stays."""
        ...

    def append(self, entity: Entity, instances: Sequence[tuple[str, Instance]], cause: Cause) -> int:
        """Add past instances (with observedAt) to the history without touching the state; how many were new.

        An instance whose (attribute, datasetId, observedAt) is in the history replaces the older one.
        """
        ...

    def append_columns(
        self, entity: Entity, attribute: str, instance: Instance, times: NDArray[np.int64], values: NDArray[np.float64]
    ) -> int:
        """Add many past numbers of one attribute at once; how many were new.

        `times` ascend, in microseconds; `instance` is what all have in common (type, unitCode, sub-attributes...).
        """
        ...

    def select(self, query: EntityQuery) -> list[str]:
        """Ids of the entities that match, the writes of this group included."""
        ...

    def record(self, kind: str, key: str) -> Any | None:
        """A durable document, decoded; None when absent."""
        ...

    def put_record(self, kind: str, key: str, document: Any) -> None: ...

    def drop_record(self, kind: str, key: str) -> bool: ...


class Store(Protocol):
    """One tenant's data. Every method but `write` reads and may run beside a write."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, work: Callable[[Transaction], T], ids: Sequence[str] = ()) -> T:
        """Run `work` on the single writer in the next group, commit durably, return its result or raise its error.

        `ids` names the entities that it will load, so that a group loads them all by one SELECT. Raises Overloaded
        when the write queue is full.
        """
        ...

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Call `listener` on the event loop with the changes of each commit, after it; returns how to stop."""
        ...

    async def entity(self, id: str) -> Entity | None: ...

    async def entities(self, query: EntityQuery, *, count: bool = False) -> Page: ...

    async def count(self, query: EntityQuery) -> int: ...

    async def types(self) -> list[TypeSummary]: ...

    async def history(
        self,
        ids: Sequence[str],
        attributes: Sequence[str] = (),
        window: Window | None = None,
        limit: int | None = None,
    ) -> list[History]:
        """The past of these entities, also of deleted ones. `limit` bounds the instances read per attribute."""
        ...

    async def aggregate(
        self,
        ids: Sequence[str],
        attributes: Sequence[str],
        window: Window,
        methods: Sequence[AggregateMethod],
        period: str,
    ) -> dict[str, dict[str, list[Bucket]]]:
        """Entity id -> attribute IRI -> buckets in order (periods without instances are left out)."""
        ...

    async def expired(self, now: int, limit: int) -> list[str]:
        """Ids of stored entities whose expiresAt is not after `now`."""
        ...

    async def with_expiring_attributes(self) -> list[str]:
        """Ids of entities of which an attribute may have an expiresAt; reads every document."""
        ...

    async def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """The log after a sequence number, for a follower that catches up. `entity` is the state of now."""
        ...

    async def last_seq(self) -> int: ...

    async def records(self, kind: str) -> dict[str, Any]:
        """All durable documents of a kind by key."""
        ...

    async def record(self, kind: str, key: str) -> Any | None: ...


__all__ = ["Bucket", "History", "Page", "Store", "TimeProperty", "Transaction", "TypeSummary"]
