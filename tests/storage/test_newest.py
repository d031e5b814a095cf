"""The newest instances as ready JSON: the same as what the general way gives, whatever was written and sealed."""

import asyncio
import tempfile
from pathlib import Path

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.model.change import AttributeChange, Cause
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.model.instant import format_instant, parse_instant
from dothi.model.query import Window
from dothi.model.temporal import represent_history
from dothi.storage.newest import Runs
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
ID, TYPE, HEAT = "urn:x:1", CORE.expand("Station"), CORE.expand("heat")
START = parse_instant("2026-01-01T00:00:00Z")

instances = st.builds(
    lambda value, minute, more: {
        "type": "Property", "value": value, "observedAt": format_instant(START + minute * 60_000_000), **more,
    },
    st.one_of(st.integers(-99, 99), st.floats(-9, 9), st.text(max_size=3), st.booleans(), st.just({"a": [1, "\0id"]})),
    st.integers(0, 300),
    st.sampled_from([{}, {}, {"unitCode": "CEL"}, {"unitCode": "\0value"}, {"datasetId": "urn:d"},
                     {"https://example.org/accuracy": {"type": "Property", "value": 1}}]),
)  # fmt: skip
#: Writes of the state, additions to the past, and sealing, in any order.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), instances),
        st.tuples(st.just("append"), st.lists(instances, min_size=1, max_size=60)),
        st.tuples(st.just("seal"), st.none()),
        st.tuples(st.just("forget"), st.integers(0, 300)),
    ),
    min_size=1,
    max_size=6,
)


async def perform(store, step, argument):
    if step == "seal":
        return await store.seal()

    def work(tx):
        old = tx.load([ID]).get(ID)
        if step == "write" or old is None:
            fresh = argument if step == "write" else {"type": "Property", "value": 0}
            fresh = {**fresh, "createdAt": tx.now, "modifiedAt": tx.now}
            entity = Entity(ID, (TYPE,), {HEAT: fresh}, (), tx.now, tx.now)
            change = AttributeChange(HEAT, fresh.get("datasetId"), None, fresh)
            tx.save(entity, "updated" if old else "created", [change], Cause())
        elif step == "append":
            tx.append(old, [(HEAT, instance) for instance in argument], Cause())
        elif step == "forget":
            n, key = 1, store._names.number(HEAT)
            tx.forget(ID, HEAT, instance=f"urn:ngsi-ld:Instance:{n}-{key}-{START + argument * 60_000_000}")

    return await store.write(work, [ID])


async def general(store, last):
    histories = await store.history([ID], [HEAT], Window(last=last))
    return represent_history(histories[0], CORE).get("heat") if histories else None


@settings(max_examples=25, deadline=None)
@given(steps, st.integers(1, 200))
def test_the_quick_way_gives_what_the_general_way_gives(steps, last):
    async def compare(folder):
        store = SqliteStore(Path(folder))
        await store.open()
        try:
            for step, argument in steps:
                await perform(store, step, argument)
                newest = await store.newest(ID, HEAT, last)
                if newest is not None:
                    assert newest.types == (TYPE,)
                    expected = await general(store, last)
                    assert b"[" + newest.instances + b"]" == orjson.dumps(expected)
        finally:
            await store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(folder))


async def test_a_plain_series_takes_the_quick_way_over_several_chunks_and_the_tail(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()

    def reading(minute):
        return {"type": "Property", "value": minute / 2, "observedAt": format_instant(START + minute * 60_000_000)}

    await perform(store, "write", reading(0))
    await perform(store, "append", [reading(minute) for minute in range(1, 1050)])
    await store.seal()
    for minute in range(1050, 1060):
        await perform(store, "write", reading(minute))
    for last in (1, 9, 10, 11, 35, 100, 200):
        for _ in range(2):
            newest = await store.newest(ID, HEAT, last)
            assert orjson.loads(b"[" + newest.instances + b"]") == await general(store, last)
    assert await store.newest(ID, HEAT, 201) is None
    assert await store.newest("urn:x:2", HEAT, 1) is None
    assert await store.newest(ID, CORE.expand("none"), 1) is None
    await store.close()


async def test_what_is_remembered_stays_within_its_bounds(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    store._runs = runs = Runs(30_000)
    past = [
        {"type": "Property", "value": n, "observedAt": format_instant(START + n * 60_000_000)} for n in range(1, 3000)
    ]
    await perform(store, "write", {"type": "Property", "value": 0, "observedAt": format_instant(START)})
    await perform(store, "append", past)
    await store.seal()
    await store.newest(ID, HEAT, 200)
    assert len(runs._runs) == 0 or runs._bytes <= 30_000
    await store.close()
