"""The brokers under test: dothi servers on fixed free ports, which can be stopped, wiped and started anew."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Final

START_DEADLINE = 60.0

#: What the suite needs: its receivers, contexts and sources are on loopback, and it wants long histories in parts.
SETTINGS: Final = {
    "DOTHI__NETWORK__ALLOW": json.dumps(["127.0.0.0/8"]),
    "DOTHI__SERVER__MAX_INSTANCES": "30",
}


class Brokers:
    """`count` servers with empty folders below `folder`; `reset_command` makes them empty again while they are used.

    A request to the loopback address in `reset_command` renews all, so that the runner's program, which is another
    process, needs to know nothing of dothi.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._folders = [folder / f"broker{number}" for number in range(1, count + 1)]
        self._ports = _free_ports(count)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._control = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._renewing = threading.Lock()

    @property
    def urls(self) -> list[str]:
        """The base addresses of the API, ending in /ngsi-ld/v1."""
        return [f"http://127.0.0.1:{port}/ngsi-ld/v1" for port in self._ports]

    @property
    def reset_command(self) -> str:
        """A shell command that returns when all brokers are empty and ready; it fails when one does not start."""
        address = f"http://127.0.0.1:{self._control.server_address[1]}/"
        return shlex.join([sys.executable, "-c", f"import urllib.request as r; r.urlopen({address!r}, b'', 200)"])

    def renew(self) -> None:
        """Stop all, delete what they keep, start all; returns when all are ready."""
        with self._renewing:
            self._stop()
            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)
            self._start()

    def __enter__(self) -> Brokers:
        threading.Thread(target=self._control.serve_forever, daemon=True).start()
        self.renew()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._control.shutdown()
        self._control.server_close()
        self._stop()

    def _start(self) -> None:
        environment = {**os.environ, **SETTINGS}
        for folder, port in zip(self._folders, self._ports, strict=True):
            folder.parent.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "dothi", "serve", "--port", str(port), "--data", str(folder)]
            with folder.with_suffix(".log").open("ab") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder.parent, env=environment)
            self._processes.append(process)
        for folder, port, process in zip(self._folders, self._ports, self._processes, strict=True):
            _wait_until_ready(port, process, folder.with_suffix(".log"))

    def _stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        renew = self.renew

        class Reset(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                try:
                    renew()
                    self.send_response(204)
                except RuntimeError as error:
                    print(f"conformance: {error}", file=sys.stderr)
                    self.send_response(500)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        return Reset


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"a broker did not start on port {port}; it said: {log.read_text('utf-8', 'replace')[-2000:]}")


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(listener.getsockname()[1]) for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()
