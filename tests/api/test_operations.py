"""The operations API over a real broker: what is written by the standard API is read by the app's."""

import json
from collections import deque
from typing import ClassVar

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.api.operations import CityFacts, operations_api
from dothi.api.operations_entity import Panel
from dothi.api.operations_history import bucketed, single
from dothi.api.operations_search import fold, middle
from dothi.city.module import Attribute, Band, CityModule, EntityType, Layer, ModulePage, Text
from dothi.connectors.base import Health
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.instant import format_instant, parse_instant
from dothi.model.reading import Trouble
from dothi.storage.store import Bucket
from dothi.web.features import layer_views
from dothi.web.live import LiveMap
from dothi.web.vocabulary import vocabulary_of

VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"
NOW = parse_instant("2026-03-01T08:00:00Z")
MINUTE = 60_000_000
STATION = "urn:ngsi-ld:Station:ben-cat"

MODULE = CityModule(
    name="environment",
    label=Text("Môi trường", "Environment"),
    types=(
        EntityType(
            "Station",
            VOCAB + "Station",
            Text("Trạm quan trắc", "Station"),
            (
                Attribute("aqi", Text("Chỉ số không khí", "Air index"), digits=0),
                Attribute("pm25", Text("Bụi mịn", "Fine dust"), "µg/m³", "GQ", 1),
            ),
            stale_after=600,
        ),
        EntityType("Ward", VOCAB + "Ward", Text("Phường", "Ward")),
    ),
    page=ModulePage(
        layers=(
            Layer("air", Text("Không khí", "Air"), ("Station",), "circle", "aqi", (
                Band(0, "ok", Text("Tốt", "Good")), Band(101, "major", Text("Xấu", "Bad")),
            )),
            Layer("wards", Text("Phường", "Wards"), ("Ward",), "fill", visible=False),
        )
    ),
)  # fmt: skip

HEALTH = Health(
    "mqtt-air", "mqtt", "running", since=NOW, messages=3, problems=deque([Trouble("t/1", "no JSON", "send JSON")])
)


def observed(value, minutes_ago=0, **more):
    return {"type": "Property", "value": value, "observedAt": format_instant(NOW - minutes_ago * MINUTE), **more}


def station(**attributes):
    return {
        "id": STATION,
        "type": "Station",
        "name": {"type": "Property", "value": "Trạm Bến Cát, Đường số 1"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.6, 11.15]}},
        **attributes,
    }


@pytest.fixture
async def operations(tenants):
    store, words = tenants.default.store, vocabulary_of([MODULE], core_context())
    live = LiveMap(store, layer_views([MODULE], words), lambda: NOW)
    facts = CityFacts(Text("Bình Dương", "Binh Duong"), demo=True, version="0.1")
    api = operations_api(facts, store, [MODULE], words, live, connectors=lambda: [HEALTH], now=lambda: NOW)
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/api", api)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://city/api/") as client:
        yield client


@pytest.fixture
def create(city):
    async def create(document):
        answer = await city.post("entities", json=document)
        assert answer.status_code == 201, answer.text

    return create


async def test_the_city_tells_its_name_and_clock(operations):
    facts = (await operations.get("city")).json()
    assert facts["name"] == {"vi": "Bình Dương", "en": "Binh Duong"}
    assert facts["now"] == NOW // 1000
    assert facts["demo"] is True


async def test_layers_are_the_modules_declarations_with_counts(operations, create):
    await create(station(aqi=observed(10)))
    air, wards = (await operations.get("layers")).json()
    assert (air["id"], air["count"], air["stale_after"], air["value_label"]["en"]) == ("air", 1, 600, "Air index")
    assert (wards["count"], wards["visible"], wards["shape"]) == (0, False, "fill")


async def test_features_are_light_geojson(operations, create):
    await create(station(aqi=observed(150, 5)))
    answer = await operations.get("layers/air/features")
    (feature,) = answer.json()["features"]
    assert answer.headers["content-type"] == "application/geo+json"
    assert feature["properties"]["status"] == "major"
    assert feature["properties"]["observedAt"] == (NOW - 5 * MINUTE) // 1000


async def test_a_silent_station_is_offline_whatever_its_last_value(operations, create):
    await create(station(aqi=observed(10, 60)))
    (feature,) = (await operations.get("layers/air/features")).json()["features"]
    assert (feature["properties"]["status"], feature["properties"]["stale"]) == ("offline", True)


