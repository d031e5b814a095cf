"""`make bench`: measures, prints a table, writes bench/results.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.cases import FLOORS, MOST, measure

COMMAND = "make bench"


def main() -> int:
    """Exit code 0 when every floor holds, 1 when one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="length of each load")
    parser.add_argument("--folder", type=Path, help="scratch folder; default a temporary one")
    parser.add_argument("--shared", type=Path, default=os.environ.get("DOTHI_SHARED_DATA"), help="real data files")
    arguments = parser.parse_args()
    shared = Path(arguments.shared) if arguments.shared else Path(__file__).parents[2] / "shared" / "data"
    folder = Path(tempfile.mkdtemp(prefix="dothi-bench-", dir=arguments.folder))
    print(f"{machine()}; {datetime.now(UTC):%Y-%m-%d}", flush=True)
    try:
        figures = measure(folder, arguments.seconds, shared if shared.is_dir() else None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = {
        key: {
            "value": round(value, 4), "unit": FLOORS[key][1], "floor": FLOORS[key][2],
            "command": COMMAND, "beside": figures.beside[key],
        }
        for key, value in figures.values.items()
    }  # fmt: skip
    target = Path(__file__).parent / "results.json"
    target.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    missed = [key for key, value in figures.values.items() if not holds(key, value)]
    print()
    print("| key | what | measured | floor | holds | beside |\n| --- | --- | --- | --- | --- | --- |")
    for key, value in figures.values.items():
        what, unit, floor = FLOORS[key]
        verdict = "yes" if holds(key, value) else "**no**"
        print(f"| {key} | {what} | {value:,.2f} {unit} | {floor:,} | {verdict} | {figures.beside[key]} |")
    return 1 if missed else 0


def holds(key: str, value: float) -> bool:
    floor = FLOORS[key][2]
    return value <= floor if key in MOST else value >= floor


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main())
