"""A real dothi server in a process of its own, for tests that speak to it as clients do."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

# How long one example takes says more of a shared machine than of the code; pytest-timeout ends what hangs.
settings.register_profile("dothi", deadline=None)
settings.load_profile("dothi")

START_DEADLINE = 60.0
READY = re.compile(r"dothi is ready at (http://\S+:\d+)")


class Served:
    """`dothi serve` over a folder, on a free port. Its standard error is kept in a file beside the folder."""

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.log = folder.with_name(folder.name + ".log")
        self.started_in = 0.0
        self._arguments = arguments
        self._env = env or {}
        self.process: subprocess.Popen[bytes]
        self.base = ""

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.base.removeprefix("http://").rsplit(":", 1)
        return host, int(port)

    def start(self, wait: bool = True) -> Served:
        """Start, and wait until it says that it is ready."""
        begin = time.monotonic()
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dothi", "serve", "--port", "0", "--data", str(self.folder), *self._arguments],
                stdout=subprocess.PIPE, stderr=errors, cwd=self.folder.parent, env={**os.environ, **self._env},
            )  # fmt: skip
        if wait:
            self.base = self._address_when_ready(begin + START_DEADLINE)
        self.started_in = time.monotonic() - begin
        return self

    def _address_when_ready(self, deadline: float) -> str:
        assert self.process.stdout is not None
        said = b""
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                part = os.read(self.process.stdout.fileno(), 4096)
                said += part
                if found := READY.search(said.decode()):
                    return found[1]
                if not part:
                    break
        self.kill()
        raise AssertionError(f"the server did not start; it said {said.decode()!r} and {self.errors()!r}")

    def client(self, timeout: float = 30) -> httpx.Client:
        return httpx.Client(base_url=self.base + "/ngsi-ld/v1/", timeout=timeout)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def errors(self) -> str:
        """All that the process wrote to its standard error."""
        return self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL, 30)

    def stop(self, deadline: float = 20) -> int:
        """SIGTERM; its exit code. Raises TimeoutExpired when it does not end in time."""
        return self._end(signal.SIGTERM, deadline)

    def _end(self, number: signal.Signals, deadline: float) -> int:
        if self.is_alive():
            self.process.send_signal(number)
        code = self.process.wait(deadline)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers: serve() over a new folder, serve(folder, "--host", ...); what still runs is killed at the end."""
    running: list[Served] = []

    def start(folder: Path | None = None, *arguments: str, env: dict[str, str] | None = None) -> Served:
        server = Served(folder or tmp_path / f"city{len(running)}", *arguments, env=env)
        running.append(server)
        return server.start()

    yield start
    for server in running:
        if server.is_alive():
            server.kill()


@pytest.fixture(scope="module")
def city_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One empty city for all tests of a module, which must end cleanly; the module's SERVER_ENV is its environment."""
    env = getattr(request.module, "SERVER_ENV", None)
    server = Served(tmp_path_factory.mktemp("served") / "city", env=env).start()
    yield server
    assert server.is_alive(), server.errors()[-5000:]
    assert server.stop() == 0
    if "Traceback" in server.errors():
        pytest.fail(f"the server failed within: {server.errors()[-5000:]}")
