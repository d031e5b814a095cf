"""Rules at work over a real store: from a written value to the effect, over a crash, switched and changed."""

import asyncio
import contextlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dothi.automation.rules import definition as d
from dothi.automation.rules.book import Book
from dothi.automation.rules.carry import Hands
from dothi.automation.rules.event import Clear, Raise
from dothi.automation.rules.live import LiveRules
from dothi.broker.clock import wall_clock
from dothi.broker.provision import Provision
from dothi.model.context import core_context
from dothi.model.errors import Conflict, ResourceNotFound
from dothi.model.instant import format_instant
from dothi.storage.sqlite import SqliteStore

NAMES = core_context()
HIGH = d.Threshold(attribute="level", above=10, hysteresis=2)


def iris(name):
    return (NAMES.expand(name),)


def rule(when=HIGH, **parts):
    return d.Rule(id="high", title=d.Text("Cao", "High"), severity="minor", types=("Gauge",), when=when, **parts)


async def becomes(holds):
    async with asyncio.timeout(8):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def kept(store):
    """The state of the rule is durable."""
    async with asyncio.timeout(8):
        while not await store.record("rule-state", "high"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


class Seen(Hands):
    """Hands that only note what they are asked to do."""

    def __init__(self):
        Hands.__init__(self)
        self.effects = []

    async def carry_out(self, effect):
        self.effects.append(effect)

    def words(self):
        return [(type(each).__name__, each.source) for each in self.effects]

    async def until(self, count):
        await becomes(lambda: len(self.effects) >= count)
        return self.words()


@pytest.fixture
async def store(tmp_path):
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@contextlib.asynccontextmanager
async def working(store, *rules, mode="on"):
    """The rules at work; leaving it is as sudden as a crash."""
    book, hands = Book(store), Seen()
    await book.open()
    for each in rules:
        await book.put(each, 0, "an", "", wall_clock())
        await book.switch(each.id, mode, "an", "", wall_clock())
    live = LiveRules(store, book, iris, hands)
    task = asyncio.ensure_future(live.run())
    await becomes(lambda: live.works or not rules)
    live.book, live.hands = book, hands
    try:
        yield live
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def say(store, value, id="urn:g:1"):
    document = {"level": {"type": "Property", "value": value, "observedAt": format_instant(wall_clock())}}
    provision = Provision(store)
    if await store.entity(id) is None:
        await provision.create({"id": id, "type": "Gauge", **document}, NAMES)
    else:
        await provision.append(id, document, NAMES)


async def test_a_value_beyond_the_bound_is_carried_out_and_its_end_too(store):
    async with working(store, rule()) as live:
        await say(store, 11)
        await say(store, 1)
        assert await live.hands.until(2) == [("Raise", "urn:g:1"), ("Clear", "urn:g:1")]
        assert live.hands.effects[0].value == 11
        assert live.hands.effects[0].threshold == 10


async def test_a_rule_that_is_switched_on_sees_what_is_already_so(store):
    await say(store, 12)
    async with working(store, rule()) as live:
        assert await live.hands.until(1) == [("Raise", "urn:g:1")]


async def test_nothing_is_missed_over_a_crash(store):
    """A peak that came and went while nothing ran is told when the rules run again."""
    async with working(store, rule()) as live:
        await say(store, 1)
        await say(store, 12, "urn:g:9")
        await live.hands.until(1)
        await kept(store)
    await say(store, 20)
    await say(store, 1)
    async with working(store) as live:
        found = await live.hands.until(2)
        assert [each for each in found if each[1] == "urn:g:1"] == [("Raise", "urn:g:1"), ("Clear", "urn:g:1")]


async def test_what_stood_before_a_restart_is_cleared_after_it(store):
    async with working(store, rule()) as live:
        await say(store, 20)
        await live.hands.until(1)
        await kept(store)
    async with working(store) as live:
        await say(store, 1)
        assert (await live.hands.until(1))[-1] == ("Clear", "urn:g:1")


async def test_a_dry_run_lists_what_it_would_do_and_does_nothing(store):
    async with working(store, rule(), mode="dry") as live:
        await say(store, 11)
        await becomes(lambda: live.works["high"].recent)
        assert live.hands.effects == []
        assert live.works["high"].recent[0].done is False


async def test_a_rule_that_is_switched_off_clears_what_it_raised(store):
    async with working(store, rule()) as live:
        await say(store, 11)
        await live.hands.until(1)
        await live.book.switch("high", "off", "an", "thử", wall_clock())
        await live.hands.until(2)
        assert isinstance(live.hands.effects[0], Raise)
        assert isinstance(live.hands.effects[1], Clear)


async def test_the_second_of_two_who_edit_one_rule_is_told_who_was_first(store):
    book = Book(store)
    await book.open()
    await book.put(rule(), 0, "an", "", wall_clock())
    await book.put(rule(delay_on="1m"), 1, "bình", "êm hơn", wall_clock())
    with pytest.raises(Conflict, match=r"version 2 since .* by bình; you edited version 1"):
        await book.put(rule(delay_on="2m"), 1, "an", "", wall_clock())
    assert [each.by for each in await book.versions("high")] == ["bình", "an"]
    await book.drop("high", 2, "an", "không cần", wall_clock())
    with pytest.raises(ResourceNotFound):
        book.get("high")
    assert (await book.versions("high"))[0].what == "deleted"


async def test_a_rule_wakes_at_its_hours_though_nothing_changes(store):
    """What was so before the rule was switched on is told when the schedule opens."""
    await say(store, 12)
    local = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))
    soon = (local + timedelta(minutes=2)).replace(second=0, microsecond=0)
    span = f"{soon:%H:%M}-{soon + timedelta(hours=3):%H:%M}"
    async with working(store, rule(active=d.Schedule(hours=(span,)))) as live:
        await becomes(lambda: live.works["high"].machine is not None)
        live.engine.advance(wall_clock() + 180_000_000)
        assert [type(each).__name__ for each in live.engine.drain()] == ["Raise"]


async def test_a_rule_whose_area_is_gone_says_so_and_the_others_run(store):
    fence = d.Geofence(side="inside", area_of="urn:nowhere")
    lost = d.Rule(id="lost", title=d.Text("a", "b"), severity="minor", types=("Gauge",), when=fence)
    async with working(store, lost, rule()) as live:
        await say(store, 12)
        assert await live.hands.until(1) == [("Raise", "urn:g:1")]
        assert live.works["lost"].problem == "area_of: there is no entity urn:nowhere with a location"
