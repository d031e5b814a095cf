"""The past of an entity: instances, values over time, aggregates, and what was deleted."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model.context import core_context
from dothi.model.instant import parse_instant
from dothi.model.represent import Representation
from dothi.model.temporal import represent_aggregates, represent_history
from dothi.storage.store import Bucket, History

V = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE = core_context()
POINT = {"type": "Point", "coordinates": [1, 2]}
ONE, TWO, THREE = (f"2026-01-31T0{hour}:00:00Z" for hour in (1, 2, 3))


def history(scopes: tuple[str, ...] = (), deleted: int | None = None, **attributes: Any) -> History:
    past = {V + name: found for name, found in attributes.items()}
    return History("urn:x:1", (V + "Vehicle",), scopes, parse_instant(ONE), parse_instant(TWO), past, deleted)


def measured(value: Any, at: str, **more: Any) -> dict[str, Any]:
    recorded = parse_instant(THREE)
    return {
        "type": "Property",
        "value": value,
        "observedAt": at,
        "instanceId": f"urn:i:{value}",
        "createdAt": recorded,
        "modifiedAt": recorded,
        **more,
    }


def test_normalized_is_an_array_of_instances_with_their_ids() -> None:
    shown = represent_history(history(speed=[measured(120, ONE), measured(80, TWO)]), CORE)
    assert shown == {
        "id": "urn:x:1",
        "type": "Vehicle",
        "speed": [
            {"type": "Property", "value": 120, "observedAt": ONE, "instanceId": "urn:i:120"},
            {"type": "Property", "value": 80, "observedAt": TWO, "instanceId": "urn:i:80"},
        ],
    }


def test_concise_leaves_out_the_type() -> None:
    shown = represent_history(history(speed=[measured(120, ONE)]), CORE, form="concise")
    assert shown["speed"] == [{"value": 120, "observedAt": ONE, "instanceId": "urn:i:120"}]


def test_times_of_recording_come_with_sys_attrs_or_as_the_time_asked_for() -> None:
    past = history(speed=[measured(120, ONE)])
    shown = represent_history(past, CORE, Representation(sys_attrs=True))
    assert (shown["createdAt"], shown["modifiedAt"]) == (ONE, TWO)
    assert (shown["speed"][0]["createdAt"], shown["speed"][0]["modifiedAt"]) == (THREE, THREE)
    asked = represent_history(past, CORE, time="createdAt")["speed"][0]
    assert asked["createdAt"] == THREE
    assert "modifiedAt" not in asked


@pytest.mark.parametrize(
    ("kind", "stored", "member", "shown"),
    [
        ("Property", {"value": 1}, "values", 1),
        ("GeoProperty", {"value": POINT}, "values", POINT),
        ("Relationship", {"object": "urn:x:2"}, "objects", "urn:x:2"),
        ("LanguageProperty", {"languageMap": {"vi": "Chợ"}}, "languageMaps", {"languageMap": {"vi": "Chợ"}}),
        ("VocabProperty", {"vocab": [V + "a"]}, "vocabs", {"vocab": ["a"]}),
        ("JsonProperty", {"json": {"a": 1}}, "jsons", {"json": {"a": 1}}),
        ("ListProperty", {"valueList": [1]}, "valueLists", [1]),
        ("ListRelationship", {"objectList": ["urn:x:2"]}, "objectLists", ["urn:x:2"]),
    ],
)  # fmt: skip
def test_values_over_time_have_a_member_for_each_kind(kind: str, stored: Any, member: str, shown: Any) -> None:
    past = history(it=[{"type": kind, **stored, "observedAt": ONE, "instanceId": "urn:i:1"}])
    assert represent_history(past, CORE, form="temporalValues")["it"] == {"type": kind, member: [[shown, ONE]]}


def test_values_over_time_are_apart_for_each_dataset() -> None:
    past = history(
        speed=[measured(1, ONE), measured(2, TWO), measured(3, ONE, datasetId="urn:d:1")],
        fuel=[measured(9, ONE, datasetId="urn:d:1")],
    )
    shown = represent_history(past, CORE, form="temporalValues")
    assert shown["speed"] == [
        {"type": "Property", "values": [[1, ONE], [2, TWO]]},
        {"type": "Property", "datasetId": "urn:d:1", "values": [[3, ONE]]},
    ]
    assert shown["fuel"] == {"type": "Property", "datasetId": "urn:d:1", "values": [[9, ONE]]}
    only = Representation(dataset_ids=frozenset({"@none"}))
    assert list(represent_history(past, CORE, only, form="temporalValues")) == ["id", "type", "speed"]


def test_values_over_time_take_the_time_asked_for() -> None:
    past = history(speed=[measured(1, ONE)])
    shown = represent_history(past, CORE, form="temporalValues", time="modifiedAt")
    assert shown["speed"]["values"] == [[1, THREE]]
    unobserved = {key: item for key, item in measured(1, ONE).items() if key != "observedAt"}
    assert represent_history(history(speed=[unobserved]), CORE, form="temporalValues")["speed"]["values"] == [
        [1, THREE]
    ]


@pytest.mark.parametrize(
    ("kind", "member", "null"),
    [
        ("Property", "value", "urn:ngsi-ld:null"),
        ("Relationship", "object", "urn:ngsi-ld:null"),
        ("LanguageProperty", "languageMap", {"@none": "urn:ngsi-ld:null"}),
        ("ListProperty", "valueList", ["urn:ngsi-ld:null"]),
    ],
)
def test_a_deleted_instance_is_the_null_and_when(kind: str, member: str, null: Any) -> None:
    gone = {"type": kind, member: None, "deletedAt": parse_instant(TWO), "instanceId": "urn:i:1"}
    shown = represent_history(history(it=[gone]), CORE)
    assert shown["it"] == [{"type": kind, member: null, "deletedAt": TWO, "instanceId": "urn:i:1"}]
    over_time = represent_history(history(it=[gone]), CORE, form="temporalValues", time="deletedAt")["it"]
    assert next(iter(over_time[f"{member}s"]))[1] == TWO


def test_a_deleted_entity_tells_when() -> None:
    past = history(deleted=parse_instant(THREE))
    assert represent_history(past, CORE, time="deletedAt")["deletedAt"] == THREE
    assert "deletedAt" not in represent_history(past, CORE)


def test_the_scope_is_a_property_over_time() -> None:
    past = history(scopes=("/A", "/B"))
    assert represent_history(past, CORE)["scope"] == [{"type": "Property", "value": ["/A", "/B"], "observedAt": TWO}]
    shown = represent_history(past, CORE, form="temporalValues")
    assert shown["scope"] == {"type": "Property", "values": [[["/A", "/B"], TWO]]}


def test_projection_and_language_hold_for_the_past_too() -> None:
    name = {"type": "LanguageProperty", "languageMap": {"vi": "Chợ", "en": "Market"}, "observedAt": ONE}
    past = history(name=[name], speed=[measured(1, ONE)])
    how = Representation(pick=frozenset({"id", V + "name"}), lang="en")
    assert represent_history(past, CORE, how) == {
        "id": "urn:x:1",
        "name": [{"type": "Property", "value": "Market", "lang": "en", "observedAt": ONE}],
    }


def test_aggregates_are_value_start_and_end_for_each_method() -> None:
    one, two, three = map(parse_instant, (ONE, TWO, THREE))
    buckets = [Bucket(one, two, {"avg": 2.5, "max": 3}), Bucket(two, three, {"avg": None, "max": 7})]
    shown = represent_aggregates(history(), {V + "speed": buckets}, ("avg", "max"), CORE)
    assert shown == {
        "id": "urn:x:1",
        "type": "Vehicle",
        "speed": {"type": "Property", "avg": [[2.5, ONE, TWO]], "max": [[3, ONE, TWO], [7, TWO, THREE]]},
    }
    kinds = {V + "speed": "Relationship"}
    counted = represent_aggregates(history(), {V + "speed": []}, ("totalCount",), CORE, kinds=kinds)
    assert counted["speed"] == {"type": "Relationship", "totalCount": []}
