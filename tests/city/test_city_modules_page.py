"""The reference page of the city modules says what the code declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from dothi.city.environment import module as environment
from dothi.city.environment.vn_aqi import BREAKPOINTS, INDEX, Pollutant
from dothi.city.mobility import module as mobility
from dothi.city.module import CityModule, load_modules
from dothi.demo.declaration import module as demo

DOCS = Path(__file__).parents[2] / "docs"


def _names(items: object) -> str:
    return ", ".join(items) if items else "-"  # type: ignore[arg-type, call-overload]


@pytest.mark.parametrize("module", [environment, mobility, demo], ids=lambda module: module.name)
def test_the_table_lists_what_the_module_declares(module: CityModule) -> None:
    row = " | ".join((
        f"| `{module.name}`",
        _names([entity.name for entity in module.types]),
        _names([feed.name for feed in module.feeds]),
        _names([layer.id for layer in module.page.layers]),
        _names(list(module.derive)),
        _names([indicator.id for indicator in module.indicators]) + " |",
    ))  # fmt: skip
    assert row in (DOCS / "reference" / "city-modules.md").read_text(encoding="utf-8")


def test_the_explained_breakpoints_are_those_of_the_code() -> None:
    text = (DOCS / "explanation" / "air-quality-index.md").read_text(encoding="utf-8")
    columns: tuple[Pollutant, ...] = ("o3_1h", "o3_8h", "co", "so2", "no2", "pm10", "pm25")
    for i, index in enumerate(INDEX):
        cells = [f"{BREAKPOINTS[name][i]:,}" if i < len(BREAKPOINTS[name]) else "-" for name in columns]
        assert f"| {index} | " + " | ".join(cells) + " |" in text


def test_our_modules_come_in_by_their_entry_points() -> None:
    names = {module.name for module in load_modules()}
    assert {"environment", "mobility"} <= names
    assert "demo" not in names


def test_no_two_modules_share_a_layer_or_disagree_about_a_term() -> None:
    modules = (environment, mobility, demo)
    layers = [layer.id for module in modules for layer in module.page.layers]
    assert len(layers) == len(set(layers))
    types = [entity.name for module in modules for entity in module.types]
    assert len(types) == len(set(types))
    terms: dict[str, str] = {}
    for module in modules:
        assert all(terms.setdefault(name, iri) == iri for name, iri in module.terms.items())


@pytest.mark.parametrize("module", [environment, mobility, demo], ids=lambda module: module.name)
def test_every_label_is_there_in_both_languages(module: CityModule) -> None:
    texts = [module.label, *(entity.label for entity in module.types), *(feed.description for feed in module.feeds)]
    texts += [attribute.label for entity in module.types for attribute in entity.attributes]
    texts += [layer.label for layer in module.page.layers]
    texts += [band.label for layer in module.page.layers for band in layer.bands]
    assert all(text.vi.strip() and text.en.strip() for text in texts)
