"""The on-call calendar: who can be reached for which role when, and where nobody can."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dothi.automation.shifts.roster import Roster
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.storage.store import Store

RECORD: Final = "on-call"
#: Longest single entry: a month.
LONGEST: Final = 31 * 86_400_000_000


class Duty(msgspec.Struct, frozen=True):
    """Somebody is on call for a role from `start` to `end` (microseconds, end excluded)."""

    id: str
    role: str
    operator: str
    start: int
    end: int
    note: str = ""


class Gap(msgspec.Struct, frozen=True):
    role: str
    start: int
    end: int


class Calendar(msgspec.Struct, frozen=True):
    """`now`: role -> operators that an escalation would reach at this moment."""

    entries: list[Duty]
    gaps: list[Gap]
    now: dict[str, list[str]]


class OnCall:
    """Entries are records, held in memory: escalation asks every few seconds."""

    def __init__(self, store: Store, roster: Roster) -> None:
        self._store = store
        self._roster = roster
        self._duties: dict[str, Duty] = {}

    async def open(self) -> None:
        for id, kept in (await self._store.records(RECORD)).items():
            self._duties[id] = msgspec.convert(kept, Duty)

    async def add(self, role: str, operator: str, span: tuple[int, int], note: str = "") -> Duty:
        """Raises BadRequestData: an unknown role or person, a span that ends before it starts or is too long."""
        self._roster.check_role(role, "role")
        self._roster.known(operator)
        start, end = span
        if not 0 < end - start <= LONGEST:
            raise BadRequestData("end: it must lie after start, and no more than 31 days; split a longer duty")
        duty = Duty(uuid.uuid4().hex[:12], role, operator, start, end, note)
        await self._store.write(lambda tx: tx.put_record(RECORD, duty.id, msgspec.to_builtins(duty)))
        self._duties[duty.id] = duty
        return duty

    async def drop(self, id: str) -> None:
        """Raises ResourceNotFound."""
        if self._duties.pop(id, None) is None:
            raise ResourceNotFound(f"the calendar has no entry {id}")
        await self._store.write(lambda tx: tx.drop_record(RECORD, id))

    def between(self, start: int, end: int) -> list[Duty]:
        """Entries that touch a span, by start."""
        found = [each for each in self._duties.values() if each.start < end and each.end > start]
        return sorted(found, key=lambda each: (each.start, each.role, each.operator))

    def at(self, role: str, moment: int) -> list[str]:
        """Operators who are on call for a role at an instant."""
        found = (each.operator for each in self.between(moment, moment + 1) if each.role == role)
        return list(dict.fromkeys(found))

    def gaps(self, roles: Iterable[str], start: int, end: int) -> list[Gap]:
        """Spans within [start, end) in which nobody is on call."""
        return [gap for role in roles for gap in _gaps(role, self.between(start, end), start, end)]


def _gaps(role: str, duties: Sequence[Duty], start: int, end: int) -> list[Gap]:
    found, covered = [], start
    for duty in duties:
        if duty.role != role:
            continue
        if duty.start > covered:
            found.append(Gap(role, covered, duty.start))
        covered = max(covered, duty.end)
    return [*found, Gap(role, covered, end)] if covered < end else found
