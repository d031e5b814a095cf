"""Procedures in the operations API: definitions with their versions, and runs in which who did what when."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Header, Query, Request

from dothi.api import procedures_shapes as shapes
from dothi.api.operations_letters import refuse_other_sites
from dothi.api.operations_shapes import ProblemView
from dothi.automation.procedures.books import Book, Books
from dothi.automation.procedures.definition import Procedure
from dothi.automation.procedures.run import Act, Run
from dothi.automation.procedures.runs import Runs

Operator = Annotated[str, Header(alias="X-Dothi-Operator", max_length=200, description="Id of the operator who acts")]
ANONYMOUS = "anonymous"
REFUSALS: dict[int | str, dict[str, Any]] = {
    409: {"model": ProblemView, "description": "Somebody was first: `by` says who and `at` when"},
    415: {"model": ProblemView, "description": "The request is not of application/json"},
}


def add_procedures(app: FastAPI, books: Books, runs: Runs, problems: dict[int | str, dict[str, Any]]) -> None:
    """Add the routes; `problems` describes what else they answer."""
    _add_definitions(app, books, runs, problems)
    _add_writing(app, books, {**problems, **REFUSALS})
    _add_runs(app, runs, problems)
    _add_running(app, runs, {**problems, **REFUSALS})


def _add_definitions(app: FastAPI, books: Books, runs: Runs, problems: dict[int | str, Any]) -> None:
    @app.get("/procedures", response_model=shapes.ProceduresView, tags=["procedures"])
    async def read_procedures(
        q: Annotated[str, Query(max_length=200, description="words of title and category; no diacritics needed")] = "",
        starts_for: Annotated[str, Query(description="a rule, category or type: fitting procedures first")] = "",
    ) -> Any:
        """All procedures by title, how many runs each has now, and templates to begin with."""
        running = await runs.running_by_procedure()
        return {
            "procedures": [_summary(book, running.get(book.id, 0)) for book in books.find(q, starts_for)],
            "templates": [body_of(each) for each in books.templates()],
            "problems": [_fault(fault) for fault in books.problems],
        }

    @app.get("/procedures/{id}", response_model=shapes.ProcedureView, responses=problems, tags=["procedures"])
    async def read_procedure(id: str, version: Annotated[int | None, Query(ge=1)] = None) -> Any:
        """A procedure as it is now, or a version of the past."""
        return _book(books.book(id), version)

    @app.post("/procedures/check", response_model=shapes.CheckView, responses=problems, tags=["procedures"])
    async def check_procedure(request: Request, body: shapes.CheckRequest) -> Any:
        """Say what is wrong with a definition or its TOML, without keeping it; each is answered in both forms."""
        refuse_other_sites(request)
        checked = books.check(_definition(body), body.toml)
        definition = None if checked.procedure is None else body_of(checked.procedure)
        return {"definition": definition, "toml": checked.toml, "faults": [_fault(each) for each in checked.faults]}


def _add_writing(app: FastAPI, books: Books, problems: dict[int | str, Any]) -> None:
    @app.put("/procedures/{id}", response_model=shapes.ProcedureView, responses=problems, tags=["procedures"])
    async def put_procedure(request: Request, id: str, body: shapes.SaveRequest, operator: Operator = ANONYMOUS) -> Any:
        """Keep a new version; runs that are under way stay with theirs. 409 where somebody else saved meanwhile."""
        refuse_other_sites(request)
        given, text = _definition(body), body.toml
        return _book(await books.save(id, given, text, body.base_version, operator, body.reason), None)

    @app.post("/procedures/{id}/retire", response_model=shapes.ProcedureView, responses=problems, tags=["procedures"])
    async def retire_procedure(
        request: Request, id: str, body: shapes.RetireRequest, operator: Operator = ANONYMOUS
    ) -> Any:
        """Take a procedure out of use, or back into it; what runs goes on."""
        refuse_other_sites(request)
        return _book(await books.retire(id, body.retired, operator, body.reason), None)


def _add_runs(app: FastAPI, runs: Runs, problems: dict[int | str, Any]) -> None:
    @app.get("/procedure-runs", response_model=shapes.RunsView, responses=problems, tags=["procedures"])
    async def read_runs(
        status: shapes.RunStatus | None = None,
        procedure: str | None = None,
        subject: Annotated[str | None, Query(description="id of an alarm, incident or entity")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Any:
        """Runs, the newest first."""
        found, total = await runs.find(status, procedure, subject, limit, offset)
        return {"runs": [run_summary(run, runs.now()) for run in found], "total": total}

    @app.get("/procedure-runs/{id:path}", response_model=shapes.RunView, responses=problems, tags=["procedures"])
    async def read_run(id: str) -> Any:
        """One run: the definition of its version, and everything that was done."""
        return _run(await runs.get(id), runs.now())


def _add_running(app: FastAPI, runs: Runs, problems: dict[int | str, Any]) -> None:
    @app.post(
        "/procedure-runs", response_model=shapes.RunView, status_code=201, responses=problems, tags=["procedures"]
    )
    async def start_run(request: Request, body: shapes.StartRequest, operator: Operator = ANONYMOUS) -> Any:
        """Start a procedure by hand, about nothing in particular or about an alarm, an incident, an entity."""
        refuse_other_sites(request)
        run = await runs.start(body.procedure, subject=body.subject, by=operator, note=body.note)
        return _run(run, runs.now())

    @app.post("/procedure-runs/{id:path}/acts", response_model=shapes.RunView, responses=problems, tags=["procedures"])
    async def act_on_run(request: Request, id: str, body: shapes.ActRequest, operator: Operator = ANONYMOUS) -> Any:
        """Do a step, answer a question, skip, note, go a step back, or break off. 409 tells who was first and when."""
        refuse_other_sites(request)
        run = await runs.act(id, body.kind, step=body.step, answer=body.answer, note=body.note, by=operator)
        return _run(run, runs.now())


def _definition(body: shapes.CheckRequest) -> Any | None:
    return None if body.definition is None else body.definition.model_dump(exclude_none=True)


def body_of(procedure: Procedure) -> dict[str, Any]:
    """A definition as the API writes it."""
    found: dict[str, Any] = msgspec.to_builtins(procedure)
    return found


def _fault(fault: Any) -> dict[str, Any]:
    return {"where": fault.where, "what": fault.what, "mend": fault.mend}


def _summary(book: Book, running: int) -> dict[str, Any]:
    newest = book.newest
    return {
        **{key: value for key, value in body_of(newest).items() if key in _SUMMARY},
        "version": book.version,
        "steps": len(newest.steps),
        "retired": book.retired,
        "running": running,
    }


_SUMMARY = frozenset(("id", "title", "purpose", "category", "starts_for"))


def _book(book: Book, version: int | None) -> dict[str, Any]:
    number = book.version if version is None else version
    definition = book.at(number)
    return {
        "definition": body_of(definition),
        "version": number,
        "newest": book.version,
        "retired": book.retired,
        "versions": [
            {"version": each.version, "at": each.at // 1000, "by": each.by, "reason": each.reason}
            for each in reversed(book.versions)
        ],
        "toml": book.toml(number),
    }


def run_summary(run: Run, now: int) -> dict[str, Any]:
    """A run in a line."""
    step = run.step
    return {
        "id": run.id,
        "procedure": run.definition.id,
        "version": run.version,
        "title": msgspec.to_builtins(run.definition.title),
        "status": run.status,
        "subject": run.subject,
        "cause": run.cause,
        "started_at": run.started_at // 1000,
        "started_by": run.started_by,
        "ended_at": _millis(run.ended_at),
        "step": None if step is None else step.id,
        "step_title": None if step is None else msgspec.to_builtins(step.title),
        "role": None if step is None else step.role,
        "step_since": None if step is None else _millis(run.step_since),
        "due_at": _millis(run.due_at),
        "overdue": run.is_overdue(now),
        "passed": len(run.passed),
        "left": run.left,
        "acts": len(run.acts),
    }


def _run(run: Run, now: int) -> dict[str, Any]:
    log = [_act(n, act) for n, act in enumerate(run.acts)]
    return {**run_summary(run, now), "definition": body_of(run.definition), "log": log, "now": now // 1000}


def _act(n: int, act: Act) -> dict[str, Any]:
    return {**msgspec.to_builtins(act), "n": n, "at": act.at // 1000}


def _millis(micros: int | None) -> int | None:
    return None if micros is None else micros // 1000
