"""Which part of a request a registration answers, held against the slow obvious way."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.registration import (
    Coverage,
    EntityInfo,
    Information,
    Part,
    Registration,
    claims,
    contradiction,
    covering,
)
from dothi.model.selection import parse_scopes

A, B, C = "urn:x:a", "urn:x:b", "urn:x:c"


def registration(*information: Information, **more: object) -> Registration:
    defaults: dict[str, object] = {
        "id": "urn:x:source",
        "endpoint": "http://there.example",
        "operations": frozenset({"queryEntity", "updateAttrs"}),
    }
    return Registration(information=information, **{**defaults, **more})  # type: ignore[arg-type]


def cover(registered: Registration, operation: str | None = "queryEntity", **asked: object) -> Coverage | None:
    return covering(registered, operation, now=0, **asked)  # type: ignore[arg-type]


def test_a_query_is_narrowed_to_the_types_ids_and_attributes_that_are_registered() -> None:
    registered = registration(
        Information((EntityInfo(("Bus",), id=A), EntityInfo(("Bus",), id=B)), ("speed", "line"), ("stop",)),
        Information((EntityInfo(("Tram",)),)),
    )
    found = cover(registered, types=("Bus", "Car"), attributes=("speed", "colour"))
    assert found is not None
    assert found.parts == (Part((A, B), None, ("Bus",), frozenset({"speed"})),)
    assert (found.ids, found.types, found.attributes, found.positions) == ((A, B), ("Bus",), {"speed"}, (0,))
    everything = cover(registered)
    assert everything is not None
    assert (everything.ids, everything.types, everything.attributes) == ((), ("Bus", "Tram"), None)
    assert cover(registered, types=("Bus",), attributes=("colour",)) is None
    assert cover(registered, types=("Car",)) is None
    assert cover(registered, ids=(C,), types=("Bus",)) is None


def test_a_write_of_one_entity_learns_which_of_its_attributes_go_there() -> None:
    registered = registration(Information((EntityInfo(("Bus",), id=A),), ("speed",)))
    found = cover(registered, "updateAttrs", ids=(A,), attributes=("speed", "line"))
    assert found is not None
    assert found.attributes == {"speed"}
    assert cover(registered, "deleteEntity", ids=(A,)) is None


def test_patterns_meet_ids_on_both_sides_and_two_patterns_may_meet() -> None:
    registered = registration(Information((EntityInfo(("Bus",), id_pattern="^urn:x:[ab]$"),)))
    found = cover(registered, ids=(A, C))
    assert found is not None
    assert (found.ids, found.id_pattern) == ((A,), None)
    asked = cover(registered, id_pattern="c$")
    assert asked is not None
    assert asked.id_pattern == "c$"
    open_question = cover(registered)
    assert open_question is not None
    assert open_question.id_pattern == "^urn:x:[ab]$"
    named = registration(Information((EntityInfo(("Bus",), id=A),)))
    assert cover(named, id_pattern="b$") is None
    assert cover(named, id_pattern="a$") is not None


def test_attributes_without_entities_are_of_any_entity() -> None:
    registered = registration(Information((), ("speed",)))
    found = cover(registered, ids=(A,), types=("Bus",))
    assert found is not None
    assert found.parts == (Part((A,), None, ("Bus",), frozenset({"speed"})),)


def test_expired_and_scoped_sources_answer_only_what_is_theirs() -> None:
    info = Information((EntityInfo(("Bus",)),))
    registered = registration(info, expires=100, scopes=("/city/north",))
    assert covering(registered, None, now=99) is not None
    assert covering(registered, None, now=100) is None
    assert cover(registered, scope=parse_scopes("/city/#")) is not None
    assert cover(registered, scope=parse_scopes("/land/#")) is None
    assert cover(registration(info), scope=parse_scopes("/land/#")) is not None


names = st.sampled_from(["p", "q", "r"])
kinds = st.lists(st.sampled_from(["S", "T"]), min_size=1, max_size=2, unique=True).map(tuple)
ids = st.sampled_from([A, B, C])
patterns = st.sampled_from(["a$", "[bc]$", "x"])
infos = st.builds(EntityInfo, kinds, st.none() | ids, st.none() | patterns)
maybe_names = st.none() | st.lists(names, min_size=1, max_size=2, unique=True).map(tuple)
elements = st.builds(Information, st.lists(infos, max_size=2).map(tuple), maybe_names, maybe_names)


@given(st.lists(elements, min_size=1, max_size=3), st.lists(ids, unique=True), kinds | st.just(()), st.sets(names))
def test_what_is_covered_is_what_each_entity_and_attribute_by_itself_would_be(
    information: list[Information], asked_ids: list[str], types: tuple[str, ...], attributes: set[str]
) -> None:
    registered = registration(*information)
    found = cover(registered, ids=asked_ids, types=types, attributes=attributes)
    for id in asked_ids or (A, B, C):
        for type in types or ("S", "T"):
            for name in attributes or ("p", "q", "r"):
                held = any(holds(element, id, type, name) for element in information)
                asked = found is not None and any(part_has(part, id, type, name) for part in found.parts)
                assert held == asked, (id, type, name)


def holds(element: Information, id: str, type: str, name: str) -> bool:
    listed = (element.properties or ()) + (element.relationships or ())
    if (element.properties is not None or element.relationships is not None) and name not in listed:
        return False
    return not element.entities or any(
        type in info.types and (id == info.id if info.id else info.id_pattern is None or re.search(info.id_pattern, id))
        for info in element.entities
    )


def part_has(part: Part, id: str, type: str, name: str) -> bool:
    return (
        (not part.ids or id in part.ids)
        and (part.id_pattern is None or re.search(part.id_pattern, id) is not None)
        and (not part.types or type in part.types)
        and (part.attributes is None or name in part.attributes)
    )


def test_only_an_exclusive_source_contradicts_another_that_proxies_the_same() -> None:
    speed = Information((EntityInfo(("Bus",), id=A),), ("speed",))
    exclusive = registration(speed, mode="exclusive")
    buses = Information((EntityInfo(("Bus",), id_pattern="x:a"),))
    assert contradiction(exclusive, registration(speed, id="urn:x:2", mode="exclusive")) is not None
    assert contradiction(registration(buses, mode="redirect"), exclusive) is not None
    assert contradiction(exclusive, registration(buses, mode="inclusive")) is None
    assert contradiction(exclusive, registration(buses, mode="auxiliary")) is None
    redirect = registration(buses, mode="redirect")
    assert contradiction(redirect, redirect) is None
    others = Information((EntityInfo(("Bus",), id=A),), ("line",))
    assert contradiction(exclusive, registration(others, mode="exclusive")) is None


@pytest.mark.parametrize(("types", "claimed"), [(("Bus",), {"speed"}), ((), {"speed"}), (("Car",), set())])
def test_claims_are_the_attributes_of_one_entity_that_a_source_has(types: tuple[str, ...], claimed: set[str]) -> None:
    registered = registration(Information((EntityInfo(("Bus",), id=A),), ("speed",)))
    assert claims(registered, A, types, ("speed", "line")) == claimed
