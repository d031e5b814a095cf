"""An entity map: the entities of one query, fixed, and where each is held (clauses 4.5.25, 5.2.39, 5.5.14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from dothi.model.duration import parse_duration
from dothi.model.errors import BadRequestData
from dothi.model.instant import format_instant, parse_instant
from dothi.model.query import EntityQuery

#: In the sources of an entity: this broker itself holds it.
LOCAL: Final = "@none"

#: Entity id -> ids of the registrations that lead to it, LOCAL where it is here; in the order of the pages.
Sources = dict[str, tuple[str, ...]]

#: Members of an EntityMap that nobody but its maker sets; an update may have them, without effect (5.14.2.4).
_OUTPUT_ONLY: Final = frozenset({"id", "type", "entityMap", "linkedMaps", "@context"})


@dataclass(slots=True)
class EntityMap:
    """`expires` in microseconds; `linked`: registration id -> the id of the map made there; `query` is what it was
    made for, without page: only who asks the same may strike entities off."""

    id: str
    query: EntityQuery
    sources: Sources
    expires: int
    linked: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The EntityMap of clause 5.2.39."""
        return {
            "id": self.id,
            "type": "EntityMap",
            "expiresAt": format_instant(self.expires),
            "entityMap": self.sources,
            "linkedMaps": self.linked,
        }


def new_expiry(fragment: dict[str, Any]) -> int | None:
    """The expiresAt of a fragment in microseconds, None where it has none (5.14.2). Raises BadRequestData."""
    for name in fragment:
        if name != "expiresAt" and name not in _OUTPUT_ONLY:
            raise BadRequestData(f"The member {name!r} is none of an EntityMap's: only expiresAt can be changed.")
    if fragment.get("type", "EntityMap") != "EntityMap":
        raise BadRequestData(f"The document is of type {fragment['type']!r}: an entity map has the type EntityMap.")
    if "expiresAt" not in fragment:
        return None
    try:
        return parse_instant(fragment["expiresAt"])
    except (ValueError, TypeError):
        found = fragment["expiresAt"]
        raise BadRequestData(f"expiresAt {found!r} is no DateTime like 2026-01-31T08:00:00Z.") from None


def lifetime(text: str) -> int:
    """entityMapLifetime in microseconds. Raises BadRequestData (table 6.4.3.2-1)."""
    try:
        return parse_duration(text)
    except ValueError as fault:
        raise BadRequestData(f"entityMapLifetime {fault}.") from None
