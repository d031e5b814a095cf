"""One tenant's federation: its reads, writes and batches together with its context sources (clause 4.3.6)."""

from __future__ import annotations

from collections.abc import Mapping

from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.federation.batches import SharedBatches
from dothi.broker.federation.discovery import Discovery
from dothi.broker.federation.evolution import Evolution
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.purging import Purging
from dothi.broker.federation.reading import Reading
from dothi.broker.federation.sources import Sources
from dothi.broker.federation.writing import Writing
from dothi.broker.outside import Outside
from dothi.broker.registrations import Registrations
from dothi.model.context import Context


class Federation:
    """Everything that a request can want of context sources. Ask `registrations.is_empty` first: then none is needed.

    `deadline` in seconds for sources that name no timeout, `limit` in bytes of an answer.
    """

    def __init__(
        self,
        registrations: Registrations,
        consume: Consume,
        contexts: Contexts,
        outside: Outside,
        alias: str,
        *,
        deadline: float = 3.0,
        limit: int = 16 * 1024 * 1024,
    ) -> None:
        self.alias = alias
        self.sources = Sources(registrations, contexts, outside, deadline=deadline, limit=limit)
        self.reading = Reading(self.sources, consume)
        self.writing = Writing(self.sources, consume)
        self.batches = SharedBatches(self.writing)
        self.discovery = Discovery(self.sources, consume)
        self.evolution = Evolution(self.sources, self.reading, consume)
        self.purging = Purging(self.reading, self.writing)

    def origin(self, context: Context, headers: Mapping[bytes, bytes]) -> Origin:
        """The request on whose behalf sources are called."""
        return Origin(context, headers, self.alias, self.sources.registrations.circular)
