"""A snapshot: what a client asks to be frozen, and what it is told about it (GS CIM 009 clauses 4.3.7 and 5.2.41)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dothi.model.duration import parse_duration
from dothi.model.entity import Attributes, Entity
from dothi.model.errors import BadRequestData
from dothi.model.instant import format_instant
from dothi.model.members import header_fault, pairs, text
from dothi.model.qlang import hops, parse_query
from dothi.model.query import And, Or, Query
from dothi.model.values import NULL, is_uri

Status = Literal["preparing", "success", "partial", "empty", "failure"]

QUERIES: Final = ("snapshotQueries", "snapshotTemporalQueries")
#: Members that a client may set; the first two only at creation.
_GIVEN: Final = frozenset({"endpoint", "receiverInfo", "snapshotLifetime", "snapshotPriority"})
#: Members that only the broker sets; a document may have them, without effect.
_OUTPUT_ONLY: Final = frozenset({
    "snapshotStatus", "snapshotQueriesDetails", "snapshotTemporalQueriesDetails", "createdAt", "modifiedAt",
    "expiresAt", "lastUsedAt",
})  # fmt: skip
MEMBERS: Final = _GIVEN | _OUTPUT_ONLY | {"id", "type", *QUERIES}

PRIORITY: Final = 5


@dataclass(slots=True)
class Snapshot:
    """`given` are the members that the client set; `details` has one entry for each query, by member of QUERIES.

    Instants in microseconds. `folder` is the name of the folder that its copy is in.
    """

    id: str
    given: dict[str, Any]
    folder: str
    created: int
    modified: int
    expires: int
    used: int
    status: Status = "preparing"
    details: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def priority(self) -> int:
        """1 goes first when there is no room, 10 stays longest (clause 5.5.15)."""
        return int(self.given.get("snapshotPriority", PRIORITY))

    def document(self) -> dict[str, Any]:
        """The Snapshot of clauses 5.2.41 and 5.2.42."""
        return {
            "id": self.id,
            "type": "Snapshot",
            **self.given,
            "snapshotPriority": self.priority,
            "snapshotStatus": self.status,
            **{name.replace("Queries", "QueriesDetails"): details for name, details in self.details.items()},
            "createdAt": format_instant(self.created),
            "modifiedAt": format_instant(self.modified),
            "expiresAt": format_instant(self.expires),
            "lastUsedAt": format_instant(self.used),
        }

    def notification(self, id: str, now: int) -> dict[str, Any]:
        """The SnapshotNotification of clause 5.3.4, which has a name of its own for the temporal details."""
        shown = self.document()
        taken = ("snapshotStatus", "snapshotPriority", "expiresAt", "snapshotQueriesDetails")
        told = {name: shown[name] for name in taken if name in shown}
        if "snapshotTemporalQueriesDetails" in shown:
            told["temporalSnapshotQueriesDetails"] = shown["snapshotTemporalQueriesDetails"]
        head = {"id": id, "type": "SnapshotNotification", "notifiedAt": format_instant(now), "snapshotId": self.id}
        return head | told

    def as_entity(self) -> Entity:
        """What a query over snapshots looks at (5.16.7): members as Properties, times as those of the entity."""
        attributes: Attributes = {
            name: {"type": "Property", "value": value}
            for name, value in self.document().items()
            if name not in ("id", "type", "createdAt", "modifiedAt", "expiresAt")
        }
        return Entity(self.id, ("Snapshot",), attributes, (), self.created, self.modified, self.expires)


def read_snapshot(document: dict[str, Any], *, clone: bool = False) -> tuple[str | None, dict[str, Any]]:
    """The id that the client chose, if any, and the members it set (5.16.1, 5.16.2). Raises BadRequestData."""
    id = text(document, "id")
    if id is not None and not is_uri(id):
        raise BadRequestData(f"The snapshot id {id!r} is no URI: write one like urn:ngsi-ld:Snapshot:name.")
    if document.get("type", "Snapshot" if clone else None) != "Snapshot":
        raise BadRequestData('The "type" of the document must be "Snapshot".')
    given = _given(document, frozenset() if clone else frozenset(QUERIES))
    if not clone and not any(name in document for name in QUERIES):
        raise BadRequestData("The snapshot has no queries: give snapshotQueries, snapshotTemporalQueries or both.")
    for name in QUERIES:
        if name in given:
            _check_queries(name, given[name])
    return id, given


def read_change(document: dict[str, Any], id: str) -> dict[str, Any]:
    """What a fragment changes: members by name, None where one is to go (5.16.4, 5.5.8). Raises BadRequestData."""
    if document.get("id", id) != id:
        raise BadRequestData(f"The document is of snapshot {document['id']}, the address of {id}: leave the id out.")
    if document.get("type", "Snapshot") != "Snapshot":
        raise BadRequestData('The "type" of the document must be "Snapshot".')
    gone = {name for name, value in document.items() if value is None or value == NULL}
    for name in gone - _GIVEN:
        raise BadRequestData(f"{name} cannot be removed from a snapshot.")
    kept = _given({name: value for name, value in document.items() if name not in gone}, frozenset())
    return kept | dict.fromkeys(gone)


def lifetime_of(given: dict[str, Any]) -> int | None:
    """snapshotLifetime in microseconds, None where it is not given."""
    text = given.get("snapshotLifetime")
    return None if text is None else parse_duration(text)


def read_selection(q: str) -> Query:
    """A query over members of snapshots (5.16.7, 4.9). Raises BadRequestData for any other name."""
    query = parse_query(q, lambda name: name)
    if hops(query):
        raise BadRequestData("q: a snapshot has no linked entities to look into.")
    for name in _names(query):
        if name not in MEMBERS:
            raise BadRequestData(f"q: {name} is no member of a Snapshot: use one of {', '.join(sorted(MEMBERS))}.")
    return query


def _names(query: Query) -> Sequence[str]:
    if isinstance(query, And | Or):
        return [name for part in query.parts for name in _names(part)]
    return [query.path.names[0]]


def _given(document: dict[str, Any], more: frozenset[str]) -> dict[str, Any]:
    for name in document:
        if name in QUERIES and name not in more:
            raise BadRequestData(f"{name} is fixed when a snapshot is made: leave it out.")
        if name not in MEMBERS:
            raise BadRequestData(f"The member {name!r} is none of a Snapshot's.")
    given = {name: value for name, value in document.items() if name in _GIVEN | more}
    _check_priority(given.get("snapshotPriority", PRIORITY))
    _check_lifetime(text(given, "snapshotLifetime"))
    text(given, "endpoint")
    for position, (key, value) in enumerate(pairs(given, "receiverInfo")):
        fault = header_fault(key, value)
        if fault is not None:
            raise BadRequestData(f"receiverInfo[{position}] {key!r}: {fault}.")
    return given


def _check_priority(priority: Any) -> None:
    if type(priority) is not int or not 1 <= priority <= 10:
        raise BadRequestData(f"snapshotPriority {priority!r} must be a whole number from 1 to 10.")


def _check_lifetime(lifetime: str | None) -> None:
    try:
        if lifetime is not None and parse_duration(lifetime) == 0:
            raise BadRequestData(f"snapshotLifetime {lifetime} is no time at all: the snapshot would be gone at once.")
    except ValueError as fault:
        raise BadRequestData(f"snapshotLifetime {fault}.") from None


def _check_queries(name: str, queries: Any) -> None:
    if type(queries) is not list or not queries:
        raise BadRequestData(f"{name} must be an array of at least one Query.")
    is_temporal = name == "snapshotTemporalQueries"
    for position, query in enumerate(queries):
        if type(query) is not dict or query.get("type") != "Query":
            raise BadRequestData(f'{name}[{position}] must be an object with the type "Query".')
        if is_temporal and "temporalQ" not in query:
            raise BadRequestData(f"{name}[{position}] has no temporalQ: put it into snapshotQueries.")
        if not is_temporal and "temporalQ" in query:
            raise BadRequestData(f"{name}[{position}] has a temporalQ: put it into snapshotTemporalQueries.")
