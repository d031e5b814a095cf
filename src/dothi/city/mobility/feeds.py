"""The ways in of the mobility module; a GTFS zip is read table by table by `gtfs.gtfs_entities`."""

from __future__ import annotations

from dothi.city.mobility.realtime import decode_realtime
from dothi.city.module import Feed, Text

FEEDS = (
    Feed(
        "gtfs-realtime",
        decode_realtime,
        Text(
            "GTFS-Realtime: vị trí xe, giờ đến dự kiến và thông báo",
            "GTFS-Realtime: vehicle positions, arrivals and alerts",
        ),
    ),
)
