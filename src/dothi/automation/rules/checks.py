"""Judges a rule that can be read: contradictions, what cannot ever hold or always would, references to nothing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from dothi.automation.rules import definition as d
from dothi.automation.rules.durations import micros
from dothi.automation.rules.reading import Fault
from dothi.automation.rules.times import day_fits, parse_span
from dothi.model.geo import check_geometry
from dothi.model.instant import parse_instant

_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?", re.ASCII)
#: Simple conditions of one rule, and how deep it may be.
MOST_LEAVES, DEEPEST = 50, 12
#: A schedule that fits no day of these years never will.
FIRST_DAY, YEARS = date(2026, 1, 1), 10


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule can refer to: short name of a type -> its attributes' short names; people, procedures, places.

    None where it is not known what there is; then it is not judged.
    """

    types: Mapping[str, frozenset[str]] = field(default_factory=dict)
    people: frozenset[str] | None = None
    procedures: frozenset[str] | None = None
    has_place: Callable[[str], bool] | None = None


def check(rule: d.Rule, known: Known) -> list[Fault]:
    """All faults of a rule, errors first."""
    found = [*_of_rule(rule, known), *_of_effects(rule, known)]
    found += _Conditions(known).check(rule.when, "when", rule.types, 1)
    found += _of_whole(rule)
    return sorted(found, key=lambda fault: fault.level)


def _of_rule(rule: d.Rule, known: Known) -> Iterator[Fault]:
    if not _ID.fullmatch(rule.id):
        yield Fault("id", f"{rule.id!r} is no id", "small letters, digits and hyphens, at most 60: flood-level")
    for language in ("vi", "en"):
        if not getattr(rule.title, language).strip():
            yield Fault(f"title.{language}", "the title is empty", "say in some words what is wrong when it holds")
    if not rule.types:
        yield Fault("types", "the rule is about no type", 'name one: types = ["AirQualityObserved"]')
    yield from _names("types", rule.types, known.types, "type")
    for name in ("delay_on", "delay_off", "again_after"):
        yield from _duration(name, getattr(rule, name), least=0)
    if not 1 <= rule.most_per_minute <= 1000:
        yield Fault("most_per_minute", f"{rule.most_per_minute} is not from 1 to 1000", "60 is a good value")
    for name in ("active", "quiet"):
        schedule = getattr(rule, name)
        if schedule is not None:
            yield from _schedule(name, schedule)
    for i, work in enumerate(rule.maintenance):
        yield from maintenance_faults(f"maintenance[{i}]", work)


def maintenance_faults(path: str, work: d.Maintenance) -> Iterator[Fault]:
    times = []
    for name in ("start", "end"):
        try:
            times.append(parse_instant(getattr(work, name)))
        except ValueError as error:
            yield Fault(f"{path}.{name}", str(error), "write the zone too: 2026-01-31T08:00:00+07:00")
    if len(times) == 2 and times[1] <= times[0]:
        yield Fault(f"{path}.end", "the end is not after the start", "exchange them")


def _of_effects(rule: d.Rule, known: Known) -> Iterator[Fault]:
    if not rule.alarm and not rule.then:
        yield Fault("alarm", "the rule does nothing: no alarm, and nothing in `then`", "set alarm = true")
    watched = set(_attributes(rule.when))
    for i, action in enumerate(rule.then):
        path = f"then[{i}]"
        match action:
            case d.SetValue() if action.attribute in watched:
                yield Fault(f"{path}.attribute", f"the rule sets {action.attribute}, which it watches itself: a loop",
                            "set another attribute")  # fmt: skip
            case d.NotifyPeople() if known.people is not None:
                yield from _names(f"{path}.people", action.people, dict.fromkeys(known.people), "channel of people")
            case d.CallWebhook():
                parts = urlsplit(action.url)
                if parts.scheme not in ("http", "https") or not parts.hostname:
                    yield Fault(f"{path}.url", f"{action.url!r} is no http address", "https://host/path")
            case d.RunProcedure() if known.procedures is not None:
                yield from _names(f"{path}.procedure", [action.procedure], dict.fromkeys(known.procedures), "procedure")
            case _:
                pass


