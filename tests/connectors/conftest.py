"""A real city: store, contexts and the way in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dothi.broker.contexts import Contexts
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.storage.sqlite import SqliteStore


class City(NamedTuple):
    store: SqliteStore
    sink: Ingest


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[City]:
    store = SqliteStore(tmp_path / "city")
    await store.open()
    async with Outside() as outside:
        yield City(store, Ingest(store, Contexts(store, outside)))
    await store.close()
