"""What an act makes of an incident: pure; a wrong or late act is refused with the reason and who was first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from dothi.automation.alarms.alarm import Severity, Words
from dothi.automation.incidents.incident import STEPS, Act, Deed, Incident, MemberKind, State, Task
from dothi.model.errors import BadRequestData, Conflict, ResourceNotFound
from dothi.model.instant import format_instant

#: Field of an incident that holds the members of a kind.
FIELDS: Final[dict[MemberKind, str]] = {"alarm": "alarms", "report": "reports", "note": "notes"}

T = TypeVar("T")


def check_seen(incident: Incident, seen: int | None) -> None:
    """Raises Conflict (with `by` and `at`) where the incident has gone on since the version that the person saw."""
    last = incident.last_act
    if seen is None or seen == incident.version or last is None:
        return
    raise Conflict(
        f"{last.by} changed this incident at {format_instant(last.at)} ({last.deed}); look at it again, then decide.",
        by=last.by,
        at=last.at // 1000,
        version=incident.version,
    )


def noted(incident: Incident, act: Act, **changes: Any) -> Incident:
    """The incident after an act; its time is made to come after the act before, so that acts never share one."""
    last = incident.last_act
    act = act if last is None or act.at > last.at else replace(act, at=last.at + 1)
    return replace(incident, version=incident.version + 1, last_act=act, **changes)


def stepped(incident: Incident, state: State, by: str, at: int, reason: str | None) -> Incident:
    """To another state. Raises BadRequestData, Conflict."""
    if state == incident.state:
        last = incident.last_act
        raise Conflict(
            f"The incident is {state} already.", by=last.by if last else None, at=last.at // 1000 if last else None
        )
    if state not in STEPS[incident.state]:
        ways = ", ".join(STEPS[incident.state]) or "none: take the merge back first"
        raise BadRequestData(f"state: from {incident.state} there is no step to {state}; possible: {ways}")
    back = state in ("new", "confirmed", "working") and incident.state in (
        "confirmed",
        "working",
        "contained",
        "closed",
    )
    back = back and not (incident.state == "confirmed" and state == "working")
    if (state == "closed" or back) and not (reason or "").strip():
        raise BadRequestData(f"reason: say why the incident becomes {state}; it stands in the after-action report")
    changes: dict[str, Any] = {"state": state}
    if state != "new":
        changes[f"{state}_at"] = at
    if incident.state == "closed":
        changes["closed_at"] = None
    if state in ("confirmed", "working") and incident.state == "contained":
        changes["contained_at"] = None
    return noted(incident, _act("state", by, at, reason, to=state, before=incident.state), **changes)


def commanded(incident: Incident, commander: str | None, by: str, at: int, reason: str | None) -> Incident:
    """Under another commander, or none."""
    act = _act("commander", by, at, reason, to=commander, before=incident.commander)
    return noted(incident, act, commander=commander)


def wrote(incident: Incident, text: str, by: str, at: int) -> Incident:
    """With a line more in its timeline. Raises BadRequestData."""
    if not text.strip():
        raise BadRequestData("text: a note needs words")
    return noted(incident, _act("note", by, at, text.strip()))


def tasked(incident: Incident, title: str, assignee: str | None, due: int | None, by: str, at: int) -> Incident:
    """With one more task. Raises BadRequestData."""
    if not title.strip():
        raise BadRequestData("title: say what is to be done")
    id = str(1 + max((int(task.id) for task in incident.tasks), default=0))
    task = Task(id=id, title=title.strip(), assignee=assignee, due=due, created_at=at, created_by=by)
    act = _act("task", by, at, None, to=assignee, task=f"{id}. {task.title}")
    return noted(incident, act, tasks=(*incident.tasks, task))


def task_changed(
    incident: Incident, id: str, by: str, at: int, *, done: bool | None, reason: str | None, **changes: Any
) -> Incident:
    """With a task done, opened again, or given to another. Raises ResourceNotFound, Conflict."""
    task = next((each for each in incident.tasks if each.id == id), None)
    if task is None:
        raise ResourceNotFound(f"no task {id} in {incident.id}; it has {len(incident.tasks)}")
    deed: Deed = "task_changed"
    if done is True:
        if task.done_at is not None:
            raise Conflict(f"{task.done_by} did this task already.", by=task.done_by, at=task.done_at // 1000)
        deed, changes = "task_done", {**changes, "done_at": at, "done_by": by}
    elif done is False and task.done_at is not None:
        deed, changes = "task_reopened", {**changes, "done_at": None, "done_by": None}
    new = replace(task, **changes)
    act = _act(deed, by, at, reason, to=new.assignee, task=f"{id}. {new.title}")
    return noted(incident, act, tasks=tuple(new if each.id == id else each for each in incident.tasks))


def linked(
    incident: Incident, members: Iterable[tuple[MemberKind, str]], by: str, at: int, reason: str | None
) -> Incident:
    """With more members; those that it has already change nothing."""
    fresh = [(kind, id) for kind, id in dict.fromkeys(members) if id not in incident.members]
    if not fresh:
        return incident
    act = _act("link", by, at, reason, members=tuple(id for _, id in fresh))
    return noted(incident, act, **_added(incident, fresh))


def unlinked(incident: Incident, members: Iterable[str], by: str, at: int, reason: str | None) -> Incident:
    """Without these members. Raises BadRequestData."""
    gone = tuple(dict.fromkeys(members))
    strange = [id for id in gone if id not in incident.members]
    if strange or not gone:
        raise BadRequestData(
            f"members: {strange[0]} is no member of {incident.id}" if strange else "members: name some"
        )
    return noted(incident, _act("unlink", by, at, reason, members=gone), **_removed(incident, gone))


def merged(target: Incident, other: Incident, by: str, at: int, reason: str | None) -> tuple[Incident, Incident]:
    """Both after `other` went into `target`: it keeps its own members, so that the merge can be taken back."""
    if target.id == other.id:
        raise BadRequestData("other: an incident cannot be merged with itself")
    for each in (target, other):
        if each.state == "merged":
            raise Conflict(f"{each.id} is merged into {each.merged_into} already")
    fresh = [(kind, id) for kind, id in kinds(other) if id not in target.members]
    act = _act("merge", by, at, reason, members=tuple(id for _, id in fresh), other=other.id)
    return (
        noted(target, act, **_added(target, fresh)),
        noted(
            other,
            _act("merged", by, at, reason, other=target.id, before=other.state),
            state="merged",
            merged_into=target.id,
            before_merge=other.state,
        ),
    )


def unmerged(target: Incident, other: Incident, by: str, at: int, reason: str | None) -> tuple[Incident, Incident]:
    """Both after the merge of `other` into `target` was taken back; what came later stays with the target."""
    if other.merged_into != target.id:
        raise BadRequestData(f"{other.id} is not merged into {target.id}")
    gone = tuple(id for id in other.members if id in target.members)
    return (
        noted(target, _act("unmerge", by, at, reason, members=gone, other=other.id), **_removed(target, gone)),
        noted(
            other,
            _act("unmerge", by, at, reason, other=target.id, to=other.before_merge),
            state=other.before_merge or "new",
            merged_into=None,
            before_merge=None,
        ),
    )


def split(
    incident: Incident, members: Iterable[str], id: str, title: Words, by: str, at: int, reason: str | None
) -> tuple[Incident, Incident]:
    """The incident without some members, and the new incident that they become. Raises BadRequestData."""
    gone = tuple(dict.fromkeys(members))
    if set(gone) >= set(incident.members):
        raise BadRequestData("members: a split must leave something behind; change the title instead")
    left = unlinked(incident, gone, by, at, reason)
    left = replace(left, last_act=_same_time(left, _act("split", by, at, reason, members=gone, other=id)))
    part = Incident(
        id=id,
        title=title,
        state="confirmed" if incident.state != "new" else "new",
        severity=incident.severity,
        category=incident.category,
        commander=incident.commander,
        opened_at=at,
        opened_by=by,
        last_act=_act("open", by, at, reason, members=gone, other=incident.id),
    )
    kept = [(kind, member) for kind, member in kinds(incident) if member in gone]
    return left, replace(part, **_added(part, kept))


def edited(incident: Incident, by: str, at: int, reason: str | None, **changes: Any) -> Incident:
    """With other words, severity, category or area."""
    told = {name: value for name, value in changes.items() if value != getattr(incident, name)}
    if not told:
        return incident
    return noted(incident, _act("edit", by, at, reason, to=", ".join(sorted(told))), **told)


def opened(
    id: str,
    title: Words,
    members: Iterable[tuple[MemberKind, str]],
    severity: Severity,
    category: str,
    by: str,
    at: int,
    reason: str | None,
    state: State = "new",
) -> Incident:
    """A new incident."""
    members = list(dict.fromkeys(members))
    act = _act("open", by, at, reason, members=tuple(member for _, member in members))
    bare = Incident(
        id=id, title=title, state=state, severity=severity, category=category, opened_at=at, opened_by=by, last_act=act,
        confirmed_at=at if state == "confirmed" else None,
    )  # fmt: skip
    return replace(bare, **_added(bare, members))


def kinds(incident: Incident) -> list[tuple[MemberKind, str]]:
    """Every member with its kind."""
    return [(kind, id) for kind, field in FIELDS.items() for id in getattr(incident, field)]


def _added(incident: Incident, members: Iterable[tuple[MemberKind, str]]) -> dict[str, Any]:
    members = list(members)
    found = {}
    for kind, field in FIELDS.items():
        own = getattr(incident, field)
        fresh = tuple(id for each, id in members if each == kind and id not in own)
        if fresh:
            found[field] = (*own, *fresh)
    return found


def _removed(incident: Incident, gone: tuple[str, ...]) -> dict[str, Any]:
    return {
        field: tuple(id for id in getattr(incident, field) if id not in gone)
        for field in FIELDS.values()
        if any(id in gone for id in getattr(incident, field))
    }


def _same_time(incident: Incident, act: Act) -> Act:
    return act if incident.last_act is None else replace(act, at=incident.last_act.at)


def _act(deed: Deed, by: str, at: int, reason: str | None, **more: Any) -> Act:
    return Act(deed=deed, by=by, at=at, reason=(reason or "").strip() or None, **more)
