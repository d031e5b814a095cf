"""MQTT topic filters: which topics they match, and what stands in place of their wildcards."""

from __future__ import annotations

import re
from functools import lru_cache


def check_filter(pattern: str) -> None:
    """Raise ValueError saying what is wrong with a topic filter (MQTT 5.0 clause 4.7)."""
    levels = pattern.split("/")
    if not pattern or "\x00" in pattern or len(pattern.encode()) > 65535:
        raise ValueError(f"topic {pattern!r} is empty, too long or holds a null character")
    if "#" in pattern and (levels[-1] != "#" or pattern.count("#") > 1):
        raise ValueError(f"topic {pattern!r}: # must stand alone and last, as in city/air/#")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError(f"topic {pattern!r}: + must fill a whole level, as in city/+/air")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern.startswith("$share/"):
        pattern = pattern.split("/", 2)[2]
    parts = [{"+": "([^/]*)", "#": "(.*)"}.get(level) or re.escape(level) for level in pattern.split("/")]
    text = "/".join(parts)
    return re.compile(text[: -len("/(.*)")] + "(?:/(.*))?" if text.endswith("/(.*)") else text, re.DOTALL)


def wildcards(pattern: str, topic: str) -> list[str] | None:
    """What the wildcards of the filter stand for in this topic, in order; None when it does not match."""
    if topic.startswith("$") and pattern[0] in "+#":
        return None
    match = _compiled(pattern).fullmatch(topic)
    return [part or "" for part in match.groups()] if match else None
