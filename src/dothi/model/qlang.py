"""Reads the q language (GS CIM 009 clause 4.9) into a query tree; every fault names its position."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection
from typing import Final, NoReturn

from dothi.model.errors import BadRequestData, TooComplexQuery
from dothi.model.instant import parse_instant
from dothi.model.pattern import compile_pattern
from dothi.model.query import (
    And,
    AttributePath,
    Compare,
    DateTimeLiteral,
    Exists,
    LinkedPath,
    Literal_,
    Or,
    Query,
    Range,
    UriLiteral,
)

MAX_LENGTH: Final = 8192
MAX_DEPTH: Final = 64
MAX_TERMS: Final = 256
MAX_NAMES: Final = 8
MAX_MEMBERS: Final = 16
#: Links that a path can follow, and levels that can be joined.
MAX_HOPS: Final = 10

#: Ends of a path that name a time of the instance (or, standing alone, of the entity).
TIME_ENDS: Final = frozenset({"observedAt", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})

#: Ends of a path that name another member of the instance, held as text.
TEXT_ENDS: Final = frozenset({"unitCode", "datasetId", "instanceId", "objectType", "lang", "type"})

#: Times that an entity has itself.
ENTITY_TIMES: Final = frozenset({"createdAt", "modifiedAt", "expiresAt"})

_OTHER_PARAMETER: Final = {"id": "id", "type": "type", "scope": "scopeQ"}
_VALUE_MEMBERS: Final = frozenset(
    {"value", "object", "languageMap", "vocab", "json", "valueList", "objectList"}
)  # fmt: skip

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\W\d_][\w\-]*(?::[\w\-]+)?|_[\w\-]+")
_IRI_NAME = re.compile(r"(?:https?://|urn:)[^\s\"<>\\^`{}|;()\[\]=!~,]+")
_TYPES = re.compile(r"([^\s\"<>\\^`{}|;()\[\]=!~,:]+(?:[|,][^\s\"<>\\^`{}|;()\[\]=!~,:]+)*):")
_OPERATOR = re.compile(r"==|!=|>=|<=|>|<|~=|!~=")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_END = r"(?=\.\.|[\s;|,)]|$)"
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:\d\d)" + _END, re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d" + _END, re.ASCII)
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:[.,]\d{1,6})?Z" + _END, re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?" + _END, re.ASCII)
_BOOLEAN = re.compile(r"(?:true|false)" + _END)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\"<>\\^`{}|;,]+")
_WORD = re.compile(r"[^\s\"<>\\^`{}|;,()=!~]+")


def parse_query(text: str, expand: Callable[[str], str], *, expand_values: Collection[str] = ()) -> Query:
    """The tree of a q text that is already percent-decoded.

    `expand` turns an attribute name into its IRI; `expand_values` lists the short names of the attributes whose
    values are terms of the @context too (parameter expandValues): their texts are expanded and become URIs.
    Raises BadRequestData with the position (from 1) and what was expected, TooComplexQuery past 8192 characters,
    64 levels, 256 terms or 10 links in a path.
    """
    if len(text) > MAX_LENGTH:
        raise TooComplexQuery(f"q has {len(text)} characters, at most {MAX_LENGTH} are taken")
    return _Reader(text, expand, frozenset(expand_values)).whole()


def parse_path(text: str, expand: Callable[[str], str], parameter: str = "q") -> AttributePath:
    """A path alone, as in orderBy: name, name.sub, name.observedAt, name[member.member], createdAt, id, type.

    Raises as `parse_query`, in the name of the parameter.
    """
    if text in ("id", "type"):
        return AttributePath((text,))
    reader = _Reader(text, expand, frozenset(), parameter)
    path = reader.path()[0]
    reader.finish()
    if path.linked is not None:
        reader.fail("no {..}: entities are ordered by attributes of their own", text.index("{"))
    return path


def innermost(path: AttributePath) -> AttributePath:
    """The part of a path that lies in the last linked entity; the path itself where it follows no link."""
    while path.linked is not None:
        path = path.linked.path
    return path


def hops(query: Query) -> int:
    """How many links the longest path of a query follows: the joinLevel that it needs (clause 5.7.2.4)."""
    if isinstance(query, And | Or):
        return max(map(hops, query.parts))
    count, path = 0, query.path
    while path.linked is not None:
        count, path = count + 1, path.linked.path
    return count


class _Reader:
    """A recursive descent over the text; `at` is the position of the next character."""

    def __init__(
        self, text: str, expand: Callable[[str], str], expand_values: frozenset[str], parameter: str = "q"
    ) -> None:
        self.parameter = parameter
        self.text = text
        self.expand = expand
        self.expand_values = expand_values
        self.at = 0
        self.depth = 0
        self.terms = 0

    # --- words ----------------------------------------------------------------------------------------------------

    def fail(self, expected: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        found = repr(self.text[at : at + 16]) if at < len(self.text) else "the end"
        where = f"{self.parameter}, position {at + 1}"
        raise BadRequestData(f"{where}: expected {expected}, found {found}", position=at + 1)

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found is not None:
            self.at = found.end()

    def take(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None or found.end() == self.at:
            return None
        self.at = found.end()
        return found[0]

    def taken(self, mark: str) -> bool:
        """Step over `mark` and the space before it, if it comes next."""
        self.skip()
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def finish(self) -> None:
        self.skip()
        if self.at < len(self.text):
            self.fail("the end" if self.text[self.at] != ")" else "no ')' without its '('")

    # --- and, or, parentheses -------------------------------------------------------------------------------------

    def whole(self) -> Query:
        query = self.alternatives()
        if self.at < len(self.text):
            self.fail("';', '|' or the end" if self.text[self.at] != ")" else "no ')' without its '('")
        return query

    def alternatives(self) -> Query:
        parts = [self.conjunction()]
        while self.taken("|"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def conjunction(self) -> Query:
        parts = [self.part()]
        while self.taken(";"):
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def part(self) -> Query:
        if not self.taken("("):
            return self.term()
        opened = self.at
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplexQuery(f"q, position {opened}: more than {MAX_DEPTH} levels of parentheses")
        query = self.alternatives()
        if not self.taken(")"):
            self.fail(f"';', '|' or the ')' of position {opened}")
        self.depth -= 1
        return query

    def term(self) -> Query:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise TooComplexQuery(f"q, position {self.at + 1}: more than {MAX_TERMS} terms")
        if self.taken("!"):
            return Exists(self.path()[0], absent=True)
        path, short = self.path()
        self.skip()
        operator = self.take(_OPERATOR)
        if operator is None:
            return Exists(path)
        return Compare(path, operator, self.operand(innermost(path), operator, short))  # type: ignore[arg-type]

    # --- attribute paths ------------------------------------------------------------------------------------------

    def path(self, hops: int = 0) -> tuple[AttributePath, frozenset[str]]:
        """The path, and the short names by which expandValues may speak of it: the last and the whole."""
        self.skip()
        start = self.at
        iri = self.take(_IRI_NAME)
        names = [iri] if iri is not None else self.short_names()
        members = self.members() if self.text.startswith("[", self.at) else ()
        expanded = tuple(names) if iri is not None else self.expanded(names, start)
        if members and expanded[-1] in TIME_ENDS | TEXT_ENDS:
            self.fail(f"no [..] after {expanded[-1]}, which is a plain text", start)
        if self.text.startswith("{", self.at):
            return self.linked(expanded, members, hops)
        return AttributePath(expanded, members), frozenset((names[-1], ".".join(names)))

    def linked(
        self, names: tuple[str, ...], members: tuple[str, ...], hops: int
    ) -> tuple[AttributePath, frozenset[str]]:
        """{name} or {Type:name}, where a relationship is followed into its target; `hops` have been before."""
        opened = self.at
        if members or names[-1] in TIME_ENDS | TEXT_ENDS | ENTITY_TIMES:
            self.fail("a relationship before '{'", opened)
        if hops == MAX_HOPS:
            raise TooComplexQuery(f"q, position {opened + 1}: a path follows at most {MAX_HOPS} links")
        self.at += 1
        types = self.types()
        inner, short = self.path(hops + 1)
        if not self.taken("}"):
            self.fail(f"the '}}' of position {opened + 1}")
        return AttributePath(names, (), LinkedPath(inner, types)), short

    def types(self) -> tuple[str, ...]:
        """The types before a colon, as in {Room:name} and {Room|Hall:name}; a prefix of the @context is none."""
        found = _TYPES.match(self.text, self.at)
        if found is None or _IRI_NAME.match(self.text, self.at):
            return ()
        given = re.split("[|,]", found[1])
        if len(given) == 1:
            name = _NAME.match(self.text, self.at)
            if name is not None and ":" in name[0] and self.expand(name[0]) != name[0]:
                return ()
        self.at = found.end()
        return tuple(map(self.expand, given))

    def short_names(self) -> list[str]:
        names: list[str] = []
        while True:
            name = self.take(_NAME)
            if name is None:
                self.fail("an attribute name (a letter, then letters, digits, _)")
            names.append(name)
            if len(names) > MAX_NAMES:
                raise TooComplexQuery(f"q, position {self.at + 1}: a path has at most {MAX_NAMES} names")
            if not self.text.startswith(".", self.at):
                return names
            self.at += 1

    def expanded(self, names: list[str], start: int) -> tuple[str, ...]:
        """Names as IRIs, but for the reserved last one; the first alone may be a time of the entity."""
        last = len(names) - 1
        result = []
        for index, name in enumerate(names):
            if index == 0 and name in _OTHER_PARAMETER:
                self.fail(f"an attribute; to select by {name} use the parameter {_OTHER_PARAMETER[name]}", start)
            if index and name in _VALUE_MEMBERS:
                self.fail(f"no '.{name}': the value is meant already; write name[member] to go into it", start)
            reserved = name in ENTITY_TIMES if index == 0 else name in TIME_ENDS or name in TEXT_ENDS
            if reserved and index != last:
                self.fail(f"nothing after {name!r}, which has no sub-attributes", start)
            result.append(name if reserved else self.expand(name))
        return tuple(result)

    def members(self) -> tuple[str, ...]:
        opened = self.at
        close = self.text.find("]", opened)
        if close < 0:
            self.fail("a ']' for this '['", opened)
        members = tuple(self.text[opened + 1 : close].split("."))
        if not all(members):
            self.fail("member names with a dot between them, as in [city.street]", opened + 1)
        if len(members) > MAX_MEMBERS:
            raise TooComplexQuery(f"q, position {opened + 1}: a path goes at most {MAX_MEMBERS} members deep")
        self.at = close + 1
        if self.text[self.at : self.at + 1] in ("[", "."):
            self.fail("an operator: one pair of brackets ends a path; write [a.b] to go deeper")
        return members

    # --- values ---------------------------------------------------------------------------------------------------

    def operand(self, path: AttributePath, operator: str, short: frozenset[str]) -> tuple[Literal_ | Range, ...]:
        self.skip()
        start = self.at
        timed = path.names[-1] in TIME_ENDS
        if operator in ("~=", "!~="):
            if timed:
                self.fail(f"a comparison: {path.names[-1]} is a time, patterns are for texts", start)
            return (self.pattern(),)
        terms = not short.isdisjoint(self.expand_values)
        if operator not in ("==", "!="):
            value = self.value(terms)
            if isinstance(value, bool | UriLiteral):
                self.fail(f"a number, a quoted text or a time after {operator}", start)
            self.single(operator)
            return (self.timed(value, path, start) if timed else value,)
        values = [self.value_or_range(path, timed, terms)]
        while self.taken(","):
            if len(values) >= MAX_TERMS:
                raise TooComplexQuery(f"q, position {self.at + 1}: more than {MAX_TERMS} values")
            self.skip()
            values.append(self.value_or_range(path, timed, terms))
        return tuple(values)

    def single(self, operator: str) -> None:
        self.skip()
        if self.text.startswith((",", ".."), self.at):
            self.fail(f"one value after {operator}; lists and ranges go with == and !=")

    def value_or_range(self, path: AttributePath, timed: bool, terms: bool) -> Literal_ | Range:
        start = self.at
        low = self.value(terms)
        low = self.timed(low, path, start) if timed else low
        self.skip()
        if not self.text.startswith("..", self.at):
            return low
        if isinstance(low, bool | UriLiteral):
            self.fail("a range between numbers, quoted texts or times", start)
        self.at += 2
        self.skip()
        middle = self.at
        high = self.value(terms)
        high = self.timed(high, path, middle) if timed else high
        if kind_of(low) != kind_of(high):
            self.fail(f"an upper end of the same kind as the lower one ({kind_of(low)})", middle)
        return Range(low, high)

    def timed(self, value: Literal_, path: AttributePath, start: int) -> DateTimeLiteral:
        """The value as an instant: quoted DateTimes are taken beside bare ones where only a time can stand."""
        if isinstance(value, str):
            value = _date_time(value) or value
        if not isinstance(value, DateTimeLiteral) or value.micros is None:
            self.fail(f"a DateTime like 2026-01-31T08:00:00Z for {path.names[-1]}", start)
        return value

    def value(self, terms: bool) -> Literal_:
        start = self.at
        if self.text.startswith('"', start):
            text = self.quoted()
            return UriLiteral(self.expand(text)) if terms else text
        plain = self.plain()
        if plain is not None:
            return plain
        if (uri := self.take(_URI)) is not None:
            self.at = start + len(_balanced(uri))
            return UriLiteral(self.text[start : self.at])
        if (word := self.take(_WORD)) is not None:
            if terms:
                return UriLiteral(self.expand(word))
            self.fail(f'a value: write texts in double quotes, as "{word}"', start)
        self.fail("a value: a number, a text in double quotes, true, false, a time or a URI", start)

    def quoted(self) -> str:
        start = self.at
        raw = self.take(_STRING)
        if raw is None:
            self.fail("a text that ends with a double quote", start)
        try:
            return str(json.loads(raw))
        except ValueError as fault:
            self.fail(f"a JSON text ({fault})", start)

    def plain(self) -> Literal_ | None:
        """A time, number or boolean, or None."""
        start = self.at
        if (text := self.take(_DATE_TIME)) is not None:
            return _date_time(text) or self.fail("a DateTime that exists", start)
        if (text := self.take(_DATE)) is not None:
            if _date_time(text + "T00:00:00Z") is None:
                self.fail("a date that exists", start)
            return DateTimeLiteral(text, None)
        if (text := self.take(_TIME)) is not None:
            if _date_time("2000-01-01T" + text) is None:
                self.fail("a time that exists", start)
            return DateTimeLiteral(text, None)
        if (text := self.take(_BOOLEAN)) is not None:
            return text == "true"
        if (text := self.take(_NUMBER)) is not None:
            return self.number(text, start)
        return None

    def number(self, text: str, start: int) -> float | int:
        number = float(text)
        if not math.isfinite(number):
            self.fail("a number that a double can hold", start)
        if "." in text or "e" in text or "E" in text:
            return number
        whole = int(text)
        return whole if -(2**63) <= whole < 2**63 else number

    # --- patterns -------------------------------------------------------------------------------------------------

    def pattern(self) -> str:
        start = self.at
        if self.text.startswith('"', start):
            text = self.quoted()
        else:
            self.at = _pattern_end(self.text, start)
            text = self.text[start : self.at].rstrip()
        if not text:
            self.fail("a regular expression", start)
        try:
            compile_pattern(text)
        except BadRequestData as fault:
            raise BadRequestData(f"q, position {start + 1}: {fault.detail}", position=start + 1) from None
        return text


def kind_of(value: Literal_) -> str:
    """What a literal is, in a word: values of different kinds are never equal nor ordered."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, DateTimeLiteral):
        return "DateTime" if value.micros is not None else "Date" if value.text[4:5] == "-" else "Time"
    return "text" if isinstance(value, str) else "URI"


def _date_time(text: str) -> DateTimeLiteral | None:
    try:
        return DateTimeLiteral(text, parse_instant(text))
    except ValueError:
        return None


def _balanced(uri: str) -> str:
    """The URI up to a closing parenthesis that it did not open: that one belongs to the query."""
    depth = 0
    for index, character in enumerate(uri):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return uri[:index]
    return uri


def _pattern_end(text: str, start: int) -> int:
    """Where a bare pattern ends: at ; | or ) outside of its own brackets and parentheses."""
    depth, bracket, at = 0, False, start
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif bracket:
            # [:alpha:] has a ] of its own.
            if text.startswith("[:", at) and (close := text.find(":]", at)) > 0:
                at = close + 1
            else:
                bracket = character != "]"
        elif character == "[":
            bracket = True
            at += text.startswith("^", at + 1)
            at += text.startswith("]", at + 1)
        elif character == "(":
            depth += 1
        elif character in ";|)" and depth == 0:
            return at
        elif character == ")":
            depth -= 1
        at += 1
    return min(at, len(text))
