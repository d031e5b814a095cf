"""The mobility module at a glance: the public transport network and what moves on it."""

from dothi.city.mobility.entities import TERMS, TYPES
from dothi.city.mobility.feeds import FEEDS
from dothi.city.mobility.indicators import INDICATORS
from dothi.city.mobility.page import PAGE
from dothi.city.module import CityModule, Text

module = CityModule(
    name="mobility",
    label=Text("Giao thông", "Mobility"),
    types=TYPES,
    feeds=FEEDS,
    indicators=INDICATORS,
    page=PAGE,
    terms=TERMS,
)
