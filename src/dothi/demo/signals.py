"""What the demo city's sensors would measure: believable values as pure functions of site and time.

The climate is that of Bình Dương: dry from November to April, rainy from May to October with afternoon showers, fine
dust highest from December to February (burning, inversions) and washed out by rain, two rush hours, quieter weekends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dothi.city.environment.vn_aqi import BREAKPOINTS, INDEX, Pollutant
from dothi.demo.chance import Floats, Seeds, derived, uniform, wave


class Sites(NamedTuple):
    """Places where something is measured: one array element each, or one site that broadcasts over many times.

    `region` is the seed of the weather around, shared by neighbours; `bias` in [-1, 1] says how busy the place is.
    """

    seed: Seeds
    region: Seeds
    bias: Floats

    def at(self, chosen: NDArray[np.int64] | slice) -> Sites:
        """Some of the sites."""
        return Sites(self.seed[chosen], self.region[chosen], self.bias[chosen])


#: m at every flood gauge of the demo.
ALERT_LEVEL = 1.2
DANGER_LEVEL = 1.8

#: signal(sites, hours since 1970 in local time) -> values; the shapes broadcast.
Signal = Callable[[Sites, Floats], Floats]


def _year(hours: Floats, peak_day: float) -> Floats:
    """A year's cosine: 1 on the peak's day of the year, -1 half a year later."""
    return np.cos(2 * np.pi * (hours / 24 - peak_day) / 365.2425)


def _day(hours: Floats, peak_hour: float) -> Floats:
    return np.cos(2 * np.pi * (hours - peak_hour) / 24)


def _bump(hours: Floats, at: float, width: float) -> Floats:
    distance = (hours - at + 12) % 24 - 12
    return np.exp(-((distance / width) ** 2))


def _weekend(hours: Floats) -> Floats:
    # 1 January 1970 was a Thursday.
    return np.where((np.floor(hours / 24) + 3) % 7 >= 5, 1.0, 0.0)


def _rush(hours: Floats) -> Floats:
    return (_bump(hours, 7.2, 1.3) + 0.9 * _bump(hours, 17.3, 1.6)) * (1 - 0.35 * _weekend(hours))


def _winter(hours: Floats) -> Floats:
    """0 in the rainy season, 1 in mid-January."""
    return np.maximum(0.0, _year(hours, 15)) ** 1.5


def trouble(sites: Sites, hours: Floats, kind: int, share: float) -> Floats:
    """0 to 1: what goes wrong at one place for some hours, at `share` of the places at a time; rises and falls."""
    seeds = derived(sites.seed, kind)
    slots = hours / 8 + uniform(derived(seeds, 1), np.zeros(1, np.int64))
    slot = np.floor(slots).astype(np.int64)
    return np.where(uniform(seeds, slot) < share, np.sin(np.pi * (slots - slot)), 0.0)


def rain(sites: Sites, hours: Floats) -> Floats:
    """mm in the hour: at most one shower a day and region, in the rainy season on three of four afternoons."""
    day = np.floor(hours / 24).astype(np.int64)
    chance = np.clip(0.4 - 0.45 * _year(hours, 30), 0.02, 0.8)
    start = 12.5 + 6.5 * uniform(derived(sites.region, 1), day)
    length = 0.7 + 2.5 * uniform(derived(sites.region, 2), day)
    strength = 3 + 24 * uniform(derived(sites.region, 3), day) ** 2
    phase = (hours % 24 - start) / length
    falls = (uniform(sites.region, day) < chance) & (phase > 0) & (phase < 1)
    local = 1 + 0.4 * wave(derived(sites.seed, 4), hours, 2)
    return np.where(falls, strength * np.sin(np.pi * np.clip(phase, 0, 1)) * local, 0.0)


def temperature(sites: Sites, hours: Floats) -> Floats:
    """°C."""
    daily = 4.3 * _day(hours, 14) + 0.7 * np.cos(4 * np.pi * (hours - 13) / 24)
    season = 27.4 + 1.7 * _year(hours, 108) - 0.8 * _winter(hours)
    noise = 1.1 * wave(sites.region, hours, 40) + 0.4 * wave(sites.seed, hours, 3) + 0.5 * sites.bias
    return season + daily + noise - np.minimum(4.0, 0.3 * rain(sites, hours))


def humidity(sites: Sites, hours: Floats) -> Floats:
    """Share from 0 to 1."""
    base = 0.78 - 0.035 * (temperature(sites, hours) - 27.5) - 0.05 * _winter(hours)
    return np.clip(base + 0.03 * wave(sites.seed, hours, 5) + 0.01 * rain(sites, hours), 0.3, 0.99)


def wind_speed(sites: Sites, hours: Floats) -> Floats:
    """m/s."""
    daily = 2.1 + 1.2 * _day(hours, 14.5)
    return np.maximum(0.0, daily + 0.9 * wave(sites.region, hours, 9) + 0.4 * wave(sites.seed, hours, 1))


def wind_direction(sites: Sites, hours: Floats) -> Floats:
    """Whole degrees from 0 to 359: south-west in the rainy season, north-east in the dry one."""
    season = np.where(_year(hours, 15) < 0, 230.0, 55.0)
    return np.floor((season + 45 * wave(sites.region, hours, 14) + 20 * wave(sites.seed, hours, 2)) % 360)


def pressure(sites: Sites, hours: Floats) -> Floats:
    """hPa, with the tropical tide of two highs a day."""
    tide = 1.4 * np.cos(4 * np.pi * (hours - 10) / 24)
    return 1009.5 + 2.2 * _year(hours, 10) + tide + 1.0 * wave(sites.region, hours, 60)


def sunshine(sites: Sites, hours: Floats) -> Floats:
    """W/m²."""
    height = np.maximum(0.0, np.sin(np.pi * (hours % 24 - 5.8) / 12.2))
    clouds = np.clip(0.72 + 0.25 * wave(sites.region, hours, 5) - 0.04 * rain(sites, hours), 0.08, 1.0)
    return 1000 * height**1.2 * clouds


def pm25(sites: Sites, hours: Floats) -> Floats:
    """µg/m³."""
    winter = _winter(hours)
    inversion = winter * (9 * _bump(hours, 7, 3) + 4 * _bump(hours, 22, 3))
    base = 15 + 16 * winter + inversion + (5 + 3 * sites.bias) * _rush(hours)
    episode = np.exp(0.42 * wave(sites.region, hours, 70) + 0.2 * wave(sites.seed, hours, 7) + 0.22 * sites.bias)
    washed = 1 - 0.45 * np.minimum(1.0, rain(sites, hours) / 10)
    smoke = 70 * trouble(sites, hours, 14, 0.06)
    return np.maximum(2.0, base * episode * washed + smoke)


def pm10(sites: Sites, hours: Floats) -> Floats:
    """µg/m³."""
    return pm25(sites, hours) * (1.5 + 0.2 * wave(derived(sites.seed, 5), hours, 12)) + 4 + 6 * _rush(hours)


def no2(sites: Sites, hours: Floats) -> Floats:
    """µg/m³."""
    noise = 4 * wave(derived(sites.seed, 6), hours, 6)
    return np.maximum(2.0, 17 + 7 * sites.bias + (17 + 8 * sites.bias) * _rush(hours) + 6 * _winter(hours) + noise)


def so2(sites: Sites, hours: Floats) -> Floats:
    """µg/m³."""
    work = _bump(hours, 13, 5) * (1 - 0.6 * _weekend(hours))
    return np.maximum(1.0, 6 + 6 * work + 3 * wave(derived(sites.seed, 7), hours, 8))


def o3(sites: Sites, hours: Floats) -> Floats:
    """µg/m³: made by the sun, eaten by the traffic's nitrogen monoxide."""
    sun = sunshine(sites, hours - 2) / 1000
    noise = 6 * wave(derived(sites.seed, 8), hours, 6)
    return np.maximum(1.0, 18 + 75 * sun * (1 - 0.15 * sites.bias) - 8 * _rush(hours) + noise)


