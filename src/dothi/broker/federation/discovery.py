"""Which types and attributes there are, here and in context sources (clauses 5.7.5 to 5.7.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from dothi.broker.consume import AttributeSummary, Consume
from dothi.broker.federation.origin import Origin
from dothi.broker.federation.sources import Call, Sources, path_of
from dothi.broker.federation.warnings import INVALID, SourceFailed, SourceWarning
from dothi.broker.federation.writing import is_loop
from dothi.model.context import Context
from dothi.model.errors import BadGateway, BadRequestData, ResourceNotFound
from dothi.model.registration import Coverage
from dothi.storage.store import TypeSummary

T = TypeVar("T")

#: Reads one answer: decoded JSON and the context of its names. Raises TypeError, KeyError, BadRequestData.
Read = Callable[[Any, Context], list[T]]


class Discovery:
    """The discovery of one tenant and its context sources together. Entities in two places count twice."""

    def __init__(self, sources: Sources, consume: Consume) -> None:
        self._sources = sources
        self._consume = consume

    async def types(self, origin: Origin, *, details: bool) -> tuple[list[TypeSummary], list[SourceWarning]]:
        """All types (5.7.5), with their attributes where `details` are asked for (5.7.6)."""
        operation = "retrieveEntityTypeDetails" if details else "retrieveEntityTypes"
        here, (there, warnings) = await asyncio.gather(
            self._consume.types(),
            self._ask(operation, ("types",), origin, _types, parameters={"details": "true"} if details else {}),
        )
        return joined_types([*here, *there]), warnings

    async def type(self, iri: str, origin: Origin) -> tuple[TypeSummary | None, list[SourceWarning]]:
        """One type with its attributes (5.7.7); None where nobody knows it."""
        here, (there, warnings) = await asyncio.gather(
            self._consume.types(),
            self._ask("retrieveEntityTypeInfo", ("types", iri), origin, _type_info, types=(iri,)),
        )
        found = joined_types(summary for summary in [*here, *there] if summary.type == iri)
        return (found[0] if found else None), warnings

    async def attributes(self, origin: Origin, *, details: bool) -> tuple[list[AttributeSummary], list[SourceWarning]]:
        """All attributes (5.7.8), with their types where `details` are asked for (5.7.9)."""
        operation = "retrieveAttrTypeDetails" if details else "retrieveAttrTypes"
        here, (there, warnings) = await asyncio.gather(
            self._consume.attributes(),
            self._ask(
                operation, ("attributes",), origin, _attributes, parameters={"details": "true"} if details else {}
            ),
        )
        return joined_attributes([*here, *there]), warnings

    async def attribute(self, iri: str, origin: Origin) -> tuple[AttributeSummary | None, list[SourceWarning]]:
        """One attribute (5.7.10); None where nobody knows it."""
        try:
            here = [await self._consume.attribute(iri)]
        except ResourceNotFound:
            here = []
        there, warnings = await self._ask(
            "retrieveAttrTypeInfo", ("attributes", iri), origin, _attribute_info, attributes=(iri,)
        )
        found = joined_attributes(summary for summary in [*here, *there] if summary.name == iri)
        return (found[0] if found else None), warnings

    async def _ask(
        self,
        operation: str,
        path: tuple[str, ...],
        origin: Origin,
        read: Read[T],
        *,
        types: Sequence[str] = (),
        attributes: Sequence[str] = (),
        parameters: dict[str, str] | None = None,
    ) -> tuple[list[T], list[SourceWarning]]:
        """What the sources that support an operation answer, each within what it is registered for."""
        warnings: list[SourceWarning] = []
        asked = [
            coverage
            for coverage in self._sources.registrations.candidates(operation, types=types, attributes=attributes)
            if not is_loop(coverage.registration, origin)
        ]

        async def one(coverage: Coverage) -> list[T]:
            registration = coverage.registration
            try:
                names = await self._sources.names(registration, origin)
                where = path_of(path[0], *(names.compact(iri) for iri in path[1:]))
                call = Call("GET", where, names, parameters or {})
                told = await self._sources.call(registration, origin, call)
                return [each for each in _read(told.value, names, read) if _is_registered(each, coverage)]
            except SourceFailed as failure:
                if failure.status != 404:
                    agent = registration.alias or registration.id
                    warnings.append(SourceWarning(failure.code, agent, failure.problem.detail))
                return []

        found = await asyncio.gather(*map(one, asked))
        return [each for several in found for each in several], warnings


def joined_types(summaries: Iterable[TypeSummary]) -> list[TypeSummary]:
    """One summary of each type, in order of their IRI: counts are added, attributes put together."""
    found: dict[str, TypeSummary] = {}
    for summary in summaries:
        known = found.get(summary.type)
        attributes = {name: dict(kinds) for name, kinds in known.attributes.items()} if known is not None else {}
        for name, kinds in summary.attributes.items():
            own = attributes.setdefault(name, {})
            for kind, count in kinds.items():
                own[kind] = own.get(kind, 0) + count
        count = summary.count + (0 if known is None else known.count)
        found[summary.type] = TypeSummary(summary.type, count, attributes)
    return [found[type] for type in sorted(found)]


def joined_attributes(summaries: Iterable[AttributeSummary]) -> list[AttributeSummary]:
    """One summary of each attribute, in order of their IRI."""
    found: dict[str, AttributeSummary] = {}
    for summary in summaries:
        known = found.get(summary.name, AttributeSummary(summary.name, 0, (), ()))
        found[summary.name] = AttributeSummary(
            summary.name,
            known.count + summary.count,
            tuple(sorted({*known.types, *summary.types})),
            tuple(sorted({*known.kinds, *summary.kinds})),
        )
    return [found[name] for name in sorted(found)]


def _read(value: Any, names: Context, read: Read[T]) -> list[T]:
    try:
        return read(value, names)
    except (TypeError, KeyError, AttributeError, BadRequestData):
        raise SourceFailed(INVALID, BadGateway("The answer is no list of types or attributes.")) from None


def _is_registered(summary: TypeSummary | AttributeSummary | Any, coverage: Coverage) -> bool:
    """Whether a source is registered for the type or the attribute that it tells of (4.3.6.1)."""
    if isinstance(summary, TypeSummary):
        return not coverage.types or summary.type in coverage.types
    return coverage.attributes is None or summary.name in coverage.attributes


def _types(value: Any, names: Context) -> list[TypeSummary]:
    if isinstance(value, dict):
        return [TypeSummary(names.expand(name), 0, {}) for name in value["typeList"]]
    return [
        TypeSummary(names.expand(each["typeName"]), 0, {names.expand(name): {} for name in each["attributeNames"]})
        for each in value
    ]


def _type_info(value: Any, names: Context) -> list[TypeSummary]:
    attributes = {
        names.expand(each["attributeName"]): {str(kind): 1 for kind in each.get("attributeTypes", ())}
        for each in value["attributeDetails"]
    }
    return [TypeSummary(names.expand(value["typeName"]), int(value["entityCount"]), attributes)]


def _attributes(value: Any, names: Context) -> list[AttributeSummary]:
    if isinstance(value, dict):
        return [AttributeSummary(names.expand(name), 0, (), ()) for name in value["attributeList"]]
    return [
        AttributeSummary(names.expand(each["attributeName"]), 0, tuple(map(names.expand, each["typeNames"])), ())
        for each in value
    ]


def _attribute_info(value: Any, names: Context) -> list[AttributeSummary]:
    return [
        AttributeSummary(
            names.expand(value["attributeName"]),
            int(value["attributeCount"]),
            tuple(map(names.expand, value.get("typeNames", ()))),
            tuple(map(str, value.get("attributeTypes", ()))),
        )
    ]
