"""The watch book: what the shift writes down, never changed afterwards, found without diacritics."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from dothi.automation.procedures.books import fold
from dothi.automation.procedures.definition import Text
from dothi.automation.procedures.kept import Keeping
from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.instant import format_instant, parse_instant
from dothi.model.query import And, AttributePath, Compare, DateTimeLiteral, EntityQuery, Order, Query, UriLiteral
from dothi.storage.store import Store, Transaction

ENTRY: Final = Keeping(
    "WatchBookEntry",
    {
        "entryText": "LanguageProperty", "entryWords": "Property", "entryKind": "Property", "writtenBy": "Property",
        "writtenAt": "Property", "concerns": "Relationship", "shift": "Relationship", "corrects": "Relationship",
    },
)  # fmt: skip

EntryKind = Literal["note", "handover", "escalation", "procedure", "shift"]
MOST_LINKS: Final = 50


class Entry(msgspec.Struct, frozen=True):
    """One entry; `at` is in microseconds, `links` are ids of entities, `corrects` the entry that it puts right."""

    id: str
    at: int
    by: str
    kind: EntryKind
    text: Text
    links: tuple[str, ...] = ()
    shift: str = ""
    corrects: str = ""


class WatchBook:
    """Entries are entities, so that the city's history and the time machine have them too."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(
        self, text: Text, by: str, kind: EntryKind = "note", links: Sequence[str] = (), shift: str = "",
        corrects: str = "",
    ) -> Entry:  # fmt: skip
        """Write an entry. Raises BadRequestData, ResourceNotFound for an entry to correct that is not there."""
        if len(links) > MOST_LINKS:
            raise BadRequestData(f"links: {len(links)} are too many, {MOST_LINKS} are the most")
        id = new_id()
        ids = [id, *([corrects] if corrects else [])]

        def work(tx: Transaction) -> Entry:
            if corrects and corrects not in tx.load((corrects,)):
                raise ResourceNotFound(f"corrects: the watch book has no entry {corrects}")
            return keep(tx, Entry(id, tx.now, by, kind, text, tuple(dict.fromkeys(links)), shift, corrects))

        return await self._store.write(work, ids)

    async def find(
        self, text: str = "", shift: str | None = None, kind: str | None = None, link: str | None = None,
        span: tuple[int | None, int | None] = (None, None), limit: int = 100, offset: int = 0,
    ) -> tuple[list[Entry], int]:  # fmt: skip
        """A page of entries, the newest first, and how many there are in all."""
        parts: list[Query] = [
            Compare(AttributePath((ENTRY.iris["entryWords"],)), "~=", (re.escape(word),)) for word in fold(text).split()
        ]
        parts += [ENTRY.equals("shift", UriLiteral(shift))] if shift else []
        parts += [ENTRY.equals("entryKind", kind)] if kind else []
        parts += [ENTRY.equals("concerns", UriLiteral(link))] if link else []
        written = AttributePath((ENTRY.iris["writtenAt"],))
        for operator, instant in ((">=", span[0]), ("<", span[1])):
            if instant is not None:
                literal = DateTimeLiteral(format_instant(instant), instant)
                parts.append(Compare(written, operator, (literal,)))  # type: ignore[arg-type]
        q = And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None
        newest = (Order(AttributePath(("createdAt",)), descending=True),)
        query = EntityQuery(types=ENTRY.selection, q=q, order=newest, limit=limit, offset=offset)
        page = await self._store.entities(query, count=True)
        return [entry for each in page.entities if (entry := entry_of(each)) is not None], page.total or 0


def new_id() -> str:
    return f"urn:ngsi-ld:WatchBookEntry:{uuid.uuid4().hex[:12]}"


def keep(tx: Transaction, entry: Entry) -> Entry:
    """Write an entry within a unit of work."""
    links: Any = list(entry.links) if len(entry.links) > 1 else entry.links[0] if entry.links else None
    ENTRY.put(
        tx,
        entry.id,
        {
            "entryText": msgspec.to_builtins(entry.text),
            "entryWords": fold(f"{entry.text.vi} {entry.text.en} {entry.by}"),
            "entryKind": entry.kind,
            "writtenBy": entry.by,
            "writtenAt": format_instant(entry.at),
            "concerns": links,
            "shift": entry.shift or None,
            "corrects": entry.corrects or None,
        },
        Cause(f"operator:{entry.by}"),
    )
    return entry


def entry_of(entity: Entity) -> Entry | None:
    """The entry of an entity; None where a stranger wrote it and it holds none of ours."""
    found = ENTRY.read(entity)
    links = found.get("concerns", [])
    try:
        return msgspec.convert(
            {
                "id": entity.id,
                "at": parse_instant(found["writtenAt"]),
                "by": found["writtenBy"],
                "kind": found["entryKind"],
                "text": found["entryText"],
                "links": links if isinstance(links, list) else [links],
                "shift": found.get("shift", ""),
                "corrects": found.get("corrects", ""),
            },
            Entry,
        )
    except (KeyError, ValueError, msgspec.ValidationError):
        return None
