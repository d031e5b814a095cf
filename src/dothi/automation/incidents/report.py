"""The after-action report of an incident as PDF, set by typst: what happened when, who did what, what is learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import orjson

from dothi.automation.alarms.alarm import Words
from dothi.automation.incidents.cap import ZONE
from dothi.automation.incidents.evidence import Evidence
from dothi.automation.incidents.incident import Incident
from dothi.automation.incidents.report_words import WORDS
from dothi.automation.incidents.sketch import sketch
from dothi.automation.incidents.timeline import Event, Run
from dothi.automation.incidents.words import KINDS, SEVERITIES, STATES
from dothi.model.errors import OperationNotSupported
from dothi.model.instant import EPOCH, MICROSECOND

#: Rows of a table in the report; the JSON export has everything.
MOST_ROWS: Final = 400


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a report tells. `city` is its name in both languages; `now` (microseconds) is when it is made."""

    incident: Incident
    members: Sequence[Evidence]
    events: Sequence[Event]
    runs: Sequence[Run]
    city: Mapping[str, str]
    now: int


def after_action_report(facts: Facts, language: str = "vi") -> bytes:
    """The PDF. Raises OperationNotSupported where typst is not installed; it takes about a second."""
    try:
        import typst
    except ImportError:
        raise OperationNotSupported(
            "The PDF report needs the Python package typst: pip install typst. The same facts are at .../json."
        ) from None
    template = (files("dothi.automation.incidents") / "report.typ").read_bytes()
    drawn = sketch(facts.incident.area, facts.members)
    inputs = {"data": orjson.dumps(content(facts, language)).decode(), "sketch": drawn or ""}
    # The fonts within typst have Vietnamese; those of the machine would make every report look different.
    made: bytes = typst.compile(template, format="pdf", sys_inputs=inputs, ignore_system_fonts=True)
    return made


def content(facts: Facts, language: str) -> dict[str, Any]:
    """What the template sets: every text in the language, every time as people of Vietnam read it."""
    incident, words = facts.incident, WORDS[language]
    return {
        "words": words,
        "language": language,
        "city": facts.city.get(language) or facts.city.get("vi", ""),
        "id": incident.id.rpartition(":")[2],
        "title": _in(language, incident.title),
        "facts": _facts(facts, language),
        "description": incident.description,
        "lessons": incident.lessons,
        "times": _times(incident, words),
        "events": [_event(each, language) for each in facts.events[:MOST_ROWS]],
        "more": max(0, len(facts.events) - MOST_ROWS),
        "alarms": [_member(each, language) for each in facts.members if each.kind == "alarm"][:MOST_ROWS],
        "reports": [_member(each, language) for each in facts.members if each.kind != "alarm"][:MOST_ROWS],
        "tasks": _tasks(incident, words),
        "runs": [_run(each, language) for each in facts.runs],
        "made": clock(facts.now),
    }


def clock(micros: int) -> str:
    """An instant to the second on the clocks of Vietnam: 25/11/2026 14:05:09."""
    found: datetime = (EPOCH + MICROSECOND * micros).astimezone(ZONE)
    return found.strftime("%d/%m/%Y %H:%M:%S")


def _facts(facts: Facts, language: str) -> list[list[str]]:
    incident, words = facts.incident, WORDS[language]
    reports = sum(each.kind == "report" for each in facts.members)
    return [
        [words["kind"], KINDS.get(incident.category, KINDS["other"])[language]],
        [words["severity"], SEVERITIES[incident.severity][language]],
        [words["state"], STATES[incident.state][language]],
        [words["commander"], incident.commander or words["nobody"]],
        [words["opened_by"], incident.opened_by],
        [
            words["scope"],
            words["counted"].format(alarms=len(incident.alarms), reports=reports, notes=len(incident.notes)),
        ],
    ]


def _times(incident: Incident, words: Mapping[str, str]) -> list[list[str]]:
    """Each step with its true time and how long it took from the opening."""
    steps = ("opened_at", "confirmed_at", "working_at", "contained_at", "closed_at")
    found = [(words[name], at) for name in steps if (at := getattr(incident, name)) is not None]
    return [[label, clock(at), _span(at - incident.opened_at)] for label, at in found]


def _span(micros: int) -> str:
    minutes, seconds = divmod(max(0, micros) // 1_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"+{hours}:{minutes:02d}:{seconds:02d}"


def _event(event: Event, language: str) -> list[str]:
    said = [_in(language, event.title) if event.title else "", event.text or ""]
    return [clock(event.at), _in(language, event.what), "\n".join(each for each in said if each), event.by or ""]


def _member(evidence: Evidence, language: str) -> list[str]:
    severity = SEVERITIES[evidence.severity][language] if evidence.severity else ""
    place = "" if evidence.point is None else f"{evidence.point[1]:.5f}, {evidence.point[0]:.5f}"
    text = _in(language, evidence.title)
    return [clock(evidence.at), severity, text, place, "" if evidence.ended is None else clock(evidence.ended)]


def _tasks(incident: Incident, words: Mapping[str, str]) -> list[list[str]]:
    return [
        [
            task.title,
            task.assignee or words["nobody"],
            clock(task.due) if task.due else "–",
            f"{clock(task.done_at)} ({task.done_by})" if task.done_at else words["undone"],
        ]
        for task in incident.tasks
    ]


def _run(run: Run, language: str) -> dict[str, Any]:
    return {
        "title": _in(language, run.title),
        "from": clock(run.started_at),
        "to": clock(run.ended_at) if run.ended_at else "…",
        "steps": [
            [clock(each.at), _event(each, language)[1], _event(each, language)[2], each.by or ""] for each in run.events
        ],
    }


def _in(language: str, words: Words) -> str:
    return words.get(language) or words.get("vi") or next(iter(words.values()), "")
