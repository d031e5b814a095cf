"""The environment module at a glance: air, weather, noise and water, measured by stations."""

from dothi.city.environment.entities import TERMS, TYPES
from dothi.city.environment.feeds import FEEDS
from dothi.city.environment.indicators import INDICATORS, derive_air_quality, derive_flood
from dothi.city.environment.page import PAGE
from dothi.city.module import CityModule, Text

module = CityModule(
    name="environment",
    label=Text("Môi trường", "Environment"),
    types=TYPES,
    feeds=FEEDS,
    indicators=INDICATORS,
    page=PAGE,
    derive={"AirQualityObserved": derive_air_quality, "FloodMonitoring": derive_flood},
    terms=TERMS,
)
