"""The mobility page as data: map layers of the network and of what moves on it."""

from __future__ import annotations

from dothi.city.module import Layer, ModulePage, Text

PAGE = ModulePage(
    layers=(
        Layer("routes", Text("Tuyến xe buýt", "Bus routes"), ("GtfsShape",), "line"),
        Layer("stops", Text("Trạm dừng", "Stops"), ("GtfsStop", "GtfsStation"), "ring", min_zoom=11),
        # A vehicle layer turns its symbol by the attribute `heading`.
        Layer("vehicles", Text("Xe đang chạy", "Vehicles"), ("Vehicle",), "vehicle", value="speed"),
    ),
    charts=("speed", "delay"),
)
