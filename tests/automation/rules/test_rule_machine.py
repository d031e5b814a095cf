"""What a rule does with its alarms: hysteresis, delays, floods, maintenance, oscillation, quiet hours, late values."""

import pytest

from dothi.automation.rules import definition as d
from dothi.automation.rules.engine import DEEPEST, Engine
from dothi.automation.rules.event import Act, Clear, Event, Raise
from dothi.automation.rules.machine import Machine
from dothi.automation.rules.program import build

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 1_769_846_400 * SECOND  # 15:00 in Vietnam
HIGH = d.Threshold(attribute="level", above=10, hysteresis=2)


class Desk:
    """One rule, fed by hand."""

    def __init__(self, when=HIGH, **parts):
        rule = d.Rule(id="r", title=d.Text("Cao", "High"), severity="minor", types=("G",), when=when, **parts)
        self.engine = Engine()
        program = build(rule, lambda name: (name,), {"urn:area": SQUARE}.get)
        self.machine = Machine(rule, program, self.engine.timers, self.engine.effects)
        self.engine.add(self.machine)

    def say(self, seconds, value, entity="urn:g:1", attribute="level", depth=0):
        self.engine.take(Event(entity, ("G",), attribute, START + int(seconds * SECOND), value, None, depth))
        return self

    def wait(self, seconds):
        self.engine.advance(START + int(seconds * SECOND))
        return self

    def done(self):
        """(word, source, seconds) of what it did."""
        return [
            (type(each).__name__.lower(), each.source.rpartition(":")[2], (each.at - START) / SECOND)
            for each in self.engine.drain()
        ]


SQUARE = {"type": "Polygon", "coordinates": [[[106, 10], [107, 10], [107, 11], [106, 11], [106, 10]]]}


def test_it_is_raised_above_the_bound_and_cleared_below_the_hysteresis():
    desk = Desk().say(0, 10).say(1, 10.1).say(2, 9).say(3, 8.5).say(4, 8)
    assert desk.done() == [("raise", "1", 1), ("clear", "1", 4)]


def test_a_peak_shorter_than_the_delay_is_not_told():
    desk = Desk(delay_on="1m").say(0, 11).say(59, 1).say(100, 11).wait(160)
    assert desk.done() == [("raise", "1", 160)]


def test_an_alarm_stays_while_the_delay_off_runs():
    desk = Desk(delay_off="1m").say(0, 11).say(1, 1).say(30, 11).say(40, 1).wait(99).wait(100)
    assert desk.done() == [("raise", "1", 0), ("clear", "1", 100)]


def test_a_silent_device_is_told_at_the_time_and_cleared_when_it_speaks():
    desk = Desk(d.Silent(after="10m")).say(0, 1).say(500, 1).wait(1099).wait(1100).say(1200, 1)
    assert desk.done() == [("raise", "1", 1100), ("clear", "1", 1200)]


def test_what_was_off_itself_does_not_call_devices_silent():
    desk = Desk(d.Silent(after="10m")).say(0, 1)
    desk.machine.program.watches[0].leaf.listening_since = START + 3600 * SECOND
    assert desk.wait(4100).done() == []
    assert desk.wait(4200).done() == [("raise", "1", 4200)]


def test_more_than_the_most_in_a_minute_is_told_as_one_with_the_reason():
    desk = Desk(most_per_minute=3)
    for i in range(10):
        desk.say(i, 20, f"urn:g:{i}")
    effects = desk.engine.drain()
    assert [each.source[-1] for each in effects[:3]] == ["0", "1", "2"]
    (flood,) = effects[3:]
    assert flood.source == "urn:ngsi-ld:Rule:r"
    assert "hơn 3 cảnh báo mỗi phút" in flood.description.vi
    desk.wait(63)
    assert desk.engine.drain()[-1].held == 7


def test_a_flood_that_has_calmed_is_told_one_by_one():
    desk = Desk(most_per_minute=3)
    for i in range(6):
        desk.say(i, 20, f"urn:g:{i}")
    desk.engine.drain()
    assert desk.wait(70).done() == [("clear", "r", 63), ("raise", "3", 3), ("raise", "4", 4), ("raise", "5", 5)]


def test_ten_thousand_alarms_in_a_minute_become_few():
    desk = Desk()
    for i in range(10_000):
        desk.say(i * 0.006, 20, f"urn:g:{i}")
    assert len(desk.done()) == 61
    assert len(desk.machine.flood.held) == 9_940


