"""Reads CSV, TSV and Excel files as batches of entities by a mapping."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import python_calamine

from dothi.connectors.base import Batch
from dothi.connectors.lines import Lines, NotText
from dothi.connectors.mapping import Mapping
from dothi.connectors.plan import Plan
from dothi.connectors.rows import read_rows
from dothi.model.errors import InvalidRequest
from dothi.model.reading import Trouble

WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
#: A workbook is read as a whole, so what it unpacks to is bounded (bytes).
LARGEST_WORKBOOK = 1 << 29
DELIMITERS = ",;\t|"


def read_table(path: Path, mapping: Mapping) -> Iterator[Batch]:
    """The batches of a table. Raises InvalidRequest when the file is no table or the mapping does not fit it."""
    problems: list[Trouble] = []
    if path.suffix.lower() in WORKBOOKS:
        size = path.stat().st_size
        rows, done = iter_workbook(path, mapping.source.sheet), lambda: size
    else:
        lines = Lines(path, _encoding(mapping.source.encoding))
        delimiter = mapping.source.delimiter or guess_delimiter(path, lines.encoding)
        rows, done = read_rows(lines, delimiter, problems.append), lambda: lines.done
    try:
        header = _header(rows, mapping.source.header, path.name)
        yield from Plan(mapping, header, path.name).batches(rows, problems, done)
    except NotText as fault:
        raise InvalidRequest(str(fault)) from fault


def guess_delimiter(path: Path, encoding: str) -> str:
    """The delimiter that parts the first lines into the most columns, all of the same number where there is one."""
    sample = [line for _, line in zip(range(30), Lines(path, encoding), strict=False) if line.strip()]
    if not sample or path.suffix.lower() == ".tsv":
        return "\t" if path.suffix.lower() == ".tsv" else ","

    def weight(delimiter: str) -> tuple[int, int]:
        counts = [_count_outside_quotes(line, delimiter) for line in sample]
        return counts.count(counts[0]) if counts[0] else 0, counts[0]

    return max(DELIMITERS, key=weight)


def _count_outside_quotes(line: str, delimiter: str) -> int:
    return sum(part.count(delimiter) for part in line.split('"')[::2])


def iter_workbook(path: Path, sheet: str | None) -> Iterator[tuple[int, Sequence[Any]]]:
    """(row number, cells) of the rows that are not blank; empty cells are ''.

    Raises InvalidRequest for a broken workbook, for one that unpacks above 512 MiB, and for an unknown sheet.
    """
    _bound(path)
    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as workbook:
            if sheet is not None and sheet not in workbook.sheet_names:
                raise InvalidRequest(f"{path.name} has no sheet {sheet!r}; it has {', '.join(workbook.sheet_names)}")
            if not workbook.sheet_names:
                raise InvalidRequest(f"{path.name} has no sheet")
            table = workbook.get_sheet_by_name(sheet or workbook.sheet_names[0])
            first = table.start[0] if table.start else 0
            for number, row in enumerate(table.iter_rows(), 1):
                if number > first and any(cell != "" for cell in row):
                    yield number, row
    except (python_calamine.CalamineError, OSError, zipfile.BadZipFile) as fault:
        raise InvalidRequest(f"{path.name} cannot be read as a workbook: {fault}") from fault


def _bound(path: Path) -> None:
    if path.suffix.lower() == ".xls" or not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > LARGEST_WORKBOOK:
        raise InvalidRequest(
            f"{path.name} unpacks to {size >> 20} MiB, more than {LARGEST_WORKBOOK >> 20}; save it as CSV"
        )


def _encoding(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        "".encode(name)
    except LookupError:
        raise InvalidRequest(f"source.encoding {name!r} is unknown; write one like utf-8, utf-16 or cp1258") from None
    return name


def _header(rows: Iterator[tuple[int, Sequence[Any]]], nth: int, file: str) -> list[str]:
    for _ in range(nth - 1):
        next(rows, None)
    first = next(rows, None)
    if first is None:
        raise InvalidRequest(f"{file} has no row {nth} with the names of its columns")
    names = [str(cell).strip() for cell in first[1]]
    while names and not names[-1]:
        names.pop()
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InvalidRequest(f"{file}:{first[0]}: the column name {twice[0]!r} stands more than once")
    return names
