"""The live map and its stream: snapshots then deltas, coalesced, bounded, ended cleanly."""

import asyncio
import json
from contextlib import aclosing

import pytest

from dothi.model.errors import Overloaded, ResourceNotFound
from dothi.web import live as live_module
from dothi.web import stream as stream_module
from dothi.web.features import layer_views
from dothi.web.live import LiveMap
from dothi.web.stream import LiveStream, events, snapshot_events


@pytest.fixture
def live(city):
    return LiveMap(city.store, layer_views(city.modules, city.words), city.now)


def decoded(chunk):
    lines = chunk.decode().splitlines()
    name = next((line[7:] for line in lines if line.startswith("event: ")), None)
    data = next((line[6:] for line in lines if line.startswith("data: ")), None)
    return name, data and json.loads(data)


async def next_event(stream):
    async with asyncio.timeout(5):
        while True:
            name, data = decoded(await anext(stream))
            if data is not None:
                return name, data


async def settle(live, watcher):
    async with asyncio.timeout(5):
        await watcher.news.wait()
    watcher.news.clear()
    live.flush()


async def test_a_stream_starts_with_a_snapshot_and_goes_on_with_deltas(city, live, place):
    await city.put("urn:s:1", "Station", aqi=5, location=place(106.7, 11))
    async with live.watch(["air"]) as watcher, aclosing(events(live, watcher)) as stream:
        name, snapshot = await next_event(stream)
        assert (name, snapshot["layer"], snapshot["first"], snapshot["last"]) == ("snapshot", "air", True, True)
        assert [each["properties"]["value"] for each in snapshot["features"]] == [5]
        await city.put("urn:s:1", "Station", aqi=150)
        await city.put("urn:s:2", "Station", aqi=1, location=place(106.8, 11))
        name, delta = await next_event(stream)
        assert name == "delta"
        assert {each["id"]: each["properties"]["status"] for each in delta["upserts"]} == {
            "urn:s:1": "minor",
            "urn:s:2": "ok",
        }
        assert delta["seq"] > snapshot["seq"]
        await city.remove("urn:s:1")
        assert (await next_event(stream))[1]["removed"] == ["urn:s:1"]


async def test_many_changes_of_one_entity_become_one_upsert(city, live, place):
    await city.put("urn:s:1", "Station", aqi=1, location=place(106.7, 11))
    async with live.watch(["air"]) as watcher:
        watcher.behind.clear()
        for value in range(20):
            await city.put("urn:s:1", "Station", aqi=value)
        await settle(live, watcher)
        assert list(watcher.pending["air"]) == ["urn:s:1"]
        assert json.loads(watcher.pending["air"]["urn:s:1"])["properties"]["value"] == 19


async def test_an_entity_of_another_layer_wakes_nobody(city, live, place):
    async with live.watch(["air"]) as watcher:
        watcher.news.clear()
        await city.put("urn:b:1", "Bus", speed=30, location=place(106.7, 11))
        await asyncio.sleep(0)
        assert not watcher.news.is_set()


async def test_an_entity_that_leaves_the_layers_types_is_removed(city, live, place):
    await city.put("urn:s:1", "Station", aqi=1, location=place(106.7, 11))
    async with live.watch(["air"]) as watcher:
        watcher.behind.clear()
        await city.put("urn:s:1", "Bus")
        await settle(live, watcher)
        assert watcher.pending["air"] == {"urn:s:1": None}


async def test_a_watcher_too_far_behind_gets_a_snapshot_instead(city, live, place, monkeypatch):
    monkeypatch.setattr(live_module, "MOST_PENDING", 3)
    async with live.watch(["air"]) as watcher:
        watcher.behind.clear()
        for number in range(6):
            await city.put(f"urn:s:{number}", "Station", aqi=1, location=place(106.7, 11))
        await settle(live, watcher)
        assert watcher.behind == {"air"}
        assert watcher.pending == {}
        assert len(live.snapshot("air")[1]) == 6


async def test_changes_while_a_layer_is_read_are_not_lost(city, live, place):
    for number in range(50):
        await city.put(f"urn:s:{number}", "Station", aqi=1, location=place(106.7, 11))

    async def write():
        for number in range(50):
            await city.put(f"urn:s:{number}", "Station", aqi=number + 100)

    async def read():
        async with live.watch(["air"]):
            await writing
            return [json.loads(each)["properties"]["value"] for each in live.snapshot("air")[1]]

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        reading = group.create_task(read())
    assert sorted(reading.result()) == list(range(100, 150))


async def test_a_layer_is_forgotten_a_while_after_nobody_watches(city, live, place, monkeypatch):
    await city.put("urn:s:1", "Station", aqi=1, location=place(106.7, 11))
    async with live.watch(["air", "buses"]):
        pass
    assert set(live._tables) == {"air", "buses"}
    monkeypatch.setattr(live_module, "LINGER", 0)
    await city.put("urn:s:1", "Station", aqi=2)
    assert live._tables == {}
    assert live._unsubscribe is None


async def test_an_unknown_layer_is_refused_with_the_names_of_the_known(live):
    with pytest.raises(ResourceNotFound, match="no layer moon; declared layers: air, buses"):
        LiveStream(live, ["moon"])


async def test_one_stream_too_many_is_refused(live, monkeypatch):
    monkeypatch.setattr(live_module, "MOST_WATCHERS", 1)
    async with live.watch(["air"]):
        with pytest.raises(Overloaded, match="1 live streams are open"):
            LiveStream(live, ["air"])


async def test_closing_the_map_ends_the_streams(live):
    async with live.watch(["air"]) as watcher, aclosing(events(live, watcher)) as stream:
        await next_event(stream)
        live.close()
        async with asyncio.timeout(2):
            assert [chunk async for chunk in stream] == []
    with pytest.raises(Overloaded, match="stopping"):
        live.admit(["air"])


async def test_a_quiet_stream_sends_heartbeats(live, monkeypatch):
    monkeypatch.setattr(stream_module, "HEARTBEAT", 0.01)
    async with live.watch(["air"]) as watcher, aclosing(events(live, watcher)) as stream:
        await next_event(stream)
        assert await anext(stream) == b": heartbeat\n\n"


async def test_a_reader_that_takes_nothing_is_disconnected(city, live, place, monkeypatch):
    monkeypatch.setattr(stream_module, "PATIENCE", 0.05)

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        await LiveStream(live, ["air"])({"type": "http"}, receive, send)
    assert live._watchers == {}


async def test_a_client_that_leaves_frees_its_tables(live):
    sent = asyncio.Event()

    async def receive():
        await sent.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.set()

    async with asyncio.timeout(5):
        await LiveStream(live, ["air"])({"type": "http"}, receive, send)
    assert live._watchers == {}


def test_a_large_snapshot_comes_in_pieces(monkeypatch):
    monkeypatch.setattr(stream_module, "PIECE", 2)
    pieces = [decoded(each)[1] for each in snapshot_events("air", 7, [b"{}"] * 5)]
    assert [(each["first"], each["last"], len(each["features"])) for each in pieces] == [
        (True, False, 2),
        (False, False, 2),
        (False, True, 1),
    ]


def test_an_empty_layer_still_has_a_snapshot():
    (only,) = snapshot_events("air", 0, [])
    assert decoded(only)[1] == {
        "layer": "air",
        "seq": 0,
        "first": True,
        "last": True,
        "clustered": False,
        "features": [],
    }
