"""Alarms over a real store: durable, counted, audited, woken, and told to who listens."""

import asyncio

import pytest

from dothi.automation.alarms.alarm import Raise
from dothi.automation.alarms.alarms import Alarms
from dothi.automation.alarms.board import MOST_PENDING, Filter, Watcher
from dothi.automation.alarms.entity import ACT, TYPE
from dothi.automation.alarms.transitions import SECOND, Order
from dothi.broker.provision import Provision
from dothi.model.aliases import Aliases
from dothi.model.change import Cause
from dothi.model.context import core_context
from dothi.model.errors import Conflict, Overloaded, ResourceNotFound
from dothi.model.query import EntityQuery, Name
from dothi.storage.sqlite import SqliteStore

NAMES = core_context()
ALIASES = Aliases(NAMES, ["Station", "name"])
TITLE = {"vi": "Không khí xấu", "en": "Bad air"}


def report(number=1, severity="major", **more):
    return Raise(rule="air", severity=severity, title=TITLE, source=f"urn:ngsi-ld:Station:{number}", **more)


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def alarms(store):
    alarms = Alarms(store, ALIASES)
    await alarms.open()
    yield alarms
    alarms.close()


async def running(alarms, condition):
    task = asyncio.ensure_future(alarms.run())
    try:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_an_alarm_takes_name_type_and_place_from_its_source(store, alarms):
    place = {"type": "Point", "coordinates": [106.7, 11.0]}
    document = {"id": "urn:ngsi-ld:Station:1", "type": "Station", "name": "Trạm Dĩ An", "location": place}
    await Provision(store).create(document, NAMES)
    alarm = await alarms.raise_(report())
    assert (alarm.source_name, alarm.source_type, alarm.location) == ("Trạm Dĩ An", "Station", place)
    (entity,) = (await store.entities(EntityQuery(types=Name(TYPE)))).entities
    assert entity.id == "urn:ngsi-ld:Alert:air:Station:1"


async def test_a_number_has_the_unit_that_its_module_declares(store):
    await Provision(store).create({"id": "urn:ngsi-ld:Station:1", "type": "Station"}, NAMES)
    alarms = Alarms(store, ALIASES, units={("Station", "pm25"): "µg/m³"})
    await alarms.open()
    assert (await alarms.raise_(report(attribute="pm25", value=80))).unit == "µg/m³"
    assert (await alarms.raise_(report(2, attribute="pm25", unit="ppm"))).unit == "ppm"
    alarms.close()


async def test_repeats_are_gathered_into_one_write_and_a_clear_writes_them_first(store, alarms):
    await alarms.raise_(report())
    before = await store.last_seq()
    for _ in range(50):
        await alarms.raise_(report(value=80.0))
    assert await store.last_seq() == before
    await running(alarms, lambda: alarms.board.get(report().id).count == 51)
    assert await store.last_seq() == before + 1
    for _ in range(9):
        await alarms.raise_(report())
    assert (await alarms.clear(report().id)).count == 60


async def test_a_restart_finds_every_alarm_as_it_was(store, alarms):
    await alarms.raise_all([report(n) for n in range(5)])
    await alarms.act(report(2).id, Order("acknowledge", "lan"))
    again = Alarms(store, ALIASES)
    await again.open()
    assert again.board.find(Filter()) == alarms.board.find(Filter())
    assert again.board.get(report(2).id).acknowledged_by == "lan"
    again.close()


async def test_two_who_acknowledge_at_once_one_wins_and_the_other_is_told(alarms):
    await alarms.raise_(report())
    orders = [alarms.act(report().id, Order("acknowledge", name)) for name in ("lan", "minh")]
    results = await asyncio.gather(*orders, return_exceptions=True)
    won, lost = sorted(results, key=lambda each: isinstance(each, Exception))
    assert isinstance(lost, Conflict)
    assert lost.extra["by"] == won.acknowledged_by
    acts = await alarms.acts([report().id])
    assert [act.deed for act in acts] == ["acknowledge", "raise"]


async def test_the_audit_keeps_who_when_and_why_even_of_acts_in_one_instant(alarms):
    alarm = await alarms.raise_(report())
    await asyncio.gather(*(alarms.act(alarm.id, Order("comment", f"op{n}", f"ghi chú {n}")) for n in range(20)))
    acts = await alarms.acts([alarm.id])
    assert len(acts) == 21
    assert {act.reason for act in acts} == {None, *(f"ghi chú {n}" for n in range(20))}
    assert [act.at for act in acts] == sorted({act.at for act in acts}, reverse=True)
    start = acts[5].at
    assert len(await alarms.all_acts(start, acts[0].at + 1)) == 6


async def test_a_bulk_order_does_what_it_can(alarms):
    await alarms.raise_all([report(n) for n in range(3)])
    await alarms.act(report(1).id, Order("acknowledge", "minh"))
    ids = [report(n).id for n in range(3)] + ["urn:ngsi-ld:Alert:air:none"]
    bulk = await alarms.act_on(ids, Order("acknowledge", "lan"))
    assert [alarm.id for alarm in bulk.done] == [report(0).id, report(2).id]
    assert [(id, problem.status) for id, problem in bulk.refused] == [(ids[1], 409), (ids[3], 404)]


