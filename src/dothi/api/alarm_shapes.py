"""What the alarm routes of the operations API answer and take, as models: their OpenAPI schema types the app."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dothi.api.operations_shapes import TextView
from dothi.automation.alarms.alarm import Action, Deed, Severity

Reason = Annotated[
    str | None, Field(max_length=2_000, description="Why, for the audit; comment, shelve and clear need one.")
]
Until = Annotated[str | None, Field(description="End of a shelving: a DateTime with zone, within 7 days.")]
Id = Annotated[str, Field(min_length=1, max_length=500)]


class AlarmActView(BaseModel):
    """One line of the audit; times in milliseconds, `micros` the exact microsecond."""

    alarm: str
    deed: Deed
    by: str
    at: int
    micros: int
    reason: str | None
    to: str | None
    until: int | None
    severity: Severity | None


class AlarmView(BaseModel):
    """An alarm. `active` and `acknowledged` are independent of each other; all times are in milliseconds.

    `source` is the entity's id; `attribute` (short name) was judged: `value` against `threshold`, in `unit`. `version`
    grows with each act: send it as `seen`, and you are told when somebody was quicker.
    """

    id: str
    rule: str
    severity: Severity
    title: TextView
    description: TextView | None
    active: bool
    acknowledged: bool
    shelved: bool
    source: str | None
    source_type: str | None
    source_name: str | dict[str, str] | None
    attribute: str | None
    value: float | str | bool | None
    threshold: float | str | bool | None
    unit: str
    category: str | None
    sub_category: str | None
    location: dict[str, Any] | None
    raised_at: int
    cleared_at: int | None
    first_at: int
    last_at: int
    count: int
    acknowledged_at: int | None
    acknowledged_by: str | None
    assignee: str | None
    shelved_until: int | None
    version: int
    last_act: AlarmActView | None


class AlarmDetail(AlarmView):
    """An alarm with its audit, newest first."""

    acts: list[AlarmActView]


class SeverityCounts(BaseModel):
    critical: int
    major: int
    minor: int
    advisory: int


class AlarmSummary(BaseModel):
    """The desk in figures: open alarms (active or unacknowledged, not shelved) by severity, and of these the
    unacknowledged.

    `raised` counts what was raised within ten minutes; more than ten is a `flood`, and `flooding` tells the open
    alarms of each rule that has several.
    """

    open: SeverityCounts
    unacknowledged: SeverityCounts
    shelved: int
    raised: int
    flood: bool
    flooding: dict[str, int]


class AlarmsView(BaseModel):
    """One page of alarms; `total` counts all that match, `now` is the server's clock in milliseconds."""

    alarms: list[AlarmView]
    total: int
    summary: AlarmSummary
    now: int


class AlarmSnapshot(BaseModel):
    """Event `snapshot` of the alarm stream: every alarm that is not closed, at most 2,000 (`more` of the rest)."""

    seq: int
    now: int
    alarms: list[AlarmView]
    more: int
    summary: AlarmSummary


class AlarmDelta(BaseModel):
    """Event `delta` of the alarm stream: alarms as they are now, also such as were closed, and ids that are gone."""

    seq: int
    now: int
    upserts: list[AlarmView]
    removed: list[str]
    summary: AlarmSummary


class AlarmEvents(BaseModel):
    """What the stream sends, for the generated types; never sent as such."""

    snapshot: AlarmSnapshot
    delta: AlarmDelta


class Asked(BaseModel):
    """A body; a member that it does not know is a mistake and is refused."""

    model_config = ConfigDict(extra="forbid")


class AlarmActBody(Asked):
    """`seen`: the version of the alarm on the screen; 409 where it has gone on since."""

    reason: Reason = None
    seen: int | None = None


class AlarmAssignBody(AlarmActBody):
    assignee: str | None = Field(max_length=100, description="Operator's id; null takes the assignment away.")


class AlarmShelveBody(AlarmActBody):
    until: Until


class AlarmBulkBody(Asked):
    ids: list[Id] = Field(min_length=1, max_length=1_000)
    action: Action
    reason: Reason = None
    assignee: str | None = Field(None, max_length=100)
    until: Until = None


class AlarmRefusedView(BaseModel):
    """Why an alarm of a bulk order stayed as it was; `by` and `at` (milliseconds) tell who was first."""

    id: str
    status: int
    detail: str
    by: str | None
    at: int | None


class AlarmBulkView(BaseModel):
    done: list[AlarmView]
    refused: list[AlarmRefusedView]


class AlarmTextBody(Asked):
    vi: str = Field(min_length=1, max_length=500)
    en: str = Field(min_length=1, max_length=500)


class AlarmPointBody(Asked):
    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float] = Field(description="Longitude, latitude.")


class AlarmRaiseBody(Asked):
    """An alarm that a person raises: what was told by telephone, seen on a camera, or is being exercised."""

    title: AlarmTextBody
    severity: Severity
    description: AlarmTextBody | None = None
    source: Id | None = None
    attribute: str | None = Field(None, max_length=200)
    value: float | str | None = None
    threshold: float | str | None = None
    unit: str = Field("", max_length=50)
    category: str | None = Field(None, max_length=100)
    location: AlarmPointBody | None = None
    key: str | None = Field(None, max_length=100, description="Tells apart alarms of one source; a new one by default.")
    reason: Reason = None


class AlarmActsView(BaseModel):
    """The audit of a span of time, newest first; `more` says that there is more than was asked for."""

    acts: list[AlarmActView]
    more: bool


class ChannelView(BaseModel):
    """How a way to people fares; `last_error` is the newest failure, times are milliseconds."""

    name: str
    severity: Severity
    quiet: str | None
    sent: int
    failed: int
    waiting: int
    last_sent: int | None
    last_error: str | None
