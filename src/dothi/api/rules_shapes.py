"""Rules, their faults and their back-tests in the operations API as models that type the app."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dothi.api.operations_shapes import TextView

Severity = Literal["critical", "major", "minor", "advisory"]
#: off: not evaluated; dry: evaluated, and what it would do is only listed; on: evaluated and carried out.
Mode = Literal["off", "dry", "on"]
Duration = Annotated[str, Field(description='like "90s", "10m", "1h30m", "2d"')]
Scalar = float | int | str | bool


class ScheduleShape(BaseModel):
    """Every given part must hold. `hours`: "06:00-22:00", may pass midnight; `lunar_days`: days of the lunar month."""

    hours: list[str] = []
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = []
    calendar: Literal["any", "working", "off", "holiday", "tet"] = "any"
    months: list[int] = []
    lunar_days: list[int] = []


class ThresholdShape(BaseModel):
    kind: Literal["threshold"]
    attribute: str
    above: float | None = None
    below: float | None = None
    hysteresis: float = 0
    equals: list[Scalar] = []
    differs: list[Scalar] = []


class RateShape(BaseModel):
    kind: Literal["rate"]
    attribute: str
    over: Duration
    per: Duration = "1h"
    above: float | None = None
    below: float | None = None
    hysteresis: float = 0


class WindowShape(BaseModel):
    kind: Literal["window"]
    attribute: str
    method: Literal["mean", "min", "max", "sum", "count"]
    over: Duration
    points: int = 1
    above: float | None = None
    below: float | None = None
    hysteresis: float = 0


class SilentShape(BaseModel):
    kind: Literal["silent"]
    after: Duration
    attribute: str | None = None


class GeofenceShape(BaseModel):
    """One of `area` (GeoJSON), `area_of` (an entity's id), or `center` (lon, lat) with `radius` (metres)."""

    kind: Literal["geofence"]
    side: Literal["inside", "outside"]
    attribute: str = "location"
    area: dict[str, Any] | None = None
    area_of: str | None = None
    center: tuple[float, float] | None = None
    radius: float | None = None


class DuringShape(ScheduleShape):
    kind: Literal["during"]


class AllShape(BaseModel):
    kind: Literal["all"]
    of: list[ConditionShape]


class AnyShape(BaseModel):
    kind: Literal["any"]
    of: list[ConditionShape]


class NotShape(BaseModel):
    kind: Literal["not"]
    when: ConditionShape


class RelatedShape(BaseModel):
    kind: Literal["related"]
    via: str
    when: ConditionShape
    types: list[str] = []
    inverse: bool = False
    quantity: Literal["any", "all"] | int = "any"


class AreaShape(BaseModel):
    kind: Literal["area"]
    when: ConditionShape
    by: str = "areaServed"
    at_least: int = 2
    share: float | None = None
    types: list[str] = []


ConditionShape = Annotated[
    ThresholdShape
    | RateShape
    | WindowShape
    | SilentShape
    | GeofenceShape
    | DuringShape
    | AllShape
    | AnyShape
    | NotShape
    | RelatedShape
    | AreaShape,
    Field(discriminator="kind"),
]


class SetShape(BaseModel):
    do: Literal["set"]
    attribute: str
    value: Scalar
    cleared: Scalar | None = None


class NotifyShape(BaseModel):
    do: Literal["notify"]
    people: list[str] = []


class WebhookShape(BaseModel):
    do: Literal["webhook"]
    url: str


class ProcedureShape(BaseModel):
    do: Literal["procedure"]
    procedure: str


class MaintenanceShape(BaseModel):
    start: str
    end: str
    only: list[str] = []
    reason: str = ""


class RuleDefinition(BaseModel):
    """What a rule says; docs/reference/rules.md has each member."""

    id: str
    title: TextView
    severity: Severity
    types: list[str]
    when: ConditionShape
    description: TextView | None = None
    category: str = ""
    only: list[str] = []
    active: ScheduleShape | None = None
    delay_on: Duration = "0s"
    delay_off: Duration = "0s"
    again_after: Duration = "0s"
    most_per_minute: int = 60
    maintenance: list[MaintenanceShape] = []
    quiet: ScheduleShape | None = None
    alarm: bool = True
    then: list[Annotated[SetShape | NotifyShape | WebhookShape | ProcedureShape, Field(discriminator="do")]] = []


class FaultView(BaseModel):
    """`path` leads to the member (when.of[1].above); `level` error refuses, warning only tells."""

    path: str
    message: str
    hint: str
    level: Literal["error", "warning"]


class FiredView(BaseModel):
    """One thing that a rule did, or would have done (mode dry). Times in milliseconds."""

    at: int
    what: Literal["raise", "clear", "set", "notify", "webhook", "procedure"]
    source: str
    name: str | dict[str, str]
    value: Any = None
    done: bool


class RuleStatus(BaseModel):
    """How a rule fares since the server started; `alarms_day` counts the last 24 hours. `tamed_since` is set while its
    flood is told as one alarm, `held` says how many stand behind that one."""

    active: int = 0
    pending: int = 0
    known: int = 0
    alarms_day: int = 0
    last_fired: int | None = None
    tamed_since: int | None = None
    held: int = 0
    oscillating: list[str] = []
    late: int = 0
    loops: int = 0
    problem: str | None = None
    recent: list[FiredView] = []


class RuleView(BaseModel):
    """A rule with its version, mode and status; `toml` says the same as `definition`. `tested` is the version whose
    back-test was looked at last. Times in milliseconds."""

    id: str
    version: int
    mode: Mode
    changed_at: int
    changed_by: str
    tested: int | None
    definition: RuleDefinition
    toml: str
    faults: list[FaultView]
    status: RuleStatus


class RuleListView(BaseModel):
    rules: list[RuleView]
    total: int


class RuleDraft(BaseModel):
    """A rule as JSON or as TOML, one of both. It is checked by the server, so that every fault is told."""

    model_config = ConfigDict(json_schema_extra={"description": "Give `definition` or `toml`"})

    definition: dict[str, Any] | None = None
    toml: str | None = None


class RuleWrite(RuleDraft):
    """`version` is the one that was edited, 0 for a new rule."""

    version: int
    reason: str = ""


class RuleCheckView(BaseModel):
    """`definition` and `toml` are there when the draft can be read."""

    faults: list[FaultView]
    definition: RuleDefinition | None
    toml: str | None


class ModeChange(BaseModel):
    """Switching on wants a back-test of this very version that was looked at, or `override` with a reason."""

    mode: Mode
    reason: str = ""
    override: bool = False


class VersionView(BaseModel):
    version: int
    at: int
    by: str
    reason: str
    what: Literal["created", "changed", "deleted", "mode", "tested"]
    mode: Mode
    definition: RuleDefinition | None
    toml: str | None


class BacktestRequest(RuleDraft):
    """`start` and `end` are DateTimes; seven days up to now where absent. Without a draft the kept rule is taken."""

    start: str | None = None
    end: str | None = None


class PlaceView(BaseModel):
    """Alarms of one source; `seconds` is how long they stood in all."""

    source: str
    name: str | dict[str, str]
    lon: float | None
    lat: float | None
    alarms: int
    seconds: float


class HourView(BaseModel):
    """`at` is the beginning of the hour or day in milliseconds."""

    at: int
    alarms: int


class EpisodeView(BaseModel):
    """An alarm from raise to clear; `end` None still stands. `incident` names a real incident that it overlaps."""

    source: str
    name: str | dict[str, str]
    start: int
    end: int | None
    value: Any
    threshold: Any
    incident: str | None


class LoadView(BaseModel):
    """What it would be for operators: 10 alarms an hour for each is the most that ISA-18.2 finds manageable."""

    mean_per_hour: float
    most_per_hour: int
    hours_above_ten: int
    most_standing: int


class OverlapView(BaseModel):
    """Real incidents of that time: how many there were, how many an alarm met, and alarms that met none."""

    incidents: int
    met: int
    alarms_alone: int


class DurationView(BaseModel):
    """Seconds that alarms stood."""

    median: float | None
    p90: float | None
    longest: float | None


class BacktestView(BaseModel):
    """What a rule would have done in the past. `episodes` are the last 1,000; times in milliseconds."""

    rule: str
    start: int
    end: int
    events: int
    entities: int
    took_ms: float
    alarms: int
    severity: Severity
    days: list[HourView]
    hours: list[HourView]
    hour_of_day: list[int]
    places: list[PlaceView]
    durations: DurationView
    load: LoadView
    overlap: OverlapView
    episodes: list[EpisodeView]
    oscillating: list[str]
    tamed: int
    effects: dict[str, int]
    faults: list[FaultView]


class VocabularyAttribute(BaseModel):
    name: str
    label: TextView
    unit: str
    words: dict[str, TextView]


class VocabularyType(BaseModel):
    """`count` entities are stored; `attributes` are the declared ones first, then what stored entities have."""

    name: str
    label: TextView
    count: int
    attributes: list[VocabularyAttribute]


class VocabularyView(BaseModel):
    types: list[VocabularyType]
    people: list[str]
    procedures: list[str]
