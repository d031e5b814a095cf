"""The centre's own figures from audit and history: load, priorities, answer times, presence. Pure; unknown is None."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from dothi.automation.alarms.alarm import Act as AlarmAct
from dothi.automation.alarms.alarm import Severity
from dothi.automation.procedures.run import Run

HOUR: Final = 3_600_000_000
SECOND: Final = 1_000_000
#: ISA-18.2 (table 6): about ten alarms an hour are the most that an operator can handle; priorities 80/15/5 percent.
GOAL_PER_HOUR: Final = 10.0
PRIORITY: Final[Mapping[Severity, Literal["low", "medium", "high"]]] = {
    "critical": "high", "major": "medium", "minor": "low", "advisory": "low",
}  # fmt: skip
GOALS: Final[Mapping[Literal["low", "medium", "high"], float]] = {"low": 0.80, "medium": 0.15, "high": 0.05}


class Presence(msgspec.Struct, frozen=True):
    """Somebody was signed in from `start` to `end`, microseconds."""

    operator: str
    start: int
    end: int


class Priority(msgspec.Struct, frozen=True):
    priority: Literal["low", "medium", "high"]
    count: int
    share: float | None
    goal: float


class Person(msgspec.Struct, frozen=True):
    """Hours signed in, how many times, and until when last (microseconds)."""

    operator: str
    name: str
    hours: float
    times: int
    last: int | None


class Usage(msgspec.Struct, frozen=True):
    """Figures between two instants (microseconds); None means that it cannot be known."""

    start: int
    end: int
    alarms: int
    operator_hours: float
    alarms_per_operator_hour: float | None
    goal_per_operator_hour: float
    staffed_share: float | None
    priorities: list[Priority]
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
    people: list[Person]
    by_hour: list[int]


class Facts(msgspec.Struct, frozen=True):
    """What the figures are computed from. `members`: incident -> its alarms, for procedures that ran about incidents;
    `runs` are those that were started in the span."""

    acts: Sequence[AlarmAct]
    presence: Sequence[Presence]
    runs: Sequence[Run]
    members: Mapping[str, Sequence[str]]
    escalations: int
    entries: int


def usage(facts: Facts, start: int, end: int, name: Callable[[str], str], zone: str) -> Usage:
    """The figures of [start, end). An alarm counts each time that it is raised."""
    acts = sorted(facts.acts, key=lambda act: act.at)
    raised = [act for act in acts if act.deed == "raise" and start <= act.at < end]
    waits = answer_times(acts, start, end)
    hours = sum(each.end - each.start for each in facts.presence) / HOUR
    handled = handled_by_procedure(raised, facts.runs, facts.members)
    count = len(raised)
    return Usage(
        start=start,
        end=end,
        alarms=count,
        operator_hours=round(hours, 2),
        alarms_per_operator_hour=round(count / hours, 2) if hours >= 0.1 else None,
        goal_per_operator_hour=GOAL_PER_HOUR,
        staffed_share=_share(covered(facts.presence), end - start),
        priorities=priorities(raised),
        acknowledged=len(waits),
        unacknowledged=count - len(waits),
        acknowledge_median_s=quantile(waits, 0.5),
        acknowledge_p90_s=quantile(waits, 0.9),
        by_procedure=handled,
        by_procedure_share=_share(handled, count),
        runs=len(facts.runs),
        runs_done=sum(run.status == "done" for run in facts.runs),
        overdue_steps=sum(act.kind == "overdue" for run in facts.runs for act in run.acts),
        escalations=facts.escalations,
        entries=facts.entries,
        people=people(facts.presence, name),
        by_hour=by_hour(raised, zone),
    )


def answer_times(acts: Iterable[AlarmAct], start: int, end: int) -> list[float]:
    """Seconds from each raising in the span to its acknowledgement; raisings without one are left out.

    `acts` ascend in time. A raising that nobody answered before the next one of the same alarm has no time.
    """
    waiting: dict[str, int] = {}
    found = []
    for act in acts:
        if act.deed == "raise":
            waiting[act.alarm] = act.at
        elif act.deed == "acknowledge":
            since = waiting.pop(act.alarm, None)
            if since is not None and start <= since < end:
                found.append((act.at - since) / SECOND)
    return found


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share of the values lies, between two neighbours in proportion; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return round(ordered[low] + (ordered[high] - ordered[low]) * (place - low), 1)


def priorities(raised: Sequence[AlarmAct]) -> list[Priority]:
    """How alarms spread over the three priorities; one raised without a severity counts as low."""
    counts = Counter(PRIORITY[act.severity] if act.severity else "low" for act in raised)
    return [Priority(each, counts[each], _share(counts[each], len(raised)), goal) for each, goal in GOALS.items()]


def handled_by_procedure(raised: Iterable[AlarmAct], runs: Iterable[Run], members: Mapping[str, Sequence[str]]) -> int:
    """How many raised alarms a procedure ran about, directly or about an incident that holds them."""
    subjects = {run.subject for run in runs if run.subject}
    subjects |= {alarm for incident, alarms in members.items() if incident in subjects for alarm in alarms}
    return sum(act.alarm in subjects for act in raised)


def people(presence: Iterable[Presence], name: Callable[[str], str]) -> list[Person]:
    """Who was signed in, the longest first."""
    spans: dict[str, list[Presence]] = {}
    for each in presence:
        spans.setdefault(each.operator, []).append(each)
    found = [
        Person(
            operator, name(operator), round(sum(s.end - s.start for s in some) / HOUR, 2), len(some),
            max(s.end for s in some),
        )
        for operator, some in spans.items()
    ]  # fmt: skip
    return sorted(found, key=lambda person: (-person.hours, person.name))


def presence_of(operator: str, signs: Iterable[tuple[int, bool]], start: int, end: int) -> list[Presence]:
    """Spans within [start, end) of somebody who signed in (True) and out (False) at these instants, ascending."""
    found: list[Presence] = []
    since: int | None = None
    for at, is_in in signs:
        if is_in and since is None:
            since = at
        elif not is_in and since is not None:
            found.append(Presence(operator, since, at))
            since = None
    if since is not None:
        found.append(Presence(operator, since, end))
    cut = [Presence(operator, max(each.start, start), min(each.end, end)) for each in found]
    return [each for each in cut if each.start < each.end]


def covered(presence: Iterable[Presence]) -> int:
    """Microseconds in which at least one person was signed in."""
    total, until = 0, 0
    for each in sorted(presence, key=lambda one: one.start):
        total += max(0, each.end - max(each.start, until))
        until = max(until, each.end)
    return total


def by_hour(raised: Iterable[AlarmAct], zone: str) -> list[int]:
    """Alarms by hour of the local day."""
    place = ZoneInfo(zone)
    counts = Counter(datetime.fromtimestamp(act.at / SECOND, UTC).astimezone(place).hour for act in raised)
    return [counts[hour] for hour in range(24)]


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
