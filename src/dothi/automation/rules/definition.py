"""What a rule says, as one typed shape that TOML and JSON are read into."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Severity = Literal["critical", "major", "minor", "advisory"]
Method = Literal["mean", "min", "max", "sum", "count"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
#: Kinds of days: working days and days off follow the public holidays of Vietnam with their substitute days; "tet" is
#: the Tết holiday.
DayKind = Literal["any", "working", "off", "holiday", "tet"]
Scalar = float | int | str | bool


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text for people in both languages."""

    vi: str
    en: str


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Times of the week or year, in the city's zone: every given part must hold, none given is always.

    `hours` are spans like "06:00-22:00", which may pass midnight; a span counts to the day on which it begins.
    `lunar_days` are days of the lunar month (1, 15).
    """

    hours: tuple[str, ...] = ()
    days: tuple[Weekday, ...] = ()
    calendar: DayKind = "any"
    months: tuple[int, ...] = ()
    lunar_days: tuple[int, ...] = ()


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """`above` and `below` are crossed, not touched; either of two will do. Once it holds, it holds until the number is
    back by more than or exactly `hysteresis`."""

    above: float | None = None
    below: float | None = None
    hysteresis: float = 0.0


class Threshold(Bounds, frozen=True, tag_field="kind", tag="threshold", kw_only=True):
    """The newest value of an attribute: a number beyond a bound, or a value that is (not) one of some."""

    attribute: str
    equals: tuple[Scalar, ...] = ()
    differs: tuple[Scalar, ...] = ()


class Rate(Bounds, frozen=True, tag_field="kind", tag="rate", kw_only=True):
    """How fast a number changes: from the oldest to the newest value within `over`, as change in `per`."""

    attribute: str
    over: str
    per: str = "1h"


class Window(Bounds, frozen=True, tag_field="kind", tag="window", kw_only=True):
    """A number of all values within `over`, judged at each value; no value left is not known. `points` are needed."""

    attribute: str
    method: Method
    over: str
    points: int = 1


class Silent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind",
             tag="silent", kw_only=True):  # fmt: skip
    """Nothing heard for `after`: of one attribute, or of the entity."""

    after: str
    attribute: str | None = None


class Geofence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind",
               tag="geofence", kw_only=True):  # fmt: skip
    """The entity lies inside or outside: of a GeoJSON geometry, of the location of another entity (`area_of`), or of a
    circle (`center` lon, lat and `radius` in metres)."""

    side: Literal["inside", "outside"]
    attribute: str = "location"
    area: dict[str, Any] | None = None
    area_of: str | None = None
    center: tuple[float, float] | None = None
    radius: float | None = None


class During(Schedule, frozen=True, tag_field="kind", tag="during", kw_only=True):
    """It is one of these times."""


class All(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="all", kw_only=True):
    """Every one of these holds."""

    of: tuple[Condition, ...]


class Any_(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="any", kw_only=True):
    """One of these holds."""

    of: tuple[Condition, ...]


class Not(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="not", kw_only=True):
    """This does not hold; while it is not known, neither is this."""

    when: Condition


class Related(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind",
              tag="related", kw_only=True):  # fmt: skip
    """Something holds for the entities to which the relationship `via` leads; `inverse`: for those that lead here by
    it. `quantity`: how many of them, or "any" or "all"."""

    via: str
    when: Condition
    types: tuple[str, ...] = ()
    inverse: bool = False
    quantity: Literal["any", "all"] | int = "any"


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="area",
           kw_only=True):  # fmt: skip
    """Something holds for at least so many entities (or such a share of those known) that have one value of `by`.

    As the whole condition of a rule the area is what the alarm is about. Within another one it speaks of the entities
    of `types` in the same area as the rule's entity.
    """

    when: Condition
    by: str = "areaServed"
    at_least: int = 2
    share: float | None = None
    types: tuple[str, ...] = ()


Condition = Threshold | Rate | Window | Silent | Geofence | During | All | Any_ | Not | Related | Area


class SetValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do",
               tag="set"):  # fmt: skip
    """Set an attribute of the entity when the rule begins to hold; when it ends to `cleared`, where that is given."""

    attribute: str
    value: Scalar
    cleared: Scalar | None = None


class NotifyPeople(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do",
                   tag="notify"):  # fmt: skip
    """Tell people: names of the channels of the settings, none names all whose severity fits."""

    people: tuple[str, ...] = ()


class CallWebhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="webhook"):
    """POST what happened as JSON to an address."""

    url: str


class RunProcedure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="procedure"):
    """Start a procedure about the entity."""

    procedure: str


Action = SetValue | NotifyPeople | CallWebhook | RunProcedure


class Maintenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """From `start` to `end` (DateTimes) nothing is raised for entities whose id matches one of `only` (all where none
    is given)."""

    start: str
    end: str
    only: tuple[str, ...] = ()
    reason: str = ""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One rule. Names of types and attributes are short names or IRIs; durations are like "90s", "10m", "1h30m", "2d".

    `only`: patterns (`*`, `?`) of entity ids. `active`: nothing is raised outside of these times, and what stands is
    cleared. `delay_on`, `delay_off`: how long the condition must hold, or not hold, without a break. `again_after`: not
    raised again for the same entity before this time has passed since it cleared. `most_per_minute`: more than that are
    told as one. `quiet`: times at which people are not notified, unless it is critical; they are told after.
    """

    id: str
    title: Text
    severity: Severity
    types: tuple[str, ...]
    when: Condition
    description: Text | None = None
    category: str = ""
    only: tuple[str, ...] = ()
    active: Schedule | None = None
    delay_on: str = "0s"
    delay_off: str = "0s"
    again_after: str = "0s"
    most_per_minute: int = 60
    maintenance: tuple[Maintenance, ...] = ()
    quiet: Schedule | None = None
    alarm: bool = True
    then: tuple[Action, ...] = ()
