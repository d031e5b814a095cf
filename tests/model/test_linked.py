"""Linked entities: what relationships lead to, and how it joins the answer, flat and inline."""

from __future__ import annotations

from typing import Any

import pytest

from dothi.model.entity import Entity
from dothi.model.errors import TooManyResults
from dothi.model.linked import Join, View, flattened, inlined, objects_of, steps
from dothi.model.represent import Format, Representation, represent

HERE, CITY = "https://x/here", "https://x/city"


class Names:
    """A context in which every name is a short one."""

    def expand(self, name: str) -> str:
        return "https://x/" + name

    def compact(self, iri: str) -> str:
        return iri.removeprefix("https://x/")


def relationship(*objects: str, **more: Any) -> dict[str, Any]:
    return {"type": "Relationship", "object": objects[0] if len(objects) == 1 else list(objects), **more}


def entity(id: str, type: str = "T", **attributes: Any) -> Entity:
    return Entity(id, ("https://x/" + type,), {"https://x/" + name: item for name, item in attributes.items()})


A = entity("urn:a", here=relationship("urn:b"), name={"type": "Property", "value": "A"})
B = entity("urn:b", "House", city=relationship("urn:c"), name={"type": "Property", "value": "B"})
C = entity("urn:c", "City", here=relationship("urn:a"))
FOUND = {each.id: each for each in (A, B, C)}


def written(shown: list[tuple[Entity, Representation]]) -> list[Any]:
    return [represent(each, Names(), how) for each, how in shown]


def inline(
    *entities: Entity, level: int = 1, view: View | None = None, found: dict[str, Entity] | None = None
) -> list[Any]:
    join = Join("inline", level, view or View())
    return written(inlined(entities, join, FOUND if found is None else found, Names()))


def plain(format: Format = "normalized") -> View:
    return View(Representation(format))


@pytest.mark.parametrize(
    ("instance", "ids"),
    [
        (relationship("urn:b"), ["urn:b"]),
        (relationship("urn:b", "urn:c"), ["urn:b", "urn:c"]),
        ({"type": "ListRelationship", "objectList": ["urn:b", {"object": "urn:c"}]}, ["urn:b", "urn:c"]),
        ({"type": "Property", "value": "urn:b"}, []),
    ],
)
def test_only_relationships_lead_to_entities(instance: dict[str, Any], ids: list[str]) -> None:
    assert objects_of(instance) == ids


def test_flat_puts_each_entity_once_and_the_nearest_first() -> None:
    assert [each.id for each, _ in flattened([A], Join("flat", 1), FOUND)] == ["urn:a", "urn:b"]
    assert [each.id for each, _ in flattened([A], Join("flat", 9), FOUND)] == ["urn:a", "urn:b", "urn:c"]
    assert [each.id for each, _ in flattened([C, A], Join("flat", 2), FOUND)] == ["urn:c", "urn:a", "urn:b"]


def test_what_contains_an_entity_already_is_not_joined_again() -> None:
    join = Join("flat", 3, contained_by=frozenset({"urn:c"}))
    assert [each.id for each, _ in flattened([A], join, FOUND)] == ["urn:a", "urn:b"]
    join = Join("inline", 3, contained_by=frozenset({"urn:b"}))
    assert written(inlined([A], join, FOUND, Names())) == [represent(A, Names())]


def test_inline_puts_entities_into_their_relationships_but_never_into_themselves() -> None:
    (found,) = inline(A, level=9)
    house = found["here"]["entity"]
    assert found["here"]["object"] == house["id"] == "urn:b"
    assert house["city"]["entity"]["here"] == {"type": "Relationship", "object": "urn:a"}
    assert "entity" not in inline(A, level=1)[0]["here"]["entity"]["city"]


def test_two_entities_may_hold_the_same_one() -> None:
    other = entity("urn:d", here=relationship("urn:b"))
    first, second = inline(A, other)
    assert first["here"]["entity"] == second["here"]["entity"]


