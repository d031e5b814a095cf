"""States of the past: as of any instant, and as known then, they are what replaying the log gives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.model import patch
from dothi.model.change import Cause
from dothi.model.entity import Entity, each_instance
from dothi.model.ingest import ingest
from dothi.model.instant import format_instant
from dothi.storage.chunk import time_of
from dothi.storage.sqlite import SqliteStore

TYPE = "https://example.org/Station"
NAMES = ("https://example.org/name", "https://example.org/pm25", "https://example.org/no2")
NAME, PM, NO2 = NAMES
CAUSE = Cause()
MINUTE = 60_000_000


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


class Log:
    """The slow obvious way: every point that was written, and every life, kept in lists."""

    def __init__(self):
        self.points = []
        self.lives = {}

    def put(self, id, name, instance, at):
        self.points.append((id, name, time_of(instance, at), at, instance))

    def as_of(self, id, at, known):
        lives = self.lives.get(id, [])
        if not lives:
            return None
        seen = min(at, known)
        cut = max((end for _, end in lives if end is not None and end <= seen), default=-(1 << 62))
        birth = min(start for start, _ in lives)
        mine = [p for p in self.points if p[0] == id and cut < p[3] <= known]
        state = {}
        for name in NAMES:
            every = sorted((p[2], p[3], place) for place, p in enumerate(mine) if p[1] == name)
            before = [each for each in every if each[0] <= at]
            if before:
                state[name] = mine[before[-1][2]][4]
            elif at < birth <= known:
                born = [mine[each[2]][4] for each in every if each[0] == birth]
                if born and "observedAt" not in born[-1]:
                    state[name] = born[-1]
        state = {name: each for name, each in state.items() if "deletedAt" not in each}
        covered = any(start <= seen and (end is None or end > seen) for start, end in lives)
        if not covered and not any("observedAt" in each for each in state.values()):
            return None
        return {name: (each["value"], each.get("observedAt")) for name, each in state.items()}


def plain(value, observed=None):
    instance = {"type": "Property", "value": value}
    return instance if observed is None else {**instance, "observedAt": format_instant(observed)}


async def put(store, log, id, attributes):
    """What a feed does; the log is told what the history keeps."""

    def work(tx):
        old = tx.load([id]).get(id)
        got = ingest(old, Entity(id, (TYPE,), attributes), tx.now)
        if got.outcome.changed:
            tx.save(got.outcome.entity, "updated" if old else "created", got.outcome.changes, CAUSE)
            for change in got.outcome.changes:
                log.put(id, change.name, change.after, tx.now)
        if old is None:
            log.lives.setdefault(id, []).append((tx.now, None))
        if got.past and tx.append(got.outcome.entity, got.past, CAUSE):
            for name, instance in got.past:
                log.put(id, name, instance, tx.now)
        return tx.now

    return await store.write(work, [id])


async def drop(store, log, id, name=None):
    def work(tx):
        old = tx.load([id]).get(id)
        if old is None:
            return
        if name is None:
            tx.save(old, "deleted", (), CAUSE)
            start, _ = log.lives[id].pop()
            log.lives[id].append((start, tx.now))
        elif name in old.attributes:
            out = patch.delete_attribute(old, name, tx.now)
            tx.save(out.entity, "updated", out.changes, CAUSE)
            log.put(id, name, {"type": "Property", "deletedAt": tx.now}, tx.now)

    await store.write(work, [id])


def shown(entities):
    return {
        entity.id: {n: (each["value"], each.get("observedAt")) for n, each in each_instance(entity.attributes)}
        for entity in entities
    }


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 2), st.sampled_from(NAMES), st.integers(-30, 5), st.integers(0, 3)),
        st.tuples(st.just("put"), st.integers(0, 2), st.sampled_from(NAMES), st.none(), st.integers(0, 3)),
        st.tuples(st.just("drop"), st.integers(0, 2), st.sampled_from((None, *NAMES))),
        st.tuples(st.just("seal")),
        st.tuples(st.just("look"), st.integers(-40, 10)),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=60, deadline=None)
async def test_a_past_state_is_what_replaying_the_log_gives(tmp_path_factory, steps):
    store, log = SqliteStore(tmp_path_factory.mktemp("city")), Log()
    await store.open()
    try:
        begin = await put(store, log, "urn:x:first", {PM: plain(1)})
        moments = [begin]
        for what, *told in steps:
            if what == "seal":
                await store.seal()
            elif what == "drop":
                await drop(store, log, f"urn:x:{told[0]}", told[1])
            elif what == "look":
                await store.as_of(begin + told[0] * MINUTE)
            else:
                number, name, minute, value = told
                when = None if minute is None else begin + minute * MINUTE
                await put(store, log, f"urn:x:{number}", {name: plain(value, when)})
            moments += [each[3] for each in log.points[-1:]]
        for at in {*moments, begin - 1, *(begin + minute * MINUTE + 1 for minute in range(-31, 7, 3))}:
            for known in {None, at, *moments[:: max(1, len(moments) // 3)]}:
                expected = {id: log.as_of(id, at, (1 << 62) if known is None else known) for id in log.lives}
                found = shown(await store.as_of(at, known))
                assert found == {id: each for id, each in expected.items() if each is not None}
    finally:
        await store.close()
