"""What a write makes of an entity: the new state and every attribute instance that changed. Pure; times are given.

`repeats` in any of these says whether an equal instance without observedAt counts as told anew (instances.stamped).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import UNSET

from dothi.model.change import AttributeChange
from dothi.model.entity import Attributes, Entity, Instance, PlainProperty, each_instance, instances
from dothi.model.errors import ResourceNotFound
from dothi.model.instances import Instances, dataset_of, gives_way, restamped, stamped, timed
from dothi.model.parse import Fragment
from dothi.model.values import is_null

SCOPE = "https://uri.etsi.org/ngsi-ld/scope"


class NotUpdated(msgspec.Struct, frozen=True):
    """An attribute instance (IRI, datasetId or None) that a write left alone, and why (clause 5.2.19)."""

    name: str
    dataset: str | None
    reason: str


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The state after a write and what changed. Where nothing did, `entity` is the old one and `changed` is False.

    Instances in `changes` carry createdAt and modifiedAt; `changed` is also True where only types, scopes or the
    expiry did change. `updated` names the attributes that the write applied to, changed by it or not.
    """

    entity: Entity
    changes: tuple[AttributeChange, ...]
    changed: bool = True
    not_updated: tuple[NotUpdated, ...] = ()
    updated: tuple[str, ...] = ()


def create(draft: Entity, now: int) -> Outcome:
    """A new entity (clause 5.6.1)."""
    attributes: Attributes = {}
    changes = []
    for name, attribute in draft.attributes.items():
        if not isinstance(attribute, list):
            attributes[name] = fresh = timed(attribute, now, now)
            changes.append(AttributeChange(name, dataset_of(fresh), None, fresh))
            continue
        several = [timed(instance, now, now) for instance in attribute]
        attributes[name] = several
        changes += [AttributeChange(name, fresh.get("datasetId"), None, fresh) for fresh in several]
    entity = Entity(draft.id, draft.types, attributes, draft.scopes, now, now, draft.expires)
    return Outcome(entity, tuple(changes), updated=tuple(attributes))


def replace(old: Entity, draft: Entity, now: int, repeats: bool = False) -> Outcome:
    """All of the old content gives way to the new (clause 5.6.18); the times of creation stay."""
    attributes: Attributes = {}
    changes: list[AttributeChange] = []
    for name, new in draft.attributes.items():
        was = old.attributes.get(name)
        if not isinstance(new, list) and gives_way(was, new):
            attributes[name] = fresh = stamped(new, was, now, repeats)
            if fresh is not was:
                changes.append(AttributeChange(name, dataset_of(fresh), was, fresh))
            continue
        kept = Instances(name, was, now, repeats)
        for instance in instances(new):
            kept.put(instance)
        given = {instance.get("datasetId") for instance in instances(new)}
        for dataset in [each for each in kept.by_dataset if each not in given]:
            kept.drop(dataset)
        set_attribute(attributes, name, kept.attribute())
        changes += kept.changes
    if not old.attributes.keys() <= attributes.keys():
        for name, instance in each_instance(old.attributes):
            if name not in attributes:
                changes.append(AttributeChange(name, instance.get("datasetId"), instance, None))
    same = not changes and (old.types, old.scopes, old.expires) == (draft.types, draft.scopes, draft.expires)
    if same:
        return Outcome(old, (), False, updated=tuple(attributes))
    entity = Entity(old.id, draft.types, attributes, draft.scopes, old.created, now, draft.expires)
    return Outcome(entity, tuple(changes), updated=tuple(attributes))


def append(old: Entity, fragment: Fragment, now: int, overwrite: bool = True, repeats: bool = False) -> Outcome:
    """Attributes added, and replaced where `overwrite` allows it (clause 5.6.3)."""
    skipped: list[NotUpdated] = []

    def put(kept: Instances, instance: Instance) -> None:
        dataset = instance.get("datasetId")
        if not overwrite and dataset in kept.by_dataset:
            skipped.append(NotUpdated(kept.name, dataset, "the attribute exists and noOverwrite was asked for"))
        else:
            kept.put(instance)

    scopes = fragment.scopes
    if scopes is not None and not overwrite:
        scopes = tuple(dict.fromkeys(old.scopes + scopes))
    return apply(old, fragment, now, put, scopes, skipped, repeats)


def update(old: Entity, fragment: Fragment, now: int, repeats: bool = False) -> Outcome:
    """Attributes replaced where they are, added where they are not, deleted by the NGSI-LD Null (clause 5.6.2).

    The scope is replaced only where the entity has one, as the clause has it.
    """
    skipped: list[NotUpdated] = []

    def put(kept: Instances, instance: Instance) -> None:
        if not is_null(instance):
            kept.put(instance)
        elif not kept.drop(instance.get("datasetId")):
            skipped.append(NotUpdated(kept.name, instance.get("datasetId"), "there is no such attribute to delete"))

    scopes = fragment.scopes
    if scopes and not old.scopes:
        skipped.append(NotUpdated(SCOPE, None, "the entity has no scope to replace; append it by POST"))
        scopes = None
    return apply(old, fragment, now, put, scopes, skipped, repeats)


