"""What is not finished in the city: listed by itself for the hand-over, the gravest and oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from dothi.automation.alarms.alarm import RANK, Alarm, Words
from dothi.automation.alarms.board import Board
from dothi.automation.incidents.entity import TYPE as INCIDENT
from dothi.automation.incidents.entity import incident_of
from dothi.automation.incidents.incident import Incident
from dothi.automation.procedures.definition import Text
from dothi.automation.procedures.run import Run
from dothi.automation.procedures.runs import MOST_RUNNING, Runs
from dothi.automation.shifts.shift import OpenItem
from dothi.model.query import EntityQuery, Name
from dothi.storage.store import Store

#: Open incidents that one list may hold.
MOST: Final = 1_000


async def open_items(store: Store, alarms: Board, runs: Runs, now: int) -> list[OpenItem]:
    """Unacknowledged and shelved alarms, open incidents, running procedures, overdue steps and tasks."""
    page = await store.entities(EntityQuery(types=Name(INCIDENT), limit=MOST))
    incidents = [each for entity in page.entities if (each := incident_of(entity)) is not None and each.is_open()]
    running, _ = await runs.find("running", limit=MOST_RUNNING)
    found = [*_alarms(alarms.everything(), now), *_incidents(incidents, now), *_runs(running, now)]
    return sorted(found, key=lambda item: (RANK[item.severity] if item.severity else len(RANK), item.since or 0))


def _alarms(alarms: Iterable[Alarm], now: int) -> Iterator[OpenItem]:
    for alarm in alarms:
        shelved = alarm.is_shelved(now)
        if not shelved and alarm.acknowledged:
            continue
        detail = Text("Tạm gác, đến giờ sẽ báo lại", "Shelved, will come back") if shelved else _unseen(alarm)
        yield OpenItem(
            "shelved" if shelved else "alarm", alarm.id, text_of(alarm.title), alarm.severity, alarm.raised_at,
            alarm.assignee or "", detail,
        )  # fmt: skip


def _unseen(alarm: Alarm) -> Text:
    if alarm.active:
        return Text("Chưa xác nhận, đang tiếp diễn", "Not acknowledged, still active")
    return Text("Chưa xác nhận, đã hết", "Not acknowledged, cleared meanwhile")


def _incidents(incidents: Iterable[Incident], now: int) -> Iterator[OpenItem]:
    for incident in incidents:
        yield OpenItem(
            "incident", incident.id, text_of(incident.title), incident.severity, incident.opened_at,
            incident.commander or "", _STATES.get(incident.state, Text(incident.state, incident.state)),
        )  # fmt: skip
        for task in incident.tasks:
            if task.is_overdue(now):
                title = Text(task.title, task.title)
                detail = Text("Nhiệm vụ quá hạn của sự cố", "Overdue task of an incident")
                yield OpenItem("task", incident.id, title, incident.severity, task.due, task.assignee or "", detail)


_STATES: Final[Mapping[str, Text]] = {
    "new": Text("Mới, chưa xác minh", "New, not confirmed"),
    "confirmed": Text("Đã xác minh", "Confirmed"),
    "working": Text("Đang xử lý", "Being worked on"),
    "contained": Text("Đã khống chế", "Contained"),
}


def _runs(runs: Iterable[Run], now: int) -> Iterator[OpenItem]:
    for run in runs:
        step = run.step
        if step is None:
            continue
        late = run.is_overdue(now)
        word = Text("Quá hạn", "Overdue") if late else Text("Đang thực hiện", "Under way")
        detail = Text(f"{word.vi}: {step.title.vi}", f"{word.en}: {step.title.en}")
        title = run.definition.title
        since = run.due_at if late else run.started_at
        yield OpenItem("step" if late else "procedure", run.id, title, None, since, step.role, detail)


def text_of(words: Words | str) -> Text:
    """A text of another part of the desk; the language that it lacks is taken from the other."""
    if isinstance(words, str):
        return Text(words, words)
    any_ = next(iter(words.values()), "")
    return Text(words.get("vi", any_), words.get("en", any_))
