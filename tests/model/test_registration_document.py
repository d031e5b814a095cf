"""Registration documents: what is read of them, what is refused with which words, and what a client sees."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.model.context import core_context
from dothi.model.errors import BadRequestData
from dothi.model.operations import GROUPS, OPERATIONS
from dothi.model.registration import EntityInfo, Information, Management
from dothi.model.registration_document import (
    MEMBERS,
    expand_registration,
    merge_registration,
    read_registration,
    represent_registration,
)

ID = "urn:ngsi-ld:ContextSourceRegistration:north"
DOCUMENT: dict[str, Any] = {
    "id": ID,
    "type": "ContextSourceRegistration",
    "endpoint": "https://north.example/broker/",
    "information": [{"entities": [{"type": "Bus"}], "propertyNames": ["speed"]}],
}


def expand(name: str) -> str:
    return f"https://example.org/{name}"


def compact(iri: str) -> str:
    return iri.removeprefix("https://example.org/")


def read(**more: Any) -> Any:
    kept = expand_registration({**DOCUMENT, **more}, expand)
    return read_registration({name: value for name, value in kept.items() if value is not None}, 1, 2)


def test_a_whole_document_is_read_with_its_names_expanded() -> None:
    found = read(
        information=[
            {"entities": [{"type": ["Bus", "Tram"], "idPattern": "^urn:x"}, {"type": "Bus", "id": "urn:x:1"}]},
            {"propertyNames": ["speed"], "relationshipNames": ["line"]},
        ],
        mode="redirect",
        operations=["retrieveOps", "deleteEntity"],
        tenant="north",
        scope=["city/north", "/land"],
        contextSourceInfo=[{"key": "X-Key", "value": "1"}, {"key": "jsonldContext", "value": "urn:x:context"}],
        contextSourceAlias="north-broker",
        expiresAt="2030-01-01T00:00:00Z",
        management={"localOnly": True, "cacheDuration": "PT1M30S", "timeout": 500, "cooldown": 2000},
        location={"type": "Point", "coordinates": [106.6, 10.9]},
        observationInterval={"startAt": "2020-01-01T00:00:00Z"},
        managementInterval={"startAt": "2020-01-01T00:00:00Z", "endAt": "2021-01-01T00:00:00Z"},
        datasetId=["@none", "urn:x:set"],
        owner={"name": "Sở Giao thông"},
        status="failed",
    )
    bus, tram = expand("Bus"), expand("Tram")
    assert found.information == (
        Information((EntityInfo((bus, tram), id_pattern="^urn:x"), EntityInfo((bus,), "urn:x:1"))),
        Information((), (expand("speed"),), (expand("line"),)),
    )
    assert found.endpoint == "https://north.example/broker"
    assert found.operations == {"retrieveEntity", "queryEntity", "deleteEntity"}
    assert found.scopes == ("/city/north", "/land")
    assert found.source_value("x-key") == "1"
    assert found.management == Management(True, 90.0, 0.5, 2.0)
    assert found.observation_interval == (1_577_836_800_000_000, None)
    assert found.other == {expand("owner"): {"name": "Sở Giao thông"}}
    assert (found.created, found.modified, found.expires) == (1, 2, 1_893_456_000_000_000)
    assert "status" not in found.document


def test_a_client_sees_what_it_gave_with_the_names_of_its_context() -> None:
    document = {
        **DOCUMENT,
        "owner": "city",
        "information": [{"entities": [{"type": ["Bus", "Tram"], "id": "urn:x:1"}]}],
    }
    found = read(**document)
    assert represent_registration(found, compact, {}) == document
    shown = represent_registration(found, compact, {"status": "ok", "timesSent": 3}, sys_attrs=True)
    assert shown == {
        **document,
        "status": "ok",
        "timesSent": 3,
        "createdAt": "1970-01-01T00:00:00.000001Z",
        "modifiedAt": "1970-01-01T00:00:00.000002Z",
    }


def test_only_the_chosen_elements_of_information_are_shown() -> None:
    found = read(information=[{"propertyNames": [name]} for name in ("a", "b", "c")])
    shown = represent_registration(found, compact, {}, positions=(0, 2))
    assert shown["information"] == [{"propertyNames": ["a"]}, {"propertyNames": ["c"]}]
    assert len(found.document["information"]) == 3


def test_a_source_that_names_no_operations_takes_part_in_the_federation_an_auxiliary_one_in_reading() -> None:
    assert read().operations == GROUPS["federationOps"]
    assert read(mode="auxiliary").operations == {"retrieveEntity", "queryEntity"}
    assert all(group <= OPERATIONS for group in GROUPS.values())


def test_a_patch_replaces_members_and_null_removes_them() -> None:
    kept = read(tenant="north", owner="city").document
    merged = merge_registration(kept, expand_registration({"tenant": None, "owner": "land"}, expand))
    assert "tenant" not in merged
    assert merged[expand("owner")] == "land"
    with pytest.raises(BadRequestData, match="id cannot be changed"):
        merge_registration(kept, {"id": "urn:x:other"})
    with pytest.raises(BadRequestData, match="endpoint None is no URI"):
        read_registration(merge_registration(kept, {"endpoint": None}))


NAMED = [{"entities": [{"type": "Bus", "id": "urn:x:1"}], "propertyNames": ["speed"]}]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"type": "Subscription"}, 'type is .Subscription.: a registration has "type"'),
        ({"id": "north"}, "id 'north' is no URI"),
        ({"information": []}, "information must be an array of at least one"),
        ({"information": [{}]}, r"information\[0\] is empty"),
        ({"information": [{"entities": []}]}, r"information\[0\].entities must be an array of at least one"),
        ({"information": [{"properties": ["a"]}]}, r"information\[0\] has the member 'properties'"),
        ({"information": [{"entities": [{"idPattern": "urn:x:.*"}]}]}, r"information\[0\].entities\[0\].type must be"),
        ({"information": [{"entities": [{"type": "T", "id": "x"}]}]}, r"entities\[0\].id 'x' is no URI"),
        ({"information": [{"entities": [{"type": "T", "idPattern": "("}]}]}, r"entities\[0\].idPattern: .*no regular"),
        ({"information": [{"propertyNames": []}]}, r"information\[0\].propertyNames must be an array of at least one"),
        ({"endpoint": None}, "endpoint None is no URI"),
        ({"endpoint": "mqtt://north.example"}, "endpoint mqtt://north.example must be an http or https address"),
        ({"endpoint": "http://north.example:99999"}, "must be an http or https address"),
        ({"endpoint": "http://north.example?a=b"}, "without parameters"),
        ({"mode": "both"}, "mode 'both' is unknown: use inclusive, exclusive, redirect, auxiliary"),
        ({"operations": ["readAll"]}, "operations: 'readAll' is unknown"),
        ({"operations": []}, "operations must be an array of at least one"),
        ({"mode": "auxiliary", "operations": ["updateEntity"]}, "an auxiliary source is read only, so updateEntity"),
        ({"mode": "exclusive"}, r"information\[0\].entities: an exclusive registration needs ids"),
        (
            {"mode": "exclusive", "information": [{"entities": [{"type": "T", "id": "urn:x:1"}]}]},
            r"information\[0\]: an exclusive registration needs propertyNames",
        ),
        ({"management": "yes"}, "management must be an object"),
        ({"management": {"cacheDuration": "5 minutes"}}, "management.cacheDuration '5 minutes' is no ISO 8601"),
        ({"management": {"cooldown": 0}}, "management.cooldown 0 must be a number greater than 0"),
        ({"management": {"timeout": -5}}, "management.timeout -5 must be"),
        ({"management": {"localOnly": "yes"}}, "management.localOnly must be true or false"),
        ({"contextSourceInfo": [{"key": "X"}]}, r"contextSourceInfo\[0\] must have a key and a value"),
        (
            {"contextSourceInfo": [{"key": "X", "value": "a\r\nb"}]},
            "contextSourceInfo 'X': it cannot be an HTTP header",
        ),
        ({"contextSourceInfo": [{"key": "jsonldContext", "value": "x"}]}, "jsonldContext 'x' is no URI"),
        ({"scope": "/a//b"}, "scope '/a//b' is no scope"),
        ({"datasetId": ["set"]}, "datasetId 'set' is no URI"),
        ({"location": {"type": "Point", "coordinates": [200, 1]}}, "location: .*longitude 200"),
        ({"observationInterval": "2020"}, "observationInterval must be an object with startAt"),
        ({"observationInterval": {"startAt": "2020"}}, "observationInterval.startAt '2020' is no DateTime"),
        (
            {"managementInterval": {"startAt": "2020-01-02T00:00:00Z", "endAt": "2020-01-01T00:00:00Z"}},
            "managementInterval.endAt lies before startAt",
        ),
        ({"expiresAt": "tomorrow"}, "expiresAt 'tomorrow' is no DateTime"),
        ({"@graph": []}, "'@graph' is no member of a registration and no name of a property"),
        ({"refreshRate": "PT"}, "refreshRate 'PT' is no ISO 8601 duration"),
        ({"description": ""}, "description must be a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(more: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequestData, match=words):
        read(**more)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(
    ["urn:x:1", "http://x.example:99999/", "2020-01-01T00:00:00Z", "P1D", "exclusive", "retrieveOps", "/a/b", "("]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "entities", "propertyNames", "id", "type", "idPattern", "key", "value", "startAt", "endAt", "coordinates",
            "timeout", "localOnly", "cacheDuration",
        ]),
        inner,
        max_size=3,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*sorted(MEMBERS - {"id", "type"}), "owner", "@x", ""]), values, max_size=6))
def test_any_document_is_read_or_refused(members: dict[str, Any]) -> None:
    with contextlib.suppress(BadRequestData):
        kept = expand_registration({**DOCUMENT, **members}, expand)
        found = read_registration({name: value for name, value in kept.items() if value is not None})
        assert represent_registration(found, compact, {})["id"] == ID


@pytest.mark.parametrize("key", ["Via", "NGSILD-Tenant", "content-length"])
def test_what_belongs_to_the_connection_may_stand_in_context_source_info_and_is_ignored(key: str) -> None:
    registration = read(contextSourceInfo=[{"key": key, "value": "x"}, {"key": "X-Key", "value": "y"}])
    assert dict(registration.source_info)["X-Key"] == "y"


@pytest.mark.parametrize(
    ("more", "is_local"),
    [
        ({"localOnly": True}, True),
        ({"localOnly": True, "management": {"timeout": 100}}, True),
        ({"localOnly": True, "management": {"localOnly": False}}, False),
        ({"management": {"localOnly": True}}, True),
        ({"localOnly": "maybe"}, False),
        ({}, False),
    ],
)
def test_local_only_is_read_beside_management_too(more: dict[str, Any], is_local: bool) -> None:
    kept = expand_registration({**DOCUMENT, **more}, core_context().expand)
    assert read_registration(kept).management.local_only is is_local
