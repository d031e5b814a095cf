"""What waits to be told to one subscriber, in order: new items, throttled ones, and letters kept in the store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dothi.model.change import AttributeChange
from dothi.model.entity import Entity
from dothi.model.instant import format_instant
from dothi.model.subscription import Subscription

#: Kinds of records: state of a subscription, throttled entities, letters that wait, letters that were given up.
STATE: Final = "subscription-state"
HELD: Final = "notification-held"
OUTBOX: Final = "notification-outbox"
DEAD: Final = "notification-dead"

#: Entities told by one notification at most, where the queue behind it allows to join several.
JOIN: Final = 100


@dataclass(slots=True)
class Item:
    """One entity that has to be told: its state, and the changes that were the reason.

    `deleted` is the instant in microseconds when the entity went. `kept`: the store has it, the cursor need not wait.
    A periodic notification has items of sequence number 0.
    """

    seq: int
    entity: Entity
    changes: tuple[AttributeChange, ...] = ()
    deleted: int | None = None
    kept: bool = False

    def merged(self, older: Item) -> Item:
        """This item after an older one of the same entity that was not told yet: first before, last after."""
        changes = {(change.name, change.dataset): change for change in older.changes}
        for change in self.changes:
            first = changes.get((change.name, change.dataset))
            changes[change.name, change.dataset] = change if first is None else AttributeChange(
                change.name, change.dataset, first.before, change.after
            )  # fmt: skip
        return Item(self.seq, self.entity, tuple(changes.values()), self.deleted, older.kept)


@dataclass(slots=True)
class Letter:
    """A notification ready to be posted, about the changes `first` to `seq`.

    `slot` is its place in the outbox once it is kept there; `kept` says that the store has its items as held.
    """

    head: bytes
    body: bytes
    first: int
    seq: int
    created: int
    entities: tuple[str, ...] = ()
    kept: bool = False
    attempts: int = 0
    slot: int | None = None

    def document(self) -> dict[str, Any]:
        """The record that keeps it."""
        return {
            "head": self.head.decode("latin-1"),
            "body": self.body.decode(),
            "seqs": [self.first, self.seq],
            "created": self.created,
            "attempts": self.attempts,
        }

    @classmethod
    def of(cls, document: dict[str, Any], slot: int | None) -> Letter:
        """Read a record back."""
        return cls(
            head=document["head"].encode("latin-1"),
            body=document["body"].encode(),
            first=document["seqs"][0],
            seq=document["seqs"][1],
            created=document["created"],
            attempts=document["attempts"],
            slot=slot,
        )


@dataclass(slots=True)
class Counters:
    """What the broker tells about its notifications (clause 5.2.14.2). Instants in microseconds."""

    sent: int = 0
    failed: int = 0
    last: int | None = None
    success: int | None = None
    failure: int | None = None
    ok: bool | None = None

    def members(self) -> dict[str, Any]:
        """The members of `notification` in a subscription."""
        shown: dict[str, Any] = {}
        if self.sent:
            shown["timesSent"] = self.sent
        if self.failed:
            shown["timesFailed"] = self.failed
        if self.ok is not None:
            shown["status"] = "ok" if self.ok else "failed"
        for name, micros in (
            ("lastNotification", self.last),
            ("lastSuccess", self.success),
            ("lastFailure", self.failure),
        ):
            if micros is not None:
                shown[name] = format_instant(micros)
        return shown


Phase = Literal["idle", "queued", "sending", "resting"]


@dataclass(slots=True, eq=False)
class Mailbox:
    """The queue of one subscription. Lives on the event loop; the outbox keeps what must outlive the process.

    Order: letters in the outbox (slots head to tail), then `current`, then `waiting`, then `held`.
    """

    subscription: Subscription
    created: int = 0
    modified: int = 0
    #: Everything up to this sequence number is delivered, kept in the outbox, or held: it is not told again.
    handled: int = 0
    counters: Counters = field(default_factory=Counters)
    head: int = 0
    tail: int = 0
    dead_head: int = 0
    dead_tail: int = 0
    current: Letter | None = None
    waiting: deque[Item] = field(default_factory=deque)
    #: Throttled, by entity id; `held_dirty` are those whose record is to be written.
    held: dict[str, Item] = field(default_factory=dict)
    held_dirty: set[str] = field(default_factory=set)
    #: Letters with a slot whose record is not committed yet.
    recent: dict[int, Letter] = field(default_factory=dict)
    #: Records to drop by the next write.
    drops: list[tuple[str, str]] = field(default_factory=list)
    #: Loop time when the oldest item in memory came.
    since: float = 0.0
    #: Failures in a row.
    attempts: int = 0
    phase: Phase = "idle"
    #: How often it rested, so that the end of a rest that was cut short wakes nobody.
    rests: int = 0
    gone: bool = False

    @property
    def id(self) -> str:
        return self.subscription.id

    @property
    def has_mail(self) -> bool:
        """Whether something could be sent now."""
        return self.head < self.tail or self.current is not None or bool(self.waiting)

    @property
    def in_memory(self) -> int:
        """Items and letters that take memory."""
        return len(self.waiting) + len(self.held) + len(self.recent) + (self.current is not None)

    def first_unkept(self) -> int | None:
        """Sequence number of the first item that only memory has; the cursor must stay before it."""
        letter = self.current
        if letter is not None and letter.slot is None and not letter.kept:
            return letter.first
        waiting = next((item.seq for item in self.waiting if not item.kept), None)
        held = min((self.held[id].seq for id in self.held_dirty if id in self.held), default=None)
        return waiting if held is None else held if waiting is None else min(waiting, held)

    def throttle_end(self) -> int:
        """Instant before which nothing may be sent, in microseconds; 0 where nothing is throttled."""
        throttling, last = self.subscription.throttling, self.counters.last
        return 0 if not throttling or last is None else last + int(throttling * 1_000_000)

    def offer(self, item: Item, now: int, loop_time: float) -> bool:
        """Take an item; False when it was told before (a replay) or has to wait for the throttle."""
        if item.seq <= self.handled:
            return False
        if self.subscription.throttling and (self.held or self.has_mail or now < self.throttle_end()):
            self._hold(item)
            return False
        if not self.waiting:
            self.since = loop_time
        self.waiting.append(item)
        return True

    def _hold(self, item: Item) -> None:
        id = item.entity.id
        older = self.held.pop(id, None)
        merged = item if older is None else item.merged(older)
        if not merged.kept or merged.deleted is not None:
            merged.kept = False
            self.held_dirty.add(id)
        self.held[id] = merged

    def release(self, loop_time: float) -> None:
        """The throttle has passed: what was held goes out."""
        self.since = loop_time
        self.waiting.extend(self.held.values())
        self.held.clear()

    def next_items(self) -> list[Item]:
        """The items of the next notification: as many as follow without an entity coming twice."""
        items: list[Item] = []
        seen: set[str] = set()
        whole = bool(self.waiting) and not self.waiting[0].seq
        for item in self.waiting:
            if item.entity.id in seen or (len(items) == JOIN and not whole):
                break
            seen.add(item.entity.id)
            items.append(item)
        return items

    def take(self, items: Sequence[Item]) -> bool:
        """Take these, which `next_items` gave, off the queue; False when others stand there by now."""
        if not self.waiting or self.waiting[0] is not items[0]:
            return False
        for _ in items:
            self.waiting.popleft()
        return True

    def delivered(self, letter: Letter, now: int) -> None:
        """The receiver has taken it."""
        self.counters.sent += 1
        self.counters.last = self.counters.success = now
        self.counters.ok = True
        self.attempts = 0
        self.settle(letter)

    def settle(self, letter: Letter) -> None:
        """The letter is done with, one way or the other."""
        self.handled = max(self.handled, letter.seq)
        if letter.slot is not None:
            self.recent.pop(letter.slot, None)
            self.drops.append(outbox_key(self.id, letter.slot))
            self.head = max(self.head, letter.slot + 1)
        if self.current is letter:
            self.current = None
        self._drop_held(letter)

    def failed(self, letter: Letter, now: int) -> None:
        """No receiver has taken it this time."""
        self.attempts += 1
        # A letter that was read from the store again knows only the attempts before it was written.
        letter.attempts = max(letter.attempts + 1, self.attempts)
        self.counters.sent += 1
        self.counters.failed += 1
        self.counters.last = self.counters.failure = now
        self.counters.ok = False

    def park(self, letter: Letter) -> None:
        """Give a letter the next place in the outbox; the caller writes its record."""
        letter.slot = self.tail
        self.tail += 1
        self.recent[letter.slot] = letter
        self.handled = max(self.handled, letter.seq)
        self._drop_held(letter)
        if self.current is letter:
            self.current = None

    def _drop_held(self, letter: Letter) -> None:
        """Its entities are told, or in the outbox: the records of throttled ones may go, unless held again."""
        if self.subscription.throttling:
            self.drops.extend((HELD, held_key(self.id, id)) for id in letter.entities if id not in self.held)

    def clear(self) -> None:
        """Forget everything that waits: the subscription is paused, expired or gone."""
        for item in (*self.waiting, *self.held.values()):
            self.handled = max(self.handled, item.seq)
            self.drops.append((HELD, held_key(self.id, item.entity.id)))
        self.drops.extend(outbox_key(self.id, slot) for slot in range(self.head, self.tail))
        if self.current is not None:
            self._drop_held(self.current)
        self.current = None
        self.waiting.clear()
        self.held.clear()
        self.held_dirty.clear()
        self.recent.clear()
        self.head = self.tail

    def all_keys(self) -> Iterator[tuple[str, str]]:
        """Every record that belongs to it beside the subscription."""
        yield STATE, self.id
        for slot in range(self.dead_head, self.dead_tail):
            yield dead_key(self.id, slot)

    def state(self) -> dict[str, Any]:
        """The record of kind STATE."""
        counters = self.counters
        return {
            "handled": self.handled,
            "outbox": [self.head, self.tail],
            "dead": [self.dead_head, self.dead_tail],
            "counters": [
                counters.sent, counters.failed, counters.last, counters.success, counters.failure, counters.ok,
            ],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a record of kind STATE."""
        self.handled = state["handled"]
        self.head, self.tail = state["outbox"]
        self.dead_head, self.dead_tail = state["dead"]
        self.counters = Counters(*state["counters"])


def outbox_key(id: str, slot: int) -> tuple[str, str]:
    """Kind and key of a letter in the outbox. An id has no blank in it."""
    return OUTBOX, f"{id} {slot}"


def dead_key(id: str, slot: int) -> tuple[str, str]:
    """Kind and key of a dead letter."""
    return DEAD, f"{id} {slot}"


def held_key(id: str, entity: str) -> str:
    """Key of a throttled entity."""
    return f"{id} {entity}"
