"""Media types are negotiated as clauses 6.3.4 to 6.3.6 have it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.api.media import GEO_JSON, JSON, JSON_LD, accepted, content_type, context_link, linked_context
from dothi.model.errors import BadRequestData, NotAcceptable, UnsupportedMediaType

OFFERED = (JSON, JSON_LD, GEO_JSON)


@pytest.mark.parametrize(
    ("header", "media"),
    [
        (None, JSON),
        (b"", JSON),
        (b"*/*", JSON),
        (b"application/*", JSON),
        (b"application/ld+json", JSON_LD),
        (b"application/ld+json, application/json", JSON),
        (b"application/geo+json, application/json", JSON),
        (b"application/json;q=0.1, application/ld+json;q=0.9", JSON_LD),
        (b"text/html, application/geo+json;q=0.2, */*;q=0.1", GEO_JSON),
        (b"application/json;q=0, */*", JSON_LD),
        (b"Application/JSON", JSON),
        (b"application/ld+json;q=much", JSON_LD),
    ],
)
def test_the_answer_is_what_the_client_likes_best(header, media):
    assert accepted(header, OFFERED) == media


@pytest.mark.parametrize("header", [b"text/html", b"application/json;q=0", b"application/xml, text/*", b";;,"])
def test_what_cannot_be_made_is_not_acceptable(header):
    with pytest.raises(NotAcceptable, match="names none of"):
        accepted(header, OFFERED)


@given(st.binary(max_size=40))
def test_any_accept_header_is_understood_or_refused(header):
    with contextlib.suppress(NotAcceptable):
        assert accepted(header, OFFERED) in OFFERED


def test_a_content_type_may_have_parameters():
    assert content_type(b"application/json; charset=utf-8", (JSON, JSON_LD)) == JSON


@pytest.mark.parametrize("header", [b"", b"text/plain", b"application/geo+json"])
def test_other_content_types_are_not_supported(header):
    with pytest.raises(UnsupportedMediaType, match="use application/json or"):
        content_type(header, (JSON, JSON_LD))


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (b'<http://a/c>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"', "http://a/c"),
        (b"<http://a/c>;rel=http://www.w3.org/ns/json-ld#context", "http://a/c"),
        (b'<http://a/p>; rel="next", <http://a/c>; rel="x http://www.w3.org/ns/json-ld#context"', "http://a/c"),
        (b'<http://a/p>; rel="next"', None),
        (b"nonsense", None),
        (b"", None),
    ],
)
def test_the_link_header_names_the_context(header, address):
    assert linked_context(header) == address


def test_two_contexts_in_one_link_header_are_refused():
    two = context_link("http://a/1") + b", " + context_link("http://a/2")
    with pytest.raises(BadRequestData, match="more than one"):
        linked_context(two)


def test_the_link_of_an_answer_is_understood_again():
    assert linked_context(context_link("https://example.org/c.jsonld")) == "https://example.org/c.jsonld"
