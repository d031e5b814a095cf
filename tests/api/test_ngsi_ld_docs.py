"""The reference of the NGSI-LD API says what the code does."""

import re
from pathlib import Path

import pytest

from dothi.api.server import OPERATIONS
from dothi.model import errors

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ngsi-ld-api.md"


def rows(heading):
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return [
        tuple(cell.strip().replace("`", "") for cell in line.strip("|").split("|"))
        for line in section.splitlines()
        if re.match(r"\| *[`A-Z\d]", line)
    ][1:]


def test_the_table_of_routes_is_the_code():
    written = {(method, path): (clause, frozenset(names.split())) for method, path, clause, names in rows("Routes")}
    built = {(one.method, "/" + one.path): (one.clause, one.parameters) for one in OPERATIONS}
    assert written == built


def test_the_table_of_errors_is_the_code():
    written = {(int(status), name) for status, name, _ in rows("Errors")}
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.Problem)]
    assert written == {(one.status, one.type.rsplit("/", 1)[1]) for one in classes}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_every_handler_cites_its_clause(operation):
    assert re.search(r"\(\d+\.\d+\.\d+", operation.handler.__doc__ or "")