async def test_the_panel_shows_declared_attributes_first_with_units_and_ages(operations, create):
    await create({"id": "urn:ngsi-ld:Ward:1", "type": "Ward", "name": {"type": "Property", "value": "Phường Bến Cát"}})
    await create(
        station(
            zebra={"type": "Property", "value": [1, 2]},
            pm25=observed(40.25, 20),
            aqi=observed(150),
            dataProvider={"type": "Property", "value": "Sở Nông nghiệp và Môi trường"},
            ward={"type": "Relationship", "object": "urn:ngsi-ld:Ward:1"},
            device={"type": "Relationship", "object": "urn:ngsi-ld:Device:9"},
        )
    )
    panel = (await operations.get(f"entities/{STATION}")).json()
    assert panel["name"] == "Trạm Bến Cát, Đường số 1"
    assert panel["types"][0]["label"] == {"vi": "Trạm quan trắc", "en": "Station"}
    assert (panel["status"], panel["age"], panel["provider"]) == ("major", "fresh", "Sở Nông nghiệp và Môi trường")
    first, second = panel["attributes"][:2]
    assert (first["name"], first["status"], first["band"]["en"], first["age"]) == ("aqi", "major", "Bad", "fresh")
    assert (second["name"], second["unit"], second["digits"], second["age"]) == ("pm25", "µg/m³", 1, "stale")
    named = {each["name"]: each["target_name"] for each in panel["relations"]}
    assert named == {"ward": "Phường Bến Cát", "device": None}


async def test_an_unknown_entity_is_a_problem_document(operations):
    answer = await operations.get("entities/urn:ngsi-ld:Station:none")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "no entity urn:ngsi-ld:Station:none"


async def test_history_comes_as_columns(operations, city, create):
    await create(station(aqi=observed(1, 30)))
    for value, minutes in ((2, 20), (3, 10), (4, 0)):
        answer = await city.patch(f"entities/{STATION}/attrs", json={"aqi": observed(value, minutes)})
        assert answer.status_code == 204, answer.text
    columns = (await operations.get(f"history/{STATION}", params={"attribute": "aqi"})).json()
    assert columns["v"] == [1, 2, 3, 4]
    assert columns["t"] == [(NOW - minutes * MINUTE) // 1000 for minutes in (30, 20, 10, 0)]
    assert (columns["period"], columns["points"], columns["digits"]) == (None, 4, 0)


async def test_more_observations_than_points_become_buckets_with_their_extremes(operations, city, create):
    await create(station(aqi=observed(0, 59)))
    for minutes in range(58, -1, -1):
        await city.patch(f"entities/{STATION}/attrs", json={"aqi": observed(59 - minutes, minutes)})
    start = format_instant(NOW - 60 * MINUTE)
    asked = {"attribute": "aqi", "start": start, "end": format_instant(NOW + 1), "points": 10}
    columns = (await operations.get(f"history/{STATION}", params=asked)).json()
    assert columns["points"] == 60
    assert columns["period"] is not None
    assert len(columns["t"]) <= 12
    assert min(value for value in columns["low"] if value is not None) == 0
    assert max(value for value in columns["high"] if value is not None) == 59


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ({}, "attribute: Field required"),
        ({"attribute": "aqi", "start": "yesterday"}, "start: 'yesterday' is no DateTime like 2026-01-31T08:00:00Z"),
        ({"attribute": "aqi", "points": 1}, "points: Input should be greater than or equal to 2"),
        (
            {"attribute": "aqi", "start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"},
            "start must be before end",
        ),
    ],
)
async def test_a_wrong_question_is_told_precisely(operations, query, detail):
    answer = await operations.get(f"history/{STATION}", params=query)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_search_needs_no_diacritics_and_keeps_up(operations, city, create):
    await create(station())
    for text in ("tram ben cat", "TRẠM BẾN", "duong so", "station:ben"):
        found = (await operations.get("search", params={"q": text})).json()
        assert [hit["id"] for hit in found["hits"]] == [STATION], text
    assert found["hits"][0]["location"] == [106.6, 11.15]
    await city.patch(f"entities/{STATION}/attrs", json={"name": {"type": "Property", "value": "Trạm Thuận An"}})
    assert (await operations.get("search", params={"q": "thuan an"})).json()["total"] == 1
    assert (await operations.get("search", params={"q": "duong so"})).json()["total"] == 0
    await city.delete(f"entities/{STATION}")
    assert (await operations.get("search", params={"q": "thuan an"})).json() == {"hits": [], "total": 0}


