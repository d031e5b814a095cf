"""Escalation: what nobody answers goes up a chain of roles, a step after each time-out; told once, and written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from dothi.automation.alarms.alarm import SEVERITIES, Alarm, Severity
from dothi.automation.alarms.board import Board
from dothi.automation.procedures.definition import Text
from dothi.automation.procedures.run import Act, Run
from dothi.automation.shifts.on_call import OnCall
from dothi.automation.shifts.open_items import text_of
from dothi.automation.shifts.roster import Roster
from dothi.automation.shifts.watch_book import Entry, keep, new_id
from dothi.model.errors import BadRequestData, Overloaded
from dothi.storage.store import Store, Transaction

CHAINS: Final = "escalation-chain"
#: Alarm or run id -> how far it has gone.
STATES: Final = "escalation"
SECOND: Final = 1_000_000
TICK: Final = 2.0
MINUTE: Final = 60

#: The chains of a new city: severity -> (seconds, role).
FIRST_CHAINS: Final[Mapping[Severity, tuple[tuple[int, str], ...]]] = {
    "critical": ((5 * MINUTE, "lead"), (10 * MINUTE, "commander"), (20 * MINUTE, "director")),
    "major": ((15 * MINUTE, "lead"), (45 * MINUTE, "commander")),
    "minor": ((120 * MINUTE, "lead"),),
    "advisory": (),
}

#: tell(roles and operators, title, severity): sends to the channels of these names without waiting.
Tell = Callable[[Sequence[str], Text, Severity], None]


class Rung(msgspec.Struct, frozen=True):
    """After so many seconds the role is told."""

    after: int
    role: str


class Chain(msgspec.Struct, frozen=True):
    severity: Severity
    steps: tuple[Rung, ...]


class Escalated(msgspec.Struct, frozen=True):
    """How far something has gone: `level` rungs of its chain, the last one told at `at` (microseconds)."""

    id: str
    title: Text
    severity: Severity | None
    since: int
    level: int
    role: str
    reached: tuple[str, ...]
    at: int
    next_role: str | None = None
    next_at: int | None = None


class Escalation:
    """Looks at unacknowledged alarms every few seconds, and hears of overdue steps.

    How far each has gone is a record, so that nobody is told twice after a restart.
    """

    def __init__(
        self, store: Store, alarms: Board, roster: Roster, on_call: OnCall, tell: Tell, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._roster = roster
        self._on_call = on_call
        self._tell = tell
        self._now = now
        self._chains: dict[Severity, tuple[Rung, ...]] = {
            severity: tuple(Rung(*each) for each in steps) for severity, steps in FIRST_CHAINS.items()
        }
        self._states: dict[str, Escalated] = {}
        self._steps: list[tuple[Run, Act]] = []

    async def open(self) -> None:
        for severity, kept in (await self._store.records(CHAINS)).items():
            if severity in SEVERITIES:
                self._chains[severity] = msgspec.convert(kept, tuple[Rung, ...])
        for id, kept in (await self._store.records(STATES)).items():
            self._states[id] = msgspec.convert(kept, Escalated)

    async def chains(self) -> list[Chain]:
        return [Chain(severity, self._chains[severity]) for severity in SEVERITIES]

    def roles(self) -> list[str]:
        """The roles that chains name, in order."""
        return list(dict.fromkeys(rung.role for severity in SEVERITIES for rung in self._chains[severity]))

    async def put(self, severity: Severity, steps: Sequence[tuple[int, str]]) -> None:
        """Change a chain. Raises BadRequestData: an unknown role, times that do not grow."""
        for n, (after, role) in enumerate(steps):
            self._roster.check_role(role, f"steps[{n}].role")
            if n and after <= steps[n - 1][0]:
                raise BadRequestData(
                    f"steps[{n}].after: {after} s is not later than the step before it; let times grow"
                )
        chain = tuple(Rung(after, role) for after, role in steps)
        await self._store.write(lambda tx: tx.put_record(CHAINS, severity, msgspec.to_builtins(chain)))
        self._chains[severity] = chain

    async def active(self, now: int) -> list[Escalated]:
        """What has gone up and is not answered, the farthest first; `next_at` says when it goes on."""
        open_ids = {alarm.id for alarm in self._unanswered(now)}
        found = [self._ahead(state) for id, state in self._states.items() if id in open_ids]
        return sorted(found, key=lambda each: (-each.level, each.since))

    def hear(self, run: Run, act: Act) -> None:
        """A listener for Runs.subscribe: overdue steps are told by the next tick."""
        if act.kind == "overdue":
            self._steps.append((run, act))

    async def run(self) -> None:
        """Escalate until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            try:
                await self.tick()
            except Overloaded:
                continue

    async def tick(self) -> list[Escalated]:
        """Tell whoever has to be told by now."""
        now = self._now()
        unanswered = {alarm.id: alarm for alarm in self._unanswered(now)}
        answered = [id for id in self._states if id not in unanswered]
        risen = [state for alarm in unanswered.values() if (state := self._rise(alarm, now)) is not None]
        steps, self._steps = self._steps, []
        told = risen + [state for run, act in steps if (state := self._late(run, act)) is not None]
        if told or answered:
            try:
                await self._store.write(lambda tx: self._keep(tx, told, answered))
            except Overloaded:
                self._steps = steps + self._steps
                raise
        for id in answered:
            self._states.pop(id, None)
        for state in told:
            if state.id in unanswered:
                self._states[state.id] = state
            self._tell((state.role, *state.reached), _words(state, self._roster), state.severity or "major")
        return told

    def _unanswered(self, now: int) -> list[Alarm]:
        return [a for a in self._alarms.everything() if a.active and not a.acknowledged and not a.is_shelved(now)]

    def _rise(self, alarm: Alarm, now: int) -> Escalated | None:
        chain = self._chains[alarm.severity]
        due = [n for n, rung in enumerate(chain, 1) if alarm.raised_at + rung.after * SECOND <= now]
        before = self._states.get(alarm.id)
        level = 0 if before is None or before.since != alarm.raised_at else before.level
        if not due or due[-1] <= level:
            return None
        role = chain[due[-1] - 1].role
        reached = tuple(self._on_call.at(role, now))
        return Escalated(alarm.id, text_of(alarm.title), alarm.severity, alarm.raised_at, due[-1], role, reached, now)

    def _late(self, run: Run, act: Act) -> Escalated | None:
        step = run.definition.step(act.step)
        if step is None:
            return None
        role = step.escalate_to or "lead"
        title = Text(f"{run.definition.title.vi}: {step.title.vi}", f"{run.definition.title.en}: {step.title.en}")
        reached = tuple(self._on_call.at(role, act.at))
        return Escalated(run.id, title, None, run.step_since, 1, role, reached, act.at)

    def _ahead(self, state: Escalated) -> Escalated:
        chain = self._chains[state.severity] if state.severity else ()
        if state.level >= len(chain):
            return state
        rung = chain[state.level]
        return msgspec.structs.replace(state, next_role=rung.role, next_at=state.since + rung.after * SECOND)

    def _keep(self, tx: Transaction, told: Sequence[Escalated], answered: Sequence[str]) -> None:
        for id in answered:
            tx.drop_record(STATES, id)
        for state in told:
            if state.severity is not None:
                tx.put_record(STATES, state.id, msgspec.to_builtins(state))
            keep(tx, Entry(new_id(), tx.now, "system", "escalation", _words(state, self._roster), (state.id,)))


def _words(state: Escalated, roster: Roster) -> Text:
    role = roster.role_label(state.role)
    people = ", ".join(map(roster.name, state.reached))
    vi = f"Gia tăng cấp xử lý đến {role.vi}" + (f" ({people})" if people else " (không có ai trực)")
    en = f"Escalated to {role.en}" + (f" ({people})" if people else " (nobody is on call)")
    why = Text("bước quá hạn", "overdue step") if state.severity is None else Text("chưa xác nhận", "not acknowledged")
    return Text(f"{vi}: {state.title.vi}, {why.vi}.", f"{en}: {state.title.en}, {why.en}.")
