"""The environment page as data: map layers with their bands, and the attributes worth a chart."""

from __future__ import annotations

from dothi.city.environment.entities import AIR_WORDS
from dothi.city.module import Band, Layer, ModulePage, Text

#: Words of Decision 1459/QĐ-TCMT, table 1. Good and moderate air is normal, so neither calls for attention.
AIR_BANDS = (
    Band(0, "ok", AIR_WORDS["good"]),
    Band(51, "ok", AIR_WORDS["moderate"]),
    Band(101, "advisory", AIR_WORDS["poor"]),
    Band(151, "minor", AIR_WORDS["bad"]),
    Band(201, "major", AIR_WORDS["veryBad"]),
    Band(301, "critical", AIR_WORDS["hazardous"]),
)

#: QCVN 26:2010/BTNMT, common areas: 55 dB(A) at night (21 to 6 h), 70 dB(A) by day. The rest is dothi's own scale.
NOISE_BANDS = (
    Band(0, "ok", Text("Trong giới hạn ban đêm", "Within the night limit")),
    Band(55, "ok", Text("Trong giới hạn ban ngày", "Within the day limit")),
    Band(70, "advisory", Text("Vượt giới hạn ban ngày", "Above the day limit")),
    Band(80, "minor", Text("Rất ồn", "Very loud")),
)

FLOOD_BANDS = (
    Band(0, "ok", Text("Bình thường", "Normal")),
    Band(0.8, "advisory", Text("Gần mức báo động", "Near the alert level")),
    Band(1, "major", Text("Vượt mức báo động", "Above the alert level")),
    Band(2, "critical", Text("Nguy hiểm", "Danger")),
)

HEAT_BANDS = (
    Band(-50, "ok", Text("Bình thường", "Normal")),
    Band(35, "advisory", Text("Nắng nóng", "Hot")),
    Band(37, "minor", Text("Nắng nóng gay gắt", "Very hot")),
    Band(39, "major", Text("Nắng nóng đặc biệt gay gắt", "Extremely hot")),
)

PAGE = ModulePage(
    layers=(
        Layer("air-quality", Text("Chất lượng không khí", "Air quality"), ("AirQualityObserved",), "circle",
              "airQualityIndex", AIR_BANDS),
        Layer("weather", Text("Thời tiết", "Weather"), ("WeatherObserved",), "hexagon", "temperature", HEAT_BANDS,
              visible=False),
        Layer("noise", Text("Tiếng ồn", "Noise"), ("NoiseLevelObserved",), "cross", "LAeq", NOISE_BANDS,
              visible=False),
        Layer("flood", Text("Mực nước và ngập", "Water level and floods"), ("FloodMonitoring",), "drop",
              "floodIndex", FLOOD_BANDS),
        Layer("water", Text("Thủy văn", "Hydrology"), ("WaterObserved",), "pentagon", "waterLevel", visible=False),
    ),
    charts=("airQualityIndex", "pm25", "temperature", "precipitation", "LAeq", "currentLevel", "waterLevel"),
)  # fmt: skip
