"""Deletes what a query finds: entities, or attributes of them, in bounded batches (GS CIM 009 clause 5.6.21)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import Final

from dothi.broker.provision import API, is_expired
from dothi.model import purge as purging
from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.patch import Outcome
from dothi.model.query import EntityQuery
from dothi.storage.store import Store, Transaction

#: Entities in one unit of work: other writers get their turn between two.
BATCH: Final = 500

#: What is done with an entity that was found; returns whether anything was done.
Deed = Callable[[Transaction, Entity], bool]


class Purge:
    """The purge of one tenant. The ids are found first, by a reader; each batch asks again before it deletes, so that
    an entity which no longer matches is spared, and one that comes later is not hunted."""

    def __init__(self, store: Store, cause: Cause = API) -> None:
        self._store = store
        self._cause = cause

    async def entities(self, query: EntityQuery) -> list[str]:
        """Delete the entities that match, history stays (5.6.21); their ids. Limit, offset and order play no part."""
        return await self._each(query, self._delete)

    async def attributes(self, query: EntityQuery, names: Collection[str], *, keep: bool = False) -> list[str]:
        """Delete these attributes (expanded IRIs), or all but these, of the entities that match (5.6.21).

        Returns the ids of the entities that changed.
        """
        left = partial(purging.only if keep else purging.without, names=frozenset(names))
        return await self._each(query, lambda tx, old: self._save(tx, left(old, now=tx.now)))

    async def _each(self, query: EntityQuery, deed: Deed) -> list[str]:
        found = await self._store.ids(query)
        done: list[str] = []
        for first in range(0, len(found), BATCH):
            some = tuple(found[first : first + BATCH])
            asked = replace(query, ids=some, order=(), limit=len(some), offset=0)
            done += await self._store.write(partial(_perform, asked, deed), some)
        return done

    def _delete(self, tx: Transaction, old: Entity) -> bool:
        tx.save(old, "deleted", (), self._cause)
        return True

    def _save(self, tx: Transaction, outcome: Outcome) -> bool:
        if outcome.changed:
            tx.save(outcome.entity, "updated", outcome.changes, self._cause)
        return outcome.changed


def _perform(asked: EntityQuery, deed: Deed, tx: Transaction) -> list[str]:
    still = set(tx.select(asked))
    entities = tx.load(asked.ids)
    return [
        id for id, entity in entities.items() if id in still and not is_expired(entity, tx.now) and deed(tx, entity)
    ]
