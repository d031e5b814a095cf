"""A query tree written as q and read again is the same tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.context import core_context
from dothi.model.qlang import parse_query
from dothi.model.qtext import Unwritable, write_query

CONTEXT = core_context()

names = st.sampled_from(["speed", "brand", "speed.observedAt", "speed.accuracy", "address[city.name]", "createdAt"])
plain = st.sampled_from(["speed", "brand", "address[city]", "speed.accuracy"])
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
numbers = st.integers(-999, 999).map(str) | st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: f"{number:.3f}")
values = texts | numbers | st.sampled_from(["true", "false", "urn:x:a", "2026-01-31", "2026-01-31T08:00:00Z"])
leaves = st.one_of(
    names,
    plain.map(lambda name: f"!{name}"),
    st.tuples(plain, st.sampled_from(["==", "!="]), st.lists(values, min_size=1, max_size=3).map(",".join)).map(
        "".join
    ),
    st.tuples(plain, st.sampled_from(["<", ">=", ">"]), numbers).map("".join),
    st.tuples(plain, numbers, numbers).map(lambda parts: f"{parts[0]}=={parts[1]}..{parts[2]}"),
    plain.map(lambda name: f'{name}~="^a.*"'),
)
queries = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + ";".join(parts) + ")")
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + "|".join(parts) + ")")
    ),
    max_leaves=8,
)


@given(queries)
def test_what_is_written_means_the_same(text):
    query = parse_query(text, CONTEXT.expand)
    assert parse_query(write_query(query, CONTEXT.compact), CONTEXT.expand) == query


def test_a_whole_iri_within_a_path_is_refused():
    query = parse_query("speed.accuracy==1", lambda name: f"https://city.example/{name}")
    with pytest.raises(Unwritable):
        write_query(query, CONTEXT.compact)
