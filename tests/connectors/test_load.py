"""Files of every kind are recognised, stored and reported; the city's refusals name the line of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dothi.connectors.files import recognise
from dothi.connectors.load import Progress, load_files
from dothi.model.errors import InvalidRequest

MAPPING = '[entity]\ntype = "Ward"\nid = "urn:ngsi-ld:Ward:{code}"\n[columns.name]\nattribute = "name"\n'


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.json", '{"id": "urn:x:1", "type": "T"}', "ngsi-ld"),
        ("a.jsonld", '\ufeff [\n{"id": "urn:x:1"}]', "ngsi-ld"),
        ("a.ndjson", '{"id": "urn:x:1"}\n{"id": "urn:x:2"}', "ngsi-ld"),
        ("a.json", '{"type": "FeatureCollection", "features": []}', "geojson"),
        ("a.geojson", '{"features": [], "type": "x"}', "geojson"),
        ("a.csv", "a,b\n1,2\n", "table"),
        ("a.tsv", "a\tb\n", "table"),
        ("a.csv", '{"a",b\n', "table"),
    ],
)
def test_a_file_is_recognised(tmp_path: Path, name: str, content: str, kind: str) -> None:
    assert recognise(write(tmp_path, name, content)) == kind


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "hello", "begins with 'hello'"),
        ("a.csv", "", "is empty"),
        ("a.zip", b"PK\x03\x04 cut off", "broken zip"),
        ("a.pdf", b"%PDF-1.7", "of no known kind"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(
    tmp_path: Path, name: str, content: str | bytes, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        recognise(write(tmp_path, name, content))
    with pytest.raises(InvalidRequest, match="cannot be opened"):
        recognise(tmp_path / "absent.csv")


async def test_good_entities_are_stored_and_each_fault_has_its_line(tmp_path: Path, city: Any) -> None:
    text = (
        '[\n{"id": "urn:x:1", "type": "T", "a": {"type": "Property", "value": 1}},\n'
        '{"id": "no uri", "type": "T"},\n'
        '{"id": "urn:x:3", "type": "T", "a": 1,},\n'
        '{"id": "urn:x:4", "type": "T", "a": {"type": "Property", "value": 4, "observedAt": "today"}},\n'
        '{"id": "urn:x:5", "type": "T", "name": "Bến Cát"}\n]'
    )
    report = await load_files([write(tmp_path, "mixed.json", text)], city.sink)
    [entry] = report.files
    assert [problem.where.split(" ")[0] for problem in entry.problems] == [
        "mixed.json:4",
        "mixed.json:3",
        "mixed.json:5",
    ]
    assert await city.store.entity("urn:x:1") is not None
    assert await city.store.entity("urn:x:5") is not None
    assert await city.store.entity("urn:x:4") is None


async def test_a_mapping_beside_the_file_is_taken_and_progress_is_told(tmp_path: Path, city: Any) -> None:
    path = write(tmp_path, "wards.csv", "code,name\n1,Bến Cát\n2,Tân Uyên\n")
    write(tmp_path, "wards.csv.toml", MAPPING)
    steps: list[Progress] = []
    report = await load_files([path], city.sink, progress=steps.append)
    assert report.is_clean
    assert (report.entities, report.values) == (2, 2)
    assert steps[-1] == Progress("wards.csv", path.stat().st_size, path.stat().st_size, 2)
    assert await city.store.entity("urn:ngsi-ld:Ward:2") is not None


async def test_a_file_that_cannot_be_read_stops_no_other(tmp_path: Path, city: Any) -> None:
    files = [write(tmp_path, "x.csv", "a\n1\n"), write(tmp_path, "y.json", '{"id": "urn:x:9", "type": "T"}')]
    report = await load_files(files, city.sink)
    assert "needs a mapping; `dothi check x.csv` proposes one" in (report.files[0].refused or "")
    assert await city.store.entity("urn:x:9") is not None


async def test_checking_stores_nothing(tmp_path: Path) -> None:
    report = await load_files([write(tmp_path, "a.json", '[{"id": "urn:x:1", "type": "T"}, {]')], None)
    assert (report.entities, report.rejected) == (1, 1)


async def test_lenient_loading_mends_and_tells(tmp_path: Path, city: Any) -> None:
    text = (
        '{"id": "ap 1", "type": "AccessPoint", "unitCode": "x", "opened": {"type": "DateTime", "value": "2020-01-01"},'
        ' "seen": {"type": "Property", "value": {"@type": "DateTime", "value": "2020-01-01T08:00:00+07:00Z"}},'
        ' "refPoint": {"type": "relationship", "value": "p 1"}, "name": "Wi-Fi"}'
    )
    report = await load_files([write(tmp_path, "dirty.json", text)], city.sink, lenient=True)
    assert report.is_clean, report.files[0].problems
    entity = await city.store.entity("urn:ngsi-ld:AccessPoint:ap%201")
    assert entity is not None
    by_name = {iri.rpartition("/")[2]: value for iri, value in entity.attributes.items()}
    assert by_name["seen"]["value"]["@value"] == "2020-01-01T08:00:00+07:00"  # type: ignore[call-overload,index]
    assert by_name["refPoint"]["object"] == "urn:ngsi-ld:Thing:p%201"  # type: ignore[call-overload]
    assert by_name["xUnitCode"]["value"] == "x"  # type: ignore[call-overload]
    mended = {mend.where.split(" ", 1)[1] for mend in report.files[0].mended}
    assert mended == {"id", "unitCode", "opened", "seen.value", "refPoint", "@context"}
