"""A shift desk over a real store, with a clock by hand and a list of what people were told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dothi.automation.alarms.alarms import Alarms
from dothi.automation.shifts.desk import ShiftDesk
from dothi.broker.clock import wall_clock
from dothi.model.aliases import Aliases
from dothi.model.context import core_context
from dothi.storage.sqlite import SqliteStore


@dataclass
class Centre:
    """`later` moves the desk's clock on; the store's own stays true."""

    store: SqliteStore
    alarms: Alarms
    desk: ShiftDesk
    told: list[tuple[tuple[str, ...], str, str]] = field(default_factory=list)
    ahead: int = 0

    def later(self, seconds: float) -> None:
        self.ahead += round(seconds * 1_000_000)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    store = SqliteStore(tmp_path)
    await store.open()
    alarms = Alarms(store, Aliases(core_context(), ()))
    await alarms.open()
    clock: list[Centre] = []

    def now() -> int:
        return wall_clock() + (clock[0].ahead if clock else 0)

    def tell(names, title, severity):
        clock[0].told.append((tuple(names), title.en, severity))

    desk = ShiftDesk(store, alarms, tell, now=now)
    await desk.open()
    clock.append(Centre(store, alarms, desk))
    await desk.books.take_templates()
    for id, name, roles in (
        ("an", "Nguyễn Hoài An", ["lead", "operator"]),
        ("binh", "Trần Thái Bình", ["lead", "operator"]),
        ("dung", "Phạm Tiến Dũng", ["operator"]),
    ):
        await desk.roster.put(id, {"name": name, "roles": roles}, "test")
    yield clock[0]
    alarms.close()
    await store.close()
