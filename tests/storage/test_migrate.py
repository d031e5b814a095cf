"""A city of an older layout opens with all that it held."""

from __future__ import annotations

import apsw
import pytest

from dothi.model.geo import parse_geo
from dothi.model.query import EntityQuery
from dothi.storage.compile import compile_entities
from dothi.storage.functions import register
from dothi.storage.migrate import migrate, scripts

DOC = '{"7":{"type":"GeoProperty"}}'


@pytest.fixture
def connection():
    connection = apsw.Connection(":memory:")
    register(connection)
    yield connection
    connection.close()


def test_the_first_layout_comes_to_the_newest_with_its_places_and_documents(connection: apsw.Connection) -> None:
    connection.execute(scripts()[0][1])
    connection.pragma("user_version", 1)
    connection.execute("INSERT INTO name VALUES (1, 'urn:t'), (7, 'urn:place'), (8, 'urn:other')")
    for n, lon in ((3, 106.65), (4, 106.9)):
        connection.execute(
            "INSERT INTO entity (n, id, types, created, modified, doc) VALUES (?, ?, '[1]', 1, 1, ?)",
            (n, f"urn:x:{n}", DOC),
        )
        for position, attribute in enumerate((7, 8)):
            row = (n * 256 + position, lon, lon, 11.0, 11.0, n, attribute, lon, 11.0)
            connection.execute("INSERT INTO place VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    migrate(connection)
    assert connection.pragma("user_version") == scripts()[-1][0]
    near = parse_geo("near;maxDistance==1000", "Point", "[106.651, 11.0]", "urn:place")
    compiled = compile_entities(EntityQuery(geo=near), {"urn:place": 7}.get)
    assert [row[1] for row in connection.execute(compiled.sql, compiled.parameters)] == ["urn:x:3"]
    assert connection.execute("SELECT count(*) FROM place").get == 4
    stored = connection.execute("SELECT typeof(doc), json(doc) FROM entity").fetchall()
    assert stored == [("blob", DOC)] * 2
