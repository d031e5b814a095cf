"""Puts the states of many entities together as they were at an instant, from the log's tail and sealed chunks.

Of each series the instance with the latest time not after the instant counts; of several with one time, the one
recorded last. The time is `observedAt`, else that of the recording. What was written with an entity's creation and has
no `observedAt` (a name, a place) counts for the time before too, as far back as anything of the entity was observed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw
import msgspec
import numpy as np
import orjson

from dothi.model.entity import Attributes, Entity, Instance, instances
from dothi.model.patch import SCOPE
from dothi.storage.chunk import expiry_of, time_of
from dothi.storage.packing import Ints, Marks
from dothi.storage.peek import Name, Peek, Peeks
from dothi.storage.rows import Names, Row
from dothi.storage.series import FIRST_RECORDED
from dothi.storage.tail_memory import Place, TailMemory

#: Every time is not after this one.
FOREVER: Final = 1 << 62
#: In the place of a row: the state's own instance.
STATE: Final = 0
#: Texts of attributes that are remembered, some 300 bytes each.
MOST_PARSED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entities, at which instant (microseconds). `known`: only what was recorded by then; None: all that is known
    today. `types` and `ids` narrow it down, and so do `attributes` (IRIs; () is all) what is read of each; then
    the scopes are those of now."""

    at: int
    known: int | None = None
    types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()


@dataclass(slots=True)
class PastMemory:
    """What as-of reads of one store remember from one to the next."""

    tail: TailMemory = field(default_factory=TailMemory)
    peeks: Peeks = field(default_factory=Peeks)
    #: What texts of attributes say; the same ones come again and again.
    parsed: dict[str, Any] = field(default_factory=dict)


_ROWS = "SELECT n, id, types, scopes, created, modified, deleted{pieces} FROM entity WHERE {where}"
_LIVING = "n IN (SELECT entity FROM entity_type WHERE type IN (SELECT value FROM json_each(?)))"
#: An entity without both was erased.
_THERE = "doc IS NOT NULL OR deleted IS NOT NULL"
_LIVES = "SELECT entity, created, deleted FROM life WHERE entity IN (SELECT value FROM json_each(?))"
_OF_SERIES = """
FROM series AS s JOIN chunk AS c ON c.series = s.n
WHERE s.entity IN (SELECT value FROM json_each(:entities)) {attributes}"""
_HEADERS = 'SELECT s.entity, s.attribute, s.dataset, c.n, c."end", c.points'
#: Chunks that may hold the last point: none ends before the latest end that is not after the instant.
_NEAR = """ AND c.start <= :at AND c."end" >=
ifnull((SELECT max(p."end") FROM chunk AS p WHERE p.series = s.n AND p."end" <= :at), -4611686018427387904)"""
_ALL = " AND c.start <= :at"
_SERIES = "SELECT entity, attribute, dataset FROM series WHERE entity IN (SELECT value FROM json_each(?))"
_BORN = ' AND c."end" > :at'
_BLOBS = "SELECT n, data FROM chunk WHERE n IN (SELECT value FROM json_each(?))"
_TAIL = "SELECT seq, at, doc FROM change WHERE seq IN (SELECT value FROM json_each(?))"


class _Life(msgspec.Struct, gc=False):
    """An entity's row, when it was first created, and what of it counts: recorded after `cut`."""

    row: Row
    birth: int
    cut: int
    covered: bool


class _Pick(msgspec.Struct, gc=False):
    """The instance of a series that counts: `time` of it; where it stands unless in the state: (chunk, position), or
    the row of the tail."""

    time: int
    chunk: tuple[Name, int] | None = None
    row: int = 0


def read_as_of(connection: apsw.Connection, names: Names, memory: PastMemory, asked: Asked) -> list[Entity]:
    """The entities that were there at the instant, in the order in which they came to the store.

    `created` is that of the life at the instant, `modified` when the newest of the state's instances was recorded.
    """
    with memory.tail.lock:
        return _Reading(connection, names, memory, asked).entities()


