"""The shift's report in Markdown, written from the facts in both languages; a person corrects it and keeps it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from dothi.automation.procedures.definition import Text
from dothi.automation.procedures.run import Run
from dothi.automation.shifts.shift import OpenItem, Shift
from dothi.automation.shifts.usage import Usage
from dothi.automation.shifts.watch_book import Entry

Language = Literal["vi", "en"]
#: Lines of one kind that a report lists; the rest is counted.
MOST_LINES: Final = 40


class Happened(msgspec.Struct, frozen=True):
    """What happened during a shift, as far as the city knows."""

    shift: Shift
    usage: Usage
    runs: Sequence[Run]
    entries: Sequence[Entry]
    open: Sequence[OpenItem]


class ReportView(msgspec.Struct, frozen=True):
    """`text` is what a person kept, the draft until then."""

    shift: str
    language: Language
    draft: str
    text: str
    saved_by: str
    saved_at: int | None


def draft(happened: Happened, language: Language, name: Callable[[str], str], zone: str) -> str:
    """The report of a shift; nothing in it is guessed, and what cannot be known is said to be so."""
    words, shift = _Words(language, zone), happened.shift
    people = ", ".join(name(each) for each in dict.fromkeys((shift.lead, *shift.people)))
    lines = [
        f"# {words('BÁO CÁO CA TRỰC', 'SHIFT REPORT')}: {words.of(shift.title)}",
        "",
        f"- {words('Thời gian', 'Time')}: {words.time(shift.opened_at or shift.start)} – "
        f"{words.time(shift.closed_at or shift.end)}",
        f"- {words('Trưởng ca', 'Shift lead')}: {name(shift.lead)}",
        f"- {words('Người trực', 'On shift')}: {people}",
        "",
        f"## 1. {words('Cảnh báo', 'Alarms')}",
        *_alarms(happened.usage, words),
        "",
        f"## 2. {words('Quy trình đã thực hiện', 'Procedures run')}",
        *_listed([_run(run, words) for run in happened.runs], words),
        "",
        f"## 3. {words('Diễn biến chính (sổ trực)', 'Main events (watch book)')}",
        *_listed([_entry(each, words, name) for each in reversed(happened.entries)], words),
        "",
        f"## 4. {words('Việc còn mở', 'Open items')}",
        *_listed([_item(each, words, name) for each in happened.open], words),
        "",
        f"## 5. {words('Bàn giao ca', 'Hand-over')}",
        *_handover(shift, words, name),
    ]
    return "\n".join(lines) + "\n"


class _Words:
    def __init__(self, language: Language, zone: str) -> None:
        self._language = language
        self._zone = ZoneInfo(zone)

    def __call__(self, vi: str, en: str) -> str:
        return vi if self._language == "vi" else en

    def of(self, text: Text) -> str:
        return self(text.vi, text.en)

    def time(self, micros: int) -> str:
        return datetime.fromtimestamp(micros / 1_000_000, UTC).astimezone(self._zone).strftime("%d/%m/%Y %H:%M")

    def number(self, value: float | None, unit: str = "") -> str:
        if value is None:
            return self("chưa xác định được", "not known")
        text = f"{value:g}"
        return (text.replace(".", ",") if self._language == "vi" else text) + unit

    def span(self, seconds: float | None) -> str:
        if seconds is None:
            return self("chưa xác định được", "not known")
        if seconds < 90:
            return self(f"{seconds:.0f} giây", f"{seconds:.0f} s")
        return self(f"{seconds / 60:.0f} phút", f"{seconds / 60:.0f} min")


def _alarms(usage: Usage, words: _Words) -> Iterator[str]:
    high, medium, low = (next(p.count for p in usage.priorities if p.priority == each) for each in _ORDER)
    yield f"- {words('Tổng số', 'In all')}: {usage.alarms} ({words('cao', 'high')} {high}, " + (
        f"{words('trung bình', 'medium')} {medium}, {words('thấp', 'low')} {low})"
    )
    yield f"- {words('Đã xác nhận', 'Acknowledged')}: {usage.acknowledged}; " + (
        f"{words('chưa xác nhận', 'not acknowledged')}: {usage.unacknowledged}"
    )
    yield f"- {words('Thời gian xác nhận (trung vị)', 'Time to acknowledge (median)')}: " + (
        words.span(usage.acknowledge_median_s)
    )
    yield f"- {words('Số cảnh báo trên một giờ trực của một người', 'Alarms per operator-hour')}: " + (
        f"{words.number(usage.alarms_per_operator_hour)} ({words('ngưỡng', 'limit')} 10)"
    )
    yield f"- {words('Số lần gia tăng cấp xử lý', 'Escalations')}: {usage.escalations}"


_ORDER: Final = ("high", "medium", "low")


def _run(run: Run, words: _Words) -> str:
    states = {
        "running": words("đang thực hiện", "under way"),
        "done": words("hoàn thành", "done"),
        "cancelled": words("dừng giữa chừng", "broken off"),
    }
    late = sum(act.kind == "overdue" for act in run.acts)
    told = words(f", {late} bước quá hạn", f", {late} steps overdue") if late else ""
    version = words(f"bản {run.version}", f"version {run.version}")
    start = words.time(run.started_at)
    return f"- {start}: {words.of(run.definition.title)} ({version}): {states[run.status]}{told}"


def _entry(entry: Entry, words: _Words, name: Callable[[str], str]) -> str:
    by = words("hệ thống", "system") if entry.by == "system" else name(entry.by)
    text = " ".join(words.of(entry.text).split())
    return f"- {words.time(entry.at)} ({by}): {text}"


def _item(item: OpenItem, words: _Words, name: Callable[[str], str]) -> str:
    since = "" if item.since is None else words(" từ ", " since ") + words.time(item.since)
    who = f"; {name(item.assignee)}" if item.assignee else ""
    return f"- {words.of(item.title)}: {words.of(item.detail)}{since}{who}"


def _handover(shift: Shift, words: _Words, name: Callable[[str], str]) -> Iterator[str]:
    handover = shift.handover
    if handover is None:
        yield f"- {words('Chưa bàn giao.', 'Not handed over yet.')}"
        return
    yield f"- {words('Bên giao', 'Signed by')}: {name(handover.signed_by)}, {words.time(handover.signed_at)}"
    if handover.note.strip():
        yield f"- {words('Lưu ý', 'Note')}: {' '.join(handover.note.split())}"
    if handover.accepted_at is None:
        yield f"- {words('Bên nhận chưa ký nhận.', 'Not accepted yet.')}"
        return
    yield f"- {words('Bên nhận', 'Accepted by')}: {name(handover.accepted_by)}, {words.time(handover.accepted_at)}"
    if handover.remarks.strip():
        yield f"- {words('Ý kiến bên nhận', 'Remarks')}: {' '.join(handover.remarks.split())}"


def _listed(lines: Sequence[str], words: _Words) -> Sequence[str]:
    if not lines:
        return [f"- {words('Không có.', 'None.')}"]
    more = len(lines) - MOST_LINES
    if more <= 0:
        return lines
    return [*lines[:MOST_LINES], f"- {words(f'và {more} mục nữa', f'and {more} more')}"]
