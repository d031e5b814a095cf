"""The app's server side in a real process: the shell is open without the token, and any @context reaches the map."""

import time

import httpx
import pytest

TOKEN = "a-token-of-this-test"
CONTEXTS = [
    None,
    "https://smartdatamodels.org/context.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/master/context.jsonld",
    "https://fiware.github.io/data-models/context.jsonld",
    "https://dothi.dev/context/v1.jsonld",
]


def test_without_the_token_only_the_shell_and_the_health_are_open(serve):
    server = serve(env={"DOTHI__SERVER__TOKEN": TOKEN})
    with httpx.Client(base_url=server.base) as client:
        for path in ("/", "/theme.js", "/favicon.svg", "/assets/nothing.js", "/health/live"):
            assert client.get(path).status_code in (200, 404, 503), path
        closed = ["/api/city", "/api/stream?layers=vehicles", "/ngsi-ld/v1/types", "/index.html", "//api/city"]
        for path in (*closed, "/assets", "/assetsx", "/theme.js/../api/city"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
        # A path that climbs out of the assets leads to no other route and to no file.
        assert client.get("/assets/..%2f..%2fsettings.py").status_code == 404
        assert client.get("/assets/%2e%2e/api/city").status_code in (401, 404)
        assert client.post("/").status_code == 401
        answer = client.get("/api/city", headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.json()["name"]["en"] == "My city"


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_reading_of_any_context_is_on_the_map_with_its_index(city_server, context):
    id = f"urn:ngsi-ld:AirQualityObserved:test:{CONTEXTS.index(context)}"
    body = {
        "id": id,
        "type": "AirQualityObserved",
        "name": {"type": "Property", "value": "Trạm thử"},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.66, 11.0]}},
        "pm25": {"type": "Property", "value": 48.0, "unitCode": "GQ", "observedAt": "2026-01-31T08:00:00Z"},
    }
    link = {"link": f'<{context}>; rel="http://www.w3.org/ns/json-ld#context"'} if context else {}
    with httpx.Client(base_url=city_server.base) as client:
        assert client.post("/ngsi-ld/v1/entities", json=body, headers=link).status_code == 201
        assert feature(client, id)["name"] == "Trạm thử"
        end = time.monotonic() + 5  # the index is computed just after
        while feature(client, id)["value"] is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert feature(client, id)["value"] == 96
        panel = client.get(f"/api/entities/{id}").json()
        assert panel["layers"] == ["air-quality"]
        assert panel["types"][0]["label"]["en"] == "Air quality station"
        shown = {each["name"]: each for each in panel["attributes"]}
        assert shown["pm25"]["unit"] == "µg/m³"
        assert shown["airQualityLevel"]["word"] == {"vi": "Trung bình", "en": "Moderate"}
        assert shown["airQualityIndex"]["observed_at"] == shown["pm25"]["observed_at"]
        past = client.get(f"/api/history/{id}", params={"attribute": "pm25", "start": "2026-01-01T00:00:00Z"}).json()
        assert (past["v"], past["unit"]) == ([48.0], "µg/m³")


def feature(client, id):
    features = client.get("/api/layers/air-quality/features").json()["features"]
    return next(each["properties"] for each in features if each["id"] == id)


def test_dead_letters_are_counted_and_a_missing_one_is_not_found(city_server):
    with httpx.Client(base_url=city_server.base) as client:
        assert client.get("/api/dead-letters").json() == {"letters": [], "total": 0}
        answer = client.post("/api/dead-letters/urn:s:1 7/resend", json={})
        assert answer.status_code == 404
        assert "no dead letter 'urn:s:1 7'" in answer.json()["detail"]
