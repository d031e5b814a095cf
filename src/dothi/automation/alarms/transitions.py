"""What becomes of an alarm when it is raised, cleared or acted on. Pure: the old alarm and the time in, the new out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from dothi.automation.alarms.alarm import RANK, SYSTEM, Act, Action, Alarm, Deed, Raise, Words
from dothi.model.errors import BadRequestData, Conflict
from dothi.model.instant import format_instant

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND

#: An alarm that comes back so soon after it was cleared is the same occurrence: its count goes on.
REPEAT: Final = 600 * SECOND
#: From this many returns on an acknowledged alarm that comes back stays acknowledged: it chatters.
CHATTER: Final = 5
#: The longest shelving: what is to be silent for longer needs a maintenance window or another rule.
LONGEST_SHELF: Final = 7 * DAY
#: The longest text of a reason or comment, characters.
LONGEST_REASON: Final = 2_000


@dataclass(frozen=True, slots=True)
class Source:
    """What an alarm keeps of the entity that it is about: short name of the type, name, GeoJSON geometry."""

    type: str | None = None
    name: Words | str | None = None
    location: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants done. `reason` is the comment, `to` the assignee (None: nobody), `until` ends a shelving.

    `seen` is the version of the alarm that the person saw; where it is given and the alarm has gone on, he is told.
    """

    action: Action
    by: str
    reason: str | None = None
    to: str | None = None
    until: int | None = None
    seen: int | None = None


def raised(old: Alarm | None, report: Raise, source: Source, now: int) -> Alarm:
    """The alarm after a report: new, come back, worse, eased, or only counted."""
    if old is not None and is_told(old, report):
        return old
    at = report.at if report.at is not None and report.at <= now else now
    if old is None or not old.active:
        return _arisen(old, report, source, at, now)
    counted = replace(
        old,
        **_told(report, source, old),
        count=old.count + 1,
        last_at=max(old.last_at, at),
    )
    if RANK[report.severity] == RANK[old.severity]:
        return counted
    worse = RANK[report.severity] < RANK[old.severity]
    after = _done(counted, "worsen" if worse else "ease", report.operator, now, report.reason, **_raising(report))
    after = replace(after, severity=report.severity)
    return replace(after, **UNACKNOWLEDGED) if worse else after


def is_told(known: Alarm, report: Raise) -> bool:
    """Whether the alarm knows of a report already: a rule that was interrupted tells what it told before."""
    return report.at is not None and report.at <= known.last_at and report.severity == known.severity


UNACKNOWLEDGED: Final[dict[str, Any]] = {"acknowledged": False, "acknowledged_at": None, "acknowledged_by": None}


def _arisen(old: Alarm | None, report: Raise, source: Source, at: int, now: int) -> Alarm:
    fresh = Alarm(
        id=report.id, rule=report.rule, severity=report.severity, active=True, acknowledged=False,
        raised_at=at, first_at=at, last_at=at, **_told(report, source, old),
    )  # fmt: skip
    if old is not None:
        fresh = replace(fresh, version=old.version + 1, shelved_until=old.shelved_until, last_act=old.last_act)
        if old.cleared_at is not None and at - old.cleared_at <= REPEAT:
            fresh = replace(fresh, count=old.count + 1, first_at=old.first_at, assignee=old.assignee)
            if old.acknowledged and fresh.count > CHATTER and RANK[report.severity] >= RANK[old.severity]:
                fresh = replace(
                    fresh,
                    acknowledged=True,
                    acknowledged_at=old.acknowledged_at,
                    acknowledged_by=old.acknowledged_by,
                )
    return replace(
        _done(fresh, "raise", report.operator, now, report.reason, **_raising(report)), version=fresh.version
    )


def _raising(report: Raise) -> dict[str, Any]:
    return {"severity": report.severity, "flooded": report.flooded}


def _told(report: Raise, source: Source, old: Alarm | None) -> dict[str, Any]:
    """What a report says of the alarm; where the source is gone, what was known of it stays."""
    return {
        "title": report.title,
        "description": report.description,
        "source": report.source,
        "source_type": source.type or (old.source_type if old else None),
        "source_name": source.name or (old.source_name if old else None),
        "location": report.location or source.location or (old.location if old else None),
        "attribute": report.attribute,
        "value": report.value,
        "threshold": report.threshold,
        "unit": report.unit,
        "category": report.category,
        "sub_category": report.sub_category,
    }


