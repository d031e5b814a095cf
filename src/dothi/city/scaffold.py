"""Writes the package of a new city module: the one shape, an entry point, and a test that passes."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import Final

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)

_PYPROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "dothi-$name"
version = "0.1.0"
description = "The $name module of a dothi city"
requires-python = ">=3.11"
dependencies = ["dothi"]

[project.entry-points."dothi.city"]
$module = "dothi_$module:module"

[tool.hatch.build.targets.wheel]
packages = ["src/dothi_$module"]

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
"""

_README: Final = """\
# dothi-$name

A city module for dothi. Install it beside dothi and it is there at the next start:

    pip install -e .

| file | what to write there |
| --- | --- |
| `src/dothi_$module/entities.py` | types, attributes, units and words for people |
| `src/dothi_$module/feeds.py` | outside message -> entities and problems |
| `src/dothi_$module/indicators.py` | values computed from readings |
| `src/dothi_$module/page.py` | layers of the map, bands, charts |
| `src/dothi_$module/__init__.py` | the declaration that ties them together |
"""

_INIT: Final = '''\
"""The $name module at a glance."""

from dothi.city.module import CityModule, Text

from dothi_$module.entities import TYPES
from dothi_$module.feeds import FEEDS
from dothi_$module.indicators import INDICATORS, derive_share
from dothi_$module.page import PAGE

module = CityModule(
    name="$name",
    label=Text("$title", "$title"),
    types=TYPES,
    feeds=FEEDS,
    indicators=INDICATORS,
    page=PAGE,
    derive={"$type": derive_share},
    terms={name: "https://example.org/$name/" + name for name in ("level", "capacity", "share")},
)
'''

_ENTITIES: Final = '''\
"""The entity types of the $name module with the attributes that people see."""

from __future__ import annotations

from dothi.city.module import Attribute, EntityType, Text

# Take a type of the Smart Data Models where one fits, with its IRI; else an IRI under a domain of yours.
TYPES = (
    EntityType(
        "$type",
        "https://example.org/$name/$type",
        Text("Trạm đo", "Station"),
        (
            Attribute("level", Text("Mức đo được", "Level"), "m", "MTR", 2),
            Attribute("capacity", Text("Mức tối đa", "Capacity"), "m", "MTR", 2),
            Attribute("share", Text("Tỷ lệ", "Share"), "", None, 2),
        ),
        stale_after=3600,
    ),
)
'''

_FEEDS: Final = '''\
"""What devices send, as entities: pure functions from a message to entities and problems."""

from __future__ import annotations

import json
from typing import Any

from dothi.city.module import Feed, Text
from dothi.model.instant import parse_instant
from dothi.model.reading import Decoded, Trouble


def decode_reading(message: bytes, address: str) -> Decoded:
    """{"id": "7", "time": "2026-01-31T08:00:00Z", "level": 1.2} -> a $type.

    Bad input raises nothing: it is told as a Trouble with its place, so that the sender can mend it.
    """
    try:
        reading: Any = json.loads(message)
        observed, level = reading["time"], reading["level"]
        parse_instant(observed)
        if isinstance(level, bool) or not isinstance(level, int | float):
            raise ValueError(f"level {level!r} is no number")
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        mend = 'send {"id": "7", "time": "2026-01-31T08:00:00Z", "level": 1.2}'
        return Decoded(problems=[Trouble(address, f"{type(fault).__name__}: {fault}", mend)])
    entity = {
        "id": f"urn:ngsi-ld:$type:{reading.get('id', '1')}",
        "type": "$type",
        "level": {"type": "Property", "value": level, "unitCode": "MTR", "observedAt": observed},
    }
    return Decoded(entities=[entity])


FEEDS = (Feed("reading", decode_reading, Text("Một số đo dạng JSON", "One reading in JSON")),)
'''

