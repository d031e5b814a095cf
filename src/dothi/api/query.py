"""Query parameters and Query documents -> what is asked (EntityQuery) and how it is to be shown (Shape)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from dothi.api.exchange import Exchange
from dothi.api.joining import check_hops, join_of
from dothi.api.media import GEO_JSON
from dothi.api.ordering import ORDERING, order_of, ordering_parameters
from dothi.api.parameters import flag, listed
from dothi.api.projection import attribute_name, deep_projection
from dothi.model.context import Context
from dothi.model.errors import BadRequestData, InvalidRequest
from dothi.model.geo import parse_geo
from dothi.model.linked import Join
from dothi.model.pattern import compile_pattern
from dothi.model.projection import MEMBERS, NOTHING
from dothi.model.qlang import parse_query
from dothi.model.query import And, EntityQuery, Or, Query, Selection, Selector
from dothi.model.represent import LOCATION, Representation
from dothi.model.selection import parse_scopes, parse_types
from dothi.model.values import is_uri

#: Parameters that say which entities (clause 6.4.3.2).
QUERYING: Final = frozenset({
    "id", "type", "idPattern", "q", "scopeQ", "georel", "geometry", "coordinates", "geoproperty", "csf",
    "expandValues", "jsonKeys", "entityMap", "entityMapLifetime", "splitEntities", *ORDERING,
})  # fmt: skip

#: Parameters that say how entities are shown (clauses 6.3.7, 6.3.11 to 6.3.15, 6.5.3.1).
SHAPING: Final = frozenset({
    "attrs", "pick", "omit", "options", "format", "geometryProperty", "lang", "datasetId", "join", "joinLevel",
    "containedBy",
})  # fmt: skip

_FORMATS: Final = {
    "normalized": "normalized",
    "concise": "concise",
    "simplified": "simplified",
    "keyValues": "simplified",
}

#: Members of a Query document (clause 5.2.23) that are texts or numbers and mean what the parameters of that name do.
_TEXTS: Final = frozenset({
    "q", "scopeQ", "lang", "csf", "join", "collation", "geometryProperty", "entityMapLifetime",
})  # fmt: skip
_NUMBERS: Final = frozenset({"joinLevel"})
_LISTS: Final = frozenset({
    "attrs", "pick", "omit", "datasetId", "expandValues", "jsonKeys", "orderBy", "containedBy",
})  # fmt: skip
_ELSE: Final = frozenset({
    "type", "id", "entities", "geoQ", "ordering", "temporalQ", "aggrParams", "entityMap", "splitEntities", "local",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """How entities are shown; `wanted` are the attributes of which an entity must have one to be shown at all, `join`
    says which linked entities come with them."""

    representation: Representation
    wanted: tuple[str, ...] = ()
    join: Join | None = None


def shape_of(parameters: dict[str, str], context: Context, media: str) -> Shape:
    """Format, projection and language of an answer. Raises InvalidRequest, BadRequestData."""
    if not parameters:
        return _PLAIN
    form, sys_attrs = _format(parameters)
    attrs = tuple(attribute_name(name, "attrs", context) for name in listed(parameters, "attrs"))
    pick, omit = deep_projection(parameters, "pick", context), deep_projection(parameters, "omit", context)
    if attrs and (pick is not NOTHING or omit is not NOTHING):
        raise BadRequestData("attrs cannot stand beside pick or omit: use pick instead of attrs.")
    if both := set(pick.names) & set(omit.whole):
        raise BadRequestData(f"pick and omit both name {context.compact(min(both))}: take it out of one of them.")
    geometry = parameters.get("geometryProperty")
    if geometry is not None and media != GEO_JSON:
        raise BadRequestData(f"geometryProperty needs Accept: {GEO_JSON}.")
    representation = Representation(
        format=form,
        sys_attrs=sys_attrs,
        lang=parameters.get("lang"),
        pick=frozenset(pick.names),
        omit=frozenset(omit.whole),
        attrs=frozenset(attrs),
        dataset_ids=frozenset(listed(parameters, "datasetId")),
        geometry_property=LOCATION if geometry is None else context.expand(geometry),
    )
    return Shape(representation, attrs, join_of(parameters, representation, pick, omit))


def entity_query(
    parameters: dict[str, str], context: Context, limit: int, offset: int, selectors: Any = None
) -> EntityQuery:
    """What is asked for, by parameters and by the `entities` member of a Query document.

    Raises BadRequestData with parameter and position of the fault, InvalidRequest, TooComplexQuery.
    """
    ids = listed(parameters, "id")
    pattern = parameters.get("idPattern")
    type = parameters.get("type")
    types = parse_types(type, context.expand) if type is not None and type != "*" else None
    one_of = _selectors(selectors, context) if selectors is not None else ()
    if len(one_of) == 1:
        ids, pattern, types, one_of = one_of[0].ids, one_of[0].id_pattern, one_of[0].types, ()
    for selector in (Selector(ids, pattern), *one_of):
        _check_ids(selector)
    scope, csf = parameters.get("scopeQ"), parameters.get("csf")
    if csf is not None:
        parse_query(csf, context.expand)  # there are no context sources yet, but a bad filter is a fault all the same
    return EntityQuery(
        ids=ids,
        id_pattern=pattern,
        types=types,
        attributes=_wanted(parameters, context),
        q=_q(parameters, context),
        geo=_geo(parameters, context),
        scope=parse_scopes(scope) if scope is not None else None,
        order=order_of(parameters, context),
        limit=limit,
        offset=offset,
        selectors=one_of,
    )


def check_asks_something(parameters: dict[str, str], query: EntityQuery) -> None:
    """Raises BadRequestData when a query names neither types, attributes, q nor geometry (clause 5.7.2.4).

    Members that every entity has do not count, local=true makes it unnecessary, type=* means it.
    """
    if parameters.get("type") == "*" and parameters.get("local") == "false":
        raise BadRequestData("type=* is local by itself, which local=false contradicts: leave local out.")
    if flag(parameters, "local") or parameters.get("type") == "*" or query.selectors:
        return
    if query.types is None and not query.attributes and query.geo is None and not _asks(query.q):
        raise BadRequestData("The query asks for everything: give type, attrs, q or georel, or local=true.")


def _asks(q: Query | None) -> bool:
    """Whether a q looks at anything but the members that every entity has."""
    if isinstance(q, And | Or):
        return any(map(_asks, q.parts))
    return q is not None and q.path.names[0].rsplit("/", 1)[-1] not in MEMBERS


def check_id(id: str) -> None:
    """Raises BadRequestData when an entity id is no URI."""
    if not is_uri(id):
        raise BadRequestData(f"The entity id {id!r} is no URI: write one like urn:ngsi-ld:Type:name.")


def query_parameters(document: dict[str, Any]) -> dict[str, str]:
    """The members of a Query document as parameters. Raises BadRequestData naming the member that is wrong."""
    if document.get("type", "Query") != "Query":
        raise BadRequestData(f"The document is of type {document['type']!r}: a query has the type Query.")
    parameters: dict[str, str] = {}
    for name, value in document.items():
        if name in _TEXTS:
            parameters[name] = _text(name, value)
        elif name in _NUMBERS:
            parameters[name] = str(value) if type(value) is int else _refuse(name, "a whole number")
        elif name in _LISTS:
            parameters[name] = ",".join(_texts(name, value))
        elif name not in _ELSE:
            raise BadRequestData(f"The member {name!r} is none of a Query's.")
    if "geoQ" in document:
        parameters |= _geo_parameters(document["geoQ"])
    if "ordering" in document:
        parameters |= ordering_parameters(document["ordering"])
    for name in ("local", "entityMap", "splitEntities"):
        if name in document:
            parameters[name] = _boolean(name, document[name])
    return parameters


def entity_type(x: Exchange, context: Context) -> Selection | None:
    """The parameter `type` of operations on one entity: it must be of this type."""
    type = x.parameters.get("type")
    return parse_types(type, context.expand) if type is not None else None


def _format(parameters: dict[str, str]) -> tuple[Any, bool]:
    form, sys_attrs = "normalized", False
    for option in listed(parameters, "options"):
        if option == "sysAttrs":
            sys_attrs = True
        elif option in _FORMATS:
            form = _FORMATS[option]
        else:
            raise InvalidRequest(f"options={option} is not supported here: write {', '.join(_FORMATS)} or sysAttrs.")
    named = parameters.get("format")
    if named is not None:
        if named not in _FORMATS:
            raise InvalidRequest(f"format={named} is not supported here: write one of {', '.join(_FORMATS)}.")
        form = _FORMATS[named]
    return form, sys_attrs


def _wanted(parameters: dict[str, str], context: Context) -> tuple[str, ...]:
    """Attributes of which an entity must have one, since else nothing of it would be shown."""
    attrs = listed(parameters, "attrs")
    if attrs:
        return tuple(attribute_name(name, "attrs", context) for name in attrs if name not in MEMBERS)
    picked = deep_projection(parameters, "pick", context).names
    return () if MEMBERS.intersection(picked) else picked


def _q(parameters: dict[str, str], context: Context) -> Query | None:
    text = parameters.get("q")
    if text is None:
        return None
    q = parse_query(text, context.expand, expand_values=listed(parameters, "expandValues"))
    check_hops(parameters, q)
    return q


def _geo(parameters: dict[str, str], context: Context) -> Any:
    given = [name for name in ("georel", "geometry", "coordinates") if name in parameters]
    if not given:
        return None
    missing = [name for name in ("georel", "geometry", "coordinates") if name not in parameters]
    if missing:
        raise BadRequestData(f"{' and '.join(given)} without {' and '.join(missing)}: a geo query needs all three.")
    property = context.expand(parameters.get("geoproperty", "location"))
    return parse_geo(parameters["georel"], parameters["geometry"], parameters["coordinates"], property)


def _geo_parameters(geo: Any) -> dict[str, str]:
    """A GeoQuery document (clause 5.2.13) as parameters."""
    if type(geo) is not dict:
        raise BadRequestData("geoQ must be an object with georel, geometry and coordinates.")
    parameters = {}
    for name, value in geo.items():
        if name in ("georel", "geometry", "geoproperty"):
            parameters[name] = _text(f"geoQ.{name}", value)
        elif name == "coordinates":
            parameters[name] = value if type(value) is str else orjson.dumps(value).decode()
        else:
            raise BadRequestData(f"The member {name!r} is none of a geoQ's.")
    return parameters


def _selectors(selectors: Any, context: Context) -> tuple[Selector, ...]:
    """The EntitySelectors of a Query (clause 5.2.33), of which any may hold. Raises BadRequestData."""
    if type(selectors) is not list or not selectors:
        raise BadRequestData("entities must be an array of at least one selector with type, id or idPattern.")
    return tuple(_selector(f"entities[{position}]", selector, context) for position, selector in enumerate(selectors))


def _selector(where: str, selector: Any, context: Context) -> Selector:
    if type(selector) is not dict or not selector:
        raise BadRequestData(f"{where} must be an object with type, id or idPattern.")
    unknown = selector.keys() - {"id", "idPattern", "type"}
    if unknown:
        raise BadRequestData(f"{where} has the member {min(unknown)!r}: a selector has type, id and idPattern only.")
    ids = _texts(f"{where}.id", selector["id"]) if "id" in selector else ()
    pattern = _text(f"{where}.idPattern", selector["idPattern"]) if "idPattern" in selector and not ids else None
    type_text = _text(f"{where}.type", selector["type"]) if "type" in selector else "*"
    return Selector(ids, pattern, parse_types(type_text, context.expand) if type_text != "*" else None)


def _check_ids(selector: Selector) -> None:
    for id in selector.ids:
        if not is_uri(id):
            raise BadRequestData(f"id={id} is no URI: entity ids are URIs like urn:ngsi-ld:Type:name.")
    if selector.id_pattern is not None:
        compile_pattern(selector.id_pattern)


def _text(name: str, value: Any) -> str:
    if type(value) is not str or not value:
        _refuse(name, "a text")
    return value


def _refuse(name: str, wanted: str) -> NoReturn:
    raise BadRequestData(f"{name} must be {wanted}.")


def _boolean(name: str, value: Any) -> str:
    if type(value) is not bool:
        raise BadRequestData(f"{name} must be true or false.")
    return "true" if value else "false"


def _texts(name: str, value: Any) -> tuple[str, ...]:
    values = [value] if type(value) is str else value
    if type(values) is not list or not values or not all(type(text) is str and text for text in values):
        raise BadRequestData(f"{name} must be a text or an array of texts.")
    return tuple(values)


_PLAIN: Final = Shape(Representation())
