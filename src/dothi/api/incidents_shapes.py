"""The shapes of incidents in the operations API; all times are milliseconds, `micros` the exact microsecond."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dothi.api.operations_shapes import TextView
from dothi.automation.alarms.alarm import Severity
from dothi.automation.incidents.incident import Deed, MemberKind, State

Reason = Annotated[str | None, Field(max_length=2_000, description="Why, for the audit.")]
Seen = Annotated[int | None, Field(description="Version on the screen; 409 where the incident has gone on since.")]
Ids = Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=2_000)]
Kind = Annotated[
    str, Field(max_length=40, description="flood, fire, air, power, traffic, water, network, waste, tree, other")
]


class TaskView(BaseModel):
    id: str
    title: str
    assignee: str | None
    due: int | None
    created_at: int
    created_by: str
    done_at: int | None
    done_by: str | None
    overdue: bool


class IncidentView(BaseModel):
    """An incident; `area` is a GeoJSON geometry, `drawn` says that a person drew it. `version` grows by each act."""

    id: str
    title: TextView
    state: State
    next_states: list[State]
    severity: Severity
    category: str
    category_label: TextView
    description: str
    lessons: str
    commander: str | None
    alarms: int
    reports: int
    notes: int
    tasks: list[TaskView]
    area: dict[str, Any] | None
    drawn: bool
    opened_at: int
    opened_by: str
    confirmed_at: int | None
    working_at: int | None
    contained_at: int | None
    closed_at: int | None
    merged_into: str | None
    version: int
    last_act_at: int | None
    last_act_by: str | None


class IncidentsView(BaseModel):
    """One page; `total` counts all that match, `open` all that are open, `now` is the server's clock."""

    incidents: list[IncidentView]
    total: int
    open: int
    now: int


class EvidenceView(BaseModel):
    """An alarm, a citizens' report or a note. `point` is [lon, lat]; `open` of an alarm: it is active."""

    id: str
    kind: MemberKind
    title: TextView
    text: str
    at: int
    point: tuple[float, float] | None
    category: str
    severity: Severity | None
    source: str | None
    by: str | None
    open: bool
    ended: int | None


class IncidentDetail(IncidentView):
    members: list[EvidenceView]
    merged: list[IncidentView] = Field(description="Incidents that were merged into this one; each can be taken back.")
    now: int


class CandidateView(BaseModel):
    """What may be one incident: `score` from 0 to 1, `reasons` say why in words.

    `incident` is the open incident that it seems to belong to; null: open a new one.
    """

    key: str
    members: list[EvidenceView]
    score: float
    reasons: list[TextView]
    category: str
    category_label: TextView
    severity: Severity
    title: TextView
    incident: str | None


class CandidatesView(BaseModel):
    candidates: list[CandidateView]
    now: int


class EventView(BaseModel):
    """One line of the timeline. `source`: who tells it; `subject`: the entity that it is about."""

    at: int
    micros: int
    source: Literal["incident", "alarm", "report", "note", "procedure"]
    deed: str
    what: TextView
    by: str | None
    subject: str | None
    title: TextView | None
    text: str | None


class IncidentRunView(BaseModel):
    id: str
    title: TextView
    status: str
    started_at: int
    ended_at: int | None


class TimelineView(BaseModel):
    """In order of time, with the runs of procedures about this incident."""

    events: list[EventView]
    runs: list[IncidentRunView]
    now: int


class IncidentActView(BaseModel):
    deed: Deed
    by: str
    at: int
    micros: int
    reason: str | None
    to: str | None
    before: str | None
    task: str | None
    members: list[str]
    other: str | None


class IncidentAudit(BaseModel):
    acts: list[IncidentActView]


class KindView(BaseModel):
    id: str
    label: TextView


class Asked(BaseModel):
    """A body; a member that it does not know is a mistake and is refused."""

    model_config = ConfigDict(extra="forbid")


class TitleBody(Asked):
    vi: str = Field(min_length=1, max_length=300)
    en: str = Field(min_length=1, max_length=300)


class OpenBody(Asked):
    """A person confirms a candidate (its `members`), or opens an incident without any."""

    members: Ids = []
    title: TitleBody | None = None
    category: Kind | None = None
    severity: Severity | None = None
    description: str = Field("", max_length=10_000)
    area: dict[str, Any] | None = None
    confirmed: bool = True
    reason: Reason = None


class StateBody(Asked):
    state: State
    reason: Reason = None
    seen: Seen = None


class CommanderBody(Asked):
    commander: str | None = Field(max_length=100, description="Operator's id; null: nobody leads it.")
    reason: Reason = None
    seen: Seen = None


class NoteBody(Asked):
    text: str = Field(min_length=1, max_length=4_000)


class TaskBody(Asked):
    title: str = Field(min_length=1, max_length=500)
    assignee: str | None = Field(None, max_length=100)
    due: str | None = Field(None, description="DateTime with zone.")


class TaskChange(Asked):
    """Members that are left out stay as they are; `due` and `assignee` may be null."""

    done: bool | None = None
    title: str | None = Field(None, min_length=1, max_length=500)
    assignee: str | None = Field(None, max_length=100)
    due: str | None = None
    reason: Reason = None


class MembersBody(Asked):
    members: Ids
    reason: Reason = None


class MergeBody(Asked):
    other: str = Field(max_length=500, description="Id of the incident that goes into this one.")
    reason: Reason = None


class SplitBody(MembersBody):
    title: TitleBody


class SplitView(BaseModel):
    left: IncidentView
    part: IncidentView


class EditBody(Asked):
    """Members that are left out stay as they are; `area` null lets the area be drawn around the members again."""

    title: TitleBody | None = None
    description: str | None = Field(None, max_length=10_000)
    lessons: str | None = Field(None, max_length=20_000)
    severity: Severity | None = None
    category: Kind | None = None
    area: dict[str, Any] | None = None
    reason: Reason = None
    seen: Seen = None


class PointBody(Asked):
    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float] = Field(description="Longitude, latitude.")


class DeskNoteBody(Asked):
    """What was told by telephone or seen on a camera, before it belongs to any incident."""

    text: str = Field(min_length=1, max_length=4_000)
    location: PointBody | None = None
    category: str = Field("", max_length=40)
