"""Batches are read into structs where they can be, with the same result and the same faults as through dicts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.api.body import decode_entities, decode_json
from dothi.model.context import core_context
from dothi.model.entity import PlainProperty
from dothi.model.errors import InvalidRequest, Problem
from dothi.model.parse import parse_entity

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5))
MEMBERS = st.dictionaries(
    st.sampled_from(["type", "value", "observedAt", "unitCode", "createdAt", "datasetId", "object", "at:x"]),
    st.one_of(
        SCALARS,
        st.sampled_from(["Property", "Relationship", "2026-01-31T08:00:00Z", "2026-01-31T08:00:00+07:00", "CEL", ""]),
        st.lists(SCALARS, max_size=2),
        st.dictionaries(st.sampled_from(["type", "coordinates", "a"]), SCALARS, max_size=2),
    ),
)
PROPERTY = st.fixed_dictionaries(
    {"type": st.just("Property"), "value": SCALARS},
    optional={"observedAt": st.sampled_from(["2026-01-31T08:00:00Z", "x"])},
)
ENTITY = st.dictionaries(
    st.sampled_from(["id", "type", "temperature", "speed", "location", "scope", "observedAt"]),
    st.one_of(PROPERTY, PROPERTY, MEMBERS, SCALARS, st.just("urn:x:1"), st.lists(PROPERTY, max_size=2)),
)


def read(document: Any) -> Any:
    """What the parser makes of a document: its attributes, or which kind of problem it is."""
    try:
        return {name: _as_dict(each) for name, each in parse_entity(document, core_context()).attributes.items()}
    except Problem as problem:
        return type(problem)


def _as_dict(attribute: Any) -> Any:
    return [dict(each) for each in attribute] if isinstance(attribute, list) else dict(attribute)


@given(st.lists(ENTITY, max_size=4))
def test_both_ways_of_reading_say_the_same(entities: list[dict[str, Any]]) -> None:
    try:
        body = orjson.dumps(entities)
    except TypeError:
        return  # an integer that no JSON of ours holds
    by_structs, by_dicts = decode_entities(body), decode_json(body)
    assert [read({"id": "urn:x:1", "type": "T", **each}) for each in by_structs] == [
        read({"id": "urn:x:1", "type": "T", **each}) for each in by_dicts
    ]


def test_one_entity_with_other_attributes_does_not_make_dicts_of_the_rest() -> None:
    plain = b'{"id":"urn:x:1","type":"T","speed":{"type":"Property","value":1}}'
    other = b'{"id":"urn:x:2","type":"T","road":{"type":"Relationship","object":"urn:x:3"}}'
    first, second = decode_entities(b"[" + plain + b"," + other + b"]")
    assert isinstance(first["speed"], PlainProperty)
    assert second["road"] == {"type": "Relationship", "object": "urn:x:3"}


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id":"urn:x:1","id":"urn:x:2"}]',
        b'[{"speed":{"type":"Property","value":1,"value":2}}]',
        b'[{"speed":{"type":"Property","value":1},"speed":{"type":"Property","value":2}}]',
        b'[{"road":{"type":"Relationship","object":"urn:x:3","object":"urn:x:4"}}]',
        b'[{"speed":{"type":"Property","value":1,"v\\u003a":2,"v\\u003a":2}}]',
    ],
)
def test_members_that_stand_twice_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="twice"):
        decode_entities(body)


@pytest.mark.parametrize("body", [b"[{", b"", b'[{"a":"\xff"}]', b'[{"a":NaN}]', b"[" * 3000, b'[{"a":1e400}]'])
def test_what_is_no_json_is_told_as_ever(body: bytes) -> None:
    with pytest.raises(InvalidRequest) as by_structs:
        decode_entities(body)
    with pytest.raises(InvalidRequest) as by_dicts:
        decode_json(body)
    assert str(by_structs.value) == str(by_dicts.value)
