"""Random and broken input for every route of a real server: never a 5xx, and answers are what the API describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))

WRITES = [
    ("POST", "entities"), ("PUT", "entities/urn:x:1"), ("PATCH", "entities/urn:x:1"),
    ("POST", "entities/urn:x:1/attrs"), ("PATCH", "entities/urn:x:1/attrs"), ("PATCH", "entities/urn:x:1/attrs/level"),
    ("PUT", "entities/urn:x:1/attrs/level"), ("POST", "entityOperations/create"), ("POST", "entityOperations/upsert"),
    ("POST", "entityOperations/update"), ("POST", "entityOperations/merge"), ("POST", "entityOperations/delete"),
    ("POST", "entityOperations/query"), ("POST", "temporal/entities"), ("POST", "temporal/entities/urn:x:1/attrs"),
    ("POST", "temporal/entityOperations/query"), ("POST", "subscriptions"), ("PATCH", "subscriptions/urn:x:s"),
    ("POST", "jsonldContexts"),
]  # fmt: skip

ENTITY = {
    "id": "urn:x:1", "type": ["T", "U"], "scope": ["/a/b"],
    "level": {"type": "Property", "value": 1.5, "observedAt": "2026-01-01T00:00:00Z", "unitCode": "CEL",
              "accuracy": {"type": "Property", "value": 0.1}},
    "name": {"type": "LanguageProperty", "languageMap": {"vi": "Bến Cát", "en": "Ben Cat"}},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.6, 11.1]}},
    "near": [{"type": "Relationship", "object": "urn:x:2"},
             {"type": "Relationship", "object": "urn:x:3", "datasetId": "urn:d"}],
    "list": {"type": "ListProperty", "valueList": [1, 2]}, "raw": {"type": "JsonProperty", "json": {"a": [1]}},
    "kind": {"type": "VocabProperty", "vocab": "fast"},
}  # fmt: skip
SUBSCRIPTION = {
    "id": "urn:x:s", "type": "Subscription", "entities": [{"type": "T", "idPattern": "urn:.*"}], "q": "level>1;name",
    "watchedAttributes": ["level"], "throttling": 5, "expiresAt": "2030-01-01T00:00:00Z", "isActive": False,
    "geoQ": {"georel": "near;maxDistance==10", "geometry": "Point", "coordinates": [106, 11]}, "scopeQ": "/a/#",
    "notification": {"attributes": ["level"], "format": "concise",
                     "endpoint": {"uri": "http://127.0.0.1:9/", "accept": "application/json",
                                  "receiverInfo": [{"key": "a", "value": "b"}]}},
}  # fmt: skip
QUERY = {
    "type": "Query", "entities": [{"type": "T", "id": "urn:x:1"}], "q": "level==1..2", "attrs": ["level"], "lang": "vi",
    "geoQ": {"georel": "within", "geometry": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [0, 0]]]},
    "temporalQ": {"timerel": "between", "timeAt": "2026-01-01T00:00:00Z", "endTimeAt": "2026-02-01T00:00:00Z"},
}  # fmt: skip
VALID: list[Any] = [ENTITY, [ENTITY], SUBSCRIPTION, QUERY, {"@context": {"T": "urn:t:T"}}, ["urn:x:1"]]

odd = st.sampled_from([
    None, True, -1, 0, 1e308, 10**400, "", " ", "\u0000", "urn:ngsi-ld:null", "@none", "@type", "x" * 300, [], {}, [[]],
    {"@value": 1}, {"type": "Property"}, {"value": None}, ["urn:x:1", 5], "http://127.0.0.1:9/c",
    "2026-13-01T00:00:00Z", {"type": "Point", "coordinates": [1e309, 0]}, "ế", "\ud800", -0.0, {"id": "urn:x:1"},
    "near;maxDistance==-1", "a==(",
])  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every member and element."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid document in which one to three things have been replaced, removed, renamed or doubled."""
    document = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    for _ in range(draw(st.integers(1, 3))):
        paths = list(places(document))
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        holder = document
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "remove", "rename", "nest"])):
            case "replace":
                holder[last] = deepcopy(draw(odd))
            case "remove":
                del holder[last]
            case "rename" if isinstance(holder, dict):
                holder[str(deepcopy(draw(odd)))] = holder.pop(last)
            case _:
                holder[last] = [holder[last], deepcopy(draw(odd))]
    return document


bodies = (
    st.binary(max_size=60)
    | mutated().map(lambda document: json.dumps(document, allow_nan=True).encode())
    | mutated().map(lambda document: json.dumps(document).encode()[:-3])
    | mutated().map(lambda document: json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
)


@pytest.fixture(scope="module")
def city(city_server: Any) -> Iterator[httpx.Client]:
    with city_server.client() as client:
        client.post("subscriptions", json=SUBSCRIPTION).raise_for_status()
        yield client


@settings(SETTINGS, max_examples=400)
@given(st.sampled_from(WRITES), bodies, st.sampled_from(["application/json", "application/ld+json"]))
def test_no_body_to_any_write_route_makes_the_server_fail(city, route, body, media):
    city.post("entityOperations/upsert", json=[ENTITY])
    answer = city.request(*route, content=body, headers={"content-type": media})
    assert answer.status_code < 500 or answer.status_code == 504, answer.text
    if answer.status_code >= 400 and answer.content:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["type"]
        assert problem["title"]
        assert problem["detail"]


@settings(SETTINGS, max_examples=150)
@given(mutated())
def test_what_is_refused_changes_nothing(city, document):
    if isinstance(document, dict) and document.get("id") == "urn:x:1":
        city.post("entityOperations/upsert", json=[ENTITY])
        before = city.get("entities/urn:x:1", params={"options": "sysAttrs"}).json()
        answer = city.put(
            "entities/urn:x:1", content=json.dumps(document), headers={"content-type": "application/json"}
        )
        if answer.status_code >= 400:
            assert city.get("entities/urn:x:1", params={"options": "sysAttrs"}).json() == before


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_the_operations_api_answers_as_it_describes_itself(city, city_server):
    """Every operation but the endless stream, with values that its schema allows and with values that it does not."""
    city.post("entityOperations/upsert", json=[ENTITY]).raise_for_status()
    schema = schemathesis.openapi.from_url(city_server.base + "/api/openapi.json").exclude(path="/stream")
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in modes:

            @settings(SETTINGS, max_examples=20)
            @given(operation.as_strategy(generation_mode=mode))
            def answers_as_described(case: Any) -> None:
                case.call_and_validate(checks=CHECKS)

            with suppress(Unsatisfiable):  # an operation without parameters has no wrong ones
                answers_as_described()
        tried += 1
    assert tried >= 7


def test_the_stream_refuses_unknown_layers_as_described(city_server):
    for query in ("", "?layers=", "?layers=,", "?layers=nothing", "?layers=%00", "?layers=weather,nothing"):
        answer = httpx.get(f"{city_server.base}/api/stream{query}")
        assert answer.status_code in (400, 404), query
        assert answer.headers["content-type"] == "application/problem+json"
