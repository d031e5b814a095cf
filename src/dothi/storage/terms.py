"""Turns a q tree into an SQL condition on the JSON of an entity's row: the twin of model.match."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import apsw

from dothi.model.instant import format_instant
from dothi.model.match import DEFAULT_DATASET, clock
from dothi.model.pattern import compile_pattern
from dothi.model.qlang import ENTITY_TIMES, TEXT_ENDS, TIME_ENDS, kind_of
from dothi.model.query import AttributePath, Compare, DateTimeLiteral, Exists, Literal_, Or, Query, Range

#: Gives the placeholder of a value, the same one for the same value.
Bind = Callable[[object], str]
#: Makes the condition on one attribute instance from (JSON expression, path in it).
Inner = Callable[[str, str], str]

_COLUMNS: Final = {"createdAt": "e.created", "modifiedAt": "e.modified", "expiresAt": "e.expires"}
_TYPES: Final = {"number": ("integer", "real"), "text": ("text",), "true": ("true",), "false": ("false",)}
_DATE_GLOB: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


@dataclass(frozen=True, slots=True)
class _Check:
    """A literal's test of one scalar: `sql(v)` is right for JSON values of this class, none other can pass."""

    kind: str
    sql: Callable[[str], str]


def condition(
    query: Query, bind: Bind, number: Callable[[str], int | None], datasets: tuple[str, ...] = ()
) -> str | None:
    """The condition on row `e` of table entity; None where no entity can meet it, since a name was never seen."""
    if isinstance(query, Exists | Compare):
        return _Term(query, bind, datasets).sql(number)
    parts = [condition(part, bind, number, datasets) for part in query.parts]
    known = [part for part in parts if part is not None]
    if isinstance(query, Or):
        return "(" + " OR ".join(known) + ")" if known else None
    return "(" + " AND ".join(known) + ")" if len(known) == len(parts) else None


def key(name: str) -> str:
    """A step of an SQLite JSON path, for any name."""
    return "." + json.dumps(name, ensure_ascii=False)


