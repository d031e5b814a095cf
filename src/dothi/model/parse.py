"""Reads decoded JSON documents into entities, fragments of entities, and single attribute instances."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from dothi.model.attribute import CREATE, NGSI_LD, PARTIAL, UPDATE, AttributeReader, Naming, Rules
from dothi.model.entity import Attributes, Entity, Instance, PlainProperty, instances
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant
from dothi.model.kinds import bad
from dothi.model.values import (
    GREATEST_INTEGER,
    LEAST_INTEGER,
    NULL,
    is_null,
    is_uri,
    name_fault,
    normal_time,
    scope_of,
    shown,
)

#: Members of an entity that are no attributes.
ENTITY_MEMBERS: Final = frozenset(
    ("id", "@id", "type", "@type", "@context", "scope", "expiresAt", "createdAt", "modifiedAt", "deletedAt")
)


#: Terms of the core context that belong inside an attribute and can name none (clause 4.5.1).
_INNER: Final = frozenset(("observedAt", "datasetId", "instanceId", "unitCode", "objectType", "valueType"))

#: Attributes that the core context defines as GeoProperties (clause 4.7.1).
_PLACES: Final = tuple(NGSI_LD + name for name in ("location", "observationSpace", "operationSpace"))

#: The Property of clause 4.5.2.2 whose value is a proof structure.
_PROOF: Final = NGSI_LD + "ngsildproof"


class Fragment(msgspec.Struct, frozen=True, gc=False):
    """What a write says of an entity that is already there (clause 5.4).

    `scopes` is None where the document has no scope and empty where it deletes it; `expires` (microseconds) is UNSET
    where the document has none and None where it deletes it. `names` expands terms whose kind only the target knows.
    """

    id: str | None
    types: tuple[str, ...]
    attributes: Attributes
    scopes: tuple[str, ...] | None = None
    expires: int | UnsetType | None = UNSET
    names: Naming | None = None


def parse_entity(document: Any, context: Naming, rules: Rules = CREATE) -> Entity:
    """The entity of a document in normalized or concise form, as create, upsert and feeds take it (clause 4.5.1).

    `created` and `modified` are 0 and the instances have no createdAt and modifiedAt. With the rules FEED an attribute
    may be a list of values of different times. Raises BadRequestData naming the attribute, the fault and the mend.
    """
    if document.__class__ is not dict:
        raise BadRequestData(f"an entity is a JSON object, not {shown(document)}")
    id = _id(document)
    if id is None:
        raise BadRequestData('the entity has no "id"; add a URI such as urn:ngsi-ld:AirQualityObserved:1')
    types = _types(document, context)
    if not types:
        raise BadRequestData(f'the entity {id} has no "type"; add the name of its type, or an array of names')
    attributes = _attributes(document, context, rules)
    if "scope" in document or "expiresAt" in document:
        expires = _expires(document, rules)
        return Entity(
            id, types, attributes, _scopes(document, rules) or (), expires=None if expires is UNSET else expires
        )
    return Entity(id, types, attributes)


def parse_fragment(document: Any, context: Naming, rules: Rules = UPDATE) -> Fragment:
    """The fragment of an update (UPDATE), append (CREATE) or merge (MERGE, MERGE_SIMPLIFIED) of one entity.

    id and type may be missing. Raises BadRequestData.
    """
    if document.__class__ is not dict:
        raise BadRequestData(f"an entity fragment is a JSON object, not {shown(document)}")
    return Fragment(
        _id(document),
        _types(document, context),
        _attributes(document, context, rules),
        _scopes(document, rules),
        _expires(document, rules),
        context if rules.partial else None,
    )


def parse_attribute(name: str, document: Any, context: Naming, rules: Rules = PARTIAL) -> tuple[str, Instance]:
    """The attribute IRI and the instance that a write to attrs/{name} sends (clauses 5.6.4 and 5.6.19).

    PARTIAL for a partial update, CREATE for a replacement. Raises BadRequestData.
    """
    if name == "scope":
        raise BadRequestData("scope is no attribute with members; change it through its entity")
    if (fault := name_fault(name)) is not None or name in ENTITY_MEMBERS:
        bad(name, fault or "is a member of the entity, not an attribute; name an attribute")
    if document.__class__ is not dict:
        bad(name, f"an attribute fragment is a JSON object, not {shown(document)}")
    body = {key: item for key, item in document.items() if key != "@context"}
    reader = AttributeReader(context.expand, rules)
    return context.expand(name), reader.fragment(name, body) if rules.partial else reader.instance(name, body)


def _attributes(document: dict[str, Any], context: Naming, rules: Rules) -> Attributes:
    """The attributes of a document. The common shape, a Property of a plain value, is read in the loop itself."""
    attributes: Attributes = {}
    expand, simplified = context.expand, rules.simplified
    offsets = rules.offsets
    reader: AttributeReader | None = None
    for name, body in document.items():
        if name in ENTITY_MEMBERS:
            continue
        if (fault := name_fault(name)) is not None:
            bad(name, fault)
        iri = expand(name)
        if iri in attributes:
            bad(name, f"names the attribute {iri} a second time; keep one")
        if body.__class__ is PlainProperty:
            if name not in _INNER and not simplified and _is_sound(body, offsets):
                attributes[iri] = body
                continue
            body = body.members()
        if reader is None:
            reader = AttributeReader(expand, rules)
        if name in _INNER:
            bad(name, "is a member of attributes and can be the name of none; rename the attribute")
        attributes[iri] = reader.attribute(name, body)
    for place in _PLACES:
        if place in attributes:
            _check_place(place, attributes[place])
    if _PROOF in attributes:
        _check_proof(attributes[_PROOF])
    return attributes


def _check_place(iri: str, attribute: Instance | list[Instance]) -> None:
    for instance in instances(attribute):
        if instance.get("type", "GeoProperty") != "GeoProperty" and not is_null(instance):
            bad(iri.removeprefix(NGSI_LD), f"is a GeoProperty, not a {instance['type']}; give it a GeoJSON geometry")


def _check_proof(attribute: Instance | list[Instance]) -> None:
    for instance in instances(attribute):
        if not isinstance(instance.get("value"), dict) and not is_null(instance):
            bad("ngsildproof", "its value is no object; write the proof structure of W3C Data Integrity")


def _is_sound(body: PlainProperty, offsets: bool) -> bool:
    """Whether it can be taken as it is, its time normalized; all else, and what is wrong, is for the full reader."""
    value = body.value
    kind = value.__class__
    if kind is float:
        if not isfinite(value):  # type: ignore[arg-type]
            return False
    elif kind is str:
        if value == NULL:
            return False
    elif kind is int and not LEAST_INTEGER <= value <= GREATEST_INTEGER:  # type: ignore[operator]
        body.value = float(value)
    time = body.observedAt
    if time is not UNSET:
        normal = normal_time(time)
        if normal is None or (time[-1] != "Z" and not offsets):
            return False
        body.observedAt = normal
    unit = body.unitCode
    return (unit is UNSET or (unit != "" and unit != NULL)) and not body.createdAt and not body.modifiedAt


def _id(document: dict[str, Any]) -> str | None:
    id = document.get("id")
    if id is None:
        id = document.get("@id")
    elif "@id" in document and document["@id"] != id:
        raise BadRequestData(f'"id" is {shown(id)} and "@id" is {shown(document["@id"])}; send one of them')
    if id is None and "id" not in document and "@id" not in document:
        return None
    if not is_uri(id) or id == NULL:
        raise BadRequestData(f"the id {shown(id)} is no URI; write one such as urn:ngsi-ld:AirQualityObserved:1")
    return id


def _types(document: dict[str, Any], context: Naming) -> tuple[str, ...]:
    given = document.get("type")
    if given is None:
        given = document.get("@type")
    if given is None:
        if "type" in document or "@type" in document:
            raise BadRequestData("type is null; write the name of a type, or an array of names")
        return ()
    if given.__class__ is str:
        return (_type(given, context),)
    if not isinstance(given, list) or not given:
        raise BadRequestData(f"type is {shown(given)}; write the name of a type, or an array of names")
    return tuple(dict.fromkeys(_type(each, context) for each in given))


def _type(name: Any, context: Naming) -> str:
    if not isinstance(name, str):
        raise BadRequestData(f"type holds {shown(name)}; write the name of a type")
    if (fault := name_fault(name)) is not None:
        raise BadRequestData(f"type {name!r}: {fault}")
    return context.expand(name)


def _scopes(document: dict[str, Any], rules: Rules) -> tuple[str, ...] | None:
    if "scope" not in document:
        return None
    given = document["scope"]
    if given in (NULL, [NULL]):
        if not rules.nulls:
            raise BadRequestData("scope: the NGSI-LD Null deletes, which this operation does not do; leave scope out")
        return ()
    if isinstance(given, dict | PlainProperty) and given.get("type") == "Property":
        given = given.get("value")
    scopes = []
    for each in given if isinstance(given, list) else [given]:
        scope = scope_of(each)
        if scope is None:
            raise BadRequestData(f"scope: {shown(each)} is no scope; write one like /BinhDuong/ThuDauMot")
        scopes.append(scope)
    return tuple(dict.fromkeys(scopes))


def _expires(document: dict[str, Any], rules: Rules) -> int | UnsetType | None:
    if "expiresAt" not in document:
        return UNSET
    given = document["expiresAt"]
    if given == NULL and rules.nulls:
        return None
    time = normal_time(given) if isinstance(given, str) else None
    if time is None or given[-1] != "Z":
        raise BadRequestData(f"expiresAt: {shown(given)} is no DateTime in UTC; write it like 2026-01-31T08:00:00Z")
    return parse_instant(time)
