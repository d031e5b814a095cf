"""What can be asked of entities, as small frozen trees; names are expanded, literals are typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from dothi.model.collation import Collation

# --- entity type selection (GS CIM 009 clause 4.17) and scope queries (4.19) -------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """A leaf: an expanded type IRI, or a scope pattern such as /Madrid/+/Park/#."""

    text: str


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Selection, ...]


#: A boolean combination of names: type selection or scope query.
Selection = Name | AllOf | AnyOf

# --- the q language (clause 4.9) ----------------------------------------------------------------------------------

Comparator = Literal["==", "!=", ">", ">=", "<", "<=", "~=", "!~="]


@dataclass(frozen=True, slots=True)
class AttributePath:
    """attr.sub.sub2[member.member]: `names` are expanded IRIs (or observedAt, createdAt, modifiedAt, unitCode,
    datasetId ... as last element), `members` lead into a JSON value. `linked` goes on in the entities to which the
    relationship leads: attr{Type:name}."""

    names: tuple[str, ...]
    members: tuple[str, ...] = ()
    linked: LinkedPath | None = None


@dataclass(frozen=True, slots=True)
class LinkedPath:
    """A path in a linked entity; `types` are the IRIs of which that entity must have one, none takes all."""

    path: AttributePath
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DateTimeLiteral:
    """A DateTime, Date or Time literal as written, and its instant where it is a DateTime."""

    text: str
    micros: int | None


@dataclass(frozen=True, slots=True)
class UriLiteral:
    text: str


Literal_ = str | float | int | bool | DateTimeLiteral | UriLiteral


@dataclass(frozen=True, slots=True)
class Range:
    low: Literal_
    high: Literal_


@dataclass(frozen=True, slots=True)
class Exists:
    """The attribute (or sub-attribute, or member) is there; `absent`: it is not."""

    path: AttributePath
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """`values` are alternatives of == or !=; order comparisons and patterns have one."""

    path: AttributePath
    operator: Comparator
    values: tuple[Literal_ | Range, ...]


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Query, ...]


Query = Exists | Compare | And | Or

# --- geo queries (clause 4.10) ------------------------------------------------------------------------------------

Georel = Literal["near", "within", "contains", "intersects", "equals", "disjoint", "overlaps"]


@dataclass(frozen=True, slots=True)
class GeoQuery:
    """`geometry` is a GeoJSON geometry (lon, lat); distances are metres; `property` is the expanded GeoProperty.

    The geometry counts in equality but not in the hash, so that a query can be a cache key.
    """

    relation: Georel
    geometry: dict[str, Any] = field(hash=False)
    property: str
    min_distance: float | None = None
    max_distance: float | None = None


# --- whole queries ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """One key of orderBy: an attribute path, or id, type, createdAt, modifiedAt (clause 4.23).

    `near`: GeoProperties are ordered by their distance from this GeoJSON geometry. Texts stand by code point, or as
    `collation` has them. `lang`: a language filter that chooses the text of a LanguageProperty.
    """

    path: AttributePath
    descending: bool = False
    near: dict[str, Any] | None = field(default=None, hash=False)
    collation: Collation | None = None
    lang: str | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """One of several ways to be chosen (clause 5.2.33): every given part must hold, none given takes all."""

    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    types: Selection | None = None


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """Which entities: every given part must hold. `attributes`: at least one of them is present (expanded IRIs);
    `selectors`: at least one of them holds."""

    ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    types: Selection | None = None
    attributes: tuple[str, ...] = ()
    q: Query | None = None
    geo: GeoQuery | None = None
    scope: Selection | None = None
    dataset_ids: tuple[str, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int = 20
    offset: int = 0
    selectors: tuple[Selector, ...] = ()


TimeProperty = Literal["observedAt", "createdAt", "modifiedAt", "deletedAt"]
AggregateMethod = Literal["totalCount", "distinctCount", "sum", "avg", "min", "max", "stddev", "sumsq"]


@dataclass(frozen=True, slots=True)
class Window:
    """Instances with start <= time < end in microseconds; either end may be open (clause 4.11: before, after, between).

    `last`: only the last n instances of each attribute, newest first. `scope`: only those that are of a time when a
    scope was valid that matches (clauses 4.18 and 5.7.4). `dataset_ids`: only those of these, where some are given.
    """

    start: int | None = None
    end: int | None = None
    property: TimeProperty = "observedAt"
    last: int | None = None
    scope: Selection | None = None
    dataset_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Aggregated temporal query (clause 4.5.19): `period` is an ISO 8601 duration, PT0S the whole range."""

    methods: tuple[AggregateMethod, ...]
    period: str
