"""The documents say what is: links lead somewhere, generated pages are fresh, and every command that is shown works."""

from __future__ import annotations

import json
import os
import pkgutil
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest
import typer

from dothi.cli import cli
from dothi.settings import Settings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
TUTORIAL = DOCS / "tutorial" / "first-station.md"
CONTEXTS = DOCS / "howto" / "use-your-own-context.md"
HISTORY = DOCS / "explanation" / "history.md"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

#: What a server that stays in its terminal says when it is ready, by how its command begins.
STAYS = {"dothi serve": "dothi is ready at", "mosquitto -p": "running", "python3 receive.py": "waiting"}
#: Ports that the documents use; each run takes free ones in their place.
PORTS = ("8090", "1883", "9000")

#: Nobody types faster, seconds: what modules compute from a value follows some milliseconds after it. Nor does anybody
#: send two values in one second: the second would take the place of the first, being of the same time.
TYPING = 0.3


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


# --- links and generated pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", PAGES, ids=lambda each: each.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    text = re.sub(r"```.*?```", "", read(document), flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            found = (document.parent / file) if file else document
            assert found.exists(), f"{document.relative_to(ROOT)} links {target}, which is not there"
            assert not anchor or anchor in anchors(found), (
                f"{document.relative_to(ROOT)} links {target}: no such heading"
            )


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def generated() -> dict[str, Callable[[], str]]:
    pages: dict[str, Callable[[], str]] = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    return pages


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "routes.md"])
def test_a_page_made_from_the_code_is_fresh(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [each for each in os.environ if each.startswith("DOTHI__")]:
        monkeypatch.delenv(variable)
    assert read(DOCS / "reference" / name) == generated()[name](), "run `.venv/bin/python docs/generate.py`"


def test_every_setting_is_documented() -> None:
    page = read(DOCS / "reference" / "settings.md")
    for name, property in Settings.model_json_schema()["$defs"].items():
        for setting in property.get("properties", {}):
            assert f".{setting}`" in page, f"{name}.{setting} is not in settings.md"


def test_every_command_and_option_is_documented() -> None:
    page = read(DOCS / "reference" / "cli.md")
    group: Any = typer.main.get_command(cli)
    for name, command in group.commands.items():
        section = page.split(f"## dothi {name}\n")[1].split("\n## ")[0]
        assert all(f"`{each.opts[0]}" in section for each in command.params if each.param_type_name == "option")


def test_every_page_of_the_navigation_is_there_and_every_page_is_in_it() -> None:
    named = set(re.findall(r"[\w./-]+\.md", read(ROOT / "mkdocs.yml").split("\nnav:")[1]))
    written = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert named == written, f"mkdocs.yml: take out {sorted(named - written)}, put in {sorted(written - named)}"


def test_settings_shown_as_an_example_are_taken() -> None:
    shown = [
        block for page in PAGES for block in blocks(page) if block.language == "toml" and "dothi.toml" in block.title
    ]
    assert shown
    for block in shown:
        Settings(**tomllib.loads(block.text))
    (example,) = [block for block in blocks(DOCS / "reference" / "settings.md") if block.language == "toml"]
    Settings(**tomllib.loads(example.text))


def test_every_file_and_name_of_the_architecture_is_there() -> None:
    text = read(ROOT / "ARCHITECTURE.md")
    for path in re.findall(r"`(\w[\w./]*/[\w.]*\w|\w+\.py)`", text):
        is_there = (ROOT / path).exists() or any((ROOT / "src" / "dothi").rglob(path))
        assert is_there, f"{path} is not there"
    floors = "cli|app|api|web|city|demo|connectors|automation|broker|storage|model"
    for name in re.findall(rf"`((?:{floors})\.[\w.]+)`", text):
        if not name.endswith(".py"):
            assert is_importable(f"dothi.{name}"), f"{name} is not there"


def is_importable(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


# --- both languages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [ROOT / "README.md", TUTORIAL], ids=lambda each: each.name)
def test_the_vietnamese_page_shows_the_same_commands(document: Path) -> None:
    vietnamese = document.with_suffix(".vi.md")
    pairs = list(zip(blocks(document), blocks(vietnamese), strict=True))
    assert pairs
    for here, there in pairs:
        assert (here.language, here.terminal, here.file, here.text) == (
            there.language,
            there.terminal,
            there.file,
            there.text,
        )


@pytest.mark.parametrize(
    "document", [*sorted(ROOT.glob("*.md")), DOCS / "howto" / "run-a-city.md"], ids=lambda each: each.name
)
def test_make_targets_that_are_shown_exist(document: Path) -> None:
    for target in re.findall(r"^make (\w+)", "\n".join(block.text for block in blocks(document)), re.MULTILINE):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"make {target} is not in the Makefile"


# --- commands that are shown, run as a reader would ---------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block. `title` names a file to save, or a terminal by its number."""

    language: str
    title: str
    text: str
    heading: str

    @property
    def terminal(self) -> int | None:
        return int(self.title.split()[-1]) if self.language == "sh" and self.title else None

    @property
    def file(self) -> str | None:
        return self.title if self.language != "sh" and self.title else None


def blocks(page: Path) -> list[Block]:
    found = []
    text = read(page)
    for match in re.finditer(r'^ *```(\w+)(?: title="([^"]+)")?\n(.*?)^ *```$', text, re.DOTALL | re.MULTILINE):
        heading = re.findall(r"^## (.+)$", text[: match.start()], re.MULTILINE)
        found.append(Block(match[1], match[2] or "", textwrap.dedent(match[3]), heading[-1] if heading else ""))
    return found


@dataclass
class Reader:
    """Somebody who follows a page: saves files, types commands, compares what comes back with what the page shows."""

    folder: Path
    ports: dict[str, str]
    variables: set[str] = field(default_factory=set)
    terminals: dict[int, Running] = field(default_factory=dict)
    next_second: float = 0.0

    def follow(self, shown: list[Block]) -> None:
        answer = ""
        for block in shown:
            text = self._own_ports(block.text)
            if block.file:
                (self.folder / block.file).write_text(text, encoding="utf-8")
            elif block.language == "json":
                assert_shows(json.loads(text), json.loads(answer.strip().splitlines()[-1]))
            elif block.terminal is not None and block.terminal != 2:
                self._use_terminal(block.terminal, text)
            elif block.language == "sh":
                answer = self._type(text)

    def _own_ports(self, text: str) -> str:
        for shown, own in self.ports.items():
            text = text.replace(shown, own)
        return text

    def _use_terminal(self, number: int, command: str) -> None:
        if number in self.terminals:
            self.terminals.pop(number).stop()
        ready = next((words for begin, words in STAYS.items() if command.startswith(begin)), None)
        if ready is None:
            self._type(command)
        else:
            self.terminals[number] = Running.start(command, ready, self.folder, self.environment)

    def _type(self, command: str) -> str:
        """Run it as bash would, with the variables set before; an error answer of the API is an error here."""
        self._take_time(command)
        self.variables |= set(re.findall(r"^([A-Z]+)=", command, re.MULTILINE))
        keep = [f"declare -p {' '.join(sorted(self.variables))} > .variables"] if self.variables else []
        script = "\n".join(["set -euo pipefail", "touch .variables; . ./.variables", command, *keep])
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "/errors/" not in done.stdout, f"{command}\n{done.stdout}"
        return done.stdout

    def _take_time(self, command: str) -> None:
        time.sleep(TYPING)
        if "$(date" in command:
            time.sleep(max(0.0, self.next_second - time.monotonic()))
            self.next_second = time.monotonic() + 1.1

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DOTHI__")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])
        return {**clean, "PATH": path, "DOTHI__SERVER__PORT": self.ports["8090"]}

    def leave(self) -> None:
        for running in self.terminals.values():
            running.stop()


@dataclass
class Running:
    """A command that stays in its terminal. `said` is what it has printed."""

    process: subprocess.Popen[str]
    said: list[str]
    reading: threading.Thread

    @classmethod
    def start(cls, command: str, ready: str, folder: Path, environment: dict[str, str]) -> Running:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said: list[str] = []
        assert process.stdout is not None
        reading = threading.Thread(target=_keep_lines, args=(process.stdout, said), daemon=True)
        reading.start()
        running = cls(process, said, reading)
        running.wait_for(ready)
        return running

    def wait_for(self, words: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not any(words in line for line in self.said):
            assert time.monotonic() < end, f"{words!r} was not said:\n{''.join(self.said)}"
            assert self.reading.is_alive(), f"ended before it said {words!r}:\n{''.join(self.said)}"
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self.reading.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _keep_lines(stream: IO[str], said: list[str]) -> None:
    for line in stream:
        said.append(line)  # noqa: PERF402 - line by line, so that others see each as it comes


def assert_shows(shown: Any, answered: Any) -> None:
    """A page may leave members out and write … for a text that differs each time; all else must be as shown."""
    if isinstance(shown, dict):
        assert isinstance(answered, dict)
        for name, value in shown.items():
            assert name in answered, f"{name} is shown, but not in {answered}"
            assert_shows(value, answered[name])
    elif isinstance(shown, list):
        assert len(shown) == len(answered), f"{shown} is shown, the answer is {answered}"
        for each, other in zip(shown, answered, strict=True):
            assert_shows(each, other)
    elif shown != "…":
        assert shown == answered


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path, dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    yield reader
    reader.leave()


def free_ports(count: int) -> list[str]:
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in listening]
    for each in listening:
        each.close()
    return ports


def test_the_tutorial_works_to_the_letter(reader: Reader) -> None:
    shown = blocks(TUTORIAL)
    by_mqtt = next(at for at, block in enumerate(shown) if block.heading.startswith("6"))
    reader.follow(shown[:by_mqtt])
    if shutil.which("mosquitto", path=reader.environment["PATH"]) is None or shutil.which("mosquitto_pub") is None:
        pytest.skip("steps 6 and 7 need mosquitto: apt-get install mosquitto mosquitto-clients")
    reader.follow(shown[by_mqtt:])
    reader.terminals[4].wait_for("Trạm Phú Lợi")


def test_a_hosted_context_and_a_backup_work_as_shown(reader: Reader) -> None:
    reader.follow([Block("sh", "Terminal 1", "dothi serve --data my-city", "")])
    reader.follow([block for block in blocks(CONTEXTS) if block.heading == "Host your own"])
    reader.follow([block for block in blocks(HISTORY) if block.heading == "Backup"])
    reader.follow([Block("sh", "Terminal 1", "dothi serve --data backup", "")])
    reader.follow([block for block in blocks(CONTEXTS) if block.heading == "Host your own"][-2:])


def test_the_first_steps_work_on_the_demo_city(reader: Reader) -> None:
    command = "dothi demo --data city --size 0.2 --days 4"
    reader.terminals[1] = Running.start(command, "dothi is ready at", reader.folder, reader.environment)
    steps = [block for block in blocks(ROOT / "README.md") if block.heading == "First steps"]
    assert len(steps) == 5
    reader.follow(steps)


def test_the_refusal_that_the_security_page_shows_is_what_is_said(reader: Reader) -> None:
    example = re.compile(r"^```console\n\$ (.*?)\n(.*?)\n```", re.DOTALL | re.MULTILINE)
    ((command, answer),) = example.findall(read(DOCS / "howto" / "secure-a-city.md"))
    said = subprocess.run(
        command.split(), cwd=reader.folder, env=reader.environment, capture_output=True, text=True, timeout=60
    )
    assert said.stderr.strip() == answer
