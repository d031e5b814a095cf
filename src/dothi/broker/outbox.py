"""Keeps in the store what must outlive the process of what waits in the mailboxes, together with the cursor.

While receivers take their notifications in time nothing of them is written: the change log is their outbox, and the
cursor stays before the first that is not delivered. What is late, or failed, is written as a letter, so that the
cursor can go on. See docs/decisions/0005-notification-delivery.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dothi.broker.delivery import Terms
from dothi.broker.feed import Follower
from dothi.broker.mailbox import (
    DEAD,
    HELD,
    OUTBOX,
    STATE,
    Item,
    Letter,
    Mailbox,
    dead_key,
    held_key,
    outbox_key,
)
from dothi.model.errors import ResourceNotFound
from dothi.model.instant import format_instant
from dothi.storage.store import Store, Transaction

#: Seconds after which what was not delivered is written, and items of one mailbox that may wait in memory.
PARK_AFTER: Final = 1.0
PARK_COUNT: Final = 1000

#: Makes the next letter of a mailbox out of its waiting items; None when nothing waits.
Compose = Callable[[Mailbox], Awaitable[Letter | None]]

Key = tuple[str, str]


@dataclass(slots=True)
class _Snapshot:
    """What one flush writes of one mailbox; taken back when the write fails."""

    mailbox: Mailbox
    letters: list[Letter]
    held: dict[str, Item]
    drops: list[Key]


class Outbox:
    """The mailboxes and their records. `flush` is the only road to the store; flushes follow one another."""

    def __init__(self, store: Store, terms: Terms, compose: Compose, clock: Callable[[], int]) -> None:
        self.mailboxes: dict[str, Mailbox] = {}
        self._store = store
        self._terms = terms
        self._compose = compose
        self._clock = clock
        #: Mailboxes whose state the store does not know yet; all that have something in memory are among them.
        self._dirty: set[Mailbox] = set()
        self._puts: dict[Key, Any] = {}
        #: What a flush that is under way writes of them: the store may not have it yet.
        self._writing: dict[Key, Any] = {}
        self._flushing = asyncio.Lock()
        self._saved = -1

    @property
    def is_dirty(self) -> bool:
        return bool(self._dirty or self._puts)

    @property
    def in_memory(self) -> int:
        """Items and letters that wait in memory."""
        return sum(mailbox.in_memory for mailbox in self._dirty)

    def touch(self, mailbox: Mailbox) -> None:
        """Something in the mailbox changed that the store does not know yet."""
        if not mailbox.gone:
            self._dirty.add(mailbox)

    def forget(self, mailbox: Mailbox) -> list[Key]:
        """The subscription goes; the records that have to be dropped with it."""
        mailbox.gone = True
        mailbox.clear()
        self.mailboxes.pop(mailbox.id, None)
        self._dirty.discard(mailbox)
        keys = list(dict.fromkeys([*mailbox.drops, *mailbox.all_keys()]))
        for key in keys:
            self._puts.pop(key, None)
        return keys

    # --- writing ----------------------------------------------------------------------------------------------

    async def flush(self, follower: Follower, position: Callable[[], int]) -> None:
        """Write what changed, and the cursor: the last change on which nothing in memory depends. Raises Overloaded.

        `position` gives the last change of which all items are in the mailboxes.
        """
        async with self._flushing:
            for mailbox in list(self._dirty):
                if self._is_late(mailbox):
                    await self._park(mailbox)
            cursor = self._cursor(position())
            snapshots = [self._snapshot(mailbox) for mailbox in self._dirty]
            own, self._puts = self._puts, {}
            self._writing = own
            if not snapshots and not own and cursor == self._saved:
                return
            drops = [key for snapshot in snapshots for key in snapshot.drops]
            puts = own | {key: doc for snapshot in snapshots for key, doc in _documents(snapshot).items()}
            self._dirty = {mailbox for mailbox in self._dirty if mailbox.in_memory}
            try:
                await self._store.write(lambda tx: _apply(tx, drops, puts, follower, cursor))
            except BaseException:
                self._puts = own | self._puts
                self._take_back(snapshots)
                raise
            finally:
                self._writing = {}
            self._saved = cursor
            _settle(snapshots)

    def _is_late(self, mailbox: Mailbox) -> bool:
        """Whether its items in memory have to be written: they are old or many, or letters stand before them."""
        letter = mailbox.current
        if letter is None and not mailbox.waiting:
            return False
        if mailbox.head < mailbox.tail or mailbox.attempts or len(mailbox.waiting) > PARK_COUNT:
            return True
        return asyncio.get_running_loop().time() - mailbox.since > PARK_AFTER

    async def _park(self, mailbox: Mailbox) -> None:
        while True:
            letter = None if mailbox.current is not None else await self._compose(mailbox)
            # A letter that delivery made while we waited for the context has the older items.
            if mailbox.current is not None:
                mailbox.park(mailbox.current)
            elif letter is None:
                break
            if letter is not None:
                mailbox.park(letter)
        while mailbox.tail - mailbox.head > self._terms.outbox:
            first = mailbox.recent.get(mailbox.head) or await self.read_letter(mailbox)
            if first is not None:
                self.bury(mailbox, first, f"more than {self._terms.outbox} notifications wait for this receiver")

    def _snapshot(self, mailbox: Mailbox) -> _Snapshot:
        held = {id: mailbox.held[id] for id in mailbox.held_dirty if id in mailbox.held}
        if held and mailbox.current is None and all(item.kept for item in mailbox.waiting):
            mailbox.handled = max(mailbox.handled, *(item.seq for item in held.values()))
        letters = [letter for letter in mailbox.recent.values() if (letter.slot or 0) >= mailbox.head]
        snapshot = _Snapshot(mailbox, letters, held, mailbox.drops)
        mailbox.drops = []
        mailbox.held_dirty = set()
        return snapshot

    def _take_back(self, snapshots: Sequence[_Snapshot]) -> None:
        for snapshot in snapshots:
            mailbox = snapshot.mailbox
            if not mailbox.gone:
                mailbox.drops = snapshot.drops + mailbox.drops
                mailbox.held_dirty |= snapshot.held.keys()
                self._dirty.add(mailbox)

    def _cursor(self, position: int) -> int:
        firsts = [first for mailbox in self._dirty if (first := mailbox.first_unkept()) is not None]
        return min(position, min(firsts) - 1) if firsts else position

    # --- letters ----------------------------------------------------------------------------------------------

    async def read_letter(self, mailbox: Mailbox) -> Letter | None:
        """The first letter of the outbox; None when there is none, and when its record is gone (it is skipped)."""
        slot = mailbox.head
        if slot >= mailbox.tail:
            return None
        letter = mailbox.recent.get(slot)
        if letter is not None:
            return letter
        document = await self._store.record(*outbox_key(mailbox.id, slot))
        if document is not None:
            return Letter.of(document, slot)
        mailbox.head = max(mailbox.head, slot + 1)
        return None

    def bury(self, mailbox: Mailbox, letter: Letter, reason: str) -> None:
        """Give a letter up: it becomes a dead letter, and the oldest of too many is forgotten."""
        self._puts[dead_key(mailbox.id, mailbox.dead_tail)] = {
            **letter.document(),
            "subscription": mailbox.id,
            "endpoint": mailbox.subscription.endpoint.shown,
            "reason": reason,
            "given_up": self._clock(),
        }
        mailbox.dead_tail += 1
        if mailbox.dead_tail - mailbox.dead_head > self._terms.dead:
            self._puts.pop(dead_key(mailbox.id, mailbox.dead_head), None)
            mailbox.drops.append(dead_key(mailbox.id, mailbox.dead_head))
            mailbox.dead_head += 1
        mailbox.attempts = 0
        mailbox.settle(letter)
        self.touch(mailbox)

    async def list_dead(self, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Dead letters, newest first, and how many there are. `id` is what `resend` takes; instants are DateTimes."""
        kept = await self._store.records(DEAD)
        dead = kept | {key: doc for (kind, key), doc in (self._writing | self._puts).items() if kind == DEAD}
        newest = sorted(dead.items(), key=lambda pair: (-pair[1]["given_up"], pair[0]))
        return [_shown(key, doc) for key, doc in newest[offset : offset + limit]], len(newest)

    async def resend(self, id: str) -> Mailbox:
        """Put a dead letter at the end of its outbox again. Raises ResourceNotFound."""
        document = self._puts.get((DEAD, id)) or self._writing.get((DEAD, id)) or await self._store.record(DEAD, id)
        mailbox = self.mailboxes.get(id.partition(" ")[0])
        if document is None or mailbox is None or (DEAD, id) in mailbox.drops:
            raise ResourceNotFound(f"There is no dead letter {id!r}: it was sent again, or its subscription is gone.")
        self._puts.pop((DEAD, id), None)
        self._writing.pop((DEAD, id), None)
        mailbox.drops.append((DEAD, id))
        letter = Letter.of(document, None)
        letter.created = self._clock()
        mailbox.park(letter)
        self.touch(mailbox)
        return mailbox


