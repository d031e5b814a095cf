"""Query parameters that name attributes: pick and omit, and the check of any such name (GS CIM 009 clause 4.21)."""

from __future__ import annotations

from dothi.model.context import Context
from dothi.model.errors import BadRequestData
from dothi.model.projection import NOTHING, Projection, parse_projection
from dothi.model.values import name_fault


def projection(parameters: dict[str, str], name: str, context: Context) -> tuple[str, ...]:
    """pick or omit where no entities can be joined: members of the entity stay, attribute names are expanded.

    Raises BadRequestData.
    """
    found = deep_projection(parameters, name, context)
    if found.inside:
        raise BadRequestData(f"{name}={parameters[name]} looks into linked entities, which cannot be joined here.")
    return found.names


def deep_projection(parameters: dict[str, str], name: str, context: Context) -> Projection:
    """pick or omit with what it says of linked entities. Raises BadRequestData with the position of the fault."""
    text = parameters.get(name)
    if text is None:
        return NOTHING
    return parse_projection(text, name, lambda part: attribute_name(part, name, context))


def attribute_name(text: str, parameter: str, context: Context) -> str:
    """The IRI of an attribute that a parameter names. Raises BadRequestData for what can be no name (clause 4.6.2)."""
    fault = name_fault(text)
    if fault is not None:
        raise BadRequestData(f"{parameter}: {text!r} is no attribute name: {fault}.")
    return context.expand(text)
