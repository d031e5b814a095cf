"""A rule in a served city: its alarm stands in the list, and kill -9 loses none."""

import time

import httpx

RULE = {
    "id": "level-high", "title": {"vi": "Mực nước cao", "en": "Level is high"}, "severity": "critical",
    "types": ["FloodMonitoring"],
    "when": {"kind": "threshold", "attribute": "currentLevel", "above": 2, "hysteresis": 0.1},
}  # fmt: skip


def until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def gauge(n, level):
    return {
        "id": f"urn:ngsi-ld:FloodMonitoring:{n}", "type": "FloodMonitoring",
        "currentLevel": {"type": "Property", "value": level},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.7 + n / 1000, 10.9]}},
    }  # fmt: skip


def upsert(client, entities):
    answer = client.post("/ngsi-ld/v1/entityOperations/upsert", json=entities)
    assert answer.status_code in (201, 204), answer.text


def sources(client):
    alarms = client.get("/api/alarms", params={"limit": 200}).json()["alarms"]
    return {alarm["source"] for alarm in alarms if alarm["rule"] == "level-high" and alarm["active"]}


def test_alarms_of_a_rule_survive_kill_9(serve):
    server = serve()
    with httpx.Client(base_url=server.base, headers={"X-Dothi-Operator": "an"}, timeout=30) as client:
        assert client.put("/api/rules/level-high", json={"definition": RULE, "version": 0}).status_code == 200
        body = {"mode": "on", "override": True, "reason": "mưa lớn"}
        assert client.post("/api/rules/level-high/mode", json=body).status_code == 200
        upsert(client, [gauge(n, 1.0) for n in range(20)])
        upsert(client, [gauge(0, 2.5)])
        until(lambda: sources(client) == {"urn:ngsi-ld:FloodMonitoring:0"})
        status = client.get("/api/rules/level-high").json()["status"]
        assert status["active"] == 1
        assert status["recent"][0]["what"] == "raise"
        upsert(client, [gauge(n, 3.0) for n in range(1, 20)])
        server.kill()
    server.start()
    with httpx.Client(base_url=server.base, timeout=30) as client:
        until(lambda: len(sources(client)) == 20)
        upsert(client, [gauge(n, 1.0) for n in range(20)])
        until(lambda: sources(client) == set())
