"""Runs of procedures, kept as entities: started, worked off by people, told overdue by the clock."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import msgspec
import structlog

from dothi.automation.procedures.books import Books
from dothi.automation.procedures.definition import Step
from dothi.automation.procedures.kept import LOCATION, TITLE, Keeping, value_of
from dothi.automation.procedures.run import Act, Deed, Run, Status, acted, begin, overdue
from dothi.broker.clock import wall_clock
from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.errors import Conflict, Overloaded, ResourceNotFound
from dothi.model.instant import format_instant
from dothi.model.query import And, AttributePath, EntityQuery, Order, Query, UriLiteral
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

RUN: Final = Keeping(
    "ProcedureRun",
    {
        "title": "LanguageProperty", "procedure": "Property", "procedureVersion": "Property", "runStatus": "Property",
        "subject": "Relationship", "runCause": "Property", "currentStep": "Property", "responsibleRole": "Property",
        "startedAt": "Property", "startedBy": "Property", "endedAt": "Property", "dueAt": "Property",
        "overdue": "Property", "runLog": "JsonProperty", "location": "GeoProperty",
    },
    {"title": TITLE, "location": LOCATION},
)  # fmt: skip

#: Seconds between two looks at the clocks.
TICK: Final = 1.0
#: Runs under way that the clocks of one city look after.
MOST_RUNNING: Final = 10_000

#: told(run, act) after the commit, for every act on a run.
Listener = Callable[[Run, Act], None]
#: beside(tx, run, acts): what else is written in the unit of work that keeps these acts.
Beside = Callable[[Transaction, Run, tuple[Act, ...]], None]


class Runs:
    """The runs of one city. `by` is the id of an operator, "rule:<id>", or "system"."""

    def __init__(
        self, store: Store, books: Books, *, beside: Beside | None = None, now: Callable[[], int] = wall_clock
    ) -> None:
        self._store = store
        self._beside = beside or (lambda tx, run, acts: None)
        self._books = books
        self.now = now
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` of every act; returns how to stop. It must not wait."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def start(
        self,
        procedure: str,
        *,
        subject: str | None = None,
        by: str = "system",
        note: str = "",
        cause: Cause | None = None,
        key: str | None = None,
    ) -> Run:
        """Start the newest version of a procedure. Raises ResourceNotFound, Conflict where it is retired.

        `key` makes the start idempotent: while a run started with it is under way, that one is answered. A rule gives
        its own id, so that ten alarms about one gauge start one procedure.
        """
        book = self._books.book(procedure)
        if book.retired:
            raise Conflict(f"procedure {procedure!r} is retired: take it back into use, or choose another")
        tail = uuid.uuid4().hex[:12]
        id = f"urn:ngsi-ld:ProcedureRun:{procedure}:{tail}"

        def work(tx: Transaction) -> tuple[Run, bool]:
            same = None if key is None else self._under_way(tx, procedure, subject, key)
            if same is not None:
                return same, False
            about = tx.load((subject,)).get(subject) if subject else None
            run = begin(id, book.newest, book.version, by, tx.now, subject, key or by, note)
            place = about.attributes.get(LOCATION) if about is not None else None
            _keep(tx, run, cause or Cause(f"operator:{by}"), None if place is None else value_of(place))
            self._beside(tx, run, run.acts)
            return run, True

        run, is_new = await self._store.write(work, [id, *([subject] if subject else [])])
        if is_new:
            self._tell(run, run.acts)
        return run

    async def act(self, id: str, deed: Deed, *, by: str, step: str = "", answer: str = "", note: str = "") -> Run:
        """Do something in a run. Raises ResourceNotFound, BadRequestData, Conflict where somebody was first."""

        def work(tx: Transaction) -> tuple[Run, int]:
            before = self._run(tx.load((id,)).get(id), id)
            after = acted(before, deed, by, tx.now, step=step, answer=answer, note=note)
            _keep(tx, after, Cause(f"operator:{by}"))
            self._beside(tx, after, after.acts[len(before.acts) :])
            return after, len(before.acts)

        run, known = await self._store.write(work, (id,))
        self._tell(run, run.acts[known:])
        return run

    async def get(self, id: str) -> Run:
        """Raises ResourceNotFound."""
        return self._run(await self._store.entity(id), id)

    async def find(
        self, status: Status | None = None, procedure: str | None = None, subject: str | None = None,
        limit: int = 100, offset: int = 0,
    ) -> tuple[list[Run], int]:  # fmt: skip
        """A page of runs, the newest first, and how many there are in all."""
        newest = (Order(AttributePath(("createdAt",)), descending=True),)
        q = _condition(status, procedure, subject)
        query = EntityQuery(types=RUN.selection, q=q, order=newest, limit=limit, offset=offset)
        page = await self._store.entities(query, count=True)
        return [run for each in page.entities if (run := self._known(each)) is not None], page.total or 0

    async def running_by_procedure(self) -> Counter[str]:
        """Procedure -> runs under way."""
        return Counter(run.definition.id for run in (await self.find("running", limit=MOST_RUNNING))[0])

    async def run(self) -> None:
        """Look at the clocks until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            try:
                await self.tick()
            except Overloaded:
                continue

    async def tick(self) -> list[Run]:
        """Mark the steps that have become overdue; the runs they belong to."""
        now = self.now()
        late = [run.id for run in (await self.find("running", limit=MOST_RUNNING))[0] if overdue(run, now) is not None]
        marked = []
        for id in late:

            def work(tx: Transaction, id: str = id) -> Run | None:
                run = overdue(self._run(tx.load((id,)).get(id), id), now)
                if run is not None:
                    _keep(tx, run, Cause("procedures"))
                return run

            run = await self._store.write(work, (id,))
            if run is not None:
                marked.append(run)
                self._tell(run, run.acts[-1:])
        return marked

    def _under_way(self, tx: Transaction, procedure: str, subject: str | None, key: str) -> Run | None:
        """The run that was started with a key and has not ended, the writes of the same group included."""
        query = EntityQuery(types=RUN.selection, q=_condition("running", procedure, subject), limit=MOST_RUNNING)
        found = (self._known(entity) for entity in tx.load(tx.select(query)).values())
        return next((run for run in found if run is not None and run.cause == key), None)

    def _run(self, entity: Entity | None, id: str) -> Run:
        run = None if entity is None else self._known(entity)
        if run is None:
            raise ResourceNotFound(f"there is no run {id}")
        return run

    def _known(self, entity: Entity) -> Run | None:
        """The run of an entity; None where a stranger wrote the entity and it holds no run of ours."""
        found = RUN.read(entity)
        try:
            acts = msgspec.convert(found["runLog"], tuple[Act, ...])
            definition = self._books.book(found["procedure"]).at(int(found["procedureVersion"]))
        except (KeyError, ValueError, msgspec.ValidationError, ResourceNotFound):
            return None
        version = int(found["procedureVersion"])
        return Run(entity.id, definition, version, acts, found.get("subject"), found.get("runCause", ""))

    def _tell(self, run: Run, acts: tuple[Act, ...]) -> None:
        for listener in tuple(self._listeners):
            for act in acts:
                listener(run, act)


def _condition(status: Status | None, procedure: str | None, subject: str | None) -> Query | None:
    parts = [RUN.equals("runStatus", status)] if status else []
    parts += [RUN.equals("procedure", procedure)] if procedure else []
    parts += [RUN.equals("subject", UriLiteral(subject))] if subject else []
    return And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None


def _keep(tx: Transaction, run: Run, cause: Cause, place: Any = None) -> None:
    step: Step | None = run.step
    RUN.put(
        tx,
        run.id,
        {
            "title": msgspec.to_builtins(run.definition.title),
            "procedure": run.definition.id,
            "procedureVersion": run.version,
            "runStatus": run.status,
            "subject": run.subject,
            "runCause": run.cause,
            "currentStep": "" if step is None else step.id,
            "responsibleRole": "" if step is None else step.role,
            "startedAt": format_instant(run.started_at),
            "startedBy": run.started_by,
            "endedAt": None if run.ended_at is None else format_instant(run.ended_at),
            "dueAt": None if run.due_at is None else format_instant(run.due_at),
            "overdue": run.is_overdue(tx.now),
            "runLog": msgspec.to_builtins(run.acts),
            "location": place,
        },
        cause,
    )
