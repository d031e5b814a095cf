"""Takes a feed's entity: the newest value of each attribute is the state, older ones belong to the history only."""

from __future__ import annotations

import msgspec

from dothi.model.change import AttributeChange
from dothi.model.entity import Attributes, Entity, Instance, instances
from dothi.model.instances import Instances, dataset_of, gives_way, stamped
from dothi.model.instant import parse_instant
from dothi.model.patch import Outcome, create, outcome


class Intake(msgspec.Struct, frozen=True, gc=False):
    """What a feed's entity gives: the state, and the (attribute IRI, instance) pairs that are past already.

    Past instances have no createdAt and modifiedAt; they are in the order of their times for each attribute.
    """

    outcome: Outcome
    past: tuple[tuple[str, Instance], ...]


def ingest(old: Entity | None, draft: Entity, now: int) -> Intake:
    """Upsert a draft read by the rules FEED.

    Of several instances with one datasetId the newest by observedAt comes to the state, if it is not older than what
    is there; one that is equal to the stored changes nothing. An instance without observedAt always comes to the
    state. Doing it twice changes nothing the second time.
    """
    past: list[tuple[str, Instance]] = []
    if old is None:
        return _first(draft, now, past)
    after: Attributes | None = None
    changes: list[AttributeChange] = []
    for name, attribute in draft.attributes.items():
        was = old.attributes.get(name)
        new = attribute if not isinstance(attribute, list) else _newest(name, attribute, past)
        state: Instance | list[Instance]
        if not isinstance(new, list) and gives_way(was, new):
            if was is not None and _is_before(new, was):
                past.append((name, new))
                continue
            state = fresh = stamped(new, was, now)
            if fresh is was:
                continue
            changes.append(AttributeChange(name, dataset_of(fresh), was, fresh))
        else:
            kept = Instances(name, was, now)
            _put_all(kept, instances(new), past)
            if not kept.changes:
                continue
            state = kept.attribute() or []
            changes += kept.changes
        if after is None:
            after = old.attributes.copy()
        after[name] = state
    updated = tuple(draft.attributes)
    return Intake(outcome(old, draft, now, after, changes, draft.scopes or None, (), updated), tuple(past))


def _first(draft: Entity, now: int, past: list[tuple[str, Instance]]) -> Intake:
    newest: Attributes = {}
    for name, attribute in draft.attributes.items():
        newest[name] = attribute if not isinstance(attribute, list) else _newest(name, attribute, past)
    state = Entity(draft.id, draft.types, newest, draft.scopes, expires=draft.expires)
    return Intake(create(state, now), tuple(past))


def _put_all(kept: Instances, several: list[Instance], past: list[tuple[str, Instance]]) -> None:
    for instance in several:
        was = kept.by_dataset.get(instance.get("datasetId"))
        if was is not None and _is_before(instance, was):
            past.append((kept.name, instance))
        else:
            kept.put(instance)


def _newest(name: str, several: list[Instance], past: list[tuple[str, Instance]]) -> Instance | list[Instance]:
    """The newest instance of each datasetId; the others go to `past`. Of equal times the last one counts."""
    groups: dict[str | None, list[Instance]] = {}
    for instance in several:
        groups.setdefault(instance.get("datasetId"), []).append(instance)
    newest = []
    for group in groups.values():
        if len(group) > 1:
            group.sort(key=_time)
            past.extend((name, instance) for instance in group[:-1])
        newest.append(group[-1])
    return newest if len(newest) > 1 else newest[0]


def _time(instance: Instance) -> int:
    return parse_instant(instance["observedAt"])


def _is_before(instance: Instance, was: Instance) -> bool:
    """Whether the instance is older than the stored one; texts of equal length order as their instants do."""
    mine, theirs = instance.get("observedAt"), was.get("observedAt")
    if mine is None or theirs is None:
        return False
    if len(mine) == len(theirs):
        return bool(mine < theirs)
    return parse_instant(mine) < parse_instant(theirs)
