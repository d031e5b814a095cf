"""Rules and back-tests: how many events a second 200 rules take, and how long ten million events of the past take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dothi.automation.rules import definition as d
from dothi.automation.rules.backtest import backtest
from dothi.automation.rules.engine import Engine
from dothi.automation.rules.event import SECOND, Event
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.program import build

#: Key -> what, unit, floor (the least for rates, the most for times).
FLOORS = {
    "rules_events_per_s": ("200 rules of all kinds, 1,000 devices of 10 types, one core", "1/s", 10_000),
    "backtest_10m_events_s": ("a threshold with hysteresis and delays over sealed history, one core", "s", 60),
}
START = 1_767_225_600 * SECOND
TYPES, ATTRIBUTES, DEVICES = 10, 6, 1_000
EVENTS = 10_000_000
#: Series of the back-test, and values of each.
SERIES = 1_000

Add = Callable[[str, float, str], None]


def measure_rules(folder: Path, add: Add, events: int = EVENTS) -> None:
    """Measure both; `events` of the back-test can be fewer for a try."""
    rate, effects = events_per_s()
    add("rules_events_per_s", rate, f"{1e6 / rate:.1f} µs/event, {effects:,} effects; evaluation alone")
    took, alarms = asyncio.run(_backtest(folder, events))
    add("backtest_10m_events_s", took * EVENTS / events, f"{alarms:,} alarms; reading of the history included")


def rules() -> list[d.Rule]:
    """Twenty rules for each of the ten types: every kind of condition, with delays and hysteresis."""
    found = []
    for n in range(200):
        name = f"a{n % ATTRIBUTES}"
        kinds: tuple[d.Condition, ...] = (
            d.Threshold(attribute=name, above=95, hysteresis=5),
            d.Window(attribute=name, method="mean", over="10m", above=80, hysteresis=5),
            d.Window(attribute=name, method="max", over="10m", below=30),
            d.Rate(attribute=name, over="10m", per="1h", above=900, hysteresis=50),
            d.Silent(attribute=name, after="30m"),
            d.All(of=(d.Threshold(attribute=name, above=80), d.Threshold(attribute="a0", below=40))),
            d.Area(when=d.Threshold(attribute=name, above=99, hysteresis=2), at_least=5),
        )
        found.append(
            d.Rule(
                id=f"r{n}",
                title=d.Text(f"Quy tắc {n}", f"Rule {n}"),
                severity="minor",
                types=(f"t{n % TYPES}",),
                when=kinds[n // TYPES % len(kinds)],
                delay_on="1m",
                delay_off="1m",
            )
        )
    return found


def events_per_s(count: int = 200_000) -> tuple[float, int]:
    """(events a second, effects) of the engine over devices that report in turn."""
    engine = Engine()
    for rule in rules():
        program = build(rule, lambda name: (name,), lambda _: None)
        engine.add(Machine(rule, program, engine.timers, engine.effects))
    random = np.random.default_rng(5)
    values = np.clip(60 + random.normal(0, 15, count), 0, 100).round(1).tolist()
    events = []
    for i in range(count):
        device = i % DEVICES
        attribute = f"a{i // DEVICES % ATTRIBUTES}"
        events.append(Event(f"urn:d:{device}", (f"t{device % TYPES}",), attribute, START + i * 20_000, values[i]))
    for device in range(DEVICES):
        engine.take(Event(f"urn:d:{device}", (f"t{device % TYPES}",), "areaServed", START, f"area {device % 40}"))
    began = time.process_time()
    take = engine.take
    for event in events:
        take(event)
    return count / (time.process_time() - began), len(engine.effects)


async def _backtest(folder: Path, events: int) -> tuple[float, int]:
    from dothi.model.change import Cause
    from dothi.model.entity import Entity
    from dothi.storage.sqlite import SqliteStore

    store = SqliteStore(folder / "backtest")
    await store.open()
    each = events // SERIES
    end = START + each * 60 * SECOND
    for n in range(SERIES):
        times = START + np.arange(each) * 60 * SECOND
        random = np.random.default_rng(n)
        level = 2 * np.sin(np.arange(each) * 2 * np.pi / 1440) + random.normal(0, 0.3, each)
        entity = Entity(f"urn:g:{n}", ("Gauge",), {}, (), START, START)

        def work(tx, entity=entity, times=times, level=level):  # type: ignore[no-untyped-def]
            tx.save(entity, "created", [], Cause("bench"))
            return tx.append_columns(entity, "level", {"type": "Property"}, times, np.round(level, 2))

        await store.write(work)
    await store.seal()
    rule = d.Rule(
        id="high", title=d.Text("Cao", "High"), severity="major", types=("Gauge",), delay_on="5m", delay_off="10m",
        when=d.Threshold(attribute="level", above=1.8, hysteresis=0.2), most_per_minute=1000,
    )  # fmt: skip
    began = time.process_time()
    tried = await backtest(store, rule, lambda name: (name,), lambda _: None, START, end)
    took = time.process_time() - began
    await store.close()
    if tried.events < events:
        raise RuntimeError(f"only {tried.events} of {events} events were looked at")
    return took, sum(type(effect).__name__ == "Raise" for effect in tried.effects)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dothi-bench-") as scratch:
        measure_rules(Path(scratch), lambda key, value, beside: print(f"{key:26} {value:14,.2f}  {beside}", flush=True))
