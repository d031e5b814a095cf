"""The demo city's operations centre: fourteen made-up people, shifts round the clock, a calendar, the procedures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dothi.automation.shifts.desk import ShiftDesk

#: (id, name, roles): none of them exists.
PEOPLE: Final = (
    ("an.nguyen", "Nguyễn Hoài An", ("lead", "operator")),
    ("binh.tran", "Trần Thái Bình", ("lead", "operator")),
    ("chi.le", "Lê Quỳnh Chi", ("lead", "operator")),
    ("dung.pham", "Phạm Tiến Dũng", ("operator",)),
    ("giang.vo", "Võ Hương Giang", ("operator",)),
    ("hai.dang", "Đặng Minh Hải", ("operator",)),
    ("khanh.bui", "Bùi Gia Khánh", ("operator",)),
    ("lan.do", "Đỗ Ngọc Lan", ("operator",)),
    ("minh.ho", "Hồ Quang Minh", ("operator",)),
    ("nga.ngo", "Ngô Thúy Nga", ("operator",)),
    ("phuc.duong", "Dương Hồng Phúc", ("field",)),
    ("son.ly", "Lý Trường Sơn", ("field",)),
    ("thao.truong", "Trương Thu Thảo", ("commander",)),
    ("viet.dinh", "Đinh Quốc Việt", ("director",)),
)
#: Hour of beginning, title in Vietnamese and English, lead and people.
SHIFTS: Final = (
    (6, "Ca sáng", "Morning shift", "an.nguyen", ("dung.pham", "giang.vo", "phuc.duong")),
    (14, "Ca chiều", "Afternoon shift", "binh.tran", ("hai.dang", "khanh.bui", "son.ly")),
    (22, "Ca đêm", "Night shift", "chi.le", ("lan.do", "minh.ho", "nga.ngo")),
)
HOURS: Final = 8
ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")


async def fill_desk(desk: ShiftDesk) -> None:
    """People, procedures, a calendar of two weeks and the shifts of two days; a desk that has people is left alone."""
    await desk.books.take_templates()
    if await desk.roster.operators():
        return
    for id, name, roles in PEOPLE:
        await desk.roster.put(id, {"name": name, "roles": roles}, "demo")
    today = datetime.fromtimestamp(desk.now() / 1e6, UTC).astimezone(ZONE).replace(hour=0, minute=0, second=0)
    midnight = today.replace(microsecond=0)
    for role, operator in (("commander", "thao.truong"), ("director", "viet.dinh")):
        for week in range(2):
            start = midnight + timedelta(days=7 * week)
            await desk.on_call.add(role, operator, (_micros(start), _micros(start + timedelta(days=7))))
    await _plan(desk, midnight)


async def _plan(desk: ShiftDesk, midnight: datetime) -> None:
    now = desk.now()
    for day in range(-1, 2):
        for hour, vi, en, lead, people in SHIFTS:
            start = midnight + timedelta(days=day, hours=hour)
            span = _micros(start), _micros(start + timedelta(hours=HOURS))
            if span[1] <= now:
                continue
            await desk.on_call.add("lead", lead, span)
            title = {"vi": f"{vi} {start:%d/%m}", "en": f"{en} {start:%d/%m}"}
            shift = await desk.shifts.plan(desk.plan(title, *span, lead, people), "demo")
            if span[0] <= now:
                await desk.open_shift(shift.id, lead)
                for each in people:
                    await desk.join(shift.id, each)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
