"""Feeds: the newest value is the state, older ones are history, and twice the same changes nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dothi.model.attribute import FEED
from dothi.model.context import core_context
from dothi.model.entity import Entity, instances
from dothi.model.ingest import Intake, ingest
from dothi.model.parse import parse_entity

V = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE = core_context()


def at(hour: float) -> str:
    return f"2026-01-31T{int(hour):02}:{int(hour % 1 * 60):02}:00Z"


def reading(value: Any, hour: float, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, "observedAt": at(hour), **more}


def draft(**members: Any) -> Entity:
    return parse_entity({"id": "urn:x:1", "type": "T", **members}, CORE, FEED)


def state(intake: Intake, name: str = "pm25") -> Any:
    found = intake.outcome.entity.attributes[V + name]
    return found["value"] if not isinstance(found, list) else {each.get("datasetId"): each["value"] for each in found}


def past(intake: Intake) -> list[Any]:
    return [instance["value"] for _, instance in intake.past]


def test_the_newest_of_several_becomes_the_state() -> None:
    first = ingest(None, draft(pm25=[reading(2, 2), reading(3, 3), reading(1, 1)], name="Thủ Dầu Một"), 10)
    assert (state(first), past(first)) == (3, [1, 2])
    assert all("createdAt" not in instance for _, instance in first.past)
    assert first.outcome.entity.created == 10


def test_a_value_that_is_older_than_the_state_is_history_only() -> None:
    old = ingest(None, draft(pm25=reading(5, 5)), 10).outcome.entity
    late = ingest(old, draft(pm25=reading(4, 4)), 20)
    assert late.outcome.entity is old
    assert not late.outcome.changed
    assert past(late) == [4]
    fresh = ingest(old, draft(pm25=[reading(4, 4), reading(6, 6)]), 20)
    assert (state(fresh), past(fresh)) == (6, [4])


def test_a_correction_at_the_same_time_is_a_change() -> None:
    old = ingest(None, draft(pm25=reading(5, 5)), 10).outcome.entity
    corrected = ingest(old, draft(pm25=reading(7, 5)), 20)
    assert (state(corrected), past(corrected)) == (7, [])


def test_a_value_without_time_always_comes_to_the_state() -> None:
    old = ingest(None, draft(pm25=reading(5, 5), name="A"), 10).outcome.entity
    fresh = ingest(old, draft(pm25=8, name="B"), 20)
    assert (state(fresh), state(fresh, "name")) == (8, "B")
    assert state(ingest(fresh.outcome.entity, draft(pm25=reading(4, 4)), 30)) == 4


def test_fractions_of_seconds_order_rightly() -> None:
    half = {"type": "Property", "value": 1.5, "observedAt": "2026-01-31T01:00:00.5Z"}
    old = ingest(None, draft(pm25=half), 10).outcome.entity
    assert past(ingest(old, draft(pm25=reading(1, 1)), 20)) == [1]


def test_datasets_have_a_newest_each() -> None:
    low, high = {"datasetId": "urn:d:low"}, {"datasetId": "urn:d:high"}
    several = [reading(1, 1, **low), reading(2, 2, **low), reading(9, 9, **high), reading(8, 8, **high)]
    first = ingest(None, draft(pm25=several), 10)
    assert (state(first), past(first)) == ({"urn:d:low": 2, "urn:d:high": 9}, [1, 8])
    second = ingest(first.outcome.entity, draft(pm25=[reading(3, 3, **low), reading(7, 7, **high)]), 20)
    assert (state(second), past(second)) == ({"urn:d:low": 3, "urn:d:high": 9}, [7])


readings = st.lists(
    st.builds(
        reading, st.integers(0, 3), st.integers(0, 23), datasetId=st.sampled_from(["@none", "urn:d:a", "urn:d:b"])
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda each: (each["observedAt"], each["datasetId"]),
)


@given(readings)
def test_loading_twice_changes_nothing(found: list[dict[str, Any]]) -> None:
    loaded = draft(pm25=found, name="A")
    first = ingest(None, loaded, 10)
    second = ingest(first.outcome.entity, loaded, 20)
    assert second.outcome.entity is first.outcome.entity
    assert second.past == first.past


@given(readings, readings)
def test_the_state_is_the_newest_in_whatever_parts_it_comes(one: list[Any], other: list[Any]) -> None:
    both = {(each["observedAt"], each["datasetId"]): each for each in one + other}
    whole = ingest(None, draft(pm25=list(both.values())), 10).outcome.entity
    parts = ingest(ingest(None, draft(pm25=one), 10).outcome.entity, draft(pm25=other), 10).outcome.entity

    def newest(entity: Entity) -> dict[Any, Any]:
        return {each.get("datasetId"): each["observedAt"] for each in instances(entity.attributes[V + "pm25"])}

    assert newest(parts) == newest(whole)
