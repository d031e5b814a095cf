"""The @context documents that a tenant keeps: hosted for users, made for inline contexts, or copied from elsewhere."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec

from dothi.model.errors import BadRequestData
from dothi.storage.store import Store, Transaction

Kind = Literal["Hosted", "Cached", "ImplicitlyCreated"]
KINDS: Final = ("Hosted", "Cached", "ImplicitlyCreated")

_RECORD: Final = "context"
_DOCUMENT: Final = "context_document"
_HOSTED_ADDRESS = re.compile(r"(?:https?://[^/?#]+)?/ngsi-ld/v1/jsonldContexts/([^/?#]+)/?", re.IGNORECASE)


class Kept(msgspec.Struct):
    """One kept @context (clause 5.13.1): `url` is where a Cached one comes from, times are microseconds, `hits` counts
    its uses, from `stale` on its address has to be asked again (clause 6.3.16; None: never). `packaged`: it comes with
    dothi and has no record of its own."""

    id: str
    kind: Kind
    url: str | None
    created: int
    used: int | None = None
    hits: int = 0
    packaged: bool = False
    stale: int | None = None


class KeptContexts:
    """The records of kept contexts in memory, their documents in the store.

    At most `hosted` Hosted and ImplicitlyCreated ones (then BadRequestData) and `cached` Cached ones (then the one
    not used for the longest time goes).
    """

    def __init__(self, store: Store, now: Callable[[], int], hosted: int = 1000, cached: int = 500) -> None:
        self._store = store
        self._now = now
        self._max_hosted = hosted
        self._max_cached = cached
        self._by_id: dict[str, Kept] = {}
        self._saved_hits: dict[str, int] = {}

    async def open(self) -> None:
        for id, record in (await self._store.records(_RECORD)).items():
            self._by_id[id] = msgspec.convert({"id": id, **record}, Kept)
            self._saved_hits[id] = self._by_id[id].hits

    def all(self) -> list[Kept]:
        return sorted(self._by_id.values(), key=lambda kept: (kept.created, kept.id))

    def find(self, name: str) -> Kept | None:
        """By local id, by its address at this broker, or by the address where a Cached one comes from."""
        kept = self._by_id.get(name) or self._by_id.get(id_of(name))
        if kept is None:
            hosted = _HOSTED_ADDRESS.fullmatch(name)
            kept = self._by_id.get(hosted[1]) if hosted else None
        return kept

    async def document(self, kept: Kept) -> Any | None:
        return await self._store.record(_DOCUMENT, kept.id)

    async def add(self, document: dict[str, Any], kind: Kind, id: str | None = None) -> Kept:
        """Keep a document of this broker's own. Raises BadRequestData when there are too many."""
        if id is not None and id in self._by_id:
            return self._by_id[id]
        if sum(kept.kind != "Cached" for kept in self._by_id.values()) >= self._max_hosted:
            raise BadRequestData(f"The broker holds {self._max_hosted} contexts, as many as it may: delete one first.")
        kept = Kept(id or str(uuid.uuid4()), kind, None, self._now())
        await self._write([kept], {kept.id: document})
        return kept

    async def copy(self, url: str, document: dict[str, Any], stale: int | None = None) -> Kept:
        """Keep a copy of what an address answered, good until `stale`; replaces the copy that was there."""
        old = self._by_id.get(id_of(url))
        used, hits = (old.used, old.hits) if old else (None, 0)
        kept = Kept(id_of(url), "Cached", url, self._now(), used, hits, stale=stale)
        copies = [other for other in self._by_id.values() if other.kind == "Cached" and not other.packaged]
        surplus = len(copies) - self._max_cached + (0 if old in copies else 1)
        gone = sorted(copies, key=lambda other: other.used or other.created)[: max(0, surplus)]
        await self._write([kept], {kept.id: document}, [other.id for other in gone if other.id != kept.id])
        return kept

    def note_packaged(self, url: str) -> Kept:
        """The entry of a context that comes with dothi, made at its first use."""
        id = id_of(url)
        return self._by_id.setdefault(id, Kept(id, "Cached", url, self._now(), packaged=True))

    async def drop(self, kept: Kept) -> None:
        await self._write([], {}, [kept.id])

    async def save_usage(self) -> None:
        """Write the counts that changed since they were last written."""
        changed = [k for k in self._by_id.values() if not k.packaged and k.hits != self._saved_hits.get(k.id)]
        if changed:
            await self._write(changed, {})

    async def _write(self, kept: Iterable[Kept], documents: dict[str, Any], gone: Iterable[str] = ()) -> None:
        kept, gone = list(kept), list(gone)

        def work(transaction: Transaction) -> None:
            for id in gone:
                transaction.drop_record(_RECORD, id)
                transaction.drop_record(_DOCUMENT, id)
            for entry in kept:
                transaction.put_record(_RECORD, entry.id, _record(entry))
            for id, document in documents.items():
                transaction.put_record(_DOCUMENT, id, document)

        await self._store.write(work)
        for id in gone:
            self._by_id.pop(id, None)
        for entry in kept:
            self._by_id[entry.id] = entry
            self._saved_hits[entry.id] = entry.hits


def id_of(url: str) -> str:
    """The local id of the copy of an address, the same in every broker."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, url))


def _record(kept: Kept) -> dict[str, Any]:
    members = ("kind", "url", "created", "used", "hits", "stale")
    return {member: getattr(kept, member) for member in members}
