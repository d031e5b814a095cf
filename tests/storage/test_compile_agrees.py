"""The two readers of a query, SQL and memory, must agree on any entities and any query."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import apsw
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dothi.model.collation import Collation
from dothi.model.entity import Entity, each_instance
from dothi.model.geo import LOCATION, box
from dothi.model.instant import format_instant
from dothi.model.match import compile_match, matches
from dothi.model.ordering import in_order
from dothi.model.query import (
    AllOf,
    And,
    AnyOf,
    AttributePath,
    Compare,
    DateTimeLiteral,
    EntityQuery,
    Exists,
    GeoQuery,
    LinkedPath,
    Name,
    Or,
    Order,
    Range,
    Selector,
    UriLiteral,
)
from dothi.storage.compile import compile_entities
from dothi.storage.functions import register
from dothi.storage.migrate import migrate

NAMES = ["https://x/a", "https://x/b", 'https://x/c"\\d', "https://x/đường"]
SUBS = ["https://x/s", "https://x/t"]
TYPES = ["https://x/T", "https://x/U", "https://x/V"]
SCOPES = ["/a", "/a/b", "/a/b/c", "/a/d/c", "/e", "/ab"]
DATASETS = ["urn:d:1", "urn:d:2"]
NEVER_SEEN = "https://x/never"
NOON = 1_769_860_800_000_000

# Few values, so that equality and boundaries happen often.
micros = st.sampled_from([NOON, NOON + 1, NOON + 500_000, NOON - 1_000_000, 0])
times = st.sampled_from(
    [format_instant(NOON), format_instant(NOON + 500_000), "2026-01-31T12:00:00.50Z", "2026-01-31T19:00:00+07:00"]
)
texts = (
    st.sampled_from(
        [
            "red",
            "green",
            "",
            "1",
            "true",
            "Đỏ",
            "urn:x:1",
            "2026-01-31",
            "12:00:00Z",
            "12:00:00,5Z",
            "2026-13-01T00:00:00Z",
        ]
    )
    | times
)
numbers = st.sampled_from([0, 1, -1, 2, 1.0, 1.5, 0.1, 2**53 + 1, -2.5e-7, 10**18]) | st.integers(-3, 3)
scalars = numbers | texts | st.booleans()
values: st.SearchStrategy[Any] = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.builds(lambda value: {"@type": "DateTime", "@value": value}, times),
    st.dictionaries(
        st.sampled_from(["m", "n.o", "@value"]), scalars | st.fixed_dictionaries({"p": scalars}), max_size=2
    ),
)


def point(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


coordinates = st.tuples(
    st.sampled_from([0.0, 1.0, 2.0, 106.6, 179.9, -179.9]) | st.floats(-180, 180),
    st.sampled_from([0.0, 1.0, 2.0, 10.9, 89.9]) | st.floats(-90, 90),
)
geometries = st.one_of(
    coordinates.map(lambda at: point(*at)),
    st.lists(coordinates.map(list), min_size=2, max_size=3, unique_by=tuple).map(
        lambda row: {"type": "LineString", "coordinates": row}
    ),
    st.tuples(st.sampled_from([0.0, 1.0, 106.6]), st.sampled_from([0.0, 1.0]), st.sampled_from([1.0, 2.0])).map(
        lambda at: square(*at)
    ),
    st.sampled_from([0.0, 1.0]).map(lambda west: ring(west, 0.0)),
    st.lists(st.sampled_from([0.0, 2.0, 4.0]), min_size=2, max_size=3, unique=True).map(
        lambda wests: {"type": "MultiPolygon", "coordinates": [square(west, 0.0, 1.0)["coordinates"] for west in wests]}
    ),
    st.lists(coordinates.map(list), min_size=1, max_size=3).map(
        lambda spots: {"type": "MultiPoint", "coordinates": spots}
    ),
)


def ring(west: float, south: float) -> dict[str, Any]:
    """A square of three degrees with a hole of one in its middle."""
    outer, inner = square(west, south, 3.0)["coordinates"], square(west + 1, south + 1, 1.0)["coordinates"]
    return {"type": "Polygon", "coordinates": [*outer, *inner]}


def square(west: float, south: float, size: float) -> dict[str, Any]:
    east, north = west + size, south + size
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


def kind(type: str, **members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(type), **members})


#: The ids of entities, which is where relationships can lead.
IDS = [f"urn:x:{n}" for n in range(5)]

texts_or_lists = texts | st.lists(texts, max_size=2)
uris = st.sampled_from(["urn:x:1", "urn:x:2", "red"])
plain = st.one_of(
    kind("Property", value=values),
    kind("Relationship", object=uris | st.lists(uris, min_size=1, max_size=2)),
    kind("LanguageProperty", languageMap=st.dictionaries(st.sampled_from(["en", "vi"]), texts_or_lists, max_size=2)),
    kind("VocabProperty", vocab=uris | st.lists(uris, min_size=1, max_size=2)),
    kind("JsonProperty", json=values | st.none()),
    kind("ListProperty", valueList=st.lists(scalars, max_size=3)),
    kind("ListRelationship", objectList=st.lists(uris.map(lambda uri: {"object": uri}), max_size=2)),
    kind("GeoProperty", value=geometries),
)


@st.composite
def instances(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]] = plain, depth: int = 2) -> dict[str, Any]:
    made = dict(draw(inner))
    if draw(st.booleans()):
        made["observedAt"] = draw(times)
    if draw(st.booleans()):
        made["unitCode"] = draw(st.sampled_from(["CEL", "1"]))
    if depth == 2:
        made["createdAt"] = draw(micros)
    if depth and draw(st.booleans()):
        made[draw(st.sampled_from(SUBS))] = draw(several(depth - 1))
    return made


@st.composite
def several(draw: st.DrawFn, depth: int = 2, inner: st.SearchStrategy[dict[str, Any]] = plain) -> Any:
    first = draw(instances(inner, depth))
    if draw(st.integers(0, 3)):
        return first
    second = dict(draw(instances(inner, depth)))
    second["datasetId"] = draw(st.sampled_from(DATASETS))
    return [first, second]


@st.composite
def entities(draw: st.DrawFn) -> list[Entity]:
    made = []
    for n in range(draw(st.integers(1, 5))):
        attributes = draw(st.dictionaries(st.sampled_from(NAMES), several(), max_size=3))
        if draw(st.booleans()):
            attributes[LOCATION] = draw(several(0, kind("GeoProperty", value=geometries)))
        made.append(
            Entity(
                f"urn:x:{n}",
                tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=2, unique=True))),
                attributes,
                tuple(draw(st.lists(st.sampled_from(SCOPES), max_size=2, unique=True))),
                draw(micros),
                draw(micros),
            )
        )
    return made


paths = st.one_of(
    st.builds(
        lambda names, end, members: AttributePath((*names, end) if end else tuple(names), () if end else members),
        st.tuples(st.sampled_from([*NAMES, LOCATION])) | st.tuples(st.sampled_from(NAMES), st.sampled_from(SUBS)),
        st.sampled_from([None, None, "unitCode", "datasetId"]),
        st.sampled_from([(), (), ("m",), ("n.o", "p"), ("en",), ("*",)]),
    ),
    st.just(AttributePath((NEVER_SEEN,))),
)
timed_paths = st.one_of(
    st.builds(
        lambda names, end: AttributePath((*names, end)),
        st.tuples(st.sampled_from(NAMES)) | st.tuples(st.sampled_from(NAMES), st.sampled_from(SUBS)),
        st.sampled_from(["observedAt", "createdAt"]),
    ),
    st.sampled_from([AttributePath(("createdAt",)), AttributePath(("modifiedAt",))]),
)
instants = micros.map(lambda at: DateTimeLiteral(format_instant(at), at))
ordered = st.one_of(
    numbers,
    texts,
    instants,
    st.sampled_from([DateTimeLiteral("2026-01-31", None), DateTimeLiteral("12:00:00.5Z", None)]),
)
ranges = st.one_of(
    st.builds(Range, numbers, numbers), st.builds(Range, texts, texts), st.builds(Range, instants, instants)
)
literals = ordered | st.booleans() | uris.map(UriLiteral) | ranges
orders = st.sampled_from([">", ">=", "<", "<="])
equalities = st.sampled_from(["==", "!="])
terms = st.one_of(
    st.builds(Exists, paths | timed_paths, st.booleans()),
    st.builds(Compare, paths, equalities, st.lists(literals, min_size=1, max_size=3).map(tuple)),
    st.builds(Compare, paths, orders, st.tuples(ordered)),
    st.builds(
        Compare, paths, st.sampled_from(["~=", "!~="]), st.tuples(st.sampled_from(["r", "^red$", "Đ|^$", "[0-9]"]))
    ),
    st.builds(Compare, timed_paths, equalities, st.tuples(instants | st.builds(Range, instants, instants))),
    st.builds(Compare, timed_paths, orders, st.tuples(instants)),
)
queries = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=4,
)


def selections(leaves: list[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.sampled_from(leaves).map(Name),
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: AllOf(tuple(parts))),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        ),
        max_leaves=4,
    )


relations = st.sampled_from(["within", "contains", "intersects", "equals", "disjoint", "overlaps"])
distances = st.sampled_from([None, 1.0, 1000.0, 200_000.0, 2e7])
geo_queries = st.one_of(
    st.builds(GeoQuery, relations, geometries, st.just(LOCATION)),
    st.builds(GeoQuery, st.just("near"), geometries, st.just(LOCATION), distances, distances.filter(bool)),
    st.builds(GeoQuery, st.just("near"), geometries, st.just(LOCATION), distances.filter(bool)),
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.none() | strategy


selectors = st.builds(
    Selector,
    ids=st.just(()) | st.lists(st.sampled_from(["urn:x:0", "urn:x:1"]), max_size=2).map(tuple),
    id_pattern=maybe(st.sampled_from(["^urn:x:[01]$", "2"])),
    types=maybe(selections([*TYPES, NEVER_SEEN])),
)
entity_queries = st.builds(
    EntityQuery,
    ids=st.just(()) | st.lists(st.sampled_from(["urn:x:0", "urn:x:1", "urn:x:9"]), max_size=2).map(tuple),
    id_pattern=maybe(st.sampled_from(["^urn:x:[01]$", "2"])),
    types=maybe(selections([*TYPES, NEVER_SEEN])),
    attributes=st.just(()) | st.lists(st.sampled_from([*NAMES, NEVER_SEEN]), max_size=2).map(tuple),
    q=maybe(queries),
    geo=maybe(geo_queries),
    scope=maybe(selections(["/a", "/a/#", "/a/+/c", "/#", "/+", "/+/b/#", "/z"])),
    dataset_ids=st.just(()) | st.just(()) | st.lists(st.sampled_from([*DATASETS, "@none"]), max_size=2).map(tuple),
    limit=st.just(100),
    selectors=st.just(()) | st.lists(selectors, min_size=2, max_size=3).map(tuple),
)


class City:
    """An in-memory file with the schema of the store, and a plain loader that is not the store's."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        migrate(self.connection)
        register(self.connection)
        self.numbers: dict[str, int] = {}

    def number(self, iri: str) -> int:
        if iri not in self.numbers:
            self.numbers[iri] = len(self.numbers) + 1
            self.connection.execute("INSERT INTO name (n, iri) VALUES (?, ?)", (self.numbers[iri], iri))
        return self.numbers[iri]

    def load(self, entities: list[Entity]) -> None:
        run = self.connection.execute
        for table in ("entity", "entity_type", "entity_scope", "place"):
            run(f"DELETE FROM {table}")
        for n, entity in enumerate(entities, start=1):
            doc = {str(self.number(name)): attribute for name, attribute in entity.attributes.items()}
            types = orjson.dumps([self.number(type) for type in entity.types]).decode()
            scopes = orjson.dumps(entity.scopes).decode() if entity.scopes else None
            run(
                "INSERT INTO entity (n, id, types, scopes, created, modified, doc) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (n, entity.id, types, scopes, entity.created, entity.modified, orjson.dumps(doc).decode()),
            )
            self.connection.executemany(
                "INSERT INTO entity_type VALUES (?, ?)", [(self.number(type), n) for type in entity.types]
            )
            self.connection.executemany("INSERT INTO entity_scope VALUES (?, ?)", [(s, n) for s in entity.scopes])
            for position, (name, instance) in enumerate(each_instance(entity.attributes)):
                if instance["type"] == "GeoProperty":
                    west, south, east, north = box(instance["value"])
                    lon, lat = (west, south) if instance["value"]["type"] == "Point" else (None, None)
                    row = (n << 32 | self.number(name) << 8 | position, west, east, south, north, lon, lat)
                    run("INSERT INTO place VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def ids(self, query: EntityQuery) -> list[str]:
        compiled = compile_entities(query, self.numbers.get)
        if compiled.empty:
            return []
        return [row[1] for row in self.connection.execute(compiled.sql, compiled.parameters)]

    def count(self, query: EntityQuery) -> int:
        compiled = compile_entities(query, self.numbers.get, count=True)
        return 0 if compiled.empty else int(self.connection.execute(compiled.sql, compiled.parameters).get)


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    city = City()
    yield city
    city.connection.close()


#: A nightly or a suspicious developer multiplies the examples.
EFFORT = int(os.environ.get("DOTHI_TEST_EFFORT", "1"))
CAREFUL = settings(max_examples=80 * EFFORT, deadline=None, suppress_health_check=list(HealthCheck))


@CAREFUL
@given(made=entities(), query=entity_queries)
def test_sql_and_memory_find_the_same_entities(city: City, made: list[Entity], query: EntityQuery) -> None:
    city.load(made)
    expected = [entity.id for entity in made if matches(entity, query)]
    assert city.ids(query) == expected
    assert city.count(query) == len(expected)


@CAREFUL
@given(made=entities(), q=queries)
@example(made=[], q=Exists(AttributePath((NAMES[0],))))
def test_sql_and_memory_agree_on_q_alone(city: City, made: list[Entity], q: Any) -> None:
    city.load(made)
    query = EntityQuery(q=q, limit=100)
    assert city.ids(query) == [entity.id for entity in made if matches(entity, query)]


near = st.sampled_from(IDS)
links = st.one_of(
    kind("Relationship", object=near | st.lists(near, min_size=1, max_size=2)),
    kind("ListRelationship", objectList=st.lists(near | near.map(lambda target: {"object": target}), max_size=2)),
    plain,
)


@st.composite
def graphs(draw: st.DrawFn) -> list[Entity]:
    """Entities that lead to one another, to themselves and to what is not there."""
    return [
        Entity(
            entity.id,
            entity.types,
            {**entity.attributes, **draw(st.dictionaries(st.sampled_from(NAMES), several(1, links), max_size=3))},
        )
        for entity in draw(entities())
    ]


def followed(inner: st.SearchStrategy[AttributePath]) -> st.SearchStrategy[AttributePath]:
    return st.builds(
        lambda names, path, types: AttributePath(names, (), LinkedPath(path, types)),
        st.tuples(st.sampled_from([*NAMES, NEVER_SEEN])) | st.tuples(st.sampled_from(NAMES), st.sampled_from(SUBS)),
        inner,
        st.lists(st.sampled_from([*TYPES, NEVER_SEEN]), max_size=2).map(tuple),
    )


linked_paths = followed(paths | timed_paths | followed(paths))
linked_terms = st.one_of(
    st.builds(Exists, linked_paths, st.booleans()),
    st.builds(Compare, followed(paths | followed(paths)), equalities, st.lists(literals, min_size=1).map(tuple)),
    st.builds(Compare, followed(paths), orders, st.tuples(ordered)),
    st.builds(Compare, followed(timed_paths), orders, st.tuples(instants)),
)


@CAREFUL
@given(
    made=graphs(),
    q=linked_terms | st.builds(lambda *parts: And(parts), linked_terms, queries),
    datasets=st.just(()) | st.lists(st.sampled_from([*DATASETS, "@none"]), min_size=1, max_size=2).map(tuple),
)
def test_sql_and_memory_follow_the_same_links(
    city: City, made: list[Entity], q: Any, datasets: tuple[str, ...]
) -> None:
    city.load(made)
    query = EntityQuery(q=q, limit=100, dataset_ids=datasets)
    by_id = {entity.id: entity for entity in made}
    holds = compile_match(query, by_id.get)
    assert city.ids(query) == [entity.id for entity in made if holds(entity)]


order_paths = st.one_of(
    paths,
    timed_paths,
    st.sampled_from(["id", "type", "createdAt", "modifiedAt"]).map(lambda name: AttributePath((name,))),
)
order_keys = st.one_of(
    st.builds(
        Order,
        order_paths,
        st.booleans(),
        collation=st.none() | st.sampled_from([Collation(), Collation("vi", 1, numeric=True)]),
        lang=st.sampled_from([None, "vi", "en;q=0.5,vi"]),
    ),
    st.builds(Order, st.just(AttributePath((LOCATION,))), st.booleans(), near=geometries),
    st.builds(Order, st.sampled_from(NAMES).map(lambda name: AttributePath((name,))), st.booleans(), near=geometries),
)


@CAREFUL
@given(
    made=entities(),
    order=st.lists(order_keys, min_size=1, max_size=3).map(tuple),
    datasets=st.just(()) | st.lists(st.sampled_from([*DATASETS, "@none"]), min_size=1, max_size=2).map(tuple),
)
def test_sql_and_memory_order_alike(
    city: City, made: list[Entity], order: tuple[Order, ...], datasets: tuple[str, ...]
) -> None:
    city.load(made)
    query = EntityQuery(order=order, limit=100, dataset_ids=datasets)
    assert city.ids(query) == [entity.id for entity in in_order(made, order, datasets)]


@CAREFUL
@given(places=st.lists(geometries, min_size=1, max_size=4), geo=geo_queries)
def test_sql_and_memory_agree_on_places(city: City, places: list[dict[str, Any]], geo: GeoQuery) -> None:
    made = [
        Entity(f"urn:x:{n}", (TYPES[0],), {LOCATION: {"type": "GeoProperty", "value": place}})
        for n, place in enumerate(places)
    ]
    city.load(made)
    query = EntityQuery(geo=geo, limit=100)
    assert city.ids(query) == [entity.id for entity in made if matches(entity, query)]
