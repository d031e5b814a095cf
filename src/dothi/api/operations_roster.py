"""Roster in the operations API: operators, roles, who is signed in, who is on call, and the escalation chains."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request

from dothi.api import shifts_shapes as shapes
from dothi.api.operations_letters import refuse_other_sites
from dothi.api.operations_procedures import ANONYMOUS, REFUSALS, Operator
from dothi.automation.shifts.desk import ShiftDesk
from dothi.automation.shifts.on_call import Duty

WEEK_MS = 7 * 86_400_000


def add_roster(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, dict[str, Any]]) -> None:
    """Add the routes; `problems` describes what else they answer."""
    _add_people(app, desk, {**problems, **REFUSALS})
    _add_on_call(app, desk, {**problems, **REFUSALS})
    _add_escalation(app, desk, {**problems, **REFUSALS})


def _add_people(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, Any]) -> None:
    async def roster() -> dict[str, Any]:
        people = await desk.roster.operators()
        return {
            "operators": [{**msgspec.to_builtins(each), "since": _millis(each.since)} for each in people],
            "roles": msgspec.to_builtins(await desk.roster.roles()),
        }

    @app.get("/operators", response_model=shapes.RosterView, tags=["shifts"])
    async def read_operators() -> Any:
        """Everybody of the roster by name, who is signed in, and the roles there are."""
        return await roster()

    @app.put("/operators/{id}", response_model=shapes.RosterView, responses=problems, tags=["shifts"])
    async def put_operator(
        request: Request, id: str, body: shapes.OperatorRequest, operator: Operator = ANONYMOUS
    ) -> Any:
        """Add a person to the roster or change what is known of them."""
        refuse_other_sites(request)
        await desk.roster.put(id, body.model_dump(), operator)
        return await roster()

    @app.post("/operators/{id}/duty", response_model=shapes.RosterView, responses=problems, tags=["shifts"])
    async def set_duty(request: Request, id: str, body: shapes.DutyRequest, operator: Operator = ANONYMOUS) -> Any:
        """Sign in or out; the history of it gives the operator-hours of the usage figures."""
        refuse_other_sites(request)
        await desk.roster.sign(id, body.on_duty, operator)
        return await roster()

    @app.put("/roles/{id}", response_model=shapes.RosterView, responses=problems, tags=["shifts"])
    async def put_role(request: Request, id: str, body: shapes.RoleRequest, operator: Operator = ANONYMOUS) -> Any:
        """Add a role or rename one."""
        refuse_other_sites(request)
        await desk.roster.put_role(id, body.label.model_dump())
        return await roster()


def _add_on_call(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, Any]) -> None:
    @app.get("/on-call", response_model=shapes.OnCallCalendar, responses=problems, tags=["shifts"])
    async def read_on_call(
        start: Annotated[int | None, Query(description="milliseconds; now where absent")] = None,
        end: Annotated[int | None, Query(description="milliseconds; a week later where absent")] = None,
    ) -> Any:
        """Who can be reached when, and the spans in which nobody can."""
        first = desk.now() // 1000 if start is None else start
        last = first + WEEK_MS if end is None else end
        calendar = await desk.calendar(first * 1000, last * 1000)
        return {
            "entries": [_duty(each) for each in calendar.entries],
            "gaps": [{"role": gap.role, "start": gap.start // 1000, "end": gap.end // 1000} for gap in calendar.gaps],
            "now": calendar.now,
        }

    @app.post("/on-call", response_model=shapes.OnCallView, status_code=201, responses=problems, tags=["shifts"])
    async def add_on_call(request: Request, body: shapes.OnCallRequest, operator: Operator = ANONYMOUS) -> Any:
        """Put somebody on call for a role."""
        refuse_other_sites(request)
        span = body.start * 1000, body.end * 1000
        return _duty(await desk.on_call.add(body.role, body.operator, span, body.note))

    @app.delete("/on-call/{id}", status_code=204, responses=problems, tags=["shifts"])
    async def drop_on_call(request: Request, id: str, operator: Operator = ANONYMOUS) -> None:
        """Take an entry out of the calendar."""
        refuse_other_sites(request)
        await desk.on_call.drop(id)


def _add_escalation(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, Any]) -> None:
    @app.get("/escalations", response_model=shapes.EscalationsView, tags=["shifts"])
    async def read_escalations() -> Any:
        """The chains, and what has gone up them and is not answered yet."""
        now = desk.now()
        active = [
            {
                **msgspec.to_builtins(each),
                "since": each.since // 1000,
                "at": each.at // 1000,
                "next_at": _millis(each.next_at),
            }
            for each in await desk.escalation.active(now)
        ]
        return {"chains": msgspec.to_builtins(await desk.escalation.chains()), "active": active}

    @app.put("/escalations/{severity}", response_model=shapes.EscalationsView, responses=problems, tags=["shifts"])
    async def put_chain(
        request: Request, severity: shapes.Severity, body: shapes.ChainBody, operator: Operator = ANONYMOUS
    ) -> Any:
        """Change who is told after how many seconds of an unacknowledged alarm of this severity."""
        refuse_other_sites(request)
        await desk.escalation.put(severity, [(step.after, step.role) for step in body.steps])
        return await read_escalations()


def _duty(duty: Duty) -> dict[str, Any]:
    return {**msgspec.to_builtins(duty), "start": duty.start // 1000, "end": duty.end // 1000}


def _millis(micros: int | None) -> int | None:
    return None if micros is None else micros // 1000
