"""What a back-test says to people: alarms by hour and day, places, how long, the load of operators, real incidents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from dothi.automation.rules.event import HOUR, SECOND, Act, Clear, Effect, Raise
from dothi.automation.rules.times import ZONE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Episodes and places that are listed.
MOST_EPISODES, MOST_PLACES = 1_000, 2_000
#: Alarms an hour that one operator can handle (ISA-18.2).
MANAGEABLE: Final = 10
#: An incident counts as met when an alarm stood between so long before it began and its end.
BEFORE: Final = HOUR


@dataclass(slots=True)
class Episode:
    """An alarm from raise to clear, in microseconds; `end` None still stands."""

    source: str
    entity: str
    start: int
    end: int | None
    value: Any
    threshold: Any
    incident: str | None = None


@dataclass(frozen=True, slots=True)
class RealIncident:
    """An incident as it was: `sources` are the entities that it was about, empty where that is not known."""

    id: str
    start: int
    end: int | None
    sources: frozenset[str]


#: Source or entity -> name, longitude, latitude.
Place = tuple[Any, float | None, float | None]


def episodes_of(effects: Sequence[Effect]) -> list[Episode]:
    """Raises and clears paired by source, in order of their start; a flood's own alarm is one of them."""
    found: list[Episode] = []
    open_: dict[str, Episode] = {}
    for effect in effects:
        if isinstance(effect, Raise) and effect.source not in open_:
            episode = Episode(effect.source, effect.entity, effect.at, None, effect.value, effect.threshold)
            open_[effect.source] = episode
            found.append(episode)
        elif isinstance(effect, Clear):
            ended = open_.pop(effect.source, None)
            if ended is not None:
                ended.end = effect.at
    return found


def report(
    effects: Sequence[Effect],
    start: int,
    end: int,
    place: Callable[[str], Place],
    incidents: Sequence[RealIncident] = (),
) -> dict[str, Any]:
    """The parts of a BacktestView that come from the effects; times in milliseconds."""
    episodes = episodes_of(effects)
    met = meet(episodes, incidents, end)
    zone = ZoneInfo(ZONE)
    hours = Counter(_start_of(episode.start, zone, whole_day=False) for episode in episodes)
    lengths = [(end if each.end is None else each.end) - each.start for each in episodes]
    return {
        "alarms": len(episodes),
        "days": _counts(Counter(_start_of(episode.start, zone, whole_day=True) for episode in episodes)),
        "hours": _counts(hours),
        "hour_of_day": _hours_of_day(episodes, zone),
        "places": _places(episodes, end, place),
        "durations": _durations(lengths),
        "load": _load(episodes, hours, start, end),
        "overlap": {
            "incidents": len(incidents),
            "met": met,
            "alarms_alone": sum(each.incident is None for each in episodes),
        },
        "episodes": [_episode(each, place) for each in episodes[-MOST_EPISODES:]],
        "effects": dict(Counter(_kind(effect) for effect in effects)),
    }


def meet(episodes: Sequence[Episode], incidents: Sequence[RealIncident], end: int) -> int:
    """Note in each episode the real incident that it overlaps; how many incidents were met."""
    met: set[str] = set()
    for incident in incidents:
        last = end if incident.end is None else incident.end
        for episode in episodes:
            about = not incident.sources or episode.source in incident.sources or episode.entity in incident.sources
            until = end if episode.end is None else episode.end
            if about and episode.start <= last and until >= incident.start - BEFORE:
                episode.incident = episode.incident or incident.id
                met.add(incident.id)
    return len(met)


def _start_of(at: int, zone: ZoneInfo, whole_day: bool) -> int:
    moment = (_EPOCH + timedelta(microseconds=at)).astimezone(zone)
    moment = moment.replace(minute=0, second=0, microsecond=0)
    return int((moment.replace(hour=0) if whole_day else moment).timestamp() * 1000)


def _counts(counter: Mapping[int, int]) -> list[dict[str, int]]:
    return [{"at": at, "alarms": alarms} for at, alarms in sorted(counter.items())]


def _hours_of_day(episodes: Sequence[Episode], zone: ZoneInfo) -> list[int]:
    found = [0] * 24
    for episode in episodes:
        found[(_EPOCH + timedelta(microseconds=episode.start)).astimezone(zone).hour] += 1
    return found


def _places(episodes: Sequence[Episode], end: int, place: Callable[[str], Place]) -> list[dict[str, Any]]:
    alarms: Counter[str] = Counter()
    stood: Counter[str] = Counter()
    entity: dict[str, str] = {}
    for each in episodes:
        alarms[each.source] += 1
        stood[each.source] += (end if each.end is None else each.end) - each.start
        entity[each.source] = each.entity
    found = []
    for source, count in alarms.most_common(MOST_PLACES):
        name, lon, lat = place(source)
        if lon is None:
            _, lon, lat = place(entity[source])
        seconds = stood[source] / SECOND
        found.append({"source": source, "name": name, "lon": lon, "lat": lat, "alarms": count, "seconds": seconds})
    return found


def _durations(lengths: Sequence[int]) -> dict[str, float | None]:
    if not lengths:
        return {"median": None, "p90": None, "longest": None}
    median, p90 = np.percentile(np.array(lengths) / SECOND, (50, 90)).tolist()
    return {"median": median, "p90": p90, "longest": max(lengths) / SECOND}


def _load(episodes: Sequence[Episode], hours: Mapping[int, int], start: int, end: int) -> dict[str, Any]:
    steps = sorted(
        [(each.start, 1) for each in episodes] + [(each.end, -1) for each in episodes if each.end is not None]
    )
    standing = np.cumsum([step for _, step in steps]) if steps else np.zeros(1)
    return {
        "mean_per_hour": len(episodes) / max((end - start) / HOUR, 1 / 60),
        "most_per_hour": max(hours.values(), default=0),
        "hours_above_ten": sum(count > MANAGEABLE for count in hours.values()),
        "most_standing": int(standing.max()),
    }


def _episode(each: Episode, place: Callable[[str], Place]) -> dict[str, Any]:
    return {
        "source": each.source,
        "name": place(each.source)[0],
        "start": each.start // 1000,
        "end": None if each.end is None else each.end // 1000,
        "value": each.value if isinstance(each.value, int | float | str | bool | None) else None,
        "threshold": each.threshold,
        "incident": each.incident,
    }


def _kind(effect: Effect) -> str:
    if isinstance(effect, Act):
        return str(effect.action.__struct_config__.tag)
    return "raise" if isinstance(effect, Raise) else "clear"
