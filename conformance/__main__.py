"""`make conformance SUITE=FOLDER`: drives the public NGSI-LD test suite against dothi, and writes the rates."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from conformance.brokers import Brokers
from conformance.page import PAGE, explained_cases, write_rates
from conformance.runner import RUNS, Missing, Outcome, Runner, find_runner, find_suite

DEFAULT_RUNNER = Path(__file__).parents[1] / ".." / "shared" / "tools" / "etsi" / "run"


def main() -> int:
    """Exit code 0 when every failing case is explained in the page, 1 when one is not, 2 when the suite cannot run."""
    arguments = _arguments()
    try:
        runner = Runner(find_runner(arguments.runner), find_suite(arguments.suite))
    except Missing as missing:
        print(f"conformance: {missing}", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="dothi-conformance-", dir=arguments.folder))
    out = arguments.out or folder / "out"
    outcomes = []
    try:
        for run in RUNS:
            if run.name in (arguments.only or [run.name for run in RUNS]):
                with Brokers(folder / run.name, run.brokers) as brokers:
                    outcomes.append(runner.drive(run, brokers, out / run.name, arguments.select))
    except Missing as missing:
        print(f"conformance: {missing}", file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not arguments.select and not arguments.only:
        write_rates(PAGE, outcomes, f"{datetime.now(UTC):%Y-%m-%d}")
        print(f"conformance: the rates are written into {PAGE.relative_to(Path(__file__).parents[1])}")
    return report(outcomes)


def report(outcomes: list[Outcome]) -> int:
    """Says how many passed, and which failing cases the page does not explain."""
    for outcome in outcomes:
        print(f"conformance: {outcome.run.title}: {outcome.passed} of {outcome.cases} passed ({outcome.rate:.1%})")
    explained = explained_cases(PAGE.read_text("utf-8"))
    open_cases = sorted({case for outcome in outcomes for case in outcome.failing if case not in explained})
    if open_cases:
        print(f"conformance: {len(open_cases)} failing cases are not explained in {PAGE.name}: {', '.join(open_cases)}")
    return 1 if open_cases else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("--suite", default=os.environ.get("SUITE", ""), help="checkout or bare git folder of the suite")
    parser.add_argument(
        "--runner", type=Path, default=os.environ.get("RUNNER") or DEFAULT_RUNNER, help="program that drives the suite"
    )
    parser.add_argument("--only", action="append", choices=[run.name for run in RUNS], help="one run; the page stays")
    parser.add_argument("--folder", type=Path, help="where scratch data goes; default the system's temporary folder")
    parser.add_argument("--out", type=Path, help="keep the runner's reports in this folder")
    parser.add_argument("select", nargs="*", help="folders or files of the suite; the page stays as it is")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
