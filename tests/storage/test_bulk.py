"""The past of many entities as columns: the same as the history tells, sealed or not."""

import numpy as np
import pytest

from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.storage.sqlite import SqliteStore

SECOND = 1_000_000
START = 1_769_846_400 * SECOND


@pytest.mark.parametrize("is_sealed", [False, True])
async def test_columns_hold_what_was_appended_within_the_time(tmp_path, is_sealed):
    store = SqliteStore(tmp_path)
    await store.open()
    times = START + np.arange(2_000) * SECOND
    for n in range(3):
        entity = Entity(f"urn:g:{n}", ("urn:Gauge",), {}, (), START, START)

        def work(tx, entity=entity, n=n):
            tx.save(entity, "created", [], Cause())
            tx.append_columns(entity, "urn:level", {"type": "Property"}, times, np.arange(2_000) + float(n))

        await store.write(work)
    if is_sealed:
        await store.seal()
    found = await store.past_columns(["urn:g:2", "urn:g:0"], ["urn:level"], START + 10 * SECOND, START + 1_500 * SECOND)
    assert {one.id for one in found} == {"urn:g:0", "urn:g:2"}
    for one in found:
        assert one.times.tolist() == times[10:1_500].tolist()
        assert one.numbers.tolist() == one.read() == (np.arange(10, 1_500) + float(one.id[-1])).tolist()
        assert one.deleted is None
    assert await store.past_columns(["urn:g:1"], [], START - 10, START) == []
    await store.close()
