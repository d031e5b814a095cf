"""Opens GTFS zips safely: the rows of each table with their line, whatever is wrong with the archive told precisely."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Final

from dothi.model.errors import InvalidRequest
from dothi.model.reading import Trouble

REQUIRED: Final = ("agency", "routes", "stops", "trips", "stop_times")
TABLES: Final = frozenset(REQUIRED) | {
    "feed_info", "calendar", "calendar_dates", "shapes", "frequencies", "transfers", "fare_attributes", "fare_rules",
    "pathways", "levels", "translations", "attributions",
}  # fmt: skip

#: All tables together may unpack to this many bytes; national feeds have about 2 GB of stop times.
LARGEST: Final = 4 << 30
#: No table of text shrinks further than this; what does is a bomb.
HIGHEST_RATIO: Final = 200

Row = dict[str, str]


class GtfsTables(Mapping[str, Iterable[tuple[int, Row]]]):
    """The tables of a feed by name without .txt; each gives (line number, column -> cell) anew when it is iterated.

    Rows that cannot be read go to `trouble` with file:line. To be used as a context manager, which closes the archive.
    Raises InvalidRequest when the file is no readable zip, is a bomb, holds a table twice, or no table at all.
    """

    def __init__(self, path: Path, trouble: Callable[[Trouble], None]) -> None:
        self._trouble = trouble
        try:
            self._archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError) as fault:
            raise InvalidRequest(f"{path.name} is no readable zip: {fault}") from fault
        try:
            self._members = _members(self._archive, path.name)
        except InvalidRequest:
            self._archive.close()
            raise

    def __enter__(self) -> GtfsTables:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, table: str) -> Iterable[tuple[int, Row]]:
        return _Table(self._archive, self._members[table], f"{table}.txt", self._trouble)


def is_gtfs(path: Path) -> bool:
    """Whether the zip holds a table of stops or routes, at its root or in one folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError):
        return False
    return not names.isdisjoint({"stops.txt", "routes.txt"})


def _members(archive: zipfile.ZipFile, file: str) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = entry.filename.rpartition("/")[2].removesuffix(".txt")
        if name in TABLES and entry.filename.endswith(".txt") and "__MACOSX" not in entry.filename:
            if name in members:
                raise InvalidRequest(f"{file} holds {name}.txt twice: {members[name].filename} and {entry.filename}")
            members[name] = entry
    if not members:
        raise InvalidRequest(
            f"{file} is no GTFS feed: it holds none of {', '.join(f'{name}.txt' for name in REQUIRED)}"
        )
    _refuse_bombs(members, file)
    return members


def _refuse_bombs(members: dict[str, zipfile.ZipInfo], file: str) -> None:
    size = sum(entry.file_size for entry in members.values())
    if size > LARGEST:
        raise InvalidRequest(f"{file} unpacks to {size >> 20} MiB, more than the {LARGEST >> 20} MiB allowed")
    for name, entry in members.items():
        if entry.flag_bits & 1:
            raise InvalidRequest(f"{file}: {name}.txt is encrypted; pack it without a password")
        if entry.file_size > 1 << 20 and entry.file_size > HIGHEST_RATIO * max(1, entry.compress_size):
            raise InvalidRequest(
                f"{file}: {name}.txt unpacks to over {HIGHEST_RATIO} times its size; it is refused as a bomb"
            )


class _Table:
    """The rows of one table, unpacked while they are read."""

    def __init__(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, where: str, trouble: Callable[[Trouble], None]
    ) -> None:
        self._open = partial(archive.open, entry)
        self._where = where
        self._trouble = trouble

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        try:
            with self._open() as raw:
                yield from _rows(raw, self._where, self._trouble)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as fault:
            self._trouble(
                Trouble(
                    self._where, f"cannot be unpacked to its end: {fault}", "pack the feed again; rows before are read"
                )
            )


def _rows(raw: IO[bytes], where: str, trouble: Callable[[Trouble], None]) -> Iterator[tuple[int, Row]]:
    text = io.TextIOWrapper(raw, "utf-8-sig", errors="replace", newline=None)
    reader = csv.reader(text)
    header = [name.strip() for name in next(reader, [])]
    if not any(header):
        trouble(Trouble(f"{where}:1", "has no names of columns", "write the header that the GTFS reference gives"))
        return
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            trouble(Trouble(f"{where}:{line}", f"row cannot be read: {fault}", "mend the quotes of this line"))
            continue
        if not any(row):
            continue
        if fault_of := _fault(row, header):
            trouble(Trouble(f"{where}:{line}", fault_of, "the row is left out"))
        else:
            yield line, {name: cell.strip() for name, cell in zip(header, row, strict=False)}


def _fault(row: list[str], header: list[str]) -> str | None:
    if len(row) > len(header) and any(row[len(header) :]):
        return f"has {len(row)} cells, the header has {len(header)}"
    if any("\ufffd" in cell for cell in row):
        return "holds bytes that are no UTF-8"
    return None