def co(sites: Sites, hours: Floats) -> Floats:
    """µg/m³."""
    noise = 90 * wave(derived(sites.seed, 9), hours, 5)
    return np.maximum(80.0, 420 + 140 * sites.bias + 520 * _rush(hours) + 160 * _winter(hours) + noise)


def air_index(sites: Sites, hours: Floats) -> Floats:
    """VN_AQI of the concentrations as they are reported."""
    columns: tuple[tuple[Pollutant, Signal], ...] = (
        ("pm25", pm25), ("pm10", pm10), ("no2", no2), ("so2", so2), ("o3_1h", o3), ("co", co)
    )  # fmt: skip
    parts = [np.interp(np.round(signal(sites, hours), 1), BREAKPOINTS[name], INDEX) for name, signal in columns]
    worst: Floats = np.maximum.reduce(parts)
    return worst


def noise(sites: Sites, hours: Floats) -> Floats:
    """LAeq in dB(A)."""
    awake = 1 / (1 + np.exp(-(_day(hours, 14) + 0.35) * 4))
    rush = 3.5 * _rush(hours)
    fast = 1.8 * wave(sites.seed, hours, 0.4) + 1.2 * wave(derived(sites.seed, 10), hours, 6)
    return 50 + 4 * sites.bias + 11 * awake + rush + fast + 0.25 * np.minimum(20, rain(sites, hours))


