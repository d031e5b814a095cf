"""What a procedure is: a checklist of steps with roles, clocks and branches, read from JSON or TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

#: The step that ends a run.
END: Final = "end"

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,59}", re.ASCII)
_SPAN: Final = re.compile(r"(\d+)\s*(s|m|min|h|d)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text for people in both languages."""

    vi: str
    en: str


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One answer of a question; `next` is a step's id or END."""

    id: str
    label: Text
    next: str


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step. `due`: seconds from the moment it became the current one until it is overdue.

    With `answers` it is a question and `next` plays no part. Without `next` the following step comes, after the last
    one the end. An `optional` step may be skipped. `escalate_to` is the role that is told when it is overdue.
    """

    id: str
    title: Text
    role: str
    detail: Text | None = None
    due: int | None = None
    next: str | None = None
    answers: tuple[Answer, ...] = ()
    escalate_to: str | None = None
    optional: bool = False


class Procedure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A checklist; the first step begins. `starts_for` names rules, categories and types that it is meant for."""

    id: str
    title: Text
    steps: tuple[Step, ...]
    purpose: Text | None = None
    category: str = ""
    starts_for: tuple[str, ...] = ()

    def step(self, id: str) -> Step | None:
        return next((step for step in self.steps if step.id == id), None)

    def following(self, step: Step) -> tuple[str, ...]:
        """Where a step can lead: ids of steps and END."""
        if step.answers:
            return tuple(dict.fromkeys(answer.next for answer in step.answers))
        return (self.after(step),)

    def after(self, step: Step) -> str:
        """Where a step that is no question leads."""
        if step.next is not None:
            return step.next
        at = next(n for n, each in enumerate(self.steps) if each is step or each.id == step.id)
        return self.steps[at + 1].id if at + 1 < len(self.steps) else END


class Unreadable(ValueError):
    """A definition that has not the shape of one: `where` names the member, `what` the fault."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what


def read(document: Any) -> Procedure:
    """The procedure of decoded JSON or TOML; `due` may be seconds or a text like "10m". Raises Unreadable."""
    if not isinstance(document, Mapping):
        raise Unreadable("", "a procedure is a table with id, title and steps")
    try:
        return msgspec.convert(_with_seconds(document), Procedure)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise Unreadable(where.rstrip("`").lstrip("."), what) from None


def is_id(text: str) -> bool:
    """Whether a text can be the id of a procedure, a step or an answer: a-z, 0-9 and -."""
    return _ID.fullmatch(text) is not None


def seconds_of(text: str) -> int | None:
    """Seconds of a text like "90s", "10m", "2h"; None where it is no span."""
    found = _SPAN.fullmatch(text.strip())
    return None if found is None else int(found[1]) * _SECONDS[found[2]]


def span_of(seconds: int) -> str:
    """The shortest text that `seconds_of` reads as so many seconds."""
    for unit in ("h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


def _with_seconds(document: Mapping[str, Any]) -> dict[str, Any]:
    steps = document.get("steps")
    if not isinstance(steps, list):
        return dict(document)
    return {**document, "steps": [_timed(n, step) for n, step in enumerate(steps)]}


def _timed(n: int, step: Any) -> Any:
    due = step.get("due") if isinstance(step, Mapping) else None
    if not isinstance(due, str):
        return step
    seconds = seconds_of(due)
    if seconds is None:
        raise Unreadable(f"steps[{n}].due", f'{due!r} is no span: write seconds, or a text like "10m" or "2h"')
    return {**step, "due": seconds}
