"""Whatever is sent, the answer is a precise problem document, nothing is stored, and the city stays up."""

import json
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = {"content-type": "application/json"}
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
POINT = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106, 11]}}


def geo(type, coordinates):
    return {
        "id": "urn:x:1",
        "type": "T",
        "location": {"type": "GeoProperty", "value": {"type": type, "coordinates": coordinates}},
    }


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "line 1, column 2"),
        (b'{"id":"urn:x:1","type":"T","n":{"type":"Property","value":NaN}}', "column 59"),
        (b'{"id":"urn:x:1","type":"T","n":{"type":"Property","value":1e999}}', "infinity"),
        (b'{"id":"urn:x:1","type":"T","type":"U"}', "'type' stands twice"),
        (b'{"id":"urn:x:1","type":"T\xff"}', "byte 0xff at offset 25"),
        (b"[" * 100_000, "depth"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "254 levels"),
        (b"[]", "must be a JSON object, not an array"),
        (b"null", "not null"),
        (b'"text"', "not a string"),
        (b"5", "not a number"),
        (b"true", "not a boolean"),
    ],
)
async def test_what_is_no_json_object_is_refused_with_its_place(city, body, words):
    answer = await city.post("entities", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    problem = answer.json()
    assert problem["type"] == ERRORS + "InvalidRequest"
    assert problem["status"] == 400
    assert words in problem["detail"]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"type": "T"}, "id"),
        ({"id": "urn:x:1"}, "type"),
        ({"id": "no uri", "type": "T"}, "no uri"),
        ({"id": "urn:x:1", "type": "T", "n": {"type": "Property", "value": None}}, "n"),
        ({"id": "urn:x:1", "type": "T", "n\u0000m": {"value": 1}}, "forbidden character"),
        ({"id": "urn:x:1", "type": "T\n"}, "type"),
        (
            {"id": "urn:x:1", "type": "T", "n": {"type": "Property", "value": 1, "observedAt": "2026-02-30T00:00:00Z"}},
            "observedAt",
        ),
        ({"id": "urn:x:1", "type": "T", "n": {"type": "Property", "value": 1, "observedAt": "yesterday"}}, "yesterday"),
        ({"id": "urn:x:1", "type": "T", "n": {"type": "Relationship", "value": "urn:x:2"}}, "n"),
        (geo("Polygon", [[[0, 0], [1, 0], [1, 1], [0, 1]]]), "location"),
        (geo("Point", [200, 0]), "location"),
        (geo("Point", ["a", 0]), "location"),
        (geo("Circle", [0, 0]), "location"),
    ],
)
async def test_what_breaks_the_data_model_is_refused_with_attribute_and_fault(city, document, words):
    answer = await city.post("entities", content=json.dumps(document).encode(), headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == ERRORS + "BadRequestData"
    assert words in answer.json()["detail"]


async def test_a_body_beyond_the_limit_is_too_large(city):
    answer = await city.post("entities", content=b"x" * 100_001, headers=JSON)
    assert answer.status_code == 413
    assert "limit of 100000" in answer.json()["detail"]


async def test_a_body_without_a_length_is_refused_by_the_bare_status(city):
    async def parts():
        yield b"{}"

    for path, headers in (("entities", JSON), ("entities", {**JSON, "ngsild-tenant": "unknown"})):
        answer = await city.request("PATCH", f"{path}/urn:x:1", content=parts(), headers=headers)
        assert (answer.status_code, answer.content) == (411, b"")


async def test_media_types_are_checked_on_both_ways(city):
    answer = await city.post("entities", content=b"{}", headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.content) == (415, b"")
    assert answer.headers["accept"] == "application/json, application/ld+json"
    answer = await city.post("entities", content=b"{}")
    assert answer.status_code == 415
    answer = await city.patch("entities/urn:x:1", content=b"{}")
    assert answer.status_code == 404
    answer = await city.post("entities", content=b"{}", headers={"content-type": "application/merge-patch+json"})
    assert answer.status_code == 415
    answer = await city.get("entities?type=T", headers={"accept": "text/html"})
    assert (answer.status_code, answer.json()["type"]) == (406, ERRORS + "NotAcceptable")
    answer = await city.get("types", headers={"accept": "application/geo+json"})
    assert answer.status_code == 406


async def test_unknown_resources_and_methods_are_told(city):
    answer = await city.get("nothing/here")
    assert (answer.status_code, answer.json()["type"]) == (404, ERRORS + "ResourceNotFound")
    assert (await city.get("entities/urn:x:1/attrs/n/more")).status_code == 404
    answer = await city.put("entities", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"
    answer = await city.options("entities/urn:x:1")
    assert (answer.status_code, answer.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
    answer = await city.put("entities/", json={})
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")
    answer = await city.request("PROPFIND", "entities")
    assert answer.status_code == 405
    assert (await city.get("entities//attrs")).status_code in (400, 405)


async def test_head_answers_as_get_without_a_body(city):
    await city.post("entities", json={"id": "urn:x:1", "type": "T"})
    got, head = await city.get("entities/urn:x:1"), await city.head("entities/urn:x:1")
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))


async def test_a_context_that_cannot_be_had_is_a_504_with_its_address(city):
    link = '<https://nowhere.example/c.jsonld>; rel="http://www.w3.org/ns/json-ld#context"'
    answer = await city.get("entities?type=T", headers={"link": link})
    assert (answer.status_code, answer.json()["type"]) == (504, ERRORS + "LdContextNotAvailable")
    assert "https://nowhere.example/c.jsonld" in answer.json()["detail"]


async def test_a_plain_request_parameter_that_no_operation_knows_is_refused(city):
    for method, path in (("GET", "types?x=1"), ("POST", "entities?x=1"), ("DELETE", "entities/urn:x:1?x=1")):
        answer = await city.request(method, path, json={})
        assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "InvalidRequest")