class _Term:
    """One Exists or Compare on its way to SQL."""

    def __init__(self, term: Exists | Compare, bind: Bind, datasets: tuple[str, ...]) -> None:
        self.path = term.path
        self.bind = bind
        self.datasets = datasets
        self.aliases = 0
        self.end = _end(term.path)
        self.operator = "exists" if isinstance(term, Exists) else term.operator
        self.negated = self.operator in ("!=", "!~=")
        self.checks = [] if isinstance(term, Exists) else self._checks(term)

    def sql(self, number: Callable[[str], int | None]) -> str | None:
        names = self.path.names
        if names[0] in ENTITY_TIMES:
            return self._on_column(_COLUMNS[names[0]])
        attribute = number(names[0])
        if attribute is None:
            return None
        top = f'$."{attribute}"'
        below = names[1:-1] if self.end else names[1:]
        if self.operator == "exists" and not below and not self.end and not self.path.members and not self.datasets:
            return f"json_type(e.doc, {self.bind(top)}) IS NOT NULL"
        inner = self._exists if self.operator == "exists" else self._compare
        slow = self._across("e.doc", top, below, inner)
        if self.operator == "exists" or below or self.path.members or self.datasets:
            return slow
        return self._quick(top + key(self.end or "value"), slow)

    def _on_column(self, column: str) -> str:
        if self.operator == "exists":
            return f"{column} IS NOT NULL"
        found = self._known(column, "number")
        return f"({column} IS NOT NULL AND NOT {found})" if self.negated else found

    # --- from the attribute to its instances ----------------------------------------------------------------------

    def _quick(self, target: str, slow: str) -> str:
        """The common case first: one instance, a scalar value; two looks into the document decide."""
        at = self.bind(target)
        value = f"(e.doc ->> {at})"
        cases: list[str] = []
        for kind, types in _TYPES.items():
            found = self._known(value, kind)
            if self.operator == "!=":
                found = f"NOT {found}"
            elif self.operator == "!~=":
                found = f"NOT {found}" if kind == "text" else "0"
            cases.extend(f"WHEN '{type}' THEN {found}" for type in types)
        return f"CASE json_type(e.doc, {at}) {' '.join(cases)} ELSE {slow} END"

    def _across(self, doc: str, path: str, below: tuple[str, ...], inner: Inner, level: int = 0) -> str:
        """True where any instance at `path`, and any of its sub-attributes' instances, passes `inner`."""

        def here(doc: str, path: str) -> str:
            deeper = path + key(below[0]) if below else ""
            test = self._across(doc, deeper, below[1:], inner, level + 1) if below else inner(doc, path)
            return test if level else self._counted(doc, path, test)

        at = self.bind(path)
        self.aliases += 1
        each = f"i{self.aliases}"
        if level > 1:
            # Written once only, or the text would double with every further level.
            array = f"CASE json_type({doc}, {at}) WHEN 'object' THEN json_array(json_extract({doc}, {at}))"
            rows = f"json_each({array} ELSE {doc} -> {at} END) AS {each}"
            return f"EXISTS (SELECT 1 FROM {rows} WHERE {here(f'{each}.value', '$')})"
        many = f"EXISTS (SELECT 1 FROM json_each({doc}, {at}) AS {each} WHERE {here(f'{each}.value', '$')})"
        return f"CASE json_type({doc}, {at}) WHEN 'object' THEN {here(doc, path)} WHEN 'array' THEN {many} ELSE 0 END"

    def _counted(self, doc: str, path: str, test: str) -> str:
        """The test of an instance of the attribute itself, where only some datasetIds count."""
        if not self.datasets:
            return test
        wanted = ", ".join(map(self.bind, self.datasets))
        dataset = f"{doc} ->> {self.bind(path + key('datasetId'))}"
        return f"(coalesce({dataset}, {self.bind(DEFAULT_DATASET)}) IN ({wanted}) AND {test})"

    # --- what an instance must have -------------------------------------------------------------------------------

    def _exists(self, doc: str, path: str) -> str:
        if self.end:
            return f"json_type({doc}, {self.bind(path + key(self.end))}) IS NOT NULL"
        if not self.path.members:
            return "1"
        members = "".join(map(key, self.path.members))
        found = [f"json_type({doc}, {self.bind(path + key(m) + members)}) IS NOT NULL" for m in ("value", "json")]
        languages = self._languages(doc, path)
        if languages is not None:
            found.append(f"EXISTS (SELECT 1 FROM {languages} WHERE t.type = 'text')")
        return "(" + " OR ".join(found) + ")"

    def _compare(self, doc: str, path: str) -> str:
        if self.end:
            return self._one(doc, path + key(self.end))
        members = "".join(map(key, self.path.members))
        cases = [(member, self._one(doc, path + key(member) + members)) for member in ("value", "json")]
        languages = self._languages(doc, path)
        if languages is not None:
            cases.append(("languageMap", self._any_text(languages)))
        if not members:
            cases.append(("vocab", self._one(doc, path + key("vocab"))))
            if self.operator in ("==", "!="):
                cases.append(("object", self._one(doc, path + key("object"))))
                cases.append(("valueList", self._one(doc, path + key("valueList"))))
                cases.append(("objectList", self._objects(doc, path + key("objectList"))))
        whens = (f"WHEN json_type({doc}, {self.bind(path + key(m))}) IS NOT NULL THEN {test}" for m, test in cases)
        return f"CASE {' '.join(whens)} ELSE 0 END"

    def _languages(self, doc: str, path: str) -> str | None:
        """The rows `t` of the languageMap in the path's language; None where the path leads further down."""
        members = self.path.members
        if len(members) > 1:
            return None
        step = key(members[0]) if members and members[0] != "*" else ""
        return f"json_tree({doc}, {self.bind(path + key('languageMap') + step)}) AS t"

    def _any_text(self, rows: str) -> str:
        found = f"EXISTS (SELECT 1 FROM {rows} WHERE t.type = 'text' AND {self._known('t.atom', 'text')})"
        return f"(EXISTS (SELECT 1 FROM {rows} WHERE t.type = 'text') AND NOT {found})" if self.negated else found

    def _objects(self, doc: str, path: str) -> str:
        uri = "CASE o.type WHEN 'object' THEN o.value ->> '$.object' ELSE o.atom END"
        found = f"EXISTS (SELECT 1 FROM json_each({doc}, {self.bind(path)}) AS o WHERE {self._known(uri, 'text')})"
        return f"NOT {found}" if self.negated else found

    def _one(self, doc: str, path: str) -> str:
        """The test of one JSON value: a scalar, an array (== and != look into it) or a typed value {@type, @value}."""
        at, typed = self.bind(path), self.bind(path + key("@value"))
        kind = f"json_type({doc}, {at})"
        scalar = self._scalar(f"({doc} ->> {at})", kind)
        inside = self._scalar(f"({doc} ->> {typed})", f"json_type({doc}, {typed})")
        if self.operator not in ("==", "!="):
            return f"CASE {kind} WHEN 'array' THEN 0 WHEN 'object' THEN {inside} ELSE {scalar} END"
        among = f"EXISTS (SELECT 1 FROM json_each({doc}, {at}) AS m WHERE {self._scalar('m.atom', 'm.type')})"
        found = f"CASE {kind} WHEN 'array' THEN {among} WHEN 'object' THEN {inside} ELSE {scalar} END"
        return f"({kind} IS NOT NULL AND NOT coalesce({found}, 0))" if self.negated else found

    # --- scalars --------------------------------------------------------------------------------------------------

    def _scalar(self, value: str, kind: str) -> str:
        """The literals' test of a scalar of unknown type; NULL counts as false."""
        found = []
        for check in self.checks:
            types = ", ".join(f"'{type}'" for type in _TYPES[check.kind])
            found.append(f"({check.sql(value)} AND {kind} IN ({types}))")
        any_of = "(" + " OR ".join(found) + ")"
        return f"({kind} = 'text' AND NOT {any_of})" if self.operator == "!~=" else any_of

    def _known(self, value: str, kind: str) -> str:
        """The literals' test of a scalar of a known class, before negation; 1, 0 or NULL."""
        found = [check.sql(value) for check in self.checks if check.kind == kind]
        return "coalesce((" + " OR ".join(found) + "), 0)" if found else "0"

    def _checks(self, compare: Compare) -> list[_Check]:
        if compare.operator in ("~=", "!~="):
            pattern = self.bind(apsw.pyobject(compile_pattern(str(compare.values[0]))))
            return [_Check("text", lambda value: f"pattern_found({pattern}, {value})")]
        operator = "=" if compare.operator in ("==", "!=") else compare.operator
        checks: list[_Check] = []
        for value in compare.values:
            checks.extend(self._checks_of(value, operator))
        return checks

    def _checks_of(self, value: Literal_ | Range, operator: str) -> list[_Check]:
        if not isinstance(value, Range):
            return self._literal(value, operator)
        pairs = zip(self._literal(value.low, ">="), self._literal(value.high, "<="), strict=True)
        return [_between(low, high) for low, high in pairs]

    def _literal(self, value: Literal_, operator: str) -> list[_Check]:
        if isinstance(value, bool):
            return [_Check("true" if value else "false", lambda value: "1")]
        if isinstance(value, DateTimeLiteral):
            return self._time(value, operator)
        wanted = self.bind(value if isinstance(value, int | float | str) else value.text)
        return [_Check("number" if kind_of(value) == "number" else "text", lambda v: f"{v} {operator} {wanted}")]

    def _time(self, value: DateTimeLiteral, operator: str) -> list[_Check]:
        if value.micros is None:
            return [self._day(value, operator)]
        micros = self.bind(value.micros)
        if self.path.names[-1] not in TIME_ENDS:
            return [_Check("text", lambda v: f"instant({v}) {operator} {micros}")]
        # Whole seconds in UTC, as nearly all are: without its Z the text orders as the instant does.
        stem = self.bind(format_instant(value.micros)[:-1])
        text = _Check(
            "text",
            lambda v: (
                f"CASE length({v}) WHEN 20 THEN substr({v}, 1, 19) {operator} {stem} "
                f"ELSE instant({v}) {operator} {micros} END"
            ),
        )
        return [text, _Check("number", lambda v: f"{v} {operator} {micros}")]

    def _day(self, value: DateTimeLiteral, operator: str) -> _Check:
        if kind_of(value) == "Date":
            day = self.bind(value.text)
            return _Check("text", lambda v: f"({v} {operator} {day} AND {v} GLOB '{_DATE_GLOB}')")
        time = self.bind(clock(value.text))
        return _Check("text", lambda v: f"clock({v}) {operator} {time}")


def _end(path: AttributePath) -> str:
    """The reserved member at the end of a path, or ''."""
    last = path.names[-1]
    return last if len(path.names) > 1 and (last in TIME_ENDS or last in TEXT_ENDS) else ""


def _between(low: _Check, high: _Check) -> _Check:
    return _Check(low.kind, lambda value: f"({low.sql(value)} AND {high.sql(value)})")
