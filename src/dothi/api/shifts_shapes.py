"""The shapes of roster, shifts, watch book, escalation and usage in the operations API; times are milliseconds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dothi.api.operations_shapes import TextView

ShiftState = Literal["planned", "running", "signed", "closed"]
ItemKind = Literal["alarm", "shelved", "incident", "procedure", "step", "task"]
EntryKind = Literal["note", "handover", "escalation", "procedure", "shift"]
Severity = Literal["critical", "major", "minor", "advisory"]


class RoleView(BaseModel):
    id: str
    label: TextView


class OperatorView(BaseModel):
    """A person of the roster; `since` is when they signed in, where they are."""

    id: str
    name: str
    roles: list[str]
    phone: str
    email: str
    active: bool
    on_duty: bool
    since: int | None


class RosterView(BaseModel):
    operators: list[OperatorView]
    roles: list[RoleView]


class OperatorRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    roles: list[str] = []
    phone: str = Field("", max_length=100)
    email: str = Field("", max_length=200)
    active: bool = True


class RoleRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: TextView


class DutyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    on_duty: bool


class OnCallView(BaseModel):
    id: str
    role: str
    operator: str
    start: int
    end: int
    note: str


class GapView(BaseModel):
    """A span in which nobody is on call for a role that the escalation chains name."""

    role: str
    start: int
    end: int


class OnCallCalendar(BaseModel):
    entries: list[OnCallView]
    gaps: list[GapView]
    now: dict[str, list[str]] = Field(description="Role -> operators that an escalation would reach at this moment")


class OnCallRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: str
    operator: str
    start: int
    end: int
    note: str = Field("", max_length=1_000)


class OpenItem(BaseModel):
    """Something that is not finished: what it is, since when, how grave, and who has it."""

    kind: ItemKind
    id: str
    title: TextView
    severity: Severity | None
    since: int | None
    assignee: str
    detail: TextView


class HandoverView(BaseModel):
    """`open` is the list as it stood when the outgoing side signed."""

    signed_by: str
    signed_at: int
    note: str
    open: list[OpenItem]
    accepted_by: str
    accepted_at: int | None
    remarks: str


class ShiftView(BaseModel):
    id: str
    title: TextView
    state: ShiftState
    start: int
    end: int
    lead: str
    people: list[str]
    opened_at: int | None
    closed_at: int | None
    handover: HandoverView | None


class ShiftsView(BaseModel):
    """`current` is the shift that is running or signed and not yet accepted."""

    shifts: list[ShiftView]
    current: ShiftView | None
    next: ShiftView | None
    now: int


class ShiftRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: TextView | None = None
    start: int
    end: int
    lead: str
    people: list[str] = []


class HandoverRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field("", max_length=8_000)


class AcceptRequest(BaseModel):
    """`items` is how many open items the incoming side was shown."""

    model_config = ConfigDict(extra="forbid")

    remarks: str = Field("", max_length=8_000)
    items: int | None = None


class OpenItemsView(BaseModel):
    items: list[OpenItem]
    now: int


class EntryView(BaseModel):
    """An entry of the watch book; `corrects` names the entry that it puts right, entries are never changed."""

    id: str
    at: int
    by: str
    kind: EntryKind
    text: TextView
    links: list[str]
    shift: str
    corrects: str


class WatchBookView(BaseModel):
    entries: list[EntryView]
    total: int


class EntryRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=8_000)
    links: list[str] = []
    corrects: str = ""


class EscalationStep(BaseModel):
    """After so many seconds the role is told."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(gt=0)
    role: str


class ChainBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    severity: Severity
    steps: list[EscalationStep]


class EscalationView(BaseModel):
    """How far an unacknowledged alarm or an overdue step has gone, and who was told. `next_at`: the next step."""

    id: str
    title: TextView
    severity: Severity | None
    since: int
    level: int
    role: str
    reached: list[str]
    at: int
    next_role: str | None
    next_at: int | None


class EscalationsView(BaseModel):
    chains: list[ChainBody]
    active: list[EscalationView]


class ReportView(BaseModel):
    """`draft` is written from the facts, `text` is what a person made of it (the draft until then)."""

    shift: str
    language: Literal["vi", "en"]
    draft: str
    text: str
    saved_by: str
    saved_at: int | None


class ReportRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Literal["vi", "en"]
    text: str = Field(max_length=100_000)


class PriorityView(BaseModel):
    """A class of alarms: share of all, and the share that ISA-18.2 aims at."""

    priority: Literal["low", "medium", "high"]
    count: int
    share: float | None
    goal: float


class PresenceView(BaseModel):
    operator: str
    name: str
    hours: float
    times: int
    last: int | None


class UsageView(BaseModel):
    """The centre's own figures between two moments; null means that it cannot be known, never zero."""

    start: int
    end: int
    alarms: int
    operator_hours: float
    alarms_per_operator_hour: float | None
    goal_per_operator_hour: float
    staffed_share: float | None
    priorities: list[PriorityView]
    acknowledged: int
    unacknowledged: int
    acknowledge_median_s: float | None
    acknowledge_p90_s: float | None
    by_procedure: int
    by_procedure_share: float | None
    runs: int
    runs_done: int
    overdue_steps: int
    escalations: int
    entries: int
    people: list[PresenceView]
    by_hour: list[int] = Field(description="Alarms by hour of the day, in the city's time zone")
