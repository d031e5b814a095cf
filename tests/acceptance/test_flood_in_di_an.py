"""A flood in Dĩ An over the demo city: 40 gauges and 25 citizens' reports become one incident, from alarm to report."""

import io
import json
import random
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import shapely
from pypdf import PdfReader

from dothi.demo.communes import COMMUNES, cells

CONTEXT = "https://dothi.dev/context/v1.jsonld"
READY = re.compile(r"dothi is ready at (http://\S+:\d+)")
PDF_TIME = re.compile(r"\d{2}/\d{2}/\d{4} \d{2}:\d{2}:\d{2}")

TOLD = (
    "Đường {street} ngập nặng, nước vào nhà dân",
    "Ngập sâu hơn nửa mét ở {street}, xe máy chết máy hàng loạt",
    "Nuoc ngap duong {street} khong di duoc",
    "Mưa lớn, nước ngập {street}, cống thoát nước bị nghẹt",
    "Xe bị ngập nước ở {street}, đề nghị hỗ trợ",
)
STREETS = ("Trần Hưng Đạo", "Nguyễn An Ninh", "Lý Thường Kiệt", "ĐT 743", "Võ Thị Sáu")


def in_di_an(chance, count):
    """Points (lon, lat) spread over the ward, from the middle outwards as water stands."""
    cell = next(cell for commune, cell in zip(COMMUNES, cells(), strict=True) if commune.name == "Dĩ An")
    ward = shapely.from_geojson(json.dumps(cell))
    middle = ward.representative_point()
    found = []
    while len(found) < count:
        lon, lat = middle.x + chance.gauss(0, 0.007), middle.y + chance.gauss(0, 0.007)
        if ward.contains(shapely.Point(lon, lat)):
            found.append((round(lon, 5), round(lat, 5)))
    return found


def place(point):
    return {"type": "GeoProperty", "value": {"type": "Point", "coordinates": list(point)}}


def text(value):
    return {"type": "Property", "value": value}


def at(moment):
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def gauge(n, point, moment):
    return {
        "id": f"urn:ngsi-ld:FloodMonitoring:di-an:{n:02d}",
        "type": "FloodMonitoring",
        "name": text(f"Trạm đo ngập Dĩ An {n:02d}"),
        "location": place(point),
        "currentLevel": {"type": "Property", "value": 1.6, "observedAt": at(moment), "unitCode": "MTR"},
    }


def report(n, point, moment, words):
    return {
        "id": f"urn:ngsi-ld:ServiceRequest:di-an:{n:02d}",
        "type": "ServiceRequest",
        "service_code": text("ngap-nuoc"),
        "description": text(words),
        "requested_datetime": text(at(moment)),
        "location": place(point),
    }


