"""Every fault of a document is told by attribute, sub-attribute, fault and mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dothi.model.attribute import MERGE, PARTIAL, UPDATE, Rules
from dothi.model.context import core_context
from dothi.model.errors import BadRequestData
from dothi.model.parse import parse_attribute, parse_entity, parse_fragment

CORE = core_context()
NULL = "urn:ngsi-ld:null"


def fault(document: Any) -> str:
    with pytest.raises(BadRequestData) as caught:
        parse_entity(document, CORE)
    return caught.value.detail


def fault_of(body: Any, name: str = "speed") -> str:
    return fault({"id": "urn:x:1", "type": "T", name: body})


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "an entity is a JSON object, not []"),
        ({"type": "T"}, 'no "id"; add a URI'),
        ({"id": "urn:x:1"}, 'urn:x:1 has no "type"; add'),
        ({"id": "poi_226", "type": "T"}, "the id 'poi_226' is no URI"),
        ({"id": NULL, "type": "T"}, "is no URI"),
        ({"id": None, "type": "T"}, "the id null is no URI"),
        ({"id": "urn:x:a\u200bb", "type": "T"}, "is no URI"),
        ({"id": "urn:x:a b", "type": "T"}, "is no URI"),
        ({"id": "urn:x:1", "@id": "urn:x:2", "type": "T"}, "send one of them"),
        ({"id": "urn:x:1", "type": None}, "type is null"),
        ({"id": "urn:x:1", "type": []}, "type is []"),
        ({"id": "urn:x:1", "type": ["T", 5]}, "type holds 5"),
        ({"id": "urn:x:1", "type": "9Vehicle"}, "does not begin with a letter"),
        ({"id": "urn:x:1", "type": "Ve<hicle"}, "forbidden character '<' at position 2"),
        ({"id": "urn:x:1", "type": "T", "scope": "/a//b"}, "scope: '/a//b' is no scope"),
        ({"id": "urn:x:1", "type": "T", "scope": ["/ok", "9bad"]}, "'9bad' is no scope"),
        ({"id": "urn:x:1", "type": "T", "scope": NULL}, "scope: the NGSI-LD Null deletes"),
        ({"id": "urn:x:1", "type": "T", "expiresAt": "soon"}, "expiresAt: 'soon' is no DateTime"),
        ({"id": "urn:x:1", "type": "T", "my attr": 1}, "my attr: the name holds the forbidden character ' '"),
        ({"id": "urn:x:1", "type": "T", "@graph": 1}, "@graph: unknown JSON-LD keyword"),
        ({"id": "urn:x:1", "type": "T", "": 1}, "an empty name"),
        ({"id": "urn:x:1", "type": "T", "datasetId": 1}, "can be the name of none"),
        ({"id": "urn:x:1", "type": "T", "title": 1, "http://purl.org/dc/terms/title": 2}, "a second time; keep one"),
    ],
)
def test_a_faulty_entity_is_refused_with_words(document: Any, words: str) -> None:
    assert words in fault(document)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "speed: null is no NGSI-LD value; leave the attribute out"),
        (NULL, "speed: the NGSI-LD Null deletes, which this operation does not do"),
        ({"type": "Property"}, "speed: a Property has no 'value'; add it"),
        ({"type": "Property", "value": None}, "speed.value: null is no NGSI-LD value"),
        ({"type": "Property", "value": NULL}, "speed: the NGSI-LD Null deletes"),
        ({"type": "Property", "value": {"a": [{"b": None}]}}, "speed.value.a[0].b: null is no NGSI-LD value"),
        ({"type": "Property", "value": {"a": {"b": NULL}}}, "speed.value.a.b: the NGSI-LD Null may stand inside"),
        ({"type": "Property", "value": float("nan")}, "speed.value: nan is no JSON number"),
        ({"type": "Property", "value": 2**64}, "speed.value: the integer needs more than 64 bits"),
        ({"type": "Property", "value": {1, 2}}, "speed.value: a set is no JSON value"),
        ({"type": "Property", "object": "urn:x:1"}, "a Property holds its value in 'value', not 'object'"),
        ({"type": "Property", "value": 1, "object": "urn:x:1"}, "a Property holds its value in 'value', not 'object'"),
        ({"type": "Relationship", "value": 1}, "speed: a Relationship holds its value in 'object', not 'value'"),
        ({"type": "Relationship", "object": "nobody"}, "speed.object: 'nobody' is no URI"),
        ({"type": "Relationship", "object": ["urn:x:1", 4]}, "speed.object: 4 is no URI"),
        (
            {"type": "Relationship", "object": "urn:x:1", "unitCode": "MTR"},
            "speed.unitCode: a Relationship has no unit",
        ),
        ({"type": "Property", "value": 1, "objectType": "T"}, "speed.objectType: a Property has no object"),
        ({"type": "Property", "value": 1, "previousValue": 0}, "speed.previousValue: stands in answers only"),
        ({"type": "Property", "value": 1, "@context": {}}, "speed.@context: unknown JSON-LD keyword"),
        ({"type": "Property", "value": 1, "unitCode": 5}, "speed.unitCode: is 5; write a string"),
        ({"type": "Property", "value": 1, "datasetId": "here"}, "speed.datasetId: 'here' is no URI"),
        ({"type": "Property", "value": 1, "observedAt": "yesterday"}, "speed.observedAt: 'yesterday' is no DateTime"),
        ({"type": "Property", "value": 1, "observedAt": "2026-02-30T00:00:00Z"}, "is no DateTime"),
        ({"type": "Property", "value": 1, "observedAt": {"type": "Property"}}, "is no DateTime"),
        (
            {"type": "Property", "value": 1, "observedAt": "2026-01-31T08:00:00+07:00"},
            "speed.observedAt: '2026-01-31T08:00:00+07:00' is not in UTC; write 2026-01-31T01:00:00Z",
        ),
        ({"type": "Property", "value": 1, "of": {"value": 1, "in": {"object": 3}}}, "speed.of.in.object: 3 is no URI"),
        ({"type": "Property", "value": 1, "b<": 2}, "speed.b<: the name holds the forbidden character '<'"),
        ({"type": "PostalAddress", "street": "x"}, "type 'PostalAddress' is no kind of attribute; write one of"),
        ({"type": 5, "value": 1}, "type is 5; write one of Property"),
        ({"observedAt": "2026-01-31T08:00:00Z", "val": 1}, "has 'observedAt' but no value; add one of value, object"),
        ({"type": "LanguageProperty", "languageMap": {"en": ["a", 5]}}, "speed.languageMap.en: the text is ['a', 5]"),
        ({"type": "LanguageProperty", "languageMap": {"": "a"}}, "'' is no language tag of RFC 5646"),
        ({"type": "LanguageProperty", "languageMap": "Chợ"}, "languageMap is 'Chợ'; write an object"),
        ({"type": "LanguageProperty", "languageMap": {"@none": NULL}}, "the NGSI-LD Null deletes"),
        ({"type": "LanguageProperty", "languageMap": {"en": NULL}}, "may stand here only in a merge"),
        ({"type": "LanguageProperty", "languageMap": {"en": "x"}, "valueType": "xsd:string"}, "is langString"),
        ({"type": "VocabProperty", "vocab": 5}, "speed.vocab: 5 is no term"),
        ({"type": "JsonProperty", "json": 5}, "speed.json: is 5; write an object or an array"),
        ({"type": "JsonProperty", "json": {"a": float("inf")}}, "speed.json.a: inf is no JSON number"),
        ({"type": "ListProperty", "valueList": 5}, "speed.valueList: is 5; write an array"),
        ({"type": "ListProperty", "valueList": [1, None]}, "speed.valueList[1]: null is no NGSI-LD value"),
        ({"type": "ListRelationship", "objectList": ["not a uri"]}, "speed.objectList: 'not a uri' is no URI"),
        ({"type": "ListRelationship", "objectList": "urn:x:1"}, "speed.objectList: is 'urn:x:1'; write an array"),
        ([{"value": 1}, {"value": 2}], "speed[1]: a second instance with no datasetId (the default instance)"),
        (
            [{"value": 1, "datasetId": "urn:d:1"}, {"value": 2, "datasetId": "urn:d:1"}],
            "speed[1]: a second instance with datasetId urn:d:1; give each its own",
        ),
        ([{"value": 1}, 5], "speed[1]: is 5 among instances; write an object"),
        ({"@type": "DateTime", "@value": "2020-03-17TT08:45:00Z"}, "is no DateTime; write it like"),
        ({"@type": "Date", "@value": "2020-02-30"}, "is no Date; write it like 2026-01-31"),
        ({"@type": "Time", "@value": "25:00:00"}, "is no Time; write it like 08:00:00Z"),
        ({"@type": "DateTime", "@value": {"a": 1}}, "@value is {'a': 1}; write a string"),
        ({"@type": 5, "@value": 1}, "@type is 5; write the name"),
        ({"@value": 1, "odd": 2}, "a typed value has @type and @value only, not 'odd'"),
    ],
)
def test_a_faulty_attribute_is_refused_with_words(body: Any, words: str) -> None:
    assert words in fault_of(body)


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        ({"type": "Point", "coordinates": [181, 0]}, "out of range"),
        ({"type": "Point", "coordinates": [0]}, "position"),
        ({"type": "Point", "coordinates": [0, float("nan")]}, "coordinates"),
        ({"type": "LineString", "coordinates": [[0, 0]]}, "coordinates"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "the ring is open"),
        ({"type": "Polygon", "coordinates": [[0, 0], [1, 0], [0, 0]]}, "coordinates"),
        ({"type": "GeometryCollection", "geometries": []}, "GeometryCollection"),
        ({"type": "Circle", "coordinates": [0, 0]}, "Circle"),
        ("not a geometry", "neither a geometry nor one encoded as a string"),
        (7, "a geometry is an object"),
    ],
)
def test_a_faulty_geometry_is_refused_with_words(geometry: Any, words: str) -> None:
    told = fault_of({"type": "GeoProperty", "value": geometry}, "location")
    assert told.startswith("location.value: ")
    assert words in told


def test_a_location_is_a_geo_property() -> None:
    assert "location: is a GeoProperty, not a Property" in fault_of({"type": "Property", "value": 7}, "location")
    assert "observationSpace: is a GeoProperty" in fault_of(5, "observationSpace")


def test_a_proof_value_is_an_object() -> None:
    for body in ("mine", {"type": "Property", "value": "mine"}, {"object": "urn:x:1", "type": "Relationship"}):
        assert fault_of(body, "ngsildproof").startswith("ngsildproof: its value is no object; write the proof")


def test_values_nested_without_end_are_refused() -> None:
    value: Any = 1
    for _ in range(3000):
        value = {"a": value}
    assert "nested deeper than 100" in fault_of({"type": "Property", "value": value})
    assert "nested deeper than 100" in fault_of({"type": "JsonProperty", "json": value})
    assert "nested deeper than 100" in fault_of(value)


@pytest.mark.parametrize("rules", [UPDATE, PARTIAL])
def test_a_null_inside_a_value_is_for_merges_only(rules: Rules) -> None:
    body = {"address": {"type": "Property", "value": {"country": NULL}}}
    with pytest.raises(BadRequestData, match=r"address\.value\.country: the NGSI-LD Null may stand"):
        parse_fragment(body, CORE, rules)
    assert parse_fragment(body, CORE, MERGE).attributes


def test_a_dataset_cannot_be_deleted_by_the_null() -> None:
    for given in ("not a uri", 5):
        with pytest.raises(BadRequestData, match="datasetId"):
            parse_attribute("speed", {"datasetId": given}, CORE, PARTIAL)
    with pytest.raises(BadRequestData, match=r"speed\.datasetId: the NGSI-LD Null deletes no datasetId"):
        parse_attribute("speed", {"datasetId": NULL}, CORE, PARTIAL)


def test_the_faults_shown_in_the_reference_are_the_real_ones() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "data-model.md").read_text(encoding="utf-8")
    ring = [[0, 0], [1, 0], [1, 1], [0, 1]]
    told = [
        fault_of({"value": 1, "observedAt": "2026-01-31T08:00:00+07:00"}),
        fault_of({"type": "Relationship", "value": 1}, "isParked"),
        fault_of([{"value": 1}, {"value": 2}]),
        fault_of({"type": "GeoProperty", "value": {"type": "Polygon", "coordinates": [ring]}}, "location"),
    ]
    assert "\n".join(told) in page
