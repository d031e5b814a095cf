"""Splits a write between this broker and the context sources that are registered for parts of it (clause 4.3.6).

Pure: coverages of registrations and the attributes of the write in, shares out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dothi.model.registration import Coverage, Registration

#: Attribute IRIs; None: all that there are, named or not, as where an entity is deleted.
Names = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a write that is one source's. Not `supported`: the source cannot do it, and nobody else may."""

    registration: Registration
    attributes: Names
    supported: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """`shares` for sources, and what is left for this broker. `here` is False where nothing is left, `proxied` says
    that a source stands for the entity, or a part of it, in place of this broker."""

    shares: tuple[Share, ...]
    attributes: Names
    here: bool = True
    proxied: bool = False

    @property
    def is_local(self) -> bool:
        """Whether no source has a part in it."""
        return not self.shares


def plan(coverages: Iterable[Coverage], operations: frozenset[str], attributes: Names) -> Plan:
    """The shares of a write of `attributes` (see Names) to one entity, which a source can do that supports one of
    `operations` (clause 4.20).

    First exclusive sources take their attributes away, then redirect ones take theirs, several the same where several
    are registered; of what is left inclusive sources get a copy. Auxiliary ones take no writes. A proxied source that
    does not support the operation keeps its part from everybody else: that part fails (5.6.1.4 and its like).
    """
    found = list(coverages)
    left = attributes
    shares: list[Share] = []
    proxied = False
    whole = False
    for mode in ("exclusive", "redirect"):
        taken: set[str] = set()
        for share, everything in _proxied(found, mode, operations, left):
            shares.append(share)
            proxied = True
            whole = whole or (everything and mode == "redirect")
            taken |= share.attributes or frozenset()
        if left is not None:
            left -= taken
    here = not (whole or (proxied and attributes is not None and not left and bool(attributes)))
    if here:
        shares += _copies(found, operations, left)
    return Plan(tuple(shares), left if here else frozenset(), here, proxied)


def _proxied(coverages: list[Coverage], mode: str, operations: frozenset[str], left: Names) -> list[tuple[Share, bool]]:
    """The shares of the sources of one mode, and whether each has the whole entity.

    An unsupported share holds only what no other source of the mode can do.
    """
    parts = [
        (coverage, common)
        for coverage in coverages
        if coverage.registration.mode == mode and (common := _common(coverage, left)) is not _NOTHING
    ]
    able = [(coverage, common) for coverage, common in parts if _is_able(coverage, operations)]
    done: set[str] = set().union(*(common or () for _, common in able))
    all_done = any(coverage.attributes is None for coverage, _ in able)
    found = [(Share(coverage.registration, common), coverage.attributes is None) for coverage, common in able]
    for coverage, common in parts:
        if _is_able(coverage, operations) or all_done:
            continue
        rest = common if common is None or not done else common - done
        if rest is None or rest or not common:
            found.append((Share(coverage.registration, rest, supported=False), coverage.attributes is None))
    return found


def _copies(coverages: list[Coverage], operations: frozenset[str], left: Names) -> list[Share]:
    return [
        Share(coverage.registration, common)
        for coverage in coverages
        if coverage.registration.mode == "inclusive"
        and _is_able(coverage, operations)
        and (common := _common(coverage, left)) is not _NOTHING
    ]


#: Stands for "has no part in it", which is not the same as a part without attributes.
_NOTHING = frozenset({"\x00"})


def _common(coverage: Coverage, left: Names) -> Names:
    """The attributes that a source has of those that are left."""
    own = coverage.attributes
    if left is None or own is None:
        return own if left is None else left
    common = own & left
    return common or _NOTHING


def _is_able(coverage: Coverage, operations: frozenset[str]) -> bool:
    return not operations.isdisjoint(coverage.registration.operations)
