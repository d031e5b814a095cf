"""The language filter: which text of a LanguageProperty a reader gets."""

from __future__ import annotations

import pytest

from dothi.model.language import best_language, in_language, preferences

NAME = {"type": "LanguageProperty", "languageMap": {"vi": "Chợ", "en-GB": "Market", "fr": "Marché"}}


def test_ranges_are_ordered_by_weight_and_then_by_place() -> None:
    assert preferences("*;q=0.5, en;q=0.8,fr-CH, fr;q=0.9,de;q=0,it;q=much") == ("fr-ch", "fr", "en", "*")


@pytest.mark.parametrize(
    ("lang", "tag"),
    [
        ("vi", "vi"),
        ("VI", "vi"),
        ("en", "en-GB"),
        ("fr-CH", "fr"),
        ("de,fr;q=0.1", "fr"),
        ("de", "vi"),
        ("*", "vi"),
        ("en-US,*;q=0.5", "vi"),
    ],
)
def test_the_best_language_is_exact_then_narrower_then_broader_then_any(lang: str, tag: str) -> None:
    assert best_language(("vi", "en-GB", "fr"), lang) == tag


def test_the_text_without_language_stands_in_where_none_fits() -> None:
    assert best_language(("vi", "@none"), "de") == "@none"


def test_a_language_property_becomes_a_property_that_tells_its_language() -> None:
    dated = {**NAME, "observedAt": "2026-01-31T08:00:00Z", "urn:x:of": NAME}
    assert in_language(dated, "fr") == {
        "type": "Property",
        "value": "Marché",
        "lang": "fr",
        "observedAt": "2026-01-31T08:00:00Z",
        "urn:x:of": {"type": "Property", "value": "Marché", "lang": "fr"},
    }
    assert in_language({"type": "Property", "value": 1}, "fr") == {"type": "Property", "value": 1}
