"""Reads the past of entities from here and from context sources, and puts it in one line of time (5.7.3, 5.7.4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dothi.broker.consume import Consume
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.questions import Question, in_other_names, selected
from dothi.broker.federation.reading import HERE, PAGE, Reading, Task
from dothi.broker.federation.sources import Call, Sources, path_of
from dothi.broker.federation.warnings import INVALID, REFUSED, SourceFailed, SourceWarning
from dothi.model.attribute import FEED
from dothi.model.context import Context
from dothi.model.entity import VALUE_MEMBER, Instance, instances
from dothi.model.errors import BadGateway, OperationNotSupported, Problem
from dothi.model.instant import parse_instant
from dothi.model.parse import ENTITY_MEMBERS, parse_entity
from dothi.model.query import Window
from dothi.storage.store import History

#: Parameters of the past, which travel as they came.
PAST: Final[tuple[str, ...]] = ("timerel", "timeAt", "endTimeAt", "timeproperty", "lastN")

#: Parts of one past that are asked for, one after another.
PARTS: Final = 20

#: The end of the part that an answer holds (clause 6.3.10).
_RANGE: Final = re.compile(r"date-time \S+?Z-(\S+Z)/")

_OPERATIONS: Final = ("retrieveTemporal", "queryTemporal")
_TIMES: Final = ("createdAt", "modifiedAt", "deletedAt")


@dataclass(frozen=True, slots=True)
class PastPage:
    """Ids of one page, how many there are where it was asked and is known, whether there are more, what the sources
    told of each entity, and the registrations that had each entity ("@none": here)."""

    ids: list[str]
    total: int | None
    more: bool
    told: dict[str, list[History]]
    holders: dict[str, tuple[str, ...]]


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
        holders: dict[str, dict[str, None]] = {id: {HERE: None} for id in here.ids}
        for task, several in zip(tasks, there, strict=True):
            for history in several:
                told.setdefault(history.id, []).append(history)
                holders.setdefault(history.id, {})[task.registration.id] = None
        ids = list(dict.fromkeys([*here.ids, *told]))
        beyond = max(0, (here.total or 0) - len(here.ids))
        shown = ids[query.offset : query.offset + query.limit]
        more = len(ids) > query.offset + query.limit
        had = {id: tuple(holders[id]) for id in shown}
        return PastPage(shown, len(ids) + beyond if count else None, more, told, had), warnings

    async def _told(
        self,
        task: Task,
        question: Question,
        past: Mapping[str, str],
        origin: Origin,
        needed: int,
        warnings: list[SourceWarning],
    ) -> list[History]:
        """What one source tells, page by page; `needed` 0: of one entity."""
        registration = task.registration
        found: list[History] = []
        try:
            async with self._sources.within_deadline(registration) as since:
                names = await self._sources.names(registration, origin)
                for offset in range(0, max(needed, 1), PAGE):
                    size = min(PAGE, needed - offset)
                    call = _call(task, question, past, names, origin, size, offset)
                    page = [] if call is None else await self._parts(task, origin, call, since)
                    found += page
                    if len({history.id for history in page}) < max(size, 1) or not needed:
                        break
        except SourceFailed as failure:
            agent = registration.alias or registration.id
            if failure.status != 404:
                warnings.append(SourceWarning(failure.code, agent, failure.problem.detail))
        return found

    async def _parts(self, task: Task, origin: Origin, call: Call, since: float) -> list[History]:
        """The answer to a call; a past that comes in parts is asked for part by part. Raises SourceFailed."""
        found: list[History] = []
        for _ in range(PARTS):
            told = await self._sources.call(task.registration, origin, call, since=since)
            documents = told.value if isinstance(told.value, list) else [told.value]
            found += [_history(document, call.names, task) for document in documents]
            rest = _rest(call, told.headers.get("content-range", "")) if told.status == 206 else None
            if rest is None:
                break
            call = rest
        return found


def _rest(call: Call, content_range: str) -> Call | None:
    """The call for what comes after a part (clause 6.3.10); None where it cannot be told, or is not wanted: the last n
    instances come as a part that has the latest."""
    told = _RANGE.match(content_range)
    since = told[1] if told is not None else call.parameters.get("timeAt")
    if since is None or "lastN" in call.parameters or since == call.parameters.get("timeAt"):
        return None
    end = call.parameters.get("endTimeAt" if call.parameters.get("timerel") == "between" else "timeAt")
    bounded = call.parameters.get("timerel") in ("between", "before") and end is not None
    window = {"timerel": "between", "endTimeAt": str(end)} if bounded else {"timerel": "after"}
    return replace(call, parameters={**call.parameters, "timeAt": since, **window})


def _call(
    task: Task, question: Question, past: Mapping[str, str], names: Context, origin: Origin, size: int, offset: int
) -> Call | None:
    part, operations = task.part, task.registration.operations
    parameters = {**past, "options": "sysAttrs"}
    if part.attributes is not None:
        parameters["attrs"] = ",".join(sorted(map(names.compact, part.attributes)))
    if not size and "retrieveTemporal" in operations and len(part.ids) == 1:
        return Call("GET", path_of("temporal", "entities", part.ids[0]), names, parameters)
    if "queryTemporal" not in operations:
        return None
    filters: dict[str, str] | None = dict(question.filters)
    if names is not origin.context and filters:
        filters = in_other_names(dict(question.filters), question.query, names)
    if filters is None:
        raise SourceFailed(REFUSED, OperationNotSupported("its jsonldContext has other words for q"))
    paging = {"limit": str(size)} if size else {}
    if offset:
        paging["offset"] = str(offset)
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
    given = {name: item for name, item in document.items() if name not in ("@context", "scope", *_TIMES)}
    plain, gone = _without_deletions(given)
    attributes: dict[str, list[Instance]] = {}
    try:
        entity = parse_entity(plain, names, FEED)
        for name in given:
            if name in ENTITY_MEMBERS or not _is_registered(iri := names.expand(name), task):
                continue
            past = instances(entity.attributes[iri]) if iri in entity.attributes else []
            bodies = _bodies(plain.get(name), len(past))
            attributes[iri] = [_with_times(each, body) for each, body in zip(past, bodies, strict=True)]
            attributes[iri] += [_deletion(body) for body in gone.get(name, ())]
    except Problem as problem:
        raise SourceFailed(INVALID, BadGateway(f"The answer is no past of an entity: {problem.detail}")) from None
    return History(entity.id, entity.types, entity.scopes, None, None, attributes)


def _is_registered(iri: str, task: Task) -> bool:
    return task.part.attributes is None or iri in task.part.attributes


def _without_deletions(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The document without the instances that tell of a deletion (clause 4.5.7), and these by the names in it."""
    plain: dict[str, Any] = {}
    gone: dict[str, list[dict[str, Any]]] = {}
    for name, item in document.items():
        several = item if isinstance(item, list) else [item]
        gone[name] = [body for body in several if isinstance(body, dict) and "deletedAt" in body]
        if not gone[name]:
            plain[name] = item
        elif rest := [body for body in several if body not in gone[name]]:
            plain[name] = rest
    return plain, gone


def _deletion(body: dict[str, Any]) -> Instance:
    """The instance that tells when an attribute was deleted. Raises SourceFailed where it has no kind or value."""
    member = VALUE_MEMBER.get(body.get("type", "Property"))
    if member is None or member not in body:
        raise SourceFailed(INVALID, BadGateway("The answer has a deletion of an attribute of no kind."))
    kept = {name: body[name] for name in ("datasetId",) if isinstance(body.get(name), str)}
    return _with_times({"type": body.get("type", "Property"), member: body[member], **kept}, body)


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
