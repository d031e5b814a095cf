"""Values that modules compute follow the readings, whichever road these came by."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from dothi.automation.derive import CAUSE, Derivation
from dothi.broker.provision import Provision
from dothi.model.aliases import Aliases
from dothi.model.context import core_context
from dothi.storage.sqlite import SqliteStore

NAMES = core_context()
ALIASES = Aliases(NAMES, ["Station", "index", "pm25"])
INDEX = NAMES.expand("index")


def doubled(entity):
    return {"index": {"type": "Property", "value": entity["pm25"] * 2}} if "pm25" in entity else {}


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@asynccontextmanager
async def deriving(store, derive=doubled):
    task = asyncio.ensure_future(Derivation(store, ALIASES, {"Station": derive}).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def station(value):
    return {"id": "urn:a:1", "type": "Station", "pm25": {"type": "Property", "value": value}}


async def index_becomes(store, value):
    async with asyncio.timeout(5):
        while True:
            entity = await store.entity("urn:a:1")
            if entity and entity.attributes.get(INDEX, {}).get("value") == value:
                return
            await asyncio.sleep(0.02)


async def test_a_reading_brings_its_index(store):
    async with deriving(store):
        provision = Provision(store)
        await provision.create(station(4), NAMES)
        await index_becomes(store, 8)
        await provision.append("urn:a:1", {"pm25": {"type": "Property", "value": 5}}, NAMES)
        await index_becomes(store, 10)
    causes = [change.cause.by for change in await store.changes(0)]
    assert causes == ["api", CAUSE, "api", CAUSE]


async def test_what_was_there_before_the_start_is_computed_too(store):
    await Provision(store).create(station(3), NAMES)
    async with deriving(store):
        await index_becomes(store, 6)
    before = await store.last_seq()
    async with deriving(store):
        await asyncio.sleep(0.3)
    assert await store.last_seq() == before


async def test_a_module_that_fails_stops_no_other(store, capsys):
    def broken(entity):
        if entity["pm25"] == 1:
            raise RuntimeError("no")
        return doubled(entity)

    async with deriving(store, broken):
        provision = Provision(store)
        await provision.create(station(1), NAMES)
        await asyncio.sleep(0.3)
        await provision.append("urn:a:1", {"pm25": {"type": "Property", "value": 5}}, NAMES)
        await index_becomes(store, 10)


async def test_a_reading_under_another_iri_of_its_type_has_its_index_beside_it(store):
    """A document without any @context in a city whose own context gives the names IRIs of its own."""

    class Own:
        def expand(self, name):
            return name if ":" in name else "https://city.example/" + name

        def compact(self, iri):
            return iri.removeprefix("https://city.example/")

    names = Aliases(Own(), ["Station", "index", "pm25"])
    task = asyncio.ensure_future(Derivation(store, names, {"Station": doubled}).run())
    await Provision(store).create({**station(4), "index": {"type": "Property", "value": 0}}, NAMES)
    await index_becomes(store, 8)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_computed_can_say_when_its_inputs_were_observed(store):
    seen = asyncio.Queue()

    def watching(entity):
        seen.put_nowait(entity["observedAt"])
        return {}

    times = ["2026-01-31T08:00:00Z", "2026-01-31T09:00:00Z"]
    pm25 = [
        {"type": "Property", "value": place, "observedAt": time, "datasetId": f"urn:d:{place}"}
        for place, time in enumerate(times)
    ]
    await Provision(store).create({**station(4), "pm25": pm25, "pm10": {"type": "Property", "value": 1}}, NAMES)
    async with asyncio.timeout(5), deriving(store, watching):
        assert await seen.get() == {"pm25": times[1]}
