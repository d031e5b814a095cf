"""`dothi check` proposes mappings that read their file, and tells the file's faults."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dothi.connectors.load import load_files
from dothi.connectors.mapping import Mapping, parse_mapping
from dothi.connectors.propose import Proposal, propose

DATA = Path(os.environ.get("DOTHI_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def proposed(folder: Path, text: str, name: str = "air.csv") -> tuple[Proposal, Mapping]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    proposal = propose(path)
    return proposal, parse_mapping(proposal.toml)


def test_a_semicolon_file_with_commas_and_day_first_is_understood(tmp_path: Path) -> None:
    proposal, mapping = proposed(
        tmp_path,
        "Trạm;Thời gian;PM2.5;Nhiệt độ;Kinh độ;Vĩ độ\n"
        "BC1;30/01/2026 08:00;1.012,5;30,1;106,6;11,1\n"
        "BC2;31/01/2026 08:00;NA;29;106,7;11,2\n"
        "BC1;31/01/2026 09:00;1,5;29;106,6;11,1\n",
    )
    assert mapping.source.delimiter == ";"
    assert (mapping.source.decimal, mapping.source.missing) == (",", ("", "NA"))
    assert mapping.time is not None
    assert (mapping.time.column, mapping.time.format) == ("Thời gian", "%d/%m/%Y %H:%M")
    assert mapping.place is not None
    assert (mapping.place.lon, mapping.place.lat) == ("Kinh độ", "Vĩ độ")
    assert mapping.columns["PM2.5"].attribute == "pm25"
    assert (mapping.columns["Nhiệt độ"].attribute, mapping.columns["Nhiệt độ"].unit) == ("temperature", "CEL")
    assert (proposal.rows, proposal.problems) == (3, ())


@pytest.mark.parametrize(
    ("times", "format"),
    [
        (["01-02-2026 00:00", "02-02-2026 00:00", "03-02-2026 00:00"], "%d-%m-%Y %H:%M"),
        (["1/2/26 0:00", "1/3/26 0:00", "1/13/26 0:00"], "%m/%d/%y %H:%M"),
        (["2026-01-31T08:00:00Z", "2026-01-31T09:00:00Z", "2026-01-31T10:00:00Z"], "iso"),
        (["03/01/2026 01:00:00 PM", "03/02/2026 01:00:00 PM", "03/03/2026 01:00:00 PM"], "%m/%d/%Y %I:%M:%S %p"),
    ],
)
def test_day_and_month_are_told_apart_by_which_order_makes_time_go_on(
    tmp_path: Path, times: list[str], format: str
) -> None:
    _, mapping = proposed(tmp_path, "time,v\n" + "".join(f"{time},{n}.5\n" for n, time in enumerate(times)))
    assert mapping.time is not None
    assert mapping.time.format == format


def test_faults_are_told_with_their_lines(tmp_path: Path) -> None:
    rows = "".join(f"s{n},{n}\n" for n in range(40))
    proposal, _ = proposed(tmp_path, f"sensor,v\n{rows}s40,twelve\ns41\n")
    assert [(problem.where, problem.what) for problem in proposal.problems] == [
        ("air.csv:43", "has 1 cells, the header has 2"),
        ("air.csv:42", "column 'v': 'twelve' is not a number as the others are"),
    ]


def test_codes_that_begin_with_zero_stay_text(tmp_path: Path) -> None:
    _, mapping = proposed(tmp_path, "code,v\n01,1\n02,2\n")
    assert mapping.columns["code"].type == "text"
    assert mapping.columns["v"].type == "number"


FILES = [path for path in sorted(DATA.glob("*/*.csv")) if path.stat().st_size < 1_500_000]


@pytest.mark.skipif(not FILES, reason="the shared data folder is absent: set DOTHI_SHARED_DATA")
async def test_each_proposal_reads_its_real_file_whole() -> None:
    for path in FILES:
        mapping = parse_mapping(propose(path).toml)
        report = await load_files([path], None, mapping=mapping)
        assert report.is_clean, (path.name, report.files[0].refused, report.files[0].problems[:3])
        assert report.values > 0
