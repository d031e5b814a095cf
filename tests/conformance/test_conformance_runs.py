"""`make conformance`: what is missing is said in one line, brokers are wiped, and the rates stand in the page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]

#: A program in the place of the real one: it writes an entity, wipes the broker as it is told, and fails one case.
PROGRAM = """#!{python}
import json, pathlib, subprocess, sys, urllib.error, urllib.request
url, out = sys.argv[1], pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
reset = sys.argv[sys.argv.index("--reset") + 1]
entity = json.dumps(dict(id="urn:x:1", type="T")).encode()
post = urllib.request.Request(url + "/entities", entity, {{"content-type": "application/json"}})
urllib.request.urlopen(post)
subprocess.run(reset, shell=True, check=True)
try:
    urllib.request.urlopen(url + "/entities/urn:x:1")
except urllib.error.HTTPError as gone:
    assert gone.code == 404
else:
    raise SystemExit(2)
out.mkdir(parents=True)
area = dict(cases=4, passed=3, failed=1, other=0, seconds=1.0)
(out / "summary.json").write_text(json.dumps(dict(suite="0123456789", areas=dict(Here=area))))
(out / "failures.txt").write_text("Here\\t" + "099_99.robot\\tcase\\tmessage\\n")
raise SystemExit(1)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what `make conformance` is made of, whose page may be written; two brokers do for many."""
    shutil.copytree(ROOT / "conformance", tmp_path / "conformance")
    runs = tmp_path / "conformance" / "runner.py"
    runs.write_text(runs.read_text("utf-8").replace("brokers=5", "brokers=2"), "utf-8")
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "reference" / "conformance.md", tmp_path / "docs" / "reference")
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "HEAD").write_text("ref: refs/heads/main\n")
    program = tmp_path / "run"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    return tmp_path


def conformance(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("SUITE", "RUNNER")}
    command = [sys.executable, "-m", "conformance", *arguments]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no suite is given"),
        (["--suite", "."], "no git clone of the suite"),
        (["--suite", "suite", "--runner", "nowhere/run"], "RUNNER=nowhere/run"),
    ],
)
def test_what_is_missing_is_said_in_one_line(project: Path, arguments: list[str], said: str) -> None:
    given = arguments if "--runner" in arguments else [*arguments, "--runner", "run"]
    done = conformance(project, *given)
    assert done.returncode == 2
    assert done.stderr.startswith("conformance: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_a_run_wipes_the_brokers_writes_the_rates_and_names_what_is_not_explained(project: Path) -> None:
    done = conformance(project, "--suite", "suite", "--runner", "run")
    assert done.returncode == 1, done.stderr
    assert "1 failing cases are not explained in conformance.md: 099_99" in done.stdout
    page = (project / "docs" / "reference" / "conformance.md").read_text("utf-8")
    assert "| ETSI's cases, one broker | 3 | 4 | 75.0% |" in page
    assert "commit 0123456 of the suite" in page
    before = (ROOT / "docs" / "reference" / "conformance.md").read_text("utf-8")
    assert page.partition("<!-- end of rates -->")[2] == before.partition("<!-- end of rates -->")[2]


def test_a_case_that_the_page_explains_is_no_failure_of_the_run(project: Path) -> None:
    page = project / "docs" / "reference" / "conformance.md"
    page.write_text(page.read_text("utf-8") + "| `099_99` | clause 5.6.1 asks for the opposite |\n", "utf-8")
    done = conformance(project, "--suite", "suite", "--runner", "run", "--only", "etsi", "Here")
    assert done.returncode == 0, done.stdout + done.stderr
    assert page.read_text("utf-8").count("75.0%") == 0


def test_the_receivers_of_the_suite_can_be_called_and_long_pasts_come_in_parts(project: Path) -> None:
    code = (
        "from pathlib import Path; from conformance.brokers import Brokers\n"
        "with Brokers(Path('b'), 1) as brokers: print(brokers.urls[0], flush=True); input()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        past = [{"type": "Property", "value": n, "observedAt": f"2026-01-01T00:00:{n:02}Z"} for n in range(40)]
        evolution = {"id": "urn:x:1", "type": "T", "level": past}
        httpx.post(f"{url}/temporal/entities", content=json.dumps(evolution),
                   headers={"content-type": "application/json"}).raise_for_status()  # fmt: skip
        assert httpx.get(f"{url}/temporal/entities/urn:x:1").status_code == 206
        endpoint = {"uri": "http://127.0.0.1:9/"}
        subscription = {"type": "Subscription", "entities": [{"type": "T"}], "notification": {"endpoint": endpoint}}
        assert httpx.post(f"{url}/subscriptions", json=subscription).status_code == 201
        process.communicate("\n")