def _of_whole(rule: d.Rule) -> Iterator[Fault]:
    leaves = list(_leaves(rule.when))
    if not leaves:
        yield Fault("when", "nothing is observed: the condition has only times of day", "add a simple condition")
    if len(leaves) > MOST_LEAVES:
        yield Fault("when", f"{len(leaves)} simple conditions, more than {MOST_LEAVES}", "split the rule")
    restless = [leaf for leaf in leaves if isinstance(leaf, d.Bounds) and not leaf.hysteresis]
    if restless and not _is_patient(rule):
        yield Fault("when", "it may oscillate: there is neither hysteresis nor a delay nor a rest after it cleared",
                    "give hysteresis, or delay_off", "warning")  # fmt: skip


def _is_patient(rule: d.Rule) -> bool:
    try:
        return any(micros(text) for text in (rule.delay_on, rule.delay_off, rule.again_after))
    except ValueError:
        return True


class _Conditions:
    def __init__(self, known: Known) -> None:
        self._known = known

    def check(self, when: d.Condition, path: str, types: Sequence[str], depth: int) -> Iterator[Fault]:
        if depth > DEEPEST:
            yield Fault(path, f"conditions stand deeper than {DEEPEST} in one another", "simplify it")
            return
        match when:
            case d.All() | d.Any_():
                yield from self._several(when, path, types, depth)
            case d.Not():
                yield from self.check(when.when, f"{path}.when", types, depth + 1)
            case d.Related() | d.Area():
                yield from self._relation(when, path, types, depth)
            case d.During():
                yield from _schedule(path, when)
            case d.Geofence():
                yield from self._geofence(when, path)
            case _:
                yield from self._simple(when, path, types)

    def _several(self, when: d.All | d.Any_, path: str, types: Sequence[str], depth: int) -> Iterator[Fault]:
        if not when.of:
            yield Fault(f"{path}.of", "there is no condition in it", "add at least one")
        for i, part in enumerate(when.of):
            yield from self.check(part, f"{path}.of[{i}]", types, depth + 1)
        if isinstance(when, d.All):
            yield from _contradictions(when, path)

    def _relation(self, when: d.Related | d.Area, path: str, types: Sequence[str], depth: int) -> Iterator[Fault]:
        yield from _names(f"{path}.types", when.types, self._known.types, "type")
        if isinstance(when, d.Related):
            if isinstance(when.quantity, int) and when.quantity < 1:
                yield Fault(f"{path}.quantity", f"{when.quantity} is less than 1", "any, all, or a number from 1")
            inner: Sequence[str] = when.types
        else:
            if when.at_least < 1:
                yield Fault(f"{path}.at_least", f"{when.at_least} is less than 1", "at_least = 2")
            if when.share is not None and not 0 < when.share <= 1:
                yield Fault(f"{path}.share", f"{when.share:g} is no share", "more than 0, at most 1: 0.5 is half")
            inner = when.types or types
        yield from self.check(when.when, f"{path}.when", inner, depth + 1)

    def _geofence(self, when: d.Geofence, path: str) -> Iterator[Fault]:
        given = [when.area is not None, when.area_of is not None, when.center is not None or when.radius is not None]
        if sum(given) != 1:
            yield Fault(path, f"{sum(given)} areas are given", "give one: area, area_of, or center with radius")
            return
        if when.area is not None:
            try:
                check_geometry(when.area)
            except ValueError as error:
                yield Fault(f"{path}.area", str(error))
        elif when.area_of is not None:
            if self._known.has_place is not None and not self._known.has_place(when.area_of):
                yield Fault(f"{path}.area_of", f"there is no entity {when.area_of} with a location", "look at its id")
        elif when.center is None or when.radius is None or not 0 < when.radius <= 1_000_000:
            yield Fault(path, "a circle has a center [lon, lat] and a radius of up to 1,000,000 m")

    def _simple(self, when: Any, path: str, types: Sequence[str]) -> Iterator[Fault]:
        if when.attribute is not None:
            yield from self._attribute(when.attribute, f"{path}.attribute", types)
        for name in ("over", "per", "after"):
            if hasattr(when, name):
                yield from _duration(f"{path}.{name}", getattr(when, name), least=1_000_000)
        if isinstance(when, d.Window) and not 1 <= when.points <= 100_000:
            yield Fault(f"{path}.points", f"{when.points} is not from 1 to 100000")
        if isinstance(when, d.Bounds):
            yield from _bounds(when, path)

    def _attribute(self, name: str, path: str, types: Sequence[str]) -> Iterator[Fault]:
        if ":" in name or not types or any(type not in self._known.types for type in types):
            return
        known = set().union(*(self._known.types[type] for type in types))
        if known and name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"they have {', '.join(sorted(known)[:12])}"
            yield Fault(path, f"no entity of type {', '.join(types)} has an attribute {name!r}", hint, "warning")


