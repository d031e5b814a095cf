"""The connectors' way in: documents whose newest values become the state and whose older ones go to the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dothi.broker.batch import BatchResult, Element, parsed
from dothi.broker.contexts import Contexts
from dothi.broker.provision import API, is_expired
from dothi.model.attribute import FEED
from dothi.model.change import Cause
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.errors import Problem
from dothi.model.ingest import ingest
from dothi.model.parse import parse_entity
from dothi.model.reading import Document, Trouble
from dothi.storage.store import Store, Transaction


class Ingest:
    """Implements connectors.base.Sink."""

    def __init__(self, store: Store, contexts: Contexts, own_context: Any = None) -> None:
        """`own_context` expands the names of documents that come without a context; None is the core context."""
        self._store = store
        self._contexts = contexts
        self._own_context = own_context

    async def put(self, entities: list[Document], context: str | None, cause: str) -> list[Trouble]:
        """Upsert a batch (mode update) in one unit of work; returns what was refused and why.

        An @context in a document goes before `context`. Raises Overloaded, LdContextNotAvailable, and what the store
        raises when it fails: then nothing of the batch was stored and it may be sent again.
        """
        result = await self.ingest(await self._elements(entities, context), Cause(by=cause))
        return [Trouble(id or cause, problem.detail) for id, problem in result.errors]

    async def judge(self, entities: list[Document], context: str | None, cause: str) -> list[Trouble]:
        """What `put` would refuse of a batch, without storing anything."""
        _, errors = await parsed(await self._elements(entities, context), _draft)
        return [Trouble(id or cause, problem.detail) for id, problem in errors]

    async def ingest(self, elements: Sequence[Element], cause: Cause = API) -> BatchResult:
        """Write documents in which an attribute may have many instances, told apart by observedAt.

        Of each datasetId the newest becomes the state unless the state is newer, the others go to the history.
        Writing the same again changes nothing.
        """
        drafts, errors = await parsed(elements, _draft)
        ids = [draft.id for draft in drafts]

        def work(tx: Transaction) -> BatchResult:
            result = BatchResult(errors=errors.copy())
            states = dict(tx.load(ids))
            for draft in drafts:
                _write(tx, states, draft, cause, result)
            return result

        return await self._store.write(work, ids) if drafts else BatchResult(errors=errors)

    async def _elements(self, entities: list[Document], context: str | None) -> list[Element]:
        names = await self._resolve(self._own_context if context is None else context)
        return [await self._element(document, names) for document in entities]

    async def _element(self, document: Document, names: Context) -> Element:
        if "@context" not in document:
            return document, names
        own = document["@context"]
        rest = {name: value for name, value in document.items() if name != "@context"}
        try:
            return rest, await self._resolve(own)
        except Problem as problem:
            return rest, problem

    async def _resolve(self, context: Any) -> Context:
        return self._contexts.known(context) or await self._contexts.resolve(context)


@dataclass(frozen=True, slots=True)
class Judge:
    """A connectors.base.Sink that only tells what would be refused."""

    ingest: Ingest

    async def put(self, entities: list[Document], context: str | None, cause: str) -> list[Trouble]:
        return await self.ingest.judge(entities, context, cause)


def _draft(document: Document, context: Context) -> Entity:
    return parse_entity(document, context, FEED)


def _write(tx: Transaction, states: dict[str, Entity], draft: Entity, cause: Cause, result: BatchResult) -> None:
    old = states.get(draft.id)
    if old is not None and is_expired(old, tx.now):
        old = None
    try:
        intake = ingest(old, draft, tx.now)
    except Problem as problem:
        result.errors.append((draft.id, problem))
        return
    entity = intake.outcome.entity
    if intake.outcome.changed:
        tx.save(entity, "created" if old is None else "updated", intake.outcome.changes, cause)
        states[draft.id] = entity
    if intake.past:
        tx.append(entity, intake.past, cause)
    result.succeeded.append(draft.id)
    if old is None:
        result.created.append(draft.id)
