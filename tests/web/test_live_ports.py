"""The live map for watchers who say what they see: clusters, ports that move, counts, and objects that fall silent."""

import json

import pytest

from dothi.model.errors import ResourceNotFound
from dothi.web import table as table_module
from dothi.web.features import layer_views
from dothi.web.grid import Port
from dothi.web.live import LiveMap
from dothi.web.stream import layer_events

CITY = Port(106, 10, 107, 12, 6)
STREET = Port(106.699, 10.999, 106.701, 11.001, 16)


@pytest.fixture
def live(city, monkeypatch):
    monkeypatch.setattr(table_module, "CLUSTERED_FROM", 20)
    monkeypatch.setattr(table_module, "CLUSTERED_UNTIL", 10)
    return LiveMap(city.store, layer_views(city.modules, city.words), city.now)


async def fill(city, place, count, first=0):
    for number in range(first, first + count):
        await city.put(f"urn:s:{number}", "Station", aqi=1, location=place(106.7 + number * 1e-5, 11))


def told(live, watcher, layer="air"):
    """What the watcher is sent now: (event, document)s."""
    live.flush()
    events = [chunk.decode().splitlines() for chunk in layer_events(live, watcher, layer)]
    return [(lines[0].removeprefix("event: "), json.loads(lines[2].removeprefix("data: "))) for lines in events]


async def test_a_large_layer_comes_in_clusters_with_its_counts(city, live, place):
    await fill(city, place, 30)
    await city.put("urn:s:bad", "Station", aqi=150, location=place(106.7, 11))
    async with live.watch(["air"], CITY) as watcher:
        (_, snapshot), (name, counts) = told(live, watcher)
        assert snapshot["clustered"]
        assert {each["properties"].get("count") for each in snapshot["features"]} == {30, None}
        assert [each["id"] for each in snapshot["features"] if each["properties"]["status"] == "minor"] == ["urn:s:bad"]
        assert name == "counts"
        assert (counts["counts"]["ok"], counts["counts"]["minor"]) == (30, 1)
        assert told(live, watcher) == []


async def test_a_change_in_the_port_is_told_and_one_outside_is_not(city, live, place):
    await fill(city, place, 30)
    async with live.watch(["air"], STREET) as watcher:
        told(live, watcher)
        await city.put("urn:s:3", "Station", aqi=2)
        ((_, delta),) = told(live, watcher)
        assert [each["id"] for each in delta["upserts"]] == ["urn:s:3"]
        await city.put("urn:s:29", "Station", aqi=3, location=place(106.9, 11.3))
        ((_, delta),) = told(live, watcher)
        assert delta["removed"] == ["urn:s:29"]
        await city.put("urn:s:29", "Station", aqi=4)
        assert told(live, watcher) == []


async def test_a_port_that_moves_begins_with_a_snapshot_of_what_it_holds(city, live, place):
    await fill(city, place, 30)
    async with live.watch(["air"], STREET) as watcher:
        told(live, watcher)
        live.look(watcher.id, Port(100, 9, 101, 10, 16))
        assert told(live, watcher)[0][1]["features"] == []
        live.look(watcher.id, STREET)
        assert len(told(live, watcher)[0][1]["features"]) == 30


async def test_a_layer_that_grows_large_is_sent_anew_in_clusters_and_back(city, live, place):
    await fill(city, place, 5)
    async with live.watch(["air"], CITY) as watcher:
        assert not told(live, watcher)[0][1]["clustered"]
        await fill(city, place, 20, first=5)
        assert told(live, watcher)[0][1]["clustered"]
        for number in range(16):
            await city.remove(f"urn:s:{number}")
        assert not told(live, watcher)[0][1]["clustered"]


async def test_who_says_no_port_gets_the_layer_whole(city, live, place):
    await fill(city, place, 30)
    async with live.watch(["air"]) as watcher:
        ((_, snapshot),) = told(live, watcher)
        assert not snapshot["clustered"]
        assert len(snapshot["features"]) == 30


async def test_an_unknown_stream_cannot_be_moved(live):
    with pytest.raises(ResourceNotFound, match="first event"):
        live.look("x", CITY)


async def test_a_slow_reader_of_a_snapshot_is_given_what_is_true_then(city, live, place):
    await fill(city, place, 3)
    async with live.watch(["air"]):
        _, features = live.snapshot("air")
        await city.put("urn:s:1", "Station", aqi=9)
        await city.remove("urn:s:2")
        live.flush()
        assert [json.loads(each)["properties"]["value"] for each in features[0:3]] == [1, 9]
