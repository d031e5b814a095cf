"""Adds to entities what city modules compute from them: an index from concentrations, a status from levels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

from dothi.model.aliases import Aliases
from dothi.model.change import Cause, Change
from dothi.model.entity import Entity, instances
from dothi.model.errors import Overloaded
from dothi.model.instant import parse_instant
from dothi.model.parse import parse_fragment
from dothi.model.patch import append
from dothi.model.query import AnyOf, EntityQuery, Name
from dothi.model.represent import Representation, represent
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

#: derive(entity simplified, short names, and `observedAt`: name -> DateTime) -> further attributes (normalized); pure.
Derive = Callable[[Mapping[str, Any]], Mapping[str, Any]]

CAUSE: Final = "derive"
#: Entities computed in one unit of work, and seconds in which their changes are gathered.
BATCH, PAUSE = 500, 0.2

_SIMPLIFIED = Representation(format="simplified")


class Derivation:
    """Follows the changes: whichever road a value came by, what depends on it follows.

    `derive` is by the short name of the entity type. Types and attributes count under every IRI that their names may
    have, so that a reading without an @context has its index too. What is added carries the cause "derive" and is not
    looked at again, so nothing goes round in circles; a value that is already there is not written again. It needs no
    cursor, since all can be computed from the state: at the start it goes over every entity once.
    """

    def __init__(self, store: Store, names: Aliases, derive: Mapping[str, Derive]) -> None:
        self._store = store
        self._names = names
        self._derive = {iri: function for name, function in derive.items() for iri in names.iris(name)}
        #: Entities to look at; no more than there are of these types.
        self._waiting: dict[str, None] = {}
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        if not self._derive:
            return
        stop = self._store.subscribe(self._take)
        try:
            await self._go_over_all()
            while True:
                await self._arrived.wait()
                await asyncio.sleep(PAUSE)
                self._arrived.clear()
                waiting, self._waiting = list(self._waiting), {}
                await self._add(waiting)
        finally:
            stop()

    def _take(self, changes: Sequence[Change]) -> None:
        derive = self._derive
        for change in changes:
            for type in change.entity.types:
                if type in derive and change.kind != "deleted" and change.cause.by != CAUSE:
                    self._waiting[change.entity.id] = None
                    self._arrived.set()

    async def _go_over_all(self) -> None:
        query = EntityQuery(types=AnyOf(tuple(Name(type) for type in self._derive)), limit=BATCH)
        for offset in range(0, await self._store.count(query), BATCH):
            page = await self._store.entities(EntityQuery(types=query.types, limit=BATCH, offset=offset))
            await self._add([entity.id for entity in page.entities if self._computed(entity)])

    async def _add(self, ids: Sequence[str]) -> None:
        for first in range(0, len(ids), BATCH):
            some = ids[first : first + BATCH]
            while True:
                try:
                    await self._store.write(lambda tx, some=some: self._write(tx, some), some)  # type: ignore[misc]
                except Overloaded:
                    await asyncio.sleep(PAUSE)
                else:
                    break

    def _write(self, tx: Transaction, ids: Iterable[str]) -> None:
        for entity in tx.load(ids).values():
            fragment = self._computed(entity)
            if fragment:
                outcome = append(entity, parse_fragment(fragment, self._names), tx.now)
                if outcome.changed:
                    tx.save(outcome.entity, "updated", outcome.changes, Cause(CAUSE, 1))

    def _computed(self, entity: Entity) -> dict[str, Any]:
        found: dict[str, Any] = {}
        document = {**represent(entity, self._names, _SIMPLIFIED), "observedAt": self._times(entity)}
        for type in entity.types:
            if type in self._derive:
                try:
                    found.update(self._derive[type](document))
                except Exception as fault:
                    log.exception("a module's derive failed", entity=entity.id, error=repr(fault))
        return {self._names.present(name, entity.attributes): each for name, each in found.items()}

    def _times(self, entity: Entity) -> dict[str, str]:
        """Short name -> observedAt, the newest of its instances."""
        found: dict[str, str] = {}
        for iri, attribute in entity.attributes.items():
            times = [each["observedAt"] for each in instances(attribute) if "observedAt" in each]
            if times:
                found[self._names.compact(iri)] = max(times, key=parse_instant)
        return found
