"""Values that the environment module computes from readings: on each entity, and over hours and days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dothi.city.environment import us_aqi, vn_aqi
from dothi.city.environment.flood import flood_index, flood_status
from dothi.city.module import Indicator, Text
from dothi.model.instant import parse_instant

#: Says by a sub-attribute what the derived index stands on.
METHOD = "VN_AQI, 1459/QĐ-TCMT, latest reading without NowCast"


def derive_air_quality(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    """airQualityIndex and airQualityLevel of an AirQualityObserved from its latest concentrations in µg/m³.

    An entity knows its latest value only, so PM goes in without NowCast, and the sub-attribute `indexMethod` says so;
    the indicator vn_aqi_hourly takes the twelve hours. Empty where neither PM2.5 nor PM10 is there, or a value cannot
    be a concentration.
    """
    pm = _amounts(entity, ("pm25", "pm10"))
    gases = _amounts(entity, tuple(vn_aqi.GASES))
    index = vn_aqi.combine(pm, gases)
    if index is None:
        return {}
    common = _observed(entity, (*pm, *gases)) | {"indexMethod": {"type": "Property", "value": METHOD}}
    return {
        "airQualityIndex": {"type": "Property", "value": index.value, **common},
        "airQualityLevel": {"type": "Property", "value": index.level, **common},
    }


def derive_flood(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    """floodIndex and floodLevelStatus of a FloodMonitoring that has currentLevel, alertLevel and dangerLevel."""
    levels = [entity.get(name) for name in ("currentLevel", "alertLevel", "dangerLevel")]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in levels):
        return {}
    current, alert, danger = (float(value) for value in levels if value is not None)
    if not 0 < alert < danger:
        return {}
    index = flood_index(current, alert, danger)
    observed = _observed(entity, ("currentLevel",))
    return {
        "floodIndex": {"type": "Property", "value": round(index, 3), **observed},
        "floodLevelStatus": {"type": "Property", "value": flood_status(index), **observed},
    }


def _amounts(entity: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, float]:
    values = {name: entity.get(name) for name in names}
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
    }


def _observed(entity: Mapping[str, Any], inputs: Iterable[str]) -> dict[str, Any]:
    """The observedAt of what is derived: that of its newest input, else the entity's own."""
    times = entity.get("observedAt", {})
    newest = max((times[name] for name in inputs if name in times), key=parse_instant, default=None)
    moment = newest or entity.get("dateObserved") or entity.get("observationDateTime")
    if isinstance(moment, Mapping):
        moment = moment.get("@value")
    return {"observedAt": moment} if isinstance(moment, str) and moment.endswith("Z") else {}


def _vn_hourly(inputs: Mapping[str, Any]) -> int | None:
    index = vn_aqi.hourly(inputs.get("gases", {}), inputs.get("pm25", ()), inputs.get("pm10", ()))
    return None if index is None else index.value


def _vn_daily(inputs: Mapping[str, Any]) -> int | None:
    index = vn_aqi.daily(inputs)
    return None if index is None else index.value


def _us(inputs: Mapping[str, Any]) -> int | None:
    index = us_aqi.us_aqi(inputs)  # type: ignore[arg-type]
    return None if index is None else index.value


INDICATORS = (
    Indicator("vn_aqi_hourly", Text("VN_AQI giờ", "VN_AQI, hourly"), "", _vn_hourly),
    Indicator("vn_aqi_daily", Text("VN_AQI ngày", "VN_AQI, daily"), "", _vn_daily),
    Indicator("us_aqi", Text("AQI theo thang Hoa Kỳ", "US AQI"), "", _us),
)
