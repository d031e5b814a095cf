"""Reads orderBy, collation and the point that distances are taken from (GS CIM 009 clauses 4.23 and 5.2.43)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from dothi.api.parameters import listed
from dothi.model.collation import parse_collation
from dothi.model.context import Context
from dothi.model.errors import BadRequestData
from dothi.model.geo import check_geometry
from dothi.model.qlang import parse_path
from dothi.model.query import Order

#: Parameters that say how entities are ordered (table 6.4.3.2-1).
ORDERING: Final = frozenset({"orderBy", "collation", "orderFrom", "orderGeometry"})

#: Direction -> (whether it descends, whether it is by distance).
_DIRECTIONS: Final = {
    "": (False, False), "asc": (False, False), "desc": (True, False), "dist-asc": (False, True),
    "dist-desc": (True, True),
}  # fmt: skip
_OF_ENTITY: Final = frozenset({"id", "type", "createdAt", "modifiedAt", "expiresAt"})
#: Members of an OrderingParams document (clause 5.2.43) -> the parameter that means the same.
_MEMBERS: Final = {
    "orderBy": "orderBy",
    "collation": "collation",
    "coordinates": "orderFrom",
    "geometry": "orderGeometry",
}


def order_of(parameters: dict[str, str], context: Context) -> tuple[Order, ...]:
    """The keys of orderBy=name;asc,temperature.observedAt;desc,location;dist-asc.

    Raises BadRequestData that names the key and the fault, also of a collation or a place that no key needs.
    """
    if ORDERING.isdisjoint(parameters):
        return ()
    text = parameters.get("collation")
    collation = parse_collation(text) if text is not None else None
    place = _place(parameters)
    orders = []
    for part in listed(parameters, "orderBy"):
        name, _, direction = part.partition(";")
        if direction not in _DIRECTIONS:
            known = ", ".join(filter(None, _DIRECTIONS))
            raise BadRequestData(f"orderBy={part} has the direction {direction!r}: write one of {known}.")
        descending, by_distance = _DIRECTIONS[direction]
        path = parse_path(name, lambda name: name if name in _OF_ENTITY else context.expand(name), "orderBy")
        if by_distance and place is None:
            raise BadRequestData(f"orderBy={part} needs the place to measure from: add orderFrom=[longitude,latitude].")
        if by_distance and (path.members or path.names[-1] in _OF_ENTITY):
            raise BadRequestData(f"orderBy={part} orders by distance, which only a whole GeoProperty has.")
        orders.append(Order(path, descending, place if by_distance else None, collation, parameters.get("lang")))
    return tuple(orders)


def ordering_parameters(ordering: Any) -> dict[str, str]:
    """The `ordering` member of a Query document as parameters. Raises BadRequestData naming the member."""
    if type(ordering) is not dict:
        raise BadRequestData("ordering must be an object with orderBy.")
    parameters: dict[str, str] = {}
    for name, value in ordering.items():
        if name not in _MEMBERS:
            raise BadRequestData(f"The member {name!r} is none of an ordering's: there is {', '.join(_MEMBERS)}.")
        if name == "orderBy":
            parameters[name] = ",".join(_texts(value))
        elif name == "coordinates":
            if type(value) is not list:
                raise BadRequestData("ordering.coordinates must be an array as GeoJSON has it, like [106.67, 10.98].")
            parameters["orderFrom"] = orjson.dumps(value).decode()
        elif type(value) is not str or not value:
            raise BadRequestData(f"ordering.{name} must be a text.")
        else:
            parameters[_MEMBERS[name]] = value
    if "orderBy" not in parameters:
        raise BadRequestData("ordering has no orderBy: list what to order by, as in ['name;asc'].")
    return parameters


def _place(parameters: dict[str, str]) -> dict[str, Any] | None:
    """The geometry of orderFrom (coordinates) and orderGeometry, a Point unless said."""
    text = parameters.get("orderFrom")
    if text is None:
        if "orderGeometry" in parameters and "dist-" in parameters.get("orderBy", ""):
            raise BadRequestData("orderGeometry without orderFrom: give the coordinates to measure from.")
        return None
    try:
        coordinates = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadRequestData(f"orderFrom={text} is no JSON array like [106.67,10.98].") from None
    place = {"type": parameters.get("orderGeometry", "Point"), "coordinates": coordinates}
    try:
        check_geometry(place)
    except ValueError as fault:
        raise BadRequestData(f"orderFrom: {fault}") from None
    return place


def _texts(value: Any) -> list[str]:
    if type(value) is not list or not value or not all(type(text) is str and text for text in value):
        raise BadRequestData("ordering.orderBy must be an array of texts, as in ['name;asc'].")
    return value
