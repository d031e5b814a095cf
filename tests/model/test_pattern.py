"""Regular expressions that cannot hang."""

from __future__ import annotations

import time

import pytest

from dothi.model.errors import BadRequestData
from dothi.model.pattern import compile_pattern


def test_a_pattern_is_found_anywhere_unless_it_is_tied() -> None:
    assert compile_pattern("ercede").search("Mercedes") is not None
    assert compile_pattern("^ercede").search("Mercedes") is None


def test_posix_classes_and_vietnamese_letters_are_known() -> None:
    assert compile_pattern(r"^[[:alpha:]]+[[:digit:]]{2}$").search("abc12") is not None
    assert compile_pattern("^Th. Dầu Một$").search("Thủ Dầu Một") is not None


def test_a_pattern_that_explodes_elsewhere_ends_at_once() -> None:
    start = time.process_time()
    assert compile_pattern("(a+)+$").search("a" * 100_000 + "b") is None
    assert compile_pattern("(a|aa)*c").search("a" * 100_000) is None
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "text", ["(", "a**b(", "[z-a]", r"(a)\1", "(?=a)", "x{5000}", "((a{100}){100}){100}", "a" * 1025]
)
def test_a_pattern_that_cannot_be_run_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(BadRequestData, match="pattern"):
        compile_pattern(text)
