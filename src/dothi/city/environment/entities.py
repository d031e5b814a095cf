"""The entity types of the environment module with the attributes that people see; Smart Data Models throughout."""

from __future__ import annotations

from dothi.city.module import Attribute, EntityType, Text

_ENVIRONMENT = "https://smartdatamodels.org/dataModel.Environment/"
_WEATHER = "https://smartdatamodels.org/dataModel.Weather/"
_MICROGRAMS = "µg/m³"


def _pollutant(name: str, vi: str, en: str, digits: int = 1) -> Attribute:
    return Attribute(name, Text(vi, en), _MICROGRAMS, "GQ", digits)


_TEMPERATURE = Attribute("temperature", Text("Nhiệt độ", "Temperature"), "°C", "CEL", 1)
# The Smart Data Models give relative humidity as a share from 0 to 1.
_HUMIDITY = Attribute("relativeHumidity", Text("Độ ẩm tương đối (0–1)", "Relative humidity (0–1)"), "", None, 2)
_WIND_SPEED = Attribute("windSpeed", Text("Tốc độ gió", "Wind speed"), "m/s", "MTS", 1)
_WIND_DIRECTION = Attribute("windDirection", Text("Hướng gió", "Wind direction"), "°", "DD", 0)
_RAIN = Attribute("precipitation", Text("Lượng mưa", "Precipitation"), "mm", "MMT", 1)

#: The levels of VN_AQI in the words of Decision 1459/QĐ-TCMT, table 1.
AIR_WORDS = {
    "good": Text("Tốt", "Good"),
    "moderate": Text("Trung bình", "Moderate"),
    "poor": Text("Kém", "Poor"),
    "bad": Text("Xấu", "Bad"),
    "veryBad": Text("Rất xấu", "Very bad"),
    "hazardous": Text("Nguy hại", "Hazardous"),
}
FLOOD_WORDS = {
    "Normal": Text("Bình thường", "Normal"),
    "Alert": Text("Báo động", "Alert"),
    "Danger": Text("Nguy hiểm", "Danger"),
}

AIR_QUALITY = EntityType(
    "AirQualityObserved",
    _ENVIRONMENT + "AirQualityObserved",
    Text("Trạm quan trắc không khí", "Air quality station"),
    (
        Attribute("airQualityIndex", Text("Chỉ số VN_AQI", "VN_AQI"), "", None, 0),
        Attribute("airQualityLevel", Text("Mức chất lượng không khí", "Air quality level"), words=AIR_WORDS),
        _pollutant("pm25", "Bụi mịn PM2.5", "PM2.5"),
        _pollutant("pm10", "Bụi PM10", "PM10"),
        _pollutant("no2", "Nitơ đioxit (NO₂)", "Nitrogen dioxide (NO₂)"),
        _pollutant("so2", "Lưu huỳnh đioxit (SO₂)", "Sulphur dioxide (SO₂)"),
        _pollutant("o3", "Ôzôn (O₃)", "Ozone (O₃)"),
        _pollutant("co", "Cacbon monoxit (CO)", "Carbon monoxide (CO)", 0),
        _TEMPERATURE,
        _HUMIDITY,
    ),
    stale_after=7200,
)

WEATHER = EntityType(
    "WeatherObserved",
    _WEATHER + "WeatherObserved",
    Text("Trạm thời tiết", "Weather station"),
    (
        _TEMPERATURE,
        _HUMIDITY,
        _RAIN,
        _WIND_SPEED,
        _WIND_DIRECTION,
        Attribute("atmosphericPressure", Text("Áp suất khí quyển", "Atmospheric pressure"), "hPa", "A97", 1),
        Attribute("solarRadiation", Text("Bức xạ mặt trời", "Solar radiation"), "W/m²", "D54", 0),
    ),
    stale_after=7200,
)

NOISE = EntityType(
    "NoiseLevelObserved",
    _ENVIRONMENT + "NoiseLevelObserved",
    Text("Trạm đo tiếng ồn", "Noise station"),
    (
        Attribute("LAeq", Text("Mức âm tương đương LAeq", "Equivalent level LAeq"), "dB(A)", "2N", 1),
        Attribute("LAmax", Text("Mức âm cực đại LAmax", "Maximum level LAmax"), "dB(A)", "2N", 1),
        Attribute("LAS", Text("Mức âm LAS", "Sound level LAS"), "dB(A)", "2N", 1),
    ),
    stale_after=3600,
)

WATER = EntityType(
    "WaterObserved",
    _ENVIRONMENT + "WaterObserved",
    Text("Trạm thủy văn", "Hydrological station"),
    (
        Attribute("waterLevel", Text("Mực nước", "Water level"), "m", "MTR", 2),
        Attribute("height", Text("Chiều cao mực nước", "Water height"), "m", "MTR", 2),
        Attribute("flow", Text("Lưu lượng", "Flow"), "m³/s", "MQS", 1),
    ),
    stale_after=7200,
)

FLOOD = EntityType(
    "FloodMonitoring",
    _ENVIRONMENT + "FloodMonitoring",
    Text("Trạm cảnh báo ngập", "Flood gauge"),
    (
        Attribute("currentLevel", Text("Mực nước hiện tại", "Current level"), "m", "MTR", 2),
        Attribute("alertLevel", Text("Mức báo động", "Alert level"), "m", "MTR", 2),
        Attribute("dangerLevel", Text("Mức nguy hiểm", "Danger level"), "m", "MTR", 2),
        Attribute("floodIndex", Text("Chỉ số ngập (1 = báo động, 2 = nguy hiểm)", "Flood index (1 alert, 2 danger)"),
                  "", None, 2),
        Attribute("floodLevelStatus", Text("Tình trạng ngập", "Flood status"), words=FLOOD_WORDS),
    ),
    stale_after=3600,
)  # fmt: skip

TYPES = (AIR_QUALITY, WEATHER, NOISE, WATER, FLOOD)

#: Attributes as the Smart Data Models' own subjects name them today; their combined context still has older IRIs for
#: some and lacks others. Where Environment and Weather both name one, it is Weather's, whose stations it belongs to.
TERMS = {
    attribute.name: (_WEATHER if attribute in WEATHER.attributes else _ENVIRONMENT) + attribute.name
    for entity in TYPES
    for attribute in entity.attributes
} | {
    "stationID": _ENVIRONMENT + "stationID",
    "floodIndex": "https://dothi.dev/ontology/floodIndex",
    "indexMethod": "https://dothi.dev/ontology/indexMethod",
}
