"""Drives one load with wrk and says what came of it: operations per second, latency, errors, CPU of the server."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Server, _found

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_TOTAL = re.compile(r"(\d+) requests in ([\d.]+)(ms|s|m)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """Result of one run: per second, p99 in ms, CPU µs of the server per request."""

    per_s: float
    p99_ms: float
    cpu_us: float


def run(
    server: Server, requests: Sequence[tuple[str, str, bytes]], connections: int, seconds: float, folder: Path,
    headers: dict[str, str] | None = None, core: int = 1,
) -> Load:  # fmt: skip
    """Send `requests` (method, path, body) in turn over `connections`. Raises RuntimeError when one fails."""
    script = _script(folder, requests, headers or {"Content-Type": "application/json"})
    command = ["taskset", "-c", str(core), _found("wrk"), "-t", "1", "-c", str(connections), "-d", f"{seconds:g}s",
               "--latency", "--timeout", "20s", "-s", str(script), f"http://127.0.0.1:{server.port}"]  # fmt: skip
    before = server.cpu_s()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = server.cpu_s() - before
    bad = _BAD.search(output)
    if bad:
        raise RuntimeError(f"the load met errors: {bad[0]}")
    rate, total, p99 = _RATE.search(output), _TOTAL.search(output), _P99.search(output)
    assert rate, output
    assert total, output
    assert p99, output
    return Load(float(rate[1]), float(p99[1]) * _MS[p99[2]], used / int(total[1]) * 1e6)


def _script(folder: Path, requests: Sequence[tuple[str, str, bytes]], headers: dict[str, str]) -> Path:
    """A Lua script that reads the requests from one file and sends them in turn, each thread from its start."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "requests"
    with data.open("wb") as file:
        for method, path, body in requests:
            file.write(f"{method} {path} {len(body)}\n".encode() + body + b"\n")
    script = folder / "load.lua"
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    script.write_text(f"""
        {lines}
        local requests, turn = {{}}, 0
        function init(args)
          local file = io.open("{data}", "rb")
          while true do
            local line = file:read("*l")
            if not line then break end
            local method, path, size = line:match("^(%S+) (%S+) (%d+)$")
            local body = tonumber(size) > 0 and file:read(tonumber(size)) or nil
            file:read(1)
            requests[#requests + 1] = wrk.format(method, path, wrk.headers, body)
          end
          file:close()
        end
        function request()
          turn = turn % #requests + 1
          return requests[turn]
        end
        """)
    return script
