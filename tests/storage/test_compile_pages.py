"""The statement that a query becomes: its rows, their order, its plan, and values that never enter its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw
import orjson
import pytest

from dothi.model.collation import parse_collation
from dothi.model.errors import BadRequestData
from dothi.model.geo import LOCATION, parse_geo
from dothi.model.qlang import parse_path, parse_query
from dothi.model.query import AllOf, AnyOf, EntityQuery, Name, Order
from dothi.storage.compile import compile_entities
from dothi.storage.functions import register
from dothi.storage.migrate import migrate

NUMBERS = {"x:T": 1, "x:U": 2, "x:a": 3, LOCATION: 4, "x:name": 5}
T, U = Name("x:T"), Name("x:U")
HERE = parse_geo("near;maxDistance==5000", "Point", "[106.65,10.98]")


def read(text: str) -> Any:
    return parse_query(text, lambda name: "x:" + name)


def by(path: str, *, descending: bool = False, **more: Any) -> Order:
    return Order(parse_path(path, lambda name: "x:" + name), descending, **more)


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    """Ten entities T (odd ones U too) along a parallel, 1 km apart: a = n, names with accents."""
    connection = apsw.Connection(":memory:")
    migrate(connection)
    register(connection)
    names = ["Đà", "da", "Bến", "ben", "zoo", "Ấp", "ap", "ấp", "Dĩ", "e"]
    for n in range(1, 11):
        lon, lat = 106.65 + n * 0.00917, 10.98
        doc = {
            "3": {"type": "Property", "value": n if n % 4 else str(n)},
            "4": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, lat]}},
            "5": {"type": "Property", "value": names[n - 1]},
        }
        row = (n, f"urn:x:{n}", "[1]", n, n, 1 if n == 10 else None, orjson.dumps(doc).decode())
        connection.execute(
            "INSERT INTO entity (n, id, types, created, modified, expires, doc) VALUES (?, ?, ?, ?, ?, ?, ?)", row
        )
        connection.execute("INSERT INTO entity_type VALUES (1, ?)", (n,))
        if n % 2:
            connection.execute("INSERT INTO entity_type VALUES (2, ?)", (n,))
        connection.execute(
            "INSERT INTO place VALUES (?, ?, ?, ?, ?, ?, ?)", (n << 32 | 4 << 8, lon, lon, lat, lat, lon, lat)
        )
    yield connection
    connection.close()


def numbers(connection: apsw.Connection, query: EntityQuery) -> list[int]:
    compiled = compile_entities(query, NUMBERS.get)
    return [] if compiled.empty else [row[0] for row in connection.execute(compiled.sql, compiled.parameters)]


def plan(connection: apsw.Connection, query: EntityQuery) -> str:
    compiled = compile_entities(query, NUMBERS.get)
    rows = connection.execute("EXPLAIN QUERY PLAN " + compiled.sql, compiled.parameters)
    return "\n".join(row[3] for row in rows)


def test_rows_have_the_columns_of_the_store(connection: apsw.Connection) -> None:
    compiled = compile_entities(EntityQuery(types=T, limit=1), NUMBERS.get)
    cursor = connection.execute(compiled.sql, compiled.parameters)
    assert [column[0] for column in cursor.get_description()] == ["n", "id", "modified"]


def test_expired_and_deleted_entities_are_not_found(connection: apsw.Connection) -> None:
    connection.execute("UPDATE entity SET doc = NULL WHERE n = 2")
    assert numbers(connection, EntityQuery()) == [1, 3, 4, 5, 6, 7, 8, 9]


def test_pages_follow_one_another(connection: apsw.Connection) -> None:
    assert numbers(connection, EntityQuery(types=T, limit=4)) == [1, 2, 3, 4]
    assert numbers(connection, EntityQuery(types=T, limit=4, offset=4)) == [5, 6, 7, 8]
    assert numbers(connection, EntityQuery(types=T, limit=4, offset=8)) == [9]
    assert numbers(connection, EntityQuery(types=T, limit=0)) == []


def test_count_ignores_the_page(connection: apsw.Connection) -> None:
    compiled = compile_entities(EntityQuery(types=T, limit=2, offset=3), NUMBERS.get, count=True)
    assert connection.execute(compiled.sql, compiled.parameters).get == 9


def test_parts_narrow_one_another(connection: apsw.Connection) -> None:
    assert numbers(connection, EntityQuery(types=AllOf((T, U)))) == [1, 3, 5, 7, 9]
    assert numbers(connection, EntityQuery(types=U, q=read("a>1"), geo=HERE)) == [3]
    assert numbers(connection, EntityQuery(ids=("urn:x:3", "urn:x:2"), types=U)) == [3]


@pytest.mark.parametrize(
    "query",
    [
        EntityQuery(types=Name("x:never")),
        EntityQuery(types=AllOf((T, Name("x:never")))),
        EntityQuery(q=read("never!=1")),
        EntityQuery(q=read("a==1;never")),
        EntityQuery(attributes=("x:never",)),
        EntityQuery(geo=parse_geo("within", "Point", "[1,2]", "x:never")),
    ],
)
def test_a_name_never_seen_needs_no_statement(query: EntityQuery) -> None:
    assert compile_entities(query, NUMBERS.get).empty


def test_a_name_never_seen_leaves_the_other_alternatives(connection: apsw.Connection) -> None:
    assert numbers(connection, EntityQuery(q=read("never|a==1"))) == [1]
    assert numbers(connection, EntityQuery(types=AnyOf((U, Name("x:never"))))) == [1, 3, 5, 7, 9]


def test_an_alternative_that_fell_away_leaves_no_value_unbound(connection: apsw.Connection) -> None:
    for query in (
        EntityQuery(q=read("a|(name;never)")),
        EntityQuery(types=AnyOf((T, AllOf((U, Name("x:never")))))),
    ):
        compiled = compile_entities(query, NUMBERS.get, count=True)
        assert connection.execute(compiled.sql, compiled.parameters).get == 9
        assert numbers(connection, query) == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_values_stay_out_of_the_text_of_the_statement() -> None:
    hostile = 'a=="\'; DROP TABLE entity; --";a[x\'y]~="\'";a>7'
    first = compile_entities(EntityQuery(types=T, q=read(hostile), limit=7), NUMBERS.get)
    second = compile_entities(EntityQuery(types=U, q=read('a=="b";name[c]~="d";a>8'), limit=9), NUMBERS.get)
    assert "DROP" not in first.sql
    assert first.sql == second.sql


def test_order_by_value_ranks_types_and_puts_the_absent_last(connection: apsw.Connection) -> None:
    connection.execute("""UPDATE entity SET doc = '{"5":{"type":"Property","value":"x"}}' WHERE n = 1""")
    assert numbers(connection, EntityQuery(order=(by("a"),))) == [2, 3, 5, 6, 7, 9, 4, 8, 1]
    assert numbers(connection, EntityQuery(order=(by("a", descending=True),))) == [9, 7, 6, 5, 3, 2, 8, 4, 1]
    assert numbers(connection, EntityQuery(order=(by("id", descending=True),), limit=2)) == [9, 8]
    assert numbers(connection, EntityQuery(order=(by("never"),), limit=2)) == [1, 2]
    assert numbers(connection, EntityQuery(order=(by("type"), by("createdAt", descending=True)), limit=2)) == [9, 8]


def test_texts_are_ordered_by_code_point_unless_a_collation_is_named(connection: apsw.Connection) -> None:
    # Bến, Dĩ, ap, ben, da, zoo, Đà, Ấp, ấp
    assert numbers(connection, EntityQuery(order=(by("name"),))) == [3, 9, 7, 4, 2, 5, 1, 6, 8]
    # ap, ấp, Ấp, ben, Bến, da, Đà, Dĩ, zoo
    root = EntityQuery(order=(by("name", collation=parse_collation("und")),))
    assert numbers(connection, root) == [7, 8, 6, 4, 3, 2, 1, 9, 5]
    # ap, ấp, Ấp, ben, Bến, da, Dĩ, Đà, zoo
    vietnamese = EntityQuery(order=(by("name", collation=parse_collation("vi")),))
    assert numbers(connection, vietnamese) == [7, 8, 6, 4, 3, 2, 9, 1, 5]


def test_order_by_distance_is_from_the_place_given(connection: apsw.Connection) -> None:
    order = Order(parse_path("location", lambda _: LOCATION), near={"type": "Point", "coordinates": [106.7, 10.98]})
    assert numbers(connection, EntityQuery(order=(order,), limit=4)) == [5, 6, 4, 7]


def test_a_page_of_a_type_is_walked_without_sorting(connection: apsw.Connection) -> None:
    assert "TEMP B-TREE" not in plan(connection, EntityQuery(types=T, q=read("a>1")))


def test_a_place_is_found_by_the_tree_and_not_sorted(connection: apsw.Connection) -> None:
    found = plan(connection, EntityQuery(types=T, geo=HERE, q=read("a>1")))
    assert "SCAN p VIRTUAL TABLE INDEX 2:" in found
    assert "SEARCH e USING INTEGER PRIMARY KEY" in found
    assert "TEMP B-TREE" not in found


def test_a_pattern_that_cannot_run_is_refused() -> None:
    with pytest.raises(BadRequestData, match="pattern"):
        compile_entities(EntityQuery(id_pattern="("), NUMBERS.get)
