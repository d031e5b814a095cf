"""The incidents of a city: proposed from what comes in, opened by a person, led, merged, split, each act durable."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as replaced
from typing import Any, Final

from msgspec.structs import replace

from dothi.automation.alarms.alarm import RANK, SEVERITIES, Severity, Words
from dothi.automation.alarms.entity import TYPE as ALERT
from dothi.automation.incidents import transitions as steps
from dothi.automation.incidents.area import around, checked
from dothi.automation.incidents.entity import ACT, NOTE, TYPE, act_of, difference, draft, incident_of, note_entity
from dothi.automation.incidents.evidence import REPORT_TYPES, Evidence, evidence_of
from dothi.automation.incidents.grouping import MOST_EVIDENCE, Candidate, candidates, distance
from dothi.automation.incidents.incident import PREFIX, STATES, Act, Incident, MemberKind, State
from dothi.automation.incidents.similarity import fold
from dothi.automation.incidents.words import KINDS
from dothi.broker.clock import wall_clock
from dothi.model import patch
from dothi.model.aliases import Aliases
from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData, Conflict, ResourceNotFound
from dothi.model.instant import format_instant
from dothi.model.query import AnyOf, AttributePath, EntityQuery, Name, Order, Window
from dothi.storage.store import Store, Transaction

#: Members that an incident may have, and incidents that a city may keep in its list.
MOST_MEMBERS: Final = 2_000
MOST_INCIDENTS: Final = 10_000
MOST_ACTS: Final = 5_000

_HOUR: Final = 3_600_000_000
#: An open incident of the same kind so near takes a candidate in, rather than a new one being opened.
_NEAR: Final = 3_000.0

Change = Callable[[Incident, int], Incident]


class Incidents:
    """One city's incidents. `names` turns IRIs of reports into short names; `by` is always an operator's id."""

    def __init__(self, store: Store, names: Aliases, *, now: Callable[[], int] = wall_clock) -> None:
        self._store = store
        self._names = names
        self._now = now

    # --- reading ----------------------------------------------------------------------------------------------------

    async def get(self, id: str) -> Incident:
        """One incident, whatever its state. Raises ResourceNotFound."""
        entity = await self._store.entity(id)
        incident = None if entity is None else incident_of(entity)
        if incident is None:
            raise _unknown(id)
        return incident

    async def all(self, states: Sequence[State] = (), text: str = "") -> list[Incident]:
        """Incidents in these states (none: all) whose words hold every word of `text`: open ones first, the worst and
        newest of them before the others."""
        query = EntityQuery(types=Name(TYPE), limit=MOST_INCIDENTS)
        found = [each for entity in (await self._store.entities(query)).entities if (each := incident_of(entity))]
        words = fold(text).split()
        kept = [
            each
            for each in found
            if (not states or each.state in states) and all(word in _searched(each) for word in words)
        ]
        kept.sort(key=lambda each: (not each.is_open(), RANK[each.severity] if each.is_open() else 0, -each.opened_at))
        return kept

    async def members(self, incident: Incident) -> list[Evidence]:
        """What belongs to an incident, in order of time; entities that are gone are left out."""
        return sorted(await self.evidence(incident.members), key=lambda each: (each.at, each.id))

    async def evidence(self, ids: Sequence[str]) -> list[Evidence]:
        """The alarms, reports and notes among these entities."""
        if not ids:
            return []
        entities = (await self._store.entities(EntityQuery(ids=tuple(ids), limit=len(ids)))).entities
        return [found for entity in entities if (found := evidence_of(entity, self._names))]

    async def acts(self, ids: Sequence[str]) -> list[tuple[str, Act]]:
        """(incident, act) of these incidents in order of time: their audit, read from the history."""
        histories = await self._store.history(ids, (ACT,), Window(), limit=MOST_ACTS) if ids else []
        found = [
            (history.id, act)
            for history in histories
            for instance in history.attributes.get(ACT, ())
            if (act := act_of(instance.get("json"))) is not None
        ]
        return sorted(found, key=lambda pair: (pair[1].at, pair[0]))

    async def candidates(self, hours: float = 12, near: Sequence[str] = ()) -> list[Candidate]:
        """What of the last hours may be one thing and belongs to no incident yet.

        `near`: only candidates that hold one of these ids; a single piece of evidence is enough then.
        """
        since = self._now() - int(hours * _HOUR)
        open = [each for each in await self.all() if each.is_open()]
        taken = {id for each in await self.all() if each.state != "merged" for id in each.members}
        fresh = [each for each in await self._recent(since, near) if each.id not in taken]
        found = await asyncio.to_thread(candidates, fresh, 1 if near else 2)
        if near:
            found = [each for each in found if any(member.id in near for member in each.members)]
        places = [(each, await self._middle(each)) for each in open]
        return [replaced(each, incident=_fitting(each, places)) for each in found]

    # --- acting -----------------------------------------------------------------------------------------------------

    async def open_(
        self,
        members: Sequence[str],
        by: str,
        *,
        title: Words | None = None,
        category: str | None = None,
        severity: Severity | None = None,
        description: str = "",
        reason: str | None = None,
        confirmed: bool = True,
        area: Mapping[str, Any] | None = None,
    ) -> Incident:
        """A person says that these are one incident. What is not given is taken from the members.

        Raises BadRequestData where there is neither a member nor a title, Conflict where a member belongs to another
        open incident.
        """
        found = await self._checked(members)
        if not found and not title:
            raise BadRequestData("title: an incident without alarms, reports or notes needs a title")
        await self._refuse_taken([each.id for each in found], None)
        (proposed,) = candidates(found, 1)[:1] or (None,) if len(found) > 1 else (None,)
        kind = category or (
            proposed.category if proposed else next((each.category for each in found if each.category), "other")
        )
        check_kind(kind)
        worst: Severity = min((each.severity for each in found if each.severity), key=RANK.__getitem__, default="minor")
        words = title or (proposed.title if proposed else found[0].title)
        drawn = None if area is None else checked(area)
        now = self._now()
        incident = steps.opened(
            _new_id(now), words, [(each.kind, each.id) for each in found], severity or worst, kind, by, now, reason,
            "confirmed" if confirmed else "new",
        )  # fmt: skip
        incident = replace(
            incident, description=description, drawn=drawn is not None, area=drawn or around(_points(found))
        )

        def work(tx: Transaction) -> Incident:
            return _kept(tx, None, incident)

        return await self._store.write(work)

    async def change(self, id: str, change: Change, seen: int | None = None) -> Incident:
        """One pure change of automation.incidents.transitions, made durable. Raises what the change raises."""

        def work(tx: Transaction) -> Incident:
            old = _loaded(tx, id)
            steps.check_seen(old, seen)
            return _kept(tx, old, change(old, self._now()))

        return await self._store.write(work, (id,))

    async def link(self, id: str, members: Sequence[str], by: str, reason: str | None = None) -> Incident:
        """Put alarms, reports and notes into an incident. Raises BadRequestData, Conflict, ResourceNotFound."""
        found = await self._checked(members)
        incident = await self.get(id)
        await self._refuse_taken([each.id for each in found], id)
        everything = await self.members(incident) + found
        kinds = [(each.kind, each.id) for each in found]
        return await self.change(id, lambda old, now: _placed(steps.linked(old, kinds, by, now, reason), everything))

    async def unlink(self, id: str, members: Sequence[str], by: str, reason: str | None = None) -> Incident:
        """Take some out again. Raises BadRequestData, ResourceNotFound."""
        everything = await self.members(await self.get(id))
        return await self.change(
            id, lambda old, now: _placed(steps.unlinked(old, members, by, now, reason), everything)
        )

    async def merge(self, id: str, other: str, by: str, reason: str | None = None, *, back: bool = False) -> Incident:
        """Put another incident into this one, or take that back. Raises BadRequestData, Conflict, ResourceNotFound."""
        one, two = await self.get(id), await self.get(other)
        everything = await self.members(one) + await self.members(two)

        def work(tx: Transaction) -> Incident:
            target, source = _loaded(tx, id), _loaded(tx, other)
            now = self._now()
            act = steps.unmerged if back else steps.merged
            target_after, source_after = act(target, source, by, now, reason)
            _kept(tx, source, source_after)
            return _kept(tx, target, _placed(target_after, everything))

        return await self._store.write(work, (id, other))

    async def split(
        self, id: str, members: Sequence[str], title: Words, by: str, reason: str | None = None
    ) -> tuple[Incident, Incident]:
        """Make some members an incident of their own; both after it. Raises BadRequestData, ResourceNotFound."""
        everything = await self.members(await self.get(id))

        def work(tx: Transaction) -> tuple[Incident, Incident]:
            old = _loaded(tx, id)
            now = self._now()
            left, part = steps.split(old, members, _new_id(now), title, by, now, reason)
            return _kept(tx, old, _placed(left, everything)), _kept(tx, None, _placed(part, everything))

        return await self._store.write(work, (id,))

    async def edit(
        self, id: str, by: str, changes: Mapping[str, Any], reason: str | None, seen: int | None
    ) -> Incident:
        """Change title, description, lessons, severity, category or area (None: drawn by itself again)."""
        told = dict(changes)
        if "category" in told:
            check_kind(told["category"])
        if "severity" in told and told["severity"] not in SEVERITIES:
            raise BadRequestData(f"severity: {told['severity']!r} is none of {', '.join(SEVERITIES)}")
        if "area" in told:
            told["drawn"] = told["area"] is not None
            told["area"] = (
                checked(told["area"]) if told["drawn"] else around(_points(await self.members(await self.get(id))))
            )
        return await self.change(id, lambda old, now: steps.edited(old, by, now, reason, **told), seen)

    async def note(self, text: str, by: str, location: Mapping[str, Any] | None = None, category: str = "") -> Evidence:
        """Write down what was told by telephone or seen; it may become part of an incident. Raises BadRequestData."""
        if not text.strip():
            raise BadRequestData("text: a note needs words")
        if category:
            check_kind(category)
        now = self._now()
        id = f"urn:ngsi-ld:DeskNote:{secrets.token_hex(6)}"
        entity = note_entity(id, text.strip(), by, now, location, category)

        def work(tx: Transaction) -> Entity:
            outcome = patch.create(entity, tx.now)
            tx.save(outcome.entity, "created", outcome.changes, Cause(f"operator:{by}"))
            return outcome.entity

        found = evidence_of(await self._store.write(work), self._names)
        assert found is not None
        return found

    # --- within -----------------------------------------------------------------------------------------------------

    async def _recent(self, since: int, near: Sequence[str]) -> list[Evidence]:
        reports = [iri for name in REPORT_TYPES for iri in self._names.iris(name)]
        newest = (Order(AttributePath(("modifiedAt",)), descending=True),)
        found: dict[str, Evidence] = {}
        for types in ((ALERT,), tuple(reports), (NOTE,)):
            query = EntityQuery(types=AnyOf(tuple(Name(iri) for iri in types)), order=newest, limit=MOST_EVIDENCE)
            for entity in (await self._store.entities(query)).entities:
                each = evidence_of(entity, self._names)
                if each is not None and (each.at >= since or (each.kind == "alarm" and each.open)):
                    found[each.id] = each
        for each in await self.evidence([id for id in near if id not in found]):
            found[each.id] = each
        return list(found.values())

    async def _checked(self, members: Sequence[str]) -> list[Evidence]:
        if len(members) > MOST_MEMBERS:
            raise BadRequestData(f"members: at most {MOST_MEMBERS}")
        found = await self.evidence(list(dict.fromkeys(members)))
        missing = sorted(set(members) - {each.id for each in found})
        if missing:
            raise BadRequestData(f"members: {missing[0]} is no alarm, citizens' report or note of this city")
        return found

    async def _refuse_taken(self, members: Sequence[str], own: str | None) -> None:
        for incident in await self.all():
            shared = set(members) & set(incident.members)
            if incident.is_open() and incident.id != own and shared:
                raise Conflict(
                    f"{min(shared)} belongs to the open incident {incident.id} already: merge the two, or unlink it.",
                    by=incident.opened_by,
                    at=incident.opened_at // 1000,
                    incident=incident.id,
                )

    async def _middle(self, incident: Incident) -> tuple[float, float] | None:
        points = _points(await self.members(incident))
        return (
            (sum(lon for lon, _ in points) / len(points), sum(lat for _, lat in points) / len(points))
            if points
            else None
        )


def check_kind(kind: str) -> None:
    """Raises BadRequestData where there is no such kind of incident."""
    if kind not in KINDS:
        raise BadRequestData(f"category: {kind!r} is none of {', '.join(KINDS)}")


def check_states(text: str) -> tuple[State, ...]:
    """The states of a comma-separated list; "open" stands for all that are open. Raises BadRequestData."""
    found: list[State] = []
    for word in filter(None, (each.strip() for each in text.split(","))):
        if word == "open":
            found += ["new", "confirmed", "working", "contained"]
        elif word in STATES:
            found += [state for state in STATES if state == word]
        elif word != "all":
            raise BadRequestData(f"state: {word!r} is none of open, all, {', '.join(STATES)}")
    return tuple(found)


def _placed(incident: Incident, everything: Sequence[Evidence]) -> Incident:
    """With its area drawn anew around its members, unless a person drew it."""
    if incident.drawn:
        return incident
    area = around(_points([each for each in everything if each.id in set(incident.members)]))
    return incident if area == incident.area else replace(incident, area=area)


def _points(evidence: Sequence[Evidence]) -> list[tuple[float, float]]:
    return [each.point for each in evidence if each.point is not None]


def _fitting(candidate: Candidate, places: Sequence[tuple[Incident, tuple[float, float] | None]]) -> str | None:
    for incident, middle in places:
        near = [
            distance(middle, each.point) <= _NEAR for each in candidate.members if middle is not None and each.point
        ]
        if incident.category == candidate.category and near and sum(near) * 2 >= len(near):
            return incident.id
    return None


def _loaded(tx: Transaction, id: str) -> Incident:
    entity = tx.load((id,)).get(id)
    incident = None if entity is None else incident_of(entity)
    if incident is None:
        raise _unknown(id)
    return incident


def _kept(tx: Transaction, old: Incident | None, new: Incident) -> Incident:
    if old is new:
        return new
    cause = Cause(f"operator:{new.last_act.by}" if new.last_act else "operator")
    if old is None:
        outcome = patch.create(draft(new), tx.now)
        tx.save(outcome.entity, "created", outcome.changes, cause)
        return new
    outcome = patch.update(tx.load((new.id,))[new.id], difference(old, new), tx.now)
    if outcome.changed:
        tx.save(outcome.entity, "updated", outcome.changes, cause)
    return new


def _new_id(now: int) -> str:
    return f"{PREFIX}{format_instant(now)[:10].replace('-', '')}-{secrets.token_hex(3)}"


def _searched(incident: Incident) -> str:
    words = (*incident.title.values(), incident.description, incident.lessons, incident.id, incident.commander or "")
    return fold(" ".join(words))


def _unknown(id: str) -> ResourceNotFound:
    return ResourceNotFound(f"There is no incident {id}; GET /api/incidents?state=all lists what there is.")


__all__ = ["Incidents", "MemberKind", "check_kind", "check_states"]
