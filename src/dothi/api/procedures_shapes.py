"""The shapes of procedures and their runs in the operations API; times are milliseconds, spans are seconds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dothi.api.operations_shapes import TextView

RunStatus = Literal["running", "done", "cancelled"]
ActKind = Literal["start", "done", "answer", "skip", "note", "back", "overdue", "cancel", "finish"]


class AnswerBody(BaseModel):
    """One answer of a question and the step it leads to ("end" ends the run)."""

    model_config = ConfigDict(extra="forbid")

    id: str
    label: TextView
    next: str


class StepBody(BaseModel):
    """One step. `due` is the time after which it is overdue, from the moment it became the current one.

    A step with answers is a question. Without `next` the following step comes, after the last one the end.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    title: TextView
    detail: TextView | None = None
    role: str
    due: int | None = None
    next: str | None = None
    answers: list[AnswerBody] = []
    escalate_to: str | None = None
    optional: bool = False


class ProcedureBody(BaseModel):
    """A procedure as it is written: a checklist of steps, the first one begins."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: TextView
    purpose: TextView | None = None
    category: str = ""
    starts_for: list[str] = Field([], description="Ids of rules, categories or entity types that it is meant for")
    steps: list[StepBody]


class ProcedureFault(BaseModel):
    """Where a definition is wrong (`steps[2].next`), what is wrong, and how to mend it."""

    where: str
    what: str
    mend: str


class ProcedureVersion(BaseModel):
    version: int
    at: int
    by: str
    reason: str


class ProcedureSummary(BaseModel):
    id: str
    title: TextView
    purpose: TextView | None
    category: str
    starts_for: list[str]
    version: int
    steps: int
    retired: bool
    running: int


class ProceduresView(BaseModel):
    """What can be run, what may be taken as a beginning for one's own, and what could not be read from files."""

    procedures: list[ProcedureSummary]
    templates: list[ProcedureBody]
    problems: list[ProcedureFault]


class ProcedureView(BaseModel):
    """One version of a procedure with the list of all versions, newest first."""

    definition: ProcedureBody
    version: int
    newest: int
    retired: bool
    versions: list[ProcedureVersion]
    toml: str


class CheckRequest(BaseModel):
    """Either a definition or its TOML."""

    model_config = ConfigDict(extra="forbid")

    definition: ProcedureBody | None = None
    toml: str | None = Field(None, max_length=200_000)


class CheckView(BaseModel):
    """`definition` and `toml` are the same thing twice; null and "" where it cannot be read at all."""

    definition: ProcedureBody | None
    toml: str
    faults: list[ProcedureFault]


class SaveRequest(CheckRequest):
    """`base_version` is the version that was edited, 0 for a new procedure."""

    base_version: int = Field(0, ge=0)
    reason: str = Field("", max_length=1_000)


class RetireRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    retired: bool = True
    reason: str = Field("", max_length=1_000)


class ActView(BaseModel):
    """Who did what when. `step` is empty for acts on the whole run."""

    n: int
    at: int
    by: str
    kind: ActKind
    step: str
    answer: str
    note: str


class RunSummary(BaseModel):
    """A run; `step` is the current one, `due_at` when it becomes overdue, `passed` the number of steps behind."""

    id: str
    procedure: str
    version: int
    title: TextView
    status: RunStatus
    subject: str | None
    cause: str
    started_at: int
    started_by: str
    ended_at: int | None
    step: str | None
    step_title: TextView | None
    role: str | None
    step_since: int | None
    due_at: int | None
    overdue: bool
    passed: int
    left: int = Field(description="Most steps that may still come, loops counted once")
    acts: int


class RunsView(BaseModel):
    runs: list[RunSummary]
    total: int


class RunView(RunSummary):
    """A run with its definition of then and everything that was done; `now` is the server's clock."""

    definition: ProcedureBody
    log: list[ActView]
    now: int


class StartRequest(BaseModel):
    """`subject` is the id of the alarm, incident or other entity that it is about."""

    model_config = ConfigDict(extra="forbid")

    procedure: str
    subject: str | None = None
    note: str = Field("", max_length=4_000)


class ActRequest(BaseModel):
    """`step` is the step that the operator saw as the current one: who comes second is told, not obeyed."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["done", "answer", "skip", "note", "back", "cancel"]
    step: str = ""
    answer: str = ""
    note: str = Field("", max_length=4_000)
