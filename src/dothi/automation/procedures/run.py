"""A run of a procedure as a pure fold of what was done: who stands where, since when, and what is overdue."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from dothi.automation.procedures.definition import END, Procedure, Step
from dothi.automation.procedures.faults import reachable
from dothi.model.errors import BadRequestData, Conflict
from dothi.model.instant import format_instant

SECOND: Final = 1_000_000

Status = Literal["running", "done", "cancelled"]
Kind = Literal["start", "done", "answer", "skip", "note", "back", "overdue", "cancel", "finish"]
#: What a person may do; the other kinds are written by the run itself.
Deed = Literal["done", "answer", "skip", "note", "back", "cancel"]

_PASSING: Final = frozenset(("done", "answer", "skip"))


class Act(msgspec.Struct, frozen=True):
    """Who did what when, in microseconds. `step` is empty for acts on the whole run."""

    at: int
    by: str
    kind: Kind
    step: str = ""
    answer: str = ""
    note: str = ""


class Run(msgspec.Struct, frozen=True):
    """A run with the definition of its version. `passed` are the acts that moved it on and were not taken back."""

    id: str
    definition: Procedure
    version: int
    acts: tuple[Act, ...]
    subject: str | None = None
    cause: str = "operator"

    @property
    def started_at(self) -> int:
        return self.acts[0].at

    @property
    def started_by(self) -> str:
        return self.acts[0].by

    @property
    def status(self) -> Status:
        kind = next((act.kind for act in reversed(self.acts) if act.kind in ("cancel", "finish")), None)
        return "running" if kind is None else "cancelled" if kind == "cancel" else "done"

    @property
    def ended_at(self) -> int | None:
        return None if self.status == "running" else self.acts[-1].at

    @property
    def passed(self) -> list[Act]:
        found: list[Act] = []
        for act in self.acts:
            if act.kind in _PASSING:
                found.append(act)
            elif act.kind == "back" and found:
                found.pop()
        return found

    @property
    def step(self) -> Step | None:
        """The current step, None where the run has ended."""
        if self.status != "running":
            return None
        passed = self.passed
        id = self.definition.steps[0].id if not passed else self._leads(passed[-1])
        return self.definition.step(id)

    @property
    def step_since(self) -> int:
        """When the current step became that: by the act that moved the run last, back included."""
        moving = (act.at for act in reversed(self.acts) if act.kind in _PASSING or act.kind in ("back", "start"))
        return next(moving, self.started_at)

    @property
    def due_at(self) -> int | None:
        step = self.step
        return None if step is None or step.due is None else self.step_since + step.due * SECOND

    def is_overdue(self, now: int) -> bool:
        due = self.due_at
        return due is not None and due <= now

    @property
    def is_told_overdue(self) -> bool:
        """Whether an act says already that the current step is overdue."""
        since = self.step_since
        return any(act.kind == "overdue" and act.at >= since for act in self.acts[-50:])

    @property
    def left(self) -> int:
        """Most steps that may still come, the current one included, each counted once."""
        step = self.step
        if step is None:
            return 0
        ways = {each.id: self.definition.following(each) for each in self.definition.steps}
        return len(reachable(ways, step.id) - {END})

    def _leads(self, act: Act) -> str:
        step = self.definition.step(act.step)
        if step is None:
            return END
        if act.kind == "answer":
            return next((each.next for each in step.answers if each.id == act.answer), END)
        return self.definition.after(step) if not step.answers else END


def begin(id: str, definition: Procedure, version: int, by: str, now: int, subject: str | None, cause: str,
          note: str = "") -> Run:  # fmt: skip
    """A new run that stands at the first step."""
    return Run(id, definition, version, (Act(now, by, "start", note=note),), subject, cause)


def acted(run: Run, deed: Deed, by: str, now: int, *, step: str = "", answer: str = "", note: str = "") -> Run:
    """The run after a deed. Raises Conflict where the run has moved on, BadRequestData for what makes no sense."""
    if deed == "note":
        if not note.strip():
            raise BadRequestData("note: write something, an empty note tells nobody anything")
        return _with(run, Act(now, by, "note", step, note=note))
    if run.status != "running":
        raise _first(run, run.acts[-1], "The run has ended")
    if deed == "cancel":
        if not note.strip():
            raise BadRequestData("note: say why the procedure is broken off")
        return _with(run, Act(now, by, "cancel", note=note))
    if deed == "back":
        if not run.passed:
            raise BadRequestData("kind: the run stands at its first step, there is no step to go back to")
        return _with(run, Act(now, by, "back", run.passed[-1].step, note=note))
    return _passed(run, deed, by, now, step, answer, note)


def _passed(run: Run, deed: Deed, by: str, now: int, step: str, answer: str, note: str) -> Run:
    current = run.step
    assert current is not None
    if step != current.id:
        if run.definition.step(step) is None:
            raise BadRequestData(f"step: there is no step {step!r}; the current one is {current.id!r}")
        last = next((act for act in reversed(run.acts) if act.step == step and act.kind in _PASSING), run.acts[-1])
        raise _first(run, last, f"The run is not at step {step!r} any more but at {current.id!r}")
    if deed == "answer":
        known = [each.id for each in current.answers]
        if answer not in known:
            raise BadRequestData(f"answer: {answer!r} is none of {', '.join(known) or 'no answers: the step is to do'}")
    elif deed == "skip" and not current.optional:
        raise BadRequestData(f"kind: step {step!r} cannot be skipped; do it, or break the procedure off with a reason")
    elif current.answers:
        raise BadRequestData(
            f"kind: step {step!r} is a question; answer it by {', '.join(a.id for a in current.answers)}"
        )
    act = Act(now, by, deed, step, answer, note)
    moved = _with(run, act)
    return moved if run._leads(act) != END else _with(moved, Act(now, by, "finish"))


def overdue(run: Run, now: int) -> Run | None:
    """The run with an act that says its step is overdue; None where it is not, or says so already."""
    step = run.step
    if step is None or not run.is_overdue(now) or run.is_told_overdue:
        return None
    return _with(run, Act(now, "system", "overdue", step.id))


def _with(run: Run, act: Act) -> Run:
    return msgspec.structs.replace(run, acts=(*run.acts, act))


def _first(run: Run, act: Act, what: str) -> Conflict:
    detail = f"{what}: {act.by} was first, at {format_instant(act.at)} ({act.kind})."
    return Conflict(detail, by=act.by, at=act.at // 1000, step=None if run.step is None else run.step.id)
