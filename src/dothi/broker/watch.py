"""Finds the subscriptions that a change concerns, without looking at those that it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dothi.broker.linked import Fetch, linked_by
from dothi.broker.mailbox import Mailbox
from dothi.model.change import AttributeChange, Change
from dothi.model.entity import Entity
from dothi.model.match import Linked, compile_match
from dothi.model.qlang import hops
from dothi.model.query import AllOf, Name, Selection
from dothi.model.subscription import EntitySelector, Subscription, Trigger

Test = Callable[[Entity], bool]

#: Triggers that look at attributes; the others look at the entity as a whole.
ATTRIBUTE_TRIGGERS: Final = frozenset({"attributeCreated", "attributeUpdated", "attributeDeleted"})


@dataclass(slots=True)
class _Bucket:
    """Mailboxes under one id or type: those that any change wakes, and those that wait for one attribute."""

    always: dict[Mailbox, None] = field(default_factory=dict)
    by_attribute: dict[str, dict[Mailbox, None]] = field(default_factory=dict)

    def collect(self, change: Change, found: dict[Mailbox, None]) -> None:
        found.update(self.always)
        if not self.by_attribute:
            return
        names: Iterable[str] = change.entity.attributes if change.kind == "deleted" else ()
        for name in (*names, *(written.name for written in change.attributes)):
            waiting = self.by_attribute.get(name)
            if waiting:
                found.update(waiting)


class Watch:
    """Subscriptions by entity id, by type and by watched attribute."""

    def __init__(self) -> None:
        #: Subscriptions whose q looks behind relationships, and the entities there, had beforehand by `look_behind`.
        self.far_sighted: set[Mailbox] = set()
        self._linked: dict[str, Entity] = {}
        self._by_id: dict[str, _Bucket] = {}
        self._by_type: dict[str, _Bucket] = {}
        self._anything = _Bucket()
        self._tests: dict[Mailbox, tuple[Test, ...]] = {}

    def __len__(self) -> int:
        return len(self._tests)

    def add(self, mailbox: Mailbox) -> None:
        """Watch for the mailbox's subscription. Raises BadRequestData where its pattern cannot be compiled."""
        subscription = mailbox.subscription
        self._tests[mailbox] = compile_tests(subscription, self._linked.get, indexed=True)
        if subscription.q is not None and hops(subscription.q):
            self.far_sighted.add(mailbox)
        for bucket in self._buckets(subscription):
            for slot in _slots(bucket, subscription):
                slot[mailbox] = None

    def remove(self, mailbox: Mailbox) -> None:
        """Watch for it no more; must be called before its subscription is replaced."""
        if self._tests.pop(mailbox, None) is None:
            return
        self.far_sighted.discard(mailbox)
        for bucket in self._buckets(mailbox.subscription):
            for slot in _slots(bucket, mailbox.subscription):
                slot.pop(mailbox, None)

    async def look_behind(self, entities: Sequence[Entity], fetch: Fetch) -> None:
        """Have the entities at hand at which the far-sighted will look from these (clause 4.9); for the next calls of
        `concerned` only."""
        self._linked.clear()
        for q in {mailbox.subscription.q for mailbox in self.far_sighted}:
            if q is not None:
                self._linked |= await linked_by(q, entities, fetch)

    def concerned(self, change: Change) -> list[Mailbox]:
        """The mailboxes whose subscription matches the entity and is triggered by the change (clause 5.8.6)."""
        found: dict[Mailbox, None] = {}
        self._anything.collect(change, found)
        for type in change.entity.types:
            bucket = self._by_type.get(type)
            if bucket is not None:
                bucket.collect(change, found)
        bucket = self._by_id.get(change.entity.id)
        if bucket is not None:
            bucket.collect(change, found)
        return [mailbox for mailbox in found if self._fires(mailbox, change)] if found else []

    def _fires(self, mailbox: Mailbox, change: Change) -> bool:
        subscription = mailbox.subscription
        return (
            is_triggered(subscription, change)
            and (bool(subscription.entities) or is_touched(subscription, change))
            and any(test(change.entity) for test in self._tests[mailbox])
        )

    def _buckets(self, subscription: Subscription) -> Iterable[_Bucket]:
        for selector in subscription.entities or (EntitySelector(None),):
            if selector.id is not None:
                yield self._by_id.setdefault(selector.id, _Bucket())
            elif selector.types is None:
                yield self._anything
            else:
                for type in _anchors(selector.types):
                    yield self._by_type.setdefault(type, _Bucket())


def compile_tests(
    subscription: Subscription, linked: Linked | None = None, *, indexed: bool = False
) -> tuple[Test, ...]:
    """A function for each entity selector; an entity matches when one of them holds. See compile_match for `linked`.

    `indexed`: entities that the index gives have one type that alone is asked for, so it is not looked at again.
    """
    queries = [replace(query, attributes=()) for query in subscription.queries()]
    if indexed and len(queries) == 1 and isinstance(queries[0].types, Name) and not queries[0].ids:
        queries = [replace(queries[0], types=None)]
    return tuple(compile_match(query, linked) for query in queries)


def is_touched(subscription: Subscription, change: Change) -> bool:
    """Whether the entity has a watched attribute, or had it until this change: all that counts without `entities`."""
    watched = subscription.watched
    return not watched.isdisjoint(change.entity.attributes) or any(each.name in watched for each in change.attributes)


def is_triggered(subscription: Subscription, change: Change) -> bool:
    """Whether a change is of a kind that the subscription waits for, in an attribute that it watches."""
    triggers = subscription.triggers
    if change.kind == "created" and "entityCreated" in triggers:
        return True
    if change.kind == "deleted":
        if "entityDeleted" in triggers:
            return True
        watched = subscription.watched
        return "attributeDeleted" in triggers and (not watched or not watched.isdisjoint(change.entity.attributes))
    if not change.attributes:
        return "entityUpdated" in subscription.kept.get("notificationTrigger", ()) and not subscription.watched
    return any(is_watched(subscription, written) for written in change.attributes)


def is_watched(subscription: Subscription, written: AttributeChange) -> bool:
    """Whether a change of one attribute instance triggers the subscription: equal values written anew too (5.8.6)."""
    watched = subscription.watched
    return (not watched or written.name in watched) and trigger_of(written) in subscription.triggers


def trigger_of(written: AttributeChange) -> Trigger:
    """The trigger that one attribute change is. An instance from the log has no `before`, but tells by its times."""
    after = written.after
    if after is None:
        return "attributeDeleted"
    if written.before is None and after.get("createdAt") == after.get("modifiedAt"):
        return "attributeCreated"
    return "attributeUpdated"


def _anchors(types: Selection) -> set[str]:
    """Types of which a matching entity has at least one: of a conjunction the part with the fewest."""
    if isinstance(types, Name):
        return {types.text}
    parts = [_anchors(part) for part in types.parts]
    return min(parts, key=len) if isinstance(types, AllOf) else set().union(*parts)


def _slots(bucket: _Bucket, subscription: Subscription) -> Iterable[dict[Mailbox, None]]:
    if subscription.interval is not None:
        return
    if not subscription.watched or not subscription.triggers <= ATTRIBUTE_TRIGGERS:
        yield bucket.always
    else:
        for name in subscription.watched:
            yield bucket.by_attribute.setdefault(name, {})
