"""Long JSON texts are cut into their objects, and one broken object costs no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.connectors import jsonsplit
from dothi.connectors.jsonsplit import find_array, split_objects

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=8), JSON, max_size=5), max_size=20)


def write(folder: Path, text: bytes) -> Path:
    path = folder / "x.json"
    path.write_bytes(text)
    return path


def read(path: Path) -> list[Any]:
    pieces = list(split_objects(path))
    assert all(piece.fault is None for piece in pieces)
    return [orjson.loads(piece.text) for piece in pieces]


@settings(max_examples=60)
@given(OBJECTS, st.sampled_from(["array", "pretty", "lines", "one after another"]), st.integers(3, 60))
def test_objects_come_back_whatever_the_form_and_the_block(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]], form: str, block: int
) -> None:
    forms = {
        "array": orjson.dumps(objects),
        "pretty": orjson.dumps(objects, option=orjson.OPT_INDENT_2),
        "lines": b"\n".join(orjson.dumps(one) for one in objects),
        "one after another": b"".join(orjson.dumps(one) for one in objects),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonsplit, "BLOCK", block)
        path = write(tmp_path_factory.mktemp("json"), forms[form])
        assert read(path) == objects


def test_a_broken_object_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, b'[\n{"a": 1},\n{"b": x},\n7,\n{"c": "unfinished\n},\n{"d": 4}]')
    pieces = list(split_objects(path))
    assert [(piece.line, piece.text) for piece in pieces if piece.fault is None] == [
        (2, b'{"a": 1}'),
        (3, b'{"b": x}'),
        (5, b'{"c": "unfinished\n}'),
        (7, b'{"d": 4}'),
    ]
    assert [(piece.line, piece.fault) for piece in pieces if piece.fault] == [(4, "expected an object, found 7")]


def test_an_object_that_never_closes_is_told_where_it_opens(tmp_path: Path) -> None:
    pieces = list(split_objects(write(tmp_path, b'{"a": 1}\n{"b": {\n\n')))
    assert (pieces[1].line, pieces[1].fault) == (
        2,
        "an object is opened here and never closed; nothing after it is read",
    )


def test_utf16_and_a_mark_are_read(tmp_path: Path) -> None:
    assert read(write(tmp_path, '[{"tên": "Bến Cát"}]'.encode("utf-16"))) == [{"tên": "Bến Cát"}]
    assert read(write(tmp_path, b'\xef\xbb\xbf{"a": 1}')) == [{"a": 1}]


def test_depth_takes_no_stack(tmp_path: Path) -> None:
    [piece] = split_objects(write(tmp_path, b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"))
    assert len(piece.text) == 400_006


def test_the_array_of_a_member_is_found_at_the_first_level_only(tmp_path: Path) -> None:
    path = write(
        tmp_path, b'{"crs": {"features": [{"no": 1}]},\n"features":\n [ {"a": 1}, {"b": [{}]}], "more": [{"no": 2}]}'
    )
    found = find_array(path, "features")
    assert found is not None
    assert [piece.text for piece in split_objects(path, found[0], found[1], one_array=True)] == [
        b'{"a": 1}',
        b'{"b": [{}]}',
    ]
    assert find_array(write(tmp_path, b'{"a": [1]}'), "features") is None
