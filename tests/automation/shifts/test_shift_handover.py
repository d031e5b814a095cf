"""Shifts over a real store: open items list themselves, one side signs, another person accepts."""

import pytest

from dothi.automation.alarms.alarm import Raise
from dothi.automation.alarms.transitions import Order
from dothi.model.errors import BadRequestData, Conflict

HOUR = 3_600_000_000


def report(source="urn:ngsi-ld:FloodMonitoring:1", severity="critical"):
    return Raise(rule="flood", severity=severity, title={"vi": "Ngập sâu", "en": "Deep water"}, source=source)


async def begin(centre, lead="an"):
    desk = centre.desk
    shift = await desk.shifts.plan(desk.plan(None, desk.now(), desk.now() + 8 * HOUR, lead, ["dung"]), "test")
    return await desk.open_shift(shift.id, lead)


async def test_open_items_list_themselves_worst_first(centre):
    desk = centre.desk
    await centre.alarms.raise_(report(severity="minor"))
    worst = await centre.alarms.raise_(report("urn:ngsi-ld:FloodMonitoring:2"))
    seen = await centre.alarms.raise_(report("urn:ngsi-ld:FloodMonitoring:3"))
    await centre.alarms.act(seen.id, Order("acknowledge", "an"))
    await desk.runs.start("flood", by="an")
    items = await desk.open_items()
    assert [(item.kind, item.severity) for item in items] == [
        ("alarm", "critical"), ("alarm", "minor"), ("procedure", None),
    ]  # fmt: skip
    assert items[0].id == worst.id


async def test_a_shift_is_handed_over_by_two_people(centre):
    desk = centre.desk
    shift = await begin(centre)
    await centre.alarms.raise_(report())
    with pytest.raises(BadRequestData, match="not of this shift"):
        await desk.sign(shift.id, "binh", "")
    signed = await desk.sign(shift.id, "an", "Theo dõi cống Dĩ An")
    assert [item.title.vi for item in signed.handover.open] == ["Ngập sâu"]
    with pytest.raises(Conflict, match="another person"):
        await desk.accept(shift.id, "an", "")
    new = await desk.accept(shift.id, "binh", "Đã rõ")
    assert (new.state, new.lead) == ("running", "binh")
    with pytest.raises(Conflict, match="binh accepted the hand-over already"):
        await desk.accept(shift.id, "dung", "")
    assert set(await desk.roster.on_duty()) == {"binh"}
    assert (await desk.shifts.get(shift.id)).state == "closed"


async def test_a_second_shift_cannot_begin_beside_one_that_runs(centre):
    desk = centre.desk
    await begin(centre)
    start = desk.now() + 9 * HOUR
    later = await desk.shifts.plan(desk.plan(None, start, start + HOUR, "binh", []), "test")
    with pytest.raises(Conflict, match="runs already"):
        await desk.open_shift(later.id, "binh")
    with pytest.raises(Conflict, match="choose another time"):
        await desk.shifts.plan(desk.plan(None, start, start + 2 * HOUR, "an", []), "test")
    with pytest.raises(BadRequestData, match="nobody 'anonymous'"):
        await desk.join(later.id, "anonymous")


async def test_the_watch_book_is_found_without_diacritics_and_corrected_not_changed(centre):
    desk = centre.desk
    first = await desk.write("Ngập đường Độc Lập, Dĩ An", "an", ["urn:ngsi-ld:Alert:flood:1"], "")
    await desk.write("Trời tạnh", "an", [], "")
    found, total = await desk.book.find("duong doc lap")
    assert ([entry.id for entry in found], total) == ([first.id], 1)
    correction = await desk.write("Đúng ra là đường Thống Nhất (50%)", "dung", [], first.id)
    assert (await desk.book.find("50%"))[0][0].corrects == first.id == correction.corrects
    assert (await desk.book.find(link="urn:ngsi-ld:Alert:flood:1"))[1] == 1