class Desk:
    """The operations API as one operator uses it."""

    def __init__(self, base, operator):
        headers = {"X-Dothi-Operator": operator, "content-type": "application/json"}
        self.client = httpx.Client(base_url=base + "/", headers=headers, timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.client.close()

    def get(self, path, **params):
        answer = self.client.get(f"api/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, path, **body):
        answer = self.client.post(f"api/{path}", json=body)
        assert answer.status_code in (200, 201), f"{path}: {answer.text}"
        return answer.json()

    def put(self, path, **body):
        answer = self.client.put(f"api/{path}", json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()


@pytest.fixture
def demo_city(tmp_path):
    """The base address of `dothi demo`: the demo city, small, with a day of history, living."""
    folder, log = tmp_path / "demo", (tmp_path / "demo.log").open("wb")
    command = [
        sys.executable,
        "-m",
        "dothi",
        "demo",
        "--port",
        "0",
        "--data",
        str(folder),
        "--size",
        "0.2",
        "--days",
        "1",
    ]
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=tmp_path, text=True) as process:
        try:
            lines = iter(process.stdout.readline, "")
            ready = next((found for line in lines if (found := READY.search(line))), None)
            assert ready, (tmp_path / "demo.log").read_text()
            yield ready[1]
        finally:
            process.terminate()


def test_a_flood_is_handled_from_the_first_alarm_to_the_report(demo_city):
    chance = random.Random(743)
    points = in_di_an(chance, 65)
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    gauges = [gauge(n, points[n], begun) for n in range(40)]
    reports = [
        report(n, points[40 + n], begun + timedelta(minutes=n), TOLD[n % 5].format(street=STREETS[n % 3]))
        for n in range(25)
    ]
    far = report(99, (106.61, 11.32), begun, "Đèn đường hỏng ở xã Bàu Bàng đã ba ngày")
    with Desk(demo_city, "lan") as lan, Desk(demo_city, "minh") as minh:
        handle(lan, minh, gauges, reports, far)


def handle(lan, minh, gauges, reports, far):
    body = [{"@context": CONTEXT, **each} for each in (*gauges, *reports, far)]
    headers = {"content-type": "application/ld+json"}
    answer = lan.client.post("ngsi-ld/v1/entityOperations/upsert?options=update", json=body, headers=headers)
    assert answer.status_code in (201, 204), answer.text
    for each in gauges:
        lan.do(
            "alarms",
            title={"vi": "Mực nước vượt mức nguy hiểm", "en": "Water above the danger level"},
            severity="critical",
            source=each["id"],
            attribute="currentLevel",
            value=1.6,
            threshold=1.5,
            unit="m",
            category="flood",
            key="1",
        )

    # One candidate holds them all, says why, and leaves the lamp in Bàu Bàng out.
    found = lan.get("incidents/candidates", hours=2)["candidates"]
    flood = max(found, key=lambda each: len(each["members"]))
    ids = {each["id"] for each in flood["members"]}
    assert {each["id"] for each in reports} <= ids
    assert sum(each["kind"] == "alarm" and ":di-an:" in each["id"] for each in flood["members"]) == 40
    assert far["id"] not in ids
    assert flood["category"] == "flood"
    assert flood["severity"] == "critical"
    assert any("ngập" in reason["vi"] for reason in flood["reasons"])

    # A person confirms it; nobody can open it twice.
    incident = lan.do(
        "incidents",
        members=sorted(ids),
        title={"vi": "Ngập nặng tại phường Dĩ An", "en": "Severe flooding in Dĩ An ward"},
        reason="Đã gọi ba trạm và xem camera",
    )
    id = incident["id"]
    assert (incident["state"], incident["reports"], incident["area"]["type"]) == ("confirmed", 25, "Polygon")
    twice = minh.client.post("api/incidents", json={"members": [flood["members"][0]["id"]]})
    assert (twice.status_code, twice.json()["by"], twice.json()["incident"]) == (409, "lan", id)

    # It is led and worked on.
    lan.do(f"incidents/{id}/commander", commander="minh")
    minh.do(f"incidents/{id}/state", state="working")
    due = at(datetime.now(UTC) + timedelta(hours=1))
    for title in ("Cắt điện các tuyến ngập sâu", "Đưa máy bơm đến cống Trần Hưng Đạo"):
        task = minh.do(f"incidents/{id}/tasks", title=title, assignee="hung", due=due)
    minh.do(f"incidents/{id}/notes", text="Đội bơm đã đến hiện trường")
    for each in task["tasks"]:
        minh.do(f"incidents/{id}/tasks/{each['id']}", done=True)

    steps = run_the_procedure(minh, id)
    hand_over(lan, minh, id)

    for each in gauges:
        alarm = next(m["id"] for m in flood["members"] if m["source"] == each["id"])
        minh.do(f"alarms/{alarm}/clear", reason="Nước rút")
    minh.do(f"incidents/{id}/state", state="contained")
    minh.do(f"incidents/{id}/edit", lessons="Cần thêm hai máy bơm di động tại Dĩ An trước mùa mưa.")
    closed = minh.do(f"incidents/{id}/state", state="closed", reason="Nước đã rút hết, giao thông trở lại")
    assert closed["state"] == "closed"

    events = minh.get(f"incidents/{id}/timeline")["events"]
    assert [each["micros"] for each in events] == sorted(each["micros"] for each in events)
    assert {each["source"] for each in events} >= {"incident", "alarm", "report"}
    assert sum(each["deed"] == "raise" for each in events) >= 40
    assert sum(each["deed"] == "clear" for each in events) >= 40

    assert_the_report_is_true(minh, id, closed, events, steps)


def run_the_procedure(desk, id):
    """Run the flood procedure to its end; the titles of the steps that were taken."""
    known = desk.get("procedures")["procedures"]
    flood = next(each for each in known if "flood" in each["id"])
    run = desk.do("procedure-runs", procedure=flood["id"], subject=id)
    titles = []
    for _ in range(50):
        if run["status"] != "running":
            break
        step = next(each for each in run["definition"]["steps"] if each["id"] == run["step"])
        # The last answer leads on, the first may lead back.
        kind = {"kind": "answer", "answer": step["answers"][-1]["id"]} if step["answers"] else {"kind": "done"}
        titles.append(step["title"]["vi"])
        run = desk.do(f"procedure-runs/{run['id']}/acts", step=run["step"], **kind)
    assert run["status"] == "done", titles
    return titles


def hand_over(lan, minh, id):
    """The running shift hands over while the incident is open: it stands in the list that both sides sign."""
    for operator, name in (("lan", "Nguyễn Thị Lan"), ("minh", "Trần Văn Minh")):
        lan.put(f"operators/{operator}", name=name)
    shift = lan.get("shifts")["current"]["id"]
    lan.do(f"shifts/{shift}/join")
    items = lan.get("shifts/open-items")["items"]
    assert id in {each["id"] for each in items}
    signed = lan.do(f"shifts/{shift}/hand-over", note="Dĩ An còn ngập, hai máy bơm đang chạy")
    assert id in {each["id"] for each in signed["handover"]["open"]}
    begun = minh.do(f"shifts/{shift}/accept", items=len(items))
    assert begun["state"] == "running"
    assert minh.get("shifts")["current"]["id"] == begun["id"] != shift


def assert_the_report_is_true(desk, id, closed, events, steps):
    answer = desk.client.get(f"api/incidents/{id}/report.pdf?lang=vi")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text[:500]
    told = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)
    told = re.sub(r"\s+", " ", told)
    assert "Ngập nặng tại phường Dĩ An" in told
    assert "Cần thêm hai máy bơm di động" in told
    for title in ("Cắt điện các tuyến ngập sâu", *steps):
        assert title in told
    times = set(PDF_TIME.findall(told))
    for micros in (*(each["micros"] for each in events), closed["opened_at"] * 1000, closed["closed_at"] * 1000):
        moment = datetime.fromtimestamp(micros // 1_000_000, UTC) + timedelta(hours=7)
        assert f"{moment:%d/%m/%Y %H:%M:%S}" in times
    english = desk.client.get(f"api/incidents/{id}/report.pdf?lang=en")
    assert english.status_code == 200
    assert "AFTER-ACTION REPORT" in PdfReader(io.BytesIO(english.content)).pages[0].extract_text()
