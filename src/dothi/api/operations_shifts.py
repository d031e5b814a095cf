"""Shift desk in the operations API: shifts with their hand-over, the watch book, the shift's report, usage figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import FastAPI, Query, Request

from dothi.api import shifts_shapes as shapes
from dothi.api.operations_letters import refuse_other_sites
from dothi.api.operations_procedures import ANONYMOUS, REFUSALS, Operator
from dothi.api.operations_roster import add_roster
from dothi.automation.shifts.desk import ShiftDesk
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant

DAY = 86_400_000_000


def add_shifts(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, dict[str, Any]]) -> None:
    """Add the routes; `problems` describes what else they answer."""
    add_roster(app, desk, problems)
    _add_shifts(app, desk, problems)
    _add_handover(app, desk, {**problems, **REFUSALS})
    _add_watch_book(app, desk, {**problems, **REFUSALS})
    _add_reports(app, desk, {**problems, **REFUSALS})


def _add_shifts(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, Any]) -> None:
    @app.get("/shifts", response_model=shapes.ShiftsView, tags=["shifts"])
    async def read_shifts(limit: Annotated[int, Query(ge=1, le=500)] = 30) -> Any:
        """The shift that runs, the one after it, and the last ones, newest first."""
        board = await desk.shifts.board(limit)
        return {**millis(board), "now": desk.now() // 1000}

    @app.get("/shifts/open-items", response_model=shapes.OpenItemsView, tags=["shifts"])
    async def read_open_items() -> Any:
        """What is not finished: unacknowledged and shelved alarms, open incidents, running procedures, overdue steps
        and tasks; the gravest and oldest first."""
        return {"items": millis(await desk.open_items()), "now": desk.now() // 1000}

    @app.get("/shifts/{id:path}/report", response_model=shapes.ReportView, responses=problems, tags=["shifts"])
    async def read_report(id: str, lang: Literal["vi", "en"] = "vi") -> Any:
        """The shift's report in Markdown, drafted from the facts, or as a person saved it."""
        return millis(await desk.report(id, lang))

    @app.get("/shifts/{id:path}", response_model=shapes.ShiftView, responses=problems, tags=["shifts"])
    async def read_shift(id: str) -> Any:
        """One shift with its hand-over."""
        return millis(await desk.shifts.get(id))

    @app.post("/shifts", response_model=shapes.ShiftView, status_code=201, responses={**problems, **REFUSALS},
              tags=["shifts"])  # fmt: skip
    async def plan_shift(request: Request, body: shapes.ShiftRequest, operator: Operator = ANONYMOUS) -> Any:
        """Plan a shift. 409 where it overlaps with another."""
        refuse_other_sites(request)
        title = None if body.title is None else body.title.model_dump()
        plan = desk.plan(title, body.start * 1000, body.end * 1000, body.lead, body.people)
        return millis(await desk.shifts.plan(plan, operator))


def _add_handover(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, Any]) -> None:
    @app.post("/shifts/{id:path}/open", response_model=shapes.ShiftView, responses=problems, tags=["shifts"])
    async def open_shift(request: Request, id: str, operator: Operator = ANONYMOUS) -> Any:
        """Begin the first shift, when there is none to take over from."""
        refuse_other_sites(request)
        return millis(await desk.open_shift(id, operator))

    @app.post("/shifts/{id:path}/join", response_model=shapes.ShiftView, responses=problems, tags=["shifts"])
    async def join_shift(request: Request, id: str, operator: Operator = ANONYMOUS) -> Any:
        """Come into a shift; signs in."""
        refuse_other_sites(request)
        return millis(await desk.join(id, operator))

    @app.post("/shifts/{id:path}/hand-over", response_model=shapes.ShiftView, responses=problems, tags=["shifts"])
    async def hand_over(request: Request, id: str, body: shapes.HandoverRequest, operator: Operator = ANONYMOUS) -> Any:
        """The outgoing side signs: the list of open items is kept as it stands."""
        refuse_other_sites(request)
        return millis(await desk.sign(id, operator, body.note))

    @app.post("/shifts/{id:path}/withdraw", response_model=shapes.ShiftView, responses=problems, tags=["shifts"])
    async def withdraw(request: Request, id: str, operator: Operator = ANONYMOUS) -> Any:
        """Take the signature back while nobody has accepted."""
        refuse_other_sites(request)
        return millis(await desk.withdraw(id, operator))

    @app.post("/shifts/{id:path}/accept", response_model=shapes.ShiftView, responses=problems, tags=["shifts"])
    async def accept(request: Request, id: str, body: shapes.AcceptRequest, operator: Operator = ANONYMOUS) -> Any:
        """The incoming side accepts, another person than signed; answers the shift that begins by it."""
        refuse_other_sites(request)
        return millis(await desk.accept(id, operator, body.remarks, body.items))


