"""The notifications of a tenant that were given up, whether they tell of entities or of registrations."""

from __future__ import annotations

from typing import Any

from dothi.broker.source_mailbox import DEAD_PREFIX
from dothi.broker.source_subscriptions import SourceSubscriptions
from dothi.broker.subscriptions import Subscriptions


class DeadLetters:
    """Both kinds stand in one list; which one a letter is says the beginning of its id."""

    def __init__(self, subscriptions: Subscriptions, source_subscriptions: SourceSubscriptions) -> None:
        self._subscriptions = subscriptions
        self._source_subscriptions = source_subscriptions

    async def list_dead(self, limit: int = 100, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Newest first, and how many there are; see Subscriptions.list_dead."""
        return await self._subscriptions.list_dead(limit, offset)

    async def resend(self, id: str) -> None:
        """Send one again, after what waits for its subscriber. Raises ResourceNotFound."""
        of_sources = id.startswith(DEAD_PREFIX)
        await (self._source_subscriptions if of_sources else self._subscriptions).resend(id)
