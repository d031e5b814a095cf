"""Incidents, their members and their timeline as the operations API shows them: times in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from msgspec.structs import asdict as members_of

from dothi.automation.incidents.evidence import Evidence
from dothi.automation.incidents.grouping import Candidate
from dothi.automation.incidents.incident import STEPS, Act, Incident, Task
from dothi.automation.incidents.timeline import Event, Run
from dothi.automation.incidents.words import KINDS

_MOMENTS = ("opened_at", "confirmed_at", "working_at", "contained_at", "closed_at")


def incident_view(incident: Incident, now: int) -> dict[str, Any]:
    """An IncidentView."""
    view = members_of(incident)
    last = view.pop("last_act")
    view.pop("before_merge")
    return view | {
        "title": text_view(incident.title),
        "next_states": list(STEPS[incident.state]),
        "category_label": KINDS.get(incident.category, KINDS["other"]),
        "alarms": len(incident.alarms),
        "reports": len(incident.reports),
        "notes": len(incident.notes),
        "tasks": [task_view(task, now) for task in incident.tasks],
        "last_act_at": None if last is None else last.at // 1000,
        "last_act_by": None if last is None else last.by,
        **{name: _millis(getattr(incident, name)) for name in _MOMENTS},
    }


def task_view(task: Task, now: int) -> dict[str, Any]:
    """A TaskView."""
    times = {name: _millis(getattr(task, name)) for name in ("due", "created_at", "done_at")}
    return members_of(task) | times | {"overdue": task.is_overdue(now)}


def evidence_view(evidence: Evidence) -> dict[str, Any]:
    """An EvidenceView."""
    return asdict(evidence) | {
        "title": text_view(evidence.title),
        "at": evidence.at // 1000,
        "ended": _millis(evidence.ended),
    }


def candidate_view(candidate: Candidate) -> dict[str, Any]:
    """A CandidateView; its key is the id of its first member."""
    return {
        "key": candidate.members[0].id,
        "members": [evidence_view(each) for each in candidate.members],
        "score": round(candidate.score, 3),
        "reasons": [text_view(each) for each in candidate.reasons],
        "category": candidate.category,
        "category_label": KINDS.get(candidate.category, KINDS["other"]),
        "severity": candidate.severity,
        "title": text_view(candidate.title),
        "incident": candidate.incident,
    }


def event_view(event: Event) -> dict[str, Any]:
    """An EventView."""
    title = None if event.title is None else text_view(event.title)
    what = text_view(event.what)
    return asdict(event) | {"at": event.at // 1000, "micros": event.at, "title": title, "what": what}


def run_view(run: Run) -> dict[str, Any]:
    """An IncidentRunView."""
    return {
        "id": run.id,
        "title": text_view(run.title),
        "status": run.status,
        "started_at": run.started_at // 1000,
        "ended_at": _millis(run.ended_at),
    }


def act_view(act: Act) -> dict[str, Any]:
    """An IncidentActView."""
    return members_of(act) | {"at": act.at // 1000, "micros": act.at, "members": list(act.members)}


def text_view(words: Mapping[str, str]) -> dict[str, str]:
    """A text in both languages; where one is missing the other stands for it."""
    any = next(iter(words.values()), "")
    return {"vi": words.get("vi", any), "en": words.get("en", any)}


def _millis(micros: int | None) -> int | None:
    return None if micros is None else micros // 1000
