"""pick and omit: what is read of them, and what is said about what cannot be."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.errors import BadRequestData
from dothi.model.linked import projected
from dothi.model.projection import NOTHING, Projection, parse_projection
from dothi.model.represent import Representation


def read(text: str) -> Projection:
    return parse_projection(text, "pick", lambda name: "x:" + name)


def test_names_are_expanded_but_members_of_the_entity_are_not() -> None:
    assert read("id,a|b") == Projection(("id", "x:a", "x:b"), ("id", "x:a", "x:b"))


def test_braces_say_what_is_behind_a_relationship() -> None:
    found = read("id,a{name,b{id}},c")
    assert found.names == ("id", "x:a", "x:c")
    assert found.whole == ("id", "x:c")
    assert found.inside["x:a"].names == ("x:name", "x:b")
    assert found.inside["x:a"].inside["x:b"] == Projection(("id",), ("id",))
    assert found.depth == 2


def test_what_is_picked_and_omitted_becomes_a_view_of_each_level() -> None:
    pick, omit = read("id,a{b{id}}"), read("c{d}")
    view = projected(Representation("simplified", lang="vi", pick=frozenset(pick.names)), pick, omit)
    assert view.behind("x:a").how == Representation("simplified", lang="vi", pick=frozenset({"x:b"}))
    assert view.behind("x:a").behind("x:b").how.pick == {"id"}
    assert view.behind("x:c").how.omit == {"x:d"}
    whole = Representation("simplified", lang="vi")
    assert view.behind("x:e").how == view.behind("x:e").behind("x:f").how == whole
    assert view.behind("x:a").behind("x:b").behind("x:g").how == whole


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("", 1, "a name"),
        ("a,", 3, "a name"),
        ("a,,b", 3, "a name"),
        ("a b", 2, "',' or the end"),
        ("a{b", 4, "',' or '}'"),
        ("a{}", 3, "a name"),
        ("a}", 2, "',' or the end"),
        ("a{b}c", 5, "',' or the end"),
        ("id{b}", 3, "no braces after id"),
        ("a{" * 11 + "a" + "}" * 11, 22, "at most 10 levels"),
    ],
)
def test_a_fault_is_told_with_its_position(text: str, position: int, expected: str) -> None:
    with pytest.raises(BadRequestData, match=f"position {position}: expected") as caught:
        read(text)
    assert expected in caught.value.detail


@given(st.lists(st.sampled_from(["a", "id", ",", "|", "{", "}", " "]), max_size=14).map("".join) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(BadRequestData):
        assert read(text) is not NOTHING
