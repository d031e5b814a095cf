"""Turns a q tree into an SQL condition on the JSON of an entity's row: plain values in SQL, the rest by model.match."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import apsw

from dothi.model.instant import format_instant
from dothi.model.match import clock, compile_attribute, compile_links, ending
from dothi.model.pattern import compile_pattern
from dothi.model.qlang import ENTITY_TIMES, TIME_ENDS, kind_of
from dothi.model.query import Compare, DateTimeLiteral, Exists, Literal_, Or, Query, Range

#: Takes a value and gives its placeholder.
Bind = Callable[[object], str]

_COLUMNS: Final = {"createdAt": "created", "modifiedAt": "modified", "expiresAt": "expires"}
_NOW: Final = "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)"
#: JSON type -> the class of literals that can be equal to it or ordered with it.
_CLASSES: Final = {"integer": "number", "real": "number", "text": "text", "true": "true", "false": "false"}
_DATE_GLOB: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


def alive(row: str) -> str:
    """The condition that a row of table entity is neither deleted nor past its time."""
    return f"{row}.doc IS NOT NULL AND ({row}.expires IS NULL OR {row}.expires > {_NOW})"


def condition(
    query: Query, bind: Bind, number: Callable[[str], int | None], datasets: tuple[str, ...] = (), row: str = "e"
) -> str | None:
    """The condition on a row of table entity; None where no entity can meet it, since a name was never seen.

    An attribute with one instance, a Property with a scalar value or a Relationship with one object, is decided in
    SQL by two looks into the document. Whatever else an attribute may be (several instances, arrays, languageMaps,
    lists, typed values) goes to the test that subscriptions use too, as the SQL function attribute_passes. A path
    into linked entities looks their rows up by id, link after link.
    """
    if isinstance(query, Exists) and query.absent:
        there = condition(replace(query, absent=False), bind, number, datasets, row)
        return "TRUE" if there is None else f"NOT coalesce({there}, 0)"
    if isinstance(query, Exists | Compare):
        return _term(query, bind, number, datasets, row)
    parts = [condition(part, bind, number, datasets, row) for part in query.parts]
    known = [part for part in parts if part is not None]
    if isinstance(query, Or):
        return "(" + " OR ".join(known) + ")" if known else None
    return "(" + " AND ".join(known) + ")" if len(known) == len(parts) else None


def key(name: str) -> str:
    """A step of an SQLite JSON path, for any name."""
    return "." + json.dumps(name, ensure_ascii=False)


def _term(
    term: Exists | Compare, bind: Bind, number: Callable[[str], int | None], datasets: tuple[str, ...], row: str
) -> str | None:
    if term.path.linked is not None:
        return _linked(term, bind, number, datasets, row)
    first, end, doc = term.path.names[0], ending(term.path), f"{row}.doc"
    if first in ENTITY_TIMES:
        return _on_column(term, f"{row}.{_COLUMNS[first]}", bind)
    attribute = number(first)
    if attribute is None:
        return None
    top = f'$."{attribute}"'
    place = bind(top)
    if isinstance(term, Exists) and len(term.path.names) == 1 and not term.path.members and not datasets:
        return f"json_type({doc}, {place}) IS NOT NULL"
    general = (
        f"(json_type({doc}, {place}) IS NOT NULL AND "
        f"attribute_passes({bind(apsw.pyobject(compile_attribute(term, datasets)))}, {doc} -> {place}))"
    )
    if datasets:
        return general
    path = top + "".join(map(key, term.path.names[1:]))
    members = "".join(map(key, term.path.members))
    if isinstance(term, Exists):
        target = path if end or not members else path + key("value") + members
        return f"(json_type({doc}, {bind(target)}) IS NOT NULL OR {general})"
    scalar = _Scalar(term, bind, doc=doc)
    if not end and not members and term.operator in ("==", "!="):
        general = scalar.decide(bind(path + key("object")), general, {"text": "text"})
    return scalar.decide(bind(path if end else path + key("value") + members), general, _CLASSES)


def _linked(
    term: Exists | Compare, bind: Bind, number: Callable[[str], int | None], datasets: tuple[str, ...], row: str
) -> str | None:
    """A term that follows a relationship: one of the rows that it leads to meets the rest of the term."""
    link, attribute, target = term.path.linked, number(term.path.names[0]), row + "l"
    if link is None or attribute is None:
        return None
    types = [known for known in map(number, link.types) if known is not None]
    inner = condition(replace(term, path=link.path), bind, number, datasets, target)
    if inner is None or (link.types and not types):
        return None
    top, doc = f'$."{attribute}"', f"{row}.doc"
    place, leads = bind(top), bind(apsw.pyobject(compile_links(term.path.names, datasets)))
    ids = f"attribute_links({leads}, {doc} -> {place})"
    if len(term.path.names) == 1 and not datasets:
        one = bind(top + key("object"))
        ids = f"CASE json_type({doc}, {one}) WHEN 'text' THEN json_array({doc} ->> {one}) ELSE {ids} END"
    of_type = (
        f" AND EXISTS (SELECT 1 FROM entity_type WHERE type IN ({', '.join(map(bind, types))}) AND entity = {target}.n)"
        if types
        else ""
    )
    return (
        f"(json_type({doc}, {place}) IS NOT NULL AND EXISTS (SELECT 1 FROM json_each({ids}) AS {target}i "
        f"CROSS JOIN entity AS {target} ON {target}.id = {target}i.value WHERE {alive(target)}{of_type} AND {inner}))"
    )


def _on_column(term: Exists | Compare, column: str, bind: Bind) -> str:
    if isinstance(term, Exists):
        return f"{column} IS NOT NULL"
    return f"({column} IS NOT NULL AND {_Scalar(term, bind, column=True).test(column, 'number')})"


@dataclass(frozen=True, slots=True)
class _Check:
    """A literal's test of one scalar: `sql(v)` is right for JSON values of this class, none other can pass."""

    kind: str
    sql: Callable[[str], str]


