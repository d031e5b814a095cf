"""Reads pick and omit, which may look into linked entities: name,owner{name,home{street}} (GS CIM 009 clause 4.21)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from dothi.model.errors import BadRequestData
from dothi.model.qlang import MAX_HOPS

#: Members of an entity that are no attributes (clauses 5.2.2 and 5.2.4).
MEMBERS: Final = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "expiresAt"})

_ITEM = re.compile(r"[^,|{}\s]*")


@dataclass(frozen=True, slots=True)
class Projection:
    """What pick or omit names of an entity, attributes as IRIs, and what it names of those behind a relationship.

    `whole` are the names without braces, which is what omit takes away.
    """

    names: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    inside: Mapping[str, Projection] = field(default_factory=dict)

    @property
    def depth(self) -> int:
        """How many links it follows."""
        return max((1 + inner.depth for inner in self.inside.values()), default=0)


NOTHING: Final = Projection()


def parse_projection(text: str, parameter: str, expand: Callable[[str], str]) -> Projection:
    """The names of a pick or omit text: joined by "," or "|", in braces those of the entities behind a relationship.

    `expand` turns the name of an attribute into its IRI; it is not asked for members of the entity. Raises
    BadRequestData that names the parameter, the position (from 1) and what was expected.
    """
    return _Reader(parameter, text, lambda name: name if name in MEMBERS else expand(name)).whole()


class _Reader:
    """A descent over lists in braces; `at` is the position of the next character."""

    def __init__(self, parameter: str, text: str, expand: Callable[[str], str]) -> None:
        self.parameter = parameter
        self.text = text
        self.expand = expand
        self.at = 0

    def fail(self, expected: str) -> NoReturn:
        found = repr(self.text[self.at : self.at + 16]) if self.at < len(self.text) else "the end"
        raise BadRequestData(
            f"{self.parameter}={self.text}: position {self.at + 1}: expected {expected}, found {found}.",
            position=self.at + 1,
        )

    def whole(self) -> Projection:
        found = self.names(0)
        if self.at < len(self.text):
            self.fail("',' or the end")
        return found

    def names(self, depth: int) -> Projection:
        names: list[str] = []
        whole: list[str] = []
        inside: dict[str, Projection] = {}
        while True:
            name = self.name()
            names.append(name)
            if self.text.startswith("{", self.at):
                inside[name] = self.braces(name, depth)
            else:
                whole.append(name)
            if self.text[self.at : self.at + 1] not in (",", "|"):
                return Projection(tuple(names), tuple(whole), inside)
            self.at += 1

    def name(self) -> str:
        found = _ITEM.match(self.text, self.at)
        if found is None or not found[0]:
            self.fail("a name, as no element can be empty")
        name = self.expand(found[0])
        self.at = found.end()
        return name

    def braces(self, name: str, depth: int) -> Projection:
        if name in MEMBERS:
            self.fail(f"no braces after {name}, which leads to no other entity")
        if depth == MAX_HOPS:
            self.fail(f"at most {MAX_HOPS} levels of braces")
        self.at += 1
        found = self.names(depth + 1)
        if not self.text.startswith("}", self.at):
            self.fail("',' or '}'")
        self.at += 1
        return found
