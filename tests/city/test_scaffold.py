"""A new module's package has the one shape, is found by its entry point, and passes its own test."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dothi.city.scaffold import new_module


def test_a_new_module_passes_its_own_test_and_the_linter(tmp_path: Path) -> None:
    root = new_module("street-trees", tmp_path)[0].parent
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=root, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "4 passed" in run.stdout
    house = ["--config", str(Path(__file__).parents[2] / "pyproject.toml"), "."]
    for rule in (["check"], ["format", "--check"]):
        lint = subprocess.run(
            [sys.executable, "-m", "ruff", *rule, "--no-cache", *house], cwd=root, capture_output=True, text=True
        )
        assert lint.returncode == 0, lint.stdout + lint.stderr


def test_a_new_module_has_the_shape_of_our_own(tmp_path: Path) -> None:
    paths = {str(path.relative_to(tmp_path)) for path in new_module("flood", tmp_path)}
    ours = Path(__file__).parents[2] / "src" / "dothi" / "city" / "environment"
    for file in ("__init__.py", "entities.py", "feeds.py", "indicators.py", "page.py"):
        assert f"dothi-flood/src/dothi_flood/{file}" in paths
        assert (ours / file).exists()
    assert "dothi-flood/tests/test_flood_module.py" in paths


def test_a_new_module_comes_in_by_the_door_that_ours_use(tmp_path: Path) -> None:
    content = tomllib.loads((new_module("street-trees", tmp_path)[0]).read_text(encoding="utf-8"))
    assert content["project"]["entry-points"]["dothi.city"] == {"street_trees": "dothi_street_trees:module"}


@pytest.mark.parametrize("name", ["", "Flood", "7trees", "a_b", "a--b", "../x", "cây", "a b"])
def test_a_name_that_no_package_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot name a module"):
        new_module(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    new_module("flood", tmp_path)
    with pytest.raises(FileExistsError, match="is there already"):
        new_module("flood", tmp_path)
