"""The time machine, the entity browser and the export of the operations API over a real broker."""

import csv
import io
import time

import httpx
import pytest
from python_calamine import CalamineWorkbook
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.api.operations import CityFacts, operations_api
from dothi.city.module import Attribute, Band, CityModule, EntityType, Layer, ModulePage, Text
from dothi.connectors.base import Health
from dothi.connectors.uptime import CELLS, Uptime
from dothi.model.context import core_context
from dothi.model.instant import format_instant
from dothi.web.features import layer_views
from dothi.web.live import LiveMap
from dothi.web.vocabulary import vocabulary_of

VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"
MINUTE = 60_000_000
STATION = "urn:ngsi-ld:Station:ben-cat"
WARD = "urn:ngsi-ld:Ward:1"

MODULE = CityModule(
    name="environment",
    label=Text("Môi trường", "Environment"),
    types=(
        EntityType("Station", VOCAB + "Station", Text("Trạm", "Station"),
                   (Attribute("aqi", Text("Chỉ số", "Index"), digits=0),
                    Attribute("pm25", Text("Bụi", "Dust"), "µg/m³")),
                   stale_after=600),
        EntityType("Ward", VOCAB + "Ward", Text("Phường", "Ward")),
    ),
    page=ModulePage(
        layers=(
            Layer("air", Text("Không khí", "Air"), ("Station",), "circle", "aqi",
                  (Band(0, "ok", Text("Tốt", "Good")), Band(101, "major", Text("Xấu", "Bad")))),
            Layer("wards", Text("Phường", "Wards"), ("Ward",), "fill", visible=False),
        )
    ),
)  # fmt: skip


def now():
    return time.time_ns() // 1000


def observed(value, minutes_ago=0, **more):
    return {"type": "Property", "value": value, "observedAt": format_instant(now() - minutes_ago * MINUTE), **more}


def station(id=STATION, name="Trạm Bến Cát", lon=106.6, **attributes):
    return {
        "id": id,
        "type": "Station",
        "name": {"type": "Property", "value": name},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, 11.15]}},
        **attributes,
    }


def ward():
    ring = [[106.5, 11.1], [106.7, 11.1], [106.7, 11.2], [106.5, 11.2], [106.5, 11.1]]
    place = {"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [ring]}}
    return {"id": WARD, "type": "Ward", "name": {"type": "Property", "value": "Phường Bến Cát"}, "location": place}


@pytest.fixture
async def desk(tenants):
    store, words = tenants.default.store, vocabulary_of([MODULE], core_context())
    live = LiveMap(store, layer_views([MODULE], words), now)
    api = operations_api(CityFacts(Text("Bình Dương", "Binh Duong")), store, [MODULE], words, live, now=now)
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/api", api)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://city/api/") as client:
        yield client


@pytest.fixture
def put(city):
    async def put(*documents):
        answer = await city.post("entityOperations/upsert?options=update", json=list(documents))
        assert answer.status_code in (201, 204), answer.text

    return put


def ago(minutes):
    return format_instant(now() - minutes * MINUTE)


async def test_a_past_layer_has_the_values_of_then_and_ages_count_from_then(desk, put):
    await put(station(aqi=observed(150, 60)))
    await put(station(aqi=observed(20)))
    answer = await desk.get("as-of", params={"at": ago(58), "layers": "air"})
    assert answer.headers["content-type"] == "application/geo+json"
    (feature,) = answer.json()["features"]
    assert (feature["layer"], feature["properties"]["value"], feature["properties"]["status"]) == ("air", 150, "major")
    assert not feature["properties"]["stale"]
    assert feature["geometry"]["coordinates"] == [106.6, 11.15]
    (now_,) = (await desk.get("as-of", params={"at": ago(0)})).json()["features"]
    assert now_["properties"]["value"] == 20


async def test_as_known_then_leaves_out_what_came_late(desk, put):
    await put(station(aqi=observed(150, 60)))
    then = ago(30)
    assert (await desk.get("as-of", params={"at": then})).json()["features"]
    assert (await desk.get("as-of", params={"at": then, "known": then})).json()["features"] == []


async def test_a_deleted_entity_is_in_the_past_only(desk, put, city):
    await put(station(aqi=observed(20, 5)))
    before = ago(0)
    assert (await city.delete(f"entities/{STATION}")).status_code == 204
    assert len((await desk.get("as-of", params={"at": before})).json()["features"]) == 1
    assert (await desk.get("as-of", params={"at": ago(0)})).json()["features"] == []
    assert (await desk.get(f"as-of/entities/{STATION}", params={"at": before})).json()["status"] == "ok"
    gone = await desk.get(f"as-of/entities/{STATION}", params={"at": ago(0)})
    assert gone.status_code == 404
    assert "deleted" in gone.json()["detail"]


async def test_plain_documents_of_a_past_instant_have_short_names(desk, put):
    await put(station(aqi=observed(150, 60), partOf={"type": "Relationship", "object": WARD}))
    answer = (await desk.get("as-of/documents", params={"at": ago(50), "types": "Station"})).json()
    assert answer["total"] == 1
    assert (
        answer["documents"][0] | {"partOf": WARD, "name": "Trạm Bến Cát", "type": "Station"} == answer["documents"][0]
    )


