"""The evaluation of whole columns gives the same effects as the evaluation of one event after the other."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dothi.automation.rules import definition as d
from dothi.automation.rules.columns import Series
from dothi.automation.rules.engine import Engine
from dothi.automation.rules.event import EVER, Event
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.past import Past
from dothi.automation.rules.program import build
from dothi.automation.rules.spans import extreme
from dothi.automation.rules.timers import Timers

SECOND = 1_000_000
START = 1_769_846_400 * SECOND
END = START + 3_600 * SECOND
TYPES = ("Gauge",)


def names(name):
    return (name,)


def no_place(id):
    return None


def entities(links):
    return [f"urn:g:{i}" for i in range(4)]


series = st.lists(
    st.tuples(st.integers(0, 3000), st.sampled_from([0, 1, 1.5, 2, 2.5, 3, 5, None])),
    max_size=25,
    unique_by=lambda each: each[0],
).map(lambda each: sorted(each, key=lambda one: one[0]))

durations = st.sampled_from(["0s", "30s", "2m", "10m"])
spans = st.sampled_from(["45s", "3m", "15m"])
bounds = st.one_of(
    st.fixed_dictionaries({"above": st.sampled_from([1, 1.5, 2]), "hysteresis": st.sampled_from([0, 0.5, 1])}),
    st.fixed_dictionaries({"below": st.sampled_from([1, 2.5]), "hysteresis": st.sampled_from([0, 0.5])}),
    st.just({"above": 2, "below": 1}),
)
leaves = st.one_of(
    bounds.map(lambda b: d.Threshold(attribute="level", **b)),
    st.just(d.Threshold(attribute="level", equals=(1, 3))),
    st.just(d.Threshold(attribute="level", differs=(2,))),
    st.builds(
        lambda b, method, over, points: d.Window(attribute="level", method=method, over=over, points=points, **b),
        bounds,
        st.sampled_from(["mean", "min", "max", "sum", "count"]),
        spans,
        st.integers(1, 3),
    ),
    st.builds(lambda b, over: d.Rate(attribute="level", over=over, per="1m", **b), bounds, spans),
    st.builds(lambda after: d.Silent(after=after, attribute="level"), spans),
    st.builds(lambda after: d.Silent(after=after), spans),
)
local = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: d.All(of=tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: d.Any_(of=tuple(parts))),
        inner.map(lambda part: d.Not(when=part)),
    ),
    max_leaves=3,
)
conditions = st.one_of(
    local,
    local.map(lambda part: d.All(of=(part, d.During(hours=("07:00-08:20", "08:30-08:40"))))),
    st.builds(lambda part, n: d.Area(when=part, at_least=n), local, st.integers(1, 3)),
    st.builds(lambda part, share: d.Area(when=part, share=share), local, st.sampled_from([0.5, 1])),
    st.builds(
        lambda part, quantity, inverse: d.Related(via="near", when=part, quantity=quantity, inverse=inverse),
        local,
        st.sampled_from(["any", "all", 2]),
        st.booleans(),
    ),
)
rules = st.builds(
    lambda **parts: d.Rule(id="r", title=d.Text("a", "b"), severity="major", types=TYPES, **parts),
    when=conditions,
    delay_on=durations,
    delay_off=durations,
    again_after=durations,
    most_per_minute=st.sampled_from([1, 2, 60]),
    active=st.sampled_from([None, d.Schedule(hours=("08:15-08:50",)), d.Schedule(hours=("15:10-15:40",))]),
    quiet=st.sampled_from([None, d.Schedule(hours=("15:05-15:25",))]),
    then=st.just((d.NotifyPeople(), d.SetValue("flag", True, False))),
    maintenance=st.sampled_from(
        [(), (d.Maintenance(start="2026-01-31T08:05:00Z", end="2026-01-31T08:20:00Z", only=("*:1",)),)]
    ),
)

LINKS = [
    ("urn:g:0", "areaServed", "Dĩ An"),
    ("urn:g:1", "areaServed", "Dĩ An"),
    ("urn:g:2", "areaServed", "Thuận An"),
    ("urn:g:0", "near", ["urn:g:1", "urn:g:2"]),
    ("urn:g:1", "near", "urn:g:2"),
    ("urn:g:2", "near", "urn:g:0"),
]


def links():
    return [Event(entity, TYPES, attribute, EVER, value) for entity, attribute, value in LINKS]


def scalar(rule, events):
    engine = Engine()
    engine.add(Machine(rule, build(rule, names, no_place), engine.timers, engine.effects))
    for event in sorted(events, key=lambda each: (each.time, each.entity)):
        engine.take(event)
    engine.advance(END)
    return engine.drain()


def columns(rule, past):
    machine = Machine(rule, build(rule, names, no_place), Timers(), [])
    run = Past(machine, END)
    for link in links():
        run.know(link)
    for entity, points in past.items():
        if points:
            values = [value for _, value in points]
            run.take([
                Series(
                    entity, TYPES, "level",
                    np.array([START + time * SECOND for time, _ in points], np.int64),
                    np.array([np.nan if value is None else value for value in values], np.float64),
                    lambda values=values: values,
                    np.array([value is None for value in values]) if None in values else None,
                )
            ])  # fmt: skip
    return run.run()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules, st.tuples(series, series, series))
def test_columns_and_single_events_give_the_same_effects(rule, three):
    past = {f"urn:g:{i}": points for i, points in enumerate(three)}
    events = links() + [
        Event(entity, TYPES, "level", START + time * SECOND, value)
        for entity, points in past.items()
        for time, value in points
    ]
    assert columns(rule, past) == scalar(rule, events)


@pytest.mark.parametrize("choose", [np.minimum, np.maximum])
@given(st.data())
def test_the_extreme_of_every_window_is_that_of_the_slow_way(choose, data):
    numbers = np.array(data.draw(st.lists(st.integers(-9, 9), min_size=1, max_size=70)), np.float64)
    first = np.array([data.draw(st.integers(0, i)) for i in range(len(numbers))])
    found = extreme(numbers, first, choose)
    assert found.tolist() == [choose.reduce(numbers[a : i + 1]) for i, a in enumerate(first)]
