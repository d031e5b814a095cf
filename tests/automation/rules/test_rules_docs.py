"""The pages on rules name every member, kind and action, and their examples and the demo city's rules are sound."""

import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from dothi.automation.rules import definition as d
from dothi.automation.rules.checks import Known, check
from dothi.automation.rules.reading import read_rule, read_toml, toml_of

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "rules.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", (DOCS / "howto" / "write-rules.md").read_text("utf-8"), re.DOTALL)
DEMO = files("dothi.demo").joinpath("rules.toml").read_text("utf-8")
SHAPES = [d.Rule, d.Schedule, *get_args(d.Condition), *get_args(d.Action)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_the_reference_names_every_member(shape):
    tag = shape.__struct_config__.tag
    assert tag is None or f"`{tag}`" in REFERENCE
    assert [each.name for each in msgspec.structs.fields(shape) if f"`{each.name}`" not in REFERENCE] == []


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_can_be_taken(text):
    (document,) = read_toml(text)
    assert [fault for fault in check(read_rule(document), Known()) if fault.level == "error"] == []


def test_the_rules_of_the_demo_city_are_sound_and_patient():
    rules = [read_rule(document) for document in read_toml(DEMO)]
    assert len(rules) >= 10
    assert {rule.id: check(rule, Known()) for rule in rules if check(rule, Known())} == {}
    assert [read_rule(read_toml(toml_of(rule))[0]) for rule in rules] == rules
