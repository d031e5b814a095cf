"""Rows of delimited text with the line where each begins; a broken row costs that row only."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator

from dothi.connectors.lines import Lines
from dothi.model.reading import Trouble

#: A quoted cell may hold this many line ends; beyond it the quote is taken as never closed.
LONGEST_CELL = 200


class _Feed:
    """Hands lines to the csv reader, remembers those of the row being read, and takes lines back."""

    __slots__ = ("again", "lines", "number", "taken")

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if len(self.taken) > LONGEST_CELL:
            raise csv.Error(f"a quote is not closed within {LONGEST_CELL} lines")
        line = self.again.popleft() if self.again else next(self.lines)
        self.number += 1
        self.taken.append(line)
        return line

    def put_back(self) -> int:
        """Return all lines of the row but its first; the number of that first line."""
        first = self.number - len(self.taken) + 1
        self.again.extendleft(reversed(self.taken[1:]))
        self.number = first
        self.taken.clear()
        return first


def read_rows(lines: Lines, delimiter: str, trouble: Callable[[Trouble], None]) -> Iterator[tuple[int, list[str]]]:
    """Every row that is not blank as (line number, cells); rows that cannot be read go to `trouble` with file:line."""
    feed = _Feed(iter(lines))
    name = lines.path.name
    while True:
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                first = feed.number - len(feed.taken) + 1
                feed.taken.clear()
                if lines.damaged and not lines.damaged.isdisjoint(range(first, feed.number + 1)):
                    trouble(_damaged(name, first, lines.encoding))
                elif len(row) > 1 or (row and row[0].strip()):
                    yield first, row
            return
        except csv.Error as fault:
            first = feed.put_back()
            trouble(Trouble(f"{name}:{first}", f"row cannot be read: {_plain(fault)}", "mend the quotes of this line"))


def _plain(fault: csv.Error) -> str:
    """The csv module's words where they speak of its internals, in words of the file."""
    text = str(fault)
    return "a quote is opened and never closed" if text == "unexpected end of data" else text


def _damaged(name: str, line: int, encoding: str) -> Trouble:
    return Trouble(
        f"{name}:{line}",
        f"holds bytes that are no {encoding}",
        "give the right encoding under [source], or mend the line",
    )
