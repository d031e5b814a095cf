"""A tiny city for tests of the app's server side: two modules, a real store in a temporary folder, a clock by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dothi.city.module import Attribute, Band, CityModule, EntityType, Layer, ModulePage, Text
from dothi.model.aliases import Aliases
from dothi.model.change import AttributeChange, Cause
from dothi.model.entity import Entity
from dothi.model.instant import format_instant, parse_instant
from dothi.storage.sqlite import SqliteStore
from dothi.web.vocabulary import vocabulary_of

NAMES = "https://example.org/"
LOCATION = "https://uri.etsi.org/ngsi-ld/location"
START = parse_instant("2026-03-01T08:00:00Z")
SECOND = 1_000_000

BANDS = (
    Band(0, "ok", Text("Tốt", "Good")),
    Band(101, "minor", Text("Kém", "Poor")),
    Band(201, "critical", Text("Rất xấu", "Very poor")),
)

AIR = CityModule(
    name="environment",
    label=Text("Môi trường", "Environment"),
    types=(
        EntityType(
            "Station",
            NAMES + "Station",
            Text("Trạm", "Station"),
            (Attribute("aqi", Text("Chỉ số", "Index"), digits=0), Attribute("pm25", Text("Bụi", "Dust"), "µg/m³")),
            stale_after=600,
        ),
    ),
    page=ModulePage(layers=(Layer("air", Text("Không khí", "Air"), ("Station",), "circle", "aqi", BANDS),)),
)
MOVING = CityModule(
    name="mobility",
    label=Text("Giao thông", "Mobility"),
    types=(EntityType("Bus", NAMES + "Bus", Text("Xe buýt", "Bus"), stale_after=60),),
    page=ModulePage(layers=(Layer("buses", Text("Xe buýt", "Buses"), ("Bus",), "vehicle", "speed"),)),
)


class Words:
    """Short names under one prefix, as a context."""

    def expand(self, name: str) -> str:
        return LOCATION if name == "location" else name if ":" in name else NAMES + name

    def compact(self, iri: str) -> str:
        return iri.removeprefix(NAMES).removeprefix("https://uri.etsi.org/ngsi-ld/")


@dataclass
class TinyCity:
    """Writes entities the way the broker does: state and history in one transaction."""

    store: SqliteStore
    moment: int = START
    modules: tuple[CityModule, ...] = (AIR, MOVING)
    words: Aliases = field(default_factory=lambda: vocabulary_of((AIR, MOVING), Words()))

    def now(self) -> int:
        return self.moment

    async def put(self, id: str, type: str, **values: Any) -> None:
        """Each value is plain (a Property observed now), or an attribute instance with a type."""
        attributes = {self.words.expand(name): self._instance(value) for name, value in values.items()}

        def work(tx: Any) -> None:
            old = tx.load([id]).get(id)
            before = old.attributes if old else {}
            changes = [AttributeChange(iri, None, before.get(iri), each) for iri, each in attributes.items()]
            created = old.created if old else self.moment
            entity = Entity(id, (NAMES + type,), {**before, **attributes}, created=created, modified=self.moment)
            tx.save(entity, "updated" if old else "created", changes, Cause())

        await self.store.write(work, [id])

    async def remove(self, id: str) -> None:
        def work(tx: Any) -> None:
            old = tx.load([id])[id]
            gone = [AttributeChange(iri, None, each, None) for iri, each in old.attributes.items()]
            tx.save(old, "deleted", gone, Cause())

        await self.store.write(work, [id])

    def _instance(self, value: Any) -> dict[str, Any]:
        stamps = {"createdAt": self.moment, "modifiedAt": self.moment}
        if isinstance(value, dict) and value.get("type") == "Point":
            return {"type": "GeoProperty", "value": value, **stamps}
        if isinstance(value, dict):
            return {**value, **stamps}
        return {"type": "Property", "value": value, "observedAt": format_instant(self.moment), **stamps}


def point(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[TinyCity]:
    store = SqliteStore(tmp_path)
    await store.open()
    yield TinyCity(store)
    await store.close()


@pytest.fixture
def place() -> Callable[[float, float], dict[str, Any]]:
    return point
