"""The runs of procedures about an incident, as its timeline tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dothi.automation.alarms.alarm import Words
from dothi.automation.incidents.timeline import Event
from dothi.automation.incidents.timeline import Run as Told
from dothi.automation.procedures.definition import Text
from dothi.automation.procedures.run import Act, Run
from dothi.automation.procedures.runs import Runs

#: The newest runs that are looked through.
MOST_RUNS: Final = 2_000

_WORDS: Final[Mapping[str, Words]] = {
    "start": {"vi": "Bắt đầu quy trình", "en": "Procedure started"},
    "done": {"vi": "Xong bước", "en": "Step done"},
    "answer": {"vi": "Trả lời", "en": "Answered"},
    "skip": {"vi": "Bỏ qua bước", "en": "Step skipped"},
    "note": {"vi": "Ghi chú trong quy trình", "en": "Note in the procedure"},
    "back": {"vi": "Quay lại bước trước", "en": "Step taken back"},
    "overdue": {"vi": "Bước quá hạn", "en": "Step overdue"},
    "cancel": {"vi": "Hủy quy trình", "en": "Procedure cancelled"},
    "finish": {"vi": "Hoàn thành quy trình", "en": "Procedure finished"},
}


class RunsTold:
    """Reads the runs about given entities."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def __call__(self, subjects: Sequence[str]) -> Sequence[Told]:
        """Runs whose subject is one of these, the oldest first."""
        wanted = set(subjects)
        found, _ = await self._runs.find(limit=MOST_RUNS)
        return [_told(run) for run in reversed(found) if run.subject in wanted]


def _told(run: Run) -> Told:
    title = _words(run.definition.title)
    events = tuple(_event(run, act, title) for act in run.acts)
    return Told(run.id, title, run.status, run.started_at, run.ended_at, events)


def _event(run: Run, act: Act, title: Words) -> Event:
    step = next((each for each in run.definition.steps if each.id == act.step), None)
    answer = next((each for each in step.answers if each.id == act.answer), None) if step else None
    said = " – ".join(filter(None, (_words(answer.label)["vi"] if answer else "", act.note)))
    what = _WORDS.get(act.kind, _WORDS["note"])
    return Event(
        act.at, "procedure", act.kind, what, act.by, run.id, _words(step.title) if step else title, said or None
    )


def _words(text: Text) -> Words:
    return {"vi": text.vi, "en": text.en}
