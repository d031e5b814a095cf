"""One entity as the panel shows it: labels, units, ages and relations, declared attributes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.api.operations_shapes import AttributeView, EntityView, RelationView, TextView, TypeView
from dothi.city.module import Attribute, Band, CityModule, EntityType, Status, Text
from dothi.model.aliases import Aliases
from dothi.model.entity import Entity, Instance, each_instance
from dothi.model.instant import parse_instant
from dothi.web.features import LayerView, age_class, observed_at, type_iris
from dothi.web.vocabulary import COMMON, LOCATION, Reader, main_instance, value_of

RELATIONSHIPS = ("Relationship", "ListRelationship")


@dataclass(frozen=True, slots=True)
class Declared:
    """What the modules say of types (under every IRI that they may have) and of their attributes.

    `attributes`: (type name, attribute name) -> its place in the declarations, and the attribute.
    """

    types: Mapping[str, EntityType]
    attributes: Mapping[tuple[str, str], tuple[int, Attribute]]
    vocabulary: Aliases

    @classmethod
    def of(cls, modules: Iterable[CityModule], vocabulary: Aliases) -> Declared:
        kinds = [kind for module in modules for kind in module.types]
        types = {iri: kind for kind in kinds for iri in type_iris(kind.name, kind, vocabulary)}
        pairs = [((kind.name, each.name), each) for kind in types.values() for each in kind.attributes]
        places = {key: (place, attribute) for place, (key, attribute) in enumerate(dict(pairs).items())}
        return cls(types | {kind.iri: kind for kind in kinds}, places, vocabulary)

    def attribute(self, types: Iterable[str], iri: str) -> Attribute | None:
        found = self._find(types, iri)
        return COMMON.get(self.vocabulary.compact(iri)) if found is None else found[1]

    def place(self, types: Iterable[str], iri: str) -> tuple[int, str]:
        """Where an attribute stands in the panel: as declared, then the others by name."""
        found = self._find(types, iri)
        return (len(self.attributes), iri) if found is None else (found[0], iri)

    def stale_after(self, types: Iterable[str]) -> float | None:
        silences = [self.types[iri].stale_after for iri in types if iri in self.types]
        return max((silence for silence in silences if silence is not None), default=None)

    def _find(self, types: Iterable[str], iri: str) -> tuple[int, Attribute] | None:
        name = self.vocabulary.compact(iri)
        kinds = (self.types[each] for each in types if each in self.types)
        found = (self.attributes[kind.name, name] for kind in kinds if (kind.name, name) in self.attributes)
        return min(found, key=lambda pair: pair[0], default=None)


def text_view(text: Text | None) -> TextView | None:
    return None if text is None else TextView(vi=text.vi, en=text.en)


@dataclass(frozen=True, slots=True)
class Panel:
    """Makes the panel's view of entities from what the modules declare."""

    declared: Declared
    views: Mapping[str, LayerView]
    vocabulary: Aliases
    reader: Reader

    @classmethod
    def of(cls, modules: Iterable[CityModule], views: Mapping[str, LayerView], vocabulary: Aliases) -> Panel:
        return cls(Declared.of(modules, vocabulary), views, vocabulary, Reader.of(vocabulary))

    def view(self, entity: Entity, linked: Mapping[str, Entity], now: int) -> EntityView:
        """`linked` holds the entities that relationships lead to, where they are stored, for their names."""
        layers = [view for view in self.views.values() if view.covers(entity)]
        main = next((view for view in layers if view.instance(entity) is not None), layers[0] if layers else None)
        instance = None if main is None else main.instance(entity)
        observed = observed_at(instance, entity)
        age = age_class(observed, self.declared.stale_after(entity.types), now)
        status: Status = "ok" if main is None else main.status(instance)
        place = main_instance(entity, LOCATION)
        above = [main_instance(entity, *self.reader.names), main_instance(entity, *self.reader.providers)]
        ordered = sorted(each_instance(entity.attributes), key=lambda pair: self.declared.place(entity.types, pair[0]))
        return EntityView(
            id=entity.id,
            name=self.reader.name(entity),
            types=[self._type(iri) for iri in entity.types],
            layers=[view.layer.id for view in layers],
            status="offline" if age == "offline" else status,
            age=age,
            observed_at=None if observed is None else observed // 1000,
            provider=self.reader.provider(entity),
            location=None if place is None else value_of(place),
            attributes=[
                self._attribute(entity, iri, each, main, now)
                for iri, each in ordered
                if each.get("type") not in RELATIONSHIPS and iri != LOCATION and each not in above
            ],
            relations=[
                relation
                for iri, each in ordered
                if each.get("type") in RELATIONSHIPS
                for relation in self._relations(entity, iri, each, linked)
            ],
            created=entity.created // 1000,
            modified=entity.modified // 1000,
        )

    def _type(self, iri: str) -> TypeView:
        kind = self.declared.types.get(iri)
        name = self.vocabulary.compact(iri) if kind is None else kind.name
        return TypeView(name=name, iri=iri, label=None if kind is None else text_view(kind.label))

    def _attribute(
        self, entity: Entity, iri: str, instance: Instance, main: LayerView | None, now: int
    ) -> AttributeView:
        known = self.declared.attribute(entity.types, iri)
        value = value_of(instance)
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        observed = parse_instant(instance["observedAt"]) if isinstance(instance.get("observedAt"), str) else None
        silence = self.declared.stale_after(entity.types) if observed is not None else None
        judging = main if main is not None and main.instance(entity) is instance else None
        bands = judging.layer.bands if judging is not None else ()
        band = _band(value, bands) if numeric else None
        return AttributeView(
            name=self.vocabulary.compact(iri),
            iri=iri,
            label=None if known is None else text_view(known.label),
            kind=str(instance.get("type", "Property")),
            value=value,
            word=None if known is None else text_view(in_words(value, known.words)),
            unit=unit_of(known, instance),
            digits=None if known is None else known.digits,
            observed_at=None if observed is None else observed // 1000,
            age=age_class(observed, silence, now),
            dataset=instance.get("datasetId"),
            numeric=numeric,
            status=None if judging is None or not judging.judges else judging.status(instance),
            band=None if band is None else text_view(band.label),
        )

    def _relations(
        self, entity: Entity, iri: str, instance: Instance, linked: Mapping[str, Entity]
    ) -> Iterable[RelationView]:
        known = self.declared.attribute(entity.types, iri)
        for target in targets(instance):
            other = linked.get(target)
            yield RelationView(
                name=self.vocabulary.compact(iri),
                label=None if known is None else text_view(known.label),
                target=target,
                target_name=None if other is None else self.reader.name(other),
            )


def unit_of(attribute: Attribute | None, instance: Instance | None) -> str:
    """The text beside a number: as declared, else a plain unit code, which says more than nothing."""
    if attribute is not None and attribute.unit:
        return attribute.unit
    code = None if instance is None else instance.get("unitCode")
    return code if isinstance(code, str) else ""


def in_words(value: Any, words: Mapping[str, Text]) -> Text | None:
    """What a text, or each text of a list, means by the declared words; None where one has no word."""
    texts = value if isinstance(value, list) else [value]
    known = [words[text] for text in texts if isinstance(text, str) and text in words]
    if not known or len(known) < len(texts):
        return None
    return Text(", ".join(word.vi for word in known), ", ".join(word.en for word in known))


def targets(instance: Instance) -> list[str]:
    """The ids that a relationship leads to."""
    found: Any = instance.get("object", instance.get("objectList"))
    listed = found if isinstance(found, list) else [found]
    ids = [each.get("object") if isinstance(each, dict) else each for each in listed]
    return [id for id in ids if isinstance(id, str)]


def _band(value: float, bands: tuple[Band, ...]) -> Band | None:
    return max((band for band in bands if value >= band.low), key=lambda band: band.low, default=None)
