"""The US air quality index of the EPA, with the PM2.5 breakpoints of 2012 and those in force since May 2024."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

from dothi.city.environment.air_index import AirIndex, truncate, worst

Pollutant = Literal["o3_8h", "o3_1h", "pm25", "pm10", "co_8h", "so2_1h", "so2_24h", "no2_1h"]
Edition = Literal["2012", "2024"]

#: Lowest and highest index of the categories; the years before 2024 part the last one at 400.
_INDEX: Final = ((0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 400), (401, 500))
_INDEX_2024: Final = (*_INDEX[:5], (301, 500))

#: Decimals kept when a concentration is truncated: O3 in ppm, PM2.5 in µg/m³ and CO in ppm; PM10 µg/m³, SO2, NO2 ppb.
DIGITS: Final[Mapping[Pollutant, int]] = {
    "o3_8h": 3, "o3_1h": 3, "pm25": 1, "pm10": 0, "co_8h": 1, "so2_1h": 0, "so2_24h": 0, "no2_1h": 0,
}  # fmt: skip

_Row = tuple[tuple[int, int] | None, ...]

#: EPA-454/B-18-007 (September 2018), table 5: the PM2.5 breakpoints of 2012, the ozone breakpoints of 2015.
#: In units of the last digit kept, so that arithmetic is exact: PM2.5 120 is 12.0 µg/m³, ozone 54 is 0.054 ppm.
_TABLE_2012: Final[Mapping[Pollutant, _Row]] = {
    "o3_8h": ((0, 54), (55, 70), (71, 85), (86, 105), (106, 200), None, None),
    "o3_1h": (None, None, (125, 164), (165, 204), (205, 404), (405, 504), (505, 604)),
    "pm25": ((0, 120), (121, 354), (355, 554), (555, 1504), (1505, 2504), (2505, 3504), (3505, 5004)),
    "pm10": ((0, 54), (55, 154), (155, 254), (255, 354), (355, 424), (425, 504), (505, 604)),
    "co_8h": ((0, 44), (45, 94), (95, 124), (125, 154), (155, 304), (305, 404), (405, 504)),
    "so2_1h": ((0, 35), (36, 75), (76, 185), (186, 304), None, None, None),
    "so2_24h": (None, None, None, None, (305, 604), (605, 804), (805, 1004)),
    "no2_1h": ((0, 53), (54, 100), (101, 360), (361, 649), (650, 1249), (1250, 1649), (1650, 2049)),
}

#: EPA-454/B-24-002 (May 2024), table 6, after the rule of 6 May 2024 (40 CFR part 58, appendix G).
_TABLE_2024: Final[Mapping[Pollutant, _Row]] = {
    "o3_8h": ((0, 54), (55, 70), (71, 85), (86, 105), (106, 200), None),
    "o3_1h": (None, None, (125, 164), (165, 204), (205, 404), (405, 604)),
    "pm25": ((0, 90), (91, 354), (355, 554), (555, 1254), (1255, 2254), (2255, 3254)),
    "pm10": ((0, 54), (55, 154), (155, 254), (255, 354), (355, 424), (425, 604)),
    "co_8h": ((0, 44), (45, 94), (95, 124), (125, 154), (155, 304), (305, 504)),
    "so2_1h": ((0, 35), (36, 75), (76, 185), (186, 304), None, None),
    "so2_24h": (None, None, None, None, (305, 604), (605, 1004)),
    "no2_1h": ((0, 53), (54, 100), (101, 360), (361, 649), (650, 1249), (1250, 2049)),
}

#: µg/m³ of one ppb at 25 °C and 1013.25 hPa: molar mass over 24.45 l/mol.
MICROGRAMS_PER_PPB: Final[Mapping[str, float]] = {
    "o3": 48.00 / 24.45, "no2": 46.0055 / 24.45, "so2": 64.066 / 24.45, "co": 28.010 / 24.45,
}  # fmt: skip


def ppb(gas: str, micrograms: float) -> float:
    """Parts per billion of a gas ("o3", "no2", "so2", "co") from µg/m³ at 25 °C and 1013.25 hPa."""
    return micrograms / MICROGRAMS_PER_PPB[gas]


def sub_index(pollutant: Pollutant, concentration: float, edition: Edition = "2024") -> int | None:
    """The index of one pollutant; PM in µg/m³, O3 and CO in ppm, SO2 and NO2 in ppb.

    The concentration is truncated, the result rounded, both as equation 1 of the documents asks. 500 above the table
    ("beyond the AQI"); None where the table is blank: 1-hour ozone below 0.125 ppm, 8-hour ozone above 0.200 ppm,
    1-hour SO2 above 304 ppb, 24-hour SO2 below 305 ppb. Raises ValueError for a negative value or no number.
    """
    if not math.isfinite(concentration) or concentration < 0:
        raise ValueError(f"{pollutant}: {concentration} is no concentration; give a number from 0 upwards")
    table, indices = (_TABLE_2024, _INDEX_2024) if edition == "2024" else (_TABLE_2012, _INDEX)
    amount = truncate(concentration, DIGITS[pollutant])
    for step, (low, high) in zip(table[pollutant], indices, strict=True):
        if step is not None and step[0] <= amount <= step[1]:
            span = step[1] - step[0]
            # Halves go up; whole numbers keep this exact.
            return low + (2 * (high - low) * (amount - step[0]) + span) // (2 * span)
    last = table[pollutant][-1]
    return 500 if last is not None and amount > last[1] else None


def us_aqi(readings: Mapping[Pollutant, float], edition: Edition = "2024") -> AirIndex | None:
    """The index of a station: the largest of its pollutants'; the larger of both ozone values; None without any.

    From 305 ppb on, SO2 is judged by its 24-hour mean, and by 200 where that mean is below 305 ppb or not known.
    """
    parts: dict[str, int] = {}
    for pollutant, value in readings.items():
        index = sub_index(pollutant, value, edition)
        if index is not None:
            parts[pollutant] = index
    if truncate(readings.get("so2_1h", 0.0), 0) > 304 and "so2_24h" not in parts:
        parts["so2_1h"] = 200
    return worst(parts)