def _apply(tx: Transaction, drops: Sequence[Key], puts: Mapping[Key, Any], follower: Follower, cursor: int) -> None:
    for kind, key in drops:
        tx.drop_record(kind, key)
    for (kind, key), document in puts.items():
        tx.put_record(kind, key, document)
    follower.save(tx, cursor)


def _documents(snapshot: _Snapshot) -> dict[Key, Any]:
    mailbox = snapshot.mailbox
    puts: dict[Key, Any] = {(STATE, mailbox.id): mailbox.state()}
    for letter in snapshot.letters:
        puts[OUTBOX, outbox_key(mailbox.id, letter.slot or 0)[1]] = letter.document()
    for id, item in snapshot.held.items():
        puts[HELD, held_key(mailbox.id, id)] = _held_document(item)
    return puts


def _held_document(item: Item) -> dict[str, Any]:
    """A throttled entity is read from the store again when needed; of one that is deleted only this is left."""
    return {"deleted": item.deleted, "types": item.entity.types, "seq": item.seq}


def _settle(snapshots: Sequence[_Snapshot]) -> None:
    """The write is durable: memory may let go of the letters, the cursor of the items."""
    for snapshot in snapshots:
        for letter in snapshot.letters:
            if letter.slot is not None and snapshot.mailbox.recent.get(letter.slot) is letter:
                del snapshot.mailbox.recent[letter.slot]
        for item in snapshot.held.values():
            item.kept = True


def _shown(key: str, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": key,
        "subscription": document["subscription"],
        "endpoint": document["endpoint"],
        "reason": document["reason"],
        "createdAt": format_instant(document["created"]),
        "givenUpAt": format_instant(document["given_up"]),
        "attempts": document["attempts"],
        "body": document["body"],
    }
