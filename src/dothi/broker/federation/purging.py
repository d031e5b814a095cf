"""Purges here and in the context sources that are registered for a part of it, each within that part (5.6.21.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from dothi.broker.federation.origin import Origin
from dothi.broker.federation.plan import Share
from dothi.broker.federation.questions import Question, in_other_names, selected
from dothi.broker.federation.reading import Reading, Task
from dothi.broker.federation.sources import Call, path_of
from dothi.broker.federation.warnings import REFUSED, SourceFailed
from dothi.broker.federation.writing import Result, Writing, Written, is_loop
from dothi.model.context import Context
from dothi.model.errors import Conflict, Problem

OPERATION: Final = "purgeEntity"


@dataclass(frozen=True, slots=True)
class Purged:
    """What is to be deleted: the attributes of `drop` (IRIs), all but those of `keep`, or with neither the entities."""

    question: Question
    drop: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()


class Purging:
    """The purge of one tenant together with its context sources. Auxiliary ones take no writes; an inclusive one that
    cannot purge is left alone, a proxied one that cannot is a failure of its part."""

    def __init__(self, reading: Reading, writing: Writing) -> None:
        self._reading = reading
        self._writing = writing

    async def purge(self, purged: Purged, origin: Origin, local: Callable[[], Awaitable[Any]]) -> Written | None:
        """Do all parts at once; None where no source has a part in it: then nothing was done. Raises the problem that
        is that of the whole purge."""
        tasks = [task for task in self._reading.parts(purged.question) if self._takes_part(task, purged, origin)]
        if not tasks:
            return None

        async def here() -> Result:
            try:
                return Result(None, None, await local())
            except Problem as problem:
                return Result(None, None, problem=problem)

        results = await asyncio.gather(here(), *(self._there(purged, task, origin) for task in tasks))
        written = Written(tuple(results))
        written.raise_whole()
        return written

    def _takes_part(self, task: Task, purged: Purged, origin: Origin) -> bool:
        registration = task.registration
        own = task.part.attributes
        if own is not None and ((purged.drop and own.isdisjoint(purged.drop)) or own <= purged.keep):
            return False
        if registration.mode in ("exclusive", "redirect"):
            return True
        return (
            registration.mode == "inclusive"
            and OPERATION in registration.operations
            and not is_loop(registration, origin)
        )

    async def _there(self, purged: Purged, task: Task, origin: Origin) -> Result:
        registration = task.registration
        share = Share(registration, task.part.attributes, supported=OPERATION in registration.operations)
        return await self._writing.share(share, origin, lambda _, names: order(purged, task, names, origin.context))


def order(purged: Purged, task: Task, names: Context, own: Context) -> Call:
    """The purge within a part of a registration, in the names of its source. Raises SourceFailed where these cannot
    say it."""
    question = purged.question
    filters: dict[str, str] | None = dict(question.filters)
    if names is not own and any(name in question.filters for name in ("q", "geoproperty")):
        filters = in_other_names(dict(question.filters), question.query, names)
    if filters is None:
        reason = "its jsonldContext has other words for q: send the request with that @context."
        raise SourceFailed(REFUSED, Conflict(f"{task.registration.id}: {reason}"))
    parameters = {**selected(task.part, question.query.types, names), **filters}
    drop, keep, own_names = purged.drop, purged.keep, task.part.attributes
    if own_names is not None and (drop or keep):
        # Nothing beyond what it is registered for is lost (4.3.6.1): all but these means all of its own but these.
        drop, keep = (drop & own_names if drop else own_names - keep), frozenset()
    for parameter, iris in (("attrs", question.query.attributes), ("drop", drop), ("keep", keep)):
        if iris:
            parameters[parameter] = ",".join(sorted(map(names.compact, iris)))
    return Call("DELETE", path_of("entities"), names, parameters)
