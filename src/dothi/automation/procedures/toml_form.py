"""A procedure as TOML: read with the place of each fault, written so that people like to edit it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator

from dothi.automation.procedures.definition import Answer, Procedure, Step, Text, Unreadable, read, span_of


def read_toml(text: str) -> Procedure:
    """Raises Unreadable, naming line and column where it is no TOML."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unreadable("", f"this is no TOML: {error}") from None
    return read(document)


def write_toml(procedure: Procedure) -> str:
    """The TOML of which `read_toml` makes the same procedure."""
    lines = [f"id = {_quoted(procedure.id)}", f"title = {_text(procedure.title)}"]
    if procedure.purpose is not None:
        lines.append(f"purpose = {_text(procedure.purpose)}")
    if procedure.category:
        lines.append(f"category = {_quoted(procedure.category)}")
    if procedure.starts_for:
        lines.append(f"starts_for = [{', '.join(map(_quoted, procedure.starts_for))}]")
    for step in procedure.steps:
        lines += ["", *_step(step)]
    return "\n".join(lines) + "\n"


def _step(step: Step) -> Iterator[str]:
    yield "[[steps]]"
    yield f"id = {_quoted(step.id)}"
    yield f"title = {_text(step.title)}"
    if step.detail is not None:
        yield f"detail = {_text(step.detail)}"
    yield f"role = {_quoted(step.role)}"
    if step.due is not None:
        yield f"due = {_quoted(span_of(step.due))}"
    if step.next is not None:
        yield f"next = {_quoted(step.next)}"
    if step.escalate_to is not None:
        yield f"escalate_to = {_quoted(step.escalate_to)}"
    if step.optional:
        yield "optional = true"
    if step.answers:
        yield "answers = ["
        yield from map(_answer, step.answers)
        yield "]"


def _answer(answer: Answer) -> str:
    return f"  {{ id = {_quoted(answer.id)}, label = {_text(answer.label)}, next = {_quoted(answer.next)} }},"


def _text(text: Text) -> str:
    return f"{{ vi = {_quoted(text.vi)}, en = {_quoted(text.en)} }}"


def _quoted(text: str) -> str:
    """A basic string; JSON's escapes are TOML's too, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
