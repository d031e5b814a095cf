"""The entities to which relationships lead, and how they join those that lead to them (GS CIM 009 clause 4.5.23)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from msgspec.structs import replace

from dothi.model.attribute import Naming
from dothi.model.entity import Attributes, Entity, Instance, each_instance
from dothi.model.errors import TooManyResults
from dothi.model.projection import NOTHING, Projection
from dothi.model.represent import NORMALIZED, Representation, represent

#: Linked entities that one answer can hold, each copy of an inlined one counted.
MAX_LINKED: Final = 10_000

Form = Literal["flat", "inline"]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """How entities are shown, and, by the IRI of the relationship, how those behind it are: pick=name,owner{name}.

    `rest` shows those behind any other relationship; without it they are shown as this view shows its own.
    """

    how: Representation = NORMALIZED
    inside: Mapping[str, View] = field(default_factory=dict)
    rest: View | None = None

    def behind(self, relationship: str) -> View:
        return self.inside.get(relationship) or self.rest or self


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """How linked entities are asked for: `level` links deep, but for those `contained_by` names, which the client has
    already (clause 6.4.3.2). `view` shows the linking entities."""

    form: Form
    level: int = 1
    view: View = field(default_factory=View)
    contained_by: frozenset[str] = frozenset()


def projected(how: Representation, pick: Projection = NOTHING, omit: Projection = NOTHING) -> View:
    """The view of entities that are shown in this way, of which these things are picked and omitted.

    Of what is behind their relationships the same, where pick and omit look there, else it is shown whole.
    """
    plain = dataclasses.replace(how, pick=frozenset(), omit=frozenset(), attrs=frozenset())
    inside = {
        name: projected(
            dataclasses.replace(plain, pick=frozenset(inner.names), omit=frozenset(outer.whole)), inner, outer
        )
        for name in {**pick.inside, **omit.inside}
        for inner, outer in [(pick.inside.get(name, NOTHING), omit.inside.get(name, NOTHING))]
    }
    return View(how, inside, View(plain))


#: An entity of the answer and how it is shown.
Shown = tuple[Entity, Representation]


def objects_of(instance: Instance) -> list[str]:
    """The ids to which an attribute instance leads; none where it is no relationship."""
    if instance["type"] == "Relationship":
        target = instance.get("object", ())
        return [target] if isinstance(target, str) else list(target)
    if instance["type"] == "ListRelationship":
        return [each["object"] if isinstance(each, dict) else each for each in instance.get("objectList", ())]
    return []


def steps(entity: Entity, view: View) -> Iterator[tuple[str, Instance, View]]:
    """(id, relationship instance, view of what it leads to) for each link that the view shows of the entity."""
    how = view.how
    for name, instance in each_instance(entity.attributes):
        if not _is_link(instance) or not how.shows(name):
            continue
        if how.dataset_ids and instance.get("datasetId", "@none") not in how.dataset_ids:
            continue
        for id in objects_of(instance):
            yield id, instance, view.behind(name)


def leads_to(instance: Instance, target: Entity | None) -> bool:
    """Whether this is an entity to which the relationship leads: of one of its objectTypes, where it has some."""
    if target is None:
        return False
    types = instance.get("objectType", ())
    return not types or not frozenset((types,) if isinstance(types, str) else types).isdisjoint(target.types)


def flattened(entities: Sequence[Entity], join: Join, found: Mapping[str, Entity]) -> list[Shown]:
    """The entities, then once each those to which they lead, the nearest first (clause 4.5.23.3)."""
    answer = [(entity, join.view.how) for entity in entities]
    known = {entity.id for entity in entities} | join.contained_by
    frontier = [(entity, join.view) for entity in entities]
    seen: set[tuple[str, View]] = set(zip((entity.id for entity in entities), [join.view] * len(entities), strict=True))
    for _ in range(join.level):
        following = []
        for entity, view in frontier:
            for id, instance, behind in steps(entity, view):
                target = found.get(id)
                if target is None or not leads_to(instance, target) or (id, behind) in seen:
                    continue
                seen.add((id, behind))
                following.append((target, behind))
                if id not in known:
                    known.add(id)
                    answer.append((target, behind.how))
        frontier = following
    return answer


def inlined(entities: Iterable[Entity], join: Join, found: Mapping[str, Entity], context: Naming) -> list[Shown]:
    """The entities with those to which they lead inside their relationships (clause 4.5.23.2), written as `context` has
    it: in the members entity and entityList, in the simplified form instead of the id.

    An entity is never put inside itself. Raises TooManyResults past 10,000 linked entities.
    """
    writer = _Inliner(found, context)
    return [
        (writer.filled(each, join.view, join.level, join.contained_by | {each.id}), join.view.how) for each in entities
    ]


class _Inliner:
    """Writes linked entities into those that lead to them, and counts them."""

    def __init__(self, found: Mapping[str, Entity], context: Naming) -> None:
        self.found = found
        self.context = context
        self.count = 0

    def filled(self, entity: Entity, view: View, level: int, above: frozenset[str]) -> Entity:
        """The entity with `level` levels of documents in its relationships, none of an entity `above`."""
        if level == 0:
            return entity
        attributes: Attributes | None = None
        for name, attribute in entity.attributes.items():
            if not view.how.shows(name):
                continue
            several = attribute if isinstance(attribute, list) else [attribute]
            if not any(map(_is_link, several)):
                continue
            behind = view.behind(name)
            full = [self.instance(each, behind, level, above, view.how) for each in several]
            attributes = attributes or entity.attributes.copy()
            attributes[name] = full if isinstance(attribute, list) else full[0]
        return entity if attributes is None else replace(entity, attributes=attributes)

    def instance(
        self, instance: Instance, view: View, level: int, above: frozenset[str], how: Representation
    ) -> Instance:
        if not _is_link(instance) or (how.dataset_ids and instance.get("datasetId", "@none") not in how.dataset_ids):
            return instance
        ids = objects_of(instance)
        documents = [self.document(id, instance, view, level, above) for id in ids]
        if not any(documents):
            return instance
        if how.format == "simplified":
            either = [document or id for document, id in zip(documents, ids, strict=True)]
            if instance["type"] == "ListRelationship":
                return {**instance, "objectList": either}
            return {**instance, "object": either[0] if isinstance(instance["object"], str) else either}
        present = [document for document in documents if document]
        if instance["type"] == "ListRelationship":
            return {**instance, "entityList": present}
        return {**instance, "entity": present[0] if isinstance(instance["object"], str) else present}

    def document(
        self, id: str, instance: Instance, view: View, level: int, above: frozenset[str]
    ) -> dict[str, Any] | None:
        target = self.found.get(id)
        if target is None or id in above or not leads_to(instance, target):
            return None
        self.count += 1
        if self.count > MAX_LINKED:
            raise TooManyResults(
                f"The answer would hold more than {MAX_LINKED} linked entities: lower joinLevel or limit, pick the "
                "relationships that you need, or ask for join=flat."
            )
        return represent(self.filled(target, view, level - 1, above | {id}), self.context, view.how) or None


def _is_link(instance: Instance) -> bool:
    return instance["type"] in ("Relationship", "ListRelationship")
