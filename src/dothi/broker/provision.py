"""Every write of entities, without HTTP: parse, then one unit of work on the single writer (GS CIM 009 clause 5.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dothi.broker.consume import unknown_entity
from dothi.model import merge as merging
from dothi.model import patch
from dothi.model.attribute import CREATE, MERGE, MERGE_SIMPLIFIED, PARTIAL, UPDATE
from dothi.model.change import Cause
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.errors import AlreadyExists, BadRequestData
from dothi.model.parse import Fragment, parse_attribute, parse_entity, parse_fragment
from dothi.model.patch import Outcome
from dothi.model.query import Selection
from dothi.model.selection import select_types
from dothi.storage.store import Store, Transaction

#: Of writes that come through the API.
API: Final = Cause()

#: Who writes through the API tells of now: an equal value without observedAt moves modifiedAt and goes to the history.
REPEATS: Final = True

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """Attribute IRIs that were written, and those that were not with the reason (clause 5.2.18)."""

    updated: tuple[str, ...]
    not_updated: tuple[tuple[str, str], ...] = ()


class Provision:
    """What a writer can ask of one tenant. Every method is one durable unit of work.

    Documents are decoded JSON without @context. `where` asks that the entity has a type; one that has not is not found.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, document: Document, context: Context, cause: Cause = API) -> str:
        """Create an entity (5.6.1); returns its id. Raises BadRequestData, AlreadyExists."""
        draft = parse_entity(document, context)

        def work(tx: Transaction) -> None:
            if living(tx, draft.id) is not None:
                raise exists_already(draft.id)
            tx.save((made := patch.create(draft, tx.now)).entity, "created", made.changes, cause)

        await self._store.write(work, (draft.id,))
        return draft.id

    async def replace(
        self, id: str, document: Document, context: Context, *, where: Selection | None = None, cause: Cause = API
    ) -> None:
        """Replace all content of an entity (5.6.18). Raises BadRequestData, ResourceNotFound."""
        draft = parse_entity({"id": id, **document}, context)
        check_same_id(id, draft.id)
        await self._change(id, lambda old, now: patch.replace(old, draft, now, REPEATS), where, cause)

    async def append(
        self,
        id: str,
        document: Document,
        context: Context,
        *,
        overwrite: bool = True,
        where: Selection | None = None,
        cause: Cause = API,
    ) -> UpdateResult:
        """Add attributes, and replace those that are there where `overwrite` says so (5.6.3)."""
        fragment = _fragment(id, parse_fragment(document, context, CREATE))
        return _result(
            await self._change(id, lambda old, now: patch.append(old, fragment, now, overwrite, REPEATS), where, cause)
        )

    async def update(
        self, id: str, document: Document, context: Context, *, where: Selection | None = None, cause: Cause = API
    ) -> UpdateResult:
        """Replace attributes, delete those that are NGSI-LD Null (5.6.2)."""
        fragment = _fragment(id, parse_fragment(document, context, UPDATE))
        return _result(await self._change(id, lambda old, now: patch.update(old, fragment, now, REPEATS), where, cause))

    async def merge(
        self,
        id: str,
        document: Document,
        context: Context,
        *,
        simplified: bool = False,
        observed_at: str | None = None,
        lang: str | None = None,
        where: Selection | None = None,
        cause: Cause = API,
    ) -> None:
        """Merge a fragment into an entity member by member (5.6.17, 5.5.12)."""
        fragment = _fragment(id, parse_fragment(document, context, MERGE_SIMPLIFIED if simplified else MERGE))

        def change(old: Entity, now: int) -> Outcome:
            return merging.merge(old, fragment, now, observed_at=observed_at, lang=lang, repeats=REPEATS)

        await self._change(id, change, where, cause)

    async def update_attribute(
        self,
        id: str,
        name: str,
        document: Document,
        context: Context,
        *,
        where: Selection | None = None,
        cause: Cause = API,
    ) -> None:
        """Change members of one attribute instance, found by datasetId (5.6.4)."""
        iri, fragment = parse_attribute(name, document, context, PARTIAL)
        await self._change(
            id, lambda old, now: merging.patch_attribute(old, iri, fragment, now, name, REPEATS), where, cause
        )

    async def replace_attribute(
        self,
        id: str,
        name: str,
        document: Document,
        context: Context,
        *,
        where: Selection | None = None,
        cause: Cause = API,
    ) -> None:
        """Replace one attribute instance, found by datasetId (5.6.19)."""
        iri, instance = parse_attribute(name, document, context, CREATE)
        await self._change(
            id, lambda old, now: patch.replace_attribute(old, iri, instance, now, name, REPEATS), where, cause
        )

    async def delete_attribute(
        self,
        id: str,
        name: str,
        context: Context,
        *,
        dataset: str | None = None,
        everything: bool = False,
        where: Selection | None = None,
        cause: Cause = API,
    ) -> None:
        """Delete the default instance, the one of `dataset`, or every instance of an attribute (5.6.5)."""
        iri = context.expand(name)
        await self._change(
            id, lambda old, now: patch.delete_attribute(old, iri, now, dataset, everything, name), where, cause
        )

    async def delete(self, id: str, *, where: Selection | None = None, cause: Cause = API) -> None:
        """Delete an entity; its history stays (5.6.6). Raises ResourceNotFound."""

        def work(tx: Transaction) -> None:
            tx.save(_found(tx, id, where), "deleted", (), cause)

        await self._store.write(work, (id,))

    async def _change(
        self, id: str, change: Callable[[Entity, int], Outcome], where: Selection | None, cause: Cause
    ) -> Outcome:
        def work(tx: Transaction) -> Outcome:
            outcome = change(_found(tx, id, where), tx.now)
            if outcome.changed:
                tx.save(outcome.entity, "updated", outcome.changes, cause)
            return outcome

        return await self._store.write(work, (id,))


def living(tx: Transaction, id: str) -> Entity | None:
    """The stored entity, unless it is past its expiry and only waits for the sweep."""
    entity = tx.load((id,)).get(id)
    return None if entity is None or is_expired(entity, tx.now) else entity


def is_expired(entity: Entity, now: int) -> bool:
    return entity.expires is not None and entity.expires <= now


def exists_already(id: str) -> AlreadyExists:
    return AlreadyExists(f"There is an entity {id} already: update it, or choose another id.")


def _found(tx: Transaction, id: str, where: Selection | None) -> Entity:
    entity = living(tx, id)
    if entity is None or (where is not None and not select_types(where)(entity.types)):
        raise unknown_entity(id)
    return entity


def check_same_id(id: str, own: str | None) -> None:
    """Raises BadRequestData where a document is of another entity than its address."""
    if own not in (None, id):
        raise BadRequestData(f"The document is of entity {own}, the address of {id}: make them equal, or leave id out.")


def _fragment(id: str, fragment: Fragment) -> Fragment:
    check_same_id(id, fragment.id)
    return fragment


def _result(outcome: Outcome) -> UpdateResult:
    return UpdateResult(outcome.updated, tuple((skipped.name, skipped.reason) for skipped in outcome.not_updated))
