"""What a query means for an entity: the sentences of GS CIM 009 clause 4.9, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model.entity import Entity
from dothi.model.geo import LOCATION, parse_geo
from dothi.model.match import compile_match, matches
from dothi.model.qlang import parse_query
from dothi.model.query import AllOf, EntityQuery, Name

NOON = 1_769_860_800_000_000


def q(text: str, attributes: dict[str, Any], **query: Any) -> bool:
    """Whether an entity with these attributes matches a q text; names stand for themselves behind x:."""
    entity = Entity("urn:x:1", ("x:T",), attributes, ("/a/b",), NOON, NOON)
    return matches(entity, EntityQuery(q=parse_query(text, lambda name: "x:" + name), **query))


def prop(value: Any, **members: Any) -> dict[str, Any]:
    return {"x:a": {"type": "Property", "value": value, **members}}


def languages(**texts: Any) -> dict[str, Any]:
    return {"x:a": {"type": "LanguageProperty", "languageMap": texts}}


RED = languages(en="red", fr=["rouge", "carmin"])


@pytest.mark.parametrize(
    ("text", "attributes", "expected"),
    [
        ("a", prop(1), True),
        ("b", prop(1), False),
        # Numbers, texts, booleans and times are never equal to one another.
        ("a==1", prop(1), True),
        ("a==1", prop(1.0), True),
        ("a==1", prop("1"), False),
        ("a==1", prop(True), False),
        ("a==true", prop(True), True),
        ("a==true", prop(1), False),
        ("a==true", prop("true"), False),
        ('a!="1"', prop(1), True),
        ("a!=1", prop(1), False),
        # Unequal needs the element to be there.
        ("b!=1", prop(1), False),
        ("a>0", prop("1"), False),
        ('a>"a"', prop("b"), True),
        ("a==1,2", prop(2), True),
        ("a!=1,2", prop(2), False),
        ("a==10..20", prop(20), True),
        ("a!=10..20", prop(20), False),
        ('a=="a".."c"', prop("b"), True),
        # Arrays: equality looks into them, order and patterns do not.
        ('a=="red"', prop(["blue", "red"]), True),
        ('a!="red"', prop(["blue", "red"]), False),
        ('a!="red"', prop(["blue"]), True),
        ("a>1", prop([2]), False),
        ('a~="red"', prop(["red"]), False),
        # Patterns are for texts.
        ('a~="^R"', prop("Red"), True),
        ('a!~="^R"', prop("Red"), False),
        ('a!~="^R"', prop("Blue"), True),
        ('a~="1"', prop(1), False),
        ('a!~="1"', prop(2), False),
        # Times are compared as instants.
        ("a==2026-01-31T12:00:00Z", prop("2026-01-31T19:00:00+07:00"), True),
        ("a>2026-01-31T12:00:00Z", prop("2026-01-31T12:00:00.000001Z"), True),
        ("a>=2026-01-31T12:00:00Z", prop({"@type": "DateTime", "@value": "2026-01-31T12:00:00Z"}), True),
        ("a>2026-01-01T00:00:00Z", prop(NOON), False),
        ("a<2026-02-01", prop("2026-01-31"), True),
        ("a<2026-02-01", prop("2026-01-31T00:00:00Z"), False),
        ("a==12:00:00.5Z", prop("12:00:00,500Z"), True),
        ("a.observedAt>=2026-01-31T12:00:00Z", prop(1, observedAt="2026-01-31T12:00:00Z"), True),
        ("a.observedAt<2026-01-31T12:00:00Z", prop(1, observedAt="2026-01-31T12:00:00.5Z"), False),
        ("a.createdAt==2026-01-31T12:00:00Z", prop(1, createdAt=NOON), True),
        ("createdAt==2026-01-31T12:00:00Z", {}, True),
        ("modifiedAt>2026-01-31T12:00:00Z", {}, False),
        ('a.unitCode=="CEL"', prop(1, unitCode="CEL"), True),
        ("a.unitCode", prop(1), False),
        # Members of a value, sub-attributes.
        ("a[b.c]==40", prop({"b": {"c": 40}}), True),
        ("a[b.d]!=40", prop({"b": {"c": 40}}), False),
        ("a[b]", prop({"b": None}), True),
        ("a.b==2", prop(1, **{"x:b": {"type": "Property", "value": 2}}), True),
        ("a.b[c]==2", prop(1, **{"x:b": {"type": "JsonProperty", "json": {"c": 2}}}), True),
        # Relationships know equality only; quoted and bare URIs mean the same.
        ('a=="urn:x:2"', {"x:a": {"type": "Relationship", "object": "urn:x:2"}}, True),
        ("a==urn:x:2", {"x:a": {"type": "Relationship", "object": ["urn:x:1", "urn:x:2"]}}, True),
        ("a!=urn:x:2", {"x:a": {"type": "Relationship", "object": ["urn:x:1", "urn:x:2"]}}, False),
        ('a>"urn"', {"x:a": {"type": "Relationship", "object": "urn:x:2"}}, False),
        ('a~="urn"', {"x:a": {"type": "Relationship", "object": "urn:x:2"}}, False),
        ("a==urn:x:2", {"x:a": {"type": "ListRelationship", "objectList": [{"object": "urn:x:2"}]}}, True),
        ("a==3", {"x:a": {"type": "ListProperty", "valueList": [1, 3]}}, True),
        ("a==x:Male", {"x:a": {"type": "VocabProperty", "vocab": ["x:Male"]}}, True),
        # Language maps: one language by [en], any without.
        ('a[en]=="red"', RED, True),
        ('a[fr]=="red"', RED, False),
        ('a[fr]=="carmin"', RED, True),
        ('a=="carmin"', RED, True),
        ('a[*]=="red"', RED, True),
        ('a[en]!="rouge"', RED, True),
        ('a[*]!="rouge"', RED, False),
        ('a[de]!="rot"', RED, False),
        ('a~="^carm"', RED, True),
        ('a!~="^carm"', RED, False),
        ("a[fr]", RED, True),
        ("a[de]", RED, False),
        # Any of several instances may satisfy.
        ("a==1;a==2", {"x:a": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2}]}, True),
        ("a!=1", {"x:a": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2}]}, True),
        ("a==1;b|a==2", prop(2), True),
    ],
)
def test_q_means_what_clause_4_9_says(text: str, attributes: dict[str, Any], expected: bool) -> None:
    assert q(text, attributes) is expected


def test_only_instances_of_the_asked_datasets_count() -> None:
    attributes = {
        "x:a": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d"}],
    }
    assert q("a==2", attributes, dataset_ids=("urn:d",))
    assert not q("a==1", attributes, dataset_ids=("urn:d",))
    assert q("a==1", attributes, dataset_ids=("@none",))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (EntityQuery(), True),
        (EntityQuery(ids=("urn:x:1", "urn:x:2")), True),
        (EntityQuery(ids=("urn:x:2",)), False),
        (EntityQuery(id_pattern="^urn:x:[0-9]$"), True),
        (EntityQuery(types=AllOf((Name("x:T"), Name("x:U")))), False),
        (EntityQuery(attributes=("x:b", LOCATION)), True),
        (EntityQuery(attributes=("x:b",)), False),
        (EntityQuery(scope=Name("/a/#")), True),
        (EntityQuery(scope=Name("/a")), False),
        (EntityQuery(geo=parse_geo("near;maxDistance==2000", "Point", "[106.65,10.98]")), True),
        (EntityQuery(geo=parse_geo("near;minDistance==2000", "Point", "[106.65,10.98]")), False),
        (EntityQuery(geo=parse_geo("near;maxDistance==2000", "Point", "[106.65,10.98]", "x:elsewhere")), False),
        (EntityQuery(types=Name("x:T"), id_pattern="9"), False),
    ],
)
def test_every_part_of_a_query_must_hold(query: EntityQuery, expected: bool) -> None:
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.66, 10.98]}}
    assert compile_match(query)(Entity("urn:x:1", ("x:T",), {LOCATION: place}, ("/a/b",))) is expected