async def test_a_shelving_ends_by_itself(alarms):
    alarm = await alarms.raise_(report())
    shelved = await alarms.act(alarm.id, Order("shelve", "lan", "bảo trì", until=alarm.raised_at + SECOND))
    assert alarms.board.find(Filter()) == []
    assert alarms.board.find(Filter(states=("shelved",))) == [shelved]
    await running(alarms, lambda: alarms.board.get(alarm.id).last_act.deed == "wake")
    assert alarms.board.find(Filter()) == [alarms.board.get(alarm.id)]


async def test_who_listens_hears_of_acts_and_not_of_repeats(alarms):
    heard = []
    alarms.subscribe(lambda alarm, act: heard.append((act.deed, act.by)))
    await alarms.raise_(report())
    await alarms.raise_(report())
    await alarms.raise_(report(severity="critical"))
    await alarms.act(report().id, Order("acknowledge", "lan"))
    await alarms.clear(report().id)
    await alarms.clear(report().id)
    assert heard == [("raise", "system"), ("worsen", "system"), ("acknowledge", "lan"), ("clear", "system")]


async def test_a_rule_can_raise_in_the_write_that_keeps_its_own_state(store, alarms):
    heard = []
    alarms.subscribe(lambda alarm, act: heard.append(act.deed))

    def work(tx):
        tx.put_record("cursor", "rules", {"seq": 7})
        return alarms.raising(tx, report(), Cause("rule:air", 1))

    alarms.committed([await store.write(work, (report().id,))])
    cleared = await store.write(lambda tx: alarms.clearing(tx, report().id, Cause("rule:air", 1)), (report().id,))
    alarms.committed([cleared])
    assert heard == ["raise", "clear"]
    assert not alarms.board.get(report().id).active


async def test_the_board_finds_without_diacritics_and_sorts_worst_and_newest_first(alarms):
    await alarms.raise_all([report(1, "minor"), report(2, "critical"), report(3, "minor")])
    ids = [alarm.source[-1] for alarm in alarms.board.find(Filter(text="khong khi xau"))]
    assert ids == ["2", "3", "1"] or ids == ["2", "1", "3"]
    assert alarms.board.find(Filter(text="khong khi tot")) == []
    assert [alarm.source[-1] for alarm in alarms.board.find(Filter(severities=("critical",)))] == ["2"]
    await alarms.act(report(1).id, Order("assign", "lan", to="minh"))
    assert [alarm.source[-1] for alarm in alarms.board.find(Filter(assignee="minh"))] == ["1"]
    assert len(alarms.board.find(Filter(assignee=""))) == 2


async def test_many_alarms_in_ten_minutes_are_a_flood_told_by_rule(alarms):
    await alarms.raise_all([report(n) for n in range(10)])
    assert not alarms.board.summary().flood
    await alarms.raise_(report(11))
    summary = alarms.board.summary()
    assert (summary.flood, summary.raised, summary.flooding) == (True, 11, {"air": 11})
    assert summary.open["major"] == summary.unacknowledged["major"] == 11


async def test_an_alarm_that_another_program_changes_or_deletes_is_shown_so(store, alarms):
    alarm = await alarms.raise_(report())
    provision = Provision(store)
    await provision.update(alarm.id, {ACT.replace("lastAct", "assignee"): {"value": "hoa"}}, NAMES)
    assert alarms.board.get(alarm.id).assignee == "hoa"
    await provision.delete(alarm.id)
    assert alarms.board.get(alarm.id) is None
    with pytest.raises(ResourceNotFound):
        await alarms.get(alarm.id)


async def test_the_figures_are_of_what_is_not_closed_however_it_came_so(alarms):
    await alarms.raise_all([report(n) for n in range(3)])
    for number in range(3):
        await alarms.act(report(number).id, Order("acknowledge", "lan"))
        await alarms.clear(report(number).id)
    assert alarms.board.unclosed() == []
    assert sum(alarms.board.summary().open.values()) == 0
    await alarms.raise_(report(1))
    assert [alarm.id for alarm in alarms.board.unclosed()] == [report(1).id]
    assert len(alarms.board.find(Filter(states=("closed",)))) == 2


async def test_a_watcher_that_is_far_behind_gets_a_snapshot_and_costs_no_memory(alarms):
    watcher = Watcher(behind=False)
    watcher.take(f"a{n}" for n in range(MOST_PENDING))
    assert not watcher.behind
    watcher.take(["b"])
    assert (watcher.behind, watcher.changed) == (True, set())
    watcher.take(["c"])
    assert watcher.changed == set()


async def test_a_closed_board_takes_no_watcher(alarms):
    alarms.close()
    with pytest.raises(Overloaded, match="stopping"):
        alarms.board.admit()
