"""What comes into the rules and what goes out: observations in, effects as data out."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from dothi.automation.rules.definition import Action, Severity, Text

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
#: Before all times: a relation that is known only as it is now is taken to have been so ever since.
EVER: Final = -(1 << 61)


class Event(msgspec.Struct, frozen=True, gc=False):
    """A new value of an attribute (IRI) of an entity, true at `time` in microseconds. `value` None: it is deleted.

    `depth` counts the rules between this and the outside; `recorded` is when it came to be known, 0 for the same time.
    """

    entity: str
    types: tuple[str, ...]
    attribute: str
    time: int
    value: Any
    old: Any = None
    depth: int = 0
    recorded: int = 0


class Flip(msgspec.Struct, frozen=True, gc=False):
    """A simple condition begins to hold (truth), ends (False), or is not known any more (None) for an entity.

    `timed`: the clock brought it, no event; at one instant such a one comes after the events. `value` is the number or
    text that decided.
    """

    time: int
    entity: str
    truth: bool | None
    value: Any = None
    timed: bool = False
    depth: int = 0


class Raise(msgspec.Struct, frozen=True, gc=False):
    """An alarm begins. `source` is the entity or the area that it is about; `entity` the entity that decided.

    The same (rule, source, at) is the same event, however often it is told. `held` counts the sources for which a
    tamed rule stands; their own alarms are not told.
    """

    rule: str
    source: str
    entity: str
    at: int
    severity: Severity
    title: Text
    value: Any = None
    threshold: Any = None
    attribute: str | None = None
    category: str = ""
    description: Text | None = None
    depth: int = 0
    held: int = 0


class Clear(msgspec.Struct, frozen=True, gc=False):
    """An alarm ends. `why`: the condition is over, its time of day is, or the rule is gone."""

    rule: str
    source: str
    entity: str
    at: int
    value: Any = None
    depth: int = 0
    why: Literal["over", "schedule", "rule"] = "over"


class Act(msgspec.Struct, frozen=True, gc=False):
    """What a rule does beside its alarm: `action` for the source, when it began to hold or, `ended`, when it ended."""

    rule: str
    source: str
    entity: str
    at: int
    severity: Severity
    title: Text
    action: Action
    value: Any = None
    ended: bool = False
    depth: int = 0

    @property
    def key(self) -> str:
        """The same for the same thing told twice."""
        return f"{self.rule}|{self.source}|{self.at}|{int(self.ended)}|{msgspec.json.encode(self.action).decode()}"


Effect = Raise | Clear | Act
