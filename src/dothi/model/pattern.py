"""Regular expressions whose running time grows only with the text: the patterns of q and idPattern."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, cast

import re2  # type: ignore[import-untyped]

from dothi.model.errors import BadRequestData

MAX_PATTERN = 1024

#: A compiled pattern may take this much memory; a larger one is refused instead of being slow.
_MAX_BYTES = 1 << 20


class Pattern(Protocol):
    def search(self, text: str) -> object | None:
        """Something when the pattern is found anywhere in the text, else None."""
        ...


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """An extended regular expression (IEEE 1003.2, GS CIM 009 clause 4.9) with the Perl classes \\d, \\w, \\s besides.

    It is found anywhere in a text, as `regexec` does and as other brokers do; ^ and $ tie it to the ends. There is no
    backtracking, hence there are no back-references and no look-around. Raises BadRequestData when the pattern is
    wrong, longer than 1024 characters or too large once compiled.
    """
    if len(text) > MAX_PATTERN:
        raise BadRequestData(f"pattern of {len(text)} characters is too long: at most {MAX_PATTERN} are taken")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MAX_BYTES
    try:
        return cast(Pattern, re2.compile(text, options))
    except re2.error as fault:
        reason = fault.args[0]
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise BadRequestData(f"pattern {text!r} is no regular expression that can be run: {words}") from None
