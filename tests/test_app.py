"""The house put together in process: folders are held by one, a city opens and closes, the app serves it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from dothi.app import END_STREAMS, OWN_CONTEXT, FolderInUse, http_app, locked, open_city, own_context
from dothi.city.module import load_modules
from dothi.settings import read_settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return read_settings(storage={"folder": tmp_path / "city"})


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    with locked(tmp_path / "city"), pytest.raises(FolderInUse, match="stop it first"), locked(tmp_path / "city"):
        pass
    with locked(tmp_path / "city"):
        pass


async def test_a_city_opens_and_closes_and_opens_again_with_what_was_written(settings):
    for turn in range(2):
        async with open_city(settings) as city:
            put = city.tenants.default.ingest.put
            assert await put([{"id": f"urn:x:{turn}", "type": "WeatherObserved", "n": turn}], None, "test") == []
            assert len(await city.tenants.default.store.types()) == 1
            assert await city.tenants.default.store.entity("urn:x:0") is not None


async def test_names_without_a_context_are_those_of_the_smart_data_models_and_the_modules(settings):
    async with open_city(settings) as city:
        names = await city.tenants.default.contexts.resolve(OWN_CONTEXT)
    for module in load_modules():
        for type in module.types:
            assert names.expand(type.name) == type.iri
    assert own_context(load_modules())["@context"][0].startswith("https://smartdatamodels.org/")


async def test_the_app_is_ready_only_while_its_city_is_open(settings):
    app = http_app(settings)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://city") as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503
        inbox: asyncio.Queue[dict] = asyncio.Queue()
        outbox: asyncio.Queue[dict] = asyncio.Queue()
        state: dict = {}
        running = asyncio.ensure_future(app({"type": "lifespan", "state": state}, inbox.get, outbox.put))
        await inbox.put({"type": "lifespan.startup"})
        assert (await outbox.get())["type"] == "lifespan.startup.complete"
        assert (await client.get("/health/ready")).status_code == 200
        assert (await client.get("/ngsi-ld/v1/types")).status_code == 200
        assert (await client.get("/api/city")).status_code == 200
        for path in ("/nothing", "/ngsi-ld/v1/nothing", "/ngsi-ld", "/api/nothing", "/api/entities/%0a"):
            answer = await client.get(path)
            assert answer.status_code == 404, path
            media = "application/json" if path.startswith("/ngsi-ld/v1/") else "application/problem+json"
            assert answer.headers["content-type"] == media
        state[END_STREAMS]()
        assert (await client.get("/api/stream?layers=weather")).status_code == 503
        await inbox.put({"type": "lifespan.shutdown"})
        assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
        await running
        assert (await client.get("/health/ready")).status_code == 503
