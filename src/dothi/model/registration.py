"""A context source registration (GS CIM 009 clause 5.2.9) as a value, and which part of a request it answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

import msgspec

from dothi.model.pattern import compile_pattern
from dothi.model.query import Selection
from dothi.model.selection import select_scopes

Mode = Literal["inclusive", "exclusive", "redirect", "auxiliary"]

#: (start, end) in microseconds; None as end: it goes on (clause 5.2.11).
Interval = tuple[int, int | None]


class EntityInfo(msgspec.Struct, frozen=True):
    """Entities that a source has (clause 5.2.8): of any of `types` (IRIs), and of this id, or with such ids.

    No types: of any type, where the id says enough.
    """

    types: tuple[str, ...]
    id: str | None = None
    id_pattern: str | None = None

    def takes(self, id: str) -> bool:
        """Whether an entity of this id belongs to it, its types left aside; the id goes before the pattern."""
        if self.id is not None:
            return self.id == id
        return self.id_pattern is None or compile_pattern(self.id_pattern).search(id) is not None


class Information(msgspec.Struct, frozen=True):
    """What a source has (clause 5.2.10): these attributes (IRIs) of these entities.

    No entities: of any entity. No properties and no relationships: every attribute.
    """

    entities: tuple[EntityInfo, ...] = ()
    properties: tuple[str, ...] | None = None
    relationships: tuple[str, ...] | None = None

    @property
    def attributes(self) -> frozenset[str] | None:
        """The names of properties and relationships together; None for every attribute."""
        if self.properties is None and self.relationships is None:
            return None
        return frozenset((*(self.properties or ()), *(self.relationships or ())))


class Management(msgspec.Struct, frozen=True):
    """How the source wants to be called (clause 5.2.34). `cache`, `timeout` and `cooldown` in seconds, None: not said.

    `local_only`: the source shall not ask others in its turn.
    """

    local_only: bool = False
    cache: float | None = None
    timeout: float | None = None
    cooldown: float | None = None


class Registration(msgspec.Struct, frozen=True):
    """One registered context source. Names are expanded IRIs, instants microseconds.

    `endpoint` has no slash at its end. `source_info` are the pairs of contextSourceInfo: headers for the calls, and
    the key jsonldContext for the context to use there. `other` are the context source properties by IRI. `document`
    is what is kept: the whole registration with its names expanded.
    """

    id: str
    information: tuple[Information, ...]
    endpoint: str
    mode: Mode = "inclusive"
    operations: frozenset[str] = frozenset()
    tenant: str | None = None
    scopes: tuple[str, ...] = ()
    source_info: tuple[tuple[str, str], ...] = ()
    alias: str | None = None
    expires: int | None = None
    management: Management = Management()
    location: dict[str, Any] | None = None
    observation_space: dict[str, Any] | None = None
    operation_space: dict[str, Any] | None = None
    observation_interval: Interval | None = None
    management_interval: Interval | None = None
    dataset_ids: tuple[str, ...] = ()
    other: dict[str, Any] = {}
    document: dict[str, Any] = {}
    created: int = 0
    modified: int = 0

    def is_expired(self, now: int) -> bool:
        """Whether it has ended: then it is as good as deleted (clause 5.2.9, expiresAt)."""
        return self.expires is not None and self.expires <= now

    def source_value(self, key: str) -> str | None:
        """The value of one pair of contextSourceInfo."""
        return next((value for name, value in self.source_info if name.lower() == key.lower()), None)


# --- which part of a request a registration answers ---------------------------------------------------------------


class Part(msgspec.Struct, frozen=True):
    """Entities and attributes that a source is asked for. Empty `ids`, `types`: not narrowed; `attributes` None: all.

    `id_pattern` is what is asked for, or what is registered where nothing of the kind is asked for.
    """

    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    types: tuple[str, ...] = ()
    attributes: frozenset[str] | None = None


class Coverage(msgspec.Struct, frozen=True):
    """What a registration answers of a request: a part for each matching element of its information, or more."""

    registration: Registration
    parts: tuple[Part, ...]
    #: Positions of the elements of `registration.information` that match.
    positions: tuple[int, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all parts, in order; empty when a part is not narrowed to ids."""
        return _union([part.ids for part in self.parts])

    @property
    def types(self) -> tuple[str, ...]:
        """The types of all parts, in order; empty when a part is not narrowed to types."""
        return _union([part.types for part in self.parts])

    @property
    def id_pattern(self) -> str | None:
        """The pattern that all parts share."""
        patterns = {part.id_pattern for part in self.parts}
        return patterns.pop() if len(patterns) == 1 else None

    @property
    def attributes(self) -> frozenset[str] | None:
        """The attributes of all parts; None when a part has every attribute."""
        found: set[str] = set()
        for part in self.parts:
            if part.attributes is None:
                return None
            found |= part.attributes
        return frozenset(found)


