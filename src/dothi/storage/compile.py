"""Compiles an entity query to one SELECT over the tables of a city's file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dothi.model.match import DEFAULT_DATASET, ending
from dothi.model.ordering import ABSENT, BOOLEAN, NUMBER, TEXT, Placing
from dothi.model.pattern import compile_pattern
from dothi.model.query import AllOf, AttributePath, EntityQuery, GeoQuery, Name, Order, Selection, Selector
from dothi.model.relation import RADIUS, GeoTest, reach, rectangle
from dothi.model.selection import names, scope_expression
from dothi.storage.terms import Bind, alive, condition, key

Number = Callable[[str], "int | None"]

COLUMNS: Final = "e.n, e.id, e.modified"
#: A box of so few degrees on each side, about 11 m, and more metres than lie between any of its points and its corner,
#: which is rounded to float32 (1.7 m).
_SMALL, _SLACK = 0.0001, 25.0
#: Metres within which the plane is used at all.
_FLAT = 200_000
#: What an entity itself can be ordered by.
_COLUMNS: Final = {
    "id": "e.id",
    "type": "(SELECT iri FROM name WHERE n = e.types ->> 0)",
    "createdAt": "e.created",
    "modifiedAt": "e.modified",
    "expiresAt": "e.expires IS NULL, e.expires",
}
_ALIVE: Final = alive("e")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement and its values for a connection that `functions.register` has seen; `empty`: nothing can match,
    there is no statement to run."""

    sql: str
    parameters: tuple[Any, ...]
    empty: bool = False


class _Never(Exception):
    """A part of the query that no entity can meet."""


def compile_entities(query: EntityQuery, number: Number, *, count: bool = False) -> Compiled:
    """One page of the matching entities (columns n, id, modified), living ones only,
    ordered by n or by `query.order`; with `count` one row with their number, whatever the page.

    `number` gives the number of a name, None where the file never saw it. The text of the statement depends on the
    query's shape alone, so that SQLite's statement cache serves all queries of that shape. Raises BadRequestData for
    a pattern that cannot be run.
    """
    select = _Select(number)
    try:
        source, conditions = select.source(query)
    except _Never:
        return Compiled("", (), empty=True)
    where = " AND ".join([*conditions, _ALIVE])
    if count:
        # The limit says nothing, but uses the last value: those of alternatives that fell away before it are let be.
        sql = f"SELECT count(*) FROM {source} WHERE {where} LIMIT {select.bind(1)}"
    else:
        order = "".join(f"{term}, " for key in query.order if (term := select.order(key, query.dataset_ids)))
        page = f"LIMIT {select.bind(query.limit)} OFFSET {select.bind(query.offset)}"
        sql = f"SELECT {COLUMNS} FROM {source} WHERE {where} ORDER BY {order}{select.walked} {page}"
    return Compiled(sql, tuple(select.parameters))


