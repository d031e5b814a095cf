"""What a city module declares: its types, feeds, indicators and page, all as data and pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dothi.model.reading import Decoded


@dataclass(frozen=True, slots=True)
class Text:
    """A text for people in both languages."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """How an attribute is shown: `unit` is the text beside the number, `unit_code` its UN/CEFACT code in NGSI-LD.

    `words` says for people what the texts of a closed list mean: {"up": Text("Đang hoạt động", "Up")}.
    """

    name: str
    label: Text
    unit: str = ""
    unit_code: str | None = None
    digits: int | None = None
    words: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntityType:
    """A type the module owns or reads: short name, IRI of the Smart Data Models or of dothi, attributes shown."""

    name: str
    iri: str
    label: Text
    attributes: tuple[Attribute, ...] = ()
    #: Longest time without a new value before an entity is called stale, seconds; None for things that do not move.
    stale_after: float | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """One way in: `decode(message bytes, topic or address) -> Decoded`, pure."""

    name: str
    decode: Callable[[bytes, str], Decoded]
    description: Text


#: Alarm words of ui_rules: every state has a shape, a word and a colour.
Status = Literal["ok", "advisory", "minor", "major", "critical", "offline", "unknown"]


@dataclass(frozen=True, slots=True)
class Band:
    """Values from `low` up to the next band have this status."""

    low: float
    status: Status
    label: Text


Shape = Literal["circle", "ring", "drop", "pentagon", "hexagon", "cross", "star", "line", "fill", "vehicle"]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the map: entities of `types` (short names), drawn as `shape` in the module's quiet colour.

    `value` names the attribute written beside the point; `bands` judge its numbers, `states` its texts. The shapes are
    those of normal things; the square, the diamond and the triangle say that something is abnormal.
    """

    id: str
    label: Text
    types: tuple[str, ...]
    shape: Shape = "circle"
    value: str | None = None
    bands: tuple[Band, ...] = ()
    states: Mapping[str, Status] = field(default_factory=dict)
    visible: bool = True
    min_zoom: float = 0


@dataclass(frozen=True, slots=True)
class Indicator:
    """A number with its evidence: `compute(inputs) -> value`, pure. A later floor gives the engine."""

    id: str
    label: Text
    unit: str
    compute: Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class ModulePage:
    """The module's page as data; no HTML, no JavaScript."""

    layers: tuple[Layer, ...] = ()
    charts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CityModule:
    """A module's table of contents. Found through the entry point group `dothi.city`."""

    name: str
    label: Text
    types: tuple[EntityType, ...] = ()
    feeds: tuple[Feed, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    page: ModulePage = field(default_factory=ModulePage)
    #: derive(entity as simplified document with short names) -> further attributes (normalized, short names), pure:
    #: an air quality index from concentrations. The document's member `observedAt` is a map of short name -> DateTime
    #: of the attributes that have one.
    derive: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = field(default_factory=dict)
    #: Terms (short name -> IRI) of the module that the core and Smart Data Models contexts do not have.
    terms: Mapping[str, str] = field(default_factory=dict)


def load_modules() -> Sequence[CityModule]:
    """Every module that an installed package declares in the entry point group `dothi.city`, in name order."""
    from importlib.metadata import entry_points

    return [point.load() for point in sorted(entry_points(group="dothi.city"), key=lambda point: point.name)]
