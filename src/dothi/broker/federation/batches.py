"""Batches of writes here and in context sources: each source gets its part of the batch by one call (5.6.7 to 5.6.10).

A source that knows no batches is called once for each entity.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from dothi.broker.batch import BatchResult, Element
from dothi.broker.federation.origin import Origin, address_of
from dothi.broker.federation.plan import Plan, Share
from dothi.broker.federation.sources import Call, Told, path_of
from dothi.broker.federation.warnings import SourceFailed, problem_of
from dothi.broker.federation.writing import Writing, attributes_of, part_of
from dothi.model.attribute import CREATE, MERGE
from dothi.model.context import Context
from dothi.model.entity import PlainProperty
from dothi.model.errors import BadGateway, Problem, ResourceNotFound
from dothi.model.parse import parse_entity, parse_fragment
from dothi.model.registration import Registration
from dothi.model.renaming import renamed_entity


@dataclass(frozen=True, slots=True)
class Kind:
    """A batch operation: its name in the path and in clause 4.20, and the operation on one entity in its place."""

    path: str
    batch: str
    single: str | None = None
    method: str = "POST"

    @property
    def operations(self) -> frozenset[str]:
        return frozenset((self.batch,) if self.single is None else (self.batch, self.single))


CREATING: Final = Kind("create", "createBatch", "createEntity")
UPSERTING: Final = Kind("upsert", "upsertBatch", "createEntity")
UPDATING: Final = Kind("update", "updateBatch", "appendAttrs")
MERGING: Final = Kind("merge", "mergeBatch", "mergeEntity", "PATCH")
REPLACING: Final = Kind("", "", "replaceEntity", "PUT")
DELETING: Final = Kind("delete", "deleteBatch", "deleteEntity", "DELETE")


@dataclass(slots=True)
class SharedResult(BatchResult):
    """A batch result with, beside each error, the registration whose source failed (None: this broker)."""

    by: list[str | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a batch that a source gets: its id, and the document in the names of the source."""

    id: str
    document: Any
    share: Share


@dataclass(slots=True)
class _Parcel:
    registration: Registration
    names: Context
    origin: Origin
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True)
class _Tally:
    """What became of each id: who created it, who succeeded, who failed."""

    succeeded: set[str] = field(default_factory=set)
    created: set[str] = field(default_factory=set)
    errors: list[tuple[str | None, Problem, str | None]] = field(default_factory=list)

    def fail(self, id: str | None, problem: Problem, registration: Registration | None) -> None:
        self.errors.append((id, problem, None if registration is None else registration.id))


