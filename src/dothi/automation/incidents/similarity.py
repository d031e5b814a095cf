"""How alike two Vietnamese texts are: diacritics folded, words and pairs of words counted by how rare they are."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

#: Words that say nothing of what happened; folded.
_EMPTY: Final = frozenset((
    "o", "tai", "va", "la", "co", "bi", "cua", "cho", "den", "tu", "voi", "cac", "mot", "nhung", "nay", "do", "thi",
    "rat", "qua", "roi", "dang", "da", "se", "duoc", "khong", "toi", "chung", "xin", "nho", "em", "anh", "chi", "a",
    "nhe", "duong", "the", "in", "at", "of", "to", "and", "is", "on", "from", "with",
))  # fmt: skip
_WORD: Final = re.compile(r"[a-z0-9]+")


def fold(text: str) -> str:
    """Lower case, no diacritics, đ as d: "Ngập nặng" -> "ngap nang"."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(each for each in plain if not unicodedata.combining(each))


def grams(text: str) -> frozenset[str]:
    """The telling words of a text and its pairs of neighbours, since most Vietnamese words have two syllables."""
    words = _WORD.findall(fold(text))
    pairs = {f"{a} {b}" for a, b in pairwise(words) if a not in _EMPTY and b not in _EMPTY}
    return frozenset(word for word in words if word not in _EMPTY) | pairs


class Weights:
    """How telling each gram is: the logarithm of the share of texts that have it not; one of a kind counts most."""

    def __init__(self, texts: Iterable[frozenset[str]]) -> None:
        texts = list(texts)
        counted = Counter(gram for text in texts for gram in text)
        self._weight = {gram: math.log(1 + (len(texts) + 1) / count) for gram, count in counted.items()}

    def alike(self, a: frozenset[str], b: frozenset[str]) -> float:
        """0 (nothing shared) to 1 (the same): the weight of what is shared by that of the shorter text."""
        shared = a & b
        if not shared:
            return 0.0
        whole = min(self._sum(a), self._sum(b))
        return self._sum(shared) / whole if whole else 0.0

    def told(self, a: frozenset[str], b: frozenset[str], most: int = 3) -> list[str]:
        """The shared grams that say most; a word inside a shared pair is left out."""
        shared = sorted(a & b, key=lambda gram: (-len(gram.split()), -self._weight.get(gram, 1.0), gram))
        kept: list[str] = []
        for gram in shared:
            if not any(gram in each for each in kept):
                kept.append(gram)
        return kept[:most]

    def _sum(self, text: frozenset[str]) -> float:
        return sum(self._weight.get(gram, 1.0) for gram in text)
