"""Writes that go to context sources too, and what is answered when only a part succeeded (GS CIM 009 clause 6.3.17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from dothi.api.exchange import Exchange, Reply, json_reply, no_content
from dothi.broker.federation.federation import Federation
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.plan import Share
from dothi.broker.federation.sources import Call, path_of
from dothi.broker.federation.writing import Document, Result, Written, attributes_of, part_of
from dothi.broker.provision import UpdateResult, check_same_id
from dothi.model.attribute import CREATE, FEED, MERGE, MERGE_SIMPLIFIED, UPDATE, Rules
from dothi.model.context import Context
from dothi.model.evolution import take_apart
from dothi.model.parse import parse_entity, parse_fragment
from dothi.model.query import Selection
from dothi.model.renaming import renamed_attribute, renamed_entity
from dothi.model.selection import names as names_of

Local = Callable[[Document], Awaitable[Any]]


class SharedWrite:
    """One write to one entity, which context sources may share: `operation` is its name in clause 4.20, `parameters`
    are those that the sources get too, `where` the types that the entity must have, `root` the path of all entities."""

    def __init__(
        self,
        x: Exchange,
        federation: Federation,
        id: str,
        operation: str,
        context: Context,
        *,
        where: Selection | None = None,
        parameters: tuple[str, ...] = (),
        root: tuple[str, ...] = ("entities",),
    ) -> None:
        self._federation = federation
        self._root = root
        self._id = id
        self._operation = frozenset((operation,))
        self._context = context
        self._where = where
        self._origin: Origin = federation.origin(context, x.headers)
        self._parameters = {name: x.parameters[name] for name in parameters if name in x.parameters}
        if "type" in x.parameters:
            self._parameters["type"] = x.parameters["type"]

    async def entity(
        self, method: str, path: tuple[str, ...], document: Document, types: tuple[str, ...], local: Local
    ) -> Written | None:
        """A document, or a fragment, of an entity: each gets the attributes that are its own. None where no source has
        a part in it: then nothing was done. Raises a problem that is that of the whole write."""
        context = self._context
        attributes = attributes_of(document, context)
        plan = self._federation.writing.plan(
            self._operation, self._id, types or await self._types(), attributes, self._origin
        )
        if plan.is_local:
            return None

        def make(share: Share, names: Context) -> Call:
            part = part_of(document, share.attributes, context)
            body = part if names is context else renamed_entity(part, context, names)
            return Call(method, _path(path), names, self._named(names), body)

        mine = part_of(document, plan.attributes, context) if plan.here else {}
        written = await self._federation.writing.write(
            plan, self._origin, make, lambda: local(mine), here=plan.here, may_miss=False
        )
        written.raise_whole()
        return written

    async def attribute(
        self, method: str, name: str, body: Document | None, local: Callable[[], Awaitable[Any]]
    ) -> Written | None:
        """A write to one attribute. None where no source has a part in it. Raises as `entity`."""
        iri = self._context.expand(name)
        plan = self._federation.writing.plan(
            self._operation, self._id, await self._types(), frozenset((iri,)), self._origin
        )
        if plan.is_local:
            return None

        def make(share: Share, names: Context) -> Call:
            path = path_of(*self._root, self._id, "attrs", names.compact(iri))
            sent = body if body is None or names is self._context else renamed_attribute(body, self._context, names)
            return Call(method, path, names, self._named(names), sent)

        written = await self._federation.writing.write(plan, self._origin, make, local, here=plan.here)
        written.raise_whole()
        return written

    async def whole(self, method: str, local: Callable[[], Awaitable[Any]]) -> Written | None:
        """A write to all of an entity, as to delete it. None where no source has a part in it. Raises as `entity`."""
        plan = self._federation.writing.plan(self._operation, self._id, await self._types(), None, self._origin)
        if plan.is_local:
            return None

        def make(share: Share, names: Context) -> Call:
            return Call(method, path_of(*self._root, self._id), names, self._named(names))

        written = await self._federation.writing.write(
            plan, self._origin, make, local, here=True, may_miss=plan.proxied
        )
        written.raise_whole()
        return written

    async def _types(self) -> tuple[str, ...]:
        """The types that the request names, else those that the entity has here."""
        if self._where is not None:
            return tuple(names_of(self._where))
        return (await self._federation.writing.types_here((self._id,))).get(self._id, ())

    def _named(self, names: Context) -> dict[str, str]:
        """The parameters in the names of a source."""
        if names is self._context or self._where is None:
            return self._parameters
        return {**self._parameters, "type": ",".join(map(names.compact, names_of(self._where)))}


def _path(segments: tuple[str, ...]) -> str:
    """The path of a write; a list of attributes has a slash at its end (clause 6.6)."""
    return path_of(*segments) + ("/" if segments[-1] == "attrs" else "")


def entity_reply(id: str | None, written: Written, success: Reply) -> Reply:
    """`success`, or 207 with a BatchOperationResult (5.2.16) where a part failed. `id`: of its entity."""
    if not written.failures:
        return success
    errors = [_error(id, result) for result in written.failures]
    return json_reply({"success": [id] if id is not None and written.any_success else [], "errors": errors}, 207)


def attributes_reply(written: Written) -> Reply:
    """204, or 207 with an UpdateResult (5.2.18) where an attribute was not written somewhere."""
    updated: dict[str, None] = {}
    refused: list[dict[str, Any]] = []
    for result in written.results:
        done, left = _told(result)
        updated.update(dict.fromkeys(done))
        refused += left
    return json_reply({"updated": list(updated), "notUpdated": refused}, 207) if refused else no_content()


def _told(result: Result) -> tuple[list[str], list[dict[str, Any]]]:
    """Attributes that one part has written, and the NotUpdatedDetails (5.2.19) of those that it has not."""
    names = sorted(result.attributes or ())
    if isinstance(result.value, UpdateResult):
        return list(result.value.updated), [_refused(name, why, result) for name, why in result.value.not_updated]
    if result.problem is None:
        return names, []
    if not result.partly or not isinstance(result.value, dict):
        return [], [_refused(name, result.problem.detail, result) for name in names]
    done, left = result.value.get("updated"), result.value.get("notUpdated")
    details = [each for each in left if isinstance(each, dict)] if isinstance(left, list) else []
    return (
        [name for name in done if isinstance(name, str)] if isinstance(done, list) else [],
        [_refused(str(each.get("attributeName", "")), str(each.get("reason", "")), result) for each in details],
    )


def _refused(name: str, reason: str, result: Result) -> dict[str, Any]:
    details = {"attributeName": name, "reason": reason}
    return details if result.registration is None else {**details, "registrationId": result.registration.id}


def _error(id: str | None, result: Result) -> dict[str, Any]:
    """A BatchEntityError (5.2.17)."""
    error: dict[str, Any] = {} if id is None else {"entityId": id}
    error["error"] = result.problem.document() if result.problem is not None else {}
    return error if result.registration is None else {**error, "registrationId": result.registration.id}


# --- the operations, each None where no source has a part in it -----------------------------------------------------


async def create(x: Exchange, federation: Federation, document: Document, context: Context) -> Written | None:
    """Create an entity (5.6.1)."""
    draft = parse_entity(document, context)
    write = SharedWrite(x, federation, draft.id, "createEntity", context)
    return await write.entity(
        "POST", ("entities",), document, draft.types, lambda mine: x.broker.provision.create(mine, context)
    )


async def replace(
    x: Exchange, federation: Federation, id: str, document: Document, context: Context, where: Selection | None
) -> Written | None:
    """Replace an entity (5.6.18)."""
    draft = parse_entity({"id": id, **document}, context)
    check_same_id(id, draft.id)
    write = SharedWrite(x, federation, id, "replaceEntity", context, where=where)
    return await write.entity(
        "PUT",
        ("entities", id),
        document,
        draft.types,
        lambda mine: x.broker.provision.replace(id, mine, context, where=where),
    )


async def fragment(
    x: Exchange,
    federation: Federation,
    id: str,
    document: Document,
    context: Context,
    local: Local,
    kind: FragmentWrite,
    where: Selection | None,
) -> Written | None:
    """Append, update or merge a fragment of an entity (5.6.2, 5.6.3, 5.6.17)."""
    plain = take_apart(document, context).document if kind is EXTENDING else document
    read = parse_fragment(plain, context, kind.rules)
    check_same_id(id, read.id)
    write = SharedWrite(x, federation, id, kind.operation, context, where=where, parameters=kind.parameters)
    return await write.entity(kind.method, (*kind.root, id, *kind.below), document, read.types, local)


#: The path of evolutions, below which they are written like entities.
PASTS: Final = ("temporal", "entities")


async def evolve(
    x: Exchange, federation: Federation, document: Document, context: Context, local: Local
) -> Written | None:
    """Create or extend the evolution of an entity (5.6.11)."""
    draft = parse_entity(take_apart(document, context).document, context, FEED)
    write = SharedWrite(x, federation, draft.id, "upsertTemporal", context)
    return await write.entity("POST", PASTS, document, draft.types, local)


@dataclass(frozen=True, slots=True)
class FragmentWrite:
    """How a fragment of an entity is written: operation (4.20), method, path below the entity, rules of reading, and
    the parameters that sources get too."""

    operation: str
    method: str
    below: tuple[str, ...]
    rules: Rules
    parameters: tuple[str, ...] = ()
    root: tuple[str, ...] = ("entities",)


EXTENDING: Final = FragmentWrite("appendAttrsTemporal", "POST", ("attrs",), FEED, root=PASTS)
APPENDING: Final = FragmentWrite("appendAttrs", "POST", ("attrs",), CREATE, ("options",))
UPDATING: Final = FragmentWrite("updateEntity", "PATCH", ("attrs",), UPDATE)
MERGING: Final = FragmentWrite("mergeEntity", "PATCH", (), MERGE, ("options", "format", "observedAt", "lang"))
MERGING_VALUES: Final = FragmentWrite("mergeEntity", "PATCH", (), MERGE_SIMPLIFIED, MERGING.parameters)
