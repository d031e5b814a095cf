"""GTFS zips are opened safely, and faults are told with table and line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dothi.connectors.gtfs import GtfsTables, is_gtfs
from dothi.model.errors import InvalidRequest
from dothi.model.reading import Trouble

STOPS = "stop_id,stop_name\n1,Bến Cát\n"


def feed(folder: Path, tables: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path = folder / "feed.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in tables.items():
            archive.writestr(name, content)
    return path


def test_tables_are_found_in_a_folder_and_read_with_their_lines(tmp_path: Path) -> None:
    path = feed(tmp_path, {"feed/stops.txt": "\ufeff" + STOPS + "\n2, Tân Uyên \n", "feed/notes.txt": "x"})
    assert is_gtfs(path)
    with GtfsTables(path, pytest.fail) as tables:
        assert list(tables) == ["stops"]
        assert list(tables["stops"]) == [
            (2, {"stop_id": "1", "stop_name": "Bến Cát"}),
            (4, {"stop_id": "2", "stop_name": "Tân Uyên"}),
        ]


def test_a_row_with_too_many_cells_or_wrong_bytes_is_told(tmp_path: Path) -> None:
    problems: list[Trouble] = []
    with GtfsTables(
        feed(tmp_path, {"stops.txt": STOPS.encode() + b"2,x,y\n3,\xff\n4,ok\n"}), problems.append
    ) as tables:
        assert [line for line, _ in tables["stops"]] == [2, 5]
    assert [problem.where for problem in problems] == ["stops.txt:3", "stops.txt:4"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"stops.txt unpacks to over 200 times"):
        GtfsTables(feed(tmp_path, {"stops.txt": b"0" * (20 << 20)}), pytest.fail)


def test_a_zip_without_tables_and_a_broken_zip_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="is no GTFS feed"):
        GtfsTables(feed(tmp_path, {"x.txt": "x"}), pytest.fail)
    path = feed(tmp_path, {"stops.txt": STOPS})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InvalidRequest, match="no readable zip"):
        GtfsTables(path, pytest.fail)


def test_a_damaged_table_gives_the_rows_before_the_damage(tmp_path: Path) -> None:
    rows = "".join(f"{n},x{n * 7919 % 100_003}\n" for n in range(20_000))
    path = feed(tmp_path, {"stops.txt": "stop_id,stop_name\n" + rows})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    problems: list[Trouble] = []
    with GtfsTables(path, problems.append) as tables:
        read = list(tables["stops"])
    assert len(read) < 20_000
    assert "cannot be unpacked to its end" in problems[-1].what
