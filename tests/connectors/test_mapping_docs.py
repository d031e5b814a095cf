"""The reference of mappings names every member there is, and its example is a mapping."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from dothi.connectors.mapping import Column, EntityRule, Mapping, Place, Source, Time, parse_mapping

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "mapping.md").read_text(encoding="utf-8")


def test_the_example_is_read() -> None:
    match = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert match is not None
    assert parse_mapping(match[1]).columns["PM2.5"].unit == "GQ"


@pytest.mark.parametrize("part", [Mapping, EntityRule, Source, Time, Place, Column])
def test_every_member_is_told(part: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(part):
        assert f"`{field.name}`" in PAGE or f"## [{field.name}" in PAGE, field.name