async def test_an_unacknowledged_critical_alarm_climbs_the_chain_once_per_rung(centre):
    desk = centre.desk
    await desk.on_call.add("lead", "binh", (desk.now() - HOUR, desk.now() + HOUR))
    alarm = await centre.alarms.raise_(report())
    await desk.escalation.tick()
    assert centre.told == []
    centre.later(5 * 60 + 1)
    await desk.escalation.tick()
    await desk.escalation.tick()
    assert [names for names, _, _ in centre.told] == [("lead", "binh")]
    (active,) = await desk.escalation.active(desk.now())
    assert (active.level, active.next_role) == (1, "commander")
    centre.later(16 * 60)
    await desk.escalation.tick()
    assert centre.told[-1][0] == ("director",)
    await centre.alarms.act(alarm.id, Order("acknowledge", "an"))
    centre.later(3600)
    await desk.escalation.tick()
    assert len(centre.told) == 2
    assert await desk.escalation.active(desk.now()) == []


async def test_the_calendar_names_its_gaps(centre):
    desk = centre.desk
    await desk.on_call.add("lead", "an", (10 * HOUR, 12 * HOUR))
    await desk.on_call.add("lead", "binh", (13 * HOUR, 20 * HOUR))
    gaps = desk.on_call.gaps(["lead"], 9 * HOUR, 20 * HOUR)
    assert [(gap.start // HOUR, gap.end // HOUR) for gap in gaps] == [(9, 10), (12, 13)]
    with pytest.raises(BadRequestData, match="no role 'boss'"):
        await desk.on_call.add("boss", "an", (0, HOUR))
    with pytest.raises(BadRequestData, match="after start"):
        await desk.on_call.add("lead", "an", (HOUR, HOUR))


async def test_the_report_is_drafted_from_the_facts_in_both_languages(centre):
    desk = centre.desk
    shift = await begin(centre)
    alarm = await centre.alarms.raise_(report())
    await centre.alarms.act(alarm.id, Order("acknowledge", "an"))
    await desk.write("Mưa to ở Thuận An", "dung", [], "")
    vi, en = [(await desk.report(shift.id, language)).draft for language in ("vi", "en")]
    assert "# BÁO CÁO CA TRỰC" in vi
    assert "Phạm Tiến Dũng): Mưa to ở Thuận An" in vi
    assert "In all: 1 (high 1, medium 0, low 0)" in en
    assert "Not handed over yet." in en
    await desk.save_report(shift.id, "vi", "Của tôi", "an")
    kept = await desk.report(shift.id, "vi")
    assert (kept.text, kept.saved_by) == ("Của tôi", "an")


async def test_figures_come_from_history_and_audit(centre):
    desk = centre.desk
    start = desk.now() - HOUR
    await begin(centre)
    alarm = await centre.alarms.raise_(report())
    await centre.alarms.raise_(report("urn:ngsi-ld:FloodMonitoring:2", "minor"))
    await centre.alarms.act(alarm.id, Order("acknowledge", "an"))
    await desk.runs.start("flood", by="an", subject=alarm.id)
    centre.later(1800)
    figures = await desk.usage(start, desk.now())
    assert (figures.alarms, figures.acknowledged, figures.by_procedure) == (2, 1, 1)
    assert figures.by_procedure_share == 0.5
    assert [p.count for p in figures.priorities] == [1, 0, 1]
    assert figures.operator_hours == pytest.approx(0.5, abs=0.02)
    assert figures.alarms_per_operator_hour == pytest.approx(4, rel=0.1)
    assert sum(figures.by_hour) == 2
    assert [person.operator for person in figures.people] == ["an"]


async def test_what_cannot_be_known_is_none_not_zero(centre):
    figures = await centre.desk.usage(centre.desk.now() - HOUR, centre.desk.now())
    assert figures.alarms_per_operator_hour is None
    assert figures.acknowledge_median_s is None
    assert figures.staffed_share == 0
