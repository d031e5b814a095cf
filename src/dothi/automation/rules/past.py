"""One rule over columns of the past: conditions become flips in bulk, of which the machine of live makes effects."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dothi.automation.rules.columns import Series
from dothi.automation.rules.event import Effect, Event, Flip
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.program import Program, Watch


class Past:
    """Takes the series of entities in any order, then runs. The result is that of `Engine` over the same events."""

    def __init__(self, machine: Machine, end: int) -> None:
        self._machine = machine
        self._program: Program = machine.program
        self._end = end
        self._flips: list[tuple[int, bool, str, int, Flip]] = []
        self._links: list[Event] = []
        self.events = 0

    def know(self, event: Event) -> None:
        """A relation or an area of an entity that stands for the whole time."""
        self._links.append(event)

    def take(self, series: Sequence[Series]) -> None:
        """All series of one entity."""
        self.events += sum(len(one.times) for one in series)
        for number, watch in enumerate(self._program.watches):
            heard = [one for one in series if watch.listens(one.types, one.attribute) and self._is_meant(watch, one)]
            if heard:
                for flip in watch.leaf.past(heard, self._end):
                    if flip.time <= self._end:
                        self._flips.append((flip.time, flip.timed, flip.entity, number, flip))

    def _is_meant(self, watch: Watch, series: Series) -> bool:
        program = self._program
        if program.only is None or (watch.reach and not (program.is_area and len(watch.reach) == 1)):
            return True
        return program.only.fullmatch(series.entity) is not None

    def run(self) -> list[Effect]:
        """The effects in order of time, the clock's up to the end included."""
        machine = self._machine
        self._learn()
        self._flips.sort(key=lambda each: each[:4])
        clock = machine.timers
        for time, of_time in groupby(self._flips, key=lambda each: each[0]):
            clock.before(time)
            for _, _, _, number, flip in of_time:
                machine.flip(self._program.watches[number], flip)
        clock.until(self._end)
        return machine.out

    def _learn(self) -> None:
        machine = self._machine
        for event in self._links:
            if self._program.takes(event.entity, event.types):
                machine.met.add(event.entity)
        for event in self._links:
            for bond in self._program.bonds:
                if event.attribute in bond.attributes:
                    is_other = not bond.others or not bond.others.isdisjoint(event.types)
                    bond.relation.learn(event.entity, event.value, is_other)