class _Select:
    """Gathers the values of one statement while its text is made."""

    def __init__(self, number: Number) -> None:
        self.number = number
        #: What the rows come ordered by when they are simply walked; SQLite does not see that it is e.n.
        self.walked = "e.n"
        self.parameters: list[Any] = []

    def bind(self, value: object) -> str:
        """A placeholder. Equal values get one each, or the text would depend on the values."""
        self.parameters.append(value)
        return f"?{len(self.parameters)}"

    def name(self, iri: str) -> int:
        number = self.number(iri)
        if number is None:
            raise _Never
        return number

    # --- which rows are looked at, in the order of what usually leaves the fewest ---------------------------------

    def source(self, query: EntityQuery) -> tuple[str, list[str]]:
        """The FROM part, and the conditions; the first of them, or the join, is the one that finds the rows.

        A set of row numbers is written `e.n IN (SELECT ...)`: SQLite makes it once, sorted, and then walks entities
        in order without sorting them, so that LIMIT stops early. It would not find the R*Tree by itself: with an
        index on types at hand it ignores it, even after ANALYZE.
        """
        source, conditions = "entity AS e", list(self._sets(query))
        if query.types is not None and conditions:
            conditions.append(self._selected(query.types, self._type))
        elif query.types is not None:
            source, conditions = self._by_type(query.types)
        conditions.extend(self._filters(query))
        return source, conditions

    def _sets(self, query: EntityQuery) -> Iterator[str]:
        if query.ids:
            yield self._ids(query.ids)
        if query.geo is not None:
            yield _Place(self, query.geo).condition()
        if query.scope is not None:
            yield self._scopes(query.scope, first=not query.ids and query.geo is None)

    def _filters(self, query: EntityQuery) -> Iterator[str]:
        if query.selectors:
            yield self._any_of(query.selectors)
        if query.attributes:
            yield self._attributes(query)
        if query.id_pattern is not None:
            yield self._pattern(query.id_pattern)
        if query.q is not None:
            found = condition(query.q, self.bind, self.number, query.dataset_ids)
            if found is None:
                raise _Never
            yield found

    def _any_of(self, selectors: tuple[Selector, ...]) -> str:
        found = []
        for selector in selectors:
            try:
                found.append(" AND ".join(self._selector(selector)) or "TRUE")
            except _Never:
                continue
        if not found:
            raise _Never
        return "(" + " OR ".join(found) + ")"

    def _selector(self, selector: Selector) -> Iterator[str]:
        if selector.ids:
            yield self._ids(selector.ids)
        if selector.types is not None:
            yield self._selected(selector.types, self._type)
        if selector.id_pattern is not None:
            yield self._pattern(selector.id_pattern)

    def _pattern(self, pattern: str) -> str:
        return f"pattern_found({self.bind(apsw.pyobject(compile_pattern(pattern)))}, e.id)"

    def _ids(self, ids: tuple[str, ...]) -> str:
        if len(ids) == 1:
            return f"e.id = {self.bind(ids[0])}"
        return f"e.id IN (SELECT value FROM json_each({self.bind(json.dumps(ids))}))"

    def _attributes(self, query: EntityQuery) -> str:
        found = []
        for iri in query.attributes:
            number = self.number(iri)
            if number is not None:
                found.append(self._attribute(f'$."{number}"', query.dataset_ids))
        if not found:
            raise _Never
        return "(" + " OR ".join(found) + ")"

    def _attribute(self, path: str, datasets: tuple[str, ...]) -> str:
        at = self.bind(path)
        if not datasets:
            return f"json_type(e.doc, {at}) IS NOT NULL"
        wanted, default = ", ".join(map(self.bind, datasets)), self.bind(DEFAULT_DATASET)
        array = f"CASE json_type(e.doc, {at}) WHEN 'object' THEN json_array(json_extract(e.doc, {at}))"
        rows = f"json_each({array} ELSE e.doc -> {at} END) AS a"
        return f"EXISTS (SELECT 1 FROM {rows} WHERE coalesce(a.value ->> '$.datasetId', {default}) IN ({wanted}))"

    # --- types and scopes -----------------------------------------------------------------------------------------

    def _by_type(self, selection: Selection) -> tuple[str, list[str]]:
        """Types as what finds the rows: entities of one type are walked in order, those of several gathered first."""
        leader = _leader(selection)
        if leader is not None:
            source = "entity_type AS d CROSS JOIN entity AS e ON e.n = d.entity"
            self.walked = "d.entity"
            rest = [] if isinstance(selection, Name) else [self._selected(selection, self._type)]
            return source, [f"d.type = {self.bind(self.name(leader))}", *rest]
        known = [number for number in map(self.number, names(selection)) if number is not None]
        if not known:
            raise _Never
        some = f"e.n IN (SELECT entity FROM entity_type WHERE type IN ({', '.join(map(self.bind, known))}))"
        return "entity AS e", [some, self._selected(selection, self._type)]

    def _type(self, iri: str) -> str:
        number = self.name(iri)
        of_several = f"EXISTS (SELECT 1 FROM entity_type WHERE type = {self.bind(number)} AND entity = e.n)"
        return f"(e.types = {self.bind(f'[{number}]')} OR {of_several})"

    def _scopes(self, selection: Selection, *, first: bool) -> str:
        if first and not _has_all(selection):
            any_of = " OR ".join(self._scope(pattern) for pattern in names(selection))
            return f"e.n IN (SELECT entity FROM entity_scope WHERE {any_of})"
        row = "EXISTS (SELECT 1 FROM json_each(e.scopes) AS s CROSS JOIN entity_scope ON scope = s.value"
        return self._selected(selection, lambda pattern: f"{row} AND entity = e.n WHERE {self._scope(pattern)})")

    def _scope(self, pattern: str) -> str:
        """The condition on a row of entity_scope; a range of the key wherever the pattern's start is plain."""
        expression = scope_expression(pattern)
        if expression is None:
            return f"scope = {self.bind(pattern)}"
        start = pattern[: min(pattern.find(mark) for mark in "+#" if mark in pattern)].removesuffix("/")
        # "0" is the character after "/".
        inside = f"scope >= {self.bind(start + '/')} AND scope < {self.bind(start + '0')}"
        if pattern == start + "/#":
            return f"(scope = {self.bind(start)} OR ({inside}))"
        return f"({inside} AND pattern_found({self.bind(apsw.pyobject(compile_pattern(expression)))}, scope))"

    def _selected(self, selection: Selection, leaf: Callable[[str], str]) -> str:
        if isinstance(selection, Name):
            return leaf(selection.text)
        found = []
        for part in selection.parts:
            try:
                found.append(self._selected(part, leaf))
            except _Never:
                if isinstance(selection, AllOf):
                    raise
        if not found:
            raise _Never
        return "(" + (" AND " if isinstance(selection, AllOf) else " OR ").join(found) + ")"

    # --- order ----------------------------------------------------------------------------------------------------

    def order(self, order: Order, datasets: tuple[str, ...]) -> str:
        """The terms of ORDER BY for one key: rank of the data type (clause 4.23.2), then the value; '' if never seen.

        Numbers, texts and booleans of an only instance are ranked in SQL, all else by model.ordering. What is absent
        comes last in either direction.
        """
        direction = " DESC" if order.descending else ""
        first = order.path.names[0]
        if len(order.path.names) == 1 and first in _COLUMNS:
            return f"{_COLUMNS[first]}{direction}"
        attribute = self.number(first)
        if attribute is None:
            return ""
        placing = self.bind(apsw.pyobject(Placing(order, datasets)))
        top = f'$."{attribute}"'
        place = self.bind(top)
        rank, value = (f"order_{what}({placing}, e.doc -> {place})" for what in ("rank", "value"))
        if not datasets and not ending(order.path):
            at = self.bind(_value_at(top, order.path))
            kind = f"json_type(e.doc, {at})"
            plain = f"order_text({placing}, e.doc ->> {at})" if order.collation else f"e.doc ->> {at}"
            ranks = f"WHEN 'integer' THEN {NUMBER} WHEN 'real' THEN {NUMBER} WHEN 'text' THEN {TEXT}"
            rank = f"CASE {kind} {ranks} WHEN 'true' THEN {BOOLEAN} WHEN 'false' THEN {BOOLEAN} ELSE {rank} END"
            value = f"CASE WHEN {kind} IN ('integer', 'real', 'text', 'true', 'false') THEN {plain} ELSE {value} END"
        known = f"json_type(e.doc, {place}) IS NULL"
        return (
            f"CASE WHEN {known} THEN {ABSENT} ELSE {rank} END, CASE WHEN {known} THEN NULL ELSE {value} END{direction}"
        )


