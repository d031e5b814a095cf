"""How the app reads entities whose names are expanded: values, and the few attributes that any entity may have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dothi.city.module import Attribute, CityModule, Text
from dothi.model.aliases import Aliases
from dothi.model.attribute import Naming
from dothi.model.entity import VALUE_MEMBER, Entity, Instance, PlainProperty

NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
LOCATION = NGSI_LD + "location"

NAME_TERMS = ("name", "title", "vehiclePlateIdentifier")
HEADING_TERMS = ("heading", "bearing")
PROVIDER_TERMS = ("provider", "dataProvider", "source")


#: Attributes that entities of most types may have, so that no module need declare them.
COMMON = {
    attribute.name: attribute
    for attribute in (
        Attribute("name", Text("Tên", "Name")),
        Attribute("description", Text("Mô tả", "Description")),
        Attribute("address", Text("Địa chỉ", "Address")),
        Attribute("areaServed", Text("Địa bàn", "Area served")),
        Attribute("provider", Text("Nguồn dữ liệu", "Provider")),
        Attribute("dataProvider", Text("Đơn vị cung cấp dữ liệu", "Data provider")),
        Attribute("source", Text("Nguồn", "Source")),
        Attribute("dateObserved", Text("Thời điểm quan trắc", "Observed at")),
        Attribute("dateModified", Text("Cập nhật lúc", "Modified at")),
        Attribute("category", Text("Loại", "Category")),
        Attribute("status", Text("Tình trạng", "Status")),
        Attribute("stationID", Text("Mã trạm", "Station code")),
    )
}


def vocabulary_of(modules: Iterable[CityModule], own: Naming) -> Aliases:
    """The short names that modules declare and that any entity may have, read by the city's own @context."""
    names = [*NAME_TERMS, *HEADING_TERMS, *PROVIDER_TERMS, *COMMON]
    for module in modules:
        names += [name for kind in module.types for name in (kind.name, *(each.name for each in kind.attributes))]
        names += [name for layer in module.page.layers for name in (*layer.types, layer.value) if name]
        names += module.terms
    return Aliases(own, names)


def value_of(instance: Instance) -> Any:
    """The value of an attribute instance, whatever its kind; a Property's @value object gives its plain value."""
    if isinstance(instance, PlainProperty):
        return instance.value
    value = instance.get(VALUE_MEMBER.get(instance.get("type", "Property"), "value"))
    if isinstance(value, dict) and "@value" in value:
        return value["@value"]
    return value


def main_instance(entity: Entity, *iris: str) -> Instance | None:
    """The default instance (the one without datasetId), else the first, of the first of these attributes it has."""
    attributes = entity.attributes
    for iri in iris:
        found = attributes.get(iri)
        if found is None:
            continue
        if not isinstance(found, list):
            return found
        return next((instance for instance in found if "datasetId" not in instance), found[0] if found else None)
    return None


def tail(identifier: str) -> str:
    """The last part of a URN, a path or a fragment: a name of last resort."""
    return identifier.rstrip("/").replace("#", ":").replace("/", ":").rsplit(":", 1)[-1] or identifier


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what every entity may have: a name, a heading, a provider."""

    names: tuple[str, ...]
    headings: tuple[str, ...]
    providers: tuple[str, ...]

    @classmethod
    def of(cls, vocabulary: Aliases) -> Reader:
        def iris(terms: Iterable[str]) -> tuple[str, ...]:
            return tuple(iri for term in terms for iri in vocabulary.iris(term))

        return cls(names=iris(NAME_TERMS), headings=iris(HEADING_TERMS), providers=iris(PROVIDER_TERMS))

    def name(self, entity: Entity) -> str | dict[str, str]:
        """A text, a map of language -> text where the name is a LanguageProperty, else the tail of the id."""
        for iri in self.names:
            if iri not in entity.attributes:
                continue
            value = self._value(entity, iri)
            if isinstance(value, str) and value:
                return value
            if isinstance(value, dict):
                texts = {key: text for key, text in value.items() if isinstance(text, str)}
                if texts:
                    return texts
        return tail(entity.id)

    def heading(self, entity: Entity) -> float | None:
        """Degrees clockwise from north."""
        for iri in self.headings:
            value = self._value(entity, iri)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return value % 360
        return None

    def provider(self, entity: Entity) -> str | None:
        for iri in self.providers:
            value = self._value(entity, iri)
            if isinstance(value, str) and value:
                return value
        return None

    @staticmethod
    def _value(entity: Entity, iri: str) -> Any:
        instance = main_instance(entity, iri)
        return None if instance is None else value_of(instance)
