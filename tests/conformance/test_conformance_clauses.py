"""The clause tables of docs/reference/conformance.md say what is: modules cite their clauses, routes have theirs."""

from __future__ import annotations

import ast
import inspect
import io
import re
import tokenize
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import dothi
from dothi.api.exchange import Operation
from dothi.api.server import OPERATIONS

SOURCE = Path(dothi.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "conformance.md"
STATES = {"implemented", "deviates", "not applicable"}

#: 4.5.19.1, A.2 or B; and in texts not a part of a longer number, such as a version.
CLAUSE = r"(?:[4-7](?:\.\d{1,2}){1,3}|[AB](?:\.\d)?)"
ROW = re.compile(rf"^\| (?:{CLAUSE}|7) \|.*\|$", re.MULTILINE)
CITED = re.compile(r"(?<![\w.])([4-7](?:\.\d{1,2}){1,3}|A\.\d)(?![\w]|\.\d)")
RANGE = re.compile(CITED.pattern + r"\s+to\s+" + CITED.pattern)


class Row(NamedTuple):
    clause: str
    title: str
    state: str
    where: tuple[str, ...]
    note: str


def rows() -> list[Row]:
    found = []
    for line in ROW.findall(PAGE.read_text("utf-8")):
        clause, title, state, where, note = (cell.strip() for cell in line.strip("|").split("|"))
        found.append(Row(clause, title, state, tuple(re.findall(r"`([\w.]+)`", where)), note))
    return found


ROWS = rows()
TABLE = {row.clause: row for row in ROWS}


def cited_in(text: str) -> set[str]:
    """The clauses that a text names, those of a range such as 6.14 to 6.17 among them."""
    clauses = set(CITED.findall(text))
    for first, last in RANGE.findall(text):
        (stem, _, low), (other, _, high) = first.rpartition("."), last.rpartition(".")
        if stem == other:
            clauses |= {f"{stem}.{number}" for number in range(int(low), int(high) + 1)}
    return clauses | set(re.findall(r"Annex ([AB])\b", text))


@cache
def cited_by(module: str) -> frozenset[str]:
    """The clauses in the docstrings and comments of a module below dothi."""
    source = SOURCE.joinpath(*module.split(".")).with_suffix(".py").read_text("utf-8")
    texts = [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline)
             if token.type == tokenize.COMMENT]  # fmt: skip
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts += [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, documented)]
    return frozenset().union(*map(cited_in, texts))


def cites(module: str, clause: str) -> bool:
    """Whether a module cites the clause, a part of it, or the clause that it is a part of (4.5.18 for 4.5.18.2)."""
    parts = clause.split(".")
    wider = {".".join(parts[:length]) for length in range(3, len(parts))}
    return any(
        each == clause or each in wider or each.startswith(clause + ".") for each in cited_by(module)
    )  # fmt: skip


def test_the_tables_hold_every_clause_once_and_in_order() -> None:
    assert [clause for clause, times in Counter(row.clause for row in ROWS).items() if times > 1] == []
    numbers = [numbers_of(row.clause) for row in ROWS]
    assert numbers == sorted(numbers)
    assert len(ROWS) > 300


def numbers_of(clause: str) -> list[int]:
    return [int(part) if part.isdigit() else ord(part) for part in clause.split(".")]


@pytest.mark.parametrize(
    ("chapter", "last"),
    [("4", 23), ("4.5", 25), ("5.2", 44), ("5.3", 4), ("5.5", 15), ("5.6", 21), ("5.7", 11), ("5.8", 6), ("5.9", 4),
     ("5.11", 7), ("5.13", 5), ("5.14", 5), ("5.16", 7), ("6", 38), ("6.3", 22)],
)  # fmt: skip
def test_no_clause_of_a_chapter_is_left_out(chapter: str, last: int) -> None:
    depth = chapter.count(".") + 1
    there = {numbers_of(clause)[depth] for clause in TABLE if clause.startswith(chapter + ".")}
    introductions = {1} if chapter in ("4", "5.2", "5.5", "5.9", "5.11", "5.13", "6", "6.3") else set()
    assert there == set(range(1, last + 1)) - introductions


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.clause)
def test_a_clause_is_cited_where_the_table_says_that_it_is_implemented(row: Row) -> None:
    assert row.state in STATES, f"{row.clause}: {row.state!r} is none of {STATES}"
    if row.state != "implemented":
        assert row.note, f"{row.clause}: say why it is {row.state}"
    if row.state == "implemented":
        assert row.where, f"{row.clause}: name the modules that implement it"
    for module in row.where:
        assert SOURCE.joinpath(*module.split(".")).with_suffix(".py").exists(), f"{row.clause}: no module {module}"
        assert cites(module, row.clause), (
            f"dothi.{module} does not cite clause {row.clause}: mend the table or the code"
        )


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
def test_every_route_cites_its_operation_and_its_method_of_the_binding(operation: Operation) -> None:
    cited = cited_in(inspect.getdoc(operation.handler) or "")
    assert any(re.fullmatch(r"6\.\d+\.3\.\d", clause) for clause in cited), (
        "cite its clause of the HTTP binding (6.x.3.y)"
    )
    assert set(re.findall(r"[\d.]*\d", operation.clause)) <= cited, "the docstring lacks the clause of the Operation"
    for clause in cited:
        assert clause in TABLE, f"{clause} does not stand in {PAGE.name}"
        assert TABLE[clause].state != "not applicable"


@pytest.mark.parametrize("row", [row for row in ROWS if re.fullmatch(r"6\.\d+\.3\.\d", row.clause)
                                 and row.state == "implemented"], ids=lambda row: row.clause)  # fmt: skip
def test_a_method_of_a_resource_that_is_implemented_has_a_route(row: Row) -> None:
    method = row.title.split()[0]
    routes = [each for each in OPERATIONS if row.clause in cited_in(inspect.getdoc(each.handler) or "")]
    assert [each.method for each in routes if each.method == method], f"no {method} route cites {row.clause}"
