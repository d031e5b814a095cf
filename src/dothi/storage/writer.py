"""The single writer of a store: gathers what callers want into groups and commits each group once, durably."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
#: A unit that names more ids than this is prepared in the thread.
LIGHT_IDS = 128
#: Most jobs of one group, and the ids at which it is full: on the loop, which must not be held, and in the thread.
GROUP_JOBS, LOOP_IDS, THREAD_IDS = 256, 400, 2000


@dataclass(slots=True)
class Job:
    """One unit of work, the ids it will load, and who waits for it."""

    work: Work
    ids: Sequence[str]
    future: asyncio.Future[Any]
    #: Whether it is prepared in the thread, and whether it makes a group of its own there.
    is_heavy: bool = False
    is_alone: bool = False
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
    """Owns the writing connection; one group at a time goes through it.

    Units of work are plain Python, so a thread of their own would only compete with the loop for the interpreter: a
    group of light units, batches of a hundred entities too, is prepared on the loop (some milliseconds), and a thread
    does what waits for the disk, the commit. Larger batches, and upkeep, run in that thread altogether, so that they
    hold nobody up. All methods but `upkeep` belong to the loop.
    """

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
        self.remembered = Remembered()
        self._waiting: deque[Job | Upkeep] = deque()
        self._last = int(connection.execute("SELECT coalesce(max(at), 0) FROM change").get)
        self._thread = ThreadPoolExecutor(1, "dothi-writer")
        self._is_busy = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def stop(self) -> None:
        """Finish what is queued, then end."""
        await self._idle.wait()
        self._thread.shutdown()

    @property
    def last_change(self) -> int:
        return self._counters.change

    def submit(self, work: Work, ids: Sequence[str], future: asyncio.Future[Any]) -> None:
        if len(self._waiting) >= QUEUE_LIMIT:
            raise Overloaded(f"{QUEUE_LIMIT} writes are waiting; try again in a moment")
        self._enqueue(Job(work, ids, future, is_heavy=len(ids) > LIGHT_IDS))

    def upkeep(self, run: Callable[[apsw.Connection], Any], in_transaction: bool = True) -> None:
        """Run on the writer's connection between groups, from a thread that may wait for it."""
        task = Upkeep(run, threading.Event(), in_transaction)
        self._loop.call_soon_threadsafe(self._enqueue, task)
        task.done.wait()
        if task.error is not None:
            raise task.error

    def _enqueue(self, item: Job | Upkeep) -> None:
        self._waiting.append(item)
        if not self._is_busy:
            self._is_busy = True
            self._idle.clear()
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Take the next group, prepare it here and have the thread commit it."""
        if not self._waiting:
            self._is_busy = False
            self._idle.set()
            return
        if isinstance(self._waiting[0], Upkeep):
            self._in_thread(self._keep_up, self._waiting.popleft())
            return
        jobs = self._gather()
        if jobs[0].is_heavy:
            self._in_thread(self._write, jobs)
            return
        counters = self._counters.entity, self._counters.change
        try:
            group = self._prepare(jobs)
        except Exception as error:  # noqa: BLE001 - the supervisor of the writer: callers are told, the writer lives on
            self._in_thread(self._recover, jobs, error, counters)
        else:
            self._in_thread(self._finish, jobs, group, counters)

    def _in_thread(self, run: Callable[..., Any], *arguments: Any) -> None:
        self._thread.submit(run, *arguments)

    def _gather(self) -> list[Job]:
        """The first job and those behind it that are as heavy, up to what one group takes."""
        jobs: list[Job] = []
        ids = 0
        while self._waiting and len(jobs) < GROUP_JOBS:
            item = self._waiting[0]
            if isinstance(item, Upkeep) or (jobs and not self._goes_with(jobs[0], item, ids)):
                break
            jobs.append(item)
            ids += len(item.ids)
            self._waiting.popleft()
        return jobs

    @staticmethod
    def _goes_with(first: Job, job: Job, ids: int) -> bool:
        """Whether a job may join the group that `first` began and that names so many ids."""
        if first.is_alone or job.is_alone or job.is_heavy != first.is_heavy:
            return False
        return ids + len(job.ids) <= (THREAD_IDS if first.is_heavy else LOOP_IDS)

    def _now(self, units: int) -> int:
        """A time of recording with room for one microsecond per unit, later than any before."""
        now = max(self._last + 1, time.time_ns() // 1000)
        self._last = now + units
        return now

    def _prepare(self, jobs: Sequence[Job]) -> Group:
        """Begin a transaction and write into it what the jobs want; rolled back when that fails."""
        connection = self._connection
        group = Group(connection, self._names, self._counters, self.remembered, self._now(len(jobs)))
        connection.execute("BEGIN IMMEDIATE")
        try:
            group.load([id for job in jobs for id in job.ids])
            for offset, job in enumerate(jobs):
                _attempt(job, group, group.now + offset)
            group.flush()
        except BaseException:
            self._roll_back()
            raise
        return group

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _finish(self, jobs: list[Job], group: Group, counters: tuple[int, int]) -> None:
        """In the thread: make it durable, then answer."""
        try:
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - as in _turn
            self._roll_back()
            self._recover(jobs, error, counters)
            return
        self._loop.call_soon_threadsafe(self._deliver, jobs, group)

    def _write(self, jobs: list[Job]) -> None:
        """In the thread: a whole group."""
        counters = self._counters.entity, self._counters.change
        try:
            group = self._prepare(jobs)
        except Exception as error:  # noqa: BLE001 - as in _turn
            self._recover(jobs, error, counters)
        else:
            self._finish(jobs, group, counters)

    def _recover(self, jobs: list[Job], error: Exception, counters: tuple[int, int]) -> None:
        """In the thread: a group failed as a whole. Each of its jobs is tried alone, so that one spoils no other."""
        log.error("commit failed", error=repr(error), jobs=len(jobs))
        self._counters.entity, self._counters.change = counters
        self._names.load(self._connection)
        self.remembered.clear()
        if len(jobs) == 1:
            jobs[0].error = error
            self._loop.call_soon_threadsafe(self._deliver, jobs, None)
            return
        self._loop.call_soon_threadsafe(self._put_back, jobs)

    def _put_back(self, jobs: Sequence[Job]) -> None:
        """Before all others and in their order, each to be a group of its own."""
        self._waiting.extendleft(
            Job(job.work, job.ids, job.future, is_heavy=True, is_alone=True) for job in reversed(jobs)
        )
        self._turn()

    def _deliver(self, jobs: Sequence[Job], group: Group | None) -> None:
        """Answer those who wait, then tell the followers, then take the next group."""
        if group is not None:
            group.remember()
            if group.touched:
                self._touched(group.touched)
        for job in jobs:
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)
        if group is not None and group.changes:
            self._published(group.changes)
        self._loop.call_soon(self._turn)

    def _keep_up(self, task: Upkeep) -> None:
        try:
            with self._connection if task.in_transaction else nullcontext():
                task.run(self._connection)
        except Exception as error:  # noqa: BLE001 - handed to the thread that asked
            task.error = error
            self._names.load(self._connection)
        finally:
            task.done.set()
            self._loop.call_soon_threadsafe(self._turn)


def _attempt(job: Job, group: Group, now: int) -> None:
    """Run one unit; what it staged counts only if it does not raise."""
    unit = Unit(group, now)
    try:
        job.result = job.work(unit)
    except Exception as error:  # noqa: BLE001 - the caller gets its own error back through its future
        job.error = error
        return
    group.absorb(unit)
