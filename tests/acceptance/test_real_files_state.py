"""Real files that describe things: requests, wards, buildings, a GTFS feed and the Smart Data Models examples."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.connectors.load import LoadReport, load_files
from dothi.connectors.mapping import Mapping, read_mapping
from dothi.model.entity import Entity
from dothi.model.query import EntityQuery
from dothi.storage.sqlite import SqliteStore

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("DOTHI_SHARED_DATA", HERE.parents[2] / "shared" / "data"))
MAPPINGS = HERE.parent / "connectors" / "mappings"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is absent: set DOTHI_SHARED_DATA")


class City(NamedTuple):
    store: SqliteStore
    sink: Ingest


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    store = SqliteStore(tmp_path)
    await store.open()
    async with Outside() as outside:
        yield City(store, Ingest(store, Contexts(store, outside)))
    await store.close()


async def load(city: City, path: str, mapping: str | None = None) -> LoadReport:
    file = DATA / path
    if not file.is_file():
        pytest.skip(f"{path} is absent from the shared data")
    rules: Mapping | None = read_mapping(MAPPINGS / f"{mapping}.toml") if mapping else None
    report = await load_files([file], city.sink, mapping=rules)
    assert report.is_clean, (report.files[0].refused, report.files[0].problems[:3])
    return report


async def all_entities(city: City) -> list[Entity]:
    return (await city.store.entities(EntityQuery(limit=100_000))).entities


def attribute(entity: Entity, name: str) -> object:
    [found] = [value for iri, value in entity.attributes.items() if iri.endswith("/" + name)]
    assert not isinstance(found, list)
    return found["value"]


async def test_all_2000_requests_of_new_york_are_entities_with_times_in_utc(city: City) -> None:
    await load(city, "service-requests/nyc_311_sample.csv", "nyc_311")
    entities = await all_entities(city)
    assert len(entities) == 2000
    assert sum(any(iri.endswith("/location") for iri in entity.attributes) for entity in entities) == 1402
    assert sum(attribute(entity, "status") == "Closed" for entity in entities) == 1956
    one = await city.store.entity("urn:ngsi-ld:ServiceRequest:nyc:19937896")
    assert one is not None
    # 02:27:57 PM of 1 March 2011, and 03:59:20 PM of 14 March, the day after clocks went forward.
    assert attribute(one, "requested_datetime") == {"@type": "DateTime", "@value": "2011-03-01T19:27:57Z"}
    assert attribute(one, "closed_datetime") == {"@type": "DateTime", "@value": "2011-03-14T19:59:20Z"}


@pytest.mark.parametrize("form", ["web", "full"])
async def test_the_36_wards_are_entities_with_their_polygons(city: City, form: str) -> None:
    path = f"admin/binh_duong_wards_2025_{form}.geojson"
    await load(city, path, "wards_2025")
    entities = {entity.id: entity for entity in await all_entities(city)}
    features = orjson.loads((DATA / path).read_bytes())["features"]
    assert len(entities) == len(features) == 36
    for feature in features:
        entity = entities["urn:ngsi-ld:AdministrativeArea:VN:" + feature["properties"]["code"]]
        assert attribute(entity, "location") == feature["geometry"]
        assert attribute(entity, "name") == feature["properties"]["name"]
        assert attribute(entity, "population") == feature["properties"]["population"]


async def test_507_buildings_are_read_although_lines_end_in_cr_only(city: City) -> None:
    await load(city, "energy/bdg1_building_metadata.csv", "bdg1_buildings")
    assert len(await all_entities(city)) == 507


async def test_the_gtfs_feed_of_cairns_is_whole(city: City) -> None:
    mobility = pytest.importorskip("dothi.city.mobility.gtfs")
    file = DATA / "transport" / "cairns_gtfs.zip"
    if not file.is_file():
        pytest.skip("transport/cairns_gtfs.zip is absent from the shared data")
    report = await load_files([file], city.sink, gtfs=mobility.gtfs_entities)
    assert report.is_clean, (report.files[0].refused, report.files[0].problems[:3])
    shapes = {row["shape_id"] for row in rows_of(file, "shapes.txt")}
    expected = {"GtfsStop": 416, "GtfsRoute": 22, "GtfsTrip": 1339, "GtfsShape": len(shapes), "GtfsAgency": 1}
    counted = {one.type.rpartition("/")[2]: one.count for one in await city.store.types()}
    assert {name: counted.get(name) for name in expected} == expected


def rows_of(file: Path, table: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(file) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(table).decode("utf-8-sig"))))


async def test_each_smart_data_model_is_stored_or_refused_with_attribute_and_fault(city: City) -> None:
    files = sorted((DATA / "smart-data-models").glob("*.jsonld"))
    report = await load_files(files, city.sink)
    assert len(report.files) == len(files) > 200
    for entry in report.files:
        assert entry.refused is None
        assert entry.rejected in {0, 1}
        for problem in entry.problems:
            assert problem.where.startswith(f"{entry.file}:1")
            assert ":" in problem.what or "id" in problem.what


async def test_lenient_loading_mends_the_known_dirt_and_tells_it(city: City) -> None:
    files = sorted((DATA / "smart-data-models").glob("*.jsonld"))
    report = await load_files(files, city.sink, lenient=True)
    refused = {entry.file: entry.problems[0].what for entry in report.files if entry.rejected}
    # What is left are coordinates, which might mean two things: they are told and never guessed.
    assert all("coordinates" in what for what in refused.values()), refused
    assert len(refused) < 6
    mended = {entry.file: entry.mended for entry in report.files if entry.mended}
    assert any("-08:00Z" in mend.what for mend in mended["Open311ServiceRequest.jsonld"])
    assert any("is no URI" in mend.what for mend in mended["AccessPoint.jsonld"])
    assert any(mend.where.endswith("@context") for mend in mended["WifiPointOfInterest.jsonld"])
