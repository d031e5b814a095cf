"""Tests entities in memory against a query: the twin of the SQL that storage makes of the same tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from dothi.model.entity import VALUE_MEMBER, Entity, Instance, instances
from dothi.model.instant import parse_instant
from dothi.model.linked import objects_of
from dothi.model.pattern import compile_pattern
from dothi.model.qlang import ENTITY_TIMES, TEXT_ENDS, TIME_ENDS, kind_of
from dothi.model.query import (
    And,
    AttributePath,
    Compare,
    DateTimeLiteral,
    EntityQuery,
    Exists,
    GeoQuery,
    Literal_,
    Query,
    Range,
    Selection,
    Selector,
)
from dothi.model.relation import GeoTest
from dothi.model.selection import select_scopes, select_types

Test = Callable[[Entity], bool]
#: A test of one scalar JSON value.
ValueTest = Callable[[Any], bool]
InstanceTest = Callable[[Instance], bool]
AttributeTest = Callable[[Instance | list[Instance]], bool]
#: Gives the living entity of an id, for terms that follow relationships.
Linked = Callable[[str], "Entity | None"]
#: The ids to which an attribute leads.
Links = Callable[[Instance | list[Instance]], Iterable[str]]

#: In `EntityQuery.dataset_ids`: the default instance, which has no datasetId.
DEFAULT_DATASET: Final = "@none"

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?Z", re.ASCII)
_MISSING: Final = object()


def matches(entity: Entity, query: EntityQuery) -> bool:
    """Whether the entity is among those that the query asks for; order, limit, offset and expiry play no part."""
    return compile_match(query)(entity)


def compile_match(query: EntityQuery, linked: Linked | None = None) -> Test:
    """The query as a function of the entity: all is looked up, parsed and prepared once, for many entities.

    `linked` is asked for the entities to which relationships lead; without it no term holds that follows one.
    Nothing is kept between calls: two queries that are equal to Python may differ, since 1 == True.
    """
    tests = list(_tests(query, linked))
    if not tests:
        return lambda entity: True
    if len(tests) == 1:
        return tests[0]
    return lambda entity: all(test(entity) for test in tests)


def compile_query(query: Query, dataset_ids: tuple[str, ...] = (), linked: Linked | None = None) -> Test:
    """The q part alone; only instances of `dataset_ids` count where some are given."""
    if isinstance(query, Exists) and query.absent:
        there = compile_query(replace(query, absent=False), dataset_ids, linked)
        return lambda entity: not there(entity)
    if isinstance(query, Exists | Compare):
        if query.path.linked is not None:
            return _linked(query, dataset_ids, linked)
        first = query.path.names[0]
        if first in ENTITY_TIMES:
            return _entity_time(first, _instance_test(query))
        holds = compile_attribute(query, dataset_ids)
        return lambda entity: first in entity.attributes and holds(entity.attributes[first])
    parts = [compile_query(part, dataset_ids, linked) for part in query.parts]
    if isinstance(query, And):
        return lambda entity: all(part(entity) for part in parts)
    return lambda entity: any(part(entity) for part in parts)


def compile_attribute(term: Exists | Compare, dataset_ids: tuple[str, ...] = ()) -> AttributeTest:
    """One term as a function of the instance or instances of the attribute that its path begins with."""
    holds = _instance_test(term)
    for name in reversed(term.path.names[1:-1] if ending(term.path) else term.path.names[1:]):
        holds = _below(name, holds)
    if dataset_ids:
        holds = _both(_counting(dataset_ids), holds)
    return lambda attribute: any(map(holds, attribute)) if isinstance(attribute, list) else holds(attribute)


def compile_links(names: tuple[str, ...], dataset_ids: tuple[str, ...] = ()) -> Links:
    """Where a path of relationships leads, as a function of the instance or instances of its first attribute."""
    counts = _counting(dataset_ids) if dataset_ids else None

    def links(attribute: Instance | list[Instance]) -> list[str]:
        found = [instance for instance in instances(attribute) if counts is None or counts(instance)]
        for name in names[1:]:
            found = [below for instance in found for below in instances(instance.get(name))]
        return [id for instance in found for id in objects_of(instance)]

    return links


def _linked(term: Exists | Compare, dataset_ids: tuple[str, ...], linked: Linked | None) -> Test:
    """A term that follows a relationship: any of the entities there may satisfy the rest of it."""
    link = term.path.linked
    assert link is not None
    first, leads = term.path.names[0], compile_links(term.path.names, dataset_ids)
    holds = compile_query(replace(term, path=link.path), dataset_ids, linked)

    def test(entity: Entity) -> bool:
        if linked is None or first not in entity.attributes:
            return False
        targets = (linked(id) for id in leads(entity.attributes[first]))
        return any(
            target is not None
            and (not link.types or not frozenset(link.types).isdisjoint(target.types))
            and holds(target)
            for target in targets
        )

    return test


def _tests(query: EntityQuery, linked: Linked | None) -> Iterable[Test]:
    """One test for each given part, the cheap ones first."""
    if query.ids:
        yield _one_of(frozenset(query.ids))
    if query.types is not None:
        yield _on_types(query.types)
    if query.selectors:
        yield _chosen(query.selectors)
    if query.attributes:
        yield _present(query.attributes, query.dataset_ids)
    if query.id_pattern is not None:
        yield _id_pattern(query.id_pattern)
    if query.scope is not None:
        chosen = select_scopes(query.scope)
        yield lambda entity: chosen(entity.scopes)
    if query.q is not None:
        yield compile_query(query.q, query.dataset_ids, linked)
    if query.geo is not None:
        yield _place(query.geo)


def _one_of(ids: frozenset[str]) -> Test:
    return lambda entity: entity.id in ids


def _on_types(types: Selection) -> Test:
    chosen = select_types(types)
    return lambda entity: chosen(entity.types)


def _chosen(selectors: tuple[Selector, ...]) -> Test:
    tests = [compile_match(EntityQuery(ids=s.ids, id_pattern=s.id_pattern, types=s.types)) for s in selectors]
    return lambda entity: any(test(entity) for test in tests)


def _id_pattern(pattern: str) -> Test:
    search = compile_pattern(pattern).search
    return lambda entity: search(entity.id) is not None


def _present(names: tuple[str, ...], dataset_ids: tuple[str, ...]) -> Test:
    if not dataset_ids:
        return lambda entity: any(name in entity.attributes for name in names)
    counts = _counting(dataset_ids)
    return lambda entity: any(any(map(counts, instances(entity.attributes.get(name)))) for name in names)


def _counting(dataset_ids: tuple[str, ...]) -> InstanceTest:
    wanted = frozenset(None if dataset == DEFAULT_DATASET else dataset for dataset in dataset_ids)
    return lambda instance: instance.get("datasetId") in wanted


def _place(geo: GeoQuery) -> Test:
    holds = GeoTest(geo).geometry

    def test(entity: Entity) -> bool:
        found = instances(entity.attributes.get(geo.property))
        return any(instance.get("type") == "GeoProperty" and holds(instance["value"]) for instance in found)

    return test


# --- paths ------------------------------------------------------------------------------------------------------------


def ending(path: AttributePath) -> str:
    """The reserved member at the end of a path (observedAt, unitCode ...), or ''."""
    last = path.names[-1]
    return last if last in TIME_ENDS or (len(path.names) > 1 and last in TEXT_ENDS) else ""


def _instance_test(term: Exists | Compare) -> InstanceTest:
    return _existence(term.path) if isinstance(term, Exists) else _comparison(term)


def _both(first: InstanceTest, second: InstanceTest) -> InstanceTest:
    return lambda instance: first(instance) and second(instance)


def _entity_time(name: str, holds: InstanceTest) -> Test:
    """The entity's own times, shown to the instance test as an instance would have them."""
    field = {"createdAt": "created", "modifiedAt": "modified", "expiresAt": "expires"}[name]

    def test(entity: Entity) -> bool:
        micros = getattr(entity, field)
        return micros is not None and holds({name: micros})

    return test


