"""The answers of the operations API as models: their OpenAPI schema types the app."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from dothi.city.module import Shape

StatusWord = Literal["ok", "advisory", "minor", "major", "critical", "offline", "unknown"]
AgeWord = Literal["fresh", "stale", "offline", "timeless"]


class TextView(BaseModel):
    """A text in both languages."""

    vi: str
    en: str


class CityView(BaseModel):
    """`center` is [lon, lat], `bounds` [west, south, east, north], `now` the server's clock in milliseconds."""

    name: TextView
    center: tuple[float, float]
    zoom: float
    bounds: tuple[float, float, float, float] | None
    languages: list[str]
    demo: bool
    version: str
    now: int


class BandView(BaseModel):
    low: float
    status: StatusWord
    label: TextView


class LayerShape(BaseModel):
    """One declared layer.

    `words` says what texts of its value mean, `count` is the number of stored entities, `stale_after` is in seconds.
    """

    id: str
    module: str
    module_label: TextView
    label: TextView
    types: list[str]
    shape: Shape
    value: str | None
    value_label: TextView | None
    unit: str
    digits: int | None
    words: dict[str, TextView]
    bands: list[BandView]
    visible: bool
    min_zoom: float
    stale_after: float | None
    count: int


class FeatureProperties(BaseModel):
    """`name` is a text or language -> text, `observedAt` milliseconds, `heading` degrees clockwise from north.

    A cluster has a `count` and the `counts` of states in it; its `status` is the worst of them.
    """

    name: str | dict[str, str]
    value: float | str | None
    status: StatusWord
    observedAt: int | None
    heading: float | None
    stale: bool
    count: int | None = None
    counts: dict[StatusWord, int] | None = None


class FeatureView(BaseModel):
    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any]
    properties: FeatureProperties


class FeaturesView(BaseModel):
    """A GeoJSON FeatureCollection."""

    type: Literal["FeatureCollection"]
    features: list[FeatureView]


class SnapshotEvent(BaseModel):
    """Event `snapshot` of the stream: `first` starts a layer anew, `last` completes it."""

    layer: str
    seq: int
    first: bool
    last: bool
    clustered: bool = False
    features: list[FeatureView]


class DeltaEvent(BaseModel):
    """Event `delta` of the stream."""

    layer: str
    seq: int
    upserts: list[FeatureView]
    removed: list[str]


class CountsEvent(BaseModel):
    """Event `counts` of the stream: the objects of each state in the whole of a clustered layer."""

    layer: str
    counts: dict[StatusWord, int]


class HelloEvent(BaseModel):
    """Event `hello` of a stream with a port: its id, by which the port is moved."""

    id: str


class StreamEvents(BaseModel):
    """What the stream sends, for the generated types; never sent as such."""

    snapshot: SnapshotEvent
    delta: DeltaEvent
    counts: CountsEvent
    hello: HelloEvent


class StreamView(BaseModel):
    """What is seen: `bbox` is [west, south, east, north] in degrees, `zoom` the map's."""

    bbox: tuple[float, float, float, float]
    zoom: float


class AttributeView(BaseModel):
    """One attribute instance as the panel shows it.

    `word` says what a text means for people, `observed_at` is in milliseconds.
    """

    name: str
    iri: str
    label: TextView | None
    kind: str
    value: Any
    word: TextView | None
    unit: str
    digits: int | None
    observed_at: int | None
    age: AgeWord
    dataset: str | None
    numeric: bool
    status: StatusWord | None
    band: TextView | None


class RelationView(BaseModel):
    name: str
    label: TextView | None
    target: str
    target_name: str | dict[str, str] | None


class TypeView(BaseModel):
    name: str
    iri: str
    label: TextView | None


class EntityView(BaseModel):
    """An entity as the panel shows it: declared attributes first, in their order; times in milliseconds."""

    id: str
    name: str | dict[str, str]
    types: list[TypeView]
    layers: list[str]
    status: StatusWord
    age: AgeWord
    observed_at: int | None
    provider: str | None
    location: dict[str, Any] | None
    attributes: list[AttributeView]
    relations: list[RelationView]
    created: int
    modified: int


class HistoryView(BaseModel):
    """Columns of equal length: `t` in milliseconds; a gap is a row of nulls.

    `period` is null for single observations (then `v` holds them, `low` and `high` are empty), else the length of a
    bucket in seconds: `v` is its mean, `low` and `high` its extremes. `points` counts the stored observations.
    """

    attribute: str
    unit: str
    digits: int | None
    period: int | None
    points: int
    t: list[int]
    v: list[float | None]
    low: list[float | None]
    high: list[float | None]


class SearchHit(BaseModel):
    id: str
    name: str | dict[str, str]
    type: str
    layer: str | None
    location: tuple[float, float] | None


class SearchView(BaseModel):
    hits: list[SearchHit]
    total: int


class TroubleView(BaseModel):
    where: str
    what: str
    mend: str


class ConnectorView(BaseModel):
    """Live counters of one connector; times in milliseconds, the newest problem first."""

    name: str
    kind: str
    state: Literal["starting", "running", "waiting", "failing", "stopped"]
    since: int
    last_message: int | None
    messages: int
    entities: int
    values: int
    rejected: int
    queue: int
    lag_ms: float | None
    detail: str
    problems: list[TroubleView]


class DeadLetterView(BaseModel):
    """A notification that was given up; `body` is its JSON text, times are DateTimes."""

    id: str
    subscription: str
    endpoint: str
    reason: str
    createdAt: str
    givenUpAt: str
    attempts: int
    body: str


class DeadLettersView(BaseModel):
    """The newest first; `total` counts all that are kept."""

    letters: list[DeadLetterView]
    total: int


class ProblemView(BaseModel):
    """RFC 7807."""

    model_config = {"extra": "allow"}

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong, where, and how to mend it.")
