"""A shift and its hand-over as values, and the steps it may take: planned, running, signed, closed. Pure."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from dothi.automation.alarms.alarm import Severity
from dothi.automation.procedures.definition import Text
from dothi.model.errors import BadRequestData, Conflict
from dothi.model.instant import format_instant

State = Literal["planned", "running", "signed", "closed"]
ItemKind = Literal["alarm", "shelved", "incident", "procedure", "step", "task"]

#: Longest shift, microseconds: a day.
LONGEST: Final = 24 * 3_600_000_000


class OpenItem(msgspec.Struct, frozen=True):
    """Something that is not finished; `since` in microseconds, `id` leads to the entity."""

    kind: ItemKind
    id: str
    title: Text
    severity: Severity | None
    since: int | None
    assignee: str
    detail: Text


class Handover(msgspec.Struct, frozen=True):
    """`open` is the list as it stood when the outgoing side signed."""

    signed_by: str
    signed_at: int
    note: str
    open: tuple[OpenItem, ...]
    accepted_by: str = ""
    accepted_at: int | None = None
    remarks: str = ""


class Report(msgspec.Struct, frozen=True):
    """The report as a person kept it."""

    text: str
    saved_by: str
    saved_at: int


class Shift(msgspec.Struct, frozen=True):
    """Times are microseconds. `reports`: language -> the report as a person kept it."""

    id: str
    title: Text
    state: State
    start: int
    end: int
    lead: str
    people: tuple[str, ...]
    opened_at: int | None = None
    closed_at: int | None = None
    handover: Handover | None = None
    reports: dict[str, Report] = {}

    def has(self, operator: str) -> bool:
        return operator == self.lead or operator in self.people

    def with_(self, **changes: object) -> Shift:
        return msgspec.structs.replace(self, **changes)


def check_span(start: int, end: int) -> None:
    """Raises BadRequestData."""
    if not 0 < end - start <= LONGEST:
        raise BadRequestData("end: it must lie after start, and no more than 24 hours; plan two shifts instead")


def opened(shift: Shift, by: str, now: int) -> Shift:
    """The shift begins. Raises Conflict."""
    if shift.state != "planned":
        raise Conflict(f"The shift {shift.title.en} is {shift.state}: only a planned one can begin.")
    return shift.with_(state="running", opened_at=now, people=_with(shift, by))


def joined(shift: Shift, by: str) -> Shift:
    """Somebody comes into a shift that is not over. Raises Conflict."""
    if shift.state == "closed":
        raise Conflict(f"The shift {shift.title.en} is over: join the one that runs.")
    return shift.with_(people=_with(shift, by))


def signed(shift: Shift, by: str, now: int, note: str, items: tuple[OpenItem, ...]) -> Shift:
    """The outgoing side signs. Raises Conflict, BadRequestData where the signer is not of the shift."""
    if shift.state == "signed" and shift.handover is not None:
        raise _signed_already(shift.handover)
    if shift.state != "running":
        raise Conflict(f"The shift {shift.title.en} is {shift.state}: only one that runs can be handed over.")
    if not shift.has(by):
        raise BadRequestData(f"{by} is not of this shift: its own people sign; join it first if you work in it.")
    return shift.with_(state="signed", handover=Handover(by, now, note, items))


def withdrawn(shift: Shift, by: str) -> Shift:
    """The signature is taken back. Raises Conflict."""
    if shift.state != "signed":
        raise Conflict(f"The shift {shift.title.en} is {shift.state}: there is no open signature to take back.")
    if not shift.has(by):
        raise BadRequestData(f"{by} is not of this shift: only its own people take the signature back.")
    return shift.with_(state="running", handover=None)


def accepted(shift: Shift, by: str, now: int, remarks: str) -> Shift:
    """The incoming side accepts, by another person than signed. Raises Conflict."""
    handover = shift.handover
    if shift.state == "closed" and handover is not None and handover.accepted_at is not None:
        at = handover.accepted_at
        told = f"{handover.accepted_by} accepted the hand-over already, at {format_instant(at)}."
        raise Conflict(told, by=handover.accepted_by, at=at // 1000)
    if shift.state != "signed" or handover is None:
        raise Conflict(f"The shift {shift.title.en} is {shift.state}: its people have to sign before it is accepted.")
    if handover.signed_by == by:
        raise Conflict(f"{by} signed this hand-over: another person has to accept it.", by=by)
    done = msgspec.structs.replace(handover, accepted_by=by, accepted_at=now, remarks=remarks)
    return shift.with_(state="closed", closed_at=now, handover=done)


def _with(shift: Shift, by: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*shift.people, by)))


def _signed_already(handover: Handover) -> Conflict:
    told = (
        f"{handover.signed_by} signed already, at {format_instant(handover.signed_at)}: the other side has to accept."
    )
    return Conflict(told, by=handover.signed_by, at=handover.signed_at // 1000)
