"""The live map in memory: the layers that somebody watches, and what each watcher has not seen yet."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from dothi.model.change import Change
from dothi.model.errors import Overloaded, ResourceNotFound
from dothi.storage.store import Store
from dothi.web.features import LayerView
from dothi.web.grid import SEVERITY, Changed, Port, select
from dothi.web.table import Current, Table

#: Entities read from the store at once when a layer is first watched.
PAGE = 5_000
#: Entities that become features in one turn of the loop while a layer is read.
BREATH = 250
#: Watchers at once; one more is refused with 503.
MOST_WATCHERS = 500
#: Features that one watcher may be behind before it is given a fresh snapshot instead.
MOST_PENDING = 5_000
#: A layer that nobody watches any more is kept for so long, microseconds: whoever looks away comes back.
LINGER = 600_000_000
#: Changed entities that wait to become features; one more and they become features at once.
MOST_DIRTY = 10_000


@dataclass(slots=True, eq=False)
class Watcher:
    """One open stream. `pending`: layer -> id -> feature or None (removed); layers in `behind` need a snapshot.

    `port` is what the watcher sees, None where it wants layers whole; `told` the counts that it knows.
    """

    layers: tuple[str, ...]
    port: Port | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    pending: dict[str, Changed] = field(default_factory=dict)
    behind: set[str] = field(default_factory=set)
    told: dict[str, list[int]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def restart(self, layer: str) -> None:
        """Begin this layer anew with a snapshot."""
        self.pending.pop(layer, None)
        self.behind.add(layer)
        self.news.set()

    def take(self, layer: str, changed: Changed) -> None:
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

    It costs nothing while nobody watches: a layer is loaded by its first watcher and forgotten LINGER after the last.
    Memory is bounded by the number of features of the watched layers, and per watcher by MOST_PENDING references.
    """

    def __init__(self, store: Store, views: Mapping[str, LayerView], now: Callable[[], int]) -> None:
        self.views = views
        self._store = store
        self._now = now
        self._tables: dict[str, Table] = {}
        self._watchers: dict[str, Watcher] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self.closed = False

    def close(self) -> None:
        """End every stream, so that the server can stop; no new one is taken."""
        self.closed = True
        for watcher in self._watchers.values():
            watcher.news.set()

    @asynccontextmanager
    async def watch(self, layers: Sequence[str], port: Port | None = None) -> AsyncIterator[Watcher]:
        """A watcher of these layers, each of which starts with a snapshot; without layers, of the line itself.

        Raises ResourceNotFound for a layer that no module declares and Overloaded past MOST_WATCHERS.
        """
        self.admit(layers)
        watcher = Watcher(tuple(dict.fromkeys(layers)), port, behind=set(layers))
        self._watchers[watcher.id] = watcher
        held: list[Table] = []
        try:
            held.extend(self._hold(layer) for layer in watcher.layers)
            for table in held:
                await self._load(table)
            watcher.news.set()
            yield watcher
        finally:
            del self._watchers[watcher.id]
            for table in held:
                self._release(table)

    async def preload(self) -> None:
        """Read the layers that the city shows by default, so that the first wall of the day does not wait for them."""
        async with self.watch([id for id, view in self.views.items() if view.layer.visible]):
            pass

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

    def look(self, id: str, port: Port) -> None:
        """The watcher of this id sees another port now; raises ResourceNotFound where there is no such watcher."""
        watcher = self._watchers.get(id)
        if watcher is None:
            raise ResourceNotFound(f"no open stream {id}; the first event of /api/stream says its id")
        watcher.port = port
        for layer in watcher.layers:
            if self._tables[layer].clustered:
                watcher.restart(layer)

    def snapshot(self, layer: str, port: Port | None = None) -> tuple[int, Sequence[bytes]]:
        """The sequence number and the features of a watched layer, as they are now; of a clustered one, in the port."""
        self.flush()
        table = self._tables[layer]
        if port is not None and table.clustered:
            table.keep({each.port.zoom for each in self._watchers.values() if each.port} | {port.zoom})
            return table.seq, table.window(port)
        return table.seq, Current(table.features)

    def is_clustered(self, layer: str) -> bool:
        return self._tables[layer].clustered

    def seq(self, layer: str) -> int:
        return self._tables[layer].seq

    def news_of_counts(self, watcher: Watcher, layer: str) -> dict[str, int] | None:
        """How many objects of each state a clustered layer has, None where the watcher knows or counts itself."""
        table = self._tables[layer]
        if watcher.port is None or not table.clustered or watcher.told.get(layer) == table.counts:
            return None
        watcher.told[layer] = list(table.counts)
        return dict(zip(SEVERITY, table.counts, strict=True))

    def flush(self) -> None:
        """Turn the changed entities into features and hand them to the watchers; cheap when nothing changed."""
        for layer, table in self._tables.items():
            if not table.loaded:
                continue
            changed = table.apply(self._now()) if table.dirty else {}
            if table.clustered:
                table.age(self._now())
            resized = table.resize()
            diffs = table.regrid()
            for watcher in self._watchers.values():
                if layer not in watcher.layers:
                    continue
                if watcher.port is None or not table.clustered:
                    seen = changed
                else:
                    seen = select(diffs.get(watcher.port.zoom, ()), watcher.port)
                if resized and watcher.port is not None:
                    watcher.restart(layer)
                elif seen:
                    watcher.take(layer, seen)

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
        table.left = self._now()
        self._forget()

    def _forget(self) -> None:
        """Drop what nobody has watched for long; with the last layer, stop listening."""
        before = self._now() - LINGER
        for table in [each for each in self._tables.values() if each.watchers == 0 and each.left <= before]:
            del self._tables[table.view.layer.id]
        if not self._tables and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _listen(self, changes: Sequence[Change]) -> None:
        self._forget()
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
        for watcher in self._watchers.values():
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
            table.resize()
            table.loaded = True

    async def _read(self, table: Table) -> bool:
        """Fill the table from the store; whether that took more than one page."""
        offset = 0
        while True:
            page = await self._store.entities(replace(table.view.query, limit=PAGE, offset=offset))
            now = self._now()
            for place, entity in enumerate(page.entities):
                table.put(entity, now)
                if place % BREATH == 0:
                    await asyncio.sleep(0)
            if len(page.entities) < PAGE:
                return offset > 0
            offset += PAGE
