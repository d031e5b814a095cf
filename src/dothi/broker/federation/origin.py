"""The request on whose behalf context sources are called: what of it travels on, and through whom it has come."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dothi.model.context import Context
from dothi.model.packaged import is_core

_LAST_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Origin:
    """`context` names everything in the request; `headers` are its HTTP headers by lower-case name; `alias` is the
    name of this broker where brokers talk to each other (clause 5.2.40); `circular` are the ids of the registrations
    whose source is this broker itself."""

    context: Context
    headers: Mapping[bytes, bytes]
    alias: str
    circular: Collection[str] = ()

    @property
    def came_through(self) -> frozenset[str]:
        """The aliases of the brokers that handed the request on, from its Via header (clause 6.3.18, RFC 9110)."""
        return frozenset(_aliases(self.headers.get(b"via", b"").decode("latin-1")))

    @property
    def is_loop(self) -> bool:
        """Whether the request has been here before."""
        return self.alias in self.came_through

    @property
    def via(self) -> str:
        """The Via header of the calls: the one that came, and this broker after it."""
        before = self.headers.get(b"via", b"").decode("latin-1").strip()
        own = f"1.1 {self.alias}"
        return f"{before}, {own}" if before else own

    def header(self, name: str) -> str | None:
        """A header of the request, None where it has none of this name."""
        value = self.headers.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else value.decode("latin-1")


def _aliases(via: str) -> list[str]:
    """The second word of each element, which is who received it: `1.1 city-a (comment), 1.1 city-b`."""
    found = []
    for element in via.split(","):
        words = _LAST_WORD.findall(element)
        found += words[1:2] or words
    return found


def address_of(context: Context) -> str | None:
    """The one address that stands for a whole context in a Link header; None where it has parts without one.

    The core context needs no mention, since every broker applies it.
    """
    source: Any = context.source
    parts = source if isinstance(source, list) else [source]
    others = [part for part in parts if not (isinstance(part, str) and is_core(part))]
    if not others:
        return parts[0] if parts and isinstance(parts[0], str) else None
    return others[0] if len(others) == 1 and isinstance(others[0], str) else None
