"""Bodies are read within their limit and decoded strictly."""

import contextlib
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.api.body import content_length, decode_json, read_body
from dothi.model.errors import InvalidRequest, LengthRequired, RequestTooLarge

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans(), st.sampled_from([None, 2]))
def test_any_json_value_is_decoded_however_it_is_written(value, escaped, indent):
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    assert decode_json(text.encode("utf-8", "surrogatepass")) == value


@given(values, st.text(), st.text(), st.sampled_from(['{%s:1,"x":%s,%s:2}', '[{"y":{%s : "a:b", "x":%s ,%s\t:":"}}]']))
def test_a_duplicate_member_is_found_wherever_it_stands_and_however_it_is_written(value, name, other, form):
    again = json.dumps(name, ensure_ascii=True)
    plain = json.dumps(name, ensure_ascii=False)
    body = form % (plain, json.dumps({other: value}), again)
    with pytest.raises(InvalidRequest):
        decode_json(body.encode("utf-8", "surrogatepass"))


def test_a_duplicate_that_hides_behind_an_escaped_colon_is_found():
    with pytest.raises(InvalidRequest, match="'a' stands twice"):
        decode_json(rb'{"a":1,"a":2,"b":"\u003a"}')


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b'{"a":\n 1,}', "line 2, column"),
        (b'{"a":NaN}', "column 6"),
        (b'{"a":1e999}', "infinity"),
        (b'{"a":"\xff"}', "byte 0xff at offset 6"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"[" * 5000, "depth"),
        (b"[" * 300 + b"]" * 300, "254 levels"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":1}{', "column 8"),
    ],
)
def test_what_is_no_json_is_refused_with_the_place_of_the_fault(body, words):
    with pytest.raises(InvalidRequest, match=words):
        decode_json(body)


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(body):
    with contextlib.suppress(InvalidRequest):
        assert decode_json(body) == orjson.loads(body)


def _receiver(*parts, disconnect=False):
    messages = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) - 1 or disconnect}
        for number, part in enumerate(parts)
    ]
    messages.append({"type": "http.disconnect"})

    async def receive():
        return messages.pop(0)

    return receive


async def test_a_body_in_parts_is_put_together():
    assert await read_body(_receiver(b"ab", b"", b"cd"), 4, 10) == b"abcd"


async def test_a_body_longer_than_the_limit_is_refused_before_it_is_read():
    with pytest.raises(RequestTooLarge, match="limit of 10"):
        await read_body(_receiver(b"x" * 11), 11, 10)


async def test_a_body_that_grows_past_the_limit_is_refused_half_way():
    with pytest.raises(RequestTooLarge):
        await read_body(_receiver(b"x" * 8, b"x" * 8), 4, 10)


async def test_a_client_that_goes_away_is_an_invalid_request():
    with pytest.raises(InvalidRequest, match="closed"):
        await read_body(_receiver(b"x", disconnect=True), 4, 10)


def test_a_body_must_announce_its_length():
    assert content_length({b"content-length": b"12"}) == 12
    with pytest.raises(LengthRequired):
        content_length({b"transfer-encoding": b"chunked"})
    with pytest.raises(InvalidRequest):
        content_length({b"content-length": b"-1"})
