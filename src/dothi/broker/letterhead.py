"""What is told beside the body of a letter: header lines over HTTP (GS CIM 009, 6.3.8), an object over MQTT (7.2).

A letter keeps it in the form of the scheme that its endpoint had when it was written. Should a PATCH have changed the
scheme since, the carrier turns the one form into the other.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

Pairs = Iterable[tuple[str, str]]


def header_lines(pairs: Pairs) -> bytes:
    """Header lines, each ended by CRLF."""
    return "".join(f"{key}: {value}\r\n" for key, value in pairs).encode("latin-1", "replace")


def metadata(pairs: Pairs) -> bytes:
    """The member `metadata` of an MQTT message, a JSON object of texts."""
    return orjson.dumps(dict(pairs))


def as_header_lines(head: bytes) -> bytes:
    """The head of a letter for HTTP, whatever it was written for."""
    if not _is_object(head):
        return head
    pairs = orjson.loads(head).items()
    return header_lines((key, value) for key, value in pairs if "\n" not in value and "\r" not in value)


def as_metadata(head: bytes) -> bytes:
    """The head of a letter for MQTT, whatever it was written for."""
    if _is_object(head):
        return head
    lines = head.decode("latin-1").split("\r\n")
    return metadata((key, value) for key, _, value in (line.partition(": ") for line in lines) if key)


def _is_object(head: bytes) -> bool:
    return head.startswith(b"{")