def test_the_simplified_form_has_the_entity_in_place_of_its_id() -> None:
    (found,) = inline(A, level=2, view=plain("simplified"))
    inner = {"id": "urn:b", "type": "House", "city": {"id": "urn:c", "type": "City", "here": "urn:a"}, "name": "B"}
    assert found == {"id": "urn:a", "type": "T", "here": inner, "name": "A"}


def test_the_concise_form_keeps_object_beside_the_entity() -> None:
    (found,) = inline(A, view=plain("concise"))
    assert found["here"]["object"] == "urn:b"
    assert found["here"]["entity"]["name"] == "B"


def test_lists_of_relationships_hold_those_that_are_there() -> None:
    listed = {"type": "ListRelationship", "objectList": ["urn:b", "urn:gone"]}
    several = entity("urn:s", here=relationship("urn:gone", "urn:c"), city=listed)
    (found,) = inline(several)
    assert [each["id"] for each in found["here"]["entity"]] == ["urn:c"]
    assert [each["id"] for each in found["city"]["entityList"]] == ["urn:b"]
    assert found["city"]["objectList"] == [{"object": "urn:b"}, {"object": "urn:gone"}]
    (found,) = inline(several, view=plain("simplified"))
    assert found["here"][0] == "urn:gone"
    assert [found["city"][0]["id"], found["city"][1]] == ["urn:b", "urn:gone"]


def test_what_is_not_there_or_of_another_type_leaves_the_relationship_as_it_is() -> None:
    assert inline(A, found={}) == [represent(A, Names())]
    typed = entity("urn:t", here=relationship("urn:b", objectType="https://x/City"))
    assert inline(typed) == [represent(typed, Names())]
    assert len(flattened([typed], Join("flat"), FOUND)) == 1
    typed = entity("urn:t", here=relationship("urn:b", objectType=["https://x/City", "https://x/House"]))
    assert inline(typed)[0]["here"]["entity"]["id"] == "urn:b"


def test_each_level_is_shown_as_its_own_view_has_it() -> None:
    city = View(Representation(pick=frozenset({"id"})))
    house = View(Representation(pick=frozenset({"id", CITY})), {CITY: city})
    view = View(Representation(omit=frozenset({"type"})), {HERE: house}, View())
    (found,) = inline(A, level=2, view=view)
    assert found["here"]["entity"] == {
        "id": "urn:b", "city": {"type": "Relationship", "object": "urn:c", "entity": {"id": "urn:c"}}
    }  # fmt: skip
    flat = written(flattened([A], Join("flat", 2, view), FOUND))
    assert [sorted(each) for each in flat] == [["here", "id", "name"], ["city", "id"], ["id"]]


def test_a_relationship_that_is_not_shown_leads_nowhere() -> None:
    hidden = View(Representation(omit=frozenset({HERE})))
    assert not list(steps(A, hidden))
    assert len(flattened([A], Join("flat", 2, hidden), FOUND)) == 1
    several = Entity(
        "urn:s", ("https://x/T",), {HERE: [relationship("urn:b"), relationship("urn:c", datasetId="urn:d")]}
    )
    only = View(Representation(dataset_ids=frozenset({"urn:d"})))
    assert [id for id, _, _ in steps(several, only)] == ["urn:c"]
    assert inline(several, view=only)[0]["here"]["entity"]["id"] == "urn:c"


def test_an_answer_that_grows_beyond_bounds_is_refused() -> None:
    """Ten layers of ten entities, each leading to all of the next: 10^9 copies."""
    layers = [[f"urn:{layer}:{n}" for n in range(10)] for layer in range(10)]
    found = {
        id: entity(id, here=relationship(*(layers[layer + 1] if layer < 9 else ["urn:gone", "urn:lost"])))
        for layer, ids in enumerate(layers)
        for id in ids
    }
    with pytest.raises(TooManyResults, match="lower joinLevel"):
        inline(found["urn:0:0"], level=9, found=found)
    assert len(flattened([found["urn:0:0"]], Join("flat", 9), found)) == 91
