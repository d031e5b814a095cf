"""Merging to any depth, and partial updates of one attribute."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model import patch
from dothi.model.attribute import MERGE, MERGE_SIMPLIFIED, Rules
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.merge import merge, patch_attribute
from dothi.model.parse import parse_attribute, parse_entity, parse_fragment

V = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE = core_context()
NULL = "urn:ngsi-ld:null"
TIMES = {"createdAt": 10, "modifiedAt": 20}


def stored(**members: Any) -> Entity:
    return patch.create(parse_entity({"id": "urn:x:1", "type": "T", **members}, CORE), 10).entity


def merged(old: Entity, document: Any, rules: Rules = MERGE, **parameters: Any) -> Entity:
    return merge(old, parse_fragment(document, CORE, rules), 20, **parameters).entity


def attribute(entity: Entity, name: str) -> Any:
    found = entity.attributes.get(V + name)
    return (
        {key: item for key, item in found.items() if key not in TIMES} if not isinstance(found, list | None) else found
    )


TEMPERATURE = {"type": "Property", "value": 25, "unitCode": "CEL", "observedAt": "2022-03-14T01:59:26Z"}


def test_a_merge_keeps_the_members_it_does_not_name() -> None:
    patched = merged(stored(t=TEMPERATURE), {"t": {"type": "Property", "value": 100}})
    assert patched.attributes[V + "t"] == {**TEMPERATURE, "value": 100, **TIMES}


def test_a_merge_goes_into_json_values() -> None:
    address = {"type": "Property", "value": {"street": "Straße des 17. Juni", "city": "Berlin", "country": "Germany"}}
    body = {"type": "Property", "value": {"street": "Pariser Platz", "country": NULL}}
    assert attribute(merged(stored(address=address), {"address": body}), "address")["value"] == {
        "street": "Pariser Platz",
        "city": "Berlin",
    }
    assert attribute(merged(stored(), {"address": body}), "address")["value"] == {"street": "Pariser Platz"}


@pytest.mark.parametrize(
    ("before", "body"),
    [
        ({"value": 1}, NULL),
        ({"value": 1}, {"value": NULL}),
        ({"object": "urn:x:2"}, {"type": "Relationship", "object": NULL}),
        ({"object": ["urn:x:2"]}, NULL),
        ({"type": "Point", "coordinates": [1, 1]}, {"type": "GeoProperty", "value": NULL}),
        ({"languageMap": {"vi": "Chợ"}}, {"languageMap": {"@none": NULL}}),
        ({"languageMap": {"vi": "Chợ"}}, {"type": "LanguageProperty", "languageMap": NULL}),
        ({"vocab": "a"}, {"vocab": NULL}),
        ({"json": {"a": 1}}, {"json": NULL}),
        ({"valueList": [1]}, {"valueList": [NULL]}),
        ({"objectList": ["urn:x:2"]}, {"objectList": [NULL]}),
    ],
)
def test_the_null_deletes_attributes_of_every_kind(before: Any, body: Any) -> None:
    outcome = merge(stored(it=before), parse_fragment({"it": body}, CORE, MERGE), 20)
    assert outcome.entity.attributes == {}
    assert [change.after for change in outcome.changes] == [None]


def test_the_null_touches_only_its_dataset_and_nothing_that_is_not_there() -> None:
    old = stored(speed=[{"value": 1}, {"value": 2, "datasetId": "urn:d:2"}])
    assert attribute(merged(old, {"speed": NULL}), "speed") == {
        "type": "Property",
        "value": 2,
        "datasetId": "urn:d:2",
    }
    assert merged(old, {"speed": {"value": NULL, "datasetId": "urn:d:9"}, "other": NULL}) is old


def test_sub_attributes_merge_and_go() -> None:
    old = stored(speed={"value": 1, "by": {"object": "urn:x:2"}, "accuracy": {"value": 3, "unitCode": "P1"}})
    fresh = attribute(
        merged(old, {"speed": {"type": "Property", "by": NULL, "accuracy": {"value": 4}, "new": 5}}), "speed"
    )
    assert fresh == {
        "type": "Property",
        "value": 1,
        V + "accuracy": {"type": "Property", "value": 4, "unitCode": "P1"},
        V + "new": {"type": "Property", "value": 5},
    }
    assert attribute(merged(old, {"speed": {"unitCode": NULL, "accuracy": {"unitCode": NULL}}}), "speed")[
        V + "accuracy"
    ] == {"type": "Property", "value": 3}


def test_language_maps_merge_by_language() -> None:
    old = stored(name={"languageMap": {"vi": "Chợ", "en": "Market", "fr": "Marché"}})
    fresh = merged(old, {"name": {"languageMap": {"en": "The market", "fr": NULL}}})
    assert attribute(fresh, "name")["languageMap"] == {"vi": "Chợ", "en": "The market"}


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ({"vocab": "male"}, "female", {"type": "VocabProperty", "vocab": V + "female"}),
        ({"object": "urn:x:1"}, "urn:x:2", {"type": "Relationship", "object": "urn:x:2"}),
        ({"valueList": [1]}, [2, 3], {"type": "ListProperty", "valueList": [2, 3]}),
        ({"objectList": ["urn:x:1"]}, ["urn:x:2"], {"type": "ListRelationship", "objectList": ["urn:x:2"]}),
        ({"value": 1, "unitCode": "CEL"}, 2, {"type": "Property", "value": 2, "unitCode": "CEL"}),
        ({"json": {"a": 1, "b": 2}}, {"a": 3}, {"type": "JsonProperty", "json": {"a": 3, "b": 2}}),
    ],
)
def test_a_bare_value_keeps_the_stored_kind(before: Any, value: Any, after: Any) -> None:
    for rules in (MERGE, MERGE_SIMPLIFIED):
        assert attribute(merged(stored(it=before), {"it": value}, rules), "it") == after


def test_a_bare_text_needs_the_language_of_a_language_property() -> None:
    old = stored(name={"languageMap": {"vi": "Chợ", "en": "Market"}})
    fresh = merged(old, {"name": "Marché"}, MERGE_SIMPLIFIED, lang="fr")
    assert attribute(fresh, "name")["languageMap"] == {"vi": "Chợ", "en": "Market", "fr": "Marché"}
    with pytest.raises(BadRequestData, match=r"'Marché' does not fit the stored LanguageProperty.*parameter lang"):
        merged(old, {"name": "Marché"}, MERGE_SIMPLIFIED)


def test_a_common_time_goes_to_attributes_that_have_one_and_bring_none() -> None:
    old = stored(a=TEMPERATURE, b=5, c=TEMPERATURE)
    body = {"a": {"value": 1}, "b": {"value": 2}, "c": {"value": 3, "observedAt": "2024-01-01T00:00:00Z"}, "d": 4}
    fresh = merged(old, body, observed_at="2023-01-01T00:00:00Z")
    assert [attribute(fresh, name).get("observedAt") for name in "abcd"] == [
        "2023-01-01T00:00:00Z",
        None,
        "2024-01-01T00:00:00Z",
        None,
    ]
    with pytest.raises(BadRequestData, match="observedAt is no DateTime"):
        merged(old, body, observed_at="now")


def test_another_kind_takes_the_place_as_a_whole() -> None:
    fresh = merged(stored(it=TEMPERATURE), {"it": {"type": "Relationship", "object": "urn:x:1"}})
    assert attribute(fresh, "it") == {"type": "Relationship", "object": "urn:x:1"}


def test_a_geometry_is_merged_as_a_whole() -> None:
    old = stored(location={"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]], "bbox": [0, 0, 1, 1]})
    point = {"type": "Point", "coordinates": [1, 2]}
    fresh = merged(old, {"location": point}).attributes["https://uri.etsi.org/ngsi-ld/location"]
    assert not isinstance(fresh, list)
    assert fresh["value"] == point


def test_types_are_added_and_scopes_replaced_or_deleted() -> None:
    fresh = merged(stored(scope="/A"), {"type": ["U", "T"], "scope": ["/B"]})
    assert (fresh.types, fresh.scopes) == ((V + "T", V + "U"), ("/B",))
    assert merged(fresh, {"scope": NULL}).scopes == ()


def test_a_merge_of_members_needs_the_attribute_there() -> None:
    with pytest.raises(BadRequestData, match=r"there is no such attribute to change \(unitCode\); give it a value"):
        merged(stored(), {"speed": {"unitCode": "KMH"}})


def partial(old: Entity, body: Any, name: str = "t") -> Entity:
    iri, fragment = parse_attribute(name, body, CORE)
    return patch_attribute(old, iri, fragment, 20, name).entity


def test_a_partial_update_replaces_members_and_leaves_the_rest() -> None:
    old = stored(t={**TEMPERATURE, "accuracy": {"value": 1, "unitCode": "P1"}})
    fresh = partial(old, {"value": {"a": 1}, "unitCode": NULL, "accuracy": {"value": 2}})
    assert attribute(fresh, "t") == {
        "type": "Property",
        "value": {"a": 1},
        "observedAt": TEMPERATURE["observedAt"],
        V + "accuracy": {"type": "Property", "value": 2},
    }
    assert V + "accuracy" not in attribute(partial(old, {"accuracy": NULL}), "t")
    assert attribute(partial(fresh, {"observedAt": "2026-01-01T00:00:00Z"}), "t")["value"] == {"a": 1}


def test_a_partial_update_to_null_deletes_its_instance() -> None:
    old = stored(t=[{"value": 1}, {"value": 2, "datasetId": "urn:d:2"}])
    assert attribute(partial(old, {"value": NULL, "datasetId": "urn:d:2"}), "t") == {"type": "Property", "value": 1}


def test_a_partial_update_keeps_the_kind() -> None:
    old = stored(t=TEMPERATURE, r={"object": "urn:x:1"})
    with pytest.raises(BadRequestData, match="t: the attribute is a Property and stays one; its fragment says Rel"):
        partial(old, {"type": "Relationship", "object": "urn:x:1"})
    with pytest.raises(BadRequestData, match="r: a Relationship holds its value in 'object', not 'value'"):
        partial(old, {"value": 3}, "r")
    with pytest.raises(ResourceNotFound, match="attribute u of urn:x:1 has no default instance"):
        partial(old, {"value": 3}, "u")
    assert attribute(partial(old, {"object": "urn:x:2"}, "r"), "r") == {"type": "Relationship", "object": "urn:x:2"}