class SharedBatches:
    """The batch operations of one tenant and its context sources together."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing

    async def documents(
        self,
        kind: Kind,
        elements: Sequence[Element],
        origin: Origin,
        local: Callable[[list[Element]], Awaitable[BatchResult]],
        parameters: Mapping[str, str],
    ) -> SharedResult | None:
        """Write documents (5.6.7 to 5.6.9, 5.6.20); `local` does the part of this broker.

        None where no source has a part in it: then nothing was done.
        """
        mine: list[Element] = []
        shares: list[tuple[str, Share, Element]] = []
        order: list[str] = []
        known = await self._writing.types_here([id for id in map(_id_of, elements) if id is not None])
        for element in elements:
            plan = self._planned(kind, element, origin, known)
            if plan is None:
                mine.append(element)
                continue
            document, context = element
            order.append(document["id"])
            shares += [(document["id"], share, element) for share in plan.shares]
            if plan.here and isinstance(context, Context):
                mine.append((part_of(document, plan.attributes, context), context))
        if not shares:
            return None
        tally = _Tally()
        parcels = await self._parcels(shares, origin, tally)
        results = await asyncio.gather(
            local(mine) if mine else _nothing(), *(self._send(kind, parcel, parameters, tally) for parcel in parcels)
        )
        _add_local(results[0] or BatchResult(), tally, frozenset())
        return _result(order, tally)

    async def delete(
        self, ids: Sequence[str], origin: Origin, local: Callable[[list[str]], Awaitable[BatchResult]]
    ) -> SharedResult | None:
        """Delete entities (5.6.10). None where no source has a part in it: then nothing was done."""
        known = await self._writing.types_here(ids)
        plans = {
            id: self._writing.plan(DELETING.operations, id, known.get(id, ()), None, origin)
            for id in dict.fromkeys(ids)
        }
        if all(plan.is_local for plan in plans.values()):
            return None
        shares: list[tuple[str, Share, Element]] = [
            (id, share, ({"id": id}, origin.context)) for id, plan in plans.items() for share in plan.shares
        ]
        tally = _Tally()
        parcels = await self._parcels(shares, origin, tally)
        results = await asyncio.gather(
            local(list(ids)), *(self._send(DELETING, parcel, {}, tally) for parcel in parcels)
        )
        _add_local(results[0] or BatchResult(), tally, frozenset(id for id, plan in plans.items() if plan.proxied))
        return _result(list(plans), tally)

    def _planned(
        self, kind: Kind, element: Element, origin: Origin, known: Mapping[str, tuple[str, ...]]
    ) -> Plan | None:
        """How an element is split; None where it is bad, or nobody else has a part in it: it stays here."""
        document, context = element
        if isinstance(context, Problem):
            return None
        try:
            if kind in (CREATING, UPSERTING):
                types = parse_entity(document, context).types
            else:
                types = parse_fragment(document, context, MERGE if kind is MERGING else CREATE).types
            names = attributes_of(document, context)
        except Problem:
            return None
        id = _id_of(element)
        if id is None:
            return None
        plan = self._writing.plan(kind.operations, id, types or known.get(id, ()), names, origin)
        return None if plan.is_local else plan

    async def _parcels(self, shares: list[tuple[str, Share, Element]], origin: Origin, tally: _Tally) -> list[_Parcel]:
        """The parts of each source put together; elements in different contexts go by different calls."""
        parcels: dict[tuple[str, str | None], _Parcel] = {}
        for id, share, (document, context) in shares:
            registration = share.registration
            refusal = self._writing.refusal(share, origin)
            if refusal is not None or not isinstance(context, Context):
                if refusal is not None:
                    tally.fail(id, refusal, registration)
                continue
            own = Origin(context, origin.headers, origin.alias, origin.circular)
            try:
                names = await self._writing.sources.names(registration, own)
            except SourceFailed as failure:
                tally.fail(id, failure.problem, registration)
                continue
            part = _on_the_wire(part_of(document, share.attributes, context))
            sent = part if names is context else renamed_entity(part, context, names)
            key = registration.id, address_of(names)
            parcels.setdefault(key, _Parcel(registration, names, own)).items.append(Item(id, sent, share))
        return list(parcels.values())

    async def _send(self, kind: Kind, parcel: _Parcel, parameters: Mapping[str, str], tally: _Tally) -> None:
        registration = parcel.registration
        if kind.batch not in registration.operations:
            await asyncio.gather(*(self._send_one(kind, parcel, item, parameters, tally) for item in parcel.items))
            return
        body = [item.id if kind is DELETING else item.document for item in parcel.items]
        call = Call("POST", path_of("entityOperations", kind.path), parcel.names, dict(parameters), body)
        try:
            told = await self._writing.sources.call(registration, parcel.origin, call)
        except SourceFailed as failure:
            for item in parcel.items:
                tally.fail(item.id, failure.problem, registration)
            return
        _add_answer(kind, parcel, told, tally)

    async def _send_one(
        self, kind: Kind, parcel: _Parcel, item: Item, parameters: Mapping[str, str], tally: _Tally
    ) -> None:
        try:
            told, is_new = await self._told(kind, parcel, item, parameters)
        except SourceFailed as failure:
            tally.fail(item.id, failure.problem, parcel.registration)
            return
        if told.status == 207:
            tally.fail(item.id, BadGateway("The context source did a part of it only."), parcel.registration)
            return
        tally.succeeded.add(item.id)
        if is_new:
            tally.created.add(item.id)

    async def _told(self, kind: Kind, parcel: _Parcel, item: Item, parameters: Mapping[str, str]) -> tuple[Told, bool]:
        """The answer to one element, and whether its entity is new. What is there already is replaced, or updated
        where the options of an upsert say so (5.6.8.4)."""
        ask = partial(self._writing.sources.call, parcel.registration, parcel.origin)
        if kind is not UPSERTING:
            return await ask(_single(kind, parcel, item, parameters)), kind is CREATING
        try:
            return await ask(_single(CREATING, parcel, item, {})), True
        except SourceFailed as failure:
            if failure.status != 409:
                raise
        is_update = "update" in parameters.get("options", "")
        there = UPDATING if is_update else REPLACING
        return await ask(_single(there, parcel, item, {})), False


def _single(kind: Kind, parcel: _Parcel, item: Item, parameters: Mapping[str, str]) -> Call:
    """The operation on one entity in the place of a batch."""
    segments = {"createEntity": ("entities",), "appendAttrs": ("entities", item.id, "attrs")}
    path = path_of(*segments.get(kind.single or "", ("entities", item.id)))
    body = None if kind is DELETING else item.document
    return Call(kind.method, path, parcel.names, dict(parameters), body)


def _id_of(element: Element) -> str | None:
    id = element[0].get("id")
    return id if isinstance(id, str) else None


def _on_the_wire(value: Any) -> Any:
    """A copy in plain JSON values, which the write of this broker leaves as they are."""
    if isinstance(value, PlainProperty):
        return value.members()
    if isinstance(value, dict):
        return {name: _on_the_wire(item) for name, item in value.items()}
    return [_on_the_wire(item) for item in value] if isinstance(value, list) else value


async def _nothing() -> BatchResult:
    return BatchResult()


def _add_local(result: BatchResult, tally: _Tally, may_miss: frozenset[str]) -> None:
    """The part of this broker; of entities in `may_miss` it may have nothing, since sources stand for them."""
    tally.succeeded.update(result.succeeded)
    tally.created.update(result.created)
    for id, problem in result.errors:
        if not (id in may_miss and isinstance(problem, ResourceNotFound)):
            tally.fail(id, problem, None)


def _add_answer(kind: Kind, parcel: _Parcel, told: Told, tally: _Tally) -> None:
    """The answer of a source to its part of a batch: 201 with ids, 204, or 207 with a BatchOperationResult."""
    ids = [item.id for item in parcel.items]
    failed: set[str] = set()
    if told.status == 207:
        for id, problem in _errors(told.value, ids):
            tally.fail(id, problem, parcel.registration)
            failed.add(id)
    done = [id for id in ids if id not in failed]
    tally.succeeded.update(done)
    if kind is CREATING:
        tally.created.update(done)
    elif told.status == 201 and isinstance(told.value, list):
        tally.created.update(id for id in told.value if id in done)


def _errors(value: Any, ids: list[str]) -> list[tuple[str, Problem]]:
    """The problems that a source tells, by id; all ids failed where it does not tell which."""
    errors = value.get("errors") if isinstance(value, dict) else None
    if not isinstance(errors, list):
        return [(id, BadGateway("The context source did a part of the batch only.")) for id in ids]
    found = []
    for told in errors:
        id = told.get("entityId") if isinstance(told, dict) else None
        error = told.get("error") if isinstance(told, dict) else None
        status = error.get("status") if isinstance(error, dict) else None
        if id in ids:
            found.append((str(id), problem_of(status if isinstance(status, int) else 502, error)))
    return found


def _result(order: list[str], tally: _Tally) -> SharedResult:
    """Ids without any error in the order of the batch, then those that only this broker knows of."""
    bad = {id for id, _, _ in tally.errors}
    known = list(dict.fromkeys([*order, *sorted(tally.succeeded)]))
    good = [id for id in known if id in tally.succeeded and id not in bad]
    return SharedResult(
        created=[id for id in good if id in tally.created],
        succeeded=good,
        errors=[(id, problem) for id, problem, _ in tally.errors],
        by=[registration for _, _, registration in tally.errors],
    )
