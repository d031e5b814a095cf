"""Writes and erases the temporal evolution of entities, without HTTP (GS CIM 009 clauses 5.6.11 to 5.6.16).

There is one entity, not two stores: what is written here becomes the state where it is the newest, and what is erased
here is gone from the state too. Only single instances are erased from the past alone.
"""

from __future__ import annotations

from typing import Any, Final

from dothi.broker.consume import unknown_entity
from dothi.broker.provision import API, living
from dothi.model import merge as merging
from dothi.model import patch
from dothi.model.attribute import PARTIAL, Rules
from dothi.model.change import Cause
from dothi.model.context import Context
from dothi.model.entity import Entity, Instance, instances
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.evolution import Evolution, take_apart
from dothi.model.ingest import ingest
from dothi.model.instances import Instances
from dothi.model.instant import parse_instant
from dothi.model.parse import parse_attribute, parse_entity, parse_fragment
from dothi.model.values import is_null
from dothi.storage.store import Found, Store, Transaction

Document = dict[str, Any]

#: An attribute may have instances of many times, in UTC as everywhere in the API (clause 4.6.3).
_RULES: Final = Rules(repeats=True)


class Evolutions:
    """What a writer can do to the past of one tenant's entities. Every method is one durable unit of work."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, document: Document, context: Context, cause: Cause = API) -> tuple[str, bool]:
        """Create or extend the evolution of an entity (5.6.11); its id, and whether it is new.

        Raises BadRequestData.
        """
        told = take_apart(document, context)
        draft = parse_entity(told.document, context, _RULES)

        def work(tx: Transaction) -> bool:
            old = living(tx, draft.id)
            _extend(tx, old, draft, told, cause)
            return old is None

        return draft.id, await self._store.write(work, (draft.id,))

    async def extend(self, id: str, document: Document, context: Context, cause: Cause = API) -> None:
        """Add instances to the evolution of an entity (5.6.12). Raises BadRequestData, ResourceNotFound."""
        told = take_apart(document, context)
        fragment = parse_fragment(told.document, context, _RULES)
        if fragment.id not in (None, id):
            raise BadRequestData(f"The document is of entity {fragment.id}, the address of {id}: leave id out.")

        def work(tx: Transaction) -> None:
            old = living(tx, id)
            if old is None:
                raise unknown_entity(id)
            draft = Entity(id, fragment.types or old.types, fragment.attributes, fragment.scopes or ())
            _extend(tx, old, draft, told, cause)

        await self._store.write(work, (id,))

    async def delete(self, id: str, cause: Cause = API) -> None:
        """Erase an entity with all of its past (5.6.16). Raises ResourceNotFound."""

        def work(tx: Transaction) -> None:
            old = tx.load((id,)).get(id)
            if old is not None:
                tx.save(old, "deleted", (), cause)
            if not tx.forget(id) and old is None:
                raise unknown_entity(id)

        await self._store.write(work, (id,))

    async def delete_attribute(
        self,
        id: str,
        name: str,
        context: Context,
        *,
        dataset: str | None = None,
        everything: bool = False,
        cause: Cause = API,
    ) -> None:
        """Erase the default instance of an attribute, the one of `dataset`, or every one, with its past (5.6.13).

        Raises BadRequestData, ResourceNotFound.
        """
        iri = _attribute(name, context)
        which = None if dataset == "@none" else dataset

        def work(tx: Transaction) -> None:
            old = tx.load((id,)).get(id)
            gone = old is not None and _drop(tx, old, iri, which, everything, cause)
            if not tx.forget(id, iri, ... if everything else which) and not gone:
                raise _nothing(id, name, which, everything)

        await self._store.write(work, (id,))

    async def modify_instance(
        self, id: str, name: str, instance: str, document: Document, context: Context, cause: Cause = API
    ) -> None:
        """Change members of one instance of the past, which keeps its instanceId (5.6.14).

        Where the instance is the one of the state, the state changes with it. Raises BadRequestData, ResourceNotFound.
        """
        iri, fragment = parse_attribute(name, document, context, PARTIAL)
        if is_null(fragment):
            raise BadRequestData(f"{name}: the NGSI-LD Null deletes: use DELETE for an instance of the past.")

        def work(tx: Transaction) -> None:
            found = tx.instance(id, iri, instance)
            if found is None:
                raise _no_instance(id, name, instance)
            amended = _amended(id, iri, found, fragment, name, tx.now)
            old = living(tx, id)
            if old is not None:
                _amend_state(tx, old, iri, found, amended, cause)
            tx.amend(id, iri, found, instance, amended, cause)

        await self._store.write(work, (id,))

    async def delete_instance(self, id: str, name: str, instance: str, context: Context) -> None:
        """Erase one instance of the past (5.6.15); the state stays as it is. Raises ResourceNotFound."""
        iri = _attribute(name, context)

        def work(tx: Transaction) -> None:
            if not tx.forget(id, iri, instance=instance):
                raise _no_instance(id, name, instance)

        await self._store.write(work, (id,))


def _attribute(name: str, context: Context) -> str:
    """The IRI of an attribute or of the scope. Raises BadRequestData where the name cannot be one."""
    if name == "scope":
        return patch.SCOPE
    return parse_attribute(name, {"value": 0}, context, PARTIAL)[0]


def _extend(tx: Transaction, old: Entity | None, draft: Entity, told: Evolution, cause: Cause) -> None:
    """Newer values and scopes come to the state, all else goes to the past."""
    if told.scopes is not None and _is_newer(told, old):
        draft = Entity(draft.id, draft.types, draft.attributes, told.scopes, expires=draft.expires)
    intake = ingest(old, draft, tx.now)
    entity = intake.outcome.entity
    if intake.outcome.changed:
        tx.save(entity, "created" if old is None else "updated", intake.outcome.changes, cause)
    if intake.past or told.past:
        tx.append(entity, [*intake.past, *((name, _dated(instance, tx.now)) for name, instance in told.past)], cause)


def _dated(instance: Instance, now: int) -> Instance:
    """A deletion that is told with the time at which it was."""
    return {**instance, "deletedAt": now} if "deletedAt" in instance else instance


def _is_newer(told: Evolution, old: Entity | None) -> bool:
    """Whether the last scope of a document is the one of now."""
    return old is None or not old.scopes or (told.scope_time or 0) > old.modified


def _drop(tx: Transaction, old: Entity, iri: str, dataset: str | None, everything: bool, cause: Cause) -> bool:
    """Delete from the state what it has of an attribute; whether it had any."""
    there = [instance.get("datasetId") for instance in instances(old.attributes.get(iri))]
    if not (old.scopes if iri == patch.SCOPE else there if everything else dataset in there):
        return False
    outcome = patch.delete_attribute(old, iri, tx.now, dataset, everything)
    tx.save(outcome.entity, "updated", outcome.changes, cause)
    return True


def _amended(id: str, iri: str, found: Found, fragment: Instance, name: str, now: int) -> Instance:
    """The instance with the fragment in it; times of the broker left out."""
    dataset = found.dataset
    if fragment.get("datasetId", dataset) != dataset:
        raise BadRequestData(f"{name}: an instance keeps its datasetId; leave it out.")
    alone = Entity(id, (), {iri: {**found.instance, "createdAt": 0, "modifiedAt": 0}})
    if dataset is not None:
        fragment = {**fragment, "datasetId": dataset}
    outcome = merging.patch_attribute(alone, iri, fragment, now, name)
    (amended,) = instances(outcome.entity.attributes[iri])
    return {key: item for key, item in amended.items() if key not in ("createdAt", "modifiedAt", "deletedAt")}


def _amend_state(tx: Transaction, old: Entity, iri: str, found: Found, amended: Instance, cause: Cause) -> None:
    kept = Instances(iri, old.attributes.get(iri), tx.now)
    was = kept.by_dataset.get(found.dataset)
    if was is not None and _time_of(was) == found.time and kept.put(amended):
        outcome = patch.one_attribute(old, kept, tx.now)
        tx.save(outcome.entity, "updated", outcome.changes, cause)


def _time_of(instance: Instance) -> int:
    observed = instance.get("observedAt")
    return int(instance["modifiedAt"]) if observed is None else parse_instant(observed)


def _nothing(id: str, name: str, dataset: str | None, everything: bool) -> ResourceNotFound:
    which = "instance" if everything else f"instance with datasetId {dataset}" if dataset else "default instance"
    return ResourceNotFound(f"The past of {id} has no {which} of {name}.")


def _no_instance(id: str, name: str, instance: str) -> ResourceNotFound:
    return ResourceNotFound(f"The attribute {name} of {id} has no instance {instance}.")
