"""Runs of the suite by the program that drives it, and what came out."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.brokers import Brokers
from dothi.model.packaged import CORE


class Missing(Exception):
    """The suite cannot be run here; the text says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: which files of the suite, against how many brokers."""

    name: str
    title: str
    tier: str
    brokers: int = 1
    select: tuple[str, ...] = ()


RUNS: Final = (
    Run("etsi", "ETSI's cases, one broker", "etsi", select=("TP",)),
    Run("iop", "ETSI's cases, five brokers", "etsi", brokers=5, select=("IOP_TP",)),
    Run("ext", "added cases, five brokers", "ext", brokers=5),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave: per area of the suite (passed, cases), and the failing cases (file names without ending)."""

    run: Run
    areas: dict[str, tuple[int, int]]
    failing: tuple[str, ...]
    suite: str

    @property
    def passed(self) -> int:
        return sum(passed for passed, _ in self.areas.values())

    @property
    def cases(self) -> int:
        return sum(cases for _, cases in self.areas.values())

    @property
    def rate(self) -> float:
        return self.passed / self.cases if self.cases else 0.0


@dataclass(frozen=True, slots=True)
class Runner:
    """The program, and the suite's folder that it reads."""

    program: Path
    suite: Path

    def drive(self, run: Run, brokers: Brokers, out: Path, select: Sequence[str] = ()) -> Outcome:
        """One run; its progress goes to the terminal, its reports to `out`. Raises Missing when it could not run."""
        first, *_ = brokers.urls
        command = [str(self.program), first, "--tier", run.tier, "--out", str(out), "--core-context", CORE]
        command += ["--reset", brokers.reset_command]
        if run.brokers > 1:
            command += ["--iop", ",".join(brokers.urls)]
        print(f"conformance: {run.title}", flush=True)
        done = subprocess.run([*command, *(select or run.select)], env={**os.environ, "SUITE": str(self.suite)})
        if done.returncode not in (0, 1, 3):
            raise Missing(f"{self.program} could not run the suite: it ended with exit code {done.returncode}.")
        return read_outcome(run, out)


def read_outcome(run: Run, out: Path) -> Outcome:
    """The outcome in a runner's `out` folder: summary.json, and failures.txt with the file in its second column."""
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    areas = {name: (area["passed"], area["cases"]) for name, area in summary["areas"].items()}
    failures = (out / "failures.txt").read_text("utf-8").splitlines()
    failing = {line.split("\t")[1].removesuffix(".robot") for line in failures if line.count("\t") >= 2}
    return Outcome(run, areas, tuple(sorted(failing)), summary["suite"][:7])


def find_suite(text: str) -> Path:
    """The suite's folder, absolute. Raises Missing where none is given or it is no git folder."""
    if not text:
        raise Missing("no suite is given: make conformance SUITE=FOLDER, where FOLDER is a git clone of the suite.")
    folder = Path(text).resolve()
    if not (folder / "HEAD").exists() and not (folder / ".git" / "HEAD").exists():
        raise Missing(f"SUITE={text}: there is no git clone of the suite in this folder.")
    return folder


def find_runner(path: str | Path) -> Path:
    """The program that drives the suite, absolute. Raises Missing where it is not there or cannot be run."""
    program = Path(path).resolve()
    if not program.is_file() or not os.access(program, os.X_OK):
        raise Missing(f"RUNNER={path}: there is no program; give one that takes a broker's address and these options:"
                      " --tier, --out, --iop, --core-context, --reset.")  # fmt: skip
    return program
