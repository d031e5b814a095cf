"""Discovery: which types and attributes there are, and who the broker is (GS CIM 009 clauses 6.25 to 6.28, 6.33)."""

from __future__ import annotations

import uuid
from typing import Any, Final

from dothi.api.distributed import federation_of, tell
from dothi.api.exchange import Exchange, Operation, Reply
from dothi.api.parameters import flag
from dothi.broker.consume import AttributeSummary
from dothi.model.context import Context
from dothi.model.errors import ResourceNotFound
from dothi.model.projection import MEMBERS
from dothi.storage.store import TypeSummary


async def types(x: Exchange) -> Reply:
    """GET types: the list of type names, or a description of each with details=true (6.25.3.1, 5.7.5, 5.7.6)."""
    media, context = x.negotiate(), await x.context()
    details = flag(x.parameters, "details")
    if (federation := federation_of(x)) is None:
        found = await x.broker.consume.types()
    else:
        found, warnings = await federation.discovery.types(federation.origin(context, x.headers), details=details)
        tell(x, warnings)
    if details:
        return x.answer([_type(summary, context) for summary in found], context, media)
    names = [context.compact(summary.type) for summary in found]
    return x.answer(_list("EntityTypeList", "typeList", names), context, media)


async def one_type(x: Exchange, name: str) -> Reply:
    """GET types/{name}: how many entities have it and with which attributes (6.26.3.1, 5.7.7)."""
    media, context = x.negotiate(), await x.context()
    iri = _iri(name, context)
    if (federation := federation_of(x)) is None:
        summary = await x.broker.consume.type(iri)
    else:
        known, warnings = await federation.discovery.type(iri, federation.origin(context, x.headers))
        tell(x, warnings)
        summary = known or await x.broker.consume.type(iri)
    return x.answer(_type_info(summary, context), context, media)


async def attributes(x: Exchange) -> Reply:
    """GET attributes: the list of names, or a description of each with details=true (6.27.3.1, 5.7.8, 5.7.9)."""
    media, context = x.negotiate(), await x.context()
    details = flag(x.parameters, "details")
    if (federation := federation_of(x)) is None:
        found = await x.broker.consume.attributes()
    else:
        found, warnings = await federation.discovery.attributes(federation.origin(context, x.headers), details=details)
        tell(x, warnings)
    if details:
        return x.answer([_attribute(summary, context) for summary in found], context, media)
    names = [context.compact(summary.name) for summary in found]
    return x.answer(_list("AttributeList", "attributeList", names), context, media)


async def one_attribute(x: Exchange, name: str) -> Reply:
    """GET attributes/{name}: how many entities have it, of which types and kinds (6.28.3.1, 5.7.10)."""
    media, context = x.negotiate(), await x.context()
    iri = _iri(name, context)
    if (federation := federation_of(x)) is None:
        summary = await x.broker.consume.attribute(iri)
    else:
        known, warnings = await federation.discovery.attribute(iri, federation.origin(context, x.headers))
        tell(x, warnings)
        summary = known or await x.broker.consume.attribute(iri)
    described = _attribute(summary, context)
    described |= {"attributeCount": summary.count, "attributeTypes": list(summary.kinds)}
    return x.answer(described, context, media)


def _iri(name: str, context: Context) -> str:
    """The IRI of a type or attribute. Raises ResourceNotFound for members that are neither, such as id."""
    if name in MEMBERS:
        raise ResourceNotFound(f"{name} is a member of every entity, not an attribute or type.")
    return context.expand(name)


def _list(type: str, member: str, names: list[str]) -> dict[str, Any]:
    """An EntityTypeList or AttributeList (4.5.10, 4.5.13, 5.2.24, 5.2.27); its id means nothing, never comes again."""
    return {"id": f"urn:ngsi-ld:{type}:{uuid.uuid4()}", "type": type, member: names}


def _type(summary: TypeSummary, context: Context) -> dict[str, Any]:
    """An EntityType (clauses 4.5.11 and 5.2.25)."""
    return {
        "id": summary.type,
        "type": "EntityType",
        "typeName": context.compact(summary.type),
        "attributeNames": [context.compact(name) for name in sorted(summary.attributes)],
    }


def _type_info(summary: TypeSummary, context: Context) -> dict[str, Any]:
    """An EntityTypeInfo (clauses 4.5.12 and 5.2.26)."""
    details = [
        {"id": name, "type": "Attribute", "attributeName": context.compact(name), "attributeTypes": sorted(kinds)}
        for name, kinds in sorted(summary.attributes.items())
    ]
    return {
        "id": summary.type,
        "type": "EntityTypeInfo",
        "typeName": context.compact(summary.type),
        "entityCount": summary.count,
        "attributeDetails": details,
    }


def _attribute(summary: AttributeSummary, context: Context) -> dict[str, Any]:
    """An Attribute (clauses 4.5.14, 4.5.15 and 5.2.28)."""
    return {
        "id": summary.name,
        "type": "Attribute",
        "attributeName": context.compact(summary.name),
        "typeNames": [context.compact(type) for type in summary.types],
    }


_DETAILS: Final = frozenset({"details"})

ROUTES: Final = (
    Operation("GET", "types", types, "5.7.5, 5.7.6", _DETAILS),
    Operation("GET", "types/{name}", one_type, "5.7.7"),
    Operation("GET", "attributes", attributes, "5.7.8, 5.7.9", _DETAILS),
    Operation("GET", "attributes/{name}", one_attribute, "5.7.10"),
)
