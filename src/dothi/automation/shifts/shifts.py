"""Shifts kept as entities: planned, begun, handed over and accepted, each step one durable unit of work."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from dothi.automation.procedures.kept import TITLE, Keeping
from dothi.automation.shifts.roster import duty_id, sign_in
from dothi.automation.shifts.shift import Report, Shift, accepted, check_span, joined
from dothi.model.change import Cause
from dothi.model.entity import Entity
from dothi.model.errors import Conflict, ResourceNotFound
from dothi.model.instant import format_instant, parse_instant
from dothi.model.query import AttributePath, EntityQuery, Order
from dothi.storage.store import Store, Transaction

SHIFT: Final = Keeping(
    "OperatorShift",
    {
        "title": "LanguageProperty", "shiftState": "Property", "startsAt": "Property", "endsAt": "Property",
        "shiftLead": "Property", "shiftPeople": "JsonProperty", "openedAt": "Property", "closedAt": "Property",
        "handover": "JsonProperty", "shiftReports": "JsonProperty",
    },
    {"title": TITLE},
)  # fmt: skip


class Board(msgspec.Struct, frozen=True):
    """`current` runs or is signed and not accepted yet; `next` is the earliest planned one."""

    shifts: list[Shift]
    current: Shift | None
    next: Shift | None


class Shifts:
    """The shifts of one city."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, id: str) -> Shift:
        """Raises ResourceNotFound."""
        return _known(await self._store.entity(id), id)

    async def board(self, limit: int = 30) -> Board:
        """The last shifts, newest first, the one that runs, and the one after it."""
        shifts = await self._find(limit)
        current = await self.current()
        planned = sorted(await self._find(100, "planned"), key=lambda each: each.start)
        return Board(shifts, current, planned[0] if planned else None)

    async def current(self) -> Shift | None:
        """The shift that runs, or waits for its hand-over to be accepted."""
        found = await self._find(1, "running", "signed")
        return found[0] if found else None

    async def plan(self, shift: Shift, by: str) -> Shift:
        """Keep a planned shift. Raises BadRequestData, Conflict where it overlaps with one that is not over."""
        check_span(shift.start, shift.end)
        for other in await self._find(500, "planned"):
            if other.start < shift.end and shift.start < other.end:
                raise Conflict(
                    f"{other.title.en} is planned from {format_instant(other.start)} to {format_instant(other.end)}: "
                    "choose another time.",
                    shift=other.id,
                )
        await self._store.write(lambda tx: keep(tx, shift, by), (shift.id,))
        return shift

    async def change(
        self, id: str, by: str, change: Callable[[Shift, int], Shift], *, signs_in: bool = False, alone: bool = False
    ) -> Shift:
        """Move a shift on by a pure step; `alone` refuses where another shift runs. Raises what the step raises."""
        running = await self.current() if alone else None

        def work(tx: Transaction) -> Shift:
            if running is not None and running.id != id:
                raise Conflict(f"{running.title.en} runs already: take over from it.", shift=running.id)
            shift = change(_known(tx.load((id,)).get(id), id), tx.now)
            if signs_in:
                sign_in(tx, by, True, by)
            return keep(tx, shift, by)

        return await self._store.write(work, (id, duty_id(by)))

    async def accept(self, id: str, by: str, remarks: str, fallback: Callable[[int], Shift]) -> tuple[Shift, Shift]:
        """Close a signed shift and begin the next planned one, or that of `fallback`; both as they are then.

        Who leaves with the old shift is signed out, who accepts is signed in.
        """
        board = await self.board()
        coming = board.next
        leaving = await self.get(id)
        ids = [id, *([coming.id] if coming else []), *(duty_id(each) for each in (by, *leaving.people, leaving.lead))]

        def work(tx: Transaction) -> tuple[Shift, Shift]:
            old = keep(tx, accepted(_known(tx.load((id,)).get(id), id), by, tx.now, remarks), by)
            new = fallback(tx.now) if coming is None else _known(tx.load((coming.id,)).get(coming.id), coming.id)
            new = joined(new, by).with_(state="running", opened_at=tx.now)
            for person in {*old.people, old.lead} - {*new.people, new.lead}:
                sign_in(tx, person, False, by)
            sign_in(tx, by, True, by)
            return old, keep(tx, new, by)

        return await self._store.write(work, ids)

    async def save_report(self, id: str, language: str, text: str, by: str) -> Shift:
        """Keep a report as a person wrote it."""
        return await self.change(
            id, by, lambda shift, now: shift.with_(reports={**shift.reports, language: Report(text, by, now)})
        )

    async def _find(self, limit: int, *states: str) -> list[Shift]:
        newest = (Order(AttributePath((SHIFT.iris["startsAt"],)), descending=True),)
        q = SHIFT.equals("shiftState", *states) if states else None
        query = EntityQuery(types=SHIFT.selection, q=q, order=newest, limit=limit)
        return list(_all((await self._store.entities(query)).entities))


def new_id() -> str:
    return f"urn:ngsi-ld:OperatorShift:{uuid.uuid4().hex[:12]}"


def keep(tx: Transaction, shift: Shift, by: str) -> Shift:
    """Write a shift within a unit of work."""
    SHIFT.put(
        tx,
        shift.id,
        {
            "title": msgspec.to_builtins(shift.title),
            "shiftState": shift.state,
            "startsAt": format_instant(shift.start),
            "endsAt": format_instant(shift.end),
            "shiftLead": shift.lead,
            "shiftPeople": list(shift.people),
            "openedAt": None if shift.opened_at is None else format_instant(shift.opened_at),
            "closedAt": None if shift.closed_at is None else format_instant(shift.closed_at),
            "handover": {} if shift.handover is None else msgspec.to_builtins(shift.handover),
            "shiftReports": msgspec.to_builtins(shift.reports),
        },
        Cause(f"operator:{by}"),
    )
    return shift


def _all(entities: list[Entity]) -> Iterator[Shift]:
    for entity in entities:
        shift = shift_of(entity)
        if shift is not None:
            yield shift


def _known(entity: Entity | None, id: str) -> Shift:
    shift = None if entity is None else shift_of(entity)
    if shift is None:
        raise ResourceNotFound(f"there is no shift {id}")
    return shift


def shift_of(entity: Entity) -> Shift | None:
    """The shift of an entity; None where a stranger wrote it and it holds none of ours."""
    found: dict[str, Any] = SHIFT.read(entity)
    try:
        return msgspec.convert(
            {
                "id": entity.id,
                "title": found["title"],
                "state": found["shiftState"],
                "start": parse_instant(found["startsAt"]),
                "end": parse_instant(found["endsAt"]),
                "lead": found["shiftLead"],
                "people": found["shiftPeople"],
                "opened_at": parse_instant(found["openedAt"]) if "openedAt" in found else None,
                "closed_at": parse_instant(found["closedAt"]) if "closedAt" in found else None,
                "handover": found.get("handover") or None,
                "reports": found.get("shiftReports", {}),
            },
            Shift,
        )
    except (KeyError, ValueError, msgspec.ValidationError):
        return None
