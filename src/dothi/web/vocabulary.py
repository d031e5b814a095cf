"""How the app reads entities whose names are expanded: values, and the few attributes that any entity may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from dothi.model.entity import VALUE_MEMBER, Entity, Instance, instances

NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
LOCATION = NGSI_LD + "location"

NAME_TERMS = ("name", "title", "vehiclePlateIdentifier")
NAME_IRIS = ("https://schema.org/name", "https://smartdatamodels.org/name", NGSI_LD + "default-context/name")
HEADING_TERMS = ("heading", "bearing")
PROVIDER_TERMS = ("provider", "dataProvider", "source")


class Vocabulary(Protocol):
    """dothi's own @context, both ways."""

    def expand(self, name: str) -> str:
        """The IRI of a short name; an IRI stays itself."""
        ...

    def compact(self, iri: str) -> str:
        """The short name of an IRI, or the IRI where it has none."""
        ...


def value_of(instance: Instance) -> Any:
    """The value of an attribute instance, whatever its kind; a Property's @value object gives its plain value."""
    value = instance.get(VALUE_MEMBER.get(instance.get("type", "Property"), "value"))
    if isinstance(value, dict) and "@value" in value:
        return value["@value"]
    return value


def main_instance(entity: Entity, iri: str) -> Instance | None:
    """The default instance of an attribute (the one without datasetId), else the first."""
    found = instances(entity.attributes.get(iri))
    return next((instance for instance in found if "datasetId" not in instance), found[0] if found else None)


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
    def of(cls, vocabulary: Vocabulary) -> Reader:
        return cls(
            names=(*map(vocabulary.expand, NAME_TERMS), *NAME_IRIS),
            headings=tuple(map(vocabulary.expand, HEADING_TERMS)),
            providers=tuple(map(vocabulary.expand, PROVIDER_TERMS)),
        )

    def name(self, entity: Entity) -> str | dict[str, str]:
        """A text, a map of language -> text where the name is a LanguageProperty, else the tail of the id."""
        for iri in self.names:
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
