"""The live map in memory: the features of the layers that somebody watches, and what each watcher has not seen yet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from dothi.model.change import Change
from dothi.model.entity import Entity
from dothi.model.errors import Overloaded, ResourceNotFound
from dothi.storage.store import Store
from dothi.web.features import LayerView

#: Entities read from the store at once when a layer is first watched.
PAGE = 5_000
#: Watchers at once; one more is refused with 503.
MOST_WATCHERS = 500
#: Features that one watcher may be behind before it is given a fresh snapshot instead.
MOST_PENDING = 5_000
#: Changed entities that wait to become features; one more and they become features at once.
MOST_DIRTY = 10_000


@dataclass(slots=True)
class Table:
    """The encoded features of one watched layer. `dirty` holds changed entities by id (None: deleted)."""

    view: LayerView
    features: dict[str, bytes] = field(default_factory=dict)
    dirty: dict[str, Entity | None] = field(default_factory=dict)
    watchers: int = 0
    seq: int = 0
    loaded: bool = False
    loading: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True, eq=False)
class Watcher:
    """One open stream. `pending`: layer -> id -> feature or None (removed); layers in `behind` need a snapshot."""

    layers: tuple[str, ...]
    pending: dict[str, dict[str, bytes | None]] = field(default_factory=dict)
    behind: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, layer: str, changed: Mapping[str, bytes | None]) -> None:
        """Keep only the newest feature of each entity; past MOST_PENDING forget them all and ask for a snapshot."""
        if layer in self.behind:
            return
        waiting = self.pending.setdefault(layer, {})
        waiting.update(changed)
        if len(waiting) > MOST_PENDING:
            del self.pending[layer]
            self.behind.add(layer)


class LiveMap:
    """Turns committed changes into features for those who watch.

    It costs nothing while nobody watches: tables are loaded by the first watcher of a layer and dropped by the last.
    Memory is bounded by the number of features of the watched layers, and per watcher by MOST_PENDING references.
    """

    def __init__(self, store: Store, views: Mapping[str, LayerView], now: Callable[[], int]) -> None:
        self.views = views
        self._store = store
        self._now = now
        self._tables: dict[str, Table] = {}
        self._watchers: set[Watcher] = set()
        self._unsubscribe: Callable[[], None] | None = None
        self.closed = False

    def close(self) -> None:
        """End every stream, so that the server can stop; no new one is taken."""
        self.closed = True
        for watcher in self._watchers:
            watcher.news.set()

    @asynccontextmanager
    async def watch(self, layers: Sequence[str]) -> AsyncIterator[Watcher]:
        """A watcher of these layers, each of which starts with a snapshot.

        Raises ResourceNotFound for a layer that no module declares and Overloaded past MOST_WATCHERS.
        """
        self.admit(layers)
        watcher = Watcher(tuple(dict.fromkeys(layers)), behind=set(layers))
        self._watchers.add(watcher)
        held: list[Table] = []
        try:
            held.extend(self._hold(layer) for layer in watcher.layers)
            for table in held:
                await self._load(table)
            watcher.news.set()
            yield watcher
        finally:
            self._watchers.discard(watcher)
            for table in held:
                self._release(table)

    def admit(self, layers: Sequence[str]) -> None:
        """Whether a watcher of these layers can be taken now; raises what `watch` raises."""
        unknown = [layer for layer in layers if layer not in self.views]
        if unknown:
            known = ", ".join(self.views) or "none"
            raise ResourceNotFound(f"no layer {', '.join(unknown)}; declared layers: {known}")
        if self.closed:
            raise Overloaded("the server is stopping; try again in a moment")
        if len(self._watchers) >= MOST_WATCHERS:
            raise Overloaded(f"{MOST_WATCHERS} live streams are open already; close one or try again later")

    def snapshot(self, layer: str) -> tuple[int, list[bytes]]:
        """The sequence number and the features of a watched layer, as they are now."""
        self.flush()
        table = self._tables[layer]
        return table.seq, list(table.features.values())

    def seq(self, layer: str) -> int:
        return self._tables[layer].seq

    def flush(self) -> None:
        """Turn the changed entities into features and hand them to the watchers; cheap when nothing changed."""
        for layer, table in self._tables.items():
            if table.dirty and table.loaded:
                changed = self._apply(table)
                for watcher in self._watchers:
                    if changed and layer in watcher.layers:
                        watcher.take(layer, changed)

    def _hold(self, layer: str) -> Table:
        table = self._tables.get(layer)
        if table is None:
            table = self._tables[layer] = Table(self.views[layer])
        table.watchers += 1
        if self._unsubscribe is None:
            self._unsubscribe = self._store.subscribe(self._listen)
        return table

    def _release(self, table: Table) -> None:
        table.watchers -= 1
        if table.watchers == 0 and self._tables.get(table.view.layer.id) is table:
            del self._tables[table.view.layer.id]
        if not self._tables and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _listen(self, changes: Sequence[Change]) -> None:
        touched = set()
        for change in changes:
            for layer, table in self._tables.items():
                if table.view.covers(change.entity):
                    gone = change.kind == "deleted"
                    table.dirty[change.entity.id] = None if gone else change.entity
                elif change.entity.id in table.features or change.entity.id in table.dirty:
                    table.dirty[change.entity.id] = None
                else:
                    continue
                table.seq = change.seq
                touched.add(layer)
        if any(len(self._tables[layer].dirty) > MOST_DIRTY for layer in touched):
            self.flush()
        for watcher in self._watchers:
            if not touched.isdisjoint(watcher.layers):
                watcher.news.set()

    async def _load(self, table: Table) -> None:
        """Read the layer once; changes that arrive meanwhile stay dirty and win over what is read."""
        async with table.loading:
            if table.loaded:
                return
            table.seq = max(table.seq, await self._store.last_seq())
            several = await self._read(table)
            if several and None in table.dirty.values():  # a deletion shifts later pages by one: read once more
                await self._read(table)
            table.loaded = True

    async def _read(self, table: Table) -> bool:
        """Fill the table from the store; whether that took more than one page."""
        offset = 0
        while True:
            page = await self._store.entities(replace(table.view.query, limit=PAGE, offset=offset))
            now = self._now()
            for entity in page.entities:
                encoded = table.view.encode(entity, now)
                if encoded is not None:
                    table.features[entity.id] = encoded
            if len(page.entities) < PAGE:
                return offset > 0
            offset += PAGE

    def _apply(self, table: Table) -> dict[str, bytes | None]:
        now = self._now()
        changed: dict[str, bytes | None] = {}
        for id, entity in table.dirty.items():
            encoded = None if entity is None else table.view.encode(entity, now)
            if encoded is not None:
                table.features[id] = changed[id] = encoded
            elif table.features.pop(id, None) is not None:
                changed[id] = None
        table.dirty.clear()
        return changed
