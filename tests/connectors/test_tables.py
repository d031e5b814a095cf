"""Tables become entities by a mapping; each fault is told with its line, and no row is stored in part."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from dothi.connectors.base import Batch
from dothi.connectors.mapping import Mapping, parse_mapping
from dothi.connectors.tables import guess_delimiter, read_table
from dothi.model.errors import InvalidRequest

STATIONS = """
[entity]
type = "AirQualityObserved"
id = "urn:ngsi-ld:AirQualityObserved:{station}"
history = true
[time]
column = "time"
zone = "Asia/Ho_Chi_Minh"
[source]
missing = ["", "NA"]
[columns."PM2.5"]
attribute = "pm25"
type = "number"
unit = "GQ"
[columns.note]
attribute = "description"
"""
HEAD = "station,time,PM2.5,note\n"


def table(folder: Path, text: str, name: str = "air.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def entities(batches: list[Batch]) -> list[dict[str, Any]]:
    return [entity for batch in batches for entity in batch.entities]


def problems(batches: list[Batch]) -> list[tuple[str, str]]:
    return [(problem.where, problem.what) for batch in batches for problem in batch.problems]


def test_rows_of_one_id_are_its_past(tmp_path: Path) -> None:
    text = HEAD + "a,2026-01-31 08:00,10.5,x\nb,2026-01-31 08:00,NA,y\na,2026-01-31 09:00,11,\n"
    batches = list(read_table(table(tmp_path, text), parse_mapping(STATIONS)))
    assert problems(batches) == []
    property = {"type": "Property"}
    first, second = "2026-01-31T01:00:00Z", "2026-01-31T02:00:00Z"
    assert entities(batches) == [
        {
            "id": "urn:ngsi-ld:AirQualityObserved:a",
            "type": "AirQualityObserved",
            "pm25": [
                property | {"value": 10.5, "unitCode": "GQ", "observedAt": first},
                property | {"value": 11, "unitCode": "GQ", "observedAt": second},
            ],
            "description": [property | {"value": "x", "observedAt": first}],
        },
        {
            "id": "urn:ngsi-ld:AirQualityObserved:b",
            "type": "AirQualityObserved",
            "description": [property | {"value": "y", "observedAt": first}],
        },
    ]


def test_a_wrong_row_is_left_out_whole_and_told_with_its_line(tmp_path: Path) -> None:
    text = HEAD + (
        "a,2026-01-31 08:00,10,ok\n"
        "a,2026-01-31 09:00,ten,bad number\n"
        "a,yesterday,10,bad time\n"
        "a,2026-01-31 10:00\n"
        ",2026-01-31 10:00,1,no id\n"
        "a,2026-01-31 11:00,NaN,not finite\n"
        "a,2026-01-31 12:00,1_000,underscore\n"
        '"a,2026-01-31 13:00,1,quote\n'
        "a,2026-01-31 14:00,1,,\n"
        "a,2026-01-31 15:00,12,last\n"
    )
    batches = list(read_table(table(tmp_path, text), parse_mapping(STATIONS)))
    assert [one["value"] for one in entities(batches)[0]["description"]] == ["ok", "last"]
    assert [one["value"] for one in entities(batches)[0]["pm25"]] == [10, 1, 12]
    told = dict(problems(batches))
    assert told["air.csv:3"] == "column 'PM2.5': 'ten' is no number"
    assert told["air.csv:4"] == "column 'time': 'yesterday' is no ISO 8601 date or time"
    assert told["air.csv:5"] == "has 2 cells, the header has 4"
    assert told["air.csv:6"] == "column 'station' is empty, but the id is made from it"
    assert told["air.csv:7"] == "column 'PM2.5': 'NaN' is no finite number"
    assert told["air.csv:8"] == "column 'PM2.5': '1_000' is no finite number"
    assert "quote" in told["air.csv:9"]
    assert len(told) == 7


def test_rows_that_repeat_a_time_are_kept_beside_where_the_mapping_says_so(tmp_path: Path) -> None:
    rules = parse_mapping(STATIONS.replace("history = true", 'history = true\nrepeats = "keep"'))
    text = HEAD + "a,2026-01-31 08:00,1,\na,2026-01-31 08:00,2,\na,2026-01-31 09:00,3,\n"
    [entity] = entities(list(read_table(table(tmp_path, text), rules)))
    assert [one.get("datasetId") for one in entity["pm25"]] == [None, "urn:ngsi-ld:dataset:repeat-2", None]


def test_states_have_places_constants_links_lists_and_dates(tmp_path: Path) -> None:
    rules = parse_mapping("""
        [entity]
        type = "Ward"
        id = "urn:ngsi-ld:Ward:{code}"
        [source]
        decimal = ","
        thousands = "."
        [place]
        lon = "x"
        lat = "y"
        crs = "EPSG:9210"
        [constants]
        dataProvider = "Sở Xây dựng"
        [keep]
        kind = ["phường"]
        [columns.area]
        attribute = "area"
        type = "number"
        unit = "KMK"
        [columns.old]
        attribute = "mergedFrom"
        type = "relationship"
        target = "urn:ngsi-ld:Ward:{value}"
        split = "|"
        [columns.since]
        attribute = "validFrom"
        type = "date"
        format = "%d/%m/%Y"
        zone = "+07:00"
        [columns.active]
        attribute = "active"
        type = "bool"
    """)
    text = (
        (
            "code;kind;x;y;area;old;since;active\n"
            "25747;phường;599.800,5;1.212.700,25;1.234,5;1|2;01/07/2025;có\n"
            "1;xã;;;1;;01/07/2025;không\n"
        )
        .replace("599.800,5", "599800,5")
        .replace("1.212.700,25", "1212700,25")
    )
    [ward] = entities(list(read_table(table(tmp_path, text), rules)))
    lon, lat = ward.pop("location")["value"]["coordinates"]
    # VN-2000 with the central meridian 105°45': Thủ Dầu Một lies near 106.66 E, 10.96 N.
    assert 106 < lon < 107.5
    assert 10.8 < lat < 11.2
    assert ward == {
        "id": "urn:ngsi-ld:Ward:25747",
        "type": "Ward",
        "dataProvider": {"type": "Property", "value": "Sở Xây dựng"},
        "area": {"type": "Property", "value": 1234.5, "unitCode": "KMK"},
        "mergedFrom": {"type": "Relationship", "object": ["urn:ngsi-ld:Ward:1", "urn:ngsi-ld:Ward:2"]},
        "validFrom": {"type": "Property", "value": {"@type": "DateTime", "@value": "2025-06-30T17:00:00Z"}},
        "active": {"type": "Property", "value": True},
    }


def test_a_workbook_is_read_with_its_typed_cells(tmp_path: Path) -> None:
    import datetime

    path = tmp_path / "air.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("về").write_row(0, 0, ["không"])
        sheet = book.add_worksheet("số liệu")
        sheet.write_row(0, 0, ["station", "time", "PM2.5", "note"])
        date = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.write_row(2, 0, [7, "", 12.5, "x"])
        sheet.write_datetime(2, 1, datetime.datetime(2026, 1, 31, 8, 0), date)  # noqa: DTZ001 - Excel has no zones
        sheet.write_row(3, 0, [8, "2026-01-31 09:00", "bad", ""])
    rules = parse_mapping(STATIONS.replace("[source]", '[source]\nsheet = "số liệu"'))
    batches = list(read_table(path, rules))
    [entity] = entities(batches)
    assert entity["id"] == "urn:ngsi-ld:AirQualityObserved:7"
    assert entity["pm25"][0]["observedAt"] == "2026-01-31T01:00:00Z"
    assert problems(batches) == [("air.xlsx:4", "column 'PM2.5': 'bad' is no number")]
    with pytest.raises(InvalidRequest, match="has no sheet 'x'; it has về, số liệu"):
        list(read_table(path, parse_mapping(STATIONS.replace("[source]", '[source]\nsheet = "x"'))))


@pytest.mark.parametrize("content", [b"PK\x03\x04broken", b"no workbook"])
def test_a_broken_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "air.xlsx"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest, match="cannot be read as a workbook"):
        list(read_table(path, parse_mapping(STATIONS)))


def test_a_mapping_that_does_not_fit_names_both_sides(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidRequest, match=r"speaks of 'PM2.5', 'time', but the file has the columns 'station', 'note'"
    ):
        list(read_table(table(tmp_path, "station,note\na,b\n"), parse_mapping(STATIONS)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[time]", "[tiem]"), "unknown field `tiem`"),
        (('type = "number"', 'type = "numbr"'), "Invalid enum value 'numbr'"),
        (("Asia/Ho_Chi_Minh", "Asia/Saigong"), "is no time zone"),
        (("urn:ngsi-ld:AirQualityObserved:{station}", "{station}"), "gives no URI"),
        (("[entity]", "[entity"), "Expected ']'"),
        (('attribute = "pm25"', 'attribute = "type"'), "is no attribute name"),
    ],
)
def test_a_wrong_mapping_says_where(change: tuple[str, str], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        parse_mapping(STATIONS.replace(*change), "air.toml")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    text = f'a{delimiter}"b, c; d"{delimiter}e\n1{delimiter}"x;y, z"{delimiter}2\n'
    assert guess_delimiter(table(tmp_path, text, "x.txt"), "utf-8") == delimiter


def mapping_of(columns: int) -> Mapping:
    parts = [f'[columns.c{index}]\nattribute = "c{index}"\ntype = "number"\nunit = "GQ"' for index in range(columns)]
    return parse_mapping(
        '[entity]\ntype = "T"\nid = "urn:x:1"\nhistory = true\n[time]\ncolumn = "time"\n' + "\n".join(parts)
    )


def test_history_is_read_at_100_000_values_per_second_of_cpu(tmp_path: Path) -> None:
    rows = [
        f"2026-01-{1 + n // 1440 % 28:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00Z," + ",".join(["12.5"] * 7)
        for n in range(8000)
    ]
    path = table(tmp_path, "time," + ",".join(f"c{index}" for index in range(7)) + "\n" + "\n".join(rows))
    begin = time.process_time()
    values = sum(batch.values for batch in read_table(path, mapping_of(7)))
    rate = values / (time.process_time() - begin)
    assert values == 56_000
    assert rate > 100_000
