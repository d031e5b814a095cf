"""The schema from which the app's types are made is the one that the server has."""

import json
from pathlib import Path

from dothi.api.operations import describe

COMMITTED = Path(__file__).parents[2] / "web" / "openapi.json"


def test_the_committed_schema_is_the_servers():
    expected = json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"
    assert COMMITTED.read_text("utf-8") == expected, "run: dothi openapi > web/openapi.json"
