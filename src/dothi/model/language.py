"""Chooses one language of a LanguageProperty by a language filter (GS CIM 009 clause 4.15)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from dothi.model.entity import Instance


def in_language(instance: Instance, lang: str) -> Instance:
    """A LanguageProperty as a Property with the text of the best language and the member `lang`; others unchanged.

    Sub-attributes are treated alike. `lang` is a list of ranges with weights as in RFC 3282: "fr-CH,fr;q=0.9,*;q=0.5".
    """
    out = {key: _inside(item, lang) if ":" in key else item for key, item in instance.items()}
    languages = instance.get("languageMap")
    if instance["type"] != "LanguageProperty" or not isinstance(languages, dict) or not languages:
        return out
    tag = best_language(tuple(languages), lang)
    del out["languageMap"]
    return {**out, "type": "Property", "value": languages[tag], "lang": tag}


def _inside(item: Any, lang: str) -> Any:
    return [in_language(each, lang) for each in item] if isinstance(item, list) else in_language(item, lang)


@lru_cache(maxsize=4096)
def best_language(tags: tuple[str, ...], lang: str) -> str:
    """The tag that fits the filter best; where none fits, @none or else the first, as the clause asks for any."""
    for wanted in preferences(lang):
        if wanted == "*":
            break
        found = _matching(tags, wanted)
        if found is not None:
            return found
    return "@none" if "@none" in tags else tags[0]


@lru_cache(maxsize=1024)
def preferences(lang: str) -> tuple[str, ...]:
    """The language ranges of a filter in lower case, best first; equal weights keep their order."""
    weighted = []
    for position, part in enumerate(lang.split(",")):
        text, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(each[2:]) for each in parameters if each.startswith("q=")), 1.0)
        if text and weight > 0:
            weighted.append((-weight, position, text.lower()))
    return tuple(text for _, _, text in sorted(weighted))


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _matching(tags: tuple[str, ...], wanted: str) -> str | None:
    """The tag itself, else a narrower one (en finds en-GB), else a broader one (fr-CH finds fr)."""
    by_text = {tag.lower(): tag for tag in tags}
    if wanted in by_text:
        return by_text[wanted]
    narrower = next((tag for text, tag in by_text.items() if text.startswith(wanted + "-")), None)
    if narrower is not None:
        return narrower
    while "-" in wanted:
        wanted = wanted.rpartition("-")[0]
        if wanted in by_text:
            return by_text[wanted]
    return None
