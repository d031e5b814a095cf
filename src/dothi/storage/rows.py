"""Entities as rows: names interned to numbers, attributes as one JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import msgspec
import orjson

from dothi.model.entity import Attributes, Entity, Instance, PlainProperty

#: Columns of an entity row, in the order that `entity_of` reads and compile.py selects.
COLUMNS = "n, id, types, scopes, created, modified, expires, json(doc)"

Row = tuple[Any, ...]

_ENCODE = msgspec.json.Encoder().encode
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_PLAIN = msgspec.json.Decoder(PlainProperty).decode


class Names:
    """The numbers of attribute and type names of one store. Only the writer adds; any thread reads."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.keys: dict[str, str] = {}
        self.iris: dict[str, str] = {}
        self._types: dict[str, tuple[str, ...]] = {}
        self._fresh: list[tuple[int, str]] = []
        self._next = 1

    def load(self, connection: apsw.Connection) -> None:
        """Take over what the file has, forgetting what was added but not stored."""
        self._fresh.clear()
        self._types.clear()
        for table in (self.numbers, self.keys, self.iris):
            table.clear()
        for number, iri in connection.execute("SELECT n, iri FROM name"):
            self._learn(number, iri)
        self._next = 1 + max(self.numbers.values(), default=0)

    def number(self, iri: str) -> int | None:
        return self.numbers.get(iri)

    def iri(self, number: int) -> str:
        return self.iris[str(number)]

    def intern(self, iri: str) -> int:
        """The number of a name, given one when it is new; `store` writes new ones in the same transaction."""
        number = self.numbers.get(iri)
        if number is None:
            number = self._next
            self._next += 1
            self._fresh.append((number, iri))
            self._learn(number, iri)
        return number

    def store(self, connection: apsw.Connection) -> None:
        if self._fresh:
            connection.executemany("INSERT INTO name (n, iri) VALUES (?, ?)", self._fresh)
            self._fresh.clear()

    def _learn(self, number: int, iri: str) -> None:
        key = str(number)
        self.numbers[iri] = number
        self.iris[key] = iri
        self.keys[iri] = key

    def encode(self, attributes: Attributes) -> str:
        """The `doc` text of attributes."""
        keys = self.keys
        try:
            document = {keys[name]: attribute for name, attribute in attributes.items()}
        except KeyError:
            for name in attributes:
                self.intern(name)
            document = {keys[name]: attribute for name, attribute in attributes.items()}
        return _ENCODE(document).decode()

    def decode(self, doc: str) -> Attributes:
        iris = self.iris
        return {iris[key]: _attribute(raw) for key, raw in _PARTS(doc).items()}

    def encode_types(self, types: Iterable[str]) -> str:
        return orjson.dumps([self.intern(iri) for iri in types]).decode()

    def decode_types(self, text: str) -> tuple[str, ...]:
        types = self._types.get(text)
        if types is None:
            types = self._types[text] = tuple(self.iri(number) for number in orjson.loads(text))
        return types

    def entity_of(self, row: Row) -> Entity:
        """The entity of a row of COLUMNS; `doc` must not be NULL."""
        _, id, types, scopes, created, modified, expires, doc = row
        return Entity(
            id=id,
            types=self._types.get(types) or self.decode_types(types),
            attributes=self.decode(doc),
            scopes=() if scopes is None else tuple(orjson.loads(scopes)),
            created=created,
            modified=modified,
            expires=expires,
        )


def _attribute(raw: msgspec.Raw) -> Instance | list[Instance]:
    """The instance or the instances of one member of `doc`."""
    text = bytes(raw)
    if text.startswith(b'{"type":"Property"'):
        try:
            return _PLAIN(text)
        except msgspec.ValidationError:
            pass
    attribute: Instance | list[Instance] = orjson.loads(text)
    return attribute


def encode_scopes(scopes: Sequence[str]) -> str | None:
    return orjson.dumps(list(scopes)).decode() if scopes else None