async def test_a_box_keeps_what_was_in_it(desk, put):
    await put(station(aqi=observed(1, 5)), station("urn:ngsi-ld:Station:far", lon=107.5, aqi=observed(1, 5)))
    found = (await desk.get("as-of", params={"at": ago(1), "bbox": "106.5,11,106.7,11.3"})).json()["features"]
    assert [each["id"] for each in found] == [STATION]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"at": "yesterday"}, "at:"),
        ({"at": "2999-01-01T00:00:00Z"}, "still to come"),
        ({"at": "2026-01-01T00:00:00Z", "bbox": "1,2,3"}, "bbox: write"),
        ({"at": "2026-01-01T00:00:00Z", "bbox": "3,2,1,4"}, "west must not"),
        ({"at": "2026-01-01T00:00:00Z", "layers": "none"}, "no layer none"),
        ({}, "at:"),
    ],
)
async def test_a_wrong_question_about_the_past_is_told(desk, asked, told):
    answer = await desk.get("as-of", params=asked)
    assert answer.status_code == 400
    assert told in answer.json()["detail"]


async def test_the_browser_counts_facets_and_finds_without_diacritics(desk, put):
    await put(ward(), station(aqi=observed(150), provider={"type": "Property", "value": "Sở TNMT"}))
    await put(station("urn:ngsi-ld:Station:far", "Trạm Dĩ An", lon=107.5, aqi=observed(20, 300)))
    answer = (await desk.get("entities", params={"q": "tram di an"})).json()
    assert [row["id"] for row in answer["rows"]] == ["urn:ngsi-ld:Station:far"]
    assert (answer["rows"][0]["status"], answer["rows"][0]["area"]) == ("offline", "")
    near = (await desk.get("entities", params={"type": "Station", "area": "Phường Bến Cát"})).json()
    assert [(row["id"], row["value"], row["status"]) for row in near["rows"]] == [(STATION, 150, "major")]
    counts = {each["value"]: each["count"] for each in near["facets"]["area"]}
    assert counts == {"Phường Bến Cát": 1, "": 1}, "a facet counts as if it were not chosen itself"
    assert near["facets"]["type"][0]["label"] == {"vi": "Trạm", "en": "Station"} or near["facets"]["type"]


async def test_the_browser_follows_changes_and_sorts(desk, put, city):
    await put(station(aqi=observed(20)))
    assert (await desk.get("entities")).json()["total"] == 1
    await put(station("urn:ngsi-ld:Station:b", "An Phú", aqi=observed(200)))
    worst = (await desk.get("entities", params={"sort": "status"})).json()["rows"]
    assert [row["name"] for row in worst] == ["An Phú", "Trạm Bến Cát"]
    last = (await desk.get("entities", params={"sort": "name", "descending": True, "limit": 1})).json()
    assert (last["total"], last["rows"][0]["name"]) == (2, "Trạm Bến Cát")
    await city.delete(f"entities/{STATION}")
    assert (await desk.get("entities")).json()["total"] == 1


async def test_relations_are_told_from_the_other_side(desk, put):
    await put(ward(), station(aqi=observed(1), partOf={"type": "Relationship", "object": WARD}))
    answer = (await desk.get(f"incoming/{WARD}")).json()
    assert [(each["name"], each["target"], each["target_name"]) for each in answer["relations"]] == [
        ("partOf", STATION, "Trạm Bến Cát")
    ]


async def test_a_csv_has_units_origin_and_no_formula(desk, put):
    await put(station(name="=1+1", pm25=observed(20.5, 1), aqi=observed(3, 2)))
    answer = await desk.get("export", params={"format": "csv", "q": "ben-cat"})
    assert 'filename="dothi-' in answer.headers["content-disposition"]
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0] == "# Thành phố / City: Bình Dương / Binh Duong"
    assert any(line.startswith("# Giấy phép / Licence") for line in lines)
    (row,) = csv.DictReader(io.StringIO("\n".join(line for line in lines if not line.startswith("#"))))
    assert (row["pm25 (µg/m³)"], row["aqi"], row["lon (°)"], row["name"]) == ("20.5", "3", "106.6", "'=1+1")


async def test_an_xlsx_opens_and_names_its_origin(desk, put):
    await put(station(pm25=observed(20.5, 1)))
    answer = await desk.get("export", params={"format": "xlsx"})
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["Dữ liệu - Data", "Nguồn gốc - Origin"]
    heads, row = book.get_sheet_by_index(0).to_python()
    assert dict(zip(heads, row, strict=True))["pm25 (µg/m³)"] == 20.5
    assert book.get_sheet_by_index(1).to_python()[0][1] == "Bình Dương / Binh Duong"


async def test_a_geojson_of_the_past_holds_the_values_of_then(desk, put):
    await put(station(pm25=observed(20.5, 60)))
    await put(station(pm25=observed(99)))
    asked = {"format": "geojson", "id": STATION, "at": ago(30)}
    (feature,) = (body := (await desk.get("export", params=asked)).json())["features"]
    assert feature["properties"]["pm25"] == 20.5
    assert body["units"]["pm25"] == "µg/m³"
    assert body["origin"]["Trạng thái lúc / State at"] == asked["at"]


async def test_a_cell_of_the_day_has_the_worst_state_that_was_seen():
    health = Health("mqtt", "mqtt", "running")
    clock = [1_800_000_000 * 100]
    uptime = Uptime(lambda: [health], lambda: clock[0])
    uptime.look()
    health.state = "failing"
    uptime.look()
    health.state = "running"
    clock[0] += 1_800_000_000
    assert uptime.cells("mqtt")[-2:] == ["failing", "running"]
    clock[0] += 1_800_000_000 * CELLS
    assert uptime.cells("mqtt") == [None] * (CELLS - 1) + ["running"]
