"""Proposes a mapping for a table or GeoJSON file, as TOML with its doubts beside it, and tells the file's faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from dothi.connectors.guess import Guess, observe, settled_formats
from dothi.connectors.lines import Lines
from dothi.connectors.names import attribute_name, plain, type_name
from dothi.connectors.rows import read_rows
from dothi.connectors.tables import WORKBOOKS, guess_delimiter, iter_workbook
from dothi.model.errors import InvalidRequest
from dothi.model.reading import Trouble

_LONS: Final = frozenset({"lon", "lng", "long", "longitude", "kinh do", "kinhdo", "x"})
_LATS: Final = frozenset({"lat", "latitude", "vi do", "vido", "y"})
_IDS: Final = ("station", "sensor", "device", "code", "ma", "uid", "id", "key", "unique key", "name", "ten")

#: Word in a column's name -> attribute of the Smart Data Models, and the UN/CEFACT code of its usual unit.
KNOWN: Final[dict[str, tuple[str, str | None]]] = {
    "pm10": ("pm10", "GQ"), "pm2 5": ("pm25", "GQ"), "pm25": ("pm25", "GQ"), "no2": ("no2", "GQ"),
    "nitrogen dioxide": ("no2", "GQ"), "so2": ("so2", "GQ"), "sulphur dioxide": ("so2", "GQ"), "o3": ("o3", "GQ"),
    "ozone": ("o3", "GQ"), "co": ("co", "GQ"), "carbon monoxide": ("co", "GQ"), "nox": ("nox", "GQ"),
    "no": ("no", "GQ"),
    "temperature": ("temperature", "CEL"), "temp": ("temperature", "CEL"), "nhiet do": ("temperature", "CEL"),
    "humidity": ("relativeHumidity", "P1"), "relative humidity": ("relativeHumidity", "P1"),
    "do am": ("relativeHumidity", "P1"), "wind speed": ("windSpeed", "MTS"), "toc do gio": ("windSpeed", "MTS"),
    "wind direction": ("windDirection", "DD"), "pressure": ("atmosphericPressure", "A97"),
    "rain": ("precipitation", "MMT"), "precipitation": ("precipitation", "MMT"), "luong mua": ("precipitation", "MMT"),
    "noise": ("LAeq", "2N"), "water level": ("waterLevel", "MTR"), "muc nuoc": ("waterLevel", "MTR"),
    "power": ("power", "KWT"), "energy": ("energyConsumed", "KWH"), "area km2": ("area", "KMK"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping as TOML text, the rows and columns seen, and what is wrong or doubtful with file:line."""

    toml: str
    rows: int
    columns: int
    problems: tuple[Trouble, ...]


def propose(path: Path) -> Proposal:
    """Read the whole table and propose its mapping. Raises InvalidRequest when it is no table."""
    problems: list[Trouble] = []
    rows, source = _open(path, problems)
    first = next(rows, None)
    if first is None:
        raise InvalidRequest(f"{path.name} holds no row")
    header = [str(cell).strip() for cell in first[1]]
    while header and not header[-1]:
        header.pop()
    guesses, count = observe(header, _fitting(rows, len(header), path.name, problems))
    problems += [trouble for guess in guesses for trouble in _exceptions(guess, path.name)]
    return Proposal(_toml(path, source, guesses), count, len(header), tuple(problems))


def propose_for_features(path: Path, features: Sequence[dict[str, Any]]) -> str:
    """A mapping for GeoJSON from some of its features."""
    names = dict.fromkeys(name for feature in features for name in feature.get("properties") or {})
    guesses = [Guess(name) for name in names]
    for line, feature in enumerate(features, 1):
        for guess in guesses:
            cell = (feature.get("properties") or {}).get(guess.name)
            guess.see(line, cell if isinstance(cell, str | int | float | bool) else None)
    return _toml(path, [], guesses)


def _open(path: Path, problems: list[Trouble]) -> tuple[Iterator[tuple[int, Sequence[Any]]], list[str]]:
    """The rows of a table, and the lines of [source] that say how it is written."""
    if path.suffix.lower() in WORKBOOKS:
        return iter_workbook(path, None), []
    lines = Lines(path)
    delimiter = guess_delimiter(path, lines.encoding)
    source = [f"encoding = {_text(lines.encoding)}", f"delimiter = {_text(delimiter)}"]
    return read_rows(lines, delimiter, problems.append), source


def _fitting(
    rows: Iterator[tuple[int, Sequence[Any]]], width: int, file: str, problems: list[Trouble]
) -> Iterator[tuple[int, Sequence[Any]]]:
    for line, row in rows:
        if len(row) == width or (len(row) > width and not any(row[width:])):
            yield line, row
        elif len(problems) < 1000:
            problems.append(Trouble(f"{file}:{line}", f"has {len(row)} cells, the header has {width}", "mend the line"))


