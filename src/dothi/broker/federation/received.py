"""Reads entities out of the answers of context sources, with the times that their brokers have set (clause 6.3.17)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from dothi.broker.federation.warnings import INVALID, SourceFailed
from dothi.model.attribute import Rules
from dothi.model.context import Context
from dothi.model.entity import Attributes, Entity, Instance, instances
from dothi.model.errors import BadGateway, Problem
from dothi.model.instant import parse_instant
from dothi.model.parse import ENTITY_MEMBERS, parse_entity

#: An answer is read like a document that creates, but its times may have an offset.
_ANSWER: Final = Rules(offsets=True)

#: Entities that are read before the loop gets a turn: about 5 ms.
TURN: Final = 500

_TIMES: Final = ("createdAt", "modifiedAt")


async def received(value: Any, names: Context, resolve: Callable[[Any], Awaitable[Context]]) -> list[Entity]:
    """The entities of an answer: an array of them, or one alone, in the context that they name or in `names`.

    Raises SourceFailed where the answer is anything else: nothing of it is taken (clause 6.3.17).
    """
    documents = value if isinstance(value, list) else [value]
    try:
        found = []
        for position, document in enumerate(documents):
            if position % TURN == TURN - 1:
                await asyncio.sleep(0)
            found.append(await _entity(document, names, resolve))
        return found
    except Problem as problem:
        raise SourceFailed(INVALID, BadGateway(f"The answer is no entity: {problem.detail}")) from None


async def _entity(document: Any, names: Context, resolve: Callable[[Any], Awaitable[Context]]) -> Entity:
    if not isinstance(document, dict):
        raise BadGateway("it holds something else than JSON objects.")
    if "@context" in document:
        names = await resolve(document["@context"])
        document = {name: item for name, item in document.items() if name != "@context"}
    entity = parse_entity(document, names, _ANSWER)
    attributes: Attributes = {
        names.expand(name): _timed(entity.attributes[names.expand(name)], body)
        for name, body in document.items()
        if name not in ENTITY_MEMBERS
    }
    created, modified = (_instant(document.get(name)) for name in _TIMES)
    return Entity(entity.id, entity.types, attributes, entity.scopes, created or 0, modified or 0, entity.expires)


def _timed(attribute: Instance | list[Instance], body: Any) -> Instance | list[Instance]:
    """The instances of an attribute with createdAt and modifiedAt as the source told them."""
    several = instances(attribute)
    bodies = body if isinstance(body, list) and len(body) == len(several) else [body] * len(several)
    told = [_with_times(instance, each) for instance, each in zip(several, bodies, strict=True)]
    return told[0] if len(told) == 1 else told


def _with_times(instance: Instance, body: Any) -> Instance:
    if not isinstance(body, dict):
        return instance
    times = {name: micros for name in _TIMES if (micros := _instant(body.get(name))) is not None}
    return instance.copy() | times if times else instance


def _instant(text: Any) -> int | None:
    """A time that a source told, in microseconds; None where it told none that can be read."""
    if not isinstance(text, str):
        return None
    try:
        return parse_instant(text)
    except (ValueError, OverflowError):
        return None
