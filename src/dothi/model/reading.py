"""What a pure decoder makes of one outside message: entities with short names, and what could not be taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: An entity as it comes from outside: NGSI-LD normalized or concise with short names, no @context.
#: `observedAt` may stand in each attribute; several instances of one attribute in a list are past values.
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that could not be taken: where (file:line, topic, JSON pointer), what, and how to mend it."""

    where: str
    what: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a pure `decode` makes of one outside message."""

    entities: list[Document] = field(default_factory=list)
    problems: list[Trouble] = field(default_factory=list)
