"""Entities amended to earlier versions of the standard, table by table of clause 4.3.6.8."""

import copy

import pytest

from dothi.model.earlier import CURRENT, amend, preferred_version

ENTITY = {
    "id": "urn:a:b",
    "type": ["A", "B"],
    "scope": "/a",
    "expiresAt": "2030-01-01T00:00:00Z",
    "speed": {
        "type": "Property", "value": 1, "observedAt": "2026-01-01T00:00:00Z", "unitCode": "KMH",
        "valueType": "Integer", "kind": {"type": "VocabProperty", "vocab": "fast"},
    },
    "load": [
        {"type": "Property", "value": 1, "datasetId": "urn:d:1"},
        {"type": "Property", "value": 2},
    ],
    "name": {"type": "LanguageProperty", "languageMap": {"vi": "xe", "en": "car"}},
    "raw": {"type": "JsonProperty", "json": {"a": 1}},
    "list": {"type": "ListProperty", "valueList": [1, 2]},
    "owner": {"type": "Relationship", "object": "urn:x:1", "objectType": "Person"},
    "stops": {"type": "ListRelationship", "objectList": [{"object": "urn:s:1"}, {"object": "urn:s:2"}]},
}  # fmt: skip


def amended(version, document=ENTITY):
    document = copy.deepcopy(document)
    altered = amend(document, version)
    return document, altered


def test_the_current_version_changes_nothing():
    assert amended(CURRENT) == (ENTITY, False)


def test_before_1_9_there_is_no_expiry_and_no_value_type():
    document, altered = amended((1, 8))
    assert altered
    assert "expiresAt" not in document
    assert "valueType" not in document["speed"]
    assert document["raw"] == ENTITY["raw"]


def test_before_1_8_kinds_that_were_not_there_become_properties_and_relationships():
    document, _ = amended((1, 7))
    assert document["raw"] == {"type": "Property", "value": {"a": 1}}
    assert document["list"] == {"type": "Property", "value": [1, 2]}
    assert document["speed"]["kind"] == {"type": "Property", "value": "fast"}
    assert document["stops"] == {"type": "Relationship", "object": ["urn:s:1", "urn:s:2"]}
    assert document["owner"] == {"type": "Relationship", "object": "urn:x:1"}
    assert document["name"] == ENTITY["name"]
    assert document["scope"] == "/a"


def test_before_1_4_there_is_no_scope_and_no_language():
    document, _ = amended((1, 3))
    assert "scope" not in document
    assert document["name"] == {"type": "Property", "value": {"vi": "xe", "en": "car"}}
    assert document["type"] == ["A", "B"]
    assert len(document["load"]) == 2


def test_before_1_3_there_is_one_type_and_one_instance_the_default_one_first():
    document, _ = amended((1, 0))
    assert document["type"] == "A"
    assert document["load"] == {"type": "Property", "value": 2}
    assert document["speed"].keys() == {"type", "value", "kind"}


def test_concise_entities_are_amended_too():
    document, altered = amended((1, 7), {"id": "urn:a:b", "type": "A", "kind": {"vocab": "fast"}, "n": 5})
    assert (document, altered) == ({"id": "urn:a:b", "type": "A", "kind": {"value": "fast"}, "n": 5}, True)


def test_features_are_amended_in_their_properties():
    feature = {"id": "urn:a:b", "type": "Feature", "geometry": None, "properties": copy.deepcopy(ENTITY)}
    collection = {"type": "FeatureCollection", "features": [feature]}
    assert amend(collection, (1, 3))
    assert "scope" not in feature["properties"]


@pytest.mark.parametrize(
    ("prefer", "version"),
    [
        ("ngsi-ld=1.5", (1, 5)), ('ngsi-ld="1.5"', (1, 5)), ("body=json, ngsi-ld=1.3", (1, 3)),
        ("ngsi-ld=1.10", (1, 9)), ("ngsi-ld=2.0", (1, 9)), ("body=json", None), ("ngsi-ld=new", None), ("", None),
        ("xngsi-ld=1.5", None),
    ],
)  # fmt: skip
def test_the_preferred_version_is_read(prefer, version):
    assert preferred_version(prefer) == version
