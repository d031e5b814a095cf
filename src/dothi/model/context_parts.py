"""What an @context consists of once its addresses are followed: a list of plain JSON-LD context objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

from dothi.model.errors import BadRequestData
from dothi.model.packaged import core_terms, is_core

#: Bounds of one @context with all that it refers to.
MAX_DEPTH: Final = 8
MAX_DOCUMENTS: Final = 64
MAX_TERMS: Final = 10_000

#: Address -> the value of "@context" in its document; NOT_KNOWN where the document is not at hand.
Documents = Callable[[str], Any]
NOT_KNOWN: Final = object()

#: An address that can be called: no spaces, control characters or lone surrogates.
_ABSOLUTE = re.compile(r"https?://[^\s\x00-\x1f\ud800-\udfff/?#][^\s\x00-\x1f\ud800-\udfff]{0,2000}", re.IGNORECASE)


@dataclass(slots=True)
class Parts:
    """Context objects in the order in which they apply (None resets all before it), addresses still to fetch, and
    whether the core context is among the objects."""

    objects: list[dict[str, Any] | None] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    has_core: bool = False
    followed: int = 0
    terms: int = 0


def gather(context: Any, documents: Documents, base: str = "") -> Parts:
    """Follow every address in an @context: a string, an object, an array of them, or null.

    `base` is the address of the document that the context stands in. Raises BadRequestData, naming the place, for what
    is no context, for loops, and beyond MAX_DEPTH, MAX_DOCUMENTS or MAX_TERMS.
    """
    parts = Parts()
    _add(context, parts, documents, base, (), "@context")
    return parts


def _add(context: Any, parts: Parts, documents: Documents, base: str, chain: tuple[str, ...], place: str) -> None:
    if isinstance(context, list):
        for position, element in enumerate(context):
            where = f"{place}[{position}]"
            if isinstance(element, list):
                raise BadRequestData(f"{where} is an array within an array: list its elements in the outer one.")
            _add(element, parts, documents, base, chain, where)
    elif isinstance(context, str):
        _follow(context, parts, documents, base, chain, place)
    elif isinstance(context, dict):
        _add_object(context, parts, documents, base, chain, place)
    elif context is None:
        parts.objects.append(None)
    else:
        kind = "a boolean" if isinstance(context, bool) else "a number"
        raise BadRequestData(f"{place} is {kind}: it must be an address, an object, or an array of them.")


def _follow(address: str, parts: Parts, documents: Documents, base: str, chain: tuple[str, ...], place: str) -> None:
    try:
        url = urljoin(base, address) if base else address
    except ValueError:
        url = ""
    if not _ABSOLUTE.fullmatch(url):
        raise BadRequestData(f"{place} is {address[:200]!r}, which is no http or https address.")
    if is_core(url):
        parts.objects.append(core_terms(url))
        parts.has_core = True
        return
    if url in chain:
        raise BadRequestData(f"{place} loops: {' -> '.join((*chain, url))}.")
    parts.followed += 1
    if len(chain) >= MAX_DEPTH or parts.followed > MAX_DOCUMENTS:
        raise BadRequestData(
            f"{place} refers to more contexts than are followed ({MAX_DEPTH} levels, {MAX_DOCUMENTS} documents): {url}."
        )
    content = documents(url)
    if content is NOT_KNOWN:
        if url not in parts.missing:
            parts.missing.append(url)
    else:
        _add(content, parts, documents, url, (*chain, url), f"the @context of {url}")


def _add_object(
    context: dict[str, Any], parts: Parts, documents: Documents, base: str, chain: tuple[str, ...], place: str
) -> None:
    if "@context" in context:
        _add(context["@context"], parts, documents, base, chain, place)
        return
    parts.terms += len(context)
    if parts.terms > MAX_TERMS:
        raise BadRequestData(f"{place} brings the @context over {MAX_TERMS} terms.")
    if "@import" in context:
        _import(context, parts, documents, base, chain, place)
    else:
        parts.objects.append(context)


def _import(
    context: dict[str, Any], parts: Parts, documents: Documents, base: str, chain: tuple[str, ...], place: str
) -> None:
    """JSON-LD 1.1 section 4.1.9: the imported object comes below what this one says."""
    own = {term: value for term, value in context.items() if term != "@import"}
    imported = Parts(followed=parts.followed, terms=parts.terms)
    if not isinstance(context["@import"], str):
        raise BadRequestData(f"@import in {place} must be an address.")
    _follow(context["@import"], imported, documents, base, chain, f"@import in {place}")
    parts.followed, parts.terms = imported.followed, imported.terms
    parts.has_core |= imported.has_core
    parts.missing += [url for url in imported.missing if url not in parts.missing]
    if imported.missing:
        return
    if len(imported.objects) != 1 or imported.objects[0] is None:
        raise BadRequestData(f"@import in {place} must lead to one context object: {context['@import']}.")
    parts.objects.append(imported.objects[0] | own)
