"""Every command as a person or a machine calls it: what it prints, and the exit code that it documents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from dothi.api.operations import describe
from dothi.cli import cli

runner = CliRunner()
ENTITIES = [{"id": f"urn:x:{n}", "type": "T", "level": {"type": "Property", "value": n}} for n in range(3)]
MAPPING = '[entity]\ntype = "T"\nid = "urn:x:{id}"\n[columns.level]\nattribute = "level"\ntype = "number"\n'


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    structlog.reset_defaults()  # the commands log to the runner's own stream, which is closed by now


def run(*arguments: str, code: int = 0):
    result = runner.invoke(cli, [str(one) for one in arguments])
    assert result.exit_code == code, (result.exit_code, result.stdout, result.stderr, result.exception)
    assert "[error" not in result.stderr, result.stderr
    return result


def entities_file(entities=ENTITIES, name="entities.json") -> Path:
    Path(name).write_text(json.dumps(entities), "utf-8")
    return Path(name)


def test_help_lists_every_command_and_the_exit_codes():
    text = " ".join(run("--help").stdout.split())
    for command in ("serve", "demo", "load", "check", "openapi", "new-module", "check-config"):
        assert command in text
        assert run(command, "--help").stdout
    assert "Exit codes: 0 done; 1 files had faults; 2 wrong usage or settings; 3 the server could" in text


def test_the_command_and_the_module_are_one():
    said = subprocess.run([sys.executable, "-m", "dothi", "--help"], capture_output=True, text=True, timeout=60)
    assert (said.returncode, "new-module" in said.stdout) == (0, True)


def test_wrong_usage_is_exit_2():
    run("nothing", code=2)
    run("load", code=2)
    run("serve", "--port", "70000", code=2)
    run("load", entities_file(), "--tenant", "no name!", "--data", "city", code=2)


def test_load_says_what_was_taken():
    assert "entities.json (ngsi-ld): 3 documents, 3 values" in run("load", entities_file(), "--data", "city").stdout


def test_load_answers_machines_in_json():
    answer = json.loads(run("load", entities_file(), "--data", "city", "--json").stdout)
    assert (answer["entities"], answer["values"], len(answer["files"])) == (3, 3, 1)
    assert answer["files"][0] | {"problems": []} == answer["files"][0]


def test_what_is_logged_goes_to_the_standard_error():
    code = "import structlog, dothi.cli as c; c._log_to_stderr(); structlog.get_logger().warning('told')"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (process.stdout, "told" in process.stderr) == ("", True)


def test_load_into_a_tenant_makes_it():
    run("load", entities_file(), "--data", "city", "--tenant", "thuan-an")
    assert (Path("city") / "tenants" / "thuan-an" / "city.db").exists()


def test_faults_in_files_are_exit_1_with_their_place():
    file = entities_file([ENTITIES[0], {"id": "no uri", "type": "T"}])
    for command in (("load", "--data", "city"), ("check",)):
        result = run(command[0], file, *command[1:], code=1)
        assert "entities.json:1" in result.stderr
        assert "no uri" in result.stderr
        answer = json.loads(run(command[0], file, *command[1:], "--json", code=1).stdout)
        assert answer["files"][0]["rejected"] == 1


def test_files_that_cannot_be_read_are_exit_1_and_stop_no_other():
    Path("unknown.bin").write_bytes(b"\x00\x01")
    Path("broken.zip").write_bytes(b"PK\x03\x04 and no more")
    Path("empty.json").write_bytes(b"")
    result = run(
        "load", "absent.json", "unknown.bin", "broken.zip", "empty.json", entities_file(), "--data", "c", code=1
    )
    for words in (
        "absent.json cannot be opened",
        "unknown.bin is of no known kind",
        "broken zip",
        "empty.json is empty",
    ):
        assert words in result.stderr
    assert "entities.json (ngsi-ld): 3 documents" in result.stdout


def test_a_context_that_cannot_be_had_is_told_for_each_entity_and_stops_no_other_file():
    far = entities_file([{"@context": "http://10.0.0.1/c.jsonld", **ENTITIES[0]}], "far.jsonld")
    result = run("load", far, entities_file(), "--data", "city", code=1)
    assert "far.jsonld:1" in result.stderr
    assert "10.0.0.1" in result.stderr
    assert "entities.json (ngsi-ld): 3 documents" in result.stdout


def test_lenient_mends_and_tells():
    file = entities_file([{"id": "station 1", "type": "T", "level": {"type": "Property", "value": 1}}])
    run("load", file, "--data", "city", code=1)
    result = run("load", file, "--data", "city", "--lenient")
    assert "mended" in result.stdout
    assert "urn:ngsi-ld:T:station" in result.stderr


def test_a_table_needs_a_mapping_which_check_proposes_and_load_then_takes():
    Path("levels.csv").write_text("id,level\na,1.5\nb,2.5\n", "utf-8")
    assert "needs a mapping" in run("load", "levels.csv", "--data", "city", code=1).stderr
    proposed = json.loads(run("check", "levels.csv", "--json").stdout)["proposals"]["levels.csv"]
    assert proposed in run("check", "levels.csv").stdout
    Path("levels.csv.toml").write_text(proposed, "utf-8")
    assert "2 documents" in run("load", "levels.csv", "--data", "city").stdout
    assert "proposals" in run("check", "levels.csv", "--json").stdout
    assert json.loads(run("check", "levels.csv", "--json").stdout)["proposals"] == {}


def test_check_tells_the_faults_of_a_table_that_it_proposes_for():
    Path("levels.csv").write_text("id,level\na,1.5\nb,2.5,9,9\nc,3\n", "utf-8")
    result = run("check", "levels.csv", code=1)
    assert "levels.csv:3" in result.stderr


def test_a_mapping_that_is_none_is_exit_2_with_its_place():
    Path("levels.csv").write_text("id,level\na,1\n", "utf-8")
    Path("wrong.toml").write_text(MAPPING + "[nothing]\n", "utf-8")
    assert "nothing" in run("load", "levels.csv", "--mapping", "wrong.toml", "--data", "city", code=2).stderr
    assert "absent.toml" in run("check", "levels.csv", "--mapping", "absent.toml", code=2).stderr


def test_check_stores_nothing():
    run("check", entities_file())
    assert sorted(path.name for path in Path().iterdir()) == ["entities.json"]


def test_loading_a_city_that_another_dothi_cannot_have_is_exit_3():
    Path("city").write_text("a file, no folder")
    assert "city" in run("load", entities_file(), "--data", "city", code=3).stderr


def test_openapi_is_the_servers():
    said = json.loads(run("openapi").stdout)
    assert said == describe()
    assert said["openapi"].startswith("3.1")
    assert {"/city", "/layers", "/stream", "/search"} <= said["paths"].keys()


def test_check_config_shows_what_is_in_force_and_hides_secrets(monkeypatch):
    Path("dothi.toml").write_text(
        '[server]\nport = 9000\ntoken = "0123456789abcdef"\n'
        '[[mqtt]]\nname = "a"\npassword = "secret word"\n[[mqtt.topics]]\npattern = "#"\nfeed = "json"\n'
    )
    monkeypatch.setenv("DOTHI__SERVER__MAX_PAGE", "7")
    for flags in ((), ("--json",)):
        text = run("check-config", *flags).stdout
        assert "9000" in text
        assert "0123456789abcdef" not in text
        assert "secret word" not in text
    values = json.loads(text)
    assert (values["server"]["port"], values["server"]["max_page"], values["server"]["token"]) == (9000, 7, "***")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[server]\nprot = 1\n", "server.prot"),
        ("[server]\nport = 'x'\n", "server.port"),
        ("[server\n", "no valid TOML"),
        ('[server]\nhost = "0.0.0.0"\n', "set server.token"),
        ('[server]\ntoken = "short"\n', "server.token"),
        ("[network]\nallow = 5\n", "network.allow"),
    ],
)
def test_check_config_tells_faults_with_their_place(toml, words):
    Path("dothi.toml").write_text(toml)
    assert words in run("check-config", code=2).stderr
    if "port" not in words:
        assert words in run("serve", "--port", "0", code=2).stderr


def test_a_settings_file_that_is_absent_is_exit_2():
    assert "absent.toml: cannot be read" in run("check-config", "--config", "absent.toml", code=2).stderr


def test_a_new_module_is_written_once_and_its_test_passes(tmp_path):
    paths = run("new-module", "street-trees").stdout.split()
    assert all(Path(path).is_file() for path in paths)
    root = tmp_path / Path(paths[0]).parts[0]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert tested.returncode == 0, tested.stdout
    assert "is there already" in run("new-module", "street-trees", code=2).stderr
    assert "cannot name a module" in run("new-module", "Street Trees", code=2).stderr
