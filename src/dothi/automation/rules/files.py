"""Rules from TOML files in the city's folder: new ones come in switched off, changed ones as a new version."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog

from dothi.automation.rules.book import Book, Mode
from dothi.automation.rules.reading import BadRule, read_rule, read_toml

log = structlog.get_logger(__name__)


def texts_in(folder: Path) -> list[tuple[str, str]]:
    """(file name, text) of the *.toml files of a folder, in order; a folder that is not there has none."""
    return [(path.name, path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]


async def take(book: Book, texts: Iterable[tuple[str, str]], now: int, mode: Mode = "off") -> None:
    """Bring the book up to date. What people changed in the app stays; what cannot be read is logged and left out.

    The book must be open. `mode` is that of new rules.
    """
    for name, text in texts:
        by = f"file:{name}"
        try:
            rules = [read_rule(document) for document in read_toml(text)]
        except BadRule as bad:
            log.error("a file of rules cannot be read", file=name, error=str(bad))
            continue
        for rule in rules:
            known = book.entries.get(rule.id)
            if known is None:
                await book.put(rule, 0, by, "", now)
                if mode != "off":
                    await book.switch(rule.id, mode, by, "", now)
            elif known.rule != rule and known.by == by:
                await book.put(rule, known.version, by, "", now)