class _Scalar:
    """The comparison of one term, for a scalar JSON value of a known type, or for a column of microseconds."""

    def __init__(self, term: Compare, bind: Bind, *, column: bool = False, doc: str = "e.doc") -> None:
        self.bind = bind
        self.doc = doc
        self.column = column
        self.operator = term.operator
        self.timed = term.path.names[-1] in TIME_ENDS
        if term.operator in ("~=", "!~="):
            pattern = bind(apsw.pyobject(compile_pattern(str(term.values[0]))))
            self.checks = [_Check("text", lambda value: f"pattern_found({pattern}, {value})")]
        else:
            operator = "=" if term.operator in ("==", "!=") else term.operator
            self.checks = [check for value in term.values for check in self._literal(value, operator)]

    def decide(self, at: str, otherwise: str, classes: dict[str, str]) -> str:
        """The test of the document's member at this path where it is of one of these types, else `otherwise`."""
        value = f"({self.doc} ->> {at})"
        cases = " ".join(f"WHEN '{type}' THEN {self.test(value, kind)}" for type, kind in classes.items())
        return f"CASE json_type({self.doc}, {at}) {cases} ELSE {otherwise} END"

    def test(self, value: str, kind: str) -> str:
        """1 or 0 (or NULL, which counts as 0) for a scalar of this class."""
        tests = [check.sql(value) for check in self.checks if check.kind == kind]
        found = "(" + " OR ".join(tests) + ")" if tests else "0"
        if self.operator == "!=":
            return f"NOT coalesce({found}, 0)" if tests else "1"
        if self.operator == "!~=":
            return f"NOT {found}" if tests else "0"
        return found

    def _literal(self, value: Literal_ | Range, operator: str) -> list[_Check]:
        if isinstance(value, Range):
            pairs = zip(self._literal(value.low, ">="), self._literal(value.high, "<="), strict=True)
            return [_both(low, high) for low, high in pairs]
        if isinstance(value, bool):
            return [_Check("true" if value else "false", lambda found: "1")]
        if isinstance(value, DateTimeLiteral):
            return self._time(value, operator)
        wanted = self.bind(value if isinstance(value, int | float | str) else value.text)
        return [_Check("number" if kind_of(value) == "number" else "text", lambda v: f"{v} {operator} {wanted}")]

    def _time(self, value: DateTimeLiteral, operator: str) -> list[_Check]:
        if value.micros is None:
            return [self._day(value, operator)]
        micros = self.bind(value.micros)
        if not self.timed:
            return [_Check("text", lambda v: f"instant({v}) {operator} {micros}")]
        number = _Check("number", lambda v: f"{v} {operator} {micros}")
        if self.column:
            return [number]
        # Whole seconds in UTC, as nearly all are: without its Z the text orders as the instant does.
        stem = self.bind(format_instant(value.micros)[:-1])
        text = _Check(
            "text",
            lambda v: (
                f"CASE length({v}) WHEN 20 THEN substr({v}, 1, 19) {operator} {stem} "
                f"ELSE instant({v}) {operator} {micros} END"
            ),
        )
        return [text, number]

    def _day(self, value: DateTimeLiteral, operator: str) -> _Check:
        if kind_of(value) == "Date":
            day = self.bind(value.text)
            return _Check("text", lambda v: f"({v} {operator} {day} AND {v} GLOB '{_DATE_GLOB}')")
        time = self.bind(clock(value.text))
        return _Check("text", lambda v: f"clock({v}) {operator} {time}")


def _both(low: _Check, high: _Check) -> _Check:
    return _Check(low.kind, lambda value: f"({low.sql(value)} AND {high.sql(value)})")
