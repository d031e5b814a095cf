"""Reads the past of entities from here and from context sources, and puts it in one line of time (5.7.3, 5.7.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dothi.broker.consume import Consume
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.questions import Question, in_other_names, selected
from dothi.broker.federation.reading import Reading, Task
from dothi.broker.federation.sources import Call, Sources, path_of
from dothi.broker.federation.warnings import INVALID, REFUSED, SourceFailed, SourceWarning
from dothi.model.attribute import FEED
from dothi.model.context import Context
from dothi.model.entity import Instance, instances
from dothi.model.errors import BadGateway, OperationNotSupported, Problem
from dothi.model.instant import parse_instant
from dothi.model.parse import ENTITY_MEMBERS, parse_entity
from dothi.model.query import Window
from dothi.storage.store import History

#: Parameters of the past, which travel as they came.
PAST: Final[tuple[str, ...]] = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN")

_OPERATIONS: Final = ("retrieveTemporal", "queryTemporal")
_TIMES: Final = ("createdAt", "modifiedAt", "deletedAt")


@dataclass(frozen=True, slots=True)
class PastPage:
    """Ids of one page, how many there are where it was asked and is known, whether there are more, and what the
    sources told of each entity."""

    ids: list[str]
    total: int | None
    more: bool
    told: dict[str, list[History]]


class Evolution:
    """The past of one tenant and its context sources together."""

    def __init__(self, sources: Sources, reading: Reading, consume: Consume) -> None:
        self._sources = sources
        self._reading = reading
        self._consume = consume

    async def one(
        self, question: Question, past: Mapping[str, str], origin: Origin
    ) -> tuple[list[History], list[SourceWarning]]:
        """What sources tell of the entities of a question with ids (5.7.3)."""
        warnings = self._reading.loops(question, origin, _OPERATIONS)
        tasks = self._reading.tasks(question, origin, _OPERATIONS)
        found = await asyncio.gather(*(self._told(task, question, past, origin, 0, warnings) for task in tasks))
        return [history for several in found for history in several], warnings

    async def page(
        self, question: Question, window: Window, past: Mapping[str, str], origin: Origin, *, count: bool
    ) -> tuple[PastPage, list[SourceWarning]]:
        """A page of the entities whose past matches here or there (5.7.4), in the order of Reading.entities."""
        query = question.query
        needed = query.offset + query.limit + 1
        warnings = self._reading.loops(question, origin, _OPERATIONS)
        tasks = self._reading.tasks(question, origin, ("queryTemporal",))
        reading = self._consume.evolved(replace(query, offset=0, limit=needed), window, count=count)
        asking = asyncio.gather(*(self._told(task, question, past, origin, needed, warnings) for task in tasks))
        here, there = await asyncio.gather(reading, asking)
        told: dict[str, list[History]] = {}
        for several in there:
            for history in several:
                told.setdefault(history.id, []).append(history)
        ids = list(dict.fromkeys([*here.ids, *told]))
        beyond = max(0, (here.total or 0) - len(here.ids))
        shown = ids[query.offset : query.offset + query.limit]
        more = len(ids) > query.offset + query.limit
        return PastPage(shown, len(ids) + beyond if count else None, more, told), warnings

    async def _told(
        self,
        task: Task,
        question: Question,
        past: Mapping[str, str],
        origin: Origin,
        needed: int,
        warnings: list[SourceWarning],
    ) -> list[History]:
        """What one source tells; `needed` 0: of one entity."""
        registration = task.registration
        try:
            names = await self._sources.names(registration, origin)
            call = _call(task, question, past, names, origin, needed)
            if call is None:
                return []
            told = await self._sources.call(registration, origin, call)
            documents = told.value if isinstance(told.value, list) else [told.value]
            return [_history(document, call.names, task) for document in documents]
        except SourceFailed as failure:
            agent = registration.alias or registration.id
            if failure.status != 404:
                warnings.append(SourceWarning(failure.code, agent, failure.problem.detail))
            return []


def _call(
    task: Task, question: Question, past: Mapping[str, str], names: Context, origin: Origin, needed: int
) -> Call | None:
    part, operations = task.part, task.registration.operations
    parameters = {**past, "options": "sysAttrs"}
    if part.attributes is not None:
        parameters["attrs"] = ",".join(sorted(map(names.compact, part.attributes)))
    if not needed and "retrieveTemporal" in operations and len(part.ids) == 1:
        return Call("GET", path_of("temporal", "entities", part.ids[0]), names, parameters)
    if "queryTemporal" not in operations:
        return None
    filters: dict[str, str] | None = dict(question.filters)
    if names is not origin.context and filters:
        filters = in_other_names(dict(question.filters), question.query, names)
    if filters is None:
        raise SourceFailed(REFUSED, OperationNotSupported("its jsonldContext has other words for q"))
    paging = {"limit": str(needed)} if needed else {}
    parameters |= {**selected(part, question.query.types, names), **filters, **paging}
    return Call("GET", path_of("temporal", "entities"), names, parameters)


def joined_history(here: History | None, there: list[History], window: Window) -> History | None:
    """One past of several: of instances of the same dataset and time the one from here counts (4.5.5)."""
    several = ([here] if here is not None else []) + there
    if len(several) < 2:
        return several[0] if several else None
    attributes: dict[str, list[Instance]] = {}
    seen: set[tuple[str, Any, Any]] = set()
    for history in several:
        for name, past in history.attributes.items():
            kept = attributes.setdefault(name, [])
            for instance in past:
                key = (name, instance.get("datasetId"), instance.get("observedAt") or instance.get("modifiedAt"))
                if key not in seen:
                    seen.add(key)
                    kept.append(instance)
    for name, kept in attributes.items():
        kept.sort(key=lambda instance: _time(instance, window), reverse=window.last is not None)
        attributes[name] = kept if window.last is None else kept[: window.last]
    first = several[0]
    return replace(
        first,
        types=tuple(dict.fromkeys(type for history in several for type in history.types)),
        attributes=attributes,
    )


def _time(instance: Instance, window: Window) -> int:
    value = instance.get(window.property)
    if isinstance(value, str):
        return parse_instant(value)
    return value if isinstance(value, int) else 0


def _history(document: Any, names: Context, task: Task) -> History:
    """The past of an entity in the normalized temporal representation (4.5.7). Raises SourceFailed."""
    if not isinstance(document, dict):
        raise SourceFailed(INVALID, BadGateway("The answer holds something else than JSON objects."))
    plain = {name: item for name, item in document.items() if name not in ("@context", "scope", *_TIMES)}
    try:
        entity = parse_entity(plain, names, FEED)
        attributes = {
            iri: [_with_times(instance, body) for instance, body in zip(past, _bodies(item, len(past)), strict=True)]
            for name, item in plain.items()
            if name not in ENTITY_MEMBERS
            and (iri := names.expand(name)) in entity.attributes
            and (task.part.attributes is None or iri in task.part.attributes)
            and (past := instances(entity.attributes[iri]))
        }
    except Problem as problem:
        raise SourceFailed(INVALID, BadGateway(f"The answer is no past of an entity: {problem.detail}")) from None
    return History(entity.id, entity.types, entity.scopes, None, None, attributes)


def _bodies(item: Any, size: int) -> list[Any]:
    return item if isinstance(item, list) and len(item) == size else [item] * size


def _with_times(instance: Instance, body: Any) -> Instance:
    """The instance with what the broker of the source has set: instanceId and times."""
    found: dict[str, Any] = {}
    if isinstance(body, dict):
        if isinstance(body.get("instanceId"), str):
            found["instanceId"] = body["instanceId"]
        for name in _TIMES:
            if isinstance(body.get(name), str):
                try:
                    found[name] = parse_instant(body[name])
                except ValueError:
                    raise SourceFailed(INVALID, BadGateway(f"{name} {body[name]!r} is no time.")) from None
    return instance.copy() | found