def upsert(old: Entity | None, draft: Entity, now: int, repeats: bool = False) -> Outcome:
    """Create, or replace the attributes that the draft has and leave the others (clause 5.6.8, mode update).

    A scope of the draft is taken also where the entity had none, so that nothing acknowledged is lost.
    """
    if old is None:
        return create(draft, now)
    before = old.attributes
    after: Attributes | None = None
    changes: list[AttributeChange] = []
    for name, new in draft.attributes.items():
        was = before.get(name)
        if new.__class__ is PlainProperty is was.__class__:
            plain = restamped(new, was, now, repeats)
            if plain is not was:
                if after is None:
                    after = before.copy()
                after[name] = plain
                changes.append(AttributeChange(name, None, was, plain))
            continue
        if not isinstance(new, list) and gives_way(was, new):
            fresh = stamped(new, was, now, repeats)
            if fresh is not was:
                if after is None:
                    after = before.copy()
                after[name] = fresh
                changes.append(AttributeChange(name, dataset_of(fresh), was, fresh))
            continue
        kept = Instances(name, was, now, repeats)
        for instance in instances(new):
            kept.put(instance)
        if kept.changes:
            if after is None:
                after = before.copy()
            set_attribute(after, name, kept.attribute())
            changes += kept.changes
    return outcome(old, draft, now, after, changes, draft.scopes or None, (), tuple(draft.attributes))


def replace_attribute(
    old: Entity, name: str, instance: Instance, now: int, shown: str = "", repeats: bool = False
) -> Outcome:
    """One instance gives way to the new one (clause 5.6.19). Raises ResourceNotFound where there is none.

    `shown` is the name in messages, as the client wrote it.
    """
    kept = Instances(name, old.attributes.get(name), now, repeats)
    find(kept, instance.get("datasetId"), old, shown)
    kept.put(instance)
    return one_attribute(old, kept, now)


def delete_attribute(
    old: Entity, name: str, now: int, dataset: str | None = None, delete_all: bool = False, shown: str = ""
) -> Outcome:
    """The default instance, the one of `dataset`, or all of them are gone (clause 5.6.5). Raises ResourceNotFound."""
    if name == SCOPE:
        if not old.scopes:
            raise ResourceNotFound(f"the entity {old.id} has no scope")
        return outcome(old, old, now, None, [], (), (), (name,))
    kept = Instances(name, old.attributes.get(name), now)
    if delete_all and kept.by_dataset:
        for each in list(kept.by_dataset):
            kept.drop(each)
    else:
        dataset = None if dataset == "@none" else dataset
        find(kept, dataset, old, shown)
        kept.drop(dataset)
    return one_attribute(old, kept, now)


def apply(
    old: Entity,
    fragment: Fragment,
    now: int,
    put: Callable[[Instances, Instance], None],
    scopes: tuple[str, ...] | None,
    skipped: list[NotUpdated],
    repeats: bool,
) -> Outcome:
    """Let `put` bring each instance of the fragment to the instances of its attribute."""
    after = old.attributes.copy()
    changes: list[AttributeChange] = []
    updated = []
    for name, attribute in fragment.attributes.items():
        kept = Instances(name, old.attributes.get(name), now, repeats)
        left_out = len(skipped)
        given = instances(attribute)
        for instance in given:
            put(kept, instance)
        if len(skipped) - left_out < len(given):
            updated.append(name)
        set_attribute(after, name, kept.attribute())
        changes += kept.changes
    return outcome(old, fragment, now, after, changes, scopes, tuple(skipped), tuple(updated))


def set_attribute(attributes: Attributes, name: str, attribute: Instance | list[Instance] | None) -> None:
    if attribute is not None:
        attributes[name] = attribute
    else:
        attributes.pop(name, None)


def outcome(
    old: Entity,
    fragment: Fragment | Entity,
    now: int,
    attributes: Attributes | None,
    changes: list[AttributeChange],
    scopes: tuple[str, ...] | None,
    skipped: tuple[NotUpdated, ...],
    updated: tuple[str, ...],
) -> Outcome:
    """Put the new state together. Types are only ever added (clauses 5.5.8 and 5.5.12)."""
    types = old.types
    if fragment.types != types and not set(fragment.types) <= set(types):
        types = tuple(dict.fromkeys(types + fragment.types))
    scopes = old.scopes if scopes is None else scopes
    expires = fragment.expires
    if expires is UNSET or (expires is None and isinstance(fragment, Entity)):
        expires = old.expires
    if not changes and types == old.types and scopes == old.scopes and expires == old.expires:
        return Outcome(old, (), False, skipped, updated)
    kept = old.attributes if attributes is None else attributes
    entity = Entity(old.id, types, kept, scopes, old.created, now, expires)
    return Outcome(entity, tuple(changes), True, skipped, updated)


def one_attribute(old: Entity, kept: Instances, now: int) -> Outcome:
    """The outcome of a write to a single attribute."""
    after = old.attributes.copy()
    set_attribute(after, kept.name, kept.attribute())
    return outcome(old, old, now, after, kept.changes, None, (), (kept.name,))


def find(kept: Instances, dataset: str | None, old: Entity, shown: str) -> Instance:
    found = kept.by_dataset.get(dataset)
    if found is None:
        which = f"instance with datasetId {dataset}" if dataset else "default instance"
        raise ResourceNotFound(f"the attribute {shown or kept.name} of {old.id} has no {which}")
    return found
