"""Snapshots of a tenant: isolated copies that can be asked and changed like the tenant itself (GS CIM 009 clause 5.16).

Each is a store of its own in <tenant>/snapshots/<folder>, copied as of one instant by a thread that disturbs neither
readers nor the writer. Its broker is opened by the first request that names it.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog

from dothi.broker.background import Background
from dothi.broker.clock import wall_clock
from dothi.broker.contexts import Contexts
from dothi.broker.outside import Outside, OutsideFailed
from dothi.model import patch
from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.errors import AlreadyExists, BadRequestData, Conflict, Problem, ResourceNotFound
from dothi.model.match import compile_query
from dothi.model.query import EntityQuery
from dothi.model.snapshot import QUERIES, Snapshot, Status, lifetime_of, read_change, read_selection, read_snapshot
from dothi.model.values import is_uri
from dothi.storage.store import Choice, Store, Transaction

if TYPE_CHECKING:
    from dothi.broker.broker import Broker

log = structlog.get_logger(__name__)

FOLDER: Final = "snapshots"
#: Kind of record.
SNAPSHOT: Final = "snapshot"

#: How long a snapshot lives where nobody asks for a time, and at most, in microseconds.
USUAL, LONGEST = 24 * 3600 * 1_000_000, 30 * 24 * 3600 * 1_000_000
#: Snapshots of a tenant; for one more, one of the lowest priority goes (clause 5.5.15).
MOST: Final = 20
#: Seconds between two looks at what has expired.
PERIOD: Final = 5.0
#: lastUsedAt is written down when it is this much older than the last use, in microseconds.
USED: Final = 60 * 1_000_000
#: Notifications of a change of status are tried so often, with so many seconds between.
TRIES, PAUSE = 3, 2.0

_FAILED: Final[dict[str, Any]] = {"resultStatus": "failure"}

Job = Callable[[], Awaitable[None]]
#: What context sources have of each query of a snapshot.
Elsewhere = Callable[[], Awaitable[Sequence[Sequence[Entity]]]]

CAUSE: Final = Cause("snapshot")
#: Entities of context sources in one unit of work.
BATCH: Final = 500


class Snapshots:
    """The snapshots of one tenant, whose data live in `folder`.

    `open_broker` builds the broker over the folder of a snapshot, given its id.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        open_broker: Callable[[Path, str], Awaitable[Broker]],
        contexts: Contexts,
        outside: Outside,
        clock: Callable[[], int] = wall_clock,
        most: int = MOST,
    ) -> None:
        self._store = store
        self._folder = folder / FOLDER
        self._open_broker = open_broker
        self._contexts = contexts
        self._outside = outside
        self._clock = clock
        self._most = most
        self._snapshots: dict[str, Snapshot] = {}
        self._written: dict[str, int] = {}
        #: By the name of the snapshot's folder.
        self._brokers: dict[str, Broker] = {}
        self._opening = asyncio.Lock()
        #: Copies to make and notifications to send, one after the other: there are never more than snapshots.
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._background = Background()

    # --- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up the snapshots that are kept. One that was being made when the city stopped has failed."""
        for id, record in (await self._store.records(SNAPSHOT)).items():
            self._snapshots[id] = Snapshot(**record)
            self._written[id] = self._snapshots[id].used
        for snapshot in list(self._snapshots.values()):
            if snapshot.status == "preparing":
                await self._finish(snapshot, "failure", _failed_all(snapshot, "The city was stopped meanwhile."))
        kept = {snapshot.folder for snapshot in self._snapshots.values()}
        await asyncio.to_thread(_sweep_folders, self._folder, kept)
        self._background.start("snapshots", self._run)

    async def stop(self) -> None:
        """End what is being made and close all brokers."""
        await self._background.stop()
        while self._brokers:
            await self._brokers.popitem()[1].close()

    # --- operations -------------------------------------------------------------------------------------------

    async def create(
        self,
        document: dict[str, Any],
        entities: Sequence[EntityQuery],
        temporal: Sequence[EntityQuery],
        elsewhere: Elsewhere | None = None,
    ) -> str:
        """Begin to make a snapshot of what the queries find, their past with the temporal ones (5.16.1); its id.

        `elsewhere` finds what context sources have of each of `entities`, in that order (5.7.2.4). Raises
        BadRequestData, AlreadyExists, TargetRefused.
        """
        id, given = read_snapshot(document)
        choices = [Choice(query) for query in entities] + [Choice(query, past=True) for query in temporal]
        snapshot = await self._add(id, given)
        self._jobs.put_nowait(lambda: self._fill(snapshot, choices, len(entities), elsewhere))
        return snapshot.id

    async def clone(self, id: str, document: dict[str, Any]) -> str:
        """Begin to copy a snapshot as it is now (5.16.2); the id of the copy. Raises as `create`, ResourceNotFound."""
        source = self._ready(id)
        own, given = read_snapshot(document, clone=True)
        queries: dict[str, Any] = {name: source.given[name] for name in QUERIES if name in source.given}
        snapshot = await self._add(own, {**queries, **given})
        self._jobs.put_nowait(lambda: self._copy(source.id, snapshot))
        return snapshot.id

    def retrieve(self, id: str) -> dict[str, Any]:
        """The status of a snapshot (5.16.3). Raises BadRequestData, ResourceNotFound."""
        return self._find(id).document()

    async def update(self, id: str, fragment: dict[str, Any]) -> dict[str, Any]:
        """Change priority, lifetime or endpoint (5.16.4); the new status. Raises BadRequestData, ResourceNotFound."""
        snapshot = self._find(id)
        change = read_change(fragment, id)
        await self._check_endpoint(change)
        given = {name: value for name, value in (snapshot.given | change).items() if value is not None}
        snapshot.given, snapshot.modified = given, self._clock()
        if "snapshotLifetime" in change:
            snapshot.expires = self._expiry(given)
        await self._keep(snapshot)
        self._tell(snapshot)
        return snapshot.document()

    async def delete(self, id: str) -> None:
        """Delete a snapshot with all its data (5.16.5). Raises BadRequestData, ResourceNotFound."""
        await self._remove(self._find(id))

    async def purge(self, q: str) -> list[str]:
        """Delete the snapshots that a query over their members finds (5.16.7); their ids. Raises BadRequestData."""
        matches = compile_query(read_selection(q))
        found = [each for each in self._living() if matches(each.as_entity())]
        for snapshot in found:
            await self._remove(snapshot)
        return [snapshot.id for snapshot in found]

    async def broker(self, id: str) -> Broker:
        """The broker of a snapshot, for an operation that names it (5.5.15). Raises ResourceNotFound, Conflict."""
        snapshot = self._ready(id)
        snapshot.used = self._clock()
        return self._brokers.get(snapshot.folder) or await self._open(snapshot)

    # --- making -----------------------------------------------------------------------------------------------

    async def _add(self, id: str | None, given: dict[str, Any]) -> Snapshot:
        id = id or f"urn:ngsi-ld:Snapshot:{uuid.uuid4()}"
        await self._check_endpoint(given)
        if id in self._snapshots and self._alive(self._snapshots[id]):
            raise AlreadyExists(f"The snapshot {id} exists: delete it, or choose another id.")
        now = self._clock()
        snapshot = Snapshot(id, given, uuid.uuid4().hex, now, now, self._expiry(given), now)
        if id in self._snapshots:
            await self._remove(self._snapshots[id])
        self._snapshots[id] = snapshot
        await self._keep(snapshot)
        await self._make_room(snapshot)
        return snapshot

    async def _fill(
        self, snapshot: Snapshot, choices: Sequence[Choice], entities: int, elsewhere: Elsewhere | None
    ) -> None:
        try:
            counts = await self._store.extract(self._folder / snapshot.folder, choices)
            if elsewhere is not None:
                for position, found in enumerate(await elsewhere()):
                    counts[position] += len(found)
                    await self._put(snapshot, found)
        except Problem as problem:
            await self._finish(snapshot, "failure", _failed_all(snapshot, problem.detail))
            return
        results = [{"resultStatus": "success" if count else "empty"} for count in counts]
        parts = zip(QUERIES, (results[:entities], results[entities:]), strict=True)
        full = sum(map(bool, counts))
        status: Status = "success" if full == len(counts) else "partial" if full else "empty"
        await self._finish(snapshot, status, {name: part for name, part in parts if part})

    async def _put(self, snapshot: Snapshot, found: Sequence[Entity]) -> None:
        """Put entities of context sources beside, or over, what was copied."""
        broker = await self._open(snapshot)
        for first in range(0, len(found), BATCH):
            some = found[first : first + BATCH]
            await broker.store.write(partial(_put_all, some), [entity.id for entity in some])

    async def _copy(self, id: str, snapshot: Snapshot) -> None:
        try:
            source = self._ready(id)
            broker = await self.broker(id)
            await broker.store.duplicate(self._folder / snapshot.folder)
        except Problem as problem:
            await self._finish(snapshot, "failure", _failed_all(snapshot, problem.detail))
        else:
            await self._finish(snapshot, source.status, source.details)

    async def _finish(self, snapshot: Snapshot, status: Status, details: dict[str, list[dict[str, Any]]]) -> None:
        if self._snapshots.get(snapshot.id) is not snapshot:  # deleted while it was being made
            await self._discard(snapshot)
            return
        snapshot.status, snapshot.details, snapshot.modified = status, details, self._clock()
        await self._keep(snapshot)
        self._tell(snapshot)

    async def _open(self, snapshot: Snapshot) -> Broker:
        async with self._opening:
            broker = self._brokers.get(snapshot.folder)
            if broker is None:
                broker = await self._open_broker(self._folder / snapshot.folder, snapshot.id)
                broker.contexts = self._contexts
                self._brokers[snapshot.folder] = broker
            return broker

    async def _discard(self, snapshot: Snapshot) -> None:
        """Close the copy and delete its files."""
        async with self._opening:
            broker = self._brokers.pop(snapshot.folder, None)
            if broker is not None:
                await broker.close()
        await asyncio.to_thread(shutil.rmtree, self._folder / snapshot.folder, ignore_errors=True)

    # --- following --------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(PERIOD):
                    job = await self._jobs.get()
            except TimeoutError:
                await self._sweep()
                continue
            await job()

    async def _sweep(self) -> None:
        """Delete what has expired, and write down what was used."""
        for snapshot in list(self._snapshots.values()):
            if not self._alive(snapshot):
                await self._remove(snapshot)
            elif snapshot.used - self._written[snapshot.id] > USED:
                await self._keep(snapshot)

    async def _make_room(self, new: Snapshot) -> None:
        others = [each for each in self._snapshots.values() if each is not new]
        others.sort(key=lambda each: (self._alive(each), each.priority, each.expires))
        for snapshot in others[: max(0, len(self._snapshots) - self._most)]:
            await self._remove(snapshot)
            snapshot.expires = self._clock() - 1
            self._tell(snapshot)

    def _tell(self, snapshot: Snapshot) -> None:
        """Send the status to who asked for it (5.16.6). An expiresAt in the past says that the snapshot is gone."""
        if "endpoint" in snapshot.given:
            id = f"urn:ngsi-ld:SnapshotNotification:{uuid.uuid4()}"
            body = orjson.dumps(snapshot.notification(id, self._clock()))
            given = snapshot.given
            self._jobs.put_nowait(lambda: self._send(given, body, TRIES))

    async def _send(self, given: dict[str, Any], body: bytes, tries: int) -> None:
        headers = {pair["key"]: pair["value"] for pair in given.get("receiverInfo", ())}
        try:
            await self._outside.request(
                "POST", given["endpoint"], headers={**headers, "content-type": "application/json"}, content=body
            )
        except (OutsideFailed, Problem) as fault:
            log.info("snapshot notification failed", endpoint=given["endpoint"], error=str(fault), tries=tries)
            if tries > 1:
                loop = asyncio.get_running_loop()
                loop.call_later(PAUSE, self._jobs.put_nowait, lambda: self._send(given, body, tries - 1))

    # --- keeping ----------------------------------------------------------------------------------------------

    def _find(self, id: str) -> Snapshot:
        if not is_uri(id):
            raise BadRequestData(f"The snapshot id {id!r} is no URI.")
        snapshot = self._snapshots.get(id)
        if snapshot is None or not self._alive(snapshot):
            raise ResourceNotFound(f"There is no snapshot {id}, or it has expired.")
        return snapshot

    def _ready(self, id: str) -> Snapshot:
        snapshot = self._find(id)
        if snapshot.status == "preparing":
            raise Conflict(f"The snapshot {id} is still being made: wait until its snapshotStatus says so.")
        if snapshot.status == "failure":
            raise Conflict(f"The snapshot {id} could not be made: its status says why. Delete it and make another.")
        return snapshot

    def _living(self) -> Iterable[Snapshot]:
        return [snapshot for snapshot in self._snapshots.values() if self._alive(snapshot)]

    def _alive(self, snapshot: Snapshot) -> bool:
        return snapshot.expires > self._clock()

    def _expiry(self, given: dict[str, Any]) -> int:
        lifetime = lifetime_of(given)
        return self._clock() + min(USUAL if lifetime is None else lifetime, LONGEST)

    async def _check_endpoint(self, given: dict[str, Any]) -> None:
        if given.get("endpoint") is not None:
            await self._outside.check(given["endpoint"])

    async def _keep(self, snapshot: Snapshot) -> None:
        record = asdict(snapshot)
        self._written[snapshot.id] = snapshot.used
        await self._store.write(lambda tx: tx.put_record(SNAPSHOT, snapshot.id, record))

    async def _remove(self, snapshot: Snapshot) -> None:
        if self._snapshots.pop(snapshot.id, None) is None:
            return
        del self._written[snapshot.id]
        await self._store.write(lambda tx: tx.drop_record(SNAPSHOT, snapshot.id))
        await self._discard(snapshot)


def _put_all(found: Sequence[Entity], tx: Transaction) -> None:
    there = tx.load([entity.id for entity in found])
    for entity in found:
        old = there.get(entity.id)
        outcome = patch.create(entity, tx.now) if old is None else patch.replace(old, entity, tx.now)
        if outcome.changed:
            tx.save(outcome.entity, "created" if old is None else "updated", outcome.changes, CAUSE)


def _failed_all(snapshot: Snapshot, detail: str) -> dict[str, list[dict[str, Any]]]:
    failed = _FAILED | {"problemDetails": {"type": Problem.type, "title": Problem.title, "detail": detail}}
    return {name: [failed] * len(snapshot.given[name]) for name in QUERIES if name in snapshot.given}


def _sweep_folders(folder: Path, kept: set[str]) -> None:
    """Delete what is left of snapshots that are no more."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
