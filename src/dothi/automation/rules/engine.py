"""All rules over one ordered stream of events: which rule listens to what, and the clock that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dothi.automation.rules.event import EVER, Effect, Event
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.program import Watch
from dothi.automation.rules.timers import Timers

#: Rules that stand between an event and the outside: beyond that it is a loop, and not looked at.
DEEPEST: Final = 4


class _Listener:
    """One simple condition of one rule; counts the entities that wait for the clock."""

    __slots__ = ("_timers", "_waiting", "machine", "watch")

    def __init__(self, machine: Machine, watch: Watch, timers: Timers) -> None:
        self.machine = machine
        self.watch = watch
        self._timers = timers
        self._waiting: set[str] = set()

    def take(self, event: Event) -> None:
        if event.time == EVER:
            return
        leaf = self.watch.leaf
        flip = leaf.take(event)
        if flip is not None:
            self.machine.flip(self.watch, flip)
        if leaf.patience is not None and event.entity not in self._waiting:
            self.expect(event.entity)

    def expect(self, entity: str) -> None:
        due = self.watch.leaf.due(entity)
        if due is not None:
            self._waiting.add(entity)
            self._timers.push(due, 0, self, "elapse", entity)

    def wake(self, what: str, key: Any, time: int) -> None:
        self._waiting.discard(key)
        flip = self.watch.leaf.elapse(key, time)
        if flip is None:
            self.expect(key)
        else:
            self.machine.flip(self.watch, flip)


class _Learner:
    """One relation of one rule."""

    __slots__ = ("machine", "number")

    def __init__(self, machine: Machine, number: int) -> None:
        self.machine = machine
        self.number = number

    def take(self, event: Event) -> None:
        bond = self.machine.program.bonds[self.number]
        others = bond.others
        is_other = not others or not others.isdisjoint(event.types)
        self.machine.learn(self.number, event.entity, event.value, is_other, event.time, event.depth)


class _Meeter:
    """Tells a rule with relations which entities it is about."""

    __slots__ = ("machine",)

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def take(self, event: Event) -> None:
        if self.machine.program.takes(event.entity, event.types):
            self.machine.met.add(event.entity)


class Engine:
    """Takes events in order of time; `effects` gathers what the rules want done. No clock of its own, no I/O."""

    def __init__(self) -> None:
        self.machines: dict[str, Machine] = {}
        self.effects: list[Effect] = []
        self.timers = Timers()
        #: Events that were not looked at, since too many rules stand before them.
        self.loops = 0
        self.now = -(1 << 62)
        self._routes: dict[tuple[tuple[str, ...], str], tuple[Any, ...]] = {}
        self._listeners: dict[str, list[_Listener]] = {}

    def add(self, machine: Machine) -> None:
        """Let a rule work from now on. It was built with this engine's `timers` and `effects`."""
        self.machines[machine.rule.id] = machine
        self._listeners[machine.rule.id] = [_Listener(machine, each, self.timers) for each in machine.program.watches]
        self._routes.clear()

    def remove(self, id: str, now: int) -> None:
        """Stop a rule; what it had raised is cleared."""
        machine = self.machines.pop(id, None)
        if machine is not None:
            self.forget(machine)
            machine.stop(now)

    def forget(self, machine: Machine) -> None:
        self.machines.pop(machine.rule.id, None)
        self._listeners.pop(machine.rule.id, None)
        self._routes.clear()

    def take(self, event: Event) -> None:
        """Bring the clock to the event, then let every rule that listens follow it."""
        if event.depth >= DEEPEST:
            self.loops += 1
            return
        if event.time > self.now:
            self.now = event.time
            if self.timers.next < event.time:
                self.timers.before(event.time)
        key = (event.types, event.attribute)
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = self._route(event.types, event.attribute)
        for listener, machine in route:
            if machine is None or machine.program.only.fullmatch(event.entity) is not None:
                listener.take(event)

    def advance(self, now: int) -> None:
        """Bring the clock to `now`; it never goes back."""
        if now > self.now:
            self.now = now
        self.timers.until(self.now)

    def resume(self, machine: Machine) -> None:
        """Wait again for the clock, after the state of the rule was restored."""
        for listener in self._listeners[machine.rule.id]:
            for entity in listener.watch.leaf.export():
                listener.expect(entity)

    def drain(self) -> list[Effect]:
        """The effects since the last time."""
        found = self.effects.copy()
        self.effects.clear()
        return found

    def _route(self, types: Sequence[str], attribute: str) -> tuple[Any, ...]:
        """(who listens, the machine whose `only` must match or None), relations before conditions."""
        found: list[tuple[Any, Machine | None]] = []
        for id, machine in self.machines.items():
            program = machine.program
            only = machine if program.only is not None else None
            if program.bonds and (not program.types or not program.types.isdisjoint(types)):
                found.append((_Meeter(machine), None))
            for number, bond in enumerate(program.bonds):
                if attribute in bond.attributes:
                    found.append((_Learner(machine, number), None))
            for listener in self._listeners[id]:
                watch = listener.watch
                if watch.listens(types, attribute):
                    of_subject = not watch.reach or (program.is_area and len(watch.reach) == 1)
                    found.append((listener, only if of_subject else None))
        return tuple(found)