class _Reading:
    """One reading of past states; holds what its steps hand on."""

    def __init__(self, connection: apsw.Connection, names: Names, memory: PastMemory, asked: Asked) -> None:
        self.connection = connection
        self.names = names
        self.memory = memory
        self.at = asked.at
        self.known = FOREVER if asked.known is None else asked.known
        self.asked = asked
        numbers = [names.number(iri) for iri in dict.fromkeys(asked.attributes)]
        #: Numbers of the attributes asked for; None: all.
        self.attributes = {number for number in numbers if number is not None} if asked.attributes else None
        self.numbers = sorted(self.attributes or ())
        self.now = time.time_ns() // 1000
        self.lives: dict[int, _Life] = {}
        self.state: dict[Place, Instance] = {}
        self.picks: dict[Place, _Pick] = {}

    def entities(self) -> list[Entity]:
        self.memory.tail.follow(self.connection)
        self._read_lives()
        self._pick_from_chunks()
        tail = self._pick_from_tail()
        self._back_date()
        found = self._instances(tail)
        return [entity for n in sorted(self.lives) if (entity := self._entity(n, found.get(n, []))) is not None]

    # --- entities and their state of now -------------------------------------------------------------------------

    def _read_lives(self) -> None:
        rows = list(self._rows())
        lives: dict[int, list[tuple[int, int]]] = {}
        ended: Iterator[Row] = self.connection.execute(_LIVES, (_json([row[0] for row in rows]),))
        for n, created, deleted in ended:
            lives.setdefault(n, []).append((created, deleted))
        for row in rows:
            n, _, _, _, created, _, deleted, *pieces = row
            every = [*lives.get(n, ()), (created, FOREVER if deleted is None else deleted)]
            seen = min(self.at, self.known)
            cut = max((end for _, end in every if end <= seen), default=-FOREVER)
            covered = any(start <= seen < end for start, end in every)
            self.lives[n] = _Life(row, min(start for start, _ in every), cut, covered)
            self._read_state(n, pieces)

    def _rows(self) -> Iterator[Row]:
        pieces = "".join(f", doc -> '$.\"{number}\"'" for number in self.numbers)
        if self.attributes is None:
            pieces = ", json(doc)"
        if self.asked.ids:
            where = f"id IN (SELECT value FROM json_each(?)) AND ({_THERE})"
            values = _json(self.asked.ids)
            yield from self._kept(self.connection.execute(_ROWS.format(pieces=pieces, where=where), (values,)))
            return
        if self.asked.types:
            types = [number for number in map(self.names.number, self.asked.types) if number is not None]
            yield from self.connection.execute(_ROWS.format(pieces=pieces, where=_LIVING), (_json(types),))
            where = "deleted IS NOT NULL"
        else:
            where = _THERE
        yield from self._kept(self.connection.execute(_ROWS.format(pieces=pieces, where=where)))

    def _kept(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Those of the types asked for."""
        types = frozenset(self.asked.types)
        for row in rows:
            if not types or not types.isdisjoint(self.names.decode_types(row[2])):
                yield row

    def _read_state(self, n: int, pieces: Sequence[Any]) -> None:
        state = self.state
        if self.attributes is None:
            document = orjson.loads(pieces[0]) if pieces and pieces[0] is not None else {}
            parts = [(int(key), value) for key, value in document.items()]
        else:
            numbers = zip(self.numbers, pieces, strict=True)
            parts = [(number, self._parsed(piece)) for number, piece in numbers if piece is not None]
        for number, attribute in parts:
            if isinstance(attribute, list):
                for instance in attribute:
                    state[n, number, instance.get("datasetId", "")] = instance
            else:
                state[n, number, attribute.get("datasetId", "")] = attribute

    def _parsed(self, text: str) -> Any:
        known = self.memory.parsed
        found = known.get(text)
        if found is None:
            if len(known) >= MOST_PARSED:
                known.clear()
            found = known[text] = orjson.loads(text)
        return found

    # --- which instance of each series counts --------------------------------------------------------------------

    def _pick_from_chunks(self) -> None:
        plain = [n for n, life in self.lives.items() if life.cut == -FOREVER and self.known == FOREVER]
        careful = [n for n, life in self.lives.items() if life.cut > -FOREVER or self.known < FOREVER]
        spans: list[tuple[Place, Name]] = []
        for n, attribute, dataset, chunk, end, points in self._headers(_HEADERS, plain, _NEAR):
            place = (n, attribute, dataset)
            if end > self.at:
                spans.append((place, (chunk, end, points)))
            else:
                self._offer(place, end, ((chunk, end, points), points - 1))
        peeks = self._opened([name for _, name in spans])
        for place, name in spans:
            position = peeks[name].last(self.at)
            if position >= 0:
                self._offer(place, peeks[name].time(position), (name, position))
        if careful:
            self._pick_carefully(careful)

    def _offer(self, place: Place, time: int, chunk: tuple[Name, int]) -> None:
        """Let a point of a chunk take part."""
        pick = self.picks.get(place)
        if pick is not None and pick.chunk is not None and time == pick.time:
            self.picks[place] = max(pick, _Pick(time, chunk), key=lambda each: self._recorded(each.chunk))
        elif pick is None or time > pick.time:
            self.picks[place] = _Pick(time, chunk)

    def _recorded(self, chunk: tuple[Name, int] | None) -> int:
        assert chunk is not None
        name, position = chunk
        return self._opened([name])[name].recorded(position)

    def _pick_carefully(self, entities: Sequence[int]) -> None:
        """Where the time of recording counts too: from the newest end backwards, until no chunk can hold better."""
        headers: dict[Place, list[Name]] = {}
        for n, attribute, dataset, chunk, end, points in self._headers(_HEADERS, entities, _ALL):
            headers.setdefault((n, attribute, dataset), []).append((chunk, end, points))
        for place, chunks in headers.items():
            cut, best = self.lives[place[0]].cut, (-FOREVER, -FOREVER)
            for name in sorted(chunks, key=lambda each: -each[1]):
                if name[1] < best[0]:
                    break
                peek = self._opened([name])[name]
                position = self._last_known(peek, cut)
                if position >= 0 and (mine := (peek.time(position), peek.recorded(position))) > best:
                    best = mine
                    self.picks[place] = _Pick(mine[0], (name, position))

    def _last_known(self, peek: Peek, cut: int) -> int:
        position = peek.last(self.at)
        while position >= 0 and not cut < peek.recorded(position) <= self.known:
            position -= 1
        return position

    def _headers(self, columns: str, entities: Sequence[int], which: str, end: str = "") -> Iterator[Row]:
        attributes = "" if self.attributes is None else "AND s.attribute IN (SELECT value FROM json_each(:attributes))"
        sql = columns + _OF_SERIES.format(attributes=attributes) + which + end
        values = {"entities": _json(entities), "attributes": _json(self.numbers), "at": self.at}
        return iter(self.connection.execute(sql, values)) if entities else iter(())

    def _opened(self, names: Sequence[Name]) -> dict[Name, Peek]:
        peeks = self.memory.peeks
        found = {name: peek for name in names if (peek := peeks.get(name)) is not None}
        missing = {name[0]: name for name in names if name not in found}
        if missing:
            rows: Iterator[Row] = self.connection.execute(_BLOBS, (_json(sorted(missing)),))
            for number, data in rows:
                name = missing[number]
                found[name] = peek = Peek(data, name[2])
                peeks.keep(name, peek)
        return found

    # --- the tail ------------------------------------------------------------------------------------------------

    def _pick_from_tail(self) -> dict[tuple[Place, int], Instance]:
        """Let the points of the tail take part; gives the instances of those that were picked."""
        read: dict[tuple[Place, int], Instance] = {}
        while True:
            picked = self._newest_of_tail()
            if self._read_rows(picked, read):
                break
        for place, (when, row) in picked.items():
            pick = self.picks.get(place)
            if pick is None or when > pick.time or (when == pick.time and self._beats(read[place, row], pick)):
                self.picks[place] = _Pick(when, None, row)
        return read

    def _beats(self, instance: Instance, pick: _Pick) -> bool:
        """Whether an instance of the tail was recorded after one of a chunk that has the same time."""
        recorded: int = instance["modifiedAt"] if "modifiedAt" in instance else instance["deletedAt"]
        return recorded >= self._recorded(pick.chunk)

    def _newest_of_tail(self) -> dict[Place, tuple[int, int]]:
        tail = self.memory.tail
        wanted, entities = self._wanted_places()
        cuts = _spread({n: life.cut for n, life in self.lives.items() if life.cut > -FOREVER}, entities)
        found = tail.newest(self.at, self.known, wanted, cuts)
        return {tail.places[number]: pair for number, pair in found.items()}

    def _wanted_places(self) -> tuple[Marks, Ints]:
        """Which places of the tail are asked for, and the entity of each."""
        entities, attributes = self.memory.tail.columns_of_places()
        wanted: Marks = np.isin(entities, np.fromiter(self.lives, np.int64, len(self.lives)))
        if self.attributes is not None:
            wanted &= np.isin(attributes, np.array(self.numbers, np.int64))
        return wanted, entities

    def _read_rows(self, picked: Mapping[Place, tuple[int, int]], read: dict[tuple[Place, int], Instance]) -> bool:
        """Read the instances of the tail that were picked and are not the state; False where some are not there any
        more and others must be picked."""
        missing = [
            (place, row, when)
            for place, (when, row) in picked.items()
            if (place, row) not in read and not self._from_state(place, row, when, read)
        ]
        rows: Iterator[Row] = self.connection.execute(_TAIL, (_json(sorted({row for _, row, _ in missing})),))
        documents = {seq: (at, orjson.loads(doc)) for seq, at, doc in rows}
        sealed, erased = [], []
        for place, row, when in missing:
            number = self.memory.tail.number(place)
            assert number is not None
            if row not in documents:
                sealed.append((number, row))
                continue
            at, document = documents[row]
            instance = _instance_of(document, place, at, when)
            if instance is None:
                erased.append((number, row))
            else:
                read[place, row] = _stamped(instance, at)
        if sealed or erased:
            self.memory.tail.drop(sealed, erased)
            return False
        return True

    def _from_state(self, place: Place, row: int, when: int, read: dict[tuple[Place, int], Instance]) -> bool:
        """The state's own instance, where it is the one that was picked, spares reading the log."""
        state = self.state.get(place)
        if state is None or "modifiedAt" not in state or time_of(state, state["modifiedAt"]) != when:
            return False
        if self.known < FOREVER or self.lives[place[0]].cut > -FOREVER:
            return False
        read[place, row] = state
        return True

    # --- before an entity was first written ----------------------------------------------------------------------

    def _back_date(self) -> None:
        """What came with an entity's creation, without a time of its own, was so before."""
        births = {n: life.birth for n, life in self.lives.items() if self.at < life.birth <= self.known}
        if not births:
            return
        for place, instance in self.state.items():
            birth = births.get(place[0])
            if birth is None or place in self.picks or instance.get("modifiedAt") != birth:
                continue
            if "observedAt" not in instance:
                self.picks[place] = _Pick(birth, None, STATE)
        for place, pair in self._born_in_tail(births).items():
            if place not in self.picks:
                self.picks[place] = _Pick(pair[0], None, -pair[1])
        series: Iterator[Row] = self.connection.execute(_SERIES, (_json(list(births)),))
        open_ = {row[0] for row in series if self._is_asked(row[1]) and row not in self.picks}
        for birth_of in self._headers(_HEADERS, sorted(open_), _BORN):
            self._pick_born(birth_of, births)

    def _is_asked(self, attribute: int) -> bool:
        return self.attributes is None or attribute in self.attributes

    def _pick_born(self, header: Row, births: Mapping[int, int]) -> None:
        n, attribute, dataset, chunk, end, points = header
        place, name = (n, attribute, dataset), (chunk, end, points)
        if place in self.picks or end < births[n]:
            return
        peek = self._opened([name])[name]
        position = peek.last(births[n])
        if position >= 0 and peek.time(position) == births[n] and "observedAt" not in peek.instance(position):
            self.picks[place] = _Pick(births[n], (name, position))

    def _born_in_tail(self, births: Mapping[int, int]) -> dict[Place, tuple[int, int]]:
        tail = self.memory.tail
        wanted, entities = self._wanted_places()
        moments = np.where(wanted, _spread(births, entities), -FOREVER)
        return {tail.places[number]: pair for number, pair in tail.standing(moments).items()}

    # --- the entities again --------------------------------------------------------------------------------------

    def _instances(self, tail: Mapping[tuple[Place, int], Instance]) -> dict[int, list[tuple[Place, Instance]]]:
        firsts, state = self._first_rows(), self.state
        chunks = {
            place: pick.chunk for place, pick in self.picks.items() if pick.chunk and self._needs_chunk(place, pick)
        }
        peeks = self._opened([name for name, _ in chunks.values()])
        found: dict[int, list[tuple[Place, Instance]]] = {}
        for place, pick in self.picks.items():
            instance: Instance | None
            chunk = chunks.get(place)
            if chunk is not None:
                instance = peeks[chunk[0]].instance(chunk[1])
            elif pick.row < 0:
                instance = firsts.get(place)
            elif pick.row > 0:
                instance = tail[place, pick.row]
            else:
                instance = state[place]
            if instance is None or "deletedAt" in instance:
                continue
            if "expiresAt" not in instance or expiry_of(instance) > self.now:
                found.setdefault(place[0], []).append((place, instance))
        return found

    def _needs_chunk(self, place: Place, pick: _Pick) -> bool:
        """Whether a pick of a chunk is to be read from it: not where the state holds the same instance."""
        state = self.state.get(place)
        if state is None or "modifiedAt" not in state or self.known < FOREVER:
            return True
        return self.lives[place[0]].cut > -FOREVER or time_of(state, state["modifiedAt"]) != pick.time

    def _first_rows(self) -> dict[Place, Instance]:
        wanted = {place: -pick.row for place, pick in self.picks.items() if pick.chunk is None and pick.row < 0}
        rows: Iterator[Row] = self.connection.execute(_TAIL, (_json(sorted(set(wanted.values()))),))
        documents = {seq: (at, orjson.loads(doc)) for seq, at, doc in rows}
        found = {}
        for place, row in wanted.items():
            at, document = documents.get(row, (0, {}))
            instance = _instance_of(document, place, at, self.picks[place].time)
            if instance is not None and "observedAt" not in instance:
                found[place] = _stamped(instance, at)
        return found

    def _entity(self, n: int, found: Sequence[tuple[Place, Instance]]) -> Entity | None:
        life = self.lives[n]
        if not life.covered and not any("observedAt" in instance for _, instance in found):
            return None
        _, id, types, scopes, created, _, _, *_ = life.row
        attributes: Attributes = {}
        iris, scope, had, modified = self.names.iris, self.names.number(SCOPE), scopes, 0
        for (_, number, _), instance in found:
            if number == scope:
                had = orjson.dumps(instance.get("value", [])).decode()
                continue
            recorded: int = instance["modifiedAt"]
            if recorded > modified:
                modified = recorded
            name = iris[str(number)]
            if name in attributes:
                attributes[name] = [*instances(attributes[name]), instance]
            else:
                attributes[name] = instance
        return Entity(
            id=id,
            types=self.names.decode_types(types),
            attributes=attributes,
            scopes=() if had is None else tuple(orjson.loads(had)),
            created=created if created <= self.at else life.birth,
            modified=min(modified or life.birth, max(self.at, life.birth)),
        )


def _instance_of(document: Mapping[str, Any], place: Place, at: int, when: int) -> Instance | None:
    """The last instance of a series and a time in a row of the tail."""
    _, number, dataset = place
    fitting = [
        instance
        for instance in instances(document.get(str(number)))
        if instance.get("datasetId", "") == dataset and time_of(instance, at) == when
    ]
    return fitting[-1] if fitting else None


def _stamped(instance: Instance, at: int) -> Instance:
    """An instance of the tail as it was written, with its times; those of the past alone have none there."""
    if "modifiedAt" in instance or "deletedAt" in instance:
        return instance
    plain = {name: item for name, item in instance.items() if name not in ("instanceId", FIRST_RECORDED)}
    return {**plain, "createdAt": instance.get(FIRST_RECORDED, at), "modifiedAt": at}


def _spread(of_entity: Mapping[int, int], entities: Ints) -> Ints:
    """The number that is told of each entity, -FOREVER where none is."""
    if not of_entity:
        return np.full(len(entities), -FOREVER, np.int64)
    order = np.array(sorted(of_entity), np.int64)
    told = np.array([of_entity[n] for n in order.tolist()], np.int64)
    place = np.minimum(np.searchsorted(order, entities), len(order) - 1)
    spread: Ints = np.where(order[place] == entities, told[place], -FOREVER)
    return spread


def _json(values: Sequence[Any]) -> str:
    return orjson.dumps(list(values)).decode()
