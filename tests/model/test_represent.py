"""Entities as JSON in every format, projected, in one language, and as GeoJSON."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model import patch
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.instant import parse_instant
from dothi.model.parse import parse_entity
from dothi.model.represent import Representation, feature, feature_collection, represent

V = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE = core_context()
ID = "urn:ngsi-ld:Building:1"
WRITTEN = parse_instant("2026-01-31T08:00:00Z")
POINT = {"type": "Point", "coordinates": [106.65, 10.98]}

NORMALIZED: dict[str, Any] = {
    "id": ID,
    "type": "Building",
    "scope": ["/BinhDuong", "/Demo"],
    "height": {"type": "Property", "value": 42, "unitCode": "MTR", "observedAt": "2026-01-31T08:00:00Z"},
    "name": {"type": "LanguageProperty", "languageMap": {"vi": "Chợ", "en": "Market"}},
    "use": {"type": "VocabProperty", "vocab": "market"},
    "uses": {"type": "VocabProperty", "vocab": ["market", "office"]},
    "owner": {
        "type": "Relationship", "object": "urn:x:1", "objectType": "Person", "since": {"type": "Property", "value": 3},
    },
    "floors": {"type": "ListProperty", "valueList": [1, 2]},
    "tenants": {"type": "ListRelationship", "objectList": [{"object": "urn:x:1"}, {"object": "urn:x:2"}]},
    "raw": {"type": "JsonProperty", "json": {"type": "x"}},
    "location": {"type": "GeoProperty", "value": POINT},
    "speed": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:2"}],
    "geometryLike": {"type": "Property", "value": POINT},
    "objectLike": {"type": "Property", "value": {"type": "PostalAddress"}},
    "plain": {"type": "Property", "value": {"street": "Yersin"}},
    "listLike": {"type": "Property", "value": [{"value": 1}]},
}  # fmt: skip

CONCISE: dict[str, Any] = {
    "id": ID,
    "type": "Building",
    "scope": ["/BinhDuong", "/Demo"],
    "height": {"value": 42, "unitCode": "MTR", "observedAt": "2026-01-31T08:00:00Z"},
    "name": {"languageMap": {"vi": "Chợ", "en": "Market"}},
    "use": {"vocab": "market"},
    "uses": {"vocab": ["market", "office"]},
    "owner": {"object": "urn:x:1", "objectType": "Person", "since": 3},
    "floors": {"valueList": [1, 2]},
    "tenants": {"objectList": ["urn:x:1", "urn:x:2"]},
    "raw": {"json": {"type": "x"}},
    "location": POINT,
    "speed": [{"value": 1}, {"value": 2, "datasetId": "urn:d:2"}],
    "geometryLike": {"type": "Property", "value": POINT},
    "objectLike": {"value": {"type": "PostalAddress"}},
    "plain": {"street": "Yersin"},
    "listLike": {"value": [{"value": 1}]},
}

SIMPLIFIED: dict[str, Any] = {
    "id": ID,
    "type": "Building",
    "scope": ["/BinhDuong", "/Demo"],
    "height": 42,
    "name": {"languageMap": {"vi": "Chợ", "en": "Market"}},
    "use": {"vocab": "market"},
    "uses": {"vocab": ["market", "office"]},
    "owner": "urn:x:1",
    "floors": [1, 2],
    "tenants": ["urn:x:1", "urn:x:2"],
    "raw": {"json": {"type": "x"}},
    "location": POINT,
    "speed": {"dataset": {"@none": 1, "urn:d:2": 2}},
    "geometryLike": POINT,
    "objectLike": {"type": "PostalAddress"},
    "plain": {"street": "Yersin"},
    "listLike": [{"value": 1}],
}


def stored(document: dict[str, Any]) -> Entity:
    return patch.create(parse_entity(document, CORE), WRITTEN).entity


BUILDING = stored(NORMALIZED)


@pytest.mark.parametrize(
    ("format", "document"), [("normalized", NORMALIZED), ("concise", CONCISE), ("simplified", SIMPLIFIED)]
)
def test_an_entity_has_three_formats(format: Any, document: dict[str, Any]) -> None:
    assert represent(BUILDING, CORE, Representation(format=format)) == document


@pytest.mark.parametrize("document", [NORMALIZED, CONCISE])
def test_both_lossless_formats_read_as_the_same_entity(document: dict[str, Any]) -> None:
    assert stored(document) == BUILDING


def test_an_answer_is_nobodys_property_but_the_readers() -> None:
    represent(BUILDING, CORE)["height"]["value"] = 99
    assert represent(BUILDING, CORE)["height"]["value"] == 42


def test_system_attributes_come_on_demand_in_normalized_and_concise() -> None:
    small = stored({"id": ID, "type": ["Building", "Market"], "height": 42, "scope": "/A"})
    times = {"createdAt": "2026-01-31T08:00:00Z", "modifiedAt": "2026-01-31T08:00:00Z"}
    assert represent(small, CORE, Representation(sys_attrs=True)) == {
        "id": ID,
        "type": ["Building", "Market"],
        "scope": "/A",
        **times,
        "height": {"type": "Property", "value": 42, **times},
    }
    assert represent(small, CORE, Representation("concise", sys_attrs=True))["height"] == {"value": 42, **times}
    assert represent(small, CORE, Representation("simplified", sys_attrs=True))["height"] == 42


def test_an_expiry_is_shown_with_sys_attrs_or_where_it_is_picked() -> None:
    end = {"expiresAt": "2030-01-01T00:00:00Z"}
    height = {"type": "Property", "value": 42}
    entity = stored({"id": ID, "type": "Building", **end, "height": {**height, **end}})
    assert represent(entity, CORE) == {"id": ID, "type": "Building", "height": height}
    shown = represent(entity, CORE, Representation(sys_attrs=True))
    assert (shown["expiresAt"], shown["height"]["expiresAt"]) == (end["expiresAt"], end["expiresAt"])
    assert represent(entity, CORE, Representation(pick=frozenset({"expiresAt"}))) == end


def test_projections_pick_omit_and_attrs() -> None:
    height, name = V + "height", V + "name"

    def members(**parts: Any) -> list[str]:
        return list(represent(BUILDING, CORE, Representation(**parts)))

    assert members(pick=frozenset({"id", height})) == ["id", "height"]
    assert members(pick=frozenset({height, name})) == ["height", "name"]
    assert members(attrs=frozenset({height})) == ["id", "type", "height"]
    assert members(omit=frozenset(BUILDING.attributes) | {"type", "scope"}) == ["id"]
    assert "createdAt" not in members(sys_attrs=True, pick=frozenset({"id"}))


def test_datasets_choose_instances() -> None:
    def shown(*datasets: str, **parts: Any) -> dict[str, Any]:
        return represent(BUILDING, CORE, Representation(dataset_ids=frozenset(datasets), **parts))

    assert shown("urn:d:2")["speed"] == {"type": "Property", "value": 2, "datasetId": "urn:d:2"}
    assert "height" not in shown("urn:d:2")
    assert shown("@none")["speed"] == {"type": "Property", "value": 1}
    assert len(shown("@none", "urn:d:2")["speed"]) == 2
    assert shown("urn:d:2", format="simplified")["speed"] == {"dataset": {"urn:d:2": 2}}


def test_one_language_is_chosen() -> None:
    how = Representation(lang="en;q=0.9,fr")
    assert represent(BUILDING, CORE, how)["name"] == {"type": "Property", "value": "Market", "lang": "en"}
    assert represent(BUILDING, CORE, Representation("simplified", lang="vi"))["name"] == "Chợ"
    assert represent(BUILDING, CORE, Representation("concise", lang="vi"))["name"] == {"value": "Chợ", "lang": "vi"}


def test_an_entity_is_a_feature() -> None:
    shown = feature(BUILDING, CORE)
    assert (shown["id"], shown["type"], shown["geometry"]) == (ID, "Feature", POINT)
    assert shown["properties"] == {key: item for key, item in NORMALIZED.items() if key != "id"}
    assert feature(BUILDING, CORE, Representation("simplified"))["properties"]["location"] == POINT


def test_a_feature_takes_the_geometry_that_is_asked_for() -> None:
    there = {"type": "Point", "coordinates": [1, 2]}
    old = stored(
        {"id": ID, "type": "T", "location": [{"value": POINT}, {"value": there, "datasetId": "urn:d:2"}], "height": 1}
    )
    assert feature(old, CORE)["geometry"] == POINT
    assert feature(old, CORE, Representation(dataset_ids=frozenset({"urn:d:2"})))["geometry"] == there
    for iri in (V + "height", V + "nothing"):
        assert feature(old, CORE, Representation(geometry_property=iri))["geometry"] is None


def test_entities_are_a_feature_collection() -> None:
    shown = feature_collection([BUILDING], CORE)
    assert shown == {"type": "FeatureCollection", "features": [feature(BUILDING, CORE)]}


def test_names_follow_the_context_of_the_reader() -> None:
    class Shouting:
        def expand(self, term: str, /) -> str:
            return V + term

        def compact(self, iri: str, /) -> str:
            return iri.removeprefix(V).upper()

    shown = represent(BUILDING, Shouting())
    assert shown["type"] == "BUILDING"
    assert shown["OWNER"] == {"type": "Relationship", "object": "urn:x:1", "objectType": "PERSON", "SINCE": {
        "type": "Property", "value": 3}}  # fmt: skip
    assert shown["USES"]["vocab"] == ["MARKET", "OFFICE"]
