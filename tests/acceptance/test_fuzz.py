"""Random and broken input for every route of a real server: never a 5xx, and answers are what the API describes."""

from __future__ import annotations

import json
import re
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

from dothi.api.exchange import Operation
from dothi.api.server import OPERATIONS

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck))

#: What stands for the variables of a path: ids and names that exist, so that requests get past the door.
VARIABLES = {"id": "urn:x:1", "name": "level", "instance": "urn:ngsi-ld:instance:1"}


def path_of(operation: Operation) -> str:
    """The path of an operation with its variables filled in; subscriptions and registrations have ids of their own."""
    own = {"subscriptions": "urn:x:s", "csourceSubscriptions": "urn:x:cs", "csourceRegistrations": "urn:x:r"}
    named = own.get(operation.path.split("/")[0])
    return re.sub(r"\{(\w+)\}", lambda found: named or VARIABLES.get(found[1], "urn:x:1"), operation.path)


WRITES = sorted({(each.method, path_of(each)) for each in OPERATIONS if each.method in ("POST", "PUT", "PATCH")})
ASKED = sorted(OPERATIONS, key=lambda each: (each.path, each.method))

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
REGISTRATION = {
    "id": "urn:x:r", "type": "ContextSourceRegistration", "mode": "inclusive", "operations": ["retrieveOps"],
    "information": [{"entities": [{"type": "Elsewhere", "idPattern": "urn:y:.*"}], "propertyNames": ["level"]}],
    "endpoint": "http://127.0.0.1:9/", "contextSourceInfo": [{"key": "a", "value": "b"}],
    "management": {"timeout": 500, "localOnly": True}, "expiresAt": "2030-01-01T00:00:00Z",
    "location": {"type": "Point", "coordinates": [106.6, 11.1]}, "scope": "/a",
}  # fmt: skip
SOURCE_SUBSCRIPTION = {**SUBSCRIPTION, "id": "urn:x:cs", "csf": "endpoint==1"}
SNAPSHOT = {"type": "Snapshot", "queryList": [{"type": "Query", "entities": [{"type": "T"}]}], "snapshotName": "a"}
TEMPORAL = {
    "id": "urn:x:1", "type": "T", "level": [
        {"type": "Property", "value": value, "observedAt": f"2026-01-0{value}T00:00:00Z"} for value in (1, 2)
    ]
}  # fmt: skip
VALID: list[Any] = [
    ENTITY, [ENTITY], SUBSCRIPTION, QUERY, {"@context": {"T": "urn:t:T"}}, ["urn:x:1"], REGISTRATION,
    SOURCE_SUBSCRIPTION, SNAPSHOT, TEMPORAL, {"expiresAt": "2030-01-01T00:00:00Z"}, {"type": "Property", "value": 1},
]  # fmt: skip

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
        client.post("csourceRegistrations", json=REGISTRATION)
        yield client


@settings(SETTINGS, max_examples=500)
@given(st.sampled_from(WRITES), bodies, st.sampled_from(["application/json", "application/ld+json"]))
def test_no_body_to_any_write_route_makes_the_server_fail(city, route, body, media):
    city.post("entityOperations/upsert", json=[ENTITY])
    refuses_properly(city.request(*route, content=body, headers={"content-type": media}))


#: Texts that some parameter takes, or nearly takes.
texts = st.sampled_from([
    "", "T", "level", "urn:x:1", "urn:.*", "true", "false", "0", "1", "-1", "9" * 30, "1.5", "level>1", "level==1..2",
    "(", "a.b[c]==1", "/a/#", "/a,/b", "near;maxDistance==10", "within", "Point", "[106.6,11.1]", "[[", "location",
    "vi", "*", "2026-01-01T00:00:00Z", "2026-13-01", "before", "between", "P1D", "PT0S", "P-1D", "avg,max",
    "totalCount", "observedAt", "concise", "keyValues", "simplified,sysAttrs", "temporalValues", "aggregatedValues",
    "flat", "inline", "@none", "!", ",", "level;desc", "distance", "urn:x:r", "endpoint==1", "near{level>1}",
    "near.level", "\u0000", "ế", "%", "T|U", "(T;U),V",
])  # fmt: skip


@settings(SETTINGS, max_examples=500)
@given(st.sampled_from(ASKED), st.data())
def test_no_parameters_of_any_route_make_the_server_fail(city, operation, data):
    city.post("entityOperations/upsert", json=[ENTITY])
    known = st.sampled_from(sorted(operation.parameters)) if operation.parameters else st.just("local")
    parameters = data.draw(st.dictionaries(known | st.just("local"), texts, max_size=5))
    content = None if operation.method in ("GET", "DELETE") else json.dumps(data.draw(st.sampled_from(VALID)))
    answer = city.request(
        operation.method, path_of(operation), params=parameters, content=content,
        headers={"content-type": "application/json"} if content else {},
    )  # fmt: skip
    refuses_properly(answer)


def refuses_properly(answer: httpx.Response) -> None:
    """No failure of the server (what it asks of others may be out of reach); and a problem says what is wrong."""
    assert answer.status_code < 500 or answer.status_code in (502, 504), answer.text
    if answer.status_code >= 400 and answer.content:
        problem = answer.json()
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
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
    """Every operation but the endless streams, with values that its schema allows and with values that it does not."""
    city.post("entityOperations/upsert", json=[ENTITY]).raise_for_status()
    described = schemathesis.openapi.from_url(city_server.base + "/api/openapi.json")
    schema = described.exclude(path="/stream").exclude(path="/alarms/stream")
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
