"""Reads join, joinLevel and containedBy: which linked entities come with those asked for (GS CIM 009 clause 4.5.23)."""

from __future__ import annotations

from typing import Final

from dothi.api.parameters import listed
from dothi.model.errors import BadRequestData
from dothi.model.linked import Form, Join, projected
from dothi.model.projection import Projection
from dothi.model.qlang import MAX_HOPS, hops
from dothi.model.query import Query
from dothi.model.represent import Representation
from dothi.model.values import is_uri

_JOINING: Final = frozenset({"join", "joinLevel", "containedBy"})


def join_of(parameters: dict[str, str], base: Representation, pick: Projection, omit: Projection) -> Join | None:
    """How linked entities are asked for, None where they are not; `base` shows the linking ones (tables 6.4.3.2-1 and
    6.5.3.1-1).

    Raises BadRequestData for values that cannot be, and where pick or omit look deeper than joinLevel (5.7.1.4).
    """
    if _JOINING.isdisjoint(parameters) and not pick.inside and not omit.inside:
        return None
    form, level = _form(parameters), join_level(parameters)
    deepest = max(pick.depth, omit.depth)
    if deepest > level:
        looks = "pick" if pick.depth == deepest else "omit"
        raise BadRequestData(_too_deep(f"{looks}={parameters[looks]} looks", deepest, level))
    contained_by = listed(parameters, "containedBy")
    for id in contained_by:
        if not is_uri(id):
            raise BadRequestData(f"containedBy={id} is no URI: list the ids of entities.")
    if form is None:
        return None
    return Join(form, level, projected(base, pick, omit), frozenset(contained_by))


def join_level(parameters: dict[str, str]) -> int:
    """How many links are followed: 0 without join, else joinLevel, which is 1 unless given. Raises BadRequestData."""
    text = parameters.get("joinLevel", "1")
    level = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    if not 1 <= level <= MAX_HOPS:
        raise BadRequestData(f"joinLevel={text} is no whole number from 1 to {MAX_HOPS}.")
    return level if _form(parameters) is not None else 0


def check_hops(parameters: dict[str, str], q: Query) -> None:
    """Raises BadRequestData where q looks into linked entities that are not joined (5.7.2.4)."""
    deepest = hops(q)
    if deepest and deepest > (level := join_level(parameters)):
        raise BadRequestData(_too_deep("q looks", deepest, level))


def _form(parameters: dict[str, str]) -> Form | None:
    match parameters.get("join", "@none"):
        case "flat":
            return "flat"
        case "inline":
            return "inline"
        case "@none":
            return None
        case other:
            raise BadRequestData(f"join={other} is not known: write flat, inline or @none.")


def _too_deep(who: str, deepest: int, level: int) -> str:
    if level == 0:
        return f"{who} into linked entities, which needs the parameter join: add join=inline&joinLevel={deepest}."
    return f"{who} {deepest} links deep, but joinLevel is {level}: raise joinLevel or look less deep."
