"""What the house asks of a store: one road for writes, many readers, the change log and durable documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dothi.model.change import AttributeChange, Cause, Change, ChangeKind
from dothi.model.entity import Entity, Instance
from dothi.model.query import AggregateMethod, EntityQuery, TimeProperty, Window

if TYPE_CHECKING:
    from dothi.storage.bulk import PastColumn

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
class Choice:
    """Entities to copy; with `past` their whole history too. Limit, offset and order of the query play no part."""

    query: EntityQuery
    past: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """One aggregation period: start and end in microseconds, value per method (None where undefined)."""

    start: int
    end: int
    values: dict[AggregateMethod, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """One instance of the past: the time it is kept under, and when it was first recorded, in microseconds.

    `instance` has neither createdAt, modifiedAt nor instanceId.
    """

    time: int
    created: int
    instance: dict[str, Any]

    @property
    def dataset(self) -> str | None:
        found: str | None = self.instance.get("datasetId")
        return found


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


@dataclass(frozen=True, slots=True)
class Evolved:
    """Ids of a page of entities found by their past, how many there are in all where asked, and whether more follow."""

    ids: list[str]
    total: int | None
    more: bool


@dataclass(frozen=True, slots=True)
class Newest:
    """The last instances of one attribute, newest first, as JSON objects in normalized form joined by commas."""

    types: tuple[str, ...]
    instances: bytes


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

    def instance(self, id: str, attribute: str, instance: str) -> Found | None:
        """The instance of the past that has this instanceId."""
        ...

    def amend(self, id: str, attribute: str, found: Found, name: str, amended: Instance, cause: Cause) -> None:
        """Put another instance into the place of one of the past; it keeps its instanceId `name` (clause 5.6.14)."""
        ...

    def forget(
        self,
        id: str,
        attribute: str | None = None,
        dataset: str | EllipsisType | None = ...,
        instance: str | None = None,
    ) -> bool:
        """Erase the past of an entity, of an attribute (IRI), of one datasetId of it (None is the default instance,
        `...` all), or one instance by its instanceId, for good; whether there was any. The state stays as it is.
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

    async def ids(self, query: EntityQuery, most: int | None = None) -> list[str]:
        """Ids of all that match, in the order of the query, whatever its page; `most` of them where it is given."""
        ...

    async def extract(self, folder: Path, choices: Sequence[Choice]) -> list[int]:
        """Make a store in a new folder of what is chosen, as of one instant; how many entities each choice found."""
        ...

    async def duplicate(self, folder: Path) -> None:
        """Make a store in a new folder that holds all entities and their past as of one instant."""
        ...

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

    async def evolved(self, query: EntityQuery, window: Window, *, count: bool = False) -> Evolved:
        """Entities, living or deleted, of which instances in the window meet the query (clause 5.7.4)."""
        ...

    async def newest(self, id: str, attribute: str, last: int) -> Newest | None:
        """The last instances of an attribute (IRI) ready to be sent; None where `history` must be asked."""
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

    async def past_columns(
        self, ids: Sequence[str], attributes: Sequence[str], start: int, end: int
    ) -> list[PastColumn]:
        """The past of these entities as columns, start <= time < end, a hundred entities or so at once; no attributes
        (IRIs) is all of them. Only instances without datasetId."""
        ...

    async def expired(self, now: int, limit: int) -> list[str]:
        """Ids of stored entities whose expiresAt is not after `now`."""
        ...

    async def with_expiring_attributes(self) -> list[str]:
        """Ids of entities of which an attribute may have an expiresAt; reads every document."""
        ...

    async def as_of(
        self,
        at: int,
        known: int | None = None,
        *,
        types: Sequence[str] = (),
        ids: Sequence[str] = (),
        attributes: Sequence[str] = (),
    ) -> list[Entity]:
        """The entities as they were at an instant (microseconds), by what is known today or was recorded by `known`.

        `types` (IRIs) and `ids` narrow them down; with `attributes` (IRIs) no others are read of them.
        """
        ...

    async def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """The log after a sequence number, for a follower that catches up. `entity` is the state of now."""
        ...

    async def last_seq(self) -> int: ...

    async def records(self, kind: str) -> dict[str, Any]:
        """All durable documents of a kind by key."""
        ...

    async def record(self, kind: str, key: str) -> Any | None: ...


__all__ = [
    "Bucket",
    "Evolved",
    "Found",
    "History",
    "Newest",
    "Page",
    "Store",
    "TimeProperty",
    "Transaction",
    "TypeSummary",
]
