"""Builds the operations app into the package, so that whoever installs a wheel or an sdist needs no Node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildApp(BuildHookInterface[Any]):
    """Runs npm only when the built app is absent; an editable install never needs it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable" or (root / "src/dothi/web/static/index.html").exists():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("the app is not built and npm is not there: install Node 20 or take the sdist")
        subprocess.run([npm, "--prefix", "web", "ci", "--no-audit", "--no-fund"], cwd=root, check=True)
        subprocess.run([npm, "--prefix", "web", "run", "build"], cwd=root, check=True)
