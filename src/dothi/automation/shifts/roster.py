"""The people of the centre: operators, their roles, and who is signed in, whose history tells the hours worked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dothi.automation.procedures.definition import Text
from dothi.automation.procedures.kept import Keeping
from dothi.model.change import Cause
from dothi.model.errors import BadRequestData, ResourceNotFound
from dothi.model.instant import format_instant, parse_instant
from dothi.model.query import EntityQuery
from dothi.storage.store import Store, Transaction

#: Signed in or not, kept as entities so that their history is the time sheet; no name and no number leaves by them.
DUTY: Final = Keeping("OperatorDuty", {"operator": "Property", "onDuty": "Property", "dutySince": "Property"})

OPERATORS: Final = "operator"
ROLES: Final = "operator-role"

_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,59}", re.ASCII)

#: The roles of a new city.
FIRST_ROLES: Final = {
    "operator": Text("Trực ban viên", "Duty operator"),
    "lead": Text("Trưởng ca trực", "Shift lead"),
    "commander": Text("Chỉ huy điều hành", "Commander"),
    "field": Text("Tổ hiện trường", "Field crew"),
    "director": Text("Lãnh đạo trung tâm", "Director of the centre"),
}


class Role(msgspec.Struct, frozen=True):
    id: str
    label: Text


class Operator(msgspec.Struct, frozen=True):
    """A person; `since` is when they signed in (microseconds), None while they are not."""

    id: str
    name: str
    roles: tuple[str, ...] = ()
    phone: str = ""
    email: str = ""
    active: bool = True
    on_duty: bool = False
    since: int | None = None


class Roster:
    """People and roles are records; both are held in memory, since every check of a procedure asks for them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._people: dict[str, Operator] = {}
        self._roles: dict[str, Text] = dict(FIRST_ROLES)

    async def open(self) -> None:
        """Read what is stored."""
        for id, kept in (await self._store.records(ROLES)).items():
            self._roles[id] = msgspec.convert(kept, Text)
        for id, kept in (await self._store.records(OPERATORS)).items():
            self._people[id] = msgspec.convert(kept, Operator)

    def role_ids(self) -> frozenset[str]:
        return frozenset(self._roles)

    def role_label(self, id: str) -> Text:
        return self._roles.get(id) or Text(id, id)

    def name(self, id: str) -> str:
        """The name of a person, the id of somebody who is not in the roster."""
        found = self._people.get(id)
        return id if found is None else found.name

    def known(self, id: str, where: str = "operator") -> Operator:
        """Raises BadRequestData naming who is known."""
        found = self._people.get(id)
        if found is None or not found.active:
            some = ", ".join(sorted(self._people)[:20]) or "nobody yet: add people to the roster first"
            raise BadRequestData(f"{where}: nobody {id!r} works here; the roster has {some}")
        return found

    async def roles(self) -> list[Role]:
        return [Role(id, label) for id, label in self._roles.items()]

    async def operators(self) -> list[Operator]:
        """Everybody by name, with who is signed in."""
        since = await self.on_duty()
        people = sorted(self._people.values(), key=lambda each: each.name)
        return [msgspec.structs.replace(p, on_duty=p.id in since, since=since.get(p.id)) for p in people]

    async def on_duty(self) -> dict[str, int]:
        """Operator -> since when they are signed in."""
        query = EntityQuery(types=DUTY.selection, q=DUTY.equals("onDuty", True), limit=1000)
        found = [DUTY.read(each) for each in (await self._store.entities(query)).entities]
        return {str(each["operator"]): parse_instant(each["dutySince"]) for each in found}

    async def put(self, id: str, given: Mapping[str, Any], by: str) -> Operator:
        """Add or change a person. Raises BadRequestData."""
        if not _ID.fullmatch(id):
            raise BadRequestData(f"{id!r} can be no operator's id: use a-z, 0-9, dot and -, such as lan.nguyen")
        for role in given.get("roles", ()):
            self.check_role(role, "roles")
        person = msgspec.convert({"id": id, **given, "roles": list(given.get("roles", ()))}, Operator)
        await self._store.write(lambda tx: tx.put_record(OPERATORS, id, msgspec.to_builtins(person)))
        self._people[id] = person
        return person

    async def put_role(self, id: str, label: Mapping[str, str]) -> None:
        """Add a role or rename it. Raises BadRequestData."""
        if not _ID.fullmatch(id):
            raise BadRequestData(f"{id!r} can be no role's id: use a-z, 0-9 and -, such as pump-crew")
        text = Text(label["vi"], label["en"])
        await self._store.write(lambda tx: tx.put_record(ROLES, id, msgspec.to_builtins(text)))
        self._roles[id] = text

    def check_role(self, id: str, where: str) -> None:
        """Raises BadRequestData where there is no such role."""
        if id not in self._roles:
            raise BadRequestData(f"{where}: no role {id!r} is known; there is {', '.join(sorted(self._roles))}")

    async def sign(self, id: str, on_duty: bool, by: str) -> None:
        """Sign in or out. Raises ResourceNotFound."""
        if id not in self._people:
            raise ResourceNotFound(f"nobody {id!r} is in the roster; add them first")
        await self._store.write(lambda tx: sign_in(tx, id, on_duty, by), (duty_id(id),))


def sign_in(tx: Transaction, id: str, on_duty: bool, by: str) -> None:
    """Sign in or out within a unit of work; nothing changes where it is so already."""
    old = tx.load((duty_id(id),)).get(duty_id(id))
    was = False if old is None else bool(DUTY.read(old).get("onDuty"))
    if was is not on_duty:
        from_now = {"operator": id, "onDuty": on_duty, "dutySince": format_instant(tx.now)}
        DUTY.put(tx, duty_id(id), from_now, Cause(f"operator:{by}"))


def duty_id(operator: str) -> str:
    return f"urn:ngsi-ld:OperatorDuty:{operator}"
