"""Media types and JSON-LD Link headers: what a client sends and can take (GS CIM 009 clauses 6.3.4 to 6.3.6)."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from typing import Final

from dothi.model.errors import BadRequestData, NotAcceptable, UnsupportedMediaType

JSON: Final = "application/json"
JSON_LD: Final = "application/ld+json"
#: Entities as Features and FeatureCollections (clauses 5.2.29 to 5.2.31).
GEO_JSON: Final = "application/geo+json"
MERGE_PATCH: Final = "application/merge-patch+json"
#: Of a problem document: not the type that RFC 7807 has for it, so that old clients are not broken (clause 5.5.3).
PROBLEM: Final = JSON

CONTEXT_RELATION: Final = "http://www.w3.org/ns/json-ld#context"

_LINK = re.compile(r"<([^>]*)>([^<]*?)(?:,|$)")
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]+))", re.IGNORECASE)


@lru_cache(maxsize=1024)
def content_type(header: bytes, allowed: tuple[str, ...]) -> str:
    """The media type of a request body, without its parameters. Raises UnsupportedMediaType."""
    media = header.decode("latin-1").partition(";")[0].strip().lower()
    if media in allowed:
        return media
    found = f"Content-Type {media!r} is not supported" if media else "The Content-Type header is missing"
    raise UnsupportedMediaType(f"{found}: use {' or '.join(allowed)}.", accept=", ".join(allowed))


@lru_cache(maxsize=1024)
def accepted(header: bytes | None, offered: tuple[str, ...]) -> str:
    """The media type to answer with: the first of those the client likes best. Raises NotAcceptable.

    Without an Accept header, or with a wildcard, it is the first one offered (RFC 9110 section 12.5.1).
    """
    if header is None or not header.strip():
        return offered[0]
    best, liking = "", (0.0, 0)
    ranges = [_range(part) for part in header.decode("latin-1").split(",")]
    for order, media in enumerate(offered):
        quality = _quality(media, ranges)
        if (quality > 0 and (quality, -order) > liking) or (quality > 0 and not best):
            best, liking = media, (quality, -order)
    if best:
        return best
    raise NotAcceptable(f"Accept {header.decode('latin-1')!r} names none of {', '.join(offered)}.")


def _range(part: str) -> tuple[str, float]:
    media, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            with contextlib.suppress(ValueError):
                quality = float(value)
    return media.strip().lower(), quality


def _quality(media: str, ranges: list[tuple[str, float]]) -> float:
    """The quality that the most specific matching range gives to a media type; 0 where none matches."""
    for wanted in (media, media.partition("/")[0] + "/*", "*/*"):
        for name, quality in ranges:
            if name == wanted:
                return quality
    return 0.0


@lru_cache(maxsize=4096)
def linked_context(header: bytes) -> str | None:
    """The address of the JSON-LD @context that a Link header names; None where it names none (RFC 8288).

    Raises BadRequestData when it names more than one.
    """
    found: list[str] = []
    for target, parameters in _LINK.findall(header.decode("latin-1")):
        relations = [quoted or plain for quoted, plain in _RELATION.findall(parameters)]
        if any(CONTEXT_RELATION in relation.split() for relation in relations):
            found.append(target.strip())
    if len(found) > 1:
        raise BadRequestData("The Link header names more than one JSON-LD @context: merge them into one document.")
    return found[0] if found else None


@lru_cache(maxsize=4096)
def context_link(address: str) -> bytes:
    """The Link header value that names the @context of a JSON answer (clause 6.3.6)."""
    return f'<{address}>; rel="{CONTEXT_RELATION}"; type="{JSON_LD}"'.encode()
