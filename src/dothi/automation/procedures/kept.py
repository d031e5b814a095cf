"""Things of the desk as NGSI-LD entities of dothi's own types: written, read and found by the names of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dothi.model import patch
from dothi.model.attribute import NGSI_LD
from dothi.model.change import Cause
from dothi.model.entity import VALUE_MEMBER, Attributes, Entity, Instance, instances
from dothi.model.instant import format_instant
from dothi.model.query import AnyOf, AttributePath, Compare, Literal_, Name, Query
from dothi.storage.store import Transaction

ONTOLOGY: Final = "https://dothi.dev/ontology/"
DCTERMS: Final = "http://purl.org/dc/terms/"


class Keeping:
    """How one kind of thing is kept: its type's short name, and field -> kind of attribute ("Property", ...).

    The IRI of a field is dothi's ontology and the field's name, unless `iris` says otherwise.
    """

    def __init__(self, type: str, fields: Mapping[str, str], iris: Mapping[str, str] | None = None) -> None:
        self.type = ONTOLOGY + type
        self.fields = fields
        self.iris = {field: (iris or {}).get(field, ONTOLOGY + field) for field in fields}
        self.terms = {type: self.type} | {field: iri for field, iri in self.iris.items() if iri == ONTOLOGY + field}

    @property
    def selection(self) -> AnyOf:
        return AnyOf((Name(self.type),))

    def put(self, tx: Transaction, id: str, values: Mapping[str, Any], cause: Cause) -> None:
        """Write these fields, create the entity where it is new; values of None are left as they are."""
        old = tx.load((id,)).get(id)
        at = format_instant(tx.now)
        attributes: Attributes = {
            self.iris[field]: _instance(self.fields[field], value, at)
            for field, value in values.items()
            if value is not None
        }
        made = patch.upsert(old, Entity(id, (self.type,), attributes), tx.now)
        if made.changed:
            tx.save(made.entity, "created" if old is None else "updated", made.changes, cause)

    def read(self, entity: Entity) -> dict[str, Any]:
        """Field -> value; a list of ids for a relationship to several; fields that it has not are left out."""
        found = {}
        for field, iri in self.iris.items():
            if iri in entity.attributes:
                found[field] = value_of(entity.attributes[iri])
        return found

    def equals(self, field: str, *values: Literal_) -> Query:
        """The condition that a field is one of these values."""
        return Compare(AttributePath((self.iris[field],)), "==", values)


def value_of(attribute: Instance | list[Instance]) -> Any:
    """The value of an attribute's first instance, whatever its kind."""
    first = instances(attribute)[0]
    return first.get(VALUE_MEMBER[first.get("type", "Property")])


def _instance(kind: str, value: Any, at: str) -> Instance:
    return {"type": kind, VALUE_MEMBER[kind]: value, "observedAt": at}


LOCATION: Final = NGSI_LD + "location"
TITLE: Final = DCTERMS + "title"