def noise_peak(sites: Sites, hours: Floats) -> Floats:
    """LAmax in dB(A)."""
    return noise(sites, hours) + 11 + 4 * wave(derived(sites.seed, 11), hours, 0.3)


def river_level(sites: Sites, hours: Floats) -> Floats:
    """m: the tide of the Sài Gòn and Đồng Nai rivers, highest in October and November."""
    shift = 0.8 * sites.bias
    tide = 0.52 * np.cos(2 * np.pi * (hours - shift) / 12.4206) + 0.38 * np.cos(2 * np.pi * (hours - shift) / 23.9345)
    spring = 0.18 * np.cos(2 * np.pi * hours / 12.0)
    return 1.1 + tide + spring + 0.25 * _year(hours, 300) + 0.08 * wave(sites.region, hours, 30)


def river_flow(sites: Sites, hours: Floats) -> Floats:
    """m³/s."""
    season = 90 + 70 * _year(hours, 280)
    tide = 8 * np.sin(2 * np.pi * hours / 12.4206)
    flow: Floats = np.maximum(5.0, season + 25 * wave(sites.region, hours, 48) + tide)
    return flow


def canal_level(sites: Sites, hours: Floats) -> Floats:
    """m: a canal or a low street fills with the last hours' showers and drains again, unless a drain is blocked."""
    water = np.zeros(np.broadcast_shapes(sites.seed.shape, hours.shape))
    for lag in range(6):
        water = water + rain(sites, hours - lag) * np.exp(-lag / 2)
    blocked = 1.1 * trouble(sites, hours, 15, 0.06)
    tide = 0.06 * np.cos(2 * np.pi * hours / 12.4206)
    return np.maximum(0.05, 0.45 + 0.02 * water * (1 + 0.4 * sites.bias) + tide + blocked)


def flood_index(sites: Sites, hours: Floats) -> Floats:
    """0 dry, 1 at the alert level, 2 at the danger level."""
    level = canal_level(sites, hours)
    above = 1 + (level - ALERT_LEVEL) / (DANGER_LEVEL - ALERT_LEVEL)
    index: Floats = np.where(level <= ALERT_LEVEL, level / ALERT_LEVEL, above)
    return index


def clients(sites: Sites, hours: Floats) -> Floats:
    """People on a public access point."""
    busy = 0.15 + _bump(hours, 11, 3) + 1.1 * _bump(hours, 19, 2.5) + 0.3 * _weekend(hours) * _bump(hours, 16, 5)
    crowd = (14 + 10 * sites.bias) * busy * (1 + 0.35 * wave(sites.seed, hours, 0.7))
    return np.where(access_point_up(sites, hours) > 0, np.maximum(0.0, crowd), 0.0)


def access_point_up(sites: Sites, hours: Floats) -> Floats:
    """1 while an access point works; about one in fifty is down on a day."""
    return np.where(uniform(derived(sites.seed, 12), np.floor(hours / 24).astype(np.int64)) < 0.02, 0.0, 1.0)


def power(sites: Sites, hours: Floats) -> Floats:
    """W of one consumer: a third are workshops that work by day, the rest homes with cooling in the evening."""
    workshop = np.where(uniform(derived(sites.seed, 13), np.zeros(1, np.int64)) < 0.33, 1.0, 0.0)
    work = _bump(hours, 10, 3) + _bump(hours, 15, 3)
    shop = 2500 + 14_000 * work * (1 - 0.8 * _weekend(hours))
    cooling = 1 + 0.25 * _year(hours, 110)
    home = 180 + 1500 * cooling * (0.4 * _bump(hours, 6.5, 1.5) + _bump(hours, 20, 3) + 0.25 * _bump(hours, 1, 4))
    size = 1 + 0.5 * sites.bias
    watts: Floats = size * np.where(workshop > 0, shop, home) * (1 + 0.25 * wave(sites.seed, hours, 0.5))
    return watts


def lamp_current(sites: Sites, hours: Floats) -> Floats:
    """A of one phase of a streetlight cabinet: on from dusk to dawn, dimmed after 23 h."""
    clock = hours % 24
    lit = (clock > 18.0) | (clock < 5.6)
    dimmed = (clock >= 23) | (clock < 5)
    return np.where(lit, (16 + 6 * sites.bias) * np.where(dimmed, 0.6, 1.0) + 0.4 * wave(sites.seed, hours, 0.6), 0.1)


def parking_share(sites: Sites, hours: Floats) -> Floats:
    """Share of a car park's spaces that are taken."""
    shop = 0.75 * _bump(hours, 18.5, 3) + 0.45 * _bump(hours, 11, 3) + 0.15 * _weekend(hours)
    return np.clip(0.12 + shop * (0.85 + 0.15 * sites.bias) + 0.08 * wave(sites.seed, hours, 1.5), 0, 1)
