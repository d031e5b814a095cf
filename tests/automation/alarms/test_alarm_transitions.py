"""An alarm's life, pure: two independent bits, repeats counted, acts that say who was first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dothi.automation.alarms.alarm import ACTIONS, RANK, SEVERITIES, Raise, alarm_id
from dothi.automation.alarms.entity import alarm_of, difference, draft
from dothi.automation.alarms.transitions import (
    CHATTER,
    DAY,
    REPEAT,
    SECOND,
    Order,
    Source,
    acted,
    cleared,
    raised,
    woken,
)
from dothi.model import patch
from dothi.model.errors import BadRequestData, Conflict
from dothi.model.instant import parse_instant

NOW = parse_instant("2026-03-01T08:00:00Z")
TITLE = {"vi": "Mực nước vượt báo động", "en": "Water above the alert level"}
STATION = "urn:ngsi-ld:FloodMonitoring:di-an-7"


def report(severity="major", **more):
    return Raise(rule="flood", severity=severity, title=TITLE, source=STATION, value=1.2, threshold=1.0, **more)


def fresh(now=NOW, **more):
    return raised(None, report(**more), Source("FloodMonitoring", "Trạm 7"), now)


def order(action, **more):
    needed = {"reason": "đã kiểm tra"} if action in ("comment", "shelve", "clear") else {}
    if action == "shelve":
        needed["until"] = NOW + DAY
    return Order(action, more.pop("by", "lan"), **{**needed, **more})


def test_an_alarm_is_named_by_its_rule_and_source():
    assert fresh().id == "urn:ngsi-ld:Alert:flood:FloodMonitoring:di-an-7"
    assert alarm_id("r", None, "đêm 1") == "urn:ngsi-ld:Alert:r:city:%C4%91%C3%AAm%201"
    with pytest.raises(ValueError, match="no name"):
        alarm_id("a b", None)


def test_clearing_leaves_the_acknowledgement_as_it_is():
    alarm = cleared(fresh(), NOW + SECOND)
    assert (alarm.active, alarm.acknowledged, alarm.is_open(NOW + SECOND)) == (False, False, True)
    alarm = acted(alarm, order("acknowledge"), NOW + 2 * SECOND)
    assert (alarm.active, alarm.acknowledged, alarm.is_closed()) == (False, True, True)


def test_a_repeat_only_counts():
    first = fresh()
    second = raised(first, report(), Source(), NOW + SECOND)
    assert (second.count, second.last_at, second.first_at) == (2, NOW + SECOND, NOW)
    assert (second.version, second.last_act, second.source_name) == (first.version, first.last_act, "Trạm 7")


def test_what_a_rule_tells_again_changes_nothing():
    """A rule that was killed between its effect and its cursor tells the effect again."""
    first = fresh(at=NOW - 5)
    assert raised(first, report(at=NOW - 5), Source(), NOW) is first
    over = cleared(first, NOW + 1, at=NOW + 1)
    assert raised(over, report(at=NOW - 5), Source(), NOW + 2) is over
    again = raised(over, report(at=NOW + 2), Source(), NOW + 2)
    assert again.active
    assert cleared(again, NOW + 3, at=NOW + 1) is again


def test_a_worse_alarm_asks_again_and_an_eased_one_does_not():
    known = acted(fresh(), order("acknowledge"), NOW)
    worse = raised(known, report("critical"), Source(), NOW + SECOND)
    assert (worse.severity, worse.acknowledged, worse.last_act.deed) == ("critical", False, "worsen")
    eased = raised(known, report("minor"), Source(), NOW + SECOND)
    assert (eased.severity, eased.acknowledged, eased.acknowledged_by) == ("minor", True, "lan")


def test_a_new_occurrence_asks_again_and_a_quick_return_goes_on_counting():
    over = cleared(acted(fresh(), order("acknowledge"), NOW), NOW + SECOND)
    soon = raised(over, report(), Source(), NOW + SECOND + REPEAT)
    assert (soon.count, soon.first_at, soon.acknowledged) == (2, NOW, False)
    later = raised(over, report(), Source(), NOW + 2 * SECOND + REPEAT)
    assert (later.count, later.first_at) == (1, NOW + 2 * SECOND + REPEAT)


def test_a_chattering_alarm_stays_acknowledged():
    alarm, now = fresh(), NOW
    for _ in range(CHATTER):
        now += SECOND
        alarm = raised(cleared(alarm, now), report(), Source(), now + 1)
    alarm = acted(alarm, order("acknowledge"), now)
    alarm = raised(cleared(alarm, now + 5), report(), Source(), now + 10)
    assert (alarm.acknowledged, alarm.acknowledged_by) == (True, "lan")


def test_the_second_to_acknowledge_is_told_who_was_first():
    known = acted(fresh(), order("acknowledge"), NOW + SECOND)
    with pytest.raises(Conflict, match=r"acknowledged already .by lan at 2026-03-01T08:00:01Z") as caught:
        acted(known, order("acknowledge", by="minh"), NOW + 2 * SECOND)
    assert caught.value.extra["by"] == "lan"
    assert caught.value.extra["at"] == (NOW + SECOND) // 1000


def test_who_saw_an_older_version_is_told():
    alarm = fresh()
    after = acted(alarm, order("assign", to="minh"), NOW)
    with pytest.raises(Conflict, match="changed since you saw it"):
        acted(after, order("assign", to="hoa", seen=alarm.version), NOW)
    assert acted(after, order("acknowledge", seen=alarm.version), NOW).acknowledged


def test_a_shelved_alarm_is_not_open_and_wakes_by_itself():
    alarm = acted(fresh(), order("shelve", until=NOW + 60 * SECOND), NOW)
    assert not alarm.is_open(NOW + 59 * SECOND)
    assert woken(alarm, NOW + 59 * SECOND) is alarm
    awake = woken(alarm, NOW + 60 * SECOND)
    assert (awake.shelved_until, awake.last_act.deed, awake.last_act.by) == (None, "wake", "system")
    assert awake.is_open(NOW + 60 * SECOND)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (Order("comment", "lan"), "reason: comment needs one"),
        (Order("clear", "lan", "  "), "reason: clear needs one"),
        (Order("shelve", "lan", "bảo trì"), "until: shelve needs an end"),
        (Order("shelve", "lan", "bảo trì", until=NOW), "is past"),
        (Order("shelve", "lan", "bảo trì", until=NOW + 8 * DAY), "more than 7 days"),
        (Order("comment", "lan", "x" * 2001), "2001 characters"),
    ],
)
def test_an_order_that_lacks_something_is_told_what(wrong, told):
    with pytest.raises(BadRequestData, match=told):
        acted(fresh(), wrong, NOW)


steps = st.lists(
    st.one_of(st.sampled_from(SEVERITIES), st.just("over"), st.sampled_from(ACTIONS)),
    max_size=12,
)


@given(steps, st.integers(0, 3))
def test_the_entity_holds_all_that_the_alarm_is_whatever_happened(taken, pause):
    """Writing differences, as the store does, gives the same as writing anew; and no two acts share a time."""
    alarm, now = fresh(), NOW
    entity = patch.create(draft(alarm, now), now).entity
    times = [alarm.last_act.at]
    for step in taken:
        now += pause
        try:
            if step in RANK:
                after = raised(alarm, report(step), Source(), now)
            elif step == "over":
                after = cleared(alarm, now)
            else:
                after = acted(alarm, order(step, to=f"op{now % 3}"), now)
        except Conflict:
            continue
        entity = patch.update(entity, difference(alarm, after, now), now).entity
        assert alarm_of(entity) == after
        assert after.version >= alarm.version
        if after.last_act != alarm.last_act:
            times.append(after.last_act.at)
        alarm = after
    assert times == sorted(set(times))


def test_an_alert_of_another_kind_is_no_alarm():
    entity = patch.create(draft(fresh(), NOW), NOW).entity
    attributes = {iri: each for iri, each in entity.attributes.items() if not iri.endswith("/active")}
    assert alarm_of(replace(entity, attributes=attributes)) is None
    broken = {
        **entity.attributes,
        next(i for i in attributes if i.endswith("severity")): {"type": "Property", "value": "x"},
    }
    assert alarm_of(replace(entity, attributes=broken)) is None
