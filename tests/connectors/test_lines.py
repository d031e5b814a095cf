"""Lines of text in every encoding and with every line end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.connectors.lines import Lines, NotText, sniff_encoding
from dothi.connectors.rows import read_rows
from dothi.model.reading import Trouble

TEXT = "tên,dân số\nPhường Thủ Dầu Một,88132\nXã Thường Tân,1\n"


def write(folder: Path, content: bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_line_end_and_encoding_gives_the_same_lines(tmp_path: Path, end: str, encoding: str) -> None:
    lines = Lines(write(tmp_path, TEXT.replace("\n", end).encode(encoding)))
    assert list(lines) == TEXT.splitlines(keepends=True)
    assert not lines.damaged


def test_vietnamese_windows_text_is_recognised_and_composed(tmp_path: Path) -> None:
    # Windows-1258 has â, ê, ô, ơ, ư as letters, and tones as marks behind them.
    written = "tên,dân sô\u0301\nPhươ\u0300ng Thu\u0309 Dâ\u0300u Mô\u0323t,88132\nXa\u0303 Thươ\u0300ng Tân,1\n"
    lines = Lines(write(tmp_path, written.encode("cp1258")))
    assert lines.encoding == "cp1258"
    assert list(lines) == TEXT.splitlines(keepends=True)


def test_one_damaged_byte_is_told_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = Lines(write(tmp_path, TEXT.encode() + b"x\xff,1\nend,2\n"))
    assert lines.encoding == "utf-8"
    problems: list[Trouble] = []
    rows = [row for _, row in read_rows(lines, ",", problems.append)]
    assert rows[-1] == ["end", "2"]
    assert [problem.where for problem in problems] == ["table.csv:4"]


def test_a_binary_file_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    with pytest.raises(NotText, match="longer than"):
        list(Lines(write(tmp_path, b"x" * (5 << 20)), "utf-8"))


def test_a_quote_that_never_closes_costs_its_own_line_only(tmp_path: Path) -> None:
    problems: list[Trouble] = []
    lines = Lines(write(tmp_path, b'a,b\n1,"x\n2,y\n3,z\n'))
    assert list(read_rows(lines, ",", problems.append)) == [(1, ["a", "b"]), (3, ["2", "y"]), (4, ["3", "z"])]
    assert problems[0].where == "table.csv:2"
    assert "never closed" in problems[0].what


def test_line_ends_within_quotes_are_kept_and_lines_are_counted(tmp_path: Path) -> None:
    lines = Lines(write(tmp_path, b'a\n"x\ny"\n\n\nz\n'))
    assert list(read_rows(lines, ",", pytest.fail)) == [(1, ["a"]), (2, ["x\ny"]), (6, ["z"])]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufffd\x00"), max_size=40), max_size=30))
def test_lines_come_back_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = write(tmp_path_factory.mktemp("lines"), "".join(text + "\r\n" for text in texts).encode())
    assert [line[:-1] for line in Lines(path, "utf-8")] == texts


@given(st.binary(max_size=200))
def test_sniffing_never_fails(head: bytes) -> None:
    "".encode(sniff_encoding(head))
