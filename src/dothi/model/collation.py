"""Orders texts as a language does: reads a collation tag (GS CIM 009 clause 4.23.3, RFC 6067) and makes sort keys."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeVar

from dothi.model.errors import BadRequestData

#: Languages whose order is that of the Unicode root (CLDR has no rule of its own for them).
ROOT_LIKE: Final = frozenset({"und", "en", "de", "fr", "nl", "it", "pt", "id", "ms", "ga", "lb", "sw", "zu", "root"})
VIETNAMESE: Final = "vi"

T = TypeVar("T")

_TAG = re.compile(r"([A-Za-z]{2,8})((?:-[A-Za-z]{4})?)((?:-(?:[A-Za-z]{2}|\d{3}))?)((?:-u(?:-[A-Za-z0-9]{2,8})+)?)")
_STRENGTHS: Final = {"level1": 1, "level2": 2, "level3": 3, "identic": 4}
_ORDERS: Final = {"standard": "standard", "phonebk": "phonebook"}
_CASES: Final = {"lower": "lower", "upper": "upper", "false": "lower"}
_FLAGS: Final = {"true": True, "false": False}

#: The letters of Vietnamese that stand after their base letter, and its five tone marks in the order of dictionaries.
_VIETNAMESE_LETTERS: Final = {
    "a\u0306": "a\x04", "a\u0302": "a\x05", "đ": "d\x04", "e\u0302": "e\x04", "o\u0302": "o\x04",
    "o\u031b": "o\x05", "u\u031b": "u\x04",
}  # fmt: skip
_TONES: Final = {"\u0300": "1", "\u0309": "2", "\u0303": "3", "\u0301": "4", "\u0323": "5"}
#: DIN 5007-2, as in German telephone books.
_PHONEBOOK: Final = {"a\u0308": "ae", "o\u0308": "oe", "u\u0308": "ue"}

#: Letters with marks that are remembered; a text of Vietnamese has some two hundred.
_MOST_CLUSTERS: Final = 20_000

_DIGITS = re.compile(r"\d+", re.ASCII)
_CLUSTER = re.compile(r"[^\u0300-\u036f][\u0300-\u036f]*|[\u0300-\u036f]+")


@dataclass(frozen=True, slots=True)
class Collation:
    """How texts are ordered: first by letters, then by accents, then by case, as far as `strength` goes (1 to 4).

    `numeric` takes runs of digits by their number. Letters stand after digits, digits after all else.
    """

    language: Literal["und", "vi"] = "und"
    strength: int = 3
    upper_first: bool = False
    numeric: bool = False
    phonebook: bool = False

    def key(self, text: str) -> str:
        """A text that stands among others, by code point, where this one stands by the collation."""
        return _key(self, text)


def parse_collation(text: str) -> Collation:
    """The collation of a tag: a language, and with -u- the keys co, ks, kf and kn, as in vi, de-u-co-phonebk,
    und-u-ks-level2-kn. Raises BadRequestData that says what is not understood or not offered."""
    found = _TAG.fullmatch(text)
    if found is None:
        raise BadRequestData(f"collation={text} is no collation tag of RFC 6067: write one like vi or und-u-ks-level2.")
    language = found[1].lower()
    if language != VIETNAMESE and language not in ROOT_LIKE:
        known = ", ".join(sorted({*ROOT_LIKE, VIETNAMESE}))
        raise BadRequestData(f"collation={text}: no order is known for the language {language}; there is {known}.")
    keys = _keys(text, found[4].split("-")[2:])
    order = _one_of(text, "co", keys, _ORDERS, "standard")
    if order == "phonebook" and language != "de":
        raise BadRequestData(f"collation={text}: phonebk is an order of German only, as in de-u-co-phonebk.")
    return Collation(
        "vi" if language == VIETNAMESE else "und",
        _one_of(text, "ks", keys, _STRENGTHS, 3),
        _one_of(text, "kf", keys, _CASES, "lower") == "upper",
        _one_of(text, "kn", keys, _FLAGS, False),
        order == "phonebook",
    )


def _keys(text: str, parts: list[str]) -> dict[str, str]:
    """Keys of two letters and the values behind them; a key without value is true."""
    keys: dict[str, str] = {}
    key = ""
    for part in map(str.lower, parts):
        if len(part) == 2:
            key = part
            keys[key] = "true"
        elif key and keys[key] == "true":
            keys[key] = part
        else:
            raise BadRequestData(f"collation={text}: {part!r} belongs to no key: write co, ks, kf or kn before it.")
    unknown = keys.keys() - {"co", "ks", "kf", "kn"}
    if unknown:
        raise BadRequestData(f"collation={text}: the key {min(unknown)!r} is not offered; there is co, ks, kf and kn.")
    return keys


def _one_of(text: str, name: str, keys: dict[str, str], known: dict[str, T], default: T) -> T:
    if name not in keys:
        return default
    if keys[name] not in known:
        raise BadRequestData(f"collation={text}: {name} is {keys[name]!r}; it can be {', '.join(known)}.")
    return known[keys[name]]


class _Weights(dict[str, tuple[str, str, str]]):
    """What each letter with its marks weighs as letter, accent and case, worked out when it is first met."""

    def __init__(self, how: Collation) -> None:
        self.how = how

    def __missing__(self, cluster: str) -> tuple[str, str, str]:
        if len(self) >= _MOST_CLUSTERS:
            self.clear()
        letter, accent = _weigh(self.how, cluster.casefold())
        weight = letter, accent, "1" if (cluster == cluster.casefold()) is self.how.upper_first else "0"
        self[cluster] = weight
        return weight


_weights = lru_cache(maxsize=64)(_Weights)


@lru_cache(maxsize=32768)
def _key(how: Collation, text: str) -> str:
    weights = _weights(how)
    found = [weights[cluster] for cluster in _CLUSTER.findall(unicodedata.normalize("NFD", text))]
    first = "".join([weight[0] for weight in found])
    if how.numeric:
        first = _DIGITS.sub(lambda digits: _counted(digits[0]), first)
    accents, cases = "\x01".join([weight[1] for weight in found]), "".join([weight[2] for weight in found])
    return "\x00".join((first, accents, cases, text)[: how.strength])


def _weigh(how: Collation, cluster: str) -> tuple[str, str]:
    """(what a base letter and its marks weigh as a letter, what as an accent)."""
    base = "".join(character for character in cluster if not unicodedata.combining(character))
    marks = cluster[len(base) :]
    if how.language == VIETNAMESE:
        own = "".join(mark for mark in marks if mark not in _TONES)
        letter = _VIETNAMESE_LETTERS.get(base + own)
        tones = "".join(_TONES[mark] for mark in marks if mark in _TONES)
        return (letter, tones) if letter is not None else (_ranked(base, "\x03"), own + tones)
    if how.phonebook and cluster in _PHONEBOOK:
        return _PHONEBOOK[cluster], marks
    if base == "đ":
        return "d", "\u0335" + marks
    return _ranked(base), marks


def _ranked(base: str, end: str = "") -> str:
    """Letters as they are, then `end`, and digits; what is neither is led by a character below both."""
    if base.isalpha():
        return base + end
    return base if base.isdigit() or not base else "\x02" + base


def _counted(digits: str) -> str:
    """Digits led by their number of places, so that 9 stands before 10."""
    number = digits.lstrip("0") or "0"
    return f"0{len(number):03d}{number}"
