"""The connectors' way in: newest values become the state, older ones history, repeats change nothing."""

import pytest

from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.model.change import Cause
from dothi.model.context import core_context
from dothi.storage.sqlite import SqliteStore

CORE = core_context()
ID = "urn:x:station"
HEAT = CORE.expand("heat")


def at(hour, value, **members):
    return {"type": "Property", "value": value, "observedAt": f"2026-01-01T{hour:02}:00:00Z", **members}


def station(*instances):
    return {"id": ID, "type": "Station", "heat": list(instances)}


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def ingest(store):
    return Ingest(store, Contexts(store, Outside()))


async def past(store):
    (history,) = await Consume(store).history([ID], (), None)
    return [(instance["observedAt"][11:13], instance["value"]) for instance in history.attributes[HEAT]]


async def test_the_newest_value_is_the_state_and_the_others_are_history(ingest, store):
    assert await ingest.put([station(at(2, 22), at(3, 23), at(1, 21))], None, "load:a.csv") == []
    assert (await store.entity(ID)).attributes[HEAT]["value"] == 23
    assert await past(store) == [("01", 21), ("02", 22), ("03", 23)]


async def test_loading_twice_changes_nothing(ingest, store):
    document = station(at(1, 21), at(2, 22))
    await ingest.put([document], None, "load:a.csv")
    before, seq = await past(store), await store.last_seq()
    await ingest.put([document], None, "load:a.csv")
    assert await past(store) == before
    assert await store.last_seq() == seq


async def test_an_older_value_does_not_become_the_state(ingest, store):
    await ingest.put([station(at(5, 25))], None, "mqtt")
    await ingest.put([station(at(4, 24))], None, "mqtt")
    assert (await store.entity(ID)).attributes[HEAT]["value"] == 25
    assert await past(store) == [("04", 24), ("05", 25)]


async def test_what_is_refused_is_told_and_the_rest_is_stored(ingest, store):
    bad = {"id": "urn:x:bad", "type": "Station", "heat": at(1, None)}
    troubles = await ingest.put([bad, station(at(1, 21)), {"type": "Station"}], None, "load:a.csv")
    assert [trouble.where for trouble in troubles] == ["urn:x:bad", "load:a.csv"]
    assert "heat" in troubles[0].what
    assert (await store.entity(ID)) is not None


async def test_the_cause_is_kept_with_the_change(ingest, store):
    await ingest.put([station(at(1, 21))], None, "mqtt:lorawan")
    (change,) = await store.changes(0)
    assert change.cause == Cause("mqtt:lorawan")