def _bounds(when: d.Bounds, path: str) -> Iterator[Fault]:
    listed = isinstance(when, d.Threshold) and bool(when.equals or when.differs)
    numbers = when.above is not None or when.below is not None
    if not listed and not numbers:
        lists = ", equals or differs" if isinstance(when, d.Threshold) else ""
        yield Fault(path, "nothing says when it holds", f"give above, below{lists}")
    if listed and (numbers or when.hysteresis):
        yield Fault(path, "bounds and lists of values exclude one another", "make two conditions of it")
    if isinstance(when, d.Threshold) and when.equals and when.differs:
        yield Fault(f"{path}.differs", "equals and differs exclude one another", "leave one out")
    if when.hysteresis < 0:
        yield Fault(f"{path}.hysteresis", f"{when.hysteresis:g} is less than 0", "0 or more")
    if when.above is not None and when.below is not None:
        if when.below > when.above:
            yield Fault(path, f"every number is above {when.above:g} or below {when.below:g}: it would always hold",
                        "exchange them: above is the upper bound, below the lower")  # fmt: skip
        elif when.hysteresis * 2 > when.above - when.below:
            yield Fault(f"{path}.hysteresis", "the hysteresis is wider than the room between the bounds: it "
                        "would never end", f"at most {(when.above - when.below) / 2:g}")  # fmt: skip


def _contradictions(when: d.All, path: str) -> Iterator[Fault]:
    """Thresholds of one attribute of which never all hold at once."""
    least: dict[str, float] = {}
    most: dict[str, float] = {}
    values: dict[str, set[Any]] = {}
    for part in when.of:
        if not isinstance(part, d.Threshold):
            continue
        name = part.attribute
        if part.above is not None and part.below is None:
            least[name] = max(least.get(name, part.above), part.above)
        if part.below is not None and part.above is None:
            most[name] = min(most.get(name, part.below), part.below)
        if part.equals:
            values[name] = values[name] & set(part.equals) if name in values else set(part.equals)
    for name in least.keys() & most.keys():
        if least[name] >= most[name]:
            yield Fault(f"{path}.of", f"{name} is never above {least[name]:g} and below {most[name]:g} at once",
                        "exchange the bounds, or use kind any")  # fmt: skip
    for name, left in values.items():
        if not left:
            yield Fault(f"{path}.of", f"{name} would have to equal different values at once", "use kind any")


def _schedule(path: str, schedule: d.Schedule) -> Iterator[Fault]:
    sound = True
    for i, span in enumerate(schedule.hours):
        try:
            parse_span(span)
        except ValueError as error:
            sound = False
            yield Fault(f"{path}.hours[{i}]", str(error))
    for name, low, high in (("months", 1, 12), ("lunar_days", 1, 30)):
        for i, number in enumerate(getattr(schedule, name)):
            if not low <= number <= high:
                sound = False
                yield Fault(f"{path}.{name}[{i}]", f"{number} is not from {low} to {high}")
    if sound:
        days = (FIRST_DAY + timedelta(days=n) for n in range(YEARS * 365))
        if not any(day_fits(schedule, day) for day in days):
            yield Fault(
                path, f"no day of {YEARS} years fits all parts of the schedule: it is never", "leave a part out"
            )


def _duration(path: str, text: str, least: int) -> Iterator[Fault]:
    try:
        length = micros(text)
    except ValueError as error:
        yield Fault(path, str(error), "write 90s, 10m, 1h30m or 2d")
        return
    if length < least:
        yield Fault(path, f"{text!r} is shorter than a second", "1s or longer")


def _names(path: str, names: Sequence[str], known: Mapping[str, Any], what: str) -> Iterator[Fault]:
    for i, name in enumerate(names):
        if name not in known and ":" not in name and known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)[:12])}"
            yield Fault(f"{path}[{i}]", f"there is no {what} {name!r}", hint)


def _leaves(when: d.Condition) -> Iterator[Any]:
    match when:
        case d.All() | d.Any_():
            for part in when.of:
                yield from _leaves(part)
        case d.Not() | d.Related() | d.Area():
            yield from _leaves(when.when)
        case d.During():
            return
        case _:
            yield when


def _attributes(when: d.Condition) -> Iterator[str]:
    for leaf in _leaves(when):
        if leaf.attribute is not None:
            yield leaf.attribute
