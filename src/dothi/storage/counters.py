"""The next numbers of entities and changes of a store."""

from __future__ import annotations

import apsw
import orjson


class Counters:
    """Counts on from what the file has, sealed changes included."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.entity = int(connection.execute("SELECT coalesce(max(n), 0) FROM entity").get)
        tail = int(connection.execute("SELECT coalesce(max(seq), 0) FROM change").get)
        kept = connection.execute("SELECT doc FROM record WHERE kind = 'log' AND key = 'last'").get
        self.change = max(tail, 0 if kept is None else orjson.loads(kept))

    def next_entity(self) -> int:
        self.entity += 1
        return self.entity

    def next_change(self) -> int:
        self.change += 1
        return self.change