def _below(name: str, holds: InstanceTest) -> InstanceTest:
    def test(instance: Instance) -> bool:
        found = instance.get(name)
        if found is None:
            return False
        return any(map(holds, found)) if isinstance(found, list) else holds(found)

    return test


def _member(value: Any, members: tuple[str, ...]) -> Any:
    for member in members:
        if type(value) is not dict or member not in value:
            return _MISSING
        value = value[member]
    return value


def _existence(path: AttributePath) -> InstanceTest:
    end = ending(path)
    if end:
        return lambda instance: end in instance
    members = path.members
    if not members:
        return lambda instance: True

    def test(instance: Instance) -> bool:
        kind = instance["type"]
        if kind == "LanguageProperty":
            return bool(_texts(instance["languageMap"], members))
        if kind not in _WITH_MEMBERS:
            return False
        return _member(instance[VALUE_MEMBER[kind]], members) is not _MISSING

    return test


# --- comparisons ------------------------------------------------------------------------------------------------------

#: Kinds whose value is a JSON value that a trailing path can enter.
_WITH_MEMBERS: Final = frozenset({"Property", "GeoProperty", "JsonProperty"})


def _comparison(compare: Compare) -> InstanceTest:
    operator = compare.operator
    if operator in ("==", "!="):
        return _equality(compare, negated=operator == "!=")
    if operator in ("~=", "!~="):
        search = compile_pattern(str(compare.values[0])).search
        return _ordered(compare, lambda value: type(value) is str and search(value) is not None, operator == "!~=")
    timed = compare.path.names[-1] in TIME_ENDS
    return _ordered(compare, _scalar_test(compare.values[0], operator, timed), negated=False)


