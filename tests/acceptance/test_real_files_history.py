"""Real tables become history that equals an independent reading by Polars; loading twice changes nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.connectors.load import LoadReport, load_files
from dothi.connectors.mapping import Mapping, read_mapping
from dothi.model.instant import format_instant
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


async def load(city: City, file: Path, mapping: Mapping | None) -> LoadReport:
    report = await load_files([file], city.sink, mapping=mapping)
    assert report.files[0].refused is None, report.files[0].refused
    return report


def source(path: str) -> Path:
    file = DATA / path
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    return file


async def series(city: City, id: str) -> dict[str, list[tuple[str, Any]]]:
    """(time, value) of the whole history of each attribute, by its short name, in order of time."""
    [history] = await city.store.history([id])
    return {
        iri.rpartition("/")[2]: sorted(((one["observedAt"], one["value"]) for one in past), key=lambda point: point[0])
        for iri, past in history.attributes.items()
        if "observedAt" in past[0]
    }


def times(frame: pl.DataFrame, column: str, format: str, zone: str) -> pl.Series:
    """The instants of a column, read by Polars alone."""
    text = frame[column].str.strip_chars()
    local = text.str.to_datetime(format, time_unit="us")
    if local.dtype.time_zone is None:
        local = local.dt.replace_time_zone(zone, ambiguous="earliest")
    return local.dt.convert_time_zone("UTC")


CASES = [
    pytest.param(
        "air-quality/hcmc_air_quality_hourly_openmeteo.csv", "hcmc_air_quality", "%Y-%m-%d %H:%M:%S%:z", "UTC", 17_544,
        id="air of Ho Chi Minh City",
    ),
    pytest.param(
        "air-quality/hcmc_weather_hourly_openmeteo.csv", "hcmc_weather", "%Y-%m-%d %H:%M:%S%:z", "UTC", 17_544,
        id="weather of Ho Chi Minh City",
    ),
    pytest.param(
        "air-quality/valencia_station_hourly.csv", "valencia_station", "%Y-%m-%d %H:%M:%S", "UTC", 43_824,
        id="a station of Valencia",
    ),
    pytest.param(
        "traffic/metro_interstate_traffic_volume.csv", "metro_traffic", "%d-%m-%Y %H:%M", "America/Chicago", 48_204,
        id="traffic of Minneapolis",
    ),
    pytest.param(
        "energy/tetouan_city_power_10min.csv", "tetouan_power", "%m/%d/%y %H:%M", "UTC", 52_416,
        id="power of Tetouan",
    ),
    pytest.param(
        "energy/bdg2_hourly_sample.csv", "bdg2_buildings", "%Y-%m-%d %H:%M:%S", "UTC", 6_553,
        id="two buildings",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "mapping", "format", "zone", "rows"), CASES)
async def test_history_of_a_real_table_equals_what_polars_reads(
    city: City, path: str, mapping: str, format: str, zone: str, rows: int
) -> None:
    file, rules = source(path), read_mapping(MAPPINGS / f"{mapping}.toml")
    report = await load(city, file, rules)
    assert report.is_clean, report.files[0].problems[:3]

    frame = pl.read_csv(file.read_bytes().replace(b"\r\r\n", b"\n"), infer_schema_length=None)
    assert len(frame) == rows
    assert rules.time is not None
    moments = times(frame, rules.time.column, format, zone).dt.epoch("us")
    pasts: dict[str, dict[str, list[tuple[str, Any]]]] = {}
    for header, column in rules.columns.items():
        id = column.entity or rules.entity.id
        assert id is not None
        if id not in pasts:
            pasts[id] = await series(city, id)
        found = pasts[id][column.attribute]
        keep = frame[header].is_not_null() & ~frame[header].cast(pl.String).is_in(["None"])
        expected, instants = frame[header].filter(keep), moments.filter(keep)
        assert len(found) == len(expected), header
        assert found[0][0] == format_instant(instants.min())  # type: ignore[arg-type]
        assert found[-1][0] == format_instant(instants.max())  # type: ignore[arg-type]
        if column.type == "number":
            values = [value for _, value in found]
            assert sum(values) == pytest.approx(expected.sum(), rel=1e-9), header
            assert sum(values) / len(values) == pytest.approx(expected.mean(), rel=1e-9), header
            assert (min(values), max(values)) == (expected.min(), expected.max()), header
            assert values[0] in expected.filter(instants == instants.min()).to_list()


async def test_loading_twice_changes_nothing(city: City) -> None:
    file = source("energy/bdg2_hourly_sample.csv")
    rules = read_mapping(MAPPINGS / "bdg2_buildings.toml")
    await load(city, file, rules)
    id = "urn:ngsi-ld:Building:bdg2:1"
    entity, before = await city.store.entity(id), await series(city, id)
    await load(city, file, rules)
    assert await city.store.entity(id) == entity
    assert await series(city, id) == before


async def test_the_newest_row_is_the_state(city: City) -> None:
    file = source("air-quality/hcmc_air_quality_hourly_openmeteo.csv")
    await load(city, file, read_mapping(MAPPINGS / "hcmc_air_quality.toml"))
    entity = await city.store.entity("urn:ngsi-ld:AirQualityObserved:hcmc:model")
    assert entity is not None
    [pm25] = [value for iri, value in entity.attributes.items() if iri.endswith("/pm25")]
    assert not isinstance(pm25, list)
    assert (pm25["value"], pm25["observedAt"], pm25["unitCode"]) == (19.7, "2024-09-30T23:00:00Z", "GQ")
