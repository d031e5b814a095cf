"""Query strings are read strictly and written readably."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.api.parameters import encode, flag, listed, one_of, parse_parameters, whole
from dothi.model.errors import InvalidRequest

KNOWN = frozenset({"q", "type", "limit", "scopeQ", "timeAt"})


@given(st.dictionaries(st.sampled_from(["q", "type", "limit"]), st.text(st.characters(codec="utf-8"))))
def test_what_is_written_is_read_again(parameters):
    assert parse_parameters(encode(parameters.items()).encode(), KNOWN) == parameters


@given(st.binary(max_size=40))
def test_any_query_string_is_read_or_refused(query):
    with contextlib.suppress(InvalidRequest):
        assert parse_parameters(query, KNOWN).keys() <= KNOWN


def test_an_unknown_parameter_is_named_with_those_that_are_known():
    with pytest.raises(InvalidRequest, match=r"'typ' is not known.*limit, q, scopeQ"):
        parse_parameters(b"typ=X", KNOWN)


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(InvalidRequest, match="twice"):
        parse_parameters(b"type=A&type=B", KNOWN)


def test_a_plus_is_a_blank_but_in_scopes_and_times():
    read = parse_parameters(b"q=a+b&scopeQ=/x/+/y&timeAt=2026-01-01T00:00:00+07:00", KNOWN)
    assert read == {"q": "a b", "scopeQ": "/x/+/y", "timeAt": "2026-01-01T00:00:00+07:00"}


def test_bad_percent_encoding_is_refused():
    with pytest.raises(InvalidRequest, match="UTF-8"):
        parse_parameters(b"q=%ff", KNOWN)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "", "٣", "9" * 16])
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(InvalidRequest, match="limit"):
        whole({"limit": text}, "limit", 20)


def test_flags_lists_and_words_are_strict():
    assert (flag({}, "count"), flag({"count": "true"}, "count")) == (False, True)
    assert listed({"id": "a,b"}, "id") == ("a", "b")
    assert one_of({}, "format", ("a", "b"), "a") == "a"
    with pytest.raises(InvalidRequest):
        flag({"count": "yes"}, "count")
    with pytest.raises(InvalidRequest):
        listed({"id": "a,,b"}, "id")
    with pytest.raises(InvalidRequest):
        one_of({"format": "c"}, "format", ("a", "b"), "a")