def _equality(compare: Compare, *, negated: bool) -> InstanceTest:
    timed = compare.path.names[-1] in TIME_ENDS
    parts = [_scalar_test(value, "==", timed) for value in compare.values]
    scalar = parts[0] if len(parts) == 1 else lambda value: any(part(value) for part in parts)
    path, members = compare.path, compare.path.members

    def one(value: Any) -> bool:
        if value is _MISSING:
            return False
        if type(value) is list:
            found = any(map(scalar, value))
        else:
            found = scalar(_plain(value))
        return found is not negated

    end = ending(path)
    if end:
        return lambda instance: one(instance.get(end, _MISSING))

    def test(instance: Instance) -> bool:
        kind = instance["type"]
        if kind == "LanguageProperty":
            texts = _texts(instance["languageMap"], members)
            return bool(texts) and any(map(scalar, texts)) is not negated
        value = instance[VALUE_MEMBER[kind]]
        if kind in _WITH_MEMBERS:
            return one(_member(value, members))
        if members:
            return False
        return one(_objects(value) if kind == "ListRelationship" else value)

    return test


def _ordered(compare: Compare, scalar: ValueTest, negated: bool) -> InstanceTest:
    """Order comparisons and patterns: arrays and relationships never match, of a languageMap any text may."""
    path, members = compare.path, compare.path.members

    def one(value: Any) -> bool:
        value = _plain(value)
        return type(value) is str and not scalar(value) if negated else scalar(value)

    end = ending(path)
    if end:
        return lambda instance: end in instance and one(instance[end])

    def test(instance: Instance) -> bool:
        kind = instance["type"]
        if kind == "LanguageProperty":
            texts = _texts(instance["languageMap"], members)
            return bool(texts) and any(map(scalar, texts)) is not negated
        if kind in _WITH_MEMBERS:
            return one(_member(instance[VALUE_MEMBER[kind]], members))
        return kind == "VocabProperty" and not members and one(instance["vocab"])

    return test


def _plain(value: Any) -> Any:
    """The value of a JSON-LD typed value {"@type": .., "@value": ..} (clause 4.6.3), else the value itself."""
    return value["@value"] if type(value) is dict and "@value" in value else value


def _objects(members: list[Any]) -> list[Any]:
    """The URIs of an objectList, whose members are URIs or {"object": URI}."""
    return [member.get("object") if type(member) is dict else member for member in members]


def _texts(languages: dict[str, Any], members: tuple[str, ...]) -> list[str]:
    """The texts of a languageMap in the language that the path names, in all of them for [*] or no path."""
    if len(members) > 1:
        return []
    if members and members[0] != "*":
        chosen: list[Any] = [languages[members[0]]] if members[0] in languages else []
    else:
        chosen = list(languages.values())
    texts = []
    for value in chosen:
        texts.extend(value if type(value) is list else [value])
    return [text for text in texts if type(text) is str]


def _scalar_test(value: Literal_ | Range, operator: str, timed: bool) -> ValueTest:
    """How one scalar JSON value is held against a literal: values of another kind are neither equal nor ordered.

    `timed`: the value is a time that the broker keeps, so an integer is microseconds and no number.
    """
    if isinstance(value, Range):
        low, high = _scalar_test(value.low, ">=", timed), _scalar_test(value.high, "<=", timed)
        return lambda found: low(found) and high(found)
    kind = kind_of(value)
    if kind == "boolean":
        return lambda found: found is value
    key, wanted = _KEYS[kind] if not timed else _time, _wanted(value)
    compare = _ORDERS[operator]

    def test(found: Any) -> bool:
        known = key(found)
        return known is not None and compare(known, wanted)

    return test


def _wanted(value: Literal_) -> Any:
    if isinstance(value, DateTimeLiteral):
        return value.micros if value.micros is not None else clock(value.text) or value.text
    return value if isinstance(value, int | float | str) else value.text


_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": lambda a, b: bool(a == b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
}


def instant(value: Any) -> int | None:
    """Microseconds of a DateTime text; None for anything else."""
    if type(value) is not str:
        return None
    try:
        return parse_instant(value)
    except ValueError:
        return None


def clock(value: Any) -> str | None:
    """A Time text (hh:mm:ss.ssssssZ, clause 4.6.3) in a form that orders as the times do; None for anything else."""
    found = _TIME.fullmatch(value) if type(value) is str else None
    return None if found is None else f"{found[1]}.{found[2] or '':0<6}"


def _time(value: Any) -> int | None:
    return value if type(value) is int else instant(value)


def _number(value: Any) -> int | float | None:
    return value if type(value) in (int, float) else None


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _date(value: Any) -> str | None:
    return value if type(value) is str and _DATE.fullmatch(value) else None


_KEYS: Final[dict[str, Callable[[Any], Any]]] = {
    "number": _number, "text": _text, "URI": _text, "DateTime": instant, "Date": _date, "Time": clock,
}  # fmt: skip
