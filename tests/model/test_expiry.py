"""What is past its expiresAt is gone, instance by instance, and all else stays as it is."""

from typing import Any

from dothi.model.entity import Entity
from dothi.model.expiry import expire, next_expiry, without_expired
from dothi.model.instant import parse_instant

NOON = "2026-01-31T12:00:00Z"
AT_NOON = parse_instant(NOON)


def prop(value: int, dataset: str | None = None, **members: Any) -> dict[str, Any]:
    named = {"datasetId": dataset} if dataset else {}
    return {"type": "Property", "value": value, **named, "createdAt": 1, "modifiedAt": 1, **members}


def entity(**attributes: Any) -> Entity:
    return Entity("urn:x:1", ("T",), attributes, created=1, modified=1)


def test_an_entity_without_anything_expired_is_itself() -> None:
    lasting = entity(a=prop(1), b=[prop(1), prop(2, "urn:d:1", expiresAt=NOON)])
    assert without_expired(lasting, AT_NOON - 1) is lasting
    assert not expire(lasting, AT_NOON - 1).changed


def test_expired_instances_go_and_their_siblings_stay() -> None:
    before = entity(
        gone=prop(1, expiresAt=NOON), kept=prop(2), one=[prop(3), prop(4, "urn:d:1", expiresAt=NOON)],
        none=[prop(5, expiresAt=NOON), prop(6, "urn:d:1", expiresAt=NOON)],
    )  # fmt: skip
    left = {"kept": prop(2), "one": prop(3)}
    assert without_expired(before, AT_NOON).attributes == left
    outcome = expire(before, AT_NOON)
    assert (outcome.entity.attributes, outcome.entity.modified) == (left, AT_NOON)
    assert [(change.name, change.dataset, change.after) for change in outcome.changes] == [
        ("gone", None, None), ("one", "urn:d:1", None), ("none", None, None), ("none", "urn:d:1", None),
    ]  # fmt: skip


def test_the_next_expiry_is_the_first_of_all_instances() -> None:
    assert next_expiry(entity(a=prop(1))) is None
    later = prop(2, "urn:d:1", expiresAt="2030-01-01T00:00:00Z")
    assert next_expiry(entity(a=[prop(1), later], b=prop(1, expiresAt=NOON))) == AT_NOON