_INDICATORS: Final = '''\
"""Values that the $name module computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dothi.city.module import Indicator, Text


def derive_share(entity: Mapping[str, Any]) -> Mapping[str, Any]:
    """share = level / capacity of one entity; empty where it cannot be told."""
    level, capacity = entity.get("level"), entity.get("capacity")
    if not isinstance(level, int | float) or not isinstance(capacity, int | float) or capacity <= 0:
        return {}
    return {"share": {"type": "Property", "value": round(level / capacity, 3)}}


def mean_level(inputs: Mapping[str, Any]) -> float | None:
    """The mean of {"levels": [m]}; None without any."""
    levels = [float(level) for level in inputs.get("levels", ())]
    return sum(levels) / len(levels) if levels else None


INDICATORS = (Indicator("${module}_mean_level", Text("Mức trung bình", "Mean level"), "m", mean_level),)
'''

_PAGE: Final = '''\
"""The $name page as data."""

from __future__ import annotations

from dothi.city.module import Band, Layer, ModulePage, Text

BANDS = (
    Band(0, "ok", Text("Bình thường", "Normal")),
    Band(0.8, "advisory", Text("Cao", "High")),
    Band(1, "major", Text("Vượt mức", "Above the limit")),
)

PAGE = ModulePage(
    layers=(
        Layer(
            "$name",
            Text("$title", "$title"),
            ("$type",),
            shape="circle",
            value="share",
            bands=BANDS,
        ),
    ),
    charts=("level",),
)
'''

_TEST: Final = '''\
"""The $name module keeps the promises that every city module makes."""

from __future__ import annotations

from dothi_$module import module


def test_a_reading_becomes_an_entity_of_a_declared_type() -> None:
    message = b'{"id": "7", "time": "2026-01-31T08:00:00Z", "level": 1.2}'
    (entity,) = module.feeds[0].decode(message, "topic").entities
    assert entity["type"] in {declared.name for declared in module.types}
    assert entity["level"]["value"] == 1.2


def test_a_bad_reading_is_told_and_raises_nothing() -> None:
    for message in (b"", b"{", b"[]", b'{"time": "soon", "level": 1}', b'{"time": 7, "level": "high"}'):
        decoded = module.feeds[0].decode(message, "topic")
        assert not decoded.entities
        assert decoded.problems[0].where == "topic"


def test_layers_speak_of_declared_types_and_attributes() -> None:
    types = {declared.name: {attribute.name for attribute in declared.attributes} for declared in module.types}
    for layer in module.page.layers:
        for name in layer.types:
            assert layer.value is None or layer.value in types[name]


def test_values_are_derived() -> None:
    derive = module.derive["$type"]
    assert derive({"level": 1.0, "capacity": 4.0})["share"]["value"] == 0.25
    assert derive({"level": 1.0}) == {}
    assert module.indicators[0].compute({"levels": [1, 2]}) == 1.5
'''

_FILES: Final = {
    "pyproject.toml": _PYPROJECT,
    "README.md": _README,
    "src/dothi_$module/__init__.py": _INIT,
    "src/dothi_$module/entities.py": _ENTITIES,
    "src/dothi_$module/feeds.py": _FEEDS,
    "src/dothi_$module/indicators.py": _INDICATORS,
    "src/dothi_$module/page.py": _PAGE,
    "src/dothi_$module/py.typed": "",
    "tests/test_${module}_module.py": _TEST,
}


def new_module(name: str, folder: Path) -> list[Path]:
    """Write the package dothi-<name> into a new folder of that name under `folder`; the paths written, in order.

    `name` is lower case with hyphens, like "street-trees". Raises ValueError for another name and FileExistsError
    where the folder is there already; then nothing is written.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot name a module: use lower-case letters, digits and hyphens, like street-trees"
        )
    root = folder / f"dothi-{name}"
    if root.exists():
        raise FileExistsError(f"{root} is there already; choose another name or folder")
    words = name.split("-")
    values = {
        "name": name,
        "module": "_".join(words),
        "title": " ".join(words).capitalize(),
        "type": "".join(word.capitalize() for word in words) + "Station",
    }
    written = []
    for path, text in _FILES.items():
        target = root / Template(path).substitute(values)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(values), encoding="utf-8")
        written.append(target)
    return written
