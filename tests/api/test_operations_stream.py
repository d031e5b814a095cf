"""Ports of the live stream: what they may be, and the faults that are told."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.api.operations import CityFacts, operations_api
from dothi.api.operations_stream import port_of
from dothi.city.module import Text
from dothi.model.context import core_context
from dothi.model.errors import BadRequestData
from dothi.web.grid import FINEST, SPAN
from dothi.web.live import LiveMap
from dothi.web.vocabulary import vocabulary_of


@pytest.mark.parametrize(
    ("bbox", "zoom", "fault"),
    [
        ((106.0, 11.0), 9, "four numbers"),
        ((106.0, 11.0, float("nan"), 12.0), 9, "four numbers"),
        ((106.0, 12.0, 107.0, 11.0), 9, "must rise"),
        ((106.0, -91.0, 107.0, 11.0), 9, "must rise"),
        ((107.0, 11.0, 106.0, 12.0), 9, "date line"),
    ],
)
def test_a_port_that_cannot_be_is_refused_with_the_reason(bbox, zoom, fault):
    with pytest.raises(BadRequestData, match=fault):
        port_of(bbox, zoom)


@given(
    st.tuples(st.floats(-400, 400), st.floats(-400, 400)).map(sorted),
    st.tuples(st.floats(-90, 90), st.floats(-90, 90)).map(sorted),
    st.floats(-5, 30),
)
def test_every_port_has_cells_in_the_world(longitudes, latitudes, zoom):
    (west, east), (south, north) = longitudes, latitudes
    port = port_of((west, south, east, north), zoom)
    x0, y0, x1, y1 = port.cells()
    assert 0 <= port.zoom <= FINEST
    assert 0 <= y0 <= y1 <= SPAN
    assert 0 <= x0 <= SPAN
    assert x1 <= SPAN


@pytest.fixture
async def operations(tenants):
    store, words = tenants.default.store, vocabulary_of((), core_context())
    api = operations_api(CityFacts(Text("", "")), store, (), words, LiveMap(store, {}, lambda: 0))
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/api", api)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://city/api/") as client:
        yield client


async def test_a_half_port_and_an_unknown_stream_are_refused(operations):
    half = await operations.get("stream", params={"layers": "air", "bbox": "1,2,3,4"})
    words = await operations.get("stream", params={"layers": "air", "bbox": "a,b", "zoom": "3"})
    gone = await operations.post("stream/x/view", json={"bbox": [1, 2, 3, 4], "zoom": 3})
    assert (half.status_code, words.status_code, gone.status_code) == (400, 400, 404)
    assert "give both" in half.json()["detail"]
    assert "four numbers" in words.json()["detail"]
