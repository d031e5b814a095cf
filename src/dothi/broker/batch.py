"""Batches of writes: one unit of work each, and one bad entity keeps no other out (clauses 5.6.7 to 5.6.10, 5.6.20)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from dothi.broker.consume import unknown_entity
from dothi.broker.provision import API, REPEATS, exists_already, is_expired
from dothi.model import merge as merging
from dothi.model import patch
from dothi.model.attribute import CREATE, MERGE
from dothi.model.change import Cause
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData, Problem
from dothi.model.parse import Fragment, parse_entity, parse_fragment
from dothi.model.patch import Outcome
from dothi.storage.store import Store, Transaction

#: One element of a batch: a document without @context, and its context or what is wrong with that.
Element = tuple[dict[str, Any], "Context | Problem"]

#: Elements that are parsed before the loop gets a turn: about 5 ms.
TURN = 500

D = TypeVar("D", Entity, Fragment)


@dataclass(slots=True)
class BatchResult:
    """Ids in the order in which they were written, and a problem for each element that was not (clause 5.2.16).

    An id that stands twice is written twice, in order (clauses 4.6.6, 5.5.11.1 to 5.5.11.5). The id of an error is
    None where it could not be read.
    """

    created: list[str] = field(default_factory=list)
    succeeded: list[str] = field(default_factory=list)
    errors: list[tuple[str | None, Problem]] = field(default_factory=list)


class Batches:
    """The batch operations of one tenant."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, elements: Sequence[Element], cause: Cause = API) -> BatchResult:
        """Create entities; one that exists is an error (5.6.7)."""

        def change(old: Entity | None, draft: Entity, now: int) -> Outcome:
            if old is not None:
                raise exists_already(draft.id)
            return patch.create(draft, now)

        return await self._write(*await parsed(elements, parse_entity), change, cause)

    async def upsert(self, elements: Sequence[Element], *, update: bool = False, cause: Cause = API) -> BatchResult:
        """Create entities; one that exists is replaced, or updated where `update` says so (5.6.8)."""
        change = partial(patch.upsert, repeats=REPEATS) if update else _replace_or_create
        return await self._write(*await parsed(elements, parse_entity), change, cause)

    async def update(self, elements: Sequence[Element], *, overwrite: bool = True, cause: Cause = API) -> BatchResult:
        """Append attributes to entities; an entity of which some were left alone is an error (5.6.9)."""

        def change(old: Entity | None, fragment: Fragment, now: int) -> Outcome:
            return patch.append(_there(old, fragment), fragment, now, overwrite, REPEATS)

        return await self._write(*await parsed(elements, _identified(CREATE)), change, cause)

    async def merge(self, elements: Sequence[Element], cause: Cause = API) -> BatchResult:
        """Merge fragments into entities (5.6.20)."""

        def change(old: Entity | None, fragment: Fragment, now: int) -> Outcome:
            return merging.merge(_there(old, fragment), fragment, now, repeats=REPEATS)

        return await self._write(*await parsed(elements, _identified(MERGE)), change, cause)

    async def delete(self, ids: Sequence[str], cause: Cause = API) -> BatchResult:
        """Delete entities; one that is not there is an error (5.6.10)."""

        def work(tx: Transaction) -> BatchResult:
            result = BatchResult()
            states = dict(tx.load(ids))
            for id in ids:
                old = states.pop(id, None)
                if old is None or is_expired(old, tx.now):
                    result.errors.append((id, unknown_entity(id)))
                    continue
                tx.save(old, "deleted", (), cause)
                result.succeeded.append(id)
            return result

        return await self._store.write(work, ids)

    async def _write(
        self,
        drafts: list[D],
        errors: list[tuple[str | None, Problem]],
        change: Callable[[Entity | None, D, int], Outcome],
        cause: Cause,
    ) -> BatchResult:
        ids: list[str] = [draft.id for draft in drafts]  # type: ignore[misc]

        def work(tx: Transaction) -> BatchResult:
            result = BatchResult(errors=errors.copy())
            now, states = tx.now, dict(tx.load(ids))
            for id, draft in zip(ids, drafts, strict=True):
                old = states.get(id)
                if old is not None and is_expired(old, now):
                    old = None
                try:
                    outcome = change(old, draft, now)
                except Problem as problem:
                    result.errors.append((id, problem))
                    continue
                if outcome.changed:
                    tx.save(outcome.entity, "created" if old is None else "updated", outcome.changes, cause)
                    states[id] = outcome.entity
                _note(result, id, old is None, outcome)
            return result

        return await self._store.write(work, ids) if drafts else BatchResult(errors=errors)


def _note(result: BatchResult, id: str, is_new: bool, outcome: Outcome) -> None:
    if outcome.not_updated:
        left = ", ".join(f"{skipped.name} ({skipped.reason})" for skipped in outcome.not_updated)
        result.errors.append((id, BadRequestData(f"Attributes of {id} were left alone: {left}.")))
        return
    result.succeeded.append(id)
    if is_new:
        result.created.append(id)


async def parsed(
    elements: Iterable[Element], parse: Callable[[dict[str, Any], Context], D]
) -> tuple[list[D], list[tuple[str | None, Problem]]]:
    """What could be read of a batch, and the problem of each element that could not. The loop gets turns between."""
    drafts: list[D] = []
    errors: list[tuple[str | None, Problem]] = []
    for position, (document, context) in enumerate(elements):
        if position % TURN == TURN - 1:
            await asyncio.sleep(0)
        try:
            if isinstance(context, Problem):
                raise context
            drafts.append(parse(document, context))
        except Problem as problem:
            id = document.get("id", document.get("@id"))
            errors.append((id if type(id) is str else None, problem))
    return drafts, errors


def _identified(rules: Any) -> Callable[[dict[str, Any], Context], Fragment]:
    def parse(document: dict[str, Any], context: Context) -> Fragment:
        fragment = parse_fragment(document, context, rules)
        if fragment.id is None:
            raise BadRequestData('The fragment has no "id": say which entity it is of.')
        return fragment

    return parse


def _there(old: Entity | None, fragment: Fragment) -> Entity:
    if old is None:
        raise unknown_entity(str(fragment.id))
    return old


def _replace_or_create(old: Entity | None, draft: Entity, now: int) -> Outcome:
    return patch.create(draft, now) if old is None else patch.replace(old, draft, now, REPEATS)
