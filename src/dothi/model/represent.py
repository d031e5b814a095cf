"""Writes entities as JSON objects: normalized, concise or simplified, projected, in one language, or as GeoJSON."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from msgspec import UNSET

from dothi.model.attribute import KIND_OF, Naming
from dothi.model.entity import RESERVED, VALUE_MEMBER, Entity, Instance, PlainProperty, instances
from dothi.model.instant import format_instant
from dothi.model.language import in_language
from dothi.model.values import is_geometry

LOCATION: Final = "https://uri.etsi.org/ngsi-ld/location"

Format = Literal["normalized", "concise", "simplified"]

#: Members whose content is terms of the context.
_TERMS: Final = frozenset(("vocab", "previousVocab", "objectType", "valueType", "entityTypeSealed"))
_TIMES: Final = frozenset(("createdAt", "modifiedAt", "deletedAt"))

_written = lru_cache(maxsize=8192)(format_instant)


@dataclass(frozen=True, slots=True)
class Representation:
    """How entities are asked for.

    `pick`, `omit` and `attrs` hold attribute IRIs and the words id, type, scope, expiresAt, createdAt, modifiedAt
    (clause 4.21); empty `pick` and `attrs` take all. `dataset_ids` keeps the instances of these datasets, "@none"
    for the default (4.5.5). `lang` is a language filter such as "vi,en;q=0.8" (4.15). `geometry_property` is the IRI
    of the GeoProperty that becomes the geometry of a Feature (4.5.16).
    """

    format: Format = "normalized"
    sys_attrs: bool = False
    lang: str | None = None
    pick: frozenset[str] = frozenset()
    omit: frozenset[str] = frozenset()
    attrs: frozenset[str] = frozenset()
    dataset_ids: frozenset[str] = frozenset()
    geometry_property: str = LOCATION

    @property
    def is_whole(self) -> bool:
        """Whether every member of the entity is wanted as it is stored."""
        return not (self.pick or self.omit or self.attrs or self.dataset_ids or self.lang)

    def shows(self, member: str) -> bool:
        """Whether a member (an attribute IRI or a word) survives the projection."""
        if member in self.omit:
            return False
        if self.pick:
            return member in self.pick
        return not self.attrs or member in self.attrs or member in ("id", "type")


NORMALIZED: Final = Representation()


def represent(entity: Entity, context: Naming, how: Representation = NORMALIZED) -> dict[str, Any]:
    """The entity as a JSON object with the names of the context, without @context (clauses 4.5.1 to 4.5.5)."""
    out = _head(entity, context, how)
    compact = context.compact
    if how.format == "normalized" and how.is_whole and not how.sys_attrs:
        for iri, attribute in entity.attributes.items():
            if attribute.__class__ is PlainProperty:
                body = out[compact(iri)] = {"type": "Property", "value": attribute.value}
                if attribute.observedAt is not UNSET:
                    body["observedAt"] = attribute.observedAt
                if attribute.unitCode is not UNSET:
                    body["unitCode"] = attribute.unitCode
            elif not isinstance(attribute, list):
                out[compact(iri)] = _plain(attribute) or _normalized(attribute, context, False)
            else:
                out[compact(iri)] = [_plain(each) or _normalized(each, context, False) for each in attribute]
        return out
    for iri, attribute in entity.attributes.items():
        if how.is_whole or how.shows(iri):
            _add(out, compact(iri), attribute, context, how)
    return out


def feature(entity: Entity, context: Naming, how: Representation = NORMALIZED) -> dict[str, Any]:
    """The entity as a GeoJSON Feature; its geometry is null where it has none (clauses 4.5.16.2 and 4.5.17.1)."""
    properties = represent(entity, context, how)
    properties.pop("id", None)
    return {"id": entity.id, "type": "Feature", "geometry": _geometry(entity, how), "properties": properties}


def feature_collection(entities: list[Entity], context: Naming, how: Representation = NORMALIZED) -> dict[str, Any]:
    """Entities as a GeoJSON FeatureCollection (clauses 4.5.16.3 and 4.5.17.2)."""
    return {"type": "FeatureCollection", "features": [feature(entity, context, how) for entity in entities]}


def one_or_list(texts: tuple[str, ...] | list[str]) -> str | list[str]:
    """A type or scope member: the text itself where there is one."""
    return texts[0] if len(texts) == 1 else list(texts)


def normalized(instance: Instance, context: Naming, sys_attrs: bool) -> dict[str, Any]:
    """One instance in normalized form; createdAt, modifiedAt and expiresAt only with `sys_attrs` (clause 6.3.11)."""
    return (not sys_attrs and _plain(instance)) or _normalized(instance, context, sys_attrs)


def concise(instance: Instance, context: Naming, sys_attrs: bool, alone: bool = True) -> Any:
    """One instance in concise form: a bare value where nothing is lost by it and it stands `alone`."""
    body = _normalized(instance, context, sys_attrs, concise)
    return _shortened(body, alone)


def simplified(instance: Instance, context: Naming) -> Any:
    """The value of an instance alone (clause 4.5.4)."""
    kind = instance["type"]
    holder = VALUE_MEMBER[kind]
    value = _terms(instance[holder], context) if holder == "vocab" else instance[holder]
    return {holder: value} if holder in ("languageMap", "json", "vocab") else value


def _head(entity: Entity, context: Naming, how: Representation) -> dict[str, Any]:
    """The members of an entity that are no attributes."""
    types = entity.types
    shown_type = context.compact(types[0]) if len(types) == 1 else [context.compact(each) for each in types]
    head: dict[str, Any] = {"id": entity.id, "type": shown_type}
    if entity.scopes:
        head["scope"] = one_or_list(entity.scopes)
    if entity.expires is not None and (how.sys_attrs or "expiresAt" in how.pick):
        head["expiresAt"] = format_instant(entity.expires)
    if how.sys_attrs:
        head["createdAt"] = _written(entity.created)
        head["modifiedAt"] = _written(entity.modified)
    return head if how.is_whole else {member: item for member, item in head.items() if how.shows(member)}


def _add(
    out: dict[str, Any], name: str, attribute: Instance | list[Instance], context: Naming, how: Representation
) -> None:
    """Put the wanted instances of an attribute into the entity."""
    several = instances(attribute)
    if how.dataset_ids:
        several = [each for each in several if each.get("datasetId", "@none") in how.dataset_ids]
        if not several:
            return
    if how.lang:
        several = [in_language(each, how.lang) for each in several]
    if how.format == "simplified":
        out[name] = _simplified_attribute(several, context)
    elif how.format == "concise":
        bodies = [concise(each, context, how.sys_attrs, len(several) == 1) for each in several]
        out[name] = bodies if len(bodies) > 1 else bodies[0]
    else:
        bodies = [normalized(each, context, how.sys_attrs) for each in several]
        out[name] = bodies if len(bodies) > 1 else bodies[0]


def _plain(instance: Instance) -> dict[str, Any] | None:
    """A copy without times, where no member needs a name of the context; None for all else."""
    if isinstance(instance, PlainProperty):
        plain: dict[str, Any] = {"type": "Property", "value": instance.value}
        if instance.observedAt is not UNSET:
            plain["observedAt"] = instance.observedAt
        if instance.unitCode is not UNSET:
            plain["unitCode"] = instance.unitCode
        return plain
    holder = VALUE_MEMBER[instance["type"]]
    if holder == "vocab" or holder == "objectList":
        return None
    size = 4 + ("observedAt" in instance) + ("unitCode" in instance) + ("datasetId" in instance)
    if len(instance) != size or holder not in instance or "modifiedAt" not in instance:
        return None
    body = instance.copy()
    del body["createdAt"], body["modifiedAt"]
    return body


def _normalized(instance: Instance, context: Naming, sys_attrs: bool, form: Any = normalized) -> dict[str, Any]:
    """All members; names and terms compacted, sub-attributes in the same `form`."""
    body: dict[str, Any] = {}
    for key, item in instance.items():
        if key not in RESERVED:
            body[context.compact(key)] = _sub_attribute(item, context, sys_attrs, form)
        elif key in _TIMES:
            if sys_attrs or key == "deletedAt":
                body[key] = _written(item) if isinstance(item, int) else item
        elif key == "expiresAt":
            if sys_attrs:
                body[key] = item
        elif key in _TERMS:
            body[key] = _terms(item, context)
        elif key == "objectList" and form is normalized:
            body[key] = [{"object": each} for each in item]
        else:
            body[key] = item
    return body


def _sub_attribute(item: Any, context: Naming, sys_attrs: bool, form: Any) -> Any:
    if not isinstance(item, list):
        return form(item, context, sys_attrs)
    return [
        form(each, context, sys_attrs, False) if form is concise else form(each, context, sys_attrs) for each in item
    ]


def _terms(iris: str | list[str], context: Naming) -> str | list[str]:
    return [context.compact(each) for each in iris] if isinstance(iris, list) else context.compact(iris)


def _shortened(body: dict[str, Any], alone: bool) -> Any:
    """The normalized body without its type, or its bare value, where a reader infers the same from it."""
    kind = body["type"]
    value = body.get("value")
    if kind not in ("Property", "GeoProperty"):
        return {key: item for key, item in body.items() if key != "type"}
    if kind == "Property" and (is_geometry(value) or "value" not in body):
        return body
    if alone and len(body) == 2 and (kind == "GeoProperty" or _reads_as_value(value)):
        return value
    return {key: item for key, item in body.items() if key != "type"}


def _reads_as_value(value: Any) -> bool:
    """Whether a bare JSON value cannot be taken for an attribute or for its instances."""
    if isinstance(value, dict):
        return "@value" in value or not any(key in RESERVED or key[:1] == "@" for key in value)
    if isinstance(value, list):
        return not any(
            isinstance(item, dict) and ("type" in item or "@type" in item or any(key in KIND_OF for key in item))
            for item in value
        )
    return True


def _simplified_attribute(several: list[Instance], context: Naming) -> Any:
    if len(several) == 1 and "datasetId" not in several[0]:
        return simplified(several[0], context)
    return {"dataset": {each.get("datasetId", "@none"): simplified(each, context) for each in several}}


def _geometry(entity: Entity, how: Representation) -> dict[str, Any] | None:
    """The geometry of the selected GeoProperty: of the asked dataset, else of the default instance (4.5.16.1)."""
    wanted = how.dataset_ids or frozenset(("@none",))
    for instance in instances(entity.attributes.get(how.geometry_property)):
        if instance["type"] == "GeoProperty" and instance.get("datasetId", "@none") in wanted:
            value: dict[str, Any] = instance["value"]
            return value
    return None
