"""The operations on context source registrations (GS CIM 009 clauses 5.9 and 5.10), without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

import structlog

from dothi.broker.clock import wall_clock
from dothi.broker.outside import Outside
from dothi.broker.source_checks import check_beside, check_local, is_same_broker
from dothi.broker.source_counters import SourceCounters
from dothi.broker.source_index import SourceIndex
from dothi.model.context import Context
from dothi.model.errors import (
    AlreadyExists,
    BadRequestData,
    Overloaded,
    Problem,
    ResourceNotFound,
    TargetRefused,
)
from dothi.model.query import GeoQuery, Query, Selection, Window
from dothi.model.registration import Coverage, Registration, covering
from dothi.model.registration_document import (
    expand_registration,
    merge_registration,
    read_registration,
    represent_registration,
)
from dothi.model.source_query import SourceQuery, compile_filter, compile_sources, may_have
from dothi.model.values import is_uri
from dothi.storage.store import Store, Transaction

log = structlog.get_logger(__name__)

#: Kinds of records: registrations, and how the calls to their sources went.
REGISTRATION: Final = "registration"
STATE: Final = "registration-state"

#: Seconds between two looks at what has expired and at what has to be kept.
PERIOD: Final = 1.0

#: Written in the same transaction as a change; and what to do once it is durable.
Accompany = Callable[[Transaction], None]
Aftermath = Callable[[], None]
#: Told of a change before it is written: the registration before (None: new) and after (None: gone).
ChangeListener = Callable[[Registration | None, Registration | None], Awaitable[tuple[Accompany, Aftermath]]]


class Registrations:
    """One tenant's registered context sources. All are in memory; the store keeps what must outlive the process.

    `is_empty` is for those who must not lose time where there are none. `base` is the address of this server and
    `tenant` the name of this tenant: a source that is this very tenant is a loop, and is never called. `listener` is
    set by who tells others of the changes. Changes follow one another.
    """

    def __init__(
        self,
        store: Store,
        outside: Outside,
        *,
        tenant: str | None = None,
        base: str | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self.is_empty = True
        #: Ids of the registrations whose source is this very tenant: to call it would go round for ever (6.3.17).
        self.circular: set[str] = set()
        self.listener: ChangeListener | None = None
        #: Held while a registration changes, and by who must not miss a change.
        self.changing = asyncio.Lock()
        self._store = store
        self._outside = outside
        self._tenant = tenant
        self._own = base
        self._clock = clock
        self._registrations: dict[str, Registration] = {}
        self._counters: dict[str, SourceCounters] = {}
        self._index = SourceIndex()
        self._dirty: set[str] = set()

    # --- life -------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read what is kept. A registration that this version cannot read stays in the store and is not served."""
        states = await self._store.records(STATE)
        kept = await self._store.records(REGISTRATION)
        for id, record in sorted(kept.items(), key=lambda pair: (pair[1]["created"], pair[0])):
            try:
                registration = read_registration(record["document"], record["created"], record["modified"])
            except Problem as problem:
                log.error("registration.unreadable", registration=id, reason=problem.detail)
                continue
            self._put(registration)
            if id in states:
                self._counters[id] = SourceCounters.of(states[id])

    async def run(self) -> None:
        """Delete what has expired and keep the counters, until cancelled."""
        while True:
            await asyncio.sleep(PERIOD)
            try:
                await self.sweep()
            except Overloaded:
                continue

    async def sweep(self) -> None:
        """Delete the registrations that have expired, and write the counters that changed. Raises Overloaded."""
        now = self._clock()
        for registration in [each for each in self._registrations.values() if each.is_expired(now)]:
            async with self.changing:
                if self._registrations.get(registration.id) is registration:
                    await self._change(registration, None, partial(_drop, id=registration.id))
        dirty, self._dirty = self._dirty, set()
        states = {id: self._counters[id].state() for id in dirty if id in self._counters}
        if states:
            try:
                await self._store.write(partial(_keep, states=states))
            except Overloaded:
                self._dirty |= dirty
                raise

    async def close(self) -> None:
        """Keep the counters."""
        await self.sweep()

    # --- what a request asks ----------------------------------------------------------------------------------

    def candidates(
        self,
        operation: str | None,
        *,
        ids: Sequence[str] = (),
        id_pattern: str | None = None,
        types: Collection[str] = (),
        attributes: Collection[str] = (),
        scope: Selection | None = None,
        csf: Query | None = None,
        geo: GeoQuery | None = None,
        window: Window | None = None,
    ) -> list[Coverage]:
        """What registered sources answer of a request, in the order of their registration (clause 5.12).

        See model.registration.covering for the parameters. `csf` is the context source filter of the request, `geo`
        and `window` its place and time, outside of which no source is asked (clause 4.3.6.1).
        """
        if self.is_empty:
            return []
        now = self._clock()
        chosen = compile_filter(csf) if csf is not None else None
        found = []
        for registration in self._possible(ids, types):
            if operation is not None and operation not in registration.operations:
                continue
            if chosen is not None and not chosen(registration):
                continue
            coverage = covering(
                registration,
                operation,
                now=now,
                ids=ids,
                id_pattern=id_pattern,
                types=types,
                attributes=attributes,
                scope=scope,
            )
            if coverage is not None and may_have(registration, geo, window):
                found.append(coverage)
        return found

    def get(self, id: str) -> Registration | None:
        """The registration of this id, unless it has expired."""
        registration = self._registrations.get(id)
        return None if registration is None or registration.is_expired(self._clock()) else registration

    def all(self) -> list[Registration]:
        """Every registration that has not expired, oldest first."""
        now = self._clock()
        return [registration for registration in self._registrations.values() if not registration.is_expired(now)]

    def succeeded(self, id: str) -> None:
        """The source of a registration answered a call."""
        self._count(id, True)

    def failed(self, id: str) -> None:
        """The source of a registration did not answer a call, or not as it should."""
        self._count(id, False)

    def counters(self, id: str) -> SourceCounters:
        """How the calls to the source of a registration went."""
        return self._counters.get(id) or SourceCounters()

    # --- operations -------------------------------------------------------------------------------------------

    async def create(self, document: dict[str, Any], context: Context) -> str:
        """Register a context source (5.9.2); its id, made up where the document has none.

        Raises BadRequestData, AlreadyExists, TargetRefused, and Conflict where a proxied registration would hide
        entities of this broker or contradict another registration.
        """
        if document.get("id") is None:
            document = {**document, "id": f"urn:ngsi-ld:ContextSourceRegistration:{uuid4()}"}
        kept = expand_registration(document, context.expand)
        kept = {name: value for name, value in kept.items() if value is not None}
        await self._checked(read_registration(kept), timed=True)
        async with self.changing:
            now = self._clock()
            registration = read_registration(kept, now, now)
            if self.get(registration.id) is not None:
                raise AlreadyExists(f"The registration {registration.id} exists: change it by PATCH, or delete it.")
            check_beside(registration, self.all())

            def work(tx: Transaction) -> None:
                check_local(tx, registration)
                _put(tx, registration)
                tx.drop_record(STATE, registration.id)

            await self._change(None, registration, work)
        return registration.id

    async def update(self, id: str, fragment: dict[str, Any], context: Context) -> None:
        """Change members of a registration, null removes one (5.9.3). Raises as `create`, and ResourceNotFound."""
        before = self._find(id)
        change = expand_registration(fragment, context.expand)
        await self._checked(
            read_registration(merge_registration(before.document, change)), timed=change.get("expiresAt") is not None
        )
        async with self.changing:
            before = self._find(id)
            kept = merge_registration(before.document, change)
            after = read_registration(kept, before.created, max(self._clock(), before.modified + 1))
            check_beside(after, self.all())
            claims_more = after.mode != before.mode or after.information != before.information

            def work(tx: Transaction) -> None:
                if claims_more:
                    check_local(tx, after)
                _put(tx, after)

            await self._change(before, after, work)

    async def delete(self, id: str) -> None:
        """Forget a context source (5.9.4). Raises ResourceNotFound."""
        async with self.changing:
            await self._change(self._find(id), None, partial(_drop, id=id))

    def retrieve(self, id: str, context: Context, *, sys_attrs: bool = False) -> dict[str, Any]:
        """One registration with the names of the context (5.10.1). Raises ResourceNotFound."""
        return self._shown(self._find(id), context, sys_attrs)

    def query(
        self, query: SourceQuery, context: Context, limit: int, offset: int, *, sys_attrs: bool = False
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of the registrations that match, oldest first, and how many do (5.10.2)."""
        match, now = compile_sources(query), self._clock()
        found = [registration for registration in self.all() if match(registration, now) is not None]
        page = found[offset : offset + limit]
        return [self._shown(registration, context, sys_attrs) for registration in page], len(found)

    # --- checks -----------------------------------------------------------------------------------------------

    async def _checked(self, registration: Registration, *, timed: bool) -> None:
        """What needs more than the document: the clock, and whether the endpoint may be called."""
        if timed and registration.is_expired(self._clock()):
            raise BadRequestData(
                f"expiresAt {registration.document['expiresAt']} is in the past: the registration would end at once."
            )
        try:
            await self._outside.check(registration.endpoint)
        except TargetRefused as refused:
            raise TargetRefused(f"endpoint {registration.endpoint}: {refused.detail}") from None

    def _find(self, id: str) -> Registration:
        if not is_uri(id):
            raise BadRequestData(f"{id!r} is no URI, so no registration can have it as its id.")
        registration = self.get(id)
        if registration is None:
            raise ResourceNotFound(f"There is no registration {id}.")
        return registration

    # --- keeping ----------------------------------------------------------------------------------------------

    async def _change(self, before: Registration | None, after: Registration | None, work: Accompany) -> None:
        """Write a change together with what tells of it; memory follows when it is durable. `changing` is held."""
        accompany, aftermath = (_nothing, _done) if self.listener is None else await self.listener(before, after)

        def whole(tx: Transaction) -> None:
            work(tx)
            accompany(tx)

        await self._store.write(whole)
        if after is not None:
            self._put(after)
        elif before is not None:
            self._forget(before)
        aftermath()

    def _put(self, registration: Registration) -> None:
        older = self._registrations.get(registration.id)
        if older is not None:
            self._index.remove(older)
        self._registrations[registration.id] = registration
        self._index.add(registration)
        self.is_empty = False
        if self._own is not None and is_same_broker(registration, self._own, self._tenant):
            self.circular.add(registration.id)
        else:
            self.circular.discard(registration.id)

    def _forget(self, registration: Registration) -> None:
        self._index.remove(registration)
        del self._registrations[registration.id]
        self._counters.pop(registration.id, None)
        self.circular.discard(registration.id)
        self.is_empty = not self._registrations

    def _possible(self, ids: Collection[str], types: Collection[str]) -> list[Registration]:
        found = self._index.find(ids, types)
        if found is None:
            return list(self._registrations.values())
        chosen = [self._registrations[id] for id in found]
        return sorted(chosen, key=lambda registration: (registration.created, registration.id))

    def _count(self, id: str, ok: bool) -> None:
        if id in self._registrations:
            self._counters.setdefault(id, SourceCounters()).count(ok, self._clock())
            self._dirty.add(id)

    def _shown(self, registration: Registration, context: Context, sys_attrs: bool) -> dict[str, Any]:
        counters = self.counters(registration.id).members()
        return represent_registration(registration, context.compact, counters, sys_attrs=sys_attrs)


def _put(tx: Transaction, registration: Registration) -> None:
    record = {
        "document": registration.document, "created": registration.created, "modified": registration.modified,
    }  # fmt: skip
    tx.put_record(REGISTRATION, registration.id, record)


def _drop(tx: Transaction, id: str) -> None:
    tx.drop_record(REGISTRATION, id)
    tx.drop_record(STATE, id)


def _keep(tx: Transaction, states: dict[str, list[Any]]) -> None:
    for id, state in states.items():
        tx.put_record(STATE, id, state)


def _nothing(tx: Transaction) -> None:
    return None


def _done() -> None:
    return None
