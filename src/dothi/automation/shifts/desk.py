"""The shift desk of a city: its roster, shifts, watch book, escalation, report and figures over one store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from dothi.automation.alarms.alarms import MOST_ACTS, Alarms
from dothi.automation.incidents.entity import TYPE as INCIDENT
from dothi.automation.incidents.entity import incident_of
from dothi.automation.procedures.books import Books
from dothi.automation.procedures.definition import Text
from dothi.automation.procedures.run import Act, Run
from dothi.automation.procedures.runs import MOST_RUNNING, RUN, Runs
from dothi.automation.shifts.escalation import Escalation, Tell
from dothi.automation.shifts.on_call import Calendar, OnCall
from dothi.automation.shifts.open_items import open_items
from dothi.automation.shifts.report import Happened, Language, ReportView, draft
from dothi.automation.shifts.roster import DUTY, Roster
from dothi.automation.shifts.shift import OpenItem, Shift, joined, opened, signed, withdrawn
from dothi.automation.shifts.shifts import SHIFT, Shifts, new_id
from dothi.automation.shifts.usage import Facts, Presence, Usage, presence_of, usage
from dothi.automation.shifts.watch_book import ENTRY, Entry, EntryKind, WatchBook, keep
from dothi.automation.shifts.watch_book import new_id as new_entry_id
from dothi.broker.clock import wall_clock
from dothi.model.entity import instances
from dothi.model.instant import parse_instant
from dothi.model.query import EntityQuery, Name, Window
from dothi.storage.store import Store, Transaction

#: Terms for the city's own @context: short name -> IRI.
TERMS: Final = RUN.terms | DUTY.terms | SHIFT.terms | ENTRY.terms
EIGHT_HOURS: Final = 8 * 3_600_000_000
#: Incidents whose alarms count as handled where a procedure ran about them.
MOST_INCIDENTS: Final = 10_000


class ShiftDesk:
    """`tell` reaches people by channels; `zone` is the time zone of reports and of hours of the day."""

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        tell: Tell | None = None,
        *,
        zone: str = "Asia/Ho_Chi_Minh",
        now: Callable[[], int] = wall_clock,
    ) -> None:
        self._store = store
        self._alarms = alarms
        self._zone = zone
        self.now = now
        self.roster = Roster(store)
        self.on_call = OnCall(store, self.roster)
        self.books = Books(store, self.roster.role_ids, now=now)
        self.runs = Runs(store, self.books, beside=write_beside, now=now)
        self.shifts = Shifts(store)
        self.book = WatchBook(store)
        tell = tell or (lambda names, title, severity: None)
        self.escalation = Escalation(store, alarms.board, self.roster, self.on_call, tell, now)
        self.runs.subscribe(self.escalation.hear)

    async def open(self, folder: Path | None = None) -> None:
        """Read what is stored, and procedures from the *.toml of a folder."""
        await self.roster.open()
        await self.on_call.open()
        await self.escalation.open()
        await self.books.open(folder)

    def plan(self, title: dict[str, str] | None, start: int, end: int, lead: str, people: Sequence[str]) -> Shift:
        """A shift that is not kept yet. Raises BadRequestData for people who are not in the roster."""
        self.roster.known(lead, "lead")
        for n, each in enumerate(people):
            self.roster.known(each, f"people[{n}]")
        text = Text("Ca trực", "Shift") if title is None else Text(title["vi"], title["en"])
        return Shift(new_id(), text, "planned", start, end, lead, tuple(dict.fromkeys(people)))

    async def open_items(self) -> list[OpenItem]:
        return await open_items(self._store, self._alarms.board, self.runs, self.now())

    async def open_shift(self, id: str, by: str) -> Shift:
        """Begin a shift where none runs. Raises Conflict, BadRequestData."""
        self.roster.known(by)
        shift = await self.shifts.change(id, by, lambda s, now: opened(s, by, now), signs_in=True, alone=True)
        await self._note(shift, by, Text("Bắt đầu ca trực.", "The shift begins."), "shift")
        return shift

    async def join(self, id: str, by: str) -> Shift:
        """Come into a shift; signs in."""
        self.roster.known(by)
        return await self.shifts.change(id, by, lambda shift, now: joined(shift, by), signs_in=True)

    async def sign(self, id: str, by: str, note: str) -> Shift:
        """The outgoing side signs over what is open now. Raises Conflict, BadRequestData."""
        self.roster.known(by)
        items = tuple(await self.open_items())
        shift = await self.shifts.change(id, by, lambda s, now: signed(s, by, now, note, items))
        many = len(items)
        text = Text(
            f"Ký bàn giao ca với {many} việc còn mở. {note}".strip(),
            f"Hand-over signed with {many} open items. {note}".strip(),
        )
        await self._note(shift, by, text, "handover", [item.id for item in items[:50]])
        return shift

    async def withdraw(self, id: str, by: str) -> Shift:
        """Take the signature back. Raises Conflict, BadRequestData."""
        shift = await self.shifts.change(id, by, lambda s, now: withdrawn(s, by))
        await self._note(shift, by, Text("Rút lại chữ ký bàn giao.", "Signature taken back."), "handover")
        return shift

    async def accept(self, id: str, by: str, remarks: str, items: int | None = None) -> Shift:
        """The incoming side accepts; the shift that begins by it. Raises Conflict, BadRequestData."""
        self.roster.known(by)

        def fallback(now: int) -> Shift:
            return Shift(new_id(), Text("Ca trực", "Shift"), "planned", now, now + EIGHT_HOURS, by, ())

        old, new = await self.shifts.accept(id, by, remarks, fallback)
        seen = "" if items is None else f" ({items})"
        text = Text(f"Nhận bàn giao ca{seen}. {remarks}".strip(), f"Hand-over accepted{seen}. {remarks}".strip())
        await self._note(old, by, text, "handover")
        await self._note(new, by, Text("Bắt đầu ca trực.", "The shift begins."), "shift")
        return new

    async def write(self, text: str, by: str, links: Sequence[str], corrects: str) -> Entry:
        """Write into the watch book of the shift that runs."""
        shift = await self.shifts.current()
        words = Text(text, text)
        return await self.book.write(words, by, "note", links, "" if shift is None else shift.id, corrects)

    async def calendar(self, start: int, end: int) -> Calendar:
        """The on-call calendar of a span, the gaps of roles that escalation needs, and who is reached now."""
        roles = self.escalation.roles()
        now = self.now()
        return Calendar(
            self.on_call.between(start, end),
            self.on_call.gaps(roles, start, end),
            {role: self.on_call.at(role, now) for role in roles},
        )

    async def report(self, id: str, language: Language) -> ReportView:
        """The report of a shift: drafted from the facts, and as a person kept it."""
        shift = await self.shifts.get(id)
        text = draft(await self._happened(shift), language, self.roster.name, self._zone)
        kept = shift.reports.get(language)
        if kept is None:
            return ReportView(id, language, text, text, "", None)
        return ReportView(id, language, text, kept.text, kept.saved_by, kept.saved_at)

    async def save_report(self, id: str, language: Language, text: str, by: str) -> ReportView:
        self.roster.known(by)
        await self.shifts.save_report(id, language, text, by)
        return await self.report(id, language)

    async def usage(self, start: int, end: int) -> Usage:
        """The centre's own figures of a span; nothing after now is counted."""
        until = max(start + 1, min(end, self.now()))
        runs = await self._runs_of(start, end)
        _, escalations = await self.book.find(kind="escalation", span=(start, end), limit=1)
        _, entries = await self.book.find(kind="note", span=(start, end), limit=1)
        facts = Facts(
            acts=await self._alarms.all_acts(start, self.now() + 1, MOST_ACTS * 10),
            presence=await self._presence(start, until),
            runs=runs,
            members=await self._members(),
            escalations=escalations,
            entries=entries,
        )
        return usage(facts, start, until, self.roster.name, self._zone)

    async def _happened(self, shift: Shift) -> Happened:
        start, end = shift.opened_at or shift.start, shift.closed_at or max(self.now(), shift.start + 1)
        entries, _ = await self.book.find(span=(start, end + 1_000_000), limit=200)
        items = await self.open_items() if shift.handover is None else shift.handover.open
        runs = await self._runs_of(start, end)
        return Happened(shift, await self.usage(start, end), runs, entries, list(items))

    async def _runs_of(self, start: int, end: int) -> list[Run]:
        found, _ = await self.runs.find(limit=MOST_RUNNING)
        return [run for run in found if start <= run.started_at < end]

    async def _members(self) -> dict[str, Sequence[str]]:
        page = await self._store.entities(EntityQuery(types=Name(INCIDENT), limit=MOST_INCIDENTS))
        incidents = (incident_of(entity) for entity in page.entities)
        return {incident.id: incident.alarms for incident in incidents if incident is not None}

    async def _presence(self, start: int, end: int) -> list[Presence]:
        ids = await self._store.ids(EntityQuery(types=DUTY.selection))
        on_duty = DUTY.iris["onDuty"]
        found: list[Presence] = []
        for history in await self._store.history(ids, (on_duty,), Window(end=end)):
            signs = [
                (parse_instant(each["observedAt"]), bool(each.get("value")))
                for each in instances(history.attributes.get(on_duty, []))
            ]
            found += presence_of(history.id.rsplit(":", 1)[-1], sorted(signs), start, end)
        return found

    async def _note(self, shift: Shift, by: str, text: Text, kind: EntryKind, links: Sequence[str] = ()) -> None:
        await self.book.write(text, by, kind, links, shift.id)


def write_beside(tx: Transaction, run: Run, acts: Sequence[Act]) -> None:
    """The watch book is told of a run's beginning and end in the unit of work that keeps them."""
    title = run.definition.title
    words = {
        "start": Text(f"Bắt đầu quy trình: {title.vi}.", f"Procedure started: {title.en}."),
        "finish": Text(f"Hoàn thành quy trình: {title.vi}.", f"Procedure done: {title.en}."),
        "cancel": Text(f"Dừng quy trình giữa chừng: {title.vi}.", f"Procedure broken off: {title.en}."),
    }
    for act in acts:
        if act.kind in words:
            why = f" {act.note}" if act.note else ""
            text = Text(words[act.kind].vi + why, words[act.kind].en + why)
            links = (run.id, run.subject) if run.subject else (run.id,)
            keep(tx, Entry(new_entry_id(), act.at, act.by, "procedure", text, links))
