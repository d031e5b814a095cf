"""Reads entities from here and from context sources at once, and makes one answer of it (clauses 5.7.1, 5.7.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dothi.broker.clock import wall_clock
from dothi.broker.consume import Consume, EntityPage
from dothi.broker.federation.joining import Version, joined, narrowed
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.questions import Question, inquiry, retrieval
from dothi.broker.federation.received import received
from dothi.broker.federation.sources import Call, Sources
from dothi.broker.federation.warnings import SILENT, SourceFailed, SourceWarning, passed_on
from dothi.broker.federation.writing import is_loop
from dothi.broker.linked import Fetch, linked_by
from dothi.model.entity import Entity
from dothi.model.errors import BadGateway, ResourceNotFound, TooManyResults
from dothi.model.expiry import without_expired
from dothi.model.match import compile_match
from dothi.model.query import EntityQuery
from dothi.model.registration import Coverage, Part, Registration
from dothi.model.selection import names
from dothi.model.source_query import may_have

#: Operations by which one entity, and by which many can be asked for (clause 4.20).
RETRIEVING: Final = ("retrieveEntity", "queryEntity", "queryBatch")
QUERYING: Final = ("queryEntity", "queryBatch")

#: Entities that a source is asked for at once; more are asked for page by page.
PAGE: Final = 1000

#: Entities that may come from one source where filters count only once all is together.
SPLIT_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Task:
    """One part of what a source is registered for, and what an exclusive source alone may say."""

    registration: Registration
    part: Part

    @property
    def claimed(self) -> frozenset[str]:
        return self.part.attributes or frozenset() if self.registration.mode == "exclusive" else frozenset()

    def version(self, entity: Entity) -> Version:
        """The entity as this source has it, of which nothing counts that it is not registered for (4.3.6.1)."""
        return Version(narrowed(entity, self.part.attributes), self.registration.mode, self.claimed)


@dataclass(slots=True)
class Shelf:
    """The entities that came of one task, whether these are all, and how many it says there are."""

    task: Task | None
    entities: dict[str, Entity] = field(default_factory=dict)
    complete: bool = True
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """A page of joined entities, warnings about sources, and the registrations that had each entity ("@none": here)."""

    page: EntityPage
    warnings: list[SourceWarning]
    holders: dict[str, tuple[str, ...]]


HERE: Final = "@none"


class Reading:
    """What a reader can ask of one tenant and of its context sources together."""

    def __init__(self, sources: Sources, consume: Consume) -> None:
        self._sources = sources
        self._consume = consume

    # --- which sources --------------------------------------------------------------------------------------------

    def tasks(self, question: Question, origin: Origin, operations: Sequence[str]) -> list[Task]:
        """What to ask of whom (clause 5.12); nothing where it would come round again (clause 6.3.18)."""
        return [task for task in self.parts(question, operations) if not is_loop(task.registration, origin)]

    def loops(self, question: Question, origin: Origin, operations: Sequence[str]) -> list[SourceWarning]:
        """A warning of each source that is not asked, since the request came from there or the source is this broker
        itself (table 6.3.17-1)."""
        if not origin.came_through and not origin.circular:
            return []
        looping = {task.registration.id: task.registration for task in self.parts(question, operations)}
        return [
            SourceWarning(
                SILENT, registration.alias or registration.id, "a loop of registrations: it is not asked again"
            )
            for registration in looping.values()
            if is_loop(registration, origin)
        ]

    def parts(self, question: Question, operations: Sequence[str] = ()) -> list[Task]:
        """What each registration has of a question, loops included; of sources that support one of `operations`, or
        of all where there are none."""
        found: list[Task] = []
        for coverage in self._coverages(question):
            registration = coverage.registration
            if (operations and registration.operations.isdisjoint(operations)) or not _may_have(registration, question):
                continue
            found += [task for part in coverage.parts if (task := Task(registration, part)) not in found]
        return found

    def _coverages(self, question: Question) -> list[Coverage]:
        query = question.query
        attributes = () if question.split else query.attributes
        found: list[Coverage] = []
        for selector in query.selectors or (query,):
            types = tuple(names(selector.types)) if selector.types is not None else ()
            found += self._sources.registrations.candidates(
                None,
                ids=selector.ids,
                id_pattern=selector.id_pattern,
                types=types,
                attributes=attributes,
                scope=query.scope,
                csf=question.csf,
                geo=query.geo,
            )
        return found

    # --- one entity -----------------------------------------------------------------------------------------------

    async def entity(
        self, question: Question, origin: Origin, *, but: str | None = None
    ) -> tuple[Entity, list[SourceWarning], tuple[str, ...]]:
        """The one entity whose id a question has, out of all that is known of it, warnings, and who had it (5.7.1);
        `but` is the id of a registration whose source is not asked.

        Raises Missing, which is a ResourceNotFound with the warnings.
        """
        (id,) = question.query.ids
        tasks = [task for task in self.tasks(question, origin, RETRIEVING) if task.registration.id != but]
        warnings = self.loops(question, origin, RETRIEVING)
        here, *there = await asyncio.gather(
            self._entity_here(id), *(self._entity_there(task, id, origin, warnings) for task in tasks)
        )
        versions = [] if here is None else [(HERE, Version(here))]
        versions += [
            (task.registration.id, task.version(entity))
            for task, entity in zip(tasks, there, strict=True)
            if entity is not None
        ]
        if not versions:
            raise Missing(id, warnings)
        holders = tuple(dict.fromkeys(holder for holder, _ in versions))
        return joined([version for _, version in versions]), warnings, holders

    async def _entity_here(self, id: str) -> Entity | None:
        try:
            return await self._consume.entity(id)
        except ResourceNotFound:
            return None

    async def _entity_there(self, task: Task, id: str, origin: Origin, warnings: list[SourceWarning]) -> Entity | None:
        registration = task.registration
        try:
            async with self._sources.within_deadline(registration) as since:
                known = await self._sources.names(registration, origin)
                call = retrieval(registration, task.part, id, known, origin.context)
                if call is None:
                    return None
                told = await self._sources.call(registration, origin, call, since=since)
                warnings += passed_on(told.headers.get("ngsild-warning"))
                found = await received(told.value, known, self._sources.resolve)
        except SourceFailed as failure:
            _warn(warnings, registration, failure)
            return None
        return next((_living(entity) for entity in found if entity.id == id), None)

    # --- many entities --------------------------------------------------------------------------------------------

    async def entities(self, question: Question, origin: Origin, *, count: bool = False) -> Gathered:
        """One page of the entities that match here or there, and their number where asked (5.7.2).

        The order is: what is here, then what each source has beside it, in the order of registration. The number is
        exact while every source has told all it has; beyond that an entity in two places may count twice.
        """
        query = question.query
        needed = SPLIT_MOST if question.split else max(query.offset + query.limit + 1, PAGE if query.limit == 0 else 1)
        tasks = self.tasks(question, origin, QUERYING)
        warnings = self.loops(question, origin, QUERYING)
        shelves = await asyncio.gather(
            self._shelf_here(question, needed, count),
            *(self._shelf_there(task, question, origin, needed, count, warnings) for task in tasks),
        )
        ids = list(dict.fromkeys(id for shelf in shelves for id in shelf.entities))
        if question.split:
            return await self._sifted(question, ids, shelves, warnings, origin)
        chosen = ids[query.offset : query.offset + query.limit]
        await asyncio.gather(*(self._complete(shelf, chosen, question, origin, warnings) for shelf in shelves))
        more = len(ids) > query.offset + query.limit
        page = EntityPage([_together(id, shelves) for id in chosen], _total(shelves, ids) if count else None, more)
        return Gathered(page, warnings, {id: _holders(id, shelves) for id in chosen})

    async def _sifted(
        self,
        question: Question,
        ids: list[str],
        shelves: Sequence[Shelf],
        warnings: list[SourceWarning],
        origin: Origin,
    ) -> Gathered:
        """The page where filters count only now that all is together (splitEntities, clause 5.7.2.4)."""
        query = question.query
        if not all(shelf.complete for shelf in shelves):
            raise TooManyResults(
                f"A query of split entities takes {SPLIT_MOST} entities of a source at most: narrow it by type or id."
            )
        together = [_together(id, shelves) for id in ids]
        behind: dict[str, Entity] = {}
        if query.q is not None:
            behind = await linked_by(query.q, together, self._linked(origin, warnings), query.dataset_ids)
        matches = compile_match(query, behind.get)
        found = [entity for entity in together if matches(entity)]
        shown = found[query.offset : query.offset + query.limit]
        page = EntityPage(shown, len(found), len(found) > query.offset + query.limit)
        return Gathered(page, warnings, {entity.id: _holders(entity.id, shelves) for entity in shown})

    def _linked(self, origin: Origin, warnings: list[SourceWarning]) -> Fetch:
        """How entities behind relationships are had: from here and from all sources (4.9)."""

        async def fetch(ids: Sequence[str]) -> list[Entity]:
            asked = EntityQuery(ids=tuple(ids), limit=len(ids))
            gathered = await self.entities(Question(asked), origin)
            warnings.extend(warning for warning in gathered.warnings if warning not in warnings)
            return gathered.page.entities

        return fetch

    async def _shelf_here(self, question: Question, needed: int, count: bool) -> Shelf:
        query = replace(question.query, offset=0, limit=needed)
        if question.split:
            query = replace(query, q=None, geo=None, scope=None, attributes=())
        page = await self._consume.entities(query, count=count)
        return Shelf(None, {entity.id: entity for entity in page.entities}, not page.more, page.total)

    async def _shelf_there(
        self,
        task: Task,
        question: Question,
        origin: Origin,
        needed: int,
        count: bool,
        warnings: list[SourceWarning],
    ) -> Shelf:
        shelf = Shelf(task)
        try:
            async with self._sources.within_deadline(task.registration) as since:
                await self._fill(shelf, task, question, origin, needed, count, warnings, since)
        except SourceFailed as failure:
            _warn(warnings, task.registration, failure)
        return shelf

    async def _fill(
        self,
        shelf: Shelf,
        task: Task,
        question: Question,
        origin: Origin,
        needed: int,
        count: bool,
        warnings: list[SourceWarning],
        since: float,
    ) -> None:
        """Ask page by page until there is enough, or the source has no more. Raises SourceFailed."""
        known = await self._sources.names(task.registration, origin)
        while len(shelf.entities) < needed:
            size = min(PAGE, needed - len(shelf.entities))
            call = inquiry(
                task.registration, task.part, question, known, origin.context,
                limit=size, offset=len(shelf.entities), count=count and shelf.total is None,
            )  # fmt: skip
            if call is None:
                raise SourceFailed(SILENT, BadGateway("its @context has no words for the q of this query."))
            found = await self._found(task, call, origin, shelf, warnings, since)
            shelf.complete = len(found) < size
            fresh = {entity.id: living for entity in found if (living := _living(entity)) is not None}
            is_new = bool(fresh.keys() - shelf.entities.keys())
            shelf.entities |= fresh
            if shelf.complete or not is_new:
                return

    async def _found(
        self, task: Task, call: Call, origin: Origin, shelf: Shelf, warnings: list[SourceWarning], since: float
    ) -> list[Entity]:
        told = await self._sources.call(task.registration, origin, call, since=since)
        warnings += passed_on(told.headers.get("ngsild-warning"))
        counted = told.headers.get("ngsild-results-count", "")
        if counted.isdigit():
            shelf.total = int(counted)
        return await received(told.value, call.names, self._sources.resolve)

    async def _complete(
        self, shelf: Shelf, ids: list[str], question: Question, origin: Origin, warnings: list[SourceWarning]
    ) -> None:
        """Ask a source that has more than it told for its versions of the entities that others put on this page."""
        missing = tuple(id for id in ids if id not in shelf.entities)
        if shelf.complete or not missing or (shelf.task is not None and shelf.task.part.ids):
            return
        narrow = replace(question, query=replace(question.query, ids=missing, id_pattern=None, selectors=(), offset=0))
        if shelf.task is None:
            more = await self._shelf_here(narrow, len(missing), False)
        else:
            part = Part(missing, None, shelf.task.part.types, shelf.task.part.attributes)
            task = Task(shelf.task.registration, part)
            more = await self._shelf_there(task, narrow, origin, len(missing), False, warnings)
        shelf.entities |= more.entities


class Missing(ResourceNotFound):
    """No source has the entity; some may not have answered."""

    def __init__(self, id: str, warnings: list[SourceWarning]) -> None:
        super().__init__(f"There is no entity {id}, here or in a context source that answered.")
        self.warnings = warnings


def _may_have(registration: Registration, question: Question) -> bool:
    """Whether place, time and datasets of a registration leave anything of a question to its source (5.2.9, 5.12)."""
    asked, own = question.datasets, registration.dataset_ids
    if asked and own and set(own).isdisjoint(asked):
        return False
    return may_have(registration, None if question.split else question.query.geo, question.window)


def _living(entity: Entity) -> Entity | None:
    """The entity without what has expired, or None where all of it has (clauses 4.5.5.2, 5.7.2.4)."""
    now = wall_clock()
    if entity.expires is not None and entity.expires <= now:
        return None
    return without_expired(entity, now)


def _together(id: str, shelves: Sequence[Shelf]) -> Entity:
    versions = [
        Version(shelf.entities[id]) if shelf.task is None else shelf.task.version(shelf.entities[id])
        for shelf in shelves
        if id in shelf.entities
    ]
    return joined(versions)


def _holders(id: str, shelves: Sequence[Shelf]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            HERE if shelf.task is None else shelf.task.registration.id for shelf in shelves if id in shelf.entities
        )
    )


def _total(shelves: Sequence[Shelf], ids: list[str]) -> int:
    """How many entities there are: those that were told, and what the sources say that they have beyond."""
    beyond = sum(max(0, (shelf.total or 0) - len(shelf.entities)) for shelf in shelves if not shelf.complete)
    return len(ids) + beyond


def _warn(warnings: list[SourceWarning], registration: Registration, failure: SourceFailed) -> None:
    """Keep a warning, one for each source; that a source has nothing is no fault of it (clause 6.3.17)."""
    agent = registration.alias or registration.id
    if failure.status != 404 and all(warning.agent != agent for warning in warnings):
        warnings.append(SourceWarning(failure.code, agent, failure.problem.detail))
