"""The servers that are measured, each started on a free loopback port in a folder of its own, and ended after."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process, port, folder and how long it took until it answered (seconds)."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    start_s: float

    def cpu_s(self) -> float:
        """CPU seconds used so far by the process and its children."""
        total = 0.0
        for pid in (self.process.pid, *_children(self.process.pid)):
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
        return total

    def rss_mb(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return float("nan")


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def dothi(folder: Path, core: int | None = None) -> Iterator[Server]:
    """`dothi serve` on a folder; ended by SIGTERM."""
    port = free_port()
    command = [sys.executable, "-m", "dothi", "serve", "--port", str(port), "--data", str(folder)]
    with _running(command, port, "/health/ready", folder, core) as server:
        yield server


@contextmanager
def nginx(folder: Path, body: bytes, core: int | None = None) -> Iterator[Server]:
    """nginx that gives `body` at /body and answers 204 to anything else, one worker."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "body").write_bytes(body)
    (folder / "nginx.conf").write_text(f"""
        {"user root;" if os.geteuid() == 0 else ""} daemon off; worker_processes 1;
        pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 1024; }}
        http {{
          access_log off; client_body_temp_path {folder}/c; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
          uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 100000000;
          server {{
            listen 127.0.0.1:{port}; client_max_body_size 64m;
            location = /body {{ root {folder}; default_type application/json; }}
            location = /count {{ stub_status; }}
            location / {{ return 204; }}
          }}
        }}""")
    with _running([_found("nginx"), "-c", str(folder / "nginx.conf")], port, "/body", folder, core) as server:
        yield server


@contextmanager
def influxdb(folder: Path, core: int | None = None) -> Iterator[Server]:
    """InfluxDB 1.6 with its data in `folder` and a database `bench`."""
    port, rpc = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "influxdb.conf").write_text(f"""
        reporting-disabled = true
        bind-address = "127.0.0.1:{rpc}"
        [meta]
          dir = "{folder}/meta"
        [data]
          dir = "{folder}/data"
          wal-dir = "{folder}/wal"
          query-log-enabled = false
        [http]
          bind-address = "127.0.0.1:{port}"
          log-enabled = false
        [monitor]
          store-enabled = false
        """)
    with _running([_found("influxd"), "-config", str(folder / "influxdb.conf")], port, "/ping", folder, core) as server:
        request(port, "POST", "/query?q=CREATE+DATABASE+bench")
        yield server


@contextmanager
def _running(command: Sequence[str], port: int, path: str, folder: Path, core: int | None) -> Iterator[Server]:
    if core is not None:
        command = ["taskset", "-c", str(core), *command]
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (folder / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while True:
            try:
                if request(port, "GET", path)[0] < 300:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() - began > 60:
                raise RuntimeError(f"{command[0]} did not start; see {folder}/bench.log")
            time.sleep(0.01)
        yield Server(process, port, folder, time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def request(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """One HTTP request on loopback: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"content-type": "application/json", **sent} if body else sent)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _found(program: str) -> str:
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/bin")
    if path is None:
        raise FileNotFoundError(f"{program} is not installed: apt-get install {program}")
    return path


def has(program: str) -> bool:
    """Whether a program is installed."""
    try:
        _found(program)
    except FileNotFoundError:
        return False
    return True
