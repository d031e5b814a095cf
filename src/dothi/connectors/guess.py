"""Guesses what a column of a table holds, from all of its cells, in one pass and bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from dothi.connectors.times import date_time, time_reader, zone_of
from dothi.model.instant import parse_instant

#: Time formats tried, the likelier first. Where several read every cell, the one whose times go on and lie close wins.
FORMATS: Final = (
    "iso", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y",
    "%d-%m-%Y %H:%M:%S", "%m-%d-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%m-%d-%Y %H:%M", "%d-%m-%Y", "%m-%d-%Y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%y/%m/%d %H:%M",
    "%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p", "%m/%d/%Y %I:%M %p",
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M",
)  # fmt: skip

#: Cells that mean "no value" in many files; a column that holds some of them beside numbers is still one of numbers.
NO_VALUES: Final = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "-", "--", "#N/A", "\\N"})
_TRUTHS: Final = frozenset({"true", "false", "yes", "no", "có", "không"})
#: Distinct cells that are remembered of a column.
_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Format:
    """A time format that has read every cell so far, how often the times fell, and from when to when they go."""

    text: str
    read: Any
    last: str = ""
    low: str = "9999"
    high: str = ""
    fell: int = 0
    has_zone: bool = False

    @property
    def span(self) -> int:
        """Microseconds from the first to the last time. Days of a month, when read as months, lie far apart."""
        return parse_instant(self.high) - parse_instant(self.low)


@dataclass(slots=True)
class Guess:
    """What is known of a column: `exceptions` are the first cells (line, cell) that its type does not read."""

    name: str
    filled: int = 0
    numbers: int = 0
    commas: int = 0
    truths: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    missing: dict[str, int] = field(default_factory=dict)
    distinct: set[Any] = field(default_factory=set)
    formats: list[Format] = field(default_factory=list)
    times: int = 0
    strange: int = 0
    exceptions: list[tuple[int, str]] = field(default_factory=list)

    def see(self, line: int, cell: Any) -> None:
        if cell is None or (isinstance(cell, str) and cell.strip() in NO_VALUES):
            word = "" if cell is None else cell.strip()
            self.missing[word] = self.missing.get(word, 0) + 1
            return
        self.filled += 1
        if len(self.distinct) < _REMEMBERED:
            self.distinct.add(cell)
        if isinstance(cell, date | datetime) or (isinstance(cell, str) and not self._see_number(cell)):
            self._see_time(line, cell)
        elif isinstance(cell, bool):
            self.truths += 1
        elif not isinstance(cell, str):
            self._count(float(cell))

    def _see_number(self, cell: str) -> bool:
        self.truths += cell.strip().lower() in _TRUTHS
        try:
            self._count(float(cell))
            return True
        except ValueError:
            pass
        try:
            self._count(float(cell.replace(".", "").replace(",", ".")))
            self.commas += 1
            return True
        except ValueError:
            return False

    def _count(self, value: float) -> None:
        self.numbers += 1
        self.low, self.high = min(self.low, value), max(self.high, value)

    def _see_time(self, line: int, cell: Any) -> None:
        if self.strange > 20 and self.strange > self.times // 10:
            self.formats = []
            return
        if not self.times and not self.strange:
            self.formats = [Format(text, time_reader(text, "UTC")) for text in FORMATS]
        kept = [one for one in self.formats if _reads(one, cell)]
        if kept:
            self.times += 1
            self.formats = kept
            return
        self.strange += 1
        if len(self.exceptions) < 20:
            self.exceptions.append((line, str(cell)))

    @property
    def is_time(self) -> bool:
        return self.times > 0 and self.times >= 0.95 * self.filled and bool(self.formats)

    @property
    def is_number(self) -> bool:
        return self.numbers > 0 and self.numbers >= 0.95 * self.filled

    @property
    def is_truth(self) -> bool:
        return self.truths > 0 and self.truths == self.filled

    @property
    def is_unique(self) -> bool:
        return 1 < self.filled == len(self.distinct)

    @property
    def is_key(self) -> bool:
        """The cells may name things: none is missing, none is a number with a fraction or a time."""
        return (
            self.filled > 0
            and not self.missing
            and not self.is_time
            and not any("." in str(one) for one in self.distinct)
        )

    def format(self, settled: frozenset[str] = frozenset()) -> tuple[Format, list[str]]:
        """The best format, and others that read every cell too.

        `settled` are those that other columns leave no doubt of. Else times that go on and lie close are likelier.
        """
        ranked = sorted(
            self.formats, key=lambda one: (one.text not in settled, one.fell, one.span, FORMATS.index(one.text))
        )
        others = [] if ranked[0].text in settled else [other.text for other in ranked[1:]]
        return ranked[0], others


def settled_formats(guesses: Sequence[Guess]) -> frozenset[str]:
    """Formats of the columns that only one format reads."""
    return frozenset(guess.formats[0].text for guess in guesses if guess.is_time and len(guess.formats) == 1)


def _reads(format: Format, cell: Any) -> bool:
    try:
        made = date_time(cell.replace(tzinfo=zone_of("UTC"))) if isinstance(cell, datetime) else format.read(cell)
    except ValueError:
        return False
    format.fell += made < format.last
    format.last = made
    format.low, format.high = min(format.low, made), max(format.high, made)
    if format.text == "iso" and isinstance(cell, str) and not format.has_zone:
        format.has_zone = cell.rstrip().endswith("Z") or "+" in cell[10:] or "-" in cell[10:]
    return True


def observe(header: Sequence[str], rows: Any) -> tuple[list[Guess], int]:
    """A guess for each column of the header, and how many rows there are."""
    guesses = [Guess(name) for name in header]
    count = 0
    for line, row in rows:
        count += 1
        for guess, cell in zip(guesses, row, strict=False):
            guess.see(line, cell)
    return guesses, count
