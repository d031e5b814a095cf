"""The desk of the rules behind the operations API: documents in and out, checks, switches, back-tests."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec

from dothi.automation.rules import definition as d
from dothi.automation.rules.backtest import backtest
from dothi.automation.rules.book import Book, Entry, Mode
from dothi.automation.rules.checks import Known, check
from dothi.automation.rules.live import DAY, LiveRules, Work
from dothi.automation.rules.reading import BadRule, Fault, read_rule, read_toml, rule_document, toml_of
from dothi.automation.rules.report import Place, RealIncident, report
from dothi.broker.clock import wall_clock
from dothi.city.module import CityModule
from dothi.model.aliases import Aliases
from dothi.model.entity import Entity, instances
from dothi.model.errors import BadRequestData, Conflict
from dothi.model.geo import LOCATION, box
from dothi.model.instant import parse_instant
from dothi.model.query import EntityQuery
from dothi.storage.store import Store
from dothi.web.vocabulary import COMMON, Reader

#: Days of a back-test without a start, and the most.
USUAL_DAYS, MOST_DAYS = 7, 400
#: Seconds for which the types that are stored are remembered.
FRESH: Final = 30.0

Incidents = Callable[[], Awaitable[Sequence[RealIncident]]]
Names = Callable[[], Sequence[str]]


class RuleDesk:
    """Implements operations_rules.RulesDesk. `people` and `procedures` name what a rule can call."""

    def __init__(
        self,
        store: Store,
        book: Book,
        live: LiveRules,
        modules: Sequence[CityModule],
        vocabulary: Aliases,
        *,
        people: Names = tuple,
        procedures: Names = tuple,
        incidents: Incidents | None = None,
        now: Callable[[], int] = wall_clock,
    ) -> None:
        self._store, self._book, self._live, self._now = store, book, live, now
        self._modules, self._vocabulary, self._reader = modules, vocabulary, Reader.of(vocabulary)
        self._people, self._procedures, self._incidents = people, procedures, incidents
        self._stored: dict[str, tuple[int, list[str]]] = {}
        self._stored_at = -FRESH

    async def rules(self, q: str, mode: Mode | None) -> list[dict[str, Any]]:
        wanted = _folded(q)
        known = await self._known()
        found = [
            self._view(entry, known)
            for _, entry in sorted(self._book.entries.items())
            if (mode is None or entry.mode == mode) and wanted in _folded(_text_of(entry.rule))
        ]
        return await self._named(found)

    async def rule(self, id: str) -> dict[str, Any]:
        return (await self._named([self._view(self._book.get(id), await self._known())]))[0]

    async def check(self, draft: dict[str, Any]) -> dict[str, Any]:
        try:
            rule = _read(draft)
        except BadRule as bad:
            return {"faults": _faults(bad.faults), "definition": None, "toml": None}
        faults = check(rule, await self._known())
        return {"faults": _faults(faults), "definition": rule_document(rule), "toml": toml_of(rule)}

    async def put(self, id: str, draft: dict[str, Any], version: int, by: str, reason: str) -> dict[str, Any]:
        rule = await self._sound(draft)
        if rule.id != id:
            raise BadRequestData(f"id: the rule says {rule.id!r}, the address {id!r}; write one of them in both places")
        await self._book.put(rule, version, by, reason, self._now())
        return await self.rule(id)

    async def drop(self, id: str, version: int, by: str, reason: str) -> None:
        await self._book.drop(id, version, by, reason, self._now())

    async def switch(self, id: str, mode: Mode, by: str, reason: str, override: bool) -> dict[str, Any]:
        entry = self._book.get(id)
        if mode == "on" and entry.tested != entry.version and not (override and reason.strip()):
            raise Conflict(
                f"nobody has looked at a back-test of version {entry.version} of rule {id}: run it first, or send "
                "override with a reason"
            )
        if mode != "off":
            errors = [fault for fault in check(entry.rule, await self._known()) if fault.level == "error"]
            if errors:
                raise _refused(errors)
        await self._book.switch(id, mode, by, reason, self._now())
        return await self.rule(id)

    async def versions(self, id: str) -> list[dict[str, Any]]:
        return [
            {
                **msgspec.to_builtins(each),
                "at": each.at // 1000,
                "definition": None if each.rule is None else rule_document(each.rule),
                "toml": None if each.rule is None else toml_of(each.rule),
            }
            for each in await self._book.versions(id)
        ]

    async def backtest(self, id: str | None, asked: dict[str, Any], by: str) -> dict[str, Any]:
        has_draft = asked.get("definition") is not None or asked.get("toml")
        entry = None if id is None else self._book.get(id)
        rule = await self._sound(asked) if has_draft or entry is None else entry.rule
        start, end = self._span(asked)
        places = await self._geometries(rule.when)
        try:
            tried = await backtest(self._store, rule, self._vocabulary.iris, places.get, start, end)
        except ValueError as error:
            raise BadRequestData(str(error)) from None
        where = await self._places([effect.source for effect in tried.effects] + [e.entity for e in tried.effects])
        real = [] if self._incidents is None else await self._incidents()
        real = [each for each in real if each.start <= end and (each.end is None or each.end >= start)]
        found = report(tried.effects, start, end, lambda source: where.get(source, (source, None, None)), real)
        if entry is not None and rule == entry.rule:
            await self._book.tested(entry.rule.id, entry.version, by, self._now())
        return {
            **found,
            "rule": rule.id,
            "start": start // 1000,
            "end": end // 1000,
            "events": tried.events,
            "entities": tried.entities,
            "took_ms": tried.took * 1000,
            "severity": rule.severity,
            "oscillating": tried.oscillating,
            "tamed": tried.tamed,
            "faults": _faults(check(rule, await self._known())),
        }

    async def vocabulary(self) -> dict[str, Any]:
        stored = await self._stored_types()
        declared = {type.name: type for module in self._modules for type in module.types}
        types = []
        for name in sorted(declared.keys() | stored.keys()):
            kind = declared.get(name)
            shown = [] if kind is None else list(kind.attributes)
            named = {attribute.name for attribute in shown}
            rest = [name for name in stored.get(name, (0, []))[1] if name not in named]
            label = {"vi": name, "en": name} if kind is None else asdict(kind.label)
            attributes = [_attribute(each) for each in shown]
            attributes += [
                _attribute(COMMON[each]) if each in COMMON else
                {"name": each, "label": {"vi": each, "en": each}, "unit": "", "words": {}}
                for each in rest
            ]  # fmt: skip
            types.append(
                {"name": name, "label": label, "count": stored.get(name, (0, []))[0], "attributes": attributes}
            )
        return {"types": types, "people": list(self._people()), "procedures": list(self._procedures())}

    # --- parts ------------------------------------------------------------------------------------------------------

    async def _sound(self, draft: dict[str, Any]) -> d.Rule:
        try:
            rule = _read(draft)
        except BadRule as bad:
            raise _refused(bad.faults) from None
        errors = [fault for fault in check(rule, await self._known()) if fault.level == "error"]
        if errors:
            raise _refused(errors)
        return rule

    def _span(self, asked: dict[str, Any]) -> tuple[int, int]:
        try:
            end = self._now() if not asked.get("end") else parse_instant(asked["end"])
            start = end - USUAL_DAYS * DAY if not asked.get("start") else parse_instant(asked["start"])
        except ValueError as error:
            raise BadRequestData(f"start or end: {error}") from None
        if not 0 < end - start <= MOST_DAYS * DAY:
            raise BadRequestData(f"start and end: give a time of up to {MOST_DAYS} days, the start first")
        return start, end

    async def _known(self) -> Known:
        stored = await self._stored_types()
        types: dict[str, set[str]] = {name: set(attributes) for name, (_, attributes) in stored.items()}
        for module in self._modules:
            for type in module.types:
                types.setdefault(type.name, set()).update(attribute.name for attribute in type.attributes)
        return Known(
            {name: frozenset(attributes | COMMON.keys() | {"location"}) for name, attributes in types.items()},
            frozenset(self._people()),
            frozenset(self._procedures()),
        )

    async def _stored_types(self) -> dict[str, tuple[int, list[str]]]:
        if time.monotonic() - self._stored_at > FRESH:
            compact = self._vocabulary.compact
            found: dict[str, tuple[int, list[str]]] = {}
            for each in await self._store.types():
                name = compact(each.type)
                count, attributes = found.get(name, (0, []))
                both = sorted({*attributes, *map(compact, each.attributes)})
                found[name] = (count + each.count, both)
            self._stored, self._stored_at = found, time.monotonic()
        return self._stored

    def _view(self, entry: Entry, known: Known) -> dict[str, Any]:
        rule = entry.rule
        return {
            "id": rule.id,
            "version": entry.version,
            "mode": entry.mode,
            "changed_at": entry.at // 1000,
            "changed_by": entry.by,
            "tested": entry.tested,
            "definition": rule_document(rule),
            "toml": toml_of(rule),
            "faults": _faults(check(rule, known)),
            "status": self._status(self._live.works.get(rule.id)),
        }

    def _status(self, work: Work | None) -> dict[str, Any]:
        if work is None:
            return {}
        since = self._now() - DAY
        found: dict[str, Any] = {
            "alarms_day": sum(at > since for at in work.raises),
            "last_fired": work.recent[0].at // 1000 if work.recent else None,
            "problem": work.problem,
            "recent": [{**asdict(each), "at": each.at // 1000, "name": each.source} for each in work.recent],
            "loops": self._live.engine.loops,
        }
        machine = work.machine
        if machine is not None:
            flood = machine.flood
            found |= {
                "active": machine.count("on", "falling"),
                "pending": machine.count("rising"),
                "known": len(machine.known()),
                "tamed_since": None if flood.tamed_since is None else flood.tamed_since // 1000,
                "held": len(flood.held),
                "oscillating": sorted(machine.oscillating),
                "late": sum(watch.leaf.late for watch in machine.program.watches),
            }
        return found

    async def _named(self, views: list[dict[str, Any]]) -> list[dict[str, Any]]:
        recent = [fired for view in views for fired in view["status"].get("recent", ())]
        where = await self._places([fired["source"] for fired in recent])
        for fired in recent:
            fired["name"] = where[fired["source"]][0] if fired["source"] in where else fired["source"]
        return views

    async def _places(self, ids: Sequence[str]) -> dict[str, Place]:
        wanted = list(dict.fromkeys(id for id in ids if ":" in id))
        found: dict[str, Place] = {}
        for first in range(0, len(wanted), 500):
            some = tuple(wanted[first : first + 500])
            page = await self._store.entities(EntityQuery(ids=some, limit=len(some)))
            found |= {entity.id: self._place(entity) for entity in page.entities}
        return found

    def _place(self, entity: Entity) -> Place:
        located = instances(entity.attributes.get(LOCATION))
        if not located:
            return self._reader.name(entity), None, None
        west, south, east, north = box(located[0]["value"])
        return self._reader.name(entity), (west + east) / 2, (south + north) / 2

    async def _geometries(self, when: Any) -> dict[str, Any]:
        return await self._live.places(when)


def _read(draft: dict[str, Any]) -> d.Rule:
    definition, toml = draft.get("definition"), draft.get("toml")
    if (definition is None) == (not toml):
        raise BadRule([Fault("", "give the rule either as definition or as toml")])
    if toml:
        documents = read_toml(toml)
        if len(documents) != 1:
            raise BadRule([Fault("rule", f"the text has {len(documents)} rules", "send one at a time")])
        definition = documents[0]
    return read_rule(definition)


def _refused(faults: Sequence[Fault]) -> BadRequestData:
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    hint = f"; {first.hint}" if first.hint else ""
    return BadRequestData(f"{first.path or 'rule'}: {first.message}{hint}{more}", faults=_faults(faults))


def _faults(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(fault) for fault in faults]


def _attribute(attribute: Any) -> dict[str, Any]:
    return {
        "name": attribute.name,
        "label": asdict(attribute.label),
        "unit": attribute.unit,
        "words": {text: asdict(word) for text, word in attribute.words.items()},
    }


def _text_of(rule: d.Rule) -> str:
    return f"{rule.id} {rule.title.vi} {rule.title.en}"


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
