"""Collations: the order of languages, the tags that name them, and what is said of tags that cannot be honoured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.model.collation import parse_collation
from dothi.model.errors import BadRequestData


def in_order(tag: str, texts: list[str]) -> list[str]:
    return sorted(texts, key=parse_collation(tag).key)


@pytest.mark.parametrize(
    ("tag", "texts"),
    [
        # The Vietnamese alphabet: a ă â, d đ, e ê, o ô ơ, u ư; tones: none, huyền, hỏi, ngã, sắc, nặng.
        ("vi", ["a", "à", "ả", "ã", "á", "ạ", "an", "az", "ăn", "ắp", "ân", "ấp", "ập", "ba"]),
        ("vi", ["da", "dz", "đa", "e", "ê", "o", "oz", "ô", "ố", "ơ", "u", "uy", "ư"]),
        ("vi", ["Bàu Bàng", "Bến Cát", "Dầu Tiếng", "Dĩ An", "Phú Giáo", "Tân Uyên", "Thủ Dầu Một", "Thuận An"]),
        ("vi-VN", ["ap", "áp", "Áp"]),
        ("und", ["_", "1", "9", "A", "á", "b", "da", "đà", "dĩ", "e"]),
        ("fr-FR", ["cote", "coté", "côte", "d"]),
        ("de-u-co-phonebk", ["Adler", "Ähre", "aff", "Zebra"]),
        ("und-u-kn", ["a1", "a9", "a10", "a010", "b"]),
        ("und-u-kf-upper", ["A", "a", "B", "b"]),
        ("und-u-ks-identic-kf-lower", ["a", "A"]),
    ],
)
def test_texts_stand_as_the_language_has_them(tag: str, texts: list[str]) -> None:
    assert in_order(tag, texts[::-1]) == texts


def test_strength_says_how_far_texts_are_told_apart() -> None:
    def same(tag: str, *texts: str) -> bool:
        return len(set(map(parse_collation(tag).key, texts))) == 1

    assert same("und-u-ks-level1", "ap", "áp", "Ấp")
    assert same("und-u-ks-level2", "áp", "Áp")
    assert not same("und-u-ks-level2", "ap", "áp")
    assert not same("und", "áp", "Áp")
    assert not same("vi-u-ks-level1", "an", "ân")


def test_a_composed_and_a_decomposed_text_stand_alike() -> None:
    key = parse_collation("vi").key
    assert key("Th\u1ee7") == key("Thu\u0309")


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("!!nope", "no collation tag"),
        ("not a bcp47 tag!!", "no collation tag"),
        ("", "no collation tag"),
        ("ja", "no order is known for the language ja"),
        ("und-u-ks-strong", "ks is 'strong'; it can be level1"),
        ("und-u-kb", "the key 'kb' is not offered"),
        ("und-u-standard", "belongs to no key"),
        ("vi-u-co-phonebk", "German only"),
    ],
)
def test_a_collation_that_cannot_be_honoured_is_refused(tag: str, why: str) -> None:
    with pytest.raises(BadRequestData, match=why):
        parse_collation(tag)


@given(st.sampled_from(["und", "vi", "de-u-co-phonebk", "und-u-kn-ks-identic"]), st.text(), st.text())
def test_any_text_has_a_key_and_equal_texts_have_equal_ones(tag: str, one: str, other: str) -> None:
    key = parse_collation(tag).key
    assert isinstance(key(one), str)
    assert (key(one) == key(other)) >= (one == other)


@given(st.text(alphabet="ab\u0103\u00e2\u1ea5\u1eaf", min_size=1, max_size=4), st.text(max_size=3))
def test_a_letter_of_its_own_stands_after_its_base_whatever_follows(word: str, rest: str) -> None:
    key = parse_collation("vi").key
    assert key("a" + word) < key("ă" + rest) < key("â" + word) < key("b" + rest)
