"""Real sockets that never read: 200 of them cost the server bounded memory, and hinder nobody who reads."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

CLIENTS = 200
OBJECTS = 3_000
#: What 200 clients may cost together: a piece of a snapshot each in the server's and the system's buffers.
MOST_MB = 120


@pytest.fixture
def server(tmp_path):
    command = [sys.executable, "-m", "dothi", "serve", "--port", "0", "--data", str(tmp_path / "city")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        found = re.search(r"http://[\d.]+:(\d+)", line)
        if found:
            break
    drain = threading.Thread(target=process.stdout.read, daemon=True)
    drain.start()
    yield process, int(found[1])
    process.terminate()
    process.wait(20)
    drain.join()
    process.stdout.close()


def memory_mb(process):
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def vehicle(number, speed):
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.5 + number * 1e-4, 11.0]}}
    id = f"urn:ngsi-ld:Vehicle:{number}"
    return {"id": id, "type": "Vehicle", "location": place, "speed": {"type": "Property", "value": speed}}


def put(client, numbers, speed):
    body = [vehicle(number, speed) for number in numbers]
    answer = client.post("ngsi-ld/v1/entityOperations/upsert?options=update", json=body)
    assert answer.status_code in (201, 204), answer.text


def never_reads(port, query):
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(f"GET /api/stream?{query} HTTP/1.1\r\nhost: city\r\n\r\n".encode())
    return client


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_two_hundred_clients_that_never_read_cost_bounded_memory(server):
    process, port = server
    whole, seen = "layers=vehicles", "layers=vehicles&bbox=106,10,107,12&zoom=11"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client, ExitStack() as open_sockets:
        for start in range(0, OBJECTS, 500):
            put(client, range(start, start + 500), 1)
        with client.stream("GET", f"api/stream?{whole}") as warm:
            next(warm.iter_bytes())
        before = memory_mb(process)
        for number in range(CLIENTS):
            open_sockets.enter_context(never_reads(port, whole if number % 2 else seen))
        for speed in range(2, 14):
            put(client, range(0, OBJECTS, 3), speed)
        grown = memory_mb(process) - before
        assert grown < MOST_MB, f"{CLIENTS} clients that never read cost {grown:.0f} MB"
        began = time.monotonic()
        with client.stream("GET", f"api/stream?{seen}") as reader:
            lines = reader.iter_lines()
            snapshot = next(json.loads(line[6:]) for line in lines if line.startswith("data: ") and "features" in line)
        assert snapshot["features"]
        assert time.monotonic() - began < 10
