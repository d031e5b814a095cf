"""One tenant's broker: the parts that together are the standard's operations, over one store."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from dothi.broker.batch import Batches
from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.entity_maps import EntityMaps
from dothi.broker.evolution import Evolutions
from dothi.broker.federation.federation import Federation
from dothi.broker.ingest import Ingest
from dothi.broker.provision import Provision
from dothi.broker.registrations import Registrations
from dothi.broker.snapshots import Snapshots
from dothi.storage.store import Store

#: Kind and key of the record that holds the alias.
_ALIAS = ("identity", "alias")


async def alias_of(store: Store) -> str:
    """The name of a tenant where brokers talk to each other (clause 5.2.40): made up once, never the same twice."""
    kept = await store.record(*_ALIAS)
    if kept is None:
        kept = {"alias": f"dothi-{uuid.uuid4().hex[:12]}"}
        await store.write(lambda tx: tx.put_record(*_ALIAS, kept))
    return str(kept["alias"])


@dataclass(slots=True)
class Broker:
    """What a tenant has. `subscriptions` and `source_subscriptions` are the notifiers, put in by who builds the broker.

    `alias` names this tenant of this city where brokers talk to each other (clause 5.2.40); `started` is in
    microseconds. `closers` run in reverse order before the store is closed.
    """

    store: Store
    contexts: Contexts
    provision: Provision
    batches: Batches
    ingest: Ingest
    consume: Consume
    registrations: Registrations
    subscriptions: Any = None
    source_subscriptions: Any = None
    remote_subscriptions: Any = None
    federation: Federation | None = None
    alias: str = "dothi"
    started: int = field(default_factory=lambda: time.time_ns() // 1000)
    entity_maps: EntityMaps = field(default_factory=EntityMaps)
    snapshots: Snapshots | None = None
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    evolutions: Evolutions = field(init=False)

    def __post_init__(self) -> None:
        self.evolutions = Evolutions(self.store)

    async def close(self) -> None:
        """Stop the followers, then close the store."""
        while self.closers:
            await self.closers.pop()()
        await self.store.close()
