"""Writes one entity here and in the context sources that are registered for parts of it (clauses 5.6.1 to 5.6.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dothi.broker.consume import Consume
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.plan import Names, Plan, Share, plan
from dothi.broker.federation.sources import Call, Sources, Told
from dothi.broker.federation.warnings import SourceFailed, problem_of
from dothi.model.context import Context
from dothi.model.errors import BadGateway, Conflict, LoopDetected, Problem, ResourceNotFound
from dothi.model.parse import ENTITY_MEMBERS
from dothi.model.registration import Coverage, Registration

Document = dict[str, Any]

#: Gives the call for a share, in the names in which its source wants to be spoken to.
MakeCall = Callable[[Share, Context], Call]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one part of a write. `registration` is None for the part of this broker; `value` is what it
    returned, or the decoded answer of a source. `partly`: some of it succeeded in spite of the problem."""

    registration: Registration | None
    attributes: Names
    value: Any = None
    problem: Problem | None = None
    partly: bool = False

    @property
    def succeeded(self) -> bool:
        return self.problem is None or self.partly


@dataclass(frozen=True, slots=True)
class Written:
    """The results of all parts of a write, that of this broker first where it had one."""

    results: tuple[Result, ...]

    @property
    def failures(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.problem is not None)

    @property
    def any_success(self) -> bool:
        return any(result.succeeded for result in self.results)

    def raise_whole(self) -> None:
        """Raise the problem where it is that of the whole write: its only part failed, or nobody has the entity."""
        problems = [result.problem for result in self.failures if result.problem is not None]
        if self.any_success or not problems:
            return
        if len(problems) == 1 or all(isinstance(problem, ResourceNotFound) for problem in problems):
            raise problems[0]


class Writing:
    """What a writer can ask of one tenant and of its context sources together."""

    def __init__(self, sources: Sources, consume: Consume) -> None:
        self.sources = sources
        self._consume = consume

    async def types_here(self, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The types of those entities that are here: a write that names no type is not handed to sources of others."""
        return {entity.id: entity.types for entity in await self._consume.some(ids)}

    def plan(
        self, operations: frozenset[str], id: str, types: Sequence[str], attributes: Names, origin: Origin
    ) -> Plan:
        """How a write to one entity is split; see plan.plan. `types` empty: not known."""
        found = self.sources.registrations.candidates(None, ids=(id,), types=types, attributes=attributes or ())
        return plan([coverage for coverage in found if _may_go_on(coverage, origin)], operations, attributes)

    async def write(
        self,
        shares: Plan,
        origin: Origin,
        make: MakeCall,
        local: Callable[[], Awaitable[Any]],
        *,
        here: bool,
        may_miss: bool = False,
    ) -> Written:
        """Do all parts at once. `local` is the part of this broker, done where `here` says so; with `may_miss` it is
        no fault that the entity is not here, since a source stands for it (5.6.6.4)."""

        async def mine() -> Result | None:
            try:
                return Result(None, shares.attributes, await local())
            except ResourceNotFound as problem:
                return None if may_miss else Result(None, shares.attributes, problem=problem)
            except Problem as problem:
                return Result(None, shares.attributes, problem=problem)

        parts: list[Awaitable[Result | None]] = [mine()] if here else []
        parts += [self.share(share, origin, make) for share in shares.shares]
        return Written(tuple(result for result in await asyncio.gather(*parts) if result is not None))

    async def share(self, share: Share, origin: Origin, make: MakeCall) -> Result:
        """The part of one source."""
        registration = share.registration
        refusal = self.refusal(share, origin)
        if refusal is not None:
            return Result(registration, share.attributes, problem=refusal)
        try:
            names = await self.sources.names(registration, origin)
            told = await self.sources.call(registration, origin, make(share, names))
        except SourceFailed as failure:
            return Result(registration, share.attributes, problem=failure.problem)
        return Result(registration, share.attributes, told.value, _partial(told), partly=told.status == 207)

    def refusal(self, share: Share, origin: Origin) -> Problem | None:
        """Why the source of a share is not called at all, or None."""
        if not share.supported:
            return _not_supported(share.registration)
        return _loop(share.registration) if is_loop(share.registration, origin) else None


def is_loop(registration: Registration, origin: Origin) -> bool:
    """Whether a call to this source would only come round again (clause 6.3.18)."""
    return origin.is_loop or registration.alias in origin.came_through or registration.id in origin.circular


def part_of(document: Document, attributes: Names, context: Context) -> Document:
    """The document with these attributes only; id, type, scope and the like stay."""
    if attributes is None:
        return document
    return {
        name: item for name, item in document.items() if name in ENTITY_MEMBERS or context.expand(name) in attributes
    }


def attributes_of(document: Document, context: Context) -> frozenset[str]:
    """The IRIs of the attributes of a document. Raises BadRequestData for what can be no name."""
    return frozenset(context.expand(name) for name in document if name not in ENTITY_MEMBERS)


def _may_go_on(coverage: Coverage, origin: Origin) -> bool:
    """An inclusive source that would be asked in a circle is left out; of a proxied one that is a failure (6.3.17)."""
    registration = coverage.registration
    return registration.mode in ("exclusive", "redirect") or not is_loop(registration, origin)


def _not_supported(registration: Registration) -> Conflict:
    return Conflict(
        f"The {registration.mode} registration {registration.id} has this part of the entity, "
        "and its source does not support the operation."
    )


def _loop(registration: Registration) -> LoopDetected:
    return LoopDetected(
        f"The source of {registration.id} is this broker, or one that the request came through: "
        "it would go round for ever."
    )


def _partial(told: Told) -> Problem | None:
    """The first problem of an answer 207."""
    if told.status != 207:
        return None
    errors = told.value.get("errors") if isinstance(told.value, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    error = first.get("error") if isinstance(first, dict) else None
    if isinstance(error, dict) and isinstance(error.get("status"), int):
        return problem_of(error["status"], error)
    return BadGateway("The context source did a part of it only.")