def cleared(old: Alarm, now: int, *, by: str = SYSTEM, reason: str | None = None, at: int | None = None) -> Alarm:
    """The alarm once its cause is gone. Whether somebody acknowledged it stays as it is.

    An end at an instant before the alarm was raised is of an occurrence before, told again: nothing changes.
    """
    if not old.active or (at is not None and at < old.raised_at):
        return old
    true_at = at if at is not None and at <= now else now
    return replace(_done(old, "clear", by, now, reason), active=False, cleared_at=true_at)


def woken(old: Alarm, now: int) -> Alarm:
    """The alarm when its shelving has ended by itself."""
    if old.shelved_until is None or old.shelved_until > now:
        return old
    return replace(_done(old, "wake", SYSTEM, now, None), shelved_until=None)


def acted(old: Alarm, order: Order, now: int) -> Alarm:
    """The alarm after a person's act. Raises BadRequestData, and Conflict where another was first."""
    check(order, now)
    if order.seen is not None and order.seen != old.version and order.action not in ("comment", "acknowledge"):
        raise _overtaken(old, "it has changed since you saw it")
    reason = order.reason.strip() if order.reason and order.reason.strip() else None
    match order.action:
        case "acknowledge":
            if old.acknowledged:
                raise _overtaken(old, "it is acknowledged already", old.acknowledged_by, old.acknowledged_at)
            done = _done(old, "acknowledge", order.by, now, reason)
            assert done.last_act is not None
            return replace(done, acknowledged=True, acknowledged_at=done.last_act.at, acknowledged_by=order.by)
        case "unacknowledge":
            if not old.acknowledged:
                raise _overtaken(old, "it is not acknowledged")
            return replace(_done(old, "unacknowledge", order.by, now, reason), **UNACKNOWLEDGED)
        case "assign":
            if old.assignee == order.to:
                whom = f"assigned to {order.to}" if order.to else "assigned to nobody"
                raise _overtaken(old, f"it is {whom} already")
            return replace(_done(old, "assign", order.by, now, reason, to=order.to), assignee=order.to)
        case "comment":
            return _done(old, "comment", order.by, now, reason)
        case "shelve":
            return replace(_done(old, "shelve", order.by, now, reason, until=order.until), shelved_until=order.until)
        case "unshelve":
            if not old.is_shelved(now):
                raise _overtaken(old, "it is not shelved")
            return replace(_done(old, "unshelve", order.by, now, reason), shelved_until=None)
        case "clear":
            if not old.active:
                raise _overtaken(old, "it is cleared already")
            return cleared(old, now, by=order.by, reason=reason)


def check(order: Order, now: int) -> None:
    """Raises BadRequestData where an order lacks what its action needs, whatever alarm it is for."""
    reason = (order.reason or "").strip()
    if order.action in ("comment", "shelve", "clear") and not reason:
        raise BadRequestData(
            f"reason: {order.action} needs one; say in a few words why, for the audit and the next shift."
        )
    if len(reason) > LONGEST_REASON:
        raise BadRequestData(f"reason: {len(reason)} characters; keep it to {LONGEST_REASON}.")
    if order.action == "shelve":
        if order.until is None:
            raise BadRequestData("until: shelve needs an end, such as 2026-01-31T08:00:00Z; an alarm is never lost.")
        if order.until <= now:
            raise BadRequestData(f"until: {format_instant(order.until)} is past; give an instant to come.")
        if order.until > now + LONGEST_SHELF:
            last = format_instant(now + LONGEST_SHELF)
            raise BadRequestData(f"until: {format_instant(order.until)} is more than 7 days off; {last} at the latest.")


def _done(
    old: Alarm,
    deed: Deed,
    by: str,
    now: int,
    reason: str | None,
    **more: Any,
) -> Alarm:
    """With the act as its last; no two acts of an alarm have one time, so that the history keeps each."""
    at = now if old.last_act is None else max(now, old.last_act.at + 1)
    act = Act(alarm=old.id, deed=deed, by=by, at=at, reason=reason, **more)
    return replace(old, last_act=act, version=old.version + 1)


def _overtaken(old: Alarm, what: str, by: str | None = None, at: int | None = None) -> Conflict:
    last = old.last_act
    by = by or (last.by if last else SYSTEM)
    at = at if at is not None else (last.at if last else old.raised_at)
    return Conflict(
        f"Alarm {old.id}: {what} (by {by} at {format_instant(at)}); look at it again, then decide.",
        by=by,
        at=at // 1000,
        deed=last.deed if last else "raise",
        alarm=old.id,
        version=old.version,
    )
