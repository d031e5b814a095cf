"""A document in other names is read as the same entity."""

from dothi.model.context import core_context, parse
from dothi.model.parse import parse_entity
from dothi.model.renaming import renamed_entity

OLD = parse([{"Bus": "https://c.example/Bus", "v": "https://c.example/speed", "u": "https://c.example/unit"}], "old")
NEW = parse([{"Xe": "https://c.example/Bus", "tocDo": "https://c.example/speed"}], "new")

DOCUMENT = {
    "id": "urn:x:1",
    "type": ["Bus", "Vehicle"],
    "scope": "/a",
    "v": [
        {"type": "Property", "value": 1, "u": {"type": "Property", "value": "km/h"}},
        {"type": "Property", "value": {"v": 1, "u": 2}, "datasetId": "urn:d:1"},
    ],
    "stop": {"type": "Relationship", "object": "urn:s:1", "objectType": "Bus"},
    "kind": {"type": "VocabProperty", "vocab": ["Bus", "other"]},
    "plain": {"v": {"deep": 1}},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106, 11]}},
}


def test_a_renamed_entity_is_the_same_entity():
    renamed = renamed_entity(DOCUMENT, OLD, NEW)
    assert renamed["type"] == ["Xe", "Vehicle"]
    assert set(renamed) == {"id", "type", "scope", "tocDo", "stop", "kind", "plain", "location"}
    assert parse_entity(renamed, NEW) == parse_entity(DOCUMENT, OLD)


def test_what_the_core_context_cannot_name_becomes_whole_iris():
    renamed = renamed_entity(DOCUMENT, OLD, core_context())
    assert "https://c.example/speed" in renamed
    assert parse_entity(renamed, core_context()) == parse_entity(DOCUMENT, OLD)