async def test_connectors_tell_their_health_and_last_problems(operations):
    (connector,) = (await operations.get("connectors")).json()
    assert (connector["state"], connector["messages"], connector["since"]) == ("running", 3, NOW // 1000)
    assert connector["problems"] == [{"where": "t/1", "what": "no JSON", "mend": "send JSON"}]


async def test_a_stream_of_no_or_unknown_layers_is_refused(operations):
    none = await operations.get("stream", params={"layers": ","})
    unknown = await operations.get("stream", params={"layers": "air,moon"})
    assert (none.status_code, unknown.status_code) == (400, 404)
    assert "declared layers: air, wards" in unknown.json()["detail"]


async def test_an_unknown_address_is_a_problem_document(operations):
    answer = await operations.get("nothing")
    assert answer.status_code == 404
    assert json.loads(answer.text)["detail"] == "no /api/nothing here; /api/openapi.json lists what there is"


def test_a_hole_in_the_observations_is_a_row_of_null():
    times = [0, 10, 20, 60, 70]
    rows = [{"type": "Property", "value": time, "observedAt": format_instant(NOW + time * MINUTE)} for time in times]
    columns = single(rows)
    assert columns.v == [0, 10, 20, None, 60, 70]
    assert columns.points == 5


def test_a_station_that_reports_faster_than_before_has_no_gap_but_its_real_ones():
    hourly = [hour * 60 for hour in range(20)]
    live = [hourly[-1] + 40 + minute for minute in range(60)]
    resting = [live[-1] + 30 + minute for minute in range(5)]
    rows = [
        {"type": "Property", "value": 1, "observedAt": format_instant(NOW + time * MINUTE)}
        for time in (*hourly, *live, *resting)
    ]
    columns = single(rows)
    assert [place for place, value in enumerate(columns.v) if value is None] == [len(hourly) + len(live)]


def test_missing_buckets_are_a_row_of_null():
    second = 1_000_000
    kept = [
        Bucket(n * 60 * second, (n + 1) * 60 * second, {"avg": n, "min": n, "max": n, "totalCount": 2})
        for n in (0, 1, 2, 6)
    ]
    columns = bucketed(kept, 60)
    assert columns.v == [0, 1, 2, None, 6]
    assert columns.t[0] == 30_000
    assert columns.points == 8


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=30))
def test_columns_are_of_one_length_and_in_order(times):
    rows = [{"type": "Property", "value": 1, "observedAt": format_instant(NOW + time * MINUTE)} for time in times]
    columns = single(rows)
    assert len(columns.t) == len(columns.v) == len(columns.low) == len(columns.high)
    assert columns.t == sorted(columns.t)
    assert sum(value is not None for value in columns.v) == len(times)


@given(st.text())
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


def test_the_middle_of_a_shape_is_that_of_its_box():
    ring = [[0, 0], [4, 0], [4, 2], [0, 2], [0, 0]]
    assert middle({"type": "Polygon", "coordinates": [ring]}) == (2, 1)
    assert middle({"type": "Point", "coordinates": [106, 11]}) == (106, 11)
    assert middle(None) is None


async def test_dead_letters_are_read_and_sent_again(tenants):
    class Letters:
        """One letter in memory, in the place of a notifier that has given up."""

        letter: ClassVar = {
            "id": "urn:s:1 7", "subscription": "urn:s:1", "endpoint": "http://127.0.0.1:9/x", "reason": "410 Gone",
            "createdAt": "2026-03-01T07:00:00Z", "givenUpAt": "2026-03-01T08:00:00Z", "attempts": 3, "body": "{}",
        }  # fmt: skip
        sent: ClassVar[list[str]] = []

        async def list_dead(self, limit=100, offset=0):
            return [self.letter][offset : offset + limit], 1

        async def resend(self, id):
            self.sent.append(id)

    words = vocabulary_of([MODULE], core_context())
    live = LiveMap(tenants.default.store, layer_views([MODULE], words), lambda: NOW)
    facts = CityFacts(Text("", ""))
    api = operations_api(facts, tenants.default.store, [MODULE], words, live, dead_letters=Letters())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://city/") as client:
        assert (await client.get("dead-letters")).json() == {"letters": [Letters.letter], "total": 1}
        assert (await client.get("dead-letters?limit=0")).status_code == 400
        for foreign in ({}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}):
            assert (await client.post("dead-letters/urn:s:1 7/resend", headers=foreign)).status_code == 415
        assert not Letters.sent
        own = {"content-type": "application/json"}
        assert (await client.post("dead-letters/urn:s:1 7/resend", headers=own)).status_code == 204
    assert Letters.sent == ["urn:s:1 7"]


async def test_words_of_closed_lists_are_told_for_people(tenants, create):
    words = {"up": Text("Đang chạy", "Up"), "slow": Text("Chậm", "Slow")}
    kind = EntityType("Gate", VOCAB + "Gate", Text("Cổng", "Gate"), (Attribute("state", Text("", ""), words=words),))
    module = CityModule("gates", Text("", ""), types=(kind,))
    panel = Panel.of([module], {}, vocabulary_of([module], core_context()))
    for value, expected in (
        ("up", "Up"),
        (["up", "slow"], "Up, Slow"),
        ("odd", None),
        (["up", "odd"], None),
        (3, None),
    ):
        state = {VOCAB + "state": {"type": "Property", "value": value}}
        (shown,) = panel.view(Entity("urn:g:1", (VOCAB + "Gate",), state), {}, NOW).attributes
        assert (shown.word.en if shown.word else None) == expected
