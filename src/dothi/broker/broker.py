"""One tenant's broker: the parts that together are the standard's operations, over one store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from dothi.broker.batch import Batches
from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.ingest import Ingest
from dothi.broker.provision import Provision
from dothi.storage.store import Store


@dataclass(slots=True)
class Broker:
    """What a tenant has. `subscriptions` is the notifier, put in by the one who builds the broker.

    `alias` names this tenant of this city where brokers talk to each other (clause 5.2.40); `started` is in
    microseconds. `closers` run in reverse order before the store is closed.
    """

    store: Store
    contexts: Contexts
    provision: Provision
    batches: Batches
    ingest: Ingest
    consume: Consume
    subscriptions: Any = None
    alias: str = "dothi"
    started: int = field(default_factory=lambda: time.time_ns() // 1000)
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def close(self) -> None:
        """Stop the followers, then close the store."""
        while self.closers:
            await self.closers.pop()()
        await self.store.close()