def _exceptions(guess: Guess, file: str) -> Iterator[Trouble]:
    """Cells that the column's type does not read; of a column of plain text there are none."""
    if guess.is_number or guess.is_time:
        kind = "a time" if guess.is_time else "a number"
        for line, cell in guess.exceptions:
            yield Trouble(
                f"{file}:{line}", f"column {guess.name!r}: {cell!r} is not {kind} as the others are", "mend it"
            )


def _toml(path: Path, source: list[str], guesses: list[Guess]) -> str:
    time = next((guess for guess in guesses if guess.is_time), None)
    lon, lat = (_find(guesses, names) for names in (_LONS, _LATS))
    settled = settled_formats(guesses)
    if any(guess.commas for guess in guesses):
        source = [*source, 'decimal = ","', 'thousands = "."']
    words = sorted({word for guess in guesses for word in guess.missing} | {""})
    out = [f"# Proposed for {path.name}: read it over before you load.", *_entity_lines(path, guesses, time)]
    out += ["", "[source]", *source, f"missing = [{', '.join(map(_text, words))}]"]
    if time is not None:
        out += ["", "[time]", f"column = {_text(time.name)}", *_format_lines(time, settled)]
    if lon and lat:
        out += ["", "[place]", f"lon = {_text(lon.name)}", f"lat = {_text(lat.name)}", *_crs_lines(lon, lat)]
    for guess in guesses:
        if guess not in (time, lon, lat) and guess.name and guess.filled:
            out += ["", *_column_lines(guess, settled)]
    return "\n".join(out) + "\n"


def _entity_lines(path: Path, guesses: list[Guess], time: Guess | None) -> list[str]:
    """Type, id, and whether the rows are a history: when there is a time and nothing that is new in each row."""
    type = type_name(path.stem)
    key = _key(guesses, time)
    history = time is not None and (key is None or not key.is_unique)
    if key is not None:
        id = f"{{{key.name}}}" if history or key.is_unique else f"{{{key.name}}}:{{line}}"
    else:
        id = "1" if history else "{line}"
    return [
        "[entity]",
        f"type = {_text(type)}  # better the name of a Smart Data Model",
        f"id = {_text(f'urn:ngsi-ld:{type}:{id}')}",
        f"history = {'true' if history else 'false'}",
    ]


def _format_lines(guess: Guess, settled: frozenset[str]) -> list[str]:
    format, others = guess.format(settled)
    doubt = f"  # also possible: {', '.join(others)}" if others else ""
    lines = [f"format = {_text(format.text)}{doubt}"]
    return (
        lines if format.has_zone else [*lines, 'zone = "Asia/Ho_Chi_Minh"  # the file does not say; give the right one']
    )


def _crs_lines(lon: Guess, lat: Guess) -> list[str]:
    if lon.low >= -180 and lon.high <= 180 and lat.low >= -90 and lat.high <= 90:
        return []
    return ['crs = "EPSG:9210"  # the numbers are no degrees; give the reference system they are in']


def _column_lines(guess: Guess, settled: frozenset[str]) -> list[str]:
    words = " ".join(plain(guess.name).lower().replace("_", " ").replace(".", " ").split())
    name, unit = KNOWN.get(words, (None, None))
    lines = [f"[columns.{_text(guess.name)}]", f"attribute = {_text(name or attribute_name(guess.name))}"]
    if guess.is_time:
        return [*lines, 'type = "date"', *_format_lines(guess, settled)]
    kind = "bool" if guess.is_truth else "number" if guess.is_number and not _is_code(guess) else "text"
    lines.append(f'type = "{kind}"')
    return [*lines, f'unit = "{unit}"  # check it'] if unit and kind == "number" else lines


def _is_code(guess: Guess) -> bool:
    """Digits that are a name: some begin with 0, as postal and official codes do."""
    return any(isinstance(cell, str) and len(cell) > 1 and cell[0] == "0" and cell.isdigit() for cell in guess.distinct)


def _find(guesses: list[Guess], names: frozenset[str]) -> Guess | None:
    return next((guess for guess in guesses if guess.is_number and plain(guess.name).lower() in names), None)


def _key(guesses: list[Guess], time: Guess | None) -> Guess | None:
    """The column that names the thing a row speaks of: a word of its name says so, or its cells are all different."""
    fit = [guess for guess in guesses if guess.is_key]
    fit.sort(key=lambda guess: time is None and not guess.is_unique)
    for word in _IDS:
        for guess in fit:
            words = plain(guess.name).lower().replace("_", " ")
            if word == words or word in words.split():
                return guess
    return next((guess for guess in fit if guess.is_unique), None) if time is None else None


def _text(text: str) -> str:
    """A TOML basic string; JSON's escapes are the same."""
    return orjson.dumps(text).decode()
