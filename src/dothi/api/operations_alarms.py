"""Alarms in the operations API: listed, streamed, worked on, with the audit of who did what when and why."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import Response

from dothi.api import alarm_shapes as shapes
from dothi.api.alarm_stream import AlarmStream, act_view, summary_view, view
from dothi.api.operations_shapes import ProblemView
from dothi.automation.alarms.alarm import ANONYMOUS, MANUAL, SEVERITIES, Action, Raise
from dothi.automation.alarms.alarms import MOST_ACTS, Alarms
from dothi.automation.alarms.board import SORTS, STATES, Filter
from dothi.automation.alarms.transitions import Order
from dothi.model.change import Cause
from dothi.model.errors import BadRequestData, Problem, UnsupportedMediaType
from dothi.model.instant import parse_instant

DAY = 86_400_000_000
T = TypeVar("T", bound=str)

Operator = Annotated[
    str,
    Header(
        alias="X-Dothi-Operator",
        max_length=100,
        description="Id of the operator who acts; it stands in the audit.",
    ),
]

REFUSALS: dict[int | str, dict[str, Any]] = {
    409: {"model": ProblemView, "description": "Somebody was first: `by` says who and `at` when"},
    415: {"model": ProblemView, "description": "The request is not of application/json"},
}


class Channels(Protocol):
    """The ways to people, as automation.alarms.people keeps them."""

    def fare(self) -> Sequence[dict[str, Any]]:
        """Each as a ChannelView."""
        ...

    async def test(self, name: str) -> None:
        """Send a test message. Raises ResourceNotFound, BadGateway."""
        ...


def add_alarms(
    app: FastAPI,
    alarms: Alarms,
    problems: dict[int | str, dict[str, Any]],
    now: Callable[[], int],
    channels: Channels | None = None,
) -> None:
    """Add the routes; `problems` describes what else they answer."""
    _add_reading(app, alarms, problems, now)
    _add_acting(app, alarms, {**problems, **REFUSALS}, now)
    _add_people(app, channels, {**problems, **REFUSALS})


def _add_reading(app: FastAPI, alarms: Alarms, problems: dict[int | str, Any], now: Callable[[], int]) -> None:
    @app.get("/alarms", response_model=shapes.AlarmsView, responses=problems, tags=["alarms"])
    async def read_alarms(
        state: Annotated[str, Query(description=f"of {', '.join(STATES)}; several by commas must all hold")] = "open",
        severity: Annotated[str, Query(description=f"of {', '.join(SEVERITIES)}; any of several by commas")] = "",
        assignee: Annotated[str | None, Query(description="operator's id; empty: assigned to nobody")] = None,
        type: Annotated[str, Query(description="short names of the sources' types, by commas")] = "",
        rule: Annotated[str, Query(description="rules, by commas")] = "",
        source: Annotated[str, Query(description="ids of sources, by commas")] = "",
        q: Annotated[str, Query(max_length=200, description="words of title, source, rule; no diacritics needed")] = "",
        sort: Annotated[
            str, Query(description=f"of {', '.join(SORTS)}; severity: the newest first within it")
        ] = "severity",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Any:
        """Alarms that match, and the desk in figures. Open are those that are active or unacknowledged, not shelved."""
        wanted = Filter(
            states=_several("state", state, STATES) or ("open",),
            severities=_several("severity", severity, SEVERITIES),
            assignee=assignee,
            types=_names(type),
            rules=_names(rule),
            sources=_names(source),
            text=q,
        )
        (order,) = _several("sort", sort, SORTS) or ("severity",)
        found = alarms.board.find(wanted, order)
        moment = now()
        return {
            "alarms": [view(alarm, moment) for alarm in found[offset : offset + limit]],
            "total": len(found),
            "summary": summary_view(alarms.board.summary()),
            "now": moment // 1000,
        }

    @app.get("/alarms/summary", response_model=shapes.AlarmSummary, tags=["alarms"])
    async def read_alarm_summary() -> Any:
        """The desk in figures."""
        return summary_view(alarms.board.summary())

    @app.get(
        "/alarms/stream",
        response_class=Response,
        tags=["alarms"],
        responses={
            200: {
                "model": shapes.AlarmEvents,
                "description": "text/event-stream: a `snapshot` event, then `delta` events",
            },
        },
    )
    async def read_alarm_stream() -> Response:
        """Alarms live; changes gather for 250 ms. A reader that hangs is disconnected."""
        return AlarmStream(alarms.board, now)

    @app.get("/alarms/acts", response_model=shapes.AlarmActsView, responses=problems, tags=["alarms"])
    async def read_alarm_acts(
        start: Annotated[str | None, Query(description="DateTime with zone; a day before `end` where absent")] = None,
        end: Annotated[str | None, Query(description="DateTime with zone; now where absent")] = None,
        operator: Annotated[str | None, Query(description="only what this operator did")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ACTS)] = 1_000,
    ) -> Any:
        """The audit of all alarms: who did what when and why, newest first."""
        last = _instant("end", end, now() + 1)
        acts = await alarms.all_acts(_instant("start", start, last - DAY), last)
        found = [act for act in acts if operator is None or act.by == operator]
        return {"acts": [act_view(act) for act in found[:limit]], "more": len(found) > limit}

    @app.get("/alarms/{id:path}", response_model=shapes.AlarmDetail, responses=problems, tags=["alarms"])
    async def read_alarm(id: str) -> Any:
        """One alarm with its audit."""
        alarm = await alarms.get(id)
        acts = await alarms.acts([id], limit=500)
        return {**view(alarm, now()), "acts": [act_view(act) for act in acts]}


def _add_acting(app: FastAPI, alarms: Alarms, problems: dict[int | str, Any], now: Callable[[], int]) -> None:
    async def act(request: Request, id: str, order: Order) -> Any:
        refuse_other_sites(request)
        return view(await alarms.act(id, order), now())

    @app.post("/alarms", response_model=shapes.AlarmView, status_code=201, responses=problems, tags=["alarms"])
    async def raise_alarm(request: Request, body: shapes.AlarmRaiseBody, operator: Operator = ANONYMOUS) -> Any:
        """Raise an alarm by hand; its rule is "manual"."""
        refuse_other_sites(request)
        report = Raise(
            rule=MANUAL,
            severity=body.severity,
            title=body.title.model_dump(),
            description=None if body.description is None else body.description.model_dump(),
            source=body.source,
            attribute=body.attribute,
            value=body.value,
            threshold=body.threshold,
            unit=body.unit,
            category=body.category,
            location=None if body.location is None else body.location.model_dump(mode="json"),
            key=body.key or uuid.uuid4().hex[:8],
            operator=operator,
            reason=body.reason,
        )
        (alarm,) = await alarms.raise_all([report], cause=Cause(f"operator:{operator}"))
        return view(alarm, now())

    @app.post("/alarms/bulk", response_model=shapes.AlarmBulkView, responses=problems, tags=["alarms"])
    async def act_on_alarms(request: Request, body: shapes.AlarmBulkBody, operator: Operator = ANONYMOUS) -> Any:
        """Do the same to many alarms at once; what cannot be done is told per alarm and stops no other."""
        refuse_other_sites(request)
        until = None if body.until is None else _instant("until", body.until, 0)
        order = Order(body.action, operator, body.reason, body.assignee, until)
        bulk = await alarms.act_on(body.ids, order)
        moment = now()
        return {
            "done": [view(alarm, moment) for alarm in bulk.done],
            "refused": [_refused(id, problem) for id, problem in bulk.refused],
        }

    @app.post("/alarms/{id:path}/assign", response_model=shapes.AlarmView, responses=problems, tags=["alarms"])
    async def assign_alarm(
        request: Request, id: str, body: shapes.AlarmAssignBody, operator: Operator = ANONYMOUS
    ) -> Any:
        """Give an alarm to an operator, or to nobody."""
        return await act(request, id, Order("assign", operator, body.reason, to=body.assignee or None, seen=body.seen))

    @app.post("/alarms/{id:path}/shelve", response_model=shapes.AlarmView, responses=problems, tags=["alarms"])
    async def shelve_alarm(
        request: Request, id: str, body: shapes.AlarmShelveBody, operator: Operator = ANONYMOUS
    ) -> Any:
        """Put an alarm aside until an instant, at which it wakes by itself."""
        until = None if body.until is None else _instant("until", body.until, 0)
        return await act(request, id, Order("shelve", operator, body.reason, until=until, seen=body.seen))

    for action, meaning in _PLAIN.items():
        _add_plain(app, act, action, meaning, problems)


_PLAIN: dict[Action, str] = {
    "acknowledge": "Say that you have seen an alarm and answer for it.",
    "unacknowledge": "Take an acknowledgement back.",
    "comment": "Write something into an alarm's audit.",
    "unshelve": "Bring a shelved alarm back now.",
    "clear": "Say that the cause is gone; a rule may raise the alarm again.",
}


def _add_plain(
    app: FastAPI, act: Callable[..., Any], action: Action, meaning: str, problems: dict[int | str, Any]
) -> None:
    async def act_on_alarm(
        request: Request, id: str, body: shapes.AlarmActBody | None = None, operator: Operator = ANONYMOUS
    ) -> Any:
        body = body or shapes.AlarmActBody()
        return await act(request, id, Order(action, operator, body.reason, seen=body.seen))

    app.post(
        f"/alarms/{{id:path}}/{action}",
        response_model=shapes.AlarmView,
        responses=problems,
        tags=["alarms"],
        name=f"{action}_alarm",
        description=meaning,
    )(act_on_alarm)


def _add_people(app: FastAPI, channels: Channels | None, problems: dict[int | str, Any]) -> None:
    @app.get("/people", response_model=list[shapes.ChannelView], tags=["alarms"])
    async def read_people() -> Any:
        """The ways to people that the settings declare, and how they fare."""
        return [] if channels is None else channels.fare()

    @app.post("/people/{name}/test", status_code=204, responses=problems, tags=["alarms"])
    async def test_people(request: Request, name: str) -> None:
        """Send a test message now."""
        refuse_other_sites(request)
        if channels is None:
            raise BadRequestData("the settings declare no [[people]]; see the guide on alarms")
        await channels.test(name)


def _several(name: str, text: str, known: Sequence[T]) -> tuple[T, ...]:
    """The words of a comma-separated parameter. Raises BadRequestData naming the word that is none of `known`."""
    words = _names(text)
    for word in words:
        if word not in known:
            raise BadRequestData(f"{name}: {word!r} is none of {', '.join(known)}")
    return tuple(each for word in words for each in known if each == word)


def _names(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _instant(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        return parse_instant(text)
    except ValueError as error:
        raise BadRequestData(f"{name}: {error}") from None


def _refused(id: str, problem: Problem) -> dict[str, Any]:
    by, at = problem.extra.get("by"), problem.extra.get("at")
    return {"id": id, "status": problem.status, "detail": problem.detail, "by": by, "at": at}


def refuse_other_sites(request: Request) -> None:
    """A page of another site can make a browser post, but JSON only where the server allows it, which this does not."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise UnsupportedMediaType("Send Content-Type: application/json, so that no other site can post in your name.")
