"""The live stream over HTTP: layers whole, or what a view port shows of them; and a port that moves."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import Response

from dothi.api import operations_shapes as shapes
from dothi.model.errors import BadRequestData
from dothi.web.grid import FINEST, Port
from dothi.web.live import LiveMap
from dothi.web.stream import LiveStream


def add_stream(app: FastAPI, live: LiveMap, problems: dict[int | str, dict[str, Any]]) -> None:
    """The routes of the live stream."""

    @app.get(
        "/stream",
        response_class=Response,
        tags=["map"],
        responses={
            **problems,
            200: {
                "model": shapes.StreamEvents,
                "description": "text/event-stream: `snapshot` events per layer, then `delta` events; with a port also "
                "`hello` with the stream's id, and `counts`",
            },
        },
    )
    async def read_stream(
        layers: Annotated[str, Query(description="ids, separated by commas; `none` for heartbeats alone")],
        bbox: Annotated[str | None, Query(description="west,south,east,north: what is seen")] = None,
        zoom: Annotated[float | None, Query(description="with bbox: the map's zoom, 0 to 24")] = None,
    ) -> Response:
        """Live features of these layers; changes gather for 150 ms. A reader that hangs is disconnected.

        With `bbox` and `zoom` a layer of more than 2,000 objects comes in clusters, limited to the port; what is
        abnormal stands alone, or where a cell has much of it, in a cluster of its own. Without them it comes whole.
        """
        ids = [] if layers == "none" else [id for id in layers.split(",") if id]
        if not ids and layers != "none":
            raise BadRequestData("layers: name at least one layer, as in ?layers=air,buses, or none")
        if (bbox is None) != (zoom is None):
            raise BadRequestData("bbox and zoom: give both, as in ?bbox=106.5,10.9,106.9,11.2&zoom=10, or neither")
        port = None if bbox is None or zoom is None else port_of(_numbers(bbox), zoom)
        return LiveStream(live, ids, port)

    @app.post("/stream/{id}/view", status_code=204, response_class=Response, responses=problems, tags=["map"])
    async def move_view(id: str, view: shapes.StreamView) -> Response:
        """The reader of this stream sees another port now; what is in it comes as new snapshots of clustered layers."""
        live.look(id, port_of(view.bbox, view.zoom))
        return Response(status_code=204)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise BadRequestData(f"bbox: {text!r} is not four numbers west,south,east,north in degrees") from None


def port_of(bbox: tuple[float, ...], zoom: float) -> Port:
    """The port of a box [west, south, east, north] in degrees. Raises BadRequestData."""
    if len(bbox) != 4 or not all(math.isfinite(each) for each in (*bbox, zoom)):
        raise BadRequestData("bbox: four numbers west,south,east,north in degrees, and a zoom from 0 to 24")
    west, south, east, north = bbox
    if south > north or not -90 <= south <= 90 or not -90 <= north <= 90:
        raise BadRequestData(f"bbox: south {south} and north {north} must rise from -90 to 90")
    if west > east:
        raise BadRequestData(f"bbox: west {west} lies east of east {east}; a port over the date line is two ports")
    return Port(west, south, east, north, max(0, min(FINEST, math.floor(zoom))))
