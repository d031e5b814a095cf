"""Puts a read to a context source by an operation that it supports, in its words (clauses 4.3.6.1, 5.7.1.4, 5.7.2.4).

Pure: a question and a part of a registration in, a call out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from dothi.broker.federation.sources import Call, path_of
from dothi.model.context import Context
from dothi.model.qtext import Unwritable, write_query
from dothi.model.query import AllOf, AnyOf, EntityQuery, Name, Selection, Window
from dothi.model.query import Query as Condition
from dothi.model.registration import Part, Registration

#: Parameters that filter, as they came: they travel as they are while the names stay in the context of the request.
FILTERS: Final[tuple[str, ...]] = ("q", "scopeQ", "georel", "geometry", "coordinates", "geoproperty", "expandValues")

#: A longer query string goes as a document where the source takes one.
_LONGEST: Final = 4000


@dataclass(frozen=True, slots=True)
class Question:
    """A query for entities: `query` as the broker reads it, `filters` as the client wrote them (FILTERS), `csf` the
    filter of context sources. `split`: attributes of one entity may lie in several sources, so that filters count
    only once all is together (clause 5.7.2.4). `datasets` and `window` say which instances are wanted, outside of
    which no source is asked (clauses 5.2.9, 5.12)."""

    query: EntityQuery
    filters: Mapping[str, str] = field(default_factory=dict)
    csf: Condition | None = None
    split: bool = False
    datasets: tuple[str, ...] = ()
    window: Window | None = None


def retrieval(registration: Registration, part: Part, id: str, names: Context, origin: Context) -> Call | None:
    """How to ask for one entity: retrieveEntity, else a query for its id; None where the source answers neither."""
    if "retrieveEntity" in registration.operations:
        parameters = {"options": "sysAttrs", **_attrs(part, names)}
        return Call("GET", path_of("entities", id), names, parameters)
    alone = Part((id,), None, part.types, part.attributes)
    return inquiry(registration, alone, Question(EntityQuery(ids=(id,))), names, origin, limit=2, offset=0)


def inquiry(
    registration: Registration,
    part: Part,
    question: Question,
    names: Context,
    origin: Context,
    *,
    limit: int,
    offset: int,
    count: bool = False,
) -> Call | None:
    """How to ask for entities: queryEntity, else queryBatch; None where the source answers neither, or cannot be told
    what is asked since its context is not that of the request."""
    filters = {} if question.split else dict(question.filters)
    if names is not origin and any(name in filters for name in ("q", "geoproperty")):
        translated = in_other_names(filters, question.query, names)
        if translated is None:
            return None
        filters = translated
    paging = {
        "limit": str(limit),
        **({"offset": str(offset)} if offset else {}),
        **({"count": "true"} if count else {}),
    }
    parameters = {**selected(part, question.query.types, names), **_attrs(part, names), **filters}
    parameters |= {"options": "sysAttrs", **paging}
    takes_batch = "queryBatch" in registration.operations
    if "queryEntity" in registration.operations:
        is_long = sum(map(len, parameters.values())) > _LONGEST
        if not (is_long and takes_batch):
            return Call("GET", path_of("entities"), names, parameters)
    if not takes_batch:
        return None
    body = _document(part, question.query.types, names, filters)
    return Call("POST", path_of("entityOperations", "query"), names, {"options": "sysAttrs", **paging}, body)


def in_other_names(filters: dict[str, str], query: EntityQuery, names: Context) -> dict[str, str] | None:
    """The filters in another context; None where q has no way to say it there."""
    told = dict(filters)
    if query.q is not None and told.pop("q", None) is not None:
        told.pop("expandValues", None)  # the values are expanded already
        try:
            told["q"] = write_query(query.q, names.compact)
        except Unwritable:
            return None
    if query.geo is not None and "geoproperty" in told:
        told["geoproperty"] = names.compact(query.geo.property)
    return told


def types_text(selection: Selection, names: Context) -> str:
    """A type selection as the parameter `type` has it: `A,B`, `(A;B),C`."""
    if isinstance(selection, Name):
        return names.compact(selection.text)
    mark = ";" if isinstance(selection, AllOf) else ","
    return mark.join(
        types_text(part, names) if isinstance(part, Name) else f"({types_text(part, names)})"
        for part in selection.parts
    )


def _types(part: Part, asked: Selection | None, names: Context) -> str | None:
    """The types to ask for: what is registered of the wanted ones, or a selection that no list can stand for."""
    is_list = asked is None or isinstance(asked, Name) or _is_list(asked)
    if not is_list and asked is not None:
        return types_text(asked, names)
    return ",".join(map(names.compact, part.types)) or None


def _is_list(selection: Selection) -> bool:
    return isinstance(selection, AnyOf) and all(isinstance(part, Name) for part in selection.parts)


def selected(part: Part, asked: Selection | None, names: Context) -> dict[str, str]:
    """The parameters type, id and idPattern of a part."""
    parameters = {}
    if (types := _types(part, asked, names)) is not None:
        parameters["type"] = types
    if part.ids:
        parameters["id"] = ",".join(part.ids)
    elif part.id_pattern is not None:
        parameters["idPattern"] = part.id_pattern
    return parameters


def _attrs(part: Part, names: Context) -> dict[str, str]:
    if part.attributes is None:
        return {}
    return {"attrs": ",".join(sorted(map(names.compact, part.attributes)))}


def _document(part: Part, asked: Selection | None, names: Context, filters: dict[str, str]) -> dict[str, Any]:
    """A Query document (clause 5.2.23)."""
    type = _types(part, asked, names) or "*"
    pattern = {} if part.id_pattern is None else {"idPattern": part.id_pattern}
    selectors = [{"type": type, "id": id} for id in part.ids] or [{"type": type, **pattern}]
    document: dict[str, Any] = {"type": "Query", "entities": selectors}
    if part.attributes is not None:
        document["attrs"] = sorted(map(names.compact, part.attributes))
    for name in ("q", "scopeQ"):
        if name in filters:
            document[name] = filters[name]
    if "expandValues" in filters:
        document["expandValues"] = filters["expandValues"].split(",")
    geo: dict[str, Any] = {name: filters[name] for name in ("georel", "geometry", "geoproperty") if name in filters}
    if "coordinates" in filters:
        geo["coordinates"] = _coordinates(filters["coordinates"])
    if geo:
        document["geoQ"] = geo
    return document


def _coordinates(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
