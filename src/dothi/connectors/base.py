"""What every connector shares: readings on their way in, problems told precisely, health that can be read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal, Protocol

from dothi.model.reading import Document, Trouble

State = Literal["starting", "running", "waiting", "failing", "stopped"]


@dataclass(slots=True)
class Health:
    """Live counters of one connector; `problems` keeps the last 50."""

    name: str
    kind: str
    state: State = "starting"
    since: int = 0
    last_message: int | None = None
    messages: int = 0
    entities: int = 0
    values: int = 0
    rejected: int = 0
    queue: int = 0
    lag_ms: float | None = None
    detail: str = ""
    problems: deque[Trouble] = field(default_factory=lambda: deque(maxlen=50))


@dataclass(slots=True)
class Batch:
    """Part of a file, ready to be stored: entities under one context, and what could not be taken or was mended.

    `origins` leads from an entity id to its file:line, so that a refusal of the broker can be told precisely.
    `done` is the number of bytes of the file that have been read, `values` the number of attribute instances.
    """

    entities: list[Document] = field(default_factory=list)
    context: str | None = None
    values: int = 0
    done: int = 0
    problems: list[Trouble] = field(default_factory=list)
    mended: list[Trouble] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)


class Sink(Protocol):
    """Where decoded entities go: the broker's single road for writes, in batches."""

    async def put(self, entities: list[Document], context: str | None, cause: str) -> list[Trouble]:
        """Upsert a batch (mode update) with names expanded by `context` (None: dothi's own); returns what was refused.

        Attributes given as lists of instances with observedAt go to the history, the newest becomes the state.
        """
        ...
