"""A PlainProperty stands for a dict: whatever reads the one reads the other the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.entity import PlainProperty
from dothi.model.instances import stamped, timed

TIMES = st.sampled_from(["2026-01-31T08:00:00Z", "2026-01-31T08:00:01.500000Z"])


@st.composite
def plain_members(draw: st.DrawFn) -> dict[str, Any]:
    value = draw(st.one_of(st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), st.text()))
    members: dict[str, Any] = {"type": "Property", "value": value}
    if draw(st.booleans()):
        members["observedAt"] = draw(TIMES)
    if draw(st.booleans()):
        members["unitCode"] = draw(st.sampled_from(["CEL", "P1"]))
    return members


@given(plain_members(), st.integers(1, 2**50), st.integers(1, 2**50))
def test_it_reads_like_the_dict_it_stands_for(members: dict[str, Any], created: int, modified: int) -> None:
    plain = timed(members, created, modified)
    whole = {**members, "createdAt": created, "modifiedAt": modified}
    assert isinstance(plain, PlainProperty)
    assert isinstance(plain, Mapping)
    assert plain == whole
    assert whole == plain
    assert {**plain} == dict(plain.items()) == plain.copy() == whole
    assert list(plain) == list(whole)
    assert len(plain) == len(whole)
    for member in (*whole, "observedAt", "unitCode", "datasetId", "members"):
        assert (member in plain) == (member in whole)
        assert plain.get(member, 7) == whole.get(member, 7)
    assert plain | {"value": 1} == {**whole, "value": 1}
    with pytest.raises(KeyError):
        plain["datasetId"]
    assert msgspec.json.decode(msgspec.json.encode(plain), type=PlainProperty) == plain


@given(plain_members(), plain_members(), st.booleans())
def test_a_write_gives_the_same_whether_it_comes_as_struct_or_as_dict(
    new: dict[str, Any], old: dict[str, Any], repeats: bool
) -> None:
    was = timed(old, 10, 10)
    as_struct = stamped(msgspec.convert(new, PlainProperty), was, 20, repeats)
    as_dict = stamped({**new}, {**was}, 20, repeats)
    assert as_struct == as_dict
    assert (as_struct is was) == (as_dict["modifiedAt"] == 10)


def test_one_that_is_in_an_entity_is_never_changed() -> None:
    stored = timed({"type": "Property", "value": 1}, 10, 10)
    again = timed(stored, 10, 20)
    assert again is not stored
    assert (stored["modifiedAt"], again["modifiedAt"]) == (10, 20)