async def test_a_preference_for_a_version_is_taken(city):
    assert (await city.get("entities?type=T", headers={"prefer": "ngsi-ld=1.6"})).status_code == 200


PATHS = [
    "entities", "entities/urn:x:1", "entities/urn:x:1/attrs", "entities/urn:x:1/attrs/n", "entityOperations/create",
    "entityOperations/upsert", "entityOperations/update", "entityOperations/merge", "entityOperations/delete",
    "entityOperations/query", "temporal/entities", "temporal/entities/urn:x:1", "temporal/entities/urn:x:1/attrs",
    "temporal/entityOperations/query", "types", "types/T", "attributes", "attributes/n", "info/sourceIdentity",
]  # fmt: skip

_words = st.sampled_from([
    "id", "type", "@id", "@type", "@context", "value", "object", "languageMap", "vocab", "json", "valueList",
    "objectList", "observedAt", "datasetId", "unitCode", "scope", "n", "location", "coordinates", "Property",
    "Relationship", "GeoProperty", "Point", "Query", "entities", "q", "geoQ", "urn:x:1", "urn:ngsi-ld:null", "",
    "2026-01-01T00:00:00Z", "@value", "attrs", "temporalQ", "timerel", "\u0000", "ế",
])  # fmt: skip
_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=6),
    max_leaves=15,
)
_bodies = _documents.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["POST", "PATCH", "PUT"]),
    st.sampled_from(PATHS),
    _bodies,
    st.sampled_from(["application/json", "application/ld+json", "application/merge-patch+json"]),
)
async def test_no_body_whatever_makes_the_server_fail(city, method, path, body, media):
    answer = await city.request(method, path, content=body, headers={"content-type": media})
    assert answer.status_code < 500 or answer.status_code == 504, answer.text


_queries = st.lists(
    st.tuples(
        st.sampled_from([
            "type", "id", "idPattern", "q", "scopeQ", "attrs", "pick", "omit", "georel", "geometry", "coordinates",
            "geoproperty", "limit", "offset", "count", "options", "format", "lang", "datasetId", "orderBy", "timerel",
            "timeAt", "endTimeAt", "lastN", "aggrMethods", "aggrPeriodDuration", "timeproperty", "details", "local",
        ]),
        st.text(max_size=12)
        | st.sampled_from([
            "T", "n", "n>1", "true", "near;maxDistance==10", "Point", "[1,2]", "between", "2026-01-01T00:00:00Z",
            "aggregatedValues", "temporalValues", "sysAttrs", "avg", "PT1H", "P1M", "PT0S", "5", "concise", "*", "",
            "observedAt", "modifiedAt", "n.observedAt>2026-01-01T00:00:00Z", "/a/#", "vi,en;q=0.5", "n;desc",
        ]),
    ),
    max_size=5,
    unique_by=lambda pair: pair[0],
)  # fmt: skip


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PATHS), _queries)
async def test_no_query_whatever_makes_the_server_fail(city, path, query):
    stored = {"id": "urn:x:1", "type": "T", "n": {"type": "Property", "value": 5}, "location": POINT}
    await city.post("entityOperations/upsert", json=[stored])
    answer = await city.get(path, params=httpx.QueryParams(query))
    assert answer.status_code < 500, answer.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=10), st.binary(max_size=30))
async def test_no_path_and_no_header_whatever_makes_the_server_fail(city, segment, header):
    headers = {"accept": header, "link": header, "ngsild-tenant": header, "prefer": header}
    for name in ("accept", "link", "ngsild-tenant", "prefer"):
        answer = await city.get(f"entities/{quote(segment, safe='')}", headers={name: headers[name]})
        assert answer.status_code < 500, answer.text


async def test_any_type_is_local_by_itself(city):
    assert (await city.get("entities?type=*&local=true")).status_code == 200
    answer = await city.get("entities?type=*&local=false")
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "BadRequestData")


async def test_local_is_a_boolean_everywhere(city):
    for path in ("entities?type=A", "types?details=true", "snapshots/urn:a:b", "entityMaps/urn:a:b"):
        answer = await city.get(path + ("&" if "?" in path else "?") + "local=perhaps")
        assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + "InvalidRequest")