def _value_at(top: str, path: AttributePath) -> str:
    """Where a Property that is the only instance has the value to order by."""
    return top + "".join(map(key, (*path.names[1:], "value", *path.members)))


def _leader(selection: Selection) -> str | None:
    """A type that every match has, whose entities can be walked in order."""
    if isinstance(selection, Name):
        return selection.text
    first = selection.parts[0] if isinstance(selection, AllOf) else None
    return first.text if isinstance(first, Name) else None


def _has_all(selection: Selection) -> bool:
    return isinstance(selection, AllOf) or any(_has_all(part) for part in getattr(selection, "parts", ()))


def _square(metres: float) -> float:
    """Below 0 what no square is as small as."""
    return metres * metres if metres >= 0 else -1.0


class _Place:
    """A geo query as a condition: the R*Tree finds the boxes, the exact test decides."""

    def __init__(self, select: _Select, geo: GeoQuery) -> None:
        self.geo = geo
        self.bind: Bind = select.bind
        self.test = GeoTest(geo)
        attribute = select.name(geo.property)
        self.attribute = select.bind(attribute)
        self.path = select.bind(f'$."{attribute}"')
        self.object = select.bind(apsw.pyobject(self.test))

    def condition(self) -> str:
        around = self.test.box()
        if around is None:
            # No box to look into: nearly all entities match, and a page of them is soon full.
            return f"geo_any({self.object}, e.doc -> {self.path})"
        west, south, east, north = map(self.bind, around)
        doc = f"(SELECT x.doc -> {self.path} FROM entity AS x WHERE x.n = p.id >> 32)"
        return (
            f"e.n IN (SELECT p.id >> 32 FROM place AS p WHERE p.west <= {east} AND p.east >= {west} "
            f"AND p.south <= {north} AND p.north >= {south} AND p.id >> 8 & 16777215 = {self.attribute} "
            f"AND {self._by_box(self._exact(doc))})"
        )

    def _by_box(self, exact: str) -> str:
        """Lets the box of a place decide where it can, since exact coordinates are a look into another table."""
        geo = self.geo
        if geo.relation == "near" and self.test.is_point:
            return self._by_corner(exact)
        around = rectangle(geo)
        if around is not None and geo.relation in ("within", "intersects"):
            west, south, east, north = map(self.bind, around)
            inside = f"p.west > {west} AND p.east < {east} AND p.south > {south} AND p.north < {north}"
            return f"CASE WHEN {inside} THEN 1 ELSE {exact} END"
        return exact

    def _by_corner(self, exact: str) -> str:
        """The corner of a small box decides for all in it, measured in the plane, unless the limit is near.

        The plane's error over a distance d is less than d²/R (1 + tan |latitude|), for d in these bounds.
        """
        lon, lat = self.geo.geometry["coordinates"][:2]
        low, high = self.geo.min_distance, self.geo.max_distance
        if high is None or high > _FLAT or abs(lat) > 80 or abs(lon) > 175:
            return exact
        slack = _SLACK + high * high / RADIUS * (1 + math.tan(math.radians(abs(lat))))
        along = self.bind(math.radians(1) * RADIUS * math.cos(math.radians(lat)))
        up = self.bind(math.radians(1) * RADIUS)
        x, y = f"(p.west - {self.bind(lon)}) * {along}", f"(p.south - {self.bind(lat)}) * {up}"
        square = f"({x}) * ({x}) + ({y}) * ({y})"
        sure, never = (
            [f"{square} <= {self.bind(_square(high - slack))}"],
            [f"{square} > {self.bind((high + slack) ** 2)}"],
        )
        if low is not None:
            sure.append(f"{square} > {self.bind((low + slack) ** 2)}")
            never.append(f"{square} <= {self.bind(_square(low - slack))}")
        is_small = f"p.east - p.west < {_SMALL} AND p.north - p.south < {_SMALL}"
        return (
            f"CASE WHEN NOT ({is_small}) THEN {exact} WHEN {' AND '.join(sure)} THEN 1 "
            f"WHEN {' OR '.join(never)} THEN 0 ELSE {exact} END"
        )

    def _exact(self, instances: str) -> str:
        return f"CASE WHEN p.lon IS NULL THEN geo_any({self.object}, {instances}) ELSE {self._point()} END"

    def _point(self) -> str:
        """The exact test of a Point at (p.lon, p.lat): arithmetic where that is all it takes."""
        if self.geo.relation == "near" and self.test.is_point:
            return self._near()
        around = rectangle(self.geo)
        if around is not None and self.geo.relation in ("within", "intersects"):
            west, south, east, north = map(self.bind, around)
            more, less = (">", "<") if self.geo.relation == "within" else (">=", "<=")
            return f"p.lon {more} {west} AND p.lon {less} {east} AND p.lat {more} {south} AND p.lat {less} {north}"
        return f"geo_point({self.object}, p.lon, p.lat)"

    def _near(self) -> str:
        """The haversine of model.relation, term for term."""
        lon, lat = self.geo.geometry["coordinates"][:2]
        half = self.bind(math.pi / 360)
        up, along = f"sin((p.lat - {self.bind(lat)}) * {half})", f"sin((p.lon - {self.bind(lon)}) * {half})"
        cosine = self.bind(math.cos(math.radians(lat)))
        central = f"({up} * {up} + {cosine} * cos(radians(p.lat)) * {along} * {along})"
        low, high = self.geo.min_distance, self.geo.max_distance
        tests = [] if high is None else [f"{central} <= {self.bind(reach(high))}"]
        if low is not None:
            tests.append(f"{central} > {self.bind(reach(low))}")
        return " AND ".join(tests)
