"""The single writer of a store: gathers what callers want into groups and commits each group once, durably."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import apsw
import structlog

from dothi.model.change import Change
from dothi.model.errors import Overloaded
from dothi.storage.counters import Counters
from dothi.storage.remembered import Remembered
from dothi.storage.rows import Names
from dothi.storage.unit import Group, Unit, Work

log = structlog.get_logger("dothi.storage")

#: Jobs waiting for the writer; when it is full `submit` raises Overloaded, so that callers slow down.
QUEUE_LIMIT = 4096
#: Most jobs of one group, and most ids that it preloads: bounds how long one commit takes.
GROUP_JOBS = 256
GROUP_IDS = 2000


@dataclass(slots=True)
class Job:
    """One unit of work, the ids it will load, and who waits for it."""

    work: Work
    ids: Sequence[str]
    future: asyncio.Future[Any]
    error: BaseException | None = None
    result: Any = None


@dataclass(slots=True)
class Upkeep:
    """Work of the store itself on the writer's connection, between two groups."""

    run: Callable[[apsw.Connection], Any]
    done: threading.Event
    in_transaction: bool = True
    error: BaseException | None = None


class Writer:
    """The thread that owns the writing connection."""

    def __init__(
        self,
        connection: apsw.Connection,
        names: Names,
        loop: asyncio.AbstractEventLoop,
        published: Callable[[Sequence[Change]], None],
        touched: Callable[[Sequence[int]], None],
    ) -> None:
        self._connection = connection
        self._names = names
        self._loop = loop
        self._published = published
        self._touched = touched
        self._counters = Counters(connection)
        self._remembered = Remembered()
        self._queue: queue.Queue[Job | Upkeep | None] = queue.Queue()
        self._last = int(connection.execute("SELECT coalesce(max(at), 0) FROM change").get)
        self._thread = threading.Thread(target=self._run, name="dothi-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end."""
        self._queue.put(None)
        self._thread.join()

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    @property
    def last_change(self) -> int:
        return self._counters.change

    def submit(self, work: Work, ids: Sequence[str], future: asyncio.Future[Any]) -> None:
        if self._queue.qsize() >= QUEUE_LIMIT:
            raise Overloaded(f"{QUEUE_LIMIT} writes are waiting; try again in a moment")
        self._queue.put(Job(work, ids, future))

    def upkeep(self, run: Callable[[apsw.Connection], Any], in_transaction: bool = True) -> None:
        """Run on the writer's connection between groups, from a thread that may wait for it."""
        task = Upkeep(run, threading.Event(), in_transaction)
        self._queue.put(task)
        task.done.wait()
        if task.error is not None:
            raise task.error

    def _run(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            if isinstance(first, Upkeep):
                self._keep_up(first)
                continue
            jobs, follow = self._gather(first)
            self._commit(jobs)
            if isinstance(follow, Upkeep):
                self._keep_up(follow)
            elif follow is _STOP:
                return

    def _gather(self, first: Job) -> tuple[list[Job], object]:
        """The first job and those that wait behind it, and what is not a job if one was met."""
        jobs, ids = [first], len(first.ids)
        while len(jobs) < GROUP_JOBS and ids < GROUP_IDS:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                return jobs, _STOP
            if isinstance(item, Upkeep):
                return jobs, item
            jobs.append(item)
            ids += len(item.ids)
        return jobs, None

    def _now(self, units: int) -> int:
        """A time of recording with room for one microsecond per unit, later than any before."""
        now = max(self._last + 1, time.time_ns() // 1000)
        self._last = now + units
        return now

    def _commit(self, jobs: list[Job]) -> None:
        connection = self._connection
        group = Group(connection, self._names, self._counters, self._remembered, self._now(len(jobs)))
        before = self._counters.entity, self._counters.change
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                group.load([id for job in jobs for id in job.ids])
                for offset, job in enumerate(jobs):
                    _attempt(job, group, group.now + offset)
                group.flush()
                connection.execute("COMMIT")
                group.remember()
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except Exception as error:  # noqa: BLE001 - the supervisor of the writer: callers are told, the thread lives
            log.error("commit failed", error=repr(error), jobs=len(jobs))
            self._counters.entity, self._counters.change = before
            self._names.load(connection)
            self._remembered.clear()
            if len(jobs) > 1:
                for job in jobs:
                    job.error = job.result = None
                    self._commit([job])
                return
            jobs[0].error = error
            group.changes.clear()
            group.touched.clear()
        if group.touched:
            self._touched(group.touched)
        self._loop.call_soon_threadsafe(self._deliver, jobs, group.changes)

    def _deliver(self, jobs: list[Job], changes: Sequence[Change]) -> None:
        """On the loop: answer those who wait, then tell the followers."""
        for job in jobs:
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)
        if changes:
            self._published(changes)

    def _keep_up(self, task: Upkeep) -> None:
        try:
            with self._connection if task.in_transaction else nullcontext():
                task.run(self._connection)
        except Exception as error:  # noqa: BLE001 - handed to the thread that asked
            task.error = error
            self._names.load(self._connection)
        finally:
            task.done.set()


_STOP = object()


def _attempt(job: Job, group: Group, now: int) -> None:
    """Run one unit; what it staged counts only if it does not raise."""
    unit = Unit(group, now)
    try:
        job.result = job.work(unit)
    except Exception as error:  # noqa: BLE001 - the caller gets its own error back through its future
        job.error = error
        return
    group.absorb(unit)