def covering(
    registration: Registration,
    operation: str | None,
    *,
    now: int,
    ids: Sequence[str] = (),
    id_pattern: str | None = None,
    types: Collection[str] = (),
    attributes: Collection[str] = (),
    scope: Selection | None = None,
) -> Coverage | None:
    """The part of a request that a registration answers, or None (clause 5.12).

    A write of one entity gives its id, its types where they are known, and the attributes that it writes; a query its
    ids or pattern, the names in its type selection, and the attributes that it is about. Empty means any. `operation`
    is a name of clause 4.20, None for any. An expired registration (`now` in microseconds) answers nothing.
    """
    if registration.is_expired(now) or (operation is not None and operation not in registration.operations):
        return None
    if scope is not None and registration.scopes and not select_scopes(scope)(registration.scopes):
        return None
    parts: list[Part] = []
    positions = []
    for position, information in enumerate(registration.information):
        found = list(_parts(information, ids, id_pattern, types, attributes))
        if found:
            parts += [part for part in found if part not in parts]
            positions.append(position)
    return Coverage(registration, tuple(parts), tuple(positions)) if parts else None


def _parts(
    information: Information,
    ids: Sequence[str],
    id_pattern: str | None,
    types: Collection[str],
    attributes: Collection[str],
) -> Iterator[Part]:
    own = information.attributes
    common = own if not attributes else frozenset(attributes) if own is None else own.intersection(attributes)
    if common is not None and not common:
        return
    if not information.entities:
        yield Part(tuple(ids), None if ids else id_pattern, tuple(types), common)
        return
    # Entities that are named one by one are asked for together.
    named: dict[tuple[str, ...], list[str]] = {}
    for info in information.entities:
        shared = tuple(type for type in info.types if type in types) if types and info.types else info.types
        if info.types and not shared:
            continue
        if not info.types:
            shared = tuple(types)
        if ids:
            chosen = [id for id in ids if info.takes(id)]
        elif info.id is not None:
            chosen = [info.id] if _fits(info.id, id_pattern) else []
        else:
            yield Part((), id_pattern if id_pattern is not None else info.id_pattern, shared, common)
            continue
        if chosen:
            named.setdefault(shared, []).extend(chosen)
    for shared, chosen in named.items():
        yield Part(tuple(dict.fromkeys(chosen)), None, shared, common)


def _fits(id: str, pattern: str | None) -> bool:
    return pattern is None or compile_pattern(pattern).search(id) is not None


def _union(several: list[tuple[str, ...]]) -> tuple[str, ...]:
    if not all(several):
        return ()
    return tuple(dict.fromkeys(text for texts in several for text in texts))


# --- registrations that cannot stand beside each other --------------------------------------------------------------


def claims(registration: Registration, id: str, types: Collection[str], attributes: Collection[str]) -> frozenset[str]:
    """The attributes of an entity that a proxied registration claims for its source (clause 4.3.6.3)."""
    found: set[str] = set()
    for information in registration.information:
        if not information.entities or any(
            info.takes(id) and (not types or not info.types or not set(info.types).isdisjoint(types))
            for info in information.entities
        ):
            own = information.attributes
            found |= set(attributes) if own is None else own.intersection(attributes)
    return frozenset(found)


def contradiction(one: Registration, other: Registration) -> str | None:
    """What two registrations cannot both have: one of them is exclusive, and the other would proxy the same attribute
    of the same entity (clause 4.3.6.3). None when they can stand beside each other; times are left aside."""
    if {one.mode, other.mode} not in ({"exclusive"}, {"exclusive", "redirect"}):
        return None
    exclusive, beside = (one, other) if one.mode == "exclusive" else (other, one)
    for information in exclusive.information:
        for info in information.entities:
            names = sorted(information.attributes or ())
            if info.id is not None and (common := claims(beside, info.id, info.types, names)):
                return f"{min(common)} of {info.id}"
    return None
