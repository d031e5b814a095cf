"""One rule at work: from flips of its simple conditions to effects, with delays, times, floods and quiet hours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from dothi.automation.rules.definition import NotifyPeople, Rule, Text
from dothi.automation.rules.durations import micros
from dothi.automation.rules.event import EVER, HOUR, MINUTE, Act, Clear, Effect, Flip, Raise
from dothi.automation.rules.flood import Flood
from dothi.automation.rules.program import Program, Watch, matcher
from dothi.automation.rules.timers import Timers
from dothi.model.instant import parse_instant

#: Raised so often within an hour, a source oscillates, and rests for so long after each time.
OFTEN: Final = 6
REST: Final = 10 * MINUTE

#: idle: not held true; rising: true, waiting for its delay; on: told; held: true, told by the flood's own alarm;
#: falling: told, and not true any more, waiting for its delay.
Stage = Literal["idle", "rising", "on", "held", "falling"]
Why = Literal["over", "schedule", "rule"]


class Standing(msgspec.Struct):
    """How a source stands with the rule; times in microseconds."""

    stage: Stage = "idle"
    deadline: int = 0
    began: int = 0
    ended: int | None = None
    entity: str = ""
    value: Any = None
    threshold: Any = None
    attribute: str | None = None
    depth: int = 0
    recent: list[int] = []


class Machine:
    """Pure but for its own state: the same flips at the same times give the same effects, appended to `out`."""

    def __init__(self, rule: Rule, program: Program, timers: Timers, out: list[Effect]) -> None:
        self.rule = rule
        self.program = program
        self.out = out
        self.standings: dict[str, Standing] = {}
        self.oscillating: set[str] = set()
        self.flood = Flood(rule.most_per_minute)
        #: Entities that the rule is about; kept where it must be told apart from others.
        self.met: set[str] = set()
        self.timers = timers
        self._on, self._off = micros(rule.delay_on), micros(rule.delay_off)
        self._again = micros(rule.again_after)
        self._works = [
            (parse_instant(work.start), parse_instant(work.end), matcher(work.only)) for work in rule.maintenance
        ]
        self._next_time: int | None = None

    # --- what comes in ------------------------------------------------------------------------------------------

    def flip(self, watch: Watch, flip: Flip) -> None:
        """A simple condition changed for an entity."""
        if flip.truth is None:
            watch.node.truths.pop(flip.entity, None)
        else:
            watch.node.truths[flip.entity] = flip.truth
        self._watch_times(flip.time)
        if not watch.reach:
            self._settle(flip.entity, flip.time, watch, flip)
            return
        for subject in self._subjects(flip.entity, watch):
            self._settle(subject, flip.time, watch, flip)

    def learn(self, number: int, entity: str, value: Any, is_other: bool, now: int, depth: int = 0) -> None:
        """The attribute of one of the program's relations changed for an entity."""
        bond = self.program.bonds[number]
        if now == EVER:
            bond.relation.learn(entity, value, is_other)
            return
        before = set(bond.relation.subjects(entity))
        bond.relation.learn(entity, value, is_other)
        self._watch_times(now)
        if bond.reach:
            touched: Iterable[str] = self.known()
        elif self.program.is_area:
            touched = before | set(bond.relation.subjects(entity))
        else:
            touched = before | set(bond.relation.subjects(entity)) | {entity}
        for subject in sorted(touched):
            if self._is_subject(subject):
                self._settle(subject, now, None, Flip(now, entity, None, None, False, depth))

    def wake(self, what: str, key: Any, time: int) -> None:
        """The clock: a delay is over, the schedule changes, a flood may have calmed, people may be told."""
        if what == "times":
            self._times_changed(time)
        elif what == "calm":
            self._calm(time)
        elif what == "tell":
            source, began, action = key
            standing = self.standings.get(source)
            if standing is not None and standing.stage in ("on", "falling") and standing.began == began:
                self.out.append(self._act(source, standing, self.rule.then[action], time, False))
        else:
            standing = self.standings.get(key)
            if standing is not None and standing.deadline == time and standing.stage in ("rising", "falling"):
                if standing.stage == "rising":
                    self._begin(key, standing, time)
                else:
                    self._end(key, standing, time, standing.value, "over")

    def known(self) -> list[str]:
        """Every source of which something is known."""
        if self.program.is_area:
            return sorted({area for watch in self.program.watches for entity in watch.node.truths
                           for area in watch.reach[0].subjects(entity)})  # fmt: skip
        found = {entity for watch in self.program.watches if not watch.reach for entity in watch.node.truths}
        return sorted(found | self.met | self.standings.keys())

    def stop(self, now: int) -> None:
        """The rule is switched off or gone: what it had raised is cleared."""
        for source, standing in self.standings.items():
            if standing.stage in ("on", "falling"):
                self._end(source, standing, now, None, "rule")
            standing.stage = "idle"
        if self.flood.tamed_since is not None:
            self._clear_flood(now)
        self.flood.held.clear()

    def resume(self, now: int) -> None:
        """Wait again for the clock, after the state was taken back or another clock was given."""
        for source, standing in self.standings.items():
            if standing.stage in ("rising", "falling"):
                self.timers.push(standing.deadline, 1, self, "delay", source)
        if self.flood.tamed_since is not None:
            self.timers.push(self.flood.tamed_since + MINUTE, 1, self, "calm", None)
        self._next_time = None
        self._watch_times(now)

    def begin_anew(self, now: int) -> None:
        """Tell of all that stands as if it had begun now: the rule was switched on, or is another one than before."""
        self.flood = Flood(self.rule.most_per_minute)
        self.oscillating.clear()
        for source, standing in sorted(self.standings.items()):
            standing.ended, standing.recent = None, []
            if standing.stage in ("on", "held", "falling"):
                standing.stage = "idle"
                self._begin(source, standing, now)

    # --- from truth to stage ------------------------------------------------------------------------------------

    def _subjects(self, entity: str, watch: Watch) -> Iterable[str]:
        found = {entity}
        for relation in reversed(watch.reach):
            found = {subject for other in found for subject in relation.subjects(other)}
        return [subject for subject in sorted(found) if self._is_subject(subject)]

    def _is_subject(self, source: str) -> bool:
        return self.program.is_area or source in self.met

    def _settle(self, source: str, now: int, watch: Watch | None, flip: Flip) -> None:
        gate = self.program.gate
        is_open = gate is None or gate.covers(now)
        wanted = is_open and self.program.tree.truth(source, now) is True
        standing = self.standings.get(source)
        if standing is None:
            if not wanted:
                return
            standing = self.standings[source] = Standing()
        stage = standing.stage
        if wanted:
            if stage == "idle":
                self._rise(source, standing, now, watch, flip)
            elif stage == "falling":
                standing.stage = "on"
        elif stage == "rising":
            standing.stage = "idle"
        elif stage == "held":
            standing.stage = "idle"
            standing.ended = now
            self.flood.held.pop(source, None)
        elif stage == "on":
            standing.value = flip.value if watch is not None else standing.value
            if is_open and self._off:
                self._wait(source, standing, "falling", now + self._off)
            else:
                self._end(source, standing, now, flip.value, "over" if is_open else "schedule")
        elif stage == "falling" and not is_open:
            self._end(source, standing, now, flip.value, "schedule")

    def _rise(self, source: str, standing: Standing, now: int, watch: Watch | None, flip: Flip) -> None:
        standing.entity, standing.value, standing.depth = flip.entity, flip.value, flip.depth
        if watch is not None:
            standing.threshold, standing.attribute = watch.leaf.threshold(flip.value), watch.leaf.attribute
        if self._on:
            self._wait(source, standing, "rising", now + self._on)
        else:
            self._begin(source, standing, now)

    def _wait(self, source: str, standing: Standing, stage: Stage, until: int) -> None:
        standing.stage, standing.deadline = stage, until
        self.timers.push(until, 1, self, "delay", source)

    def _begin(self, source: str, standing: Standing, at: int) -> None:
        later = max(self._rested(source, standing), self._maintained(source, at))
        if later > at:
            self._wait(source, standing, "rising", later)
            return
        standing.began = at
        standing.recent = [*standing.recent[1 - OFTEN :], at]
        was_tamed = self.flood.tamed_since is not None
        if self.flood.admit(source, at):
            self._tell(source, standing, at)
            return
        standing.stage = "held"
        if not was_tamed:
            if self.rule.alarm:
                self.out.append(self._flood_alarm())
            self.timers.push(at + MINUTE, 1, self, "calm", None)

    def _rested(self, source: str, standing: Standing) -> int:
        """When it may be raised again: none is raised anew at once, one that oscillates not before it has rested."""
        if standing.ended is None:
            return -(1 << 62)
        recent = standing.recent
        oscillates = len(recent) >= OFTEN and standing.ended - recent[-OFTEN] <= HOUR
        if oscillates:
            self.oscillating.add(source)
        return standing.ended + max(self._again, REST if oscillates else 0)

    def _maintained(self, source: str, at: int) -> int:
        """The end of the maintenance windows in which the source lies."""
        end = at
        for _ in self._works:
            later = max((last for first, last, only in self._works
                         if first <= end < last and (only is None or only.fullmatch(source))), default=end)  # fmt: skip
            if later == end:
                break
            end = later
        return end

    # --- what goes out ------------------------------------------------------------------------------------------

    def _tell(self, source: str, standing: Standing, at: int) -> None:
        standing.stage = "on"
        rule = self.rule
        if rule.alarm:
            self.out.append(self._raised(source, standing))
        quiet = self.program.quiet
        for number, action in enumerate(rule.then):
            if isinstance(action, NotifyPeople) and quiet is not None and rule.severity != "critical":
                until = quiet.next_change(at) if quiet.covers(at) else None
                if until is not None:
                    self.timers.push(until, 1, self, "tell", (source, at, number))
                    continue
            self.out.append(self._act(source, standing, action, at, False))

    def _raised(self, source: str, standing: Standing) -> Raise:
        rule = self.rule
        return Raise(
            rule.id, source, standing.entity, standing.began, rule.severity, rule.title, standing.value,
            standing.threshold, standing.attribute, rule.category, rule.description, standing.depth,
        )  # fmt: skip

    def _act(self, source: str, standing: Standing, action: Any, at: int, ended: bool) -> Act:
        rule = self.rule
        return Act(
            rule.id, source, standing.entity, at, rule.severity, rule.title, action, standing.value, ended,
            standing.depth,
        )  # fmt: skip

    def _end(
        self, source: str, standing: Standing, at: int, value: Any, why: Literal["over", "schedule", "rule"]
    ) -> None:
        standing.stage, standing.ended = "idle", at
        if self.rule.alarm:
            self.out.append(Clear(self.rule.id, source, standing.entity, at, value, standing.depth, why))
        for action in self.rule.then:
            if getattr(action, "cleared", None) is not None:
                self.out.append(self._act(source, standing, action, at, True))

    # --- floods and times ---------------------------------------------------------------------------------------

    @property
    def flood_source(self) -> str:
        """What the alarm of a tamed rule is about: the rule."""
        return f"urn:ngsi-ld:Rule:{self.rule.id}"

    def _flood_alarm(self) -> Raise:
        rule, held = self.rule, len(self.flood.held)
        title = Text(
            f"Quá nhiều cảnh báo, gộp thành một: {rule.title.vi}", f"Too many alarms, told as one: {rule.title.en}"
        )
        reason = Text(
            f"Quy tắc sinh hơn {rule.most_per_minute} cảnh báo mỗi phút nên bị hạn chế; {held} đối tượng đang chờ.",
            f"The rule raises more than {rule.most_per_minute} alarms a minute and is tamed; {held} are held back.",
        )
        since = self.flood.tamed_since or 0
        return Raise(
            rule.id, self.flood_source, self.flood_source, since, rule.severity, title, held, rule.most_per_minute,
            None, rule.category, reason, 0, held,
        )  # fmt: skip

    def _calm(self, at: int) -> None:
        released = self.flood.release(at)
        if released is None:
            if self.rule.alarm:
                self.out.append(self._flood_alarm())
            self.timers.push(at + MINUTE, 1, self, "calm", None)
            return
        self._clear_flood(at)
        for source in released:
            self._tell(source, self.standings[source], at)

    def _clear_flood(self, at: int) -> None:
        if self.rule.alarm:
            self.out.append(Clear(self.rule.id, self.flood_source, self.flood_source, at))

    def _watch_times(self, now: int) -> None:
        if self.program.times and self._next_time is None:
            self._ask_for_time(now)

    def _ask_for_time(self, now: int) -> None:
        changes = [change for times in self.program.times if (change := times.next_change(now)) is not None]
        self._next_time = min(changes, default=1 << 62)
        if changes:
            self.timers.push(self._next_time, 1, self, "times", None)

    def _times_changed(self, time: int) -> None:
        self._ask_for_time(time)
        for source in self.known():
            self._settle(source, time, None, Flip(time, source, None))

    # --- counting and keeping -----------------------------------------------------------------------------------

    def count(self, *stages: Stage) -> int:
        return sum(standing.stage in stages for standing in self.standings.values())