def _add_watch_book(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, Any]) -> None:
    @app.get("/watch-book", response_model=shapes.WatchBookView, responses=problems, tags=["shifts"])
    async def read_watch_book(
        q: Annotated[str, Query(max_length=200, description="words; no diacritics needed")] = "",
        shift: str | None = None,
        kind: shapes.EntryKind | None = None,
        link: Annotated[str | None, Query(description="id of an alarm, incident or other entity")] = None,
        start: Annotated[str | None, Query(description="DateTime with zone")] = None,
        end: Annotated[str | None, Query(description="DateTime with zone")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Any:
        """Entries, the newest first."""
        span = instant("start", start, None), instant("end", end, None)
        found, total = await desk.book.find(q, shift, kind, link, span, limit, offset)
        return {"entries": millis(found), "total": total}

    @app.post("/watch-book", response_model=shapes.EntryView, status_code=201, responses=problems, tags=["shifts"])
    async def write_entry(request: Request, body: shapes.EntryRequest, operator: Operator = ANONYMOUS) -> Any:
        """Write into the book. Nothing in it is ever changed: a correction is an entry that names the other one."""
        refuse_other_sites(request)
        return millis(await desk.write(body.text, operator, body.links, body.corrects))


def _add_reports(app: FastAPI, desk: ShiftDesk, problems: dict[int | str, Any]) -> None:
    @app.put("/shifts/{id:path}/report", response_model=shapes.ReportView, responses=problems, tags=["shifts"])
    async def save_report(request: Request, id: str, body: shapes.ReportRequest, operator: Operator = ANONYMOUS) -> Any:
        """Keep the report as a person wrote it."""
        refuse_other_sites(request)
        return millis(await desk.save_report(id, body.language, body.text, operator))

    @app.get("/usage", response_model=shapes.UsageView, responses=problems, tags=["shifts"])
    async def read_usage(
        start: Annotated[str | None, Query(description="DateTime with zone; a week before `end` where absent")] = None,
        end: Annotated[str | None, Query(description="DateTime with zone; now where absent")] = None,
    ) -> Any:
        """The centre's own figures, computed from history and audit; null where something cannot be known."""
        last = instant("end", end, None) or desk.now()
        first = instant("start", start, None) or last - 7 * DAY
        if first >= last:
            raise BadRequestData("start is not before end: exchange them, or leave one out")
        return millis(await desk.usage(first, last))


def instant(name: str, text: str | None, default: int | None) -> int | None:
    """Microseconds of a DateTime parameter. Raises BadRequestData."""
    if text is None:
        return default
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadRequestData(f"{name}: {error}") from None


def millis(value: Any) -> Any:
    """Structs as JSON, their instants (`..._at`, `at`, `start`, `end`, `since`, `last`) in milliseconds."""
    return _millis(msgspec.to_builtins(value))


def _millis(value: Any) -> Any:
    if isinstance(value, list):
        return [_millis(each) for each in value]
    if isinstance(value, dict):
        return {key: each // 1000 if _is_instant(key, each) else _millis(each) for key, each in value.items()}
    return value


def _is_instant(name: str, value: Any) -> bool:
    return isinstance(value, int) and (name in _INSTANTS or name.endswith("_at"))


_INSTANTS = frozenset(("at", "start", "end", "since", "last"))
