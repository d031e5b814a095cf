"""Loads the air-quality files through the connectors, as `dothi load` does."""

from __future__ import annotations

from pathlib import Path

from dothi.app import open_city
from dothi.connectors.load import load_files
from dothi.connectors.mapping import read_mapping
from dothi.settings import read_settings

#: File -> its mapping.
FILES = {
    "hcmc_air_quality_hourly_openmeteo": "hcmc_air_quality",
    "hcmc_weather_hourly_openmeteo": "hcmc_weather",
    "valencia_station_hourly": "valencia_station",
}
MAPPINGS = Path(__file__).parents[1] / "tests" / "connectors" / "mappings"


async def load_air(folder: Path, source: Path) -> int:
    """Load and seal; how many values came in. Raises RuntimeError when a row was refused."""
    settings = read_settings(storage={"folder": folder})
    async with open_city(settings) as city:
        broker = city.tenants.default
        total = 0
        for name, mapping in FILES.items():
            file = source / f"{name}.csv"
            report = await load_files([file], broker.ingest, mapping=read_mapping(MAPPINGS / f"{mapping}.toml"))
            if not report.is_clean:
                raise RuntimeError(f"{file.name}: {report.files[0]}")
            total += report.values
        await broker.store.seal()
    return total
