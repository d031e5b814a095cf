"""A mapping bound to a header: turns rows into entities, or into the past of entities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dothi.connectors import places, times
from dothi.connectors.base import Batch
from dothi.connectors.cells import Convert, converter
from dothi.connectors.mapping import Column, Mapping, columns_named, fields, fill
from dothi.connectors.names import id_part
from dothi.model.errors import InvalidRequest
from dothi.model.reading import Document, Trouble
from dothi.model.values import is_uri

#: A batch is handed on when it holds this many attribute instances, or entities.
BATCH_VALUES = 2_500
BATCH_ENTITIES = 500
#: datasetId of the second, third ... row of one time, where the mapping keeps repeats.
REPEAT = "urn:ngsi-ld:dataset:repeat-{}"

Row = Sequence[Any]
#: Row -> name and GeoProperty of its place, None where it has none.
Locate = Callable[[Row], "tuple[str, dict[str, Any]] | None"]


@dataclass(frozen=True, slots=True)
class _Cell:
    """One mapped column: where it stands, what it becomes, and the members that every instance of it has."""

    index: int
    header: str
    attribute: str
    member: str
    convert: Convert
    base: dict[str, Any]
    missing: frozenset[Any]


@dataclass(slots=True)
class _Owner:
    """An entity that a row speaks of: the template of its id and its columns."""

    template: str
    places: dict[str, int]
    cells: list[_Cell] = field(default_factory=list)

    def id(self, line: int, row: Row) -> str:
        if not self.places:
            return self.template
        values = {name: str(line) if index < 0 else id_part(row[index]) for name, index in self.places.items()}
        if blank := [name for name, value in values.items() if not value]:
            raise ValueError(f"column {blank[0]!r} is empty, but the id is made from it")
        id = fill(self.template, values)
        if not is_uri(id):
            raise ValueError(f"id {id!r} is no URI")
        return id


class Plan:
    """Turns the rows of one file into batches. Raises InvalidRequest when the mapping does not fit the header.

    `locate` says where a row is, in place of the mapping's lon and lat columns.
    """

    def __init__(self, mapping: Mapping, header: Sequence[str], file: str, locate: Locate | None = None) -> None:
        self.mapping = mapping
        self.file = file
        self.width = len(header)
        self._index = {name: index for index, name in reversed(list(enumerate(header)))}
        self._check(header)
        self._missing = frozenset({*mapping.source.missing, None})
        self._owners = self._bind_owners()
        self._keep = [(self._index[name], frozenset(cells)) for name, cells in mapping.keep.items()]
        self._constants = {name: _constant(value) for name, value in mapping.constants.items()}
        self._time = self._bind_time()
        self._place = locate or self._bind_place()
        self._introduced: set[str] = set()
        self._last: dict[str, tuple[str, int]] = {}
        self.repeats = 0

    def batches(
        self, rows: Iterable[tuple[int, Row]], problems: list[Trouble], done: Callable[[], int]
    ) -> Iterator[Batch]:
        """Batches of the rows; a row that is wrong anywhere is left out whole and told with file:line.

        `problems` may be filled by the source of the rows meanwhile; each batch takes what is in it.
        """
        gather = self._gather_history if self.mapping.entity.history else self._gather_states
        batch = Batch(context=self.mapping.entity.context)
        groups: dict[str, Document] = {}
        for line, row in rows:
            try:
                batch.values += gather(line, row, groups, batch)
            except ValueError as fault:
                problems.append(
                    Trouble(f"{self.file}:{line}", str(fault), "mend the line, or the mapping; the row is left out")
                )
            if batch.values >= BATCH_VALUES or len(groups) >= BATCH_ENTITIES or len(problems) >= BATCH_ENTITIES:
                yield self._close(batch, groups, problems, done())
                batch, groups = Batch(context=self.mapping.entity.context), {}
        yield self._close(batch, groups, problems, done())

    def _close(self, batch: Batch, groups: dict[str, Document], problems: list[Trouble], done: int) -> Batch:
        batch.entities = list(groups.values())
        batch.problems = problems[:]
        batch.done = done
        problems.clear()
        return batch

    # --- one row -------------------------------------------------------------------------------------------------

    def _gather_history(self, line: int, row: Row, groups: dict[str, Document], batch: Batch) -> int:
        if len(row) != self.width:
            row = self._fit(row)
        if not self._is_kept(row):
            return 0
        assert self._time is not None
        observed = self._time(row)
        made = [(owner.id(line, row), _values(owner.cells, row, self._missing, observed)) for owner in self._owners]
        count = 0
        for id, instances in made:
            document = groups.get(id)
            if document is None:
                document = groups[id] = self._introduce(id, line, row, batch)
            dataset = self._dataset(id, observed)
            for name, instance in instances:
                if dataset is not None:
                    instance["datasetId"] = dataset
                held = document.get(name)
                if held is None:
                    document[name] = [instance]
                else:
                    held.append(instance)
            count += len(instances)
        return count

    def _gather_states(self, line: int, row: Row, groups: dict[str, Document], batch: Batch) -> int:
        if len(row) != self.width:
            row = self._fit(row)
        if not self._is_kept(row):
            return 0
        observed = self._time(row) if self._time else None
        made = [(owner.id(line, row), _values(owner.cells, row, self._missing, observed)) for owner in self._owners]
        place = self._place(row) if self._place else None
        for id, instances in made:
            document = groups.setdefault(id, {"id": id, "type": self.mapping.entity.type, **self._constants})
            batch.origins[id] = f"{self.file}:{line}"
            document.update(instances)
            if place is not None:
                document[place[0]] = place[1]
        return sum(len(instances) for _, instances in made) + len(self._constants) + (place is not None)

    def _introduce(self, id: str, line: int, row: Row, batch: Batch) -> Document:
        """A document of history; what does not change with time comes with the first one of each entity only."""
        batch.origins[id] = f"{self.file}:{line}"
        document: Document = {"id": id, "type": self.mapping.entity.type}
        if id not in self._introduced:
            self._introduced.add(id)
            document.update(self._constants)
            place = self._place(row) if self._place else None
            if place is not None:
                document[place[0]] = place[1]
        return document

    def _dataset(self, id: str, observed: str) -> str | None:
        last = self._last.get(id)
        if last is None or last[0] != observed:
            self._last[id] = (observed, 1)
            return None
        self.repeats += 1
        nth = last[1] + 1
        self._last[id] = (observed, nth)
        return REPEAT.format(nth) if self.mapping.entity.repeats == "keep" else None

    def _is_kept(self, row: Row) -> bool:
        return all(row[index] in cells for index, cells in self._keep)

    def _fit(self, row: Row) -> Row:
        """A row with empty cells too many, cut; any other wrong length is a fault of the row."""
        if len(row) > self.width and not any(row[self.width :]):
            return row[: self.width]
        raise ValueError(f"has {len(row)} cells, the header has {self.width}")

    # --- binding -------------------------------------------------------------------------------------------------

    def _check(self, header: Sequence[str]) -> None:
        absent = [name for name in columns_named(self.mapping) if name not in self._index]
        if absent:
            raise InvalidRequest(
                f"{self.file}: the mapping speaks of {', '.join(map(repr, absent))}, "
                f"but the file has the columns {', '.join(map(repr, header))}"
            )

    def _bind_owners(self) -> list[_Owner]:
        owners: dict[str, _Owner] = {}
        for name, column in self.mapping.columns.items():
            template = column.entity or self.mapping.entity.id or ""
            owner = owners.setdefault(template, self._owner(template))
            owner.cells.append(self._cell(name, column))
        if not owners and self.mapping.entity.id:
            return [self._owner(self.mapping.entity.id)]
        return list(owners.values())

    def _owner(self, template: str) -> _Owner:
        return _Owner(template, {name: self._index.get(name, -1) for name in fields(template)})

    def _cell(self, name: str, column: Column) -> _Cell:
        member, convert = converter(column, self.mapping.source)
        base: dict[str, Any] = {"type": "Relationship" if member == "object" else "Property"}
        if column.unit:
            base["unitCode"] = column.unit
        missing = self._missing | frozenset(column.missing)
        return _Cell(self._index[name], name, column.attribute, member, convert, base, missing)

    def _bind_time(self) -> Callable[[Row], str] | None:
        time = self.mapping.time
        if time is None:
            return None
        read = times.time_reader(time.format, time.zone)
        index = self._index[time.column]
        clock = self._index[time.clock] if time.clock else None

        def observed(row: Row) -> str:
            cell = row[index] if clock is None else f"{row[index]} {row[clock]}"
            try:
                return read(cell)
            except ValueError as fault:
                raise ValueError(f"column {time.column!r}: {fault}") from None

        return observed

    def _bind_place(self) -> Locate | None:
        place = self.mapping.place
        if place is None or place.lon is None or place.lat is None:
            return None
        lon, lat, move, missing = self._index[place.lon], self._index[place.lat], places.mover(place.crs), self._missing
        comma = self.mapping.source.decimal == ","

        def located(row: Row) -> tuple[str, dict[str, Any]] | None:
            x, y = row[lon], row[lat]
            if x in missing and y in missing:
                return None
            if comma:
                x, y = str(x).replace(",", "."), str(y).replace(",", ".")
            return place.attribute, {"type": "GeoProperty", "value": places.point(x, y, move)}

        return located


def _values(
    cells: list[_Cell], row: Row, missing: frozenset[Any], observed: str | None
) -> list[tuple[str, dict[str, Any]]]:
    made = []
    for cell in cells:
        raw = row[cell.index]
        if raw.__class__ is not list and raw.__class__ is not dict and raw in cell.missing:
            continue
        try:
            value = cell.convert(raw)
        except ValueError as fault:
            raise ValueError(f"column {cell.header!r}: {fault}") from None
        instance = cell.base.copy()
        instance[cell.member] = value
        if observed is not None:
            instance["observedAt"] = observed
        made.append((cell.attribute, instance))
    return made


def _constant(value: Any) -> dict[str, Any]:
    """An attribute of a mapping's [constants]: an attribute written out, or its plain value."""
    if isinstance(value, dict) and not value.keys().isdisjoint({"value", "object", "languageMap", "vocab", "json"}):
        return value
    return {"type": "Property", "value": value}
