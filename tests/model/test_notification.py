"""Notification documents: every attribute kind before, after and gone, and where the context stands."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model.change import AttributeChange
from dothi.model.context import core_context
from dothi.model.entity import VALUE_MEMBER, Entity
from dothi.model.notification import (
    element,
    linkable,
    names_context_in_header,
    notification,
    notified,
    representation,
)
from dothi.model.subscription import Subscription, read_subscription

CORE = core_context()
V = CORE.expand("v")
VALUES: dict[str, tuple[Any, Any]] = {
    "Property": (1, 2),
    "GeoProperty": ({"type": "Point", "coordinates": [1, 2]}, {"type": "Point", "coordinates": [3, 4]}),
    "Relationship": ("urn:x:1", "urn:x:2"),
    "LanguageProperty": ({"vi": "một"}, {"vi": "hai"}),
    "VocabProperty": (CORE.expand("one"), CORE.expand("two")),
    "JsonProperty": ({"a": 1}, {"a": None}),
    "ListProperty": ([1, 2], [3]),
    "ListRelationship": (["urn:x:1"], ["urn:x:2"]),
}


def notified_entity(wanted: Subscription, entity: Entity, changes: Any, deleted: int | None, context: Any) -> Any:
    told = notified(wanted, entity, changes, deleted)
    return element(wanted, told, representation(wanted), deleted, context)


def subscription(accept: str = "application/json", triggers: list[str] | None = None, **more: Any) -> Subscription:
    return read_subscription(
        {
            "id": "urn:ngsi-ld:Subscription:1",
            "type": "Subscription",
            "entities": [{"type": "*"}],
            "notificationTrigger": triggers or ["attributeUpdated"],
            "notification": {
                "endpoint": {"uri": "http://example.org/", "accept": accept, **more.pop("at", {})},
                **more,
            },
        }
    )


def instance(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, VALUE_MEMBER[kind]: value, "createdAt": 1_000_000, "modifiedAt": 2_000_000, **more}


@pytest.mark.parametrize("kind", VALUES)
def test_the_value_before_stands_beside_the_new_one(kind: str) -> None:
    old, new = VALUES[kind]
    before, after = instance(kind, old), instance(kind, new)
    entity = Entity("urn:x:e", ("T",), {V: after})
    change = AttributeChange(V, None, before, after)
    told = notified_entity(subscription(showChanges=True), entity, [change], None, CORE)["v"]
    member = VALUE_MEMBER[kind]
    previous = "previous" + member[0].upper() + member[1:]
    shown = {"one": "one", "two": "two"}
    assert told[previous] == (shown["one"] if kind == "VocabProperty" else old)
    assert member in told
    plain = notified_entity(subscription(), entity, [change], None, CORE)["v"]
    assert previous not in plain
    assert entity.attributes == {V: after}


@pytest.mark.parametrize("kind", VALUES)
def test_what_is_deleted_is_null_in_every_format(kind: str) -> None:
    before = instance(kind, VALUES[kind][0])
    entity = Entity("urn:x:e", ("T",), {}, modified=3_000_000)
    change = AttributeChange(V, None, before, None)
    for form in ("normalized", "concise", "keyValues"):
        told = notified_entity(subscription(triggers=["attributeDeleted"], format=form), entity, [change], None, CORE)
        assert "urn:ngsi-ld:null" in str(told["v"])
    timed = notified_entity(subscription(triggers=["attributeDeleted"], sysAttrs=True), entity, [change], None, CORE)
    assert timed["v"]["deletedAt"] == "1970-01-01T00:00:03Z"
    assert timed["v"]["createdAt"] == "1970-01-01T00:00:01Z"
    assert "v" not in notified_entity(subscription(), entity, [change], None, CORE)


def test_one_deleted_instance_stands_among_the_others() -> None:
    kept, gone = instance("Property", 1), instance("Property", 2, datasetId="urn:x:d")
    entity = Entity("urn:x:e", ("T",), {V: kept})
    change = AttributeChange(V, "urn:x:d", gone, None)
    told = notified_entity(subscription(triggers=["attributeDeleted"]), entity, [change], None, CORE)
    assert told["v"] == [
        {"type": "Property", "value": 1},
        {"type": "Property", "value": "urn:ngsi-ld:null", "datasetId": "urn:x:d"},
    ]


def test_an_attribute_that_is_wholly_gone_is_told_by_one_null() -> None:
    gone = [instance("Property", 1), instance("Property", 2, datasetId="urn:x:d")]
    changes = [AttributeChange(V, each.get("datasetId"), each, None) for each in gone]
    triggers = ["attributeDeleted"]
    told = notified_entity(subscription(triggers=triggers), Entity("urn:x:e", ("T",), {}), changes, None, CORE)
    assert told["v"] == {"type": "Property", "value": "urn:ngsi-ld:null"}
    entity = Entity("urn:x:e", ("T",), {V: gone})
    assert notified_entity(subscription(triggers=triggers), entity, (), 1, CORE)["v"] == told["v"]


def test_a_deleted_entity_tells_its_attributes_only_where_asked() -> None:
    entity = Entity("urn:x:e", ("T",), {V: instance("Property", 1)}, created=1_000_000, modified=1_000_000)
    plain = notified_entity(subscription(triggers=["entityDeleted"]), entity, (), 5_000_000, CORE)
    assert plain == {"id": "urn:x:e", "type": "T", "deletedAt": "1970-01-01T00:00:05Z"}
    changes = notified_entity(subscription(triggers=["entityDeleted"], showChanges=True), entity, (), 5_000_000, CORE)
    assert changes["v"] == {"type": "Property", "value": "urn:ngsi-ld:null", "previousValue": 1}
    watched = notified_entity(subscription(triggers=["attributeDeleted"]), entity, (), 5_000_000, CORE)
    assert watched["v"] == {"type": "Property", "value": "urn:ngsi-ld:null"}
    timed = notified_entity(subscription(triggers=["entityDeleted"], sysAttrs=True), entity, (), 5_000_000, CORE)
    assert set(timed) == {"id", "type", "createdAt", "modifiedAt", "deletedAt"}


def test_the_context_stands_where_the_media_type_says() -> None:
    entity: dict[str, Any] = {"id": "urn:x:e", "type": "T"}
    json = notification(subscription(), "1-2", 0, [dict(entity)], "C")
    assert json["id"] == "urn:ngsi-ld:Notification:Subscription:1:1-2"
    assert json["data"] == [entity]
    assert "@context" not in json
    assert names_context_in_header(subscription())
    linked = notification(subscription("application/ld+json"), "1-2", 0, [dict(entity)], ["C"])
    assert linked["@context"] == ["C"]
    assert linked["data"][0]["@context"] == "C"
    assert not names_context_in_header(subscription("application/ld+json"))
    geo = notification(subscription("application/geo+json"), "1-2", 0, [dict(entity)], "C")
    assert geo["data"] == {"type": "FeatureCollection", "features": [entity], "@context": "C"}
    plain = subscription("application/geo+json", at={"receiverInfo": [{"key": "Prefer", "value": "body=json"}]})
    assert "@context" not in notification(plain, "1-2", 0, [dict(entity)], "C")["data"]
    assert names_context_in_header(plain)


def test_one_address_stands_for_a_context_where_it_can() -> None:
    core = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
    assert linkable("https://example.org/c") == "https://example.org/c"
    assert linkable(["https://example.org/c", core]) == "https://example.org/c"
    assert linkable([core]) == core
    assert linkable(["https://example.org/c", "https://example.org/d"]) is None
    assert linkable([{"a": "b"}, core]) is None
    assert linkable({"a": "b"}) is None
