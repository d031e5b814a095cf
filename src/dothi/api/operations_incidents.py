"""Incidents in the operations API: proposed, opened, led, merged, split, exported as CAP and report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

import orjson
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from dothi.api import incidents_shapes as shapes
from dothi.api.incident_views import (
    act_view,
    candidate_view,
    event_view,
    evidence_view,
    incident_view,
    run_view,
    text_view,
)
from dothi.api.operations_alarms import REFUSALS, Operator
from dothi.api.operations_letters import refuse_other_sites
from dothi.automation.alarms.alarm import ANONYMOUS
from dothi.automation.incidents import transitions as steps
from dothi.automation.incidents.cap import CapStatus, cap_alert
from dothi.automation.incidents.incident import Incident
from dothi.automation.incidents.incidents import Change, Incidents, check_states
from dothi.automation.incidents.report import Facts, after_action_report
from dothi.automation.incidents.timeline import Timeline
from dothi.automation.incidents.words import KINDS
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant

#: Who sends CAP messages and signs reports: the city's name.
City = dict[str, str]
Problems = dict[int | str, dict[str, Any]]


def add_incidents(
    app: FastAPI,
    incidents: Incidents,
    timeline: Timeline,
    problems: Problems,
    now: Callable[[], int],
    city: City,
    demo: bool = False,
) -> None:
    """Add the routes; `problems` describes what else they answer. Of a demo city CAP says that it is an exercise."""
    _add_reading(app, incidents, timeline, problems, now)
    _add_export(app, incidents, timeline, problems, now, city, demo)
    _add_grouping(app, incidents, {**problems, **REFUSALS}, now)
    _add_leading(app, incidents, {**problems, **REFUSALS}, now)


def _add_reading(
    app: FastAPI, incidents: Incidents, timeline: Timeline, problems: Problems, now: Callable[[], int]
) -> None:
    @app.get("/incidents", response_model=shapes.IncidentsView, responses=problems, tags=["incidents"])
    async def read_incidents(
        state: Annotated[str, Query(description="states by commas; `open` stands for all open ones, `all`")] = "open",
        q: Annotated[str, Query(max_length=200, description="words; no diacritics needed")] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Any:
        """Incidents, open ones first, the worst and newest of them on top."""
        moment = now()
        found = await incidents.all(check_states(state), q)
        return {
            "incidents": [incident_view(each, moment) for each in found[offset : offset + limit]],
            "total": len(found),
            "open": sum(each.is_open() for each in await incidents.all()),
            "now": moment // 1000,
        }

    @app.get("/incidents/kinds", response_model=list[shapes.KindView], tags=["incidents"])
    async def read_kinds() -> Any:
        """The kinds of incident."""
        return [{"id": id, "label": label} for id, label in KINDS.items()]

    @app.get("/incidents/candidates", response_model=shapes.CandidatesView, responses=problems, tags=["incidents"])
    async def read_candidates(
        hours: Annotated[float, Query(gt=0, le=168)] = 12,
        near: Annotated[str, Query(description="ids by commas: only what these belong to", max_length=20_000)] = "",
    ) -> Any:
        """Alarms, citizens' reports and notes that may be one thing; nothing is grouped before a person says so."""
        found = await incidents.candidates(hours, [id for id in near.split(",") if id])
        return {"candidates": [candidate_view(each) for each in found], "now": now() // 1000}

    @app.get("/incidents/{id}", response_model=shapes.IncidentDetail, responses=problems, tags=["incidents"])
    async def read_incident(id: str) -> Any:
        """One incident with all that belongs to it."""
        incident = await incidents.get(id)
        moment = now()
        into = [each for each in await incidents.all(("merged",)) if each.merged_into == id]
        return {
            **incident_view(incident, moment),
            "members": [evidence_view(each) for each in await incidents.members(incident)],
            "merged": [incident_view(each, moment) for each in into],
            "now": moment // 1000,
        }

    @app.get("/incidents/{id}/timeline", response_model=shapes.TimelineView, responses=problems, tags=["incidents"])
    async def read_timeline(id: str) -> Any:
        """Everything that happened, at its true time: acts, alarms, reports, notes, procedures' steps."""
        incident = await incidents.get(id)
        runs = await timeline.runs_of(incident)
        events = await timeline.events(incident, await incidents.members(incident), runs)
        return {
            "events": [event_view(each) for each in events],
            "runs": [run_view(each) for each in runs],
            "now": now() // 1000,
        }

    @app.get("/incidents/{id}/acts", response_model=shapes.IncidentAudit, responses=problems, tags=["incidents"])
    async def read_acts(id: str) -> Any:
        """The audit: who did what to the incident, when and why."""
        await incidents.get(id)
        return {"acts": [act_view(act) for _, act in await incidents.acts([id])]}


def _add_export(
    app: FastAPI,
    incidents: Incidents,
    timeline: Timeline,
    problems: Problems,
    now: Callable[[], int],
    city: City,
    demo: bool,
) -> None:
    async def facts(id: str) -> Facts:
        incident = await incidents.get(id)
        members = await incidents.members(incident)
        runs = await timeline.runs_of(incident)
        events = await timeline.events(incident, members, runs)
        return Facts(incident, tuple(members), tuple(events), tuple(runs), city, now())

    @app.get(
        "/incidents/{id}/cap",
        response_class=Response,
        responses={**problems, 200: {"content": {"application/cap+xml": {}}, "description": "CAP 1.2"}},
        tags=["incidents"],
    )
    async def read_cap(
        id: str, status: Annotated[CapStatus | None, Query(description="CAP status; Exercise in a demo city")] = None
    ) -> Response:
        """The incident as a CAP 1.2 alert (OASIS), in both languages."""
        incident = await incidents.get(id)
        told = status or ("Draft" if incident.state == "new" else "Exercise" if demo else "Actual")
        body = cap_alert(incident, city, now(), told)
        name = f"attachment; filename={_file(incident)}.cap.xml"
        return Response(body, media_type="application/cap+xml", headers={"content-disposition": name})

    @app.get("/incidents/{id}/json", response_class=Response, responses=problems, tags=["incidents"])
    async def read_json(id: str) -> Response:
        """All that is known of the incident as one JSON document: itself, members, timeline, audit."""
        told = await facts(id)
        document = {
            **incident_view(told.incident, told.now),
            "members": [evidence_view(each) for each in told.members],
            "timeline": [event_view(each) for each in told.events],
            "runs": [run_view(each) for each in told.runs],
            "acts": [act_view(act) for _, act in await incidents.acts([id])],
            "city": city,
            "exported": told.now // 1000,
        }
        name = f"attachment; filename={_file(told.incident)}.json"
        body = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        return Response(body, media_type="application/json", headers={"content-disposition": name})

    @app.get(
        "/incidents/{id}/report.pdf",
        response_class=Response,
        responses={**problems, 200: {"content": {"application/pdf": {}}, "description": "The report"}},
        tags=["incidents"],
    )
    async def read_report(id: str, lang: Literal["vi", "en"] = "vi") -> Response:
        """The after-action report as PDF: true times, timeline, sketch, alarms, tasks, procedures, lessons."""
        told = await facts(id)
        body = await asyncio.to_thread(after_action_report, told, lang)
        name = f"inline; filename={_file(told.incident)}.pdf"
        return Response(body, media_type="application/pdf", headers={"content-disposition": name})


def _add_grouping(app: FastAPI, incidents: Incidents, problems: Problems, now: Callable[[], int]) -> None:
    def view(incident: Incident) -> Any:
        return incident_view(incident, now())

    @app.post("/incidents", response_model=shapes.IncidentView, status_code=201, responses=problems, tags=["incidents"])
    async def open_incident(request: Request, body: shapes.OpenBody, operator: Operator = ANONYMOUS) -> Any:
        """Say that these alarms, reports and notes are one incident, or open one without any."""
        refuse_other_sites(request)
        told = body.model_dump(exclude={"members"})
        return view(await incidents.open_(body.members, operator, **told))

    @app.post("/notes", response_model=shapes.EvidenceView, status_code=201, responses=problems, tags=["incidents"])
    async def write_desk_note(request: Request, body: shapes.DeskNoteBody, operator: Operator = ANONYMOUS) -> Any:
        """Write down what was told or seen; it is grouped like alarms and reports."""
        refuse_other_sites(request)
        place = None if body.location is None else body.location.model_dump(mode="json")
        return evidence_view(await incidents.note(body.text, operator, place, body.category))

    @app.post("/incidents/{id}/link", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def link_members(request: Request, id: str, body: shapes.MembersBody, operator: Operator = ANONYMOUS) -> Any:
        """Put alarms, reports and notes into the incident."""
        refuse_other_sites(request)
        return view(await incidents.link(id, body.members, operator, body.reason))

    @app.post("/incidents/{id}/unlink", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def unlink_members(
        request: Request, id: str, body: shapes.MembersBody, operator: Operator = ANONYMOUS
    ) -> Any:
        """Take members out again."""
        refuse_other_sites(request)
        return view(await incidents.unlink(id, body.members, operator, body.reason))

    @app.post("/incidents/{id}/merge", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def merge_incident(request: Request, id: str, body: shapes.MergeBody, operator: Operator = ANONYMOUS) -> Any:
        """Put another incident into this one; it can be taken back."""
        refuse_other_sites(request)
        return view(await incidents.merge(id, body.other, operator, body.reason))

    @app.post("/incidents/{id}/unmerge", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def unmerge_incident(
        request: Request, id: str, body: shapes.MergeBody, operator: Operator = ANONYMOUS
    ) -> Any:
        """Take a merge back: the other incident has its state and its members again."""
        refuse_other_sites(request)
        return view(await incidents.merge(id, body.other, operator, body.reason, back=True))

    @app.post("/incidents/{id}/split", response_model=shapes.SplitView, responses=problems, tags=["incidents"])
    async def split_incident(request: Request, id: str, body: shapes.SplitBody, operator: Operator = ANONYMOUS) -> Any:
        """Make some members an incident of their own; a merge takes it back."""
        refuse_other_sites(request)
        title = text_view(body.title.model_dump())
        left, part = await incidents.split(id, body.members, title, operator, body.reason)
        return {"left": view(left), "part": view(part)}


def _add_leading(app: FastAPI, incidents: Incidents, problems: Problems, now: Callable[[], int]) -> None:
    async def change(request: Request, id: str, what: Change, seen: int | None = None) -> Any:
        refuse_other_sites(request)
        return incident_view(await incidents.change(id, what, seen), now())

    @app.post("/incidents/{id}/state", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def change_state(request: Request, id: str, body: shapes.StateBody, operator: Operator = ANONYMOUS) -> Any:
        """To another state; closing and going back need a reason."""
        return await change(
            request, id, lambda old, at: steps.stepped(old, body.state, operator, at, body.reason), body.seen
        )

    @app.post("/incidents/{id}/commander", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def name_commander(
        request: Request, id: str, body: shapes.CommanderBody, operator: Operator = ANONYMOUS
    ) -> Any:
        """Who leads it."""
        return await change(
            request, id, lambda old, at: steps.commanded(old, body.commander, operator, at, body.reason), body.seen
        )

    @app.post("/incidents/{id}/notes", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def write_note(request: Request, id: str, body: shapes.NoteBody, operator: Operator = ANONYMOUS) -> Any:
        """Write a line into the timeline."""
        return await change(request, id, lambda old, at: steps.wrote(old, body.text, operator, at))

    @app.post("/incidents/{id}/tasks", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def give_task(request: Request, id: str, body: shapes.TaskBody, operator: Operator = ANONYMOUS) -> Any:
        """Something to be done, by whom and until when."""
        due = _instant("due", body.due)
        return await change(
            request, id, lambda old, at: steps.tasked(old, body.title, body.assignee, due, operator, at)
        )

    @app.post(
        "/incidents/{id}/tasks/{task}", response_model=shapes.IncidentView, responses=problems, tags=["incidents"]
    )
    async def change_task(
        request: Request, id: str, task: str, body: shapes.TaskChange, operator: Operator = ANONYMOUS
    ) -> Any:
        """A task done, opened again, or given to another."""
        told: dict[str, Any] = {}
        if body.title is not None:
            told["title"] = body.title.strip()
        if "assignee" in body.model_fields_set:
            told["assignee"] = body.assignee
        if "due" in body.model_fields_set:
            told["due"] = _instant("due", body.due)
        return await change(
            request,
            id,
            lambda old, at: steps.task_changed(old, task, operator, at, done=body.done, reason=body.reason, **told),
        )

    @app.post("/incidents/{id}/edit", response_model=shapes.IncidentView, responses=problems, tags=["incidents"])
    async def edit_incident(request: Request, id: str, body: shapes.EditBody, operator: Operator = ANONYMOUS) -> Any:
        """Other words, severity, kind or area; lessons for the after-action report."""
        refuse_other_sites(request)
        given = body.model_dump(include=body.model_fields_set - {"reason", "seen"})
        told = {name: value for name, value in given.items() if value is not None or name == "area"}
        return incident_view(await incidents.edit(id, operator, told, body.reason, body.seen), now())


def _instant(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadRequestData(f"{name}: {error}") from None


def _file(incident: Incident) -> str:
    return "incident-" + incident.id.rpartition(":")[2]
