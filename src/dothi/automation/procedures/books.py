"""The procedures of a city with all their versions: read from the store and from TOML files, changed by people."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from dothi.automation.procedures.definition import Procedure, Unreadable, read
from dothi.automation.procedures.faults import Fault, faults_of
from dothi.automation.procedures.toml_form import read_toml, write_toml
from dothi.broker.clock import wall_clock
from dothi.model.errors import BadRequestData, Conflict, ResourceNotFound
from dothi.model.instant import format_instant
from dothi.storage.store import Store, Transaction

#: Kind of the records, one for each procedure.
RECORD: Final = "procedure"


class Version(msgspec.Struct, frozen=True):
    """One state of a definition: who kept it when (microseconds) and why."""

    version: int
    at: int
    by: str
    reason: str
    definition: Procedure


class Book(msgspec.Struct, frozen=True):
    """A procedure with all its versions, oldest first. A retired one cannot be started."""

    id: str
    versions: tuple[Version, ...]
    retired: bool = False

    @property
    def version(self) -> int:
        return self.versions[-1].version

    @property
    def newest(self) -> Procedure:
        return self.versions[-1].definition

    def at(self, version: int) -> Procedure:
        """Raises ResourceNotFound."""
        found = next((each.definition for each in self.versions if each.version == version), None)
        if found is None:
            raise ResourceNotFound(f"procedure {self.id} has no version {version}; the newest is {self.version}")
        return found

    def toml(self, version: int) -> str:
        return write_toml(self.at(version))


class Checked(msgspec.Struct, frozen=True):
    """A definition that was looked at; `procedure` is None where it cannot be read."""

    procedure: Procedure | None
    toml: str
    faults: list[Fault]


class Books:
    """`roles` tells the ids of the roster's roles, which steps may name."""

    def __init__(
        self, store: Store, roles: Callable[[], Collection[str]], *, now: Callable[[], int] = wall_clock
    ) -> None:
        self._store = store
        self._roles = roles
        self._now = now
        self._books: dict[str, Book] = {}
        #: What could not be read from files.
        self.problems: list[Fault] = []

    async def open(self, folder: Path | None = None) -> None:
        """Read what is stored, then the *.toml of a folder."""
        for id, kept in (await self._store.records(RECORD)).items():
            self._books[id] = msgspec.convert(kept, Book)
        for path, text in await asyncio.to_thread(_texts_in, folder) if folder is not None else ():
            await self._from_file(path, text)

    def book(self, id: str) -> Book:
        """Raises ResourceNotFound."""
        found = self._books.get(id)
        if found is None:
            known = ", ".join(sorted(self._books)) or "none yet"
            raise ResourceNotFound(f"there is no procedure {id!r}; there is {known}")
        return found

    def find(self, text: str = "", starts_for: str = "") -> list[Book]:
        """Books that hold every word, by title; those meant for `starts_for` first, retired ones last."""
        words = fold(text).split()
        found = [book for book in self._books.values() if all(word in _searched(book.newest) for word in words)]
        return sorted(
            found, key=lambda book: (book.retired, starts_for not in book.newest.starts_for, book.newest.title.vi)
        )

    def templates(self) -> list[Procedure]:
        """Procedures of the library that the city has not."""
        return [each for each in library() if each.id not in self._books]

    async def take_templates(self) -> None:
        """Keep every procedure of the library that the city has not."""
        for procedure in self.templates():
            await self._keep(procedure, 0, "system", "from the library")

    def check(self, document: Any | None, toml: str | None) -> Checked:
        """Say what is wrong with a definition, given as decoded JSON or as TOML."""
        try:
            procedure = read(document) if toml is None else read_toml(toml)
        except Unreadable as fault:
            mend = "compare with a template"
            return Checked(None, toml or "", [Fault(fault.where, fault.what, mend)])
        return Checked(procedure, write_toml(procedure), faults_of(procedure, self._roles()))

    async def save(self, id: str, document: Any | None, toml: str | None, base: int, by: str, reason: str) -> Book:
        """Keep a new version over version `base`. Raises BadRequestData naming every fault, Conflict."""
        checked = self.check(document, toml)
        if checked.procedure is not None and checked.procedure.id != id:
            raise BadRequestData(f"id: the definition is of {checked.procedure.id!r}, the address of {id!r}")
        if checked.procedure is None or checked.faults:
            told = [{"where": fault.where, "what": fault.what, "mend": fault.mend} for fault in checked.faults]
            raise BadRequestData(". ".join(map(str, checked.faults)), faults=told)
        return await self._keep(checked.procedure, base, by, reason)

    async def retire(self, id: str, retired: bool, by: str, reason: str) -> Book:
        """Take out of use or back; the change stands in the list of versions. Raises ResourceNotFound."""
        book = self.book(id)
        if book.retired is retired:
            return book

        def work(tx: Transaction) -> Book:
            last = msgspec.convert(tx.record(RECORD, id), Book)
            word = "retired" if retired else "back in use"
            version = Version(last.version + 1, tx.now, by, f"{word}: {reason}".rstrip(": "), last.newest)
            return _put(tx, Book(id, (*last.versions, version), retired))

        self._books[id] = await self._store.write(work)
        return self._books[id]

    async def _keep(self, procedure: Procedure, base: int, by: str, reason: str) -> Book:
        def work(tx: Transaction) -> Book:
            kept = tx.record(RECORD, procedure.id)
            book = Book(procedure.id, ()) if kept is None else msgspec.convert(kept, Book)
            last = book.versions[-1] if book.versions else None
            if (0 if last is None else last.version) != base:
                raise _edited(procedure.id, last, base)
            version = Version(base + 1, tx.now, by, reason, procedure)
            return _put(tx, Book(book.id, (*book.versions, version), book.retired))

        book = await self._store.write(work)
        self._books[procedure.id] = book
        return book

    async def _from_file(self, path: Path, text: str | Exception) -> None:
        """A file that says something new becomes a version; one that stays as it was leaves people's changes alone."""
        if isinstance(text, Exception):
            self.problems.append(Fault(path.name, f"it cannot be read: {text}", "mend the file"))
            return
        checked = self.check(None, text)
        if checked.procedure is None or checked.faults:
            self.problems += [Fault(f"{path.name}: {each.where}", each.what, each.mend) for each in checked.faults]
            return
        book = self._books.get(checked.procedure.id)
        if book is not None and any(each.definition == checked.procedure for each in book.versions):
            return
        await self._keep(checked.procedure, 0 if book is None else book.version, f"file:{path.name}", "")


