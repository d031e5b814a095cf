"""Creating, replacing, appending, updating, upserting and deleting: the state after it and what changed."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model import patch
from dothi.model.attribute import CREATE
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.errors import ResourceNotFound
from dothi.model.parse import parse_attribute, parse_entity, parse_fragment
from dothi.model.patch import Outcome

V = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE = core_context()
NULL = "urn:ngsi-ld:null"
ID = "urn:ngsi-ld:Vehicle:1"


def draft(type: str = "Vehicle", **members: Any) -> Entity:
    return parse_entity({"id": ID, "type": type, **members}, CORE)


def stored(at: int = 10, **members: Any) -> Entity:
    return patch.create(draft(**members), at).entity


def told(outcome: Outcome) -> list[tuple[str, str | None, Any, Any]]:
    """The changes with short names and bare values."""
    return [
        (
            change.name.removeprefix(V),
            change.dataset,
            change.before and change.before["value"],
            change.after and change.after["value"],
        )
        for change in outcome.changes
    ]


def values(entity: Entity, name: str) -> Any:
    found = entity.attributes.get(V + name)
    if isinstance(found, list):
        return {each.get("datasetId"): each["value"] for each in found}
    return found and found["value"]


TWO = [{"value": 1}, {"value": 2, "datasetId": "urn:d:2"}]


def test_create_stamps_the_entity_and_each_instance() -> None:
    outcome = patch.create(draft(speed=TWO, name="bus", scope="/A"), 10)
    entity = outcome.entity
    assert (entity.created, entity.modified, entity.scopes, outcome.changed) == (10, 10, ("/A",), True)
    assert entity.attributes[V + "name"] == {"type": "Property", "value": "bus", "createdAt": 10, "modifiedAt": 10}
    assert told(outcome) == [("speed", None, None, 1), ("speed", "urn:d:2", None, 2), ("name", None, None, "bus")]


def test_replace_drops_what_is_not_there_any_more_and_keeps_times_of_creation() -> None:
    old = stored(speed=TWO, name="bus", colour="red")
    outcome = patch.replace(old, draft(speed=[TWO[1]], colour="blue", size=3), 20)
    assert told(outcome) == [
        ("speed", None, 1, None),
        ("colour", None, "red", "blue"),
        ("size", None, None, 3),
        ("name", None, "bus", None),
    ]
    assert (outcome.entity.created, outcome.entity.modified) == (10, 20)
    colour, speed = outcome.entity.attributes[V + "colour"], outcome.entity.attributes[V + "speed"]
    assert not isinstance(colour, list)
    assert not isinstance(speed, list)
    assert (colour["createdAt"], colour["modifiedAt"]) == (10, 20)
    assert (speed["createdAt"], speed["modifiedAt"]) == (10, 10)


def test_replace_by_the_same_changes_nothing() -> None:
    old = stored(speed=TWO, name="bus", scope="/A")
    outcome = patch.replace(old, draft(speed=TWO, name="bus", scope="/A"), 20)
    assert outcome.entity is old
    assert (outcome.changes, outcome.changed) == ((), False)


def test_append_overwrites_or_leaves_alone() -> None:
    old = stored(speed=TWO, scope="/A")
    fragment = parse_fragment(
        {"type": "Bus", "speed": {"value": 9, "datasetId": "urn:d:2"}, "name": "bus", "scope": ["/B", "/A"]},
        CORE,
        CREATE,
    )
    over = patch.append(old, fragment, 20)
    assert told(over) == [("speed", "urn:d:2", 2, 9), ("name", None, None, "bus")]
    assert (over.entity.types, over.entity.scopes) == ((V + "Vehicle", V + "Bus"), ("/B", "/A"))
    kept = patch.append(old, fragment, 20, overwrite=False)
    assert told(kept) == [("name", None, None, "bus")]
    assert [(each.name, each.dataset) for each in kept.not_updated] == [(V + "speed", "urn:d:2")]
    assert kept.updated == (V + "name",)
    assert kept.entity.scopes == ("/A", "/B")


def test_update_replaces_whole_instances_adds_missing_ones_and_deletes_by_null() -> None:
    old = stored(temperature={"value": 25, "unitCode": "CEL"}, name="bus", speed=TWO)
    fragment = parse_fragment(
        {
            "temperature": {"value": 100},
            "name": {"type": "Property", "value": NULL},
            "size": 3,
            "speed": {"value": NULL, "datasetId": "urn:d:2"},
        },
        CORE,
    )
    outcome = patch.update(old, fragment, 20)
    assert told(outcome) == [
        ("temperature", None, 25, 100),
        ("name", None, "bus", None),
        ("size", None, None, 3),
        ("speed", "urn:d:2", 2, None),
    ]
    temperature = outcome.entity.attributes[V + "temperature"]
    assert temperature == {"type": "Property", "value": 100, "createdAt": 10, "modifiedAt": 20}
    assert V + "name" not in outcome.entity.attributes
    assert values(outcome.entity, "speed") == 1


def test_update_tells_what_it_could_not_do() -> None:
    fragment = parse_fragment({"nothing": NULL, "scope": "/A", "size": 3}, CORE)
    outcome = patch.update(stored(), fragment, 20)
    assert {each.name for each in outcome.not_updated} == {V + "nothing", patch.SCOPE}
    assert outcome.updated == (V + "size",)
    assert outcome.entity.scopes == ()
    assert patch.update(stored(scope="/Z"), fragment, 20).entity.scopes == ("/A",)


def test_update_adds_an_instance_of_a_new_dataset() -> None:
    fragment = parse_fragment({"speed": {"value": 30, "datasetId": "urn:d:x"}}, CORE)
    outcome = patch.update(stored(speed=25), fragment, 20)
    assert values(outcome.entity, "speed") == {None: 25, "urn:d:x": 30}


def test_upsert_creates_or_replaces_attribute_by_attribute() -> None:
    assert patch.upsert(None, draft(speed=1), 10) == patch.create(draft(speed=1), 10)
    old = stored(speed=TWO, name="bus")
    outcome = patch.upsert(old, draft("Bus", speed={"value": 5}, name="bus", size=3, scope="/A"), 20)
    assert told(outcome) == [("speed", None, 1, 5), ("size", None, None, 3)]
    assert values(outcome.entity, "speed") == {None: 5, "urn:d:2": 2}
    assert outcome.entity.attributes[V + "name"] is old.attributes[V + "name"]
    assert (outcome.entity.types, outcome.entity.scopes) == ((V + "Vehicle", V + "Bus"), ("/A",))


def test_upsert_of_the_same_gives_back_the_old_entity() -> None:
    old = stored(speed=TWO, name="bus", scope="/A", expiresAt="2030-01-01T00:00:00Z")
    outcome = patch.upsert(old, draft(speed=TWO, name="bus"), 20)
    assert outcome.entity is old
    assert not outcome.changed


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (1, 1.0), ({"a": [1]}, {"a": [True]})])
def test_values_that_python_holds_equal_are_still_changes(before: Any, after: Any) -> None:
    for write in (patch.upsert, patch.replace):
        outcome = write(stored(speed={"value": before}), draft(speed={"value": after}), 20)  # type: ignore[operator]
        assert outcome.changed
        assert repr(values(outcome.entity, "speed")) == repr(after)


def test_old_entities_and_drafts_are_never_touched() -> None:
    old, new = stored(speed=TWO, name="bus"), draft(speed={"value": 5}, name={"value": 1, "of": 3})
    before, wanted = repr(old), repr(new)
    patch.upsert(old, new, 20)
    patch.replace(old, new, 20)
    patch.delete_attribute(old, V + "speed", 20, delete_all=True)
    assert (repr(old), repr(new)) == (before, wanted)


def test_replacing_an_attribute_wants_the_same_dataset_there() -> None:
    old = stored(speed=TWO)
    name, instance = parse_attribute("speed", {"value": 7, "datasetId": "urn:d:2"}, CORE, CREATE)
    assert told(patch.replace_attribute(old, name, instance, 20)) == [("speed", "urn:d:2", 2, 7)]
    name, instance = parse_attribute("speed", {"value": 7, "datasetId": "urn:d:9"}, CORE, CREATE)
    with pytest.raises(ResourceNotFound, match=r"attribute speed of urn.* has no instance with datasetId urn:d:9"):
        patch.replace_attribute(old, name, instance, 20, "speed")


def test_deleting_takes_the_default_instance_one_dataset_or_all() -> None:
    old = stored(speed=TWO)
    assert told(patch.delete_attribute(old, V + "speed", 20)) == [("speed", None, 1, None)]
    assert told(patch.delete_attribute(old, V + "speed", 20, "@none")) == [("speed", None, 1, None)]
    assert told(patch.delete_attribute(old, V + "speed", 20, "urn:d:2")) == [("speed", "urn:d:2", 2, None)]
    everything = patch.delete_attribute(old, V + "speed", 20, delete_all=True)
    assert len(everything.changes) == 2
    assert everything.entity.attributes == {}
    for arguments in ({"dataset": "urn:d:9"}, {"delete_all": True}):
        with pytest.raises(ResourceNotFound):
            patch.delete_attribute(stored(), V + "speed", 20, **arguments)


def test_deleting_the_scope_leaves_the_attributes() -> None:
    old = stored(speed=1, scope="/A")
    outcome = patch.delete_attribute(old, patch.SCOPE, 20)
    assert (outcome.entity.scopes, outcome.entity.modified, outcome.changes) == ((), 20, ())
    assert outcome.entity.attributes == old.attributes
    with pytest.raises(ResourceNotFound, match="has no scope"):
        patch.delete_attribute(stored(), patch.SCOPE, 20)


def test_an_expiry_stays_until_it_is_changed_or_deleted() -> None:
    old = stored(expiresAt="2030-01-01T00:00:00Z")
    assert patch.update(old, parse_fragment({"speed": 1}, CORE), 20).entity.expires == old.expires
    assert patch.update(old, parse_fragment({"expiresAt": NULL}, CORE), 20).entity.expires is None
    assert patch.replace(old, draft(), 20).entity.expires is None
