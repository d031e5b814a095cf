"""The alarms of a city: raised and cleared by rules, worked on by people, woken by the clock, each write durable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from msgspec.structs import replace

from dothi.automation.alarms.alarm import SYSTEM, Act, Alarm, Raise
from dothi.automation.alarms.board import Board
from dothi.automation.alarms.entity import ACT, act_of, alarm_of, difference, draft
from dothi.automation.alarms.transitions import Order, Source, acted, check, cleared, is_told, raised, woken
from dothi.broker.clock import wall_clock
from dothi.model import patch
from dothi.model.aliases import Aliases
from dothi.model.attribute import NGSI_LD
from dothi.model.change import Cause
from dothi.model.entity import VALUE_MEMBER, Entity, instances
from dothi.model.errors import BadRequestData, Overloaded, Problem, ResourceNotFound
from dothi.model.query import Window
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

#: Reports that only count are gathered for so long before they are written, seconds: a flood is not a flood of writes.
GATHER: Final = 2.0
#: Alarms with gathered reports; of more, reports are written at once.
MOST_GATHERED: Final = 10_000
#: Alarms that one bulk order may name.
MOST_BULK: Final = 1_000
#: Acts that one answer of the audit may hold.
MOST_ACTS: Final = 10_000

_LOCATION: Final = NGSI_LD + "location"
_NAMES: Final = ("name", "title", "vehiclePlateIdentifier")

#: told(alarm, act): called on the loop, after the commit, for each alarm raised, worsened, cleared or acted on.
Listener = Callable[[Alarm, Act], None]


@dataclass(frozen=True, slots=True)
class Bulk:
    """What became of a bulk order: the alarms done, and per alarm why not."""

    done: tuple[Alarm, ...]
    refused: tuple[tuple[str, Problem], ...]


class Alarms:
    """One city's alarms. `names` turns the IRIs of types and names into short names; `units` are the texts beside
    numbers by (type, attribute), both short.

    `operator`, `by` and `order.by` are ids of operators; what acts by itself is "system".
    """

    def __init__(
        self,
        store: Store,
        names: Aliases,
        *,
        units: Mapping[tuple[str, str], str] | None = None,
        now: Callable[[], int] = wall_clock,
    ) -> None:
        self._store = store
        self._units = units or {}
        self._names = names
        self._now = now
        self.board = Board(store, now)
        self._listeners: list[Listener] = []
        #: id -> (reports not written yet, the last of them).
        self._gathered: dict[str, tuple[int, Raise]] = {}

    async def open(self) -> None:
        """Read what is stored; call it once, before anything else."""
        await self.board.open()

    def close(self) -> None:
        self.board.close()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of every act; returns how to stop. It must not wait."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def raise_(self, report: Raise, *, cause: Cause | None = None) -> Alarm:
        """Report something abnormal; the alarm after it. Safe to repeat. Raises ValueError, Overloaded."""
        known = self.board.get(report.id)
        if known is not None and is_told(known, report):
            return known
        if known is not None and known.active and known.severity == report.severity and not report.reason:
            return await self._gather(known, report, cause)
        return (await self.raise_all([report], cause=cause))[0]

    async def raise_all(self, reports: Sequence[Raise], *, cause: Cause | None = None) -> list[Alarm]:
        """Report several things in one durable unit of work."""

        def work(tx: Transaction) -> list[Alarm]:
            return [self._raise(tx, report, 1, cause or Cause(f"rule:{report.rule}", 1)) for report in reports]

        await self._flush(*(report.id for report in reports))
        ids = [id for report in reports for id in (report.id, report.source) if id]
        before = {report.id: self.board.get(report.id) for report in reports}
        after = await self._store.write(work, ids)
        self._tell([(alarm, before[alarm.id]) for alarm in after])
        return after

    def raising(self, tx: Transaction, report: Raise, cause: Cause) -> Alarm:
        """Raise within the caller's own unit of work, which keeps the cursor of a rule in the same commit.

        Load `report.id` and `report.source` by the ids of that write. Give what it returns to `committed` afterwards.
        """
        return self._raise(tx, report, 1, cause)

    def clearing(self, tx: Transaction, id: str, cause: Cause, *, at: int | None = None) -> Alarm | None:
        """Clear within the caller's own unit of work; None where there is no such alarm."""
        return self._change(tx, id, lambda old, now: cleared(old, now, at=at), cause, missing_is_fine=True)

    def committed(self, alarms: Sequence[Alarm]) -> None:
        """Tell of alarms that `raising` or `clearing` changed, once that is committed."""
        self._tell([(alarm, None) for alarm in alarms])

    async def clear(
        self, id: str, *, at: int | None = None, by: str = SYSTEM, reason: str | None = None, cause: Cause | None = None
    ) -> Alarm | None:
        """The cause is gone: nothing happens where the alarm is cleared or was never raised. Raises Overloaded."""
        await self._flush(id)
        before = self.board.get(id)

        def work(tx: Transaction) -> Alarm | None:
            change = lambda old, now: cleared(old, now, by=by, reason=reason, at=at)  # noqa: E731
            return self._change(tx, id, change, cause or Cause("rule", 1), missing_is_fine=True)

        alarm = await self._store.write(work, (id,))
        if alarm is not None:
            self._tell([(alarm, before)])
        return alarm

    async def act(self, id: str, order: Order) -> Alarm:
        """Do what a person wants. Raises ResourceNotFound, BadRequestData, and Conflict where another was first."""
        bulk = await self.act_on([id], order)
        if bulk.refused:
            raise bulk.refused[0][1]
        return bulk.done[0]

    async def act_on(self, ids: Sequence[str], order: Order) -> Bulk:
        """Do the same to many alarms, in one durable unit of work; what is refused stops no other."""
        check(order, self._now())
        if len(ids) > MOST_BULK:
            raise BadRequestData(f"ids: {len(ids)} alarms; name {MOST_BULK} at most, or do it in parts.")
        ids = list(dict.fromkeys(ids))
        before = {id: self.board.get(id) for id in ids}

        def work(tx: Transaction) -> Bulk:
            done: list[Alarm] = []
            refused: list[tuple[str, Problem]] = []
            for id in ids:
                try:
                    alarm = self._change(tx, id, lambda old, now: acted(old, order, now), Cause(f"operator:{order.by}"))
                except Problem as problem:
                    refused.append((id, problem))
                else:
                    assert alarm is not None
                    done.append(alarm)
            return Bulk(tuple(done), tuple(refused))

        bulk = await self._store.write(work, ids)
        self._tell([(alarm, before[alarm.id]) for alarm in bulk.done])
        return bulk

    async def get(self, id: str) -> Alarm:
        """One alarm, also one that was closed long ago. Raises ResourceNotFound."""
        alarm = self.board.get(id)
        if alarm is None:
            entity = await self._store.entity(id)
            alarm = None if entity is None else alarm_of(entity)
        if alarm is None:
            raise _unknown(id)
        return alarm

    async def acts(
        self, ids: Sequence[str], start: int | None = None, end: int | None = None, limit: int = MOST_ACTS
    ) -> list[Act]:
        """The audit of these alarms from `start` up to before `end` (microseconds), newest first, at most `limit`."""
        histories = await self._store.history(ids, (ACT,), Window(start, end, last=limit)) if ids else []
        found = [
            act
            for history in histories
            for instance in history.attributes.get(ACT, ())
            if (act := act_of(instance.get("json"))) is not None
        ]
        found.sort(key=lambda act: (act.at, act.alarm), reverse=True)
        return found[:limit]

    async def all_acts(self, start: int, end: int, limit: int = MOST_ACTS) -> list[Act]:
        """The audit of all alarms on the board: what the shift desk counts."""
        touched = [alarm.id for alarm in self.board.everything() if alarm.last_act and alarm.last_act.at >= start]
        return await self.acts(touched, start, end, limit)

    async def run(self) -> None:
        """Wake what was shelved and write gathered reports, until cancelled."""
        while True:
            await asyncio.sleep(GATHER / 2)
            try:
                await self._flush(*self._gathered)
                await self._wake()
            except Overloaded:
                log.warning("the store is busy; alarms are written a moment later")

    async def _wake(self) -> None:
        ids = self.board.shelved_till(self._now())
        if not ids:
            return

        def work(tx: Transaction) -> list[Alarm]:
            found = [self._change(tx, id, woken, Cause("alarms"), missing_is_fine=True) for id in ids]
            return [alarm for alarm in found if alarm is not None]

        before = {id: self.board.get(id) for id in ids}
        self._tell([(alarm, before[alarm.id]) for alarm in await self._store.write(work, ids)])

    async def _gather(self, known: Alarm, report: Raise, cause: Cause | None) -> Alarm:
        if report.id not in self._gathered and len(self._gathered) >= MOST_GATHERED:
            return (await self.raise_all([report], cause=cause))[0]
        count, _ = self._gathered.get(report.id, (0, report))
        self._gathered[report.id] = (count + 1, report)
        return known

    async def _flush(self, *ids: str) -> None:
        """Write gathered reports of these alarms."""
        gathered = {id: self._gathered.pop(id) for id in ids if id in self._gathered}
        if not gathered:
            return

        def work(tx: Transaction) -> list[Alarm]:
            return [
                self._raise(tx, report, count, Cause(f"rule:{report.rule}", 1)) for count, report in gathered.values()
            ]

        before = {each: self.board.get(each) for each in gathered}
        try:
            after = await self._store.write(work, list(gathered))
        except Overloaded:
            for each, (count, report) in gathered.items():
                more, last = self._gathered.get(each, (0, report))
                self._gathered[each] = (count + more, last)
            raise
        self._tell([(alarm, before[alarm.id]) for alarm in after])

    def _raise(self, tx: Transaction, report: Raise, times: int, cause: Cause) -> Alarm:
        stored = tx.load([id for id in (report.id, report.source) if id])
        entity = stored.get(report.id)
        old = None if entity is None else alarm_of(entity)
        if entity is not None and old is None:
            raise ValueError(f"{report.id} is an entity but no alarm: delete it, or give the rule another name")
        source = self._source(stored.get(report.source or ""))
        if not report.unit and report.attribute and source.type:
            report = replace(report, unit=self._units.get((source.type, report.attribute), ""))
        new = raised(old, report, source, tx.now)
        if old is not None and old.active and times > 1:
            new = _counted(new, times - 1)
        _save(tx, entity, old, new, cause)
        return new

    def _change(
        self,
        tx: Transaction,
        id: str,
        change: Callable[[Alarm, int], Alarm],
        cause: Cause,
        *,
        missing_is_fine: bool = False,
    ) -> Alarm | None:
        entity = tx.load((id,)).get(id)
        old = None if entity is None else alarm_of(entity)
        if old is None:
            if missing_is_fine:
                return None
            raise _unknown(id)
        new = change(old, tx.now)
        _save(tx, entity, old, new, cause)
        return new

    def _source(self, entity: Entity | None) -> Source:
        if entity is None:
            return Source()
        iris = [iri for name in _NAMES for iri in self._names.iris(name)]
        name = next((value for iri in iris if (value := _value(entity, iri))), None)
        place = _value(entity, _LOCATION)
        return Source(
            self._names.compact(entity.types[0]),
            name if isinstance(name, str | dict) else None,
            place if isinstance(place, Mapping) else None,
        )

    def _tell(self, changed: Sequence[tuple[Alarm, Alarm | None]]) -> None:
        for alarm, before in changed:
            act = alarm.last_act
            if act is not None and (before is None or before.last_act != act):
                for listener in list(self._listeners):
                    listener(alarm, act)


def _save(tx: Transaction, entity: Entity | None, old: Alarm | None, new: Alarm, cause: Cause) -> None:
    if entity is None or old is None:
        outcome = patch.create(draft(new, tx.now), tx.now)
        tx.save(outcome.entity, "created", outcome.changes, cause)
    elif new is not old:
        outcome = patch.update(entity, difference(old, new, tx.now), tx.now)
        if outcome.changed:
            tx.save(outcome.entity, "updated", outcome.changes, cause)


def _counted(alarm: Alarm, more: int) -> Alarm:
    return replace(alarm, count=alarm.count + more)


def _value(entity: Entity, iri: str) -> Any:
    found = instances(entity.attributes.get(iri))
    if not found:
        return None
    return found[0].get(VALUE_MEMBER.get(found[0].get("type", "Property"), "value"))


def _unknown(id: str) -> ResourceNotFound:
    return ResourceNotFound(f"There is no alarm {id}; GET /api/alarms?state=all lists what there is.")
