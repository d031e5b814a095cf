"""Turns a rule into what runs: its simple conditions with what they watch, the tree over them, its times."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from re import Pattern
from typing import Any

from dothi.automation.rules import definition as rules
from dothi.automation.rules.geofence import GeofenceLeaf, circle
from dothi.automation.rules.leaves import Leaf, SilentLeaf, ThresholdLeaf
from dothi.automation.rules.spans import SpanLeaf
from dothi.automation.rules.times import ZONE, Times
from dothi.automation.rules.tree import (
    AllNode,
    AnyNode,
    AreaNode,
    DuringNode,
    LeafNode,
    Node,
    NotNode,
    RelatedNode,
    Relation,
)

#: Short name -> every IRI that it may have.
Iris = Callable[[str], Sequence[str]]
#: Id of an entity -> its GeoJSON location, None where there is none.
Places = Callable[[str], dict[str, Any] | None]


@dataclass(slots=True)
class Watch:
    """A simple condition with what it listens to. `attributes` None: every one; `types` empty: every type.

    `reach`: the relations between the rule's subject and the entity, the outermost first.
    """

    leaf: Leaf
    node: LeafNode
    attributes: frozenset[str] | None
    types: frozenset[str]
    reach: tuple[Relation, ...]

    def listens(self, types: Sequence[str], attribute: str) -> bool:
        return (self.attributes is None or attribute in self.attributes) and fits(self.types, types)


@dataclass(slots=True)
class Bond:
    """A relation with the IRIs of its attribute, and the types of the entities that the inner condition speaks of."""

    relation: Relation
    attributes: frozenset[str]
    others: frozenset[str]
    reach: tuple[Relation, ...]


@dataclass(slots=True)
class Program:
    tree: Node
    types: frozenset[str]
    only: Pattern[str] | None
    watches: list[Watch] = field(default_factory=list)
    bonds: list[Bond] = field(default_factory=list)
    times: list[Times] = field(default_factory=list)
    gate: Times | None = None
    quiet: Times | None = None

    @property
    def is_area(self) -> bool:
        """Whether the alarms are about areas, not entities."""
        return isinstance(self.tree, AreaNode)

    def takes(self, id: str, types: Sequence[str]) -> bool:
        """Whether the rule is about this entity."""
        return fits(self.types, types) and (self.only is None or self.only.fullmatch(id) is not None)


def fits(wanted: frozenset[str], types: Sequence[str]) -> bool:
    return not wanted or any(type in wanted for type in types)


def matcher(patterns: Sequence[str]) -> Pattern[str] | None:
    """Of ids with * and ?; None where no pattern is given."""
    return re.compile("|".join(map(translate, patterns))) if patterns else None


def build(rule: rules.Rule, iris: Iris, places: Places, zone: str = ZONE) -> Program:
    """The program of a checked rule. Raises ValueError where `area_of` leads to no place."""
    builder = _Builder(rule, iris, places, zone)
    gate = None if rule.active is None else Times(rule.active, zone)
    program = builder.program
    program.tree = builder.node(rule.when, program.types, ())
    program.gate = gate
    program.quiet = None if rule.quiet is None else Times(rule.quiet, zone)
    if gate is not None:
        program.times.append(gate)
    return program


class _Builder:
    def __init__(self, rule: rules.Rule, iris: Iris, places: Places, zone: str) -> None:
        self._iris, self._places, self._zone = iris, places, zone
        self._root = rule.when
        self.program = Program(LeafNode(), self._all(rule.types), matcher(rule.only))

    def _all(self, names: Sequence[str]) -> frozenset[str]:
        return frozenset(iri for name in names for iri in self._iris(name))

    def node(self, when: rules.Condition, types: frozenset[str], reach: tuple[Relation, ...]) -> Node:
        match when:
            case rules.All():
                return AllNode([self.node(part, types, reach) for part in when.of])
            case rules.Any_():
                return AnyNode([self.node(part, types, reach) for part in when.of])
            case rules.Not():
                return NotNode(self.node(when.when, types, reach))
            case rules.During():
                times = Times(when, self._zone)
                self.program.times.append(times)
                return DuringNode(times)
            case rules.Related() | rules.Area():
                return self._relation(when, types, reach)
            case _:
                return self._watch(when, types, reach)

    def _relation(self, when: rules.Related | rules.Area, types: frozenset[str], reach: tuple[Relation, ...]) -> Node:
        inner = _Later()
        node: RelatedNode | AreaNode
        if isinstance(when, rules.Related):
            node, others = RelatedNode(when, inner), self._all(when.types)
        else:
            node = AreaNode(when, inner, when is self._root)
            others = self._all(when.types) or types
        inner.node = self.node(when.when, others, (*reach, node))
        self.program.bonds.append(Bond(node, frozenset(self._iris(node.attribute)), others, reach))
        return node

    def _watch(self, when: rules.Condition, types: frozenset[str], reach: tuple[Relation, ...]) -> Node:
        leaf = self._leaf(when)
        attributes = None if leaf.attribute is None else frozenset(self._iris(leaf.attribute))
        node = LeafNode()
        self.program.watches.append(Watch(leaf, node, attributes, types, reach))
        return node

    def _leaf(self, when: rules.Condition) -> Leaf:
        match when:
            case rules.Threshold():
                return ThresholdLeaf(when)
            case rules.Rate() | rules.Window():
                return SpanLeaf(when)
            case rules.Silent():
                return SilentLeaf(when)
            case rules.Geofence():
                return GeofenceLeaf(when, self._area(when))
            case _:
                raise TypeError(f"{when!r} is no simple condition")

    def _area(self, when: rules.Geofence) -> dict[str, Any]:
        if when.area is not None:
            return when.area
        if when.center is not None and when.radius is not None:
            return circle(when.center, when.radius)
        area = None if when.area_of is None else self._places(when.area_of)
        if area is None:
            raise ValueError(f"area_of: there is no entity {when.area_of} with a location")
        return area


class _Later:
    """Stands for a part of the tree that is built after the node that holds it."""

    node: Node

    def truth(self, subject: str, now: int) -> bool | None:
        return self.node.truth(subject, now)