def test_nothing_is_raised_during_maintenance_but_what_still_holds_after_it():
    work = d.Maintenance(start="2026-01-31T08:00:00Z", end="2026-01-31T08:10:00Z", only=("urn:g:1",))
    desk = Desk(maintenance=(work,)).say(1, 20).say(2, 20, "urn:g:2").wait(700)
    assert desk.done() == [("raise", "2", 2), ("raise", "1", 600)]


def test_one_that_oscillates_is_given_a_rest():
    desk = Desk(d.Threshold(attribute="level", above=10))
    for i in range(60):
        desk.say(20 * i, 20 if i % 2 == 0 else 0)
    raised = [each for each in desk.done() if each[0] == "raise"]
    assert len(raised) < 9
    assert desk.machine.oscillating == {"urn:g:1"}


def test_outside_of_its_times_a_rule_is_quiet_and_clears_what_stood():
    desk = Desk(active=d.Schedule(hours=("15:10-15:20",))).say(0, 20).wait(599)
    assert desk.done() == []
    assert desk.wait(1300).done() == [("raise", "1", 600), ("clear", "1", 1200)]


def test_people_are_told_after_the_quiet_hours_where_it_still_stands():
    quiet = d.Schedule(hours=("15:00-15:05",))
    desk = Desk(quiet=quiet, then=(d.NotifyPeople(("ca-truc",)),))
    desk.say(0, 20).say(1, 20, "urn:g:2").say(2, 0, "urn:g:2").wait(400)
    acts = [(each.source, (each.at - START) / SECOND) for each in desk.engine.drain() if isinstance(each, Act)]
    assert acts == [("urn:g:1", 300)]


def test_a_value_older_than_the_newest_changes_nothing_and_is_counted():
    desk = Desk().say(10, 5).say(5, 20)
    assert desk.done() == []
    assert desk.machine.program.watches[0].leaf.late == 1


def test_a_late_value_within_a_window_counts():
    window = d.Window(attribute="level", method="count", over="10m", above=2)
    desk = Desk(window).say(10, 1).say(20, 1).say(15, 1)
    assert desk.done() == [("raise", "1", 20)]


def test_a_chain_of_rules_ends():
    desk = Desk().say(0, 20, depth=DEEPEST)
    assert desk.done() == []
    assert desk.engine.loops == 1
    assert desk.say(1, 20, depth=DEEPEST - 1).engine.drain()[0].depth == DEEPEST - 1


@pytest.mark.parametrize(
    "fence", [{"area": SQUARE}, {"area_of": "urn:area"}, {"center": (106.5, 10.5), "radius": 30_000}]
)
def test_leaving_an_area_is_told(fence):
    def point(lon, lat):
        return {"type": "Point", "coordinates": [lon, lat]}

    desk = Desk(d.Geofence(side="outside", **fence))
    for seconds, place in ((0, point(106.5, 10.5)), (1, point(108, 10.5)), (2, point(106.5, 10.6))):
        desk.say(seconds, place, attribute="location")
    assert desk.done() == [("raise", "1", 1), ("clear", "1", 2)]


def test_areas_are_told_when_enough_of_them_hold():
    desk = Desk(d.Area(when=HIGH, at_least=2))
    for i in range(3):
        desk.say(0, "Dĩ An" if i else "Thuận An", f"urn:g:{i}", "areaServed")
        desk.say(i + 1, 20, f"urn:g:{i}")
    desk.say(10, 0, "urn:g:2")
    assert desk.done() == [("raise", "Dĩ An", 3), ("clear", "Dĩ An", 10)]


def test_a_pump_is_told_when_a_related_gauge_is_high():
    desk = Desk(d.All(of=(d.Threshold(attribute="state", equals=("off",)), d.Related(via="gauge", when=HIGH))))
    desk.say(0, "urn:g:2", attribute="gauge").say(1, "off", attribute="state").say(2, 20, "urn:g:2")
    assert desk.done() == [("raise", "1", 2)]
    assert desk.say(3, "on", attribute="state").done() == [("clear", "1", 3)]


def test_a_deleted_entity_has_its_alarm_cleared():
    desk = Desk().say(0, 20).say(1, None)
    assert desk.done() == [("raise", "1", 0), ("clear", "1", 1)]


def test_a_rule_that_stops_clears_what_it_raised():
    desk = Desk().say(0, 20)
    desk.engine.remove("r", START + SECOND)
    raised, cleared = desk.engine.drain()
    assert isinstance(raised, Raise)
    assert isinstance(cleared, Clear)
    assert cleared.why == "rule"
