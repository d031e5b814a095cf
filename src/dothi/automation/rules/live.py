"""The rules at work: follows the feed from a durable cursor, evaluates, carries out, and keeps what each rule knows."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

import msgspec
import orjson
import structlog

from dothi.automation.rules.book import Book, Entry, Mode
from dothi.automation.rules.carry import Hands
from dothi.automation.rules.definition import Condition, SetValue
from dothi.automation.rules.engine import Engine
from dothi.automation.rules.errands import Errands
from dothi.automation.rules.event import SECOND, Act, Clear, Effect, Raise
from dothi.automation.rules.keeping import export, restore
from dothi.automation.rules.leaves import SilentLeaf
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.program import Iris, build
from dothi.automation.rules.seeding import links, seed
from dothi.automation.rules.stream import events_of, value_in
from dothi.broker.clock import wall_clock
from dothi.broker.feed import Feed, Follower
from dothi.model.change import Change
from dothi.model.entity import instances
from dothi.model.errors import Overloaded
from dothi.model.geo import LOCATION
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

FOLLOWER: Final = "rules"
#: Kinds of records: what each rule remembers, and errands that were not done yet.
STATE, ERRAND = "rule-state", "rule-errand"
#: Seconds between two looks at the clock, and between two times of keeping: after effects, and without.
TICK, SOON, LATER = 1.0, 2.0, 15.0
#: Seconds by which the wall clock may jump before it is told, and silence is counted anew.
JUMP: Final = 60.0
#: What is listed of a rule, and raises that are counted.
RECENT, COUNTED = 50, 10_000
DAY: Final = 86_400 * SECOND

Deed = Literal["raise", "clear", "set", "notify", "webhook", "procedure"]


@dataclass(slots=True)
class Fired:
    at: int
    what: Deed
    source: str
    value: Any
    done: bool


@dataclass(slots=True)
class Work:
    """One rule that is evaluated."""

    entry: Entry
    machine: Machine | None = None
    problem: str | None = None
    raises: deque[int] = field(default_factory=lambda: deque(maxlen=COUNTED))
    recent: deque[Fired] = field(default_factory=lambda: deque(maxlen=RECENT))


class LiveRules:
    """Runs the rules of `book` over one store. `iris` gives the IRIs of a short name."""

    def __init__(
        self, store: Store, book: Book, iris: Iris, hands: Hands, *, now: Callable[[], int] = wall_clock
    ) -> None:
        self._store, self._book, self._iris, self._hands, self._now = store, book, iris, hands, now
        self.engine = Engine()
        self.works: dict[str, Work] = {}
        self._touched: dict[str, Entry | None] = {}
        self._errands = Errands(self._patiently, self._errand_done)
        self._kept = 0.0
        self._dirty = self._urgent = False
        self._clocks = (0, 0.0)

    async def run(self) -> None:
        """Work until cancelled."""
        self.engine, self.works = Engine(), {}
        self._errands = Errands(self._patiently, self._errand_done)
        await self._book.open()
        self._book.changed = self._touch
        follower = await Feed(self._store).follow(FOLLOWER)
        try:
            states = await self._store.records(STATE)
            for id, entry in self._book.entries.items():
                await self._install(entry, states.get(id))
            for document in (await self._store.records(ERRAND)).values():
                self._errands.waiting.append(msgspec.convert(document, Act))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._errands.run())
                group.create_task(self._follow(follower))
        finally:
            follower.close()

    def _touch(self, id: str, entry: Entry | None) -> None:
        self._touched[id] = entry

    async def _follow(self, follower: Follower) -> None:
        self._clocks = (self._now(), time.monotonic())
        await self._carry_out(self.engine.drain())
        batches = follower.batches()
        arriving = asyncio.ensure_future(batches.__anext__())
        try:
            while True:
                await asyncio.wait({arriving}, timeout=0 if self._touched else TICK)
                await self._change_rules()
                if arriving.done():
                    self._take(arriving.result())
                    arriving = asyncio.ensure_future(batches.__anext__())
                    await asyncio.sleep(0)
                elif not follower.behind:
                    self._look_at_clock()
                await self._carry_out(self.engine.drain())
                await self._keep(follower)
        finally:
            arriving.cancel()

    def _take(self, batch: Sequence[Change]) -> None:
        take = self.engine.take
        for change in batch:
            for event in events_of(change):
                take(event)
        self._dirty = True

    def _look_at_clock(self) -> None:
        """Bring the engine to the present. A wall clock that jumped ahead says nothing about the devices."""
        now, steady = self._now(), time.monotonic()
        jump = (now - self._clocks[0]) / SECOND - (steady - self._clocks[1])
        self._clocks = (now, steady)
        if abs(jump) > JUMP:
            log.warning("the clock jumped; silence of devices is counted anew", seconds=round(jump))
            self._listen_since(now)
        self.engine.advance(now)

    def _listen_since(self, now: int) -> None:
        for machine in self.engine.machines.values():
            _listen(machine, now)

    # --- which rules run ----------------------------------------------------------------------------------------

    async def _change_rules(self) -> None:
        while self._touched:
            id, entry = self._touched.popitem()
            was = self.works.get(id)
            if entry is not None and was is not None and was.machine is not None and _is_same(was.entry, entry):
                was.entry = entry
                continue
            if was is not None:
                await self._uninstall(was)
            if entry is None:
                self.works.pop(id, None)
                await self._store.write(partial(_forget, id))
            else:
                await self._install(entry, None)
            self._urgent = True

    async def _uninstall(self, work: Work) -> None:
        await self._carry_out(self.engine.drain())
        self.engine.remove(work.entry.rule.id, self._now())
        await self._carry_out(self.engine.drain())

    async def _install(self, entry: Entry, state: dict[str, Any] | None) -> None:
        was = self.works.get(entry.rule.id)
        work = self.works[entry.rule.id] = Work(entry)
        if was is not None:
            work.raises, work.recent = was.raises, was.recent
        if entry.mode == "off":
            return
        try:
            places = await self.places(entry.rule.when)
            program = build(entry.rule, self._iris, places.get)
        except ValueError as error:
            work.problem = str(error)
            log.warning("a rule cannot run", rule=entry.rule.id, error=str(error))
            return
        machine = Machine(entry.rule, program, self.engine.timers, self.engine.effects)
        now = self._now()
        if state is not None and state["version"] == entry.version and state["mode"] == entry.mode:
            async for event in links(self._store, program):
                for number, bond in enumerate(program.bonds):
                    if event.attribute in bond.attributes:
                        is_other = not bond.others or not bond.others.isdisjoint(event.types)
                        machine.learn(number, event.entity, event.value, is_other, event.time)
            restore(machine, state, now)
            self.engine.add(machine)
            _listen(machine, now)
            self.engine.resume(machine)
            work.raises.extend(state["raises"])
        else:
            await seed(self._store, machine, self.engine, now)
            await self._clear_strangers(entry, machine, now)
        work.machine = machine

    async def _clear_strangers(self, entry: Entry, machine: Machine, now: int) -> None:
        """Alarms that an earlier version of the rule left behind, and that this one does not raise."""
        if entry.mode != "on" or self._hands.alarms is None:
            return
        for id, source in self._hands.alarms.standing(entry.rule.id):
            if source is None or source not in machine.standings or machine.standings[source].stage != "on":
                await self._hands.alarms.clear_id(id, entry.rule.id, now)

    async def places(self, when: Condition) -> dict[str, Any]:
        """The GeoJSON locations of the entities that the geofences of a condition name, by id."""
        found: dict[str, Any] = {}
        for id in set(_areas(when)):
            entity = await self._store.entity(id)
            location = [] if entity is None else instances(entity.attributes.get(LOCATION))
            if location:
                found[id] = value_in(location[0])
        return found

    # --- what they want -----------------------------------------------------------------------------------------

    async def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            work = self.works.get(effect.rule)
            if work is None:
                continue
            if isinstance(effect, Raise) and not effect.held:
                work.raises.append(effect.at)
            mode: Mode = work.entry.mode
            done = mode == "on" or (isinstance(effect, Clear) and effect.why == "rule")
            work.recent.appendleft(Fired(effect.at, _deed(effect), effect.source, effect.value, done))
            self._urgent = True
            if done:
                await self._do(work, effect)

    async def _do(self, work: Work, effect: Effect) -> None:
        if isinstance(effect, Act) and not isinstance(effect.action, SetValue):
            await self._errands.put(effect)
            return
        problem = await self._patiently(effect)
        work.problem = problem if problem is not None else work.problem

    async def _patiently(self, effect: Effect) -> str | None:
        while True:
            try:
                return await self._hands.carry_out(effect)
            except Overloaded:
                await asyncio.sleep(0.2)

    def _errand_done(self, act: Act, problem: str | None) -> None:
        work = self.works.get(act.rule)
        if work is not None:
            work.problem = problem
        self._dirty = True

    # --- what they know -----------------------------------------------------------------------------------------

    async def _keep(self, follower: Follower) -> None:
        """Keep the cursor, what each rule knows and the errands, in one commit: a restart goes on from here."""
        passed = time.monotonic() - self._kept
        if not ((self._urgent and passed > SOON) or (self._dirty and passed > LATER)):
            return
        self._kept, self._dirty, self._urgent = time.monotonic(), False, False
        seq = follower.position
        states = {
            id: orjson.Fragment(orjson.dumps({
                **export(work.machine), "version": work.entry.version, "mode": work.entry.mode,
                "raises": list(work.raises),
            }))
            for id, work in self.works.items() if work.machine is not None
        }  # fmt: skip
        errands = {act.key: msgspec.to_builtins(act) for act in self._errands.waiting}
        waiting = (await self._store.records(ERRAND)).keys()

        def work(tx: Transaction) -> None:
            for id, state in states.items():
                tx.put_record(STATE, id, state)
            for key in waiting - errands.keys():
                tx.drop_record(ERRAND, key)
            for key, act in errands.items():
                tx.put_record(ERRAND, key, act)
            follower.save(tx, seq)

        try:
            await self._store.write(work)
        except Overloaded:
            self._dirty = True


def _is_same(old: Entry, new: Entry) -> bool:
    return (old.mode, old.rule) == (new.mode, new.rule)


def _forget(id: str, tx: Transaction) -> None:
    tx.drop_record(STATE, id)


def _listen(machine: Machine, now: int) -> None:
    for watch in machine.program.watches:
        if isinstance(watch.leaf, SilentLeaf):
            watch.leaf.listening_since = now


def _deed(effect: Effect) -> Deed:
    if isinstance(effect, Act):
        return effect.action.__struct_config__.tag  # type: ignore[return-value]
    return "raise" if isinstance(effect, Raise) else "clear"


def _areas(when: Any) -> list[str]:
    own = getattr(when, "area_of", None)
    parts = [*getattr(when, "of", ()), *([when.when] if hasattr(when, "when") else [])]
    return ([own] if own else []) + [area for part in parts for area in _areas(part)]
