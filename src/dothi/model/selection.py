"""Entity type selection (GS CIM 009 clauses 4.16, 4.17) and scope queries (4.19): read them, test names by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Final, NoReturn

from dothi.model.errors import BadRequestData, TooComplexQuery
from dothi.model.query import AllOf, AnyOf, Name, Selection

MAX_LENGTH: Final = 8192
MAX_DEPTH: Final = 64
MAX_NAMES: Final = 256

_NAME = re.compile(r"[^\s;,|()]+")
_LEVEL = re.compile(r"[\w\-.~:]+|\+")


def parse_types(text: str, expand: Callable[[str], str]) -> Selection:
    """`A,B`, `A|B`, `(A;B),C`: names are short names or IRIs, expanded by `expand`.

    Raises BadRequestData with the position, TooComplexQuery past 8192 characters, 64 levels or 256 names.
    """
    return _Reader("type", text, lambda name, _: expand(name)).whole()


def parse_scopes(text: str) -> Selection:
    """`/a/b`, `/a/#` (it and all below), `/a/+/b` (one level), `/#` (any scope), combined with ; , | and parentheses.

    Patterns come out with a leading "/", as scopes do. Raises as `parse_types`.
    """
    return _Reader("scopeQ", text, _scope_pattern).whole()


def select_types(selection: Selection) -> Callable[[Collection[str]], bool]:
    """A test of an entity's types."""
    return _compiled(selection, lambda name: lambda types: name in types)


def select_scopes(selection: Selection) -> Callable[[Collection[str]], bool]:
    """A test of an entity's scopes."""
    return _compiled(selection, _scope_test)


def names(selection: Selection) -> Iterator[str]:
    """Every name of a selection, in order."""
    if isinstance(selection, Name):
        yield selection.text
    else:
        for part in selection.parts:
            yield from names(part)


def scope_expression(pattern: str) -> str | None:
    """The regular expression of a scope pattern, None where the pattern is a plain scope."""
    levels = pattern[1:].split("/")
    if "+" not in levels and levels[-1] != "#":
        return None
    below = levels[-1] == "#"
    parts = ["[^/]+" if level == "+" else re.escape(level) for level in (levels[:-1] if below else levels)]
    start = "".join("/" + part for part in parts)
    return f"^{start}(/.*)?$" if below and parts else f"^{start}/.*$" if below else f"^{start}$"


def _compiled(
    selection: Selection, leaf: Callable[[str], Callable[[Collection[str]], bool]]
) -> Callable[[Collection[str]], bool]:
    if isinstance(selection, Name):
        return leaf(selection.text)
    tests = [_compiled(part, leaf) for part in selection.parts]
    if isinstance(selection, AllOf):
        return lambda given: all(test(given) for test in tests)
    return lambda given: any(test(given) for test in tests)


def _scope_test(pattern: str) -> Callable[[Collection[str]], bool]:
    expression = scope_expression(pattern)
    if expression is None:
        return lambda scopes: pattern in scopes
    # Of a fixed shape that cannot backtrack far: levels never hold a slash.
    matches = re.compile(expression, re.DOTALL).match
    return lambda scopes: any(matches(scope) for scope in scopes)


def _scope_pattern(text: str, fail: Callable[[str], NoReturn]) -> str:
    levels = text.removeprefix("/").split("/")
    for index, level in enumerate(levels):
        if level == "#" and index == len(levels) - 1:
            continue
        if _LEVEL.fullmatch(level) is None:
            fail("a scope like /Province/Commune, with + for one level and # only as the last")
    return "/" + "/".join(levels)


class _Reader:
    """One grammar for both languages: names, ; before | and ',', parentheses."""

    def __init__(self, parameter: str, text: str, name: Callable[[str, Callable[[str], NoReturn]], str]) -> None:
        if len(text) > MAX_LENGTH:
            raise TooComplexQuery(f"{parameter} has {len(text)} characters, at most {MAX_LENGTH} are taken")
        self.parameter = parameter
        self.text = text
        self.name = name
        self.at = 0
        self.depth = 0
        self.count = 0

    def fail(self, expected: str, at: int | None = None) -> NoReturn:
        at = self.at if at is None else at
        found = repr(self.text[at : at + 16]) if at < len(self.text) else "the end"
        raise BadRequestData(
            f"{self.parameter}, position {at + 1}: expected {expected}, found {found}", position=at + 1
        )

    def taken(self, marks: str) -> bool:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1
        found = self.at < len(self.text) and self.text[self.at] in marks
        self.at += found
        return found

    def whole(self) -> Selection:
        selection = self.alternatives()
        if self.at < len(self.text):
            self.fail("';', ',', '|' or the end")
        return selection

    def alternatives(self) -> Selection:
        parts = [self.conjunction()]
        while self.taken("|,"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def conjunction(self) -> Selection:
        parts = [self.part()]
        while self.taken(";"):
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def part(self) -> Selection:
        if not self.taken("("):
            return self.leaf()
        opened = self.at
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplexQuery(f"{self.parameter}, position {opened}: more than {MAX_DEPTH} levels of parentheses")
        selection = self.alternatives()
        if not self.taken(")"):
            self.fail(f"the ')' of position {opened}")
        self.depth -= 1
        return selection

    def leaf(self) -> Selection:
        start = self.at
        found = _NAME.match(self.text, start)
        if found is None:
            self.fail("a name or '('")
        self.count += 1
        if self.count > MAX_NAMES:
            raise TooComplexQuery(f"{self.parameter}, position {start + 1}: more than {MAX_NAMES} names")
        self.at = found.end()
        return Name(self.name(found[0], lambda expected: self.fail(expected, start)))
