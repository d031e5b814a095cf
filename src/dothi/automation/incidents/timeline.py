"""The timeline of an incident: its own acts, its alarms', reports, notes and procedures' steps, at their true times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from dothi.automation.alarms.alarm import Act as AlarmAct
from dothi.automation.alarms.alarm import Words
from dothi.automation.incidents.evidence import Evidence
from dothi.automation.incidents.incident import Act, Incident
from dothi.automation.incidents.incidents import Incidents
from dothi.automation.incidents.words import DEEDS, EVENTS, STATES


@dataclass(frozen=True, slots=True)
class Event:
    """One line. `at` is in microseconds; `source` is incident, alarm, report, note or procedure.

    `deed` is what kind of thing happened within the source; `what` names it for people; `subject` is the entity that
    it is about, with `title`; `text` is what somebody wrote.
    """

    at: int
    source: str
    deed: str
    what: Words
    by: str | None = None
    subject: str | None = None
    title: Words | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A procedure's run about the incident, with what was done in it."""

    id: str
    title: Words
    status: str
    started_at: int
    ended_at: int | None
    events: tuple[Event, ...]


#: The acts on these alarms (ids), in any order.
AlarmActs = Callable[[Sequence[str]], Awaitable[Sequence[AlarmAct]]]
#: The procedures' runs about these entities (the incident and its alarms).
Runs = Callable[[Sequence[str]], Awaitable[Sequence[Run]]]


async def no_alarm_acts(ids: Sequence[str]) -> Sequence[AlarmAct]:
    return ()


async def no_runs(ids: Sequence[str]) -> Sequence[Run]:
    return ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """Reads the timeline of an incident from the parts that know it."""

    incidents: Incidents
    alarm_acts: AlarmActs = no_alarm_acts
    runs: Runs = no_runs

    async def events(
        self, incident: Incident, members: Sequence[Evidence], runs: Sequence[Run] | None = None
    ) -> list[Event]:
        """Every event in order of time."""
        events = [_act(id, act, members) for id, act in await self.incidents.acts([incident.id])]
        events += _told(members)
        titles = {each.id: each.title for each in members}
        events += [_alarm(act, titles.get(act.alarm)) for act in await self.alarm_acts(incident.alarms)]
        for run in await self.runs_of(incident) if runs is None else runs:
            events += run.events
        return sorted(events, key=lambda event: (event.at, event.source, event.subject or ""))

    async def runs_of(self, incident: Incident) -> Sequence[Run]:
        """The procedures' runs about the incident or one of its alarms."""
        return await self.runs((incident.id, *incident.alarms))


def _act(id: str, act: Act, members: Sequence[Evidence]) -> Event:
    what = DEEDS[act.deed]
    state = STATES.get(act.to or "")
    if act.deed == "state" and state is not None:
        what = {lang: f"{what[lang]}: {state[lang]}" for lang in what}
    elif act.deed == "commander":
        what = {lang: f"{what[lang]}: {act.to or '–'}" for lang in what}
    elif act.deed in ("link", "unlink", "merge", "split", "open", "unmerge") and act.members:
        what = {lang: f"{what[lang]} ({len(act.members)})" for lang in what}
    task: Words | None = {"vi": act.task, "en": act.task} if act.task else None
    return Event(act.at, "incident", act.deed, what, act.by, act.other or id, task, act.reason)


def _told(members: Sequence[Evidence]) -> list[Event]:
    """Reports and notes at the time of which they tell; alarms tell by their acts."""
    return [
        Event(each.at, each.kind, each.kind, EVENTS[each.kind], each.by, each.id, each.title, each.text)
        for each in members
        if each.kind != "alarm"
    ]


def _alarm(act: AlarmAct, title: Words | None) -> Event:
    what = EVENTS.get(f"alarm.{act.deed}", EVENTS["alarm"])
    return Event(act.at, "alarm", act.deed, what, act.by, act.alarm, title, act.reason)
