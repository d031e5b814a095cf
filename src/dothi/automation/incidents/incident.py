"""An incident as values: what happened, who leads it, what belongs to it, what is to be done, and each act on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

import msgspec

from dothi.automation.alarms.alarm import Severity, Words

#: new: somebody says so; confirmed: it is real; working: forces act; contained: it grows no more; closed; merged: it
#: was the same as another and lives on in that.
State = Literal["new", "confirmed", "working", "contained", "closed", "merged"]
STATES: Final[tuple[State, ...]] = get_args(State)
OPEN: Final = frozenset(("new", "confirmed", "working", "contained"))

#: The steps that a person may take from each state. Closing needs a reason, and so does going back.
STEPS: Final[Mapping[State, tuple[State, ...]]] = {
    "new": ("confirmed", "working", "closed"),
    "confirmed": ("working", "contained", "closed", "new"),
    "working": ("contained", "closed", "confirmed"),
    "contained": ("closed", "working"),
    "closed": ("working",),
    "merged": (),
}

Deed = Literal[
    "open", "state", "commander", "note", "task", "task_done", "task_reopened", "task_changed", "link", "unlink",
    "merge", "merged", "unmerge", "split", "edit",
]  # fmt: skip

#: What a member is: an alarm, a citizens' report, or a note of the desk.
MemberKind = Literal["alarm", "report", "note"]

PREFIX: Final = "urn:ngsi-ld:Incident:"


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be done; times are microseconds. `id` counts within the incident."""

    id: str
    title: str
    assignee: str | None = None
    due: int | None = None
    created_at: int
    created_by: str
    done_at: int | None = None
    done_by: str | None = None

    def is_overdue(self, now: int) -> bool:
        return self.done_at is None and self.due is not None and self.due < now


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the audit: who did what at which microsecond, and why.

    `to` is the new state, commander, assignee or title; `before` what it was. `members` are those that came or went,
    `other` is the incident of a merge or a split. `was` keeps what a merge needs to be taken back.
    """

    deed: Deed
    by: str
    at: int
    reason: str | None = None
    to: str | None = None
    before: str | None = None
    task: str | None = None
    members: tuple[str, ...] = ()
    other: str | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it stands; times are microseconds. `area` is GeoJSON, `drawn` says that a person set it.

    `alarms`, `reports` and `notes` are ids of entities. `version` grows by each act.
    """

    id: str
    title: Words
    state: State
    severity: Severity
    opened_at: int
    opened_by: str
    category: str = "other"
    description: str = ""
    lessons: str = ""
    commander: str | None = None
    alarms: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    area: Mapping[str, Any] | None = None
    drawn: bool = False
    confirmed_at: int | None = None
    working_at: int | None = None
    contained_at: int | None = None
    closed_at: int | None = None
    merged_into: str | None = None
    before_merge: State | None = None
    version: int = 1
    last_act: Act | None = None

    @property
    def members(self) -> tuple[str, ...]:
        return (*self.alarms, *self.reports, *self.notes)

    def is_open(self) -> bool:
        return self.state in OPEN
