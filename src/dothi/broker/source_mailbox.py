"""What waits to be told to one subscriber to registrations, and the records that keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from dothi.broker.clock import wall_clock
from dothi.broker.mailbox import DEAD, Letter, Mailbox
from dothi.model.source_query import SourceMatch

#: Kinds of records: letters that wait, and the state of a subscription. Dead letters are among those of all others.
LETTER: Final = "source-letter"
STATE: Final = "source-subscription-state"

#: How the keys of dead letters begin, since other subscriptions may have the same ids.
DEAD_PREFIX: Final = "csource "

Key = tuple[str, str]


@dataclass(slots=True, eq=False)
class SourceMailbox(Mailbox):
    """The queue of one subscription to registrations: all its letters are in `recent`, by their slots."""

    match: SourceMatch = lambda registration, now: None
    clock: Callable[[], int] = wall_clock
    #: The instant up to which the subscription has been told periodically.
    told: int = 0
    #: The names in the context source filter with their IRIs.
    csf_terms: dict[str, str] = field(default_factory=dict)

    @property
    def has_mail(self) -> bool:
        """Whether something could be sent now; a throttled subscription waits."""
        return self.head < self.tail and self.throttle_end() <= self.clock()

    @property
    def is_active(self) -> bool:
        return self.subscription.status(self.clock()) == "active"

    def letter_key(self, slot: int) -> Key:
        """Kind and key of a letter that waits. An id has no blank in it."""
        return LETTER, f"{self.id} {slot}"

    def all_keys(self) -> Iterator[Key]:
        """Every record that belongs to it beside the subscription."""
        yield STATE, self.id
        for slot in self.recent:
            yield self.letter_key(slot)
        for number in range(self.dead_head, self.dead_tail):
            yield self._dead_key(number)

    def bury(self, letter: Letter, reason: str, now: int, limit: int) -> tuple[Key, dict[str, Any], list[Key]]:
        """The record of a dead letter, and the records of those beyond the limit, which are forgotten."""
        key = self._dead_key(self.dead_tail)
        self.dead_tail += 1
        first = max(self.dead_head, self.dead_tail - limit)
        forgotten = [self._dead_key(number) for number in range(self.dead_head, first)]
        self.dead_head = first
        document = {
            **letter.document(),
            "subscription": self.id,
            "endpoint": self.subscription.endpoint.shown,
            "reason": reason,
            "given_up": now,
        }
        return key, document, forgotten

    def _dead_key(self, number: int) -> Key:
        return DEAD, f"{DEAD_PREFIX}{self.id} {number}"
