"""Batch operations under /entityOperations: create, upsert, update, merge, delete (GS CIM 009 clauses 6.14 to 6.17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from dothi.api.distributed import federation_of
from dothi.api.exchange import Exchange, Operation, Reply, json_reply, no_content
from dothi.api.parameters import listed
from dothi.broker.batch import BatchResult, Element
from dothi.broker.federation.batches import CREATING, MERGING, UPDATING, UPSERTING, Kind, SharedResult
from dothi.model.errors import BadRequestData, InvalidRequest, Problem


async def create(x: Exchange) -> Reply:
    """POST entityOperations/create: 201 with the ids, 207 where some could not be created (6.14.3.1, 5.6.7)."""
    result = await _shared(x, CREATING, await x.documents(), x.broker.batches.create)
    return _partly(result) if result.errors else json_reply(result.created, 201)


async def upsert(x: Exchange) -> Reply:
    """POST entityOperations/upsert: 201 with the ids created, 204 when all were there (6.15.3.1, 5.6.8)."""
    options = _options(x, "replace", "update")
    upsert = partial(x.broker.batches.upsert, update="update" in options)
    result = await _shared(x, UPSERTING, await x.documents(), upsert)
    if result.errors:
        return _partly(result)
    return json_reply(result.created, 201) if result.created else no_content()


async def update(x: Exchange) -> Reply:
    """POST entityOperations/update: 204, 207 where some could not be updated (6.16.3.1, 5.6.9)."""
    options = _options(x, "noOverwrite")
    update = partial(x.broker.batches.update, overwrite="noOverwrite" not in options)
    result = await _shared(x, UPDATING, await x.documents(), update)
    return _partly(result) if result.errors else no_content()


async def merge(x: Exchange) -> Reply:
    """POST entityOperations/merge: 204, 207 where some could not be merged (6.31.3.1, 5.6.20)."""
    result = await _shared(x, MERGING, await x.documents(), x.broker.batches.merge)
    return _partly(result) if result.errors else no_content()


async def delete(x: Exchange) -> Reply:
    """POST entityOperations/delete: 204, 207 where some could not be deleted (6.17.3.1, 5.6.10)."""
    ids = await x.json()
    if type(ids) is not list:
        raise InvalidRequest("The body must be a JSON array of entity ids.")
    if not ids:
        raise BadRequestData("The array is empty: a batch needs at least one entity id.")
    for position, id in enumerate(ids):
        if type(id) is not str:
            raise BadRequestData(f"Element {position} of the array is no entity id, which is a URI in a string.")
    result: BatchResult | None = None
    if (federation := federation_of(x)) is not None:
        origin = federation.origin(await x.context(), x.headers)
        result = await federation.batches.delete(ids, origin, x.broker.batches.delete)
    if result is None:
        result = await x.broker.batches.delete(ids)
    return _partly(result) if result.errors else no_content()


async def _shared(
    x: Exchange, kind: Kind, documents: list[Element], local: Callable[[list[Element]], Awaitable[BatchResult]]
) -> BatchResult:
    """The batch, written here and in the context sources that have a part in it."""
    if (federation := federation_of(x)) is not None:
        origin = federation.origin(x.broker.contexts.core, x.headers)
        result = await federation.batches.documents(kind, documents, origin, local, x.parameters)
        if result is not None:
            return result
    return await local(documents)


def _options(x: Exchange, *known: str) -> tuple[str, ...]:
    options = listed(x.parameters, "options")
    for option in options:
        if option not in known:
            raise InvalidRequest(f"options={option} is not supported here: write one of {', '.join(known)}.")
    if len(set(options)) > 1:
        raise InvalidRequest(f"options={','.join(options)} contradict one another: write one of them.")
    return options


def _partly(result: BatchResult) -> Reply:
    """207 with a BatchOperationResult (clause 5.2.16): what succeeded, and the problem of each that did not."""
    by = result.by if isinstance(result, SharedResult) else [None] * len(result.errors)
    errors = [_batch_error(id, problem, source) for (id, problem), source in zip(result.errors, by, strict=True)]
    return json_reply({"success": result.succeeded, "errors": errors}, 207)


def _batch_error(id: str | None, problem: Problem, source: str | None) -> dict[str, Any]:
    """A BatchEntityError (clause 5.2.17); `source` is the registration whose source failed."""
    error: dict[str, Any] = {} if id is None else {"entityId": id}
    error["error"] = problem.document()
    return error if source is None else {**error, "registrationId": source}


_OPTIONS: Final = frozenset({"options"})

ROUTES: Final = (
    Operation("POST", "entityOperations/create", create, "5.6.7", creates=True),
    Operation("POST", "entityOperations/upsert", upsert, "5.6.8", _OPTIONS, creates=True),
    Operation("POST", "entityOperations/update", update, "5.6.9", _OPTIONS),
    Operation("POST", "entityOperations/merge", merge, "5.6.20", _OPTIONS),
    Operation("POST", "entityOperations/delete", delete, "5.6.10"),
)