def _edited(id: str, last: Version | None, base: int) -> Conflict:
    if last is None:
        return Conflict(f"There is no procedure {id!r} yet: save it with base_version 0.")
    return Conflict(
        f"{last.by} saved version {last.version} of {id!r} at {format_instant(last.at)}, after version {base}, which "
        "you edited: look at it, and put your changes over it.",
        by=last.by,
        at=last.at // 1000,
        version=last.version,
    )


def _put(tx: Transaction, book: Book) -> Book:
    tx.put_record(RECORD, book.id, msgspec.to_builtins(book))
    return book


def _texts_in(folder: Path) -> list[tuple[Path, str | Exception]]:
    """The *.toml of a folder with their texts, or why they cannot be read; none where there is no such folder."""
    found: list[tuple[Path, str | Exception]] = []
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            found.append((path, path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            found.append((path, error))
    return found


def library() -> Sequence[Procedure]:
    """The procedures that come with dothi, by the names of their files."""
    folder = files("dothi.automation.procedures") / "library"
    texts = sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir() if each.name.endswith(".toml"))
    return [read_toml(text) for _, text in texts]


def _searched(procedure: Procedure) -> str:
    return fold(" ".join((procedure.id, procedure.title.vi, procedure.title.en, procedure.category)))


def fold(text: str) -> str:
    """Lower case, no diacritics, đ as d, single spaces: "Ngập  Dĩ An" -> "ngap di an"."""
    plain = text.casefold().replace("đ", "d")
    kept = "".join(each for each in unicodedata.normalize("NFD", plain) if not unicodedata.combining(each))
    return " ".join(kept.split())
