"""Procedures and the shift desk over HTTP: every route answers in its shape, and says precisely what it refuses."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.api.operations import CityFacts, operations_api
from dothi.automation.alarms.alarms import Alarms
from dothi.automation.shifts.desk import ShiftDesk
from dothi.city.module import Text
from dothi.model.context import core_context
from dothi.web.live import LiveMap
from dothi.web.vocabulary import vocabulary_of

HOUR = 3_600_000
AN, BINH = {"X-Dothi-Operator": "an"}, {"X-Dothi-Operator": "binh"}


@pytest.fixture
async def desk(tenants):
    store, words = tenants.default.store, vocabulary_of([], core_context())
    alarms = Alarms(store, words)
    await alarms.open()
    desk = ShiftDesk(store, alarms)
    await desk.open()
    await desk.books.take_templates()
    api = operations_api(
        CityFacts(Text("", "")), store, [], words, LiveMap(store, {}, desk.now), alarms=alarms, desk=desk
    )
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/api", api)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://city/api/") as client:
        for id, name in (("an", "Nguyễn Hoài An"), ("binh", "Trần Thái Bình")):
            answer = await client.put(f"operators/{id}", json={"name": name, "roles": ["lead"]})
            assert answer.status_code == 200, answer.text
        yield client
    alarms.close()


async def planned(desk, start, lead="an"):
    body = {"title": {"vi": "Ca sáng", "en": "Morning"}, "start": start, "end": start + 8 * HOUR, "lead": lead}
    return await desk.post("shifts", json=body)


async def now(desk):
    return (await desk.get("city")).json()["now"]


async def test_a_shift_from_plan_to_accepted_hand_over(desk):
    shift = (await planned(desk, await now(desk))).json()
    opened = await desk.post(f"shifts/{shift['id']}/open", json={}, headers=AN)
    assert (opened.status_code, opened.json()["state"]) == (200, "running")
    alarm = {"title": {"vi": "Ngập", "en": "Flood"}, "severity": "critical"}
    assert (await desk.post("alarms", json=alarm)).status_code == 201
    items = (await desk.get("shifts/open-items")).json()["items"]
    assert [item["kind"] for item in items] == ["alarm"]
    signed = await desk.post(f"shifts/{shift['id']}/hand-over", json={"note": "x"}, headers=AN)
    assert signed.json()["handover"]["open"][0]["title"]["vi"] == "Ngập"
    again = await desk.post(f"shifts/{shift['id']}/hand-over", json={}, headers=AN)
    assert (again.status_code, again.json()["by"]) == (409, "an")
    new = await desk.post(f"shifts/{shift['id']}/accept", json={"remarks": "y", "items": 1}, headers=BINH)
    assert (new.status_code, new.json()["lead"]) == (200, "binh")
    board = (await desk.get("shifts")).json()
    assert board["current"]["id"] == new.json()["id"]
    assert abs(board["current"]["opened_at"] - board["now"]) < 60_000
    report = await desk.get(f"shifts/{shift['id']}/report?lang=en")
    assert "Accepted by: Trần Thái Bình" in report.json()["text"]
    saved = await desk.put(f"shifts/{shift['id']}/report", json={"language": "en", "text": "mine"}, headers=AN)
    assert (saved.json()["text"], saved.json()["saved_by"]) == ("mine", "an")
    book = (await desk.get("watch-book?kind=handover")).json()
    assert book["total"] == 2


async def test_a_procedure_is_read_checked_saved_and_run(desk):
    listed = (await desk.get("procedures?starts_for=FloodMonitoring")).json()
    assert listed["procedures"][0]["id"] == "flood"
    book = (await desk.get("procedures/flood")).json()
    wrong = book["toml"].replace('role = "field"', 'role = "x"')
    checked = (await desk.post("procedures/check", json={"toml": wrong})).json()
    assert {fault["where"] for fault in checked["faults"]} == {"steps[4].role", "steps[7].role"}
    refused = await desk.put("procedures/flood", json={"toml": wrong, "base_version": 1}, headers=AN)
    assert (refused.status_code, len(refused.json()["faults"])) == (400, 2)
    kept = await desk.put("procedures/flood", json={"definition": book["definition"], "base_version": 1}, headers=AN)
    assert (kept.status_code, kept.json()["newest"]) == (200, 2)
    second = await desk.put("procedures/flood", json={"definition": book["definition"], "base_version": 1})
    assert (second.status_code, second.json()["by"]) == (409, "an")
    run = (await desk.post("procedure-runs", json={"procedure": "flood"}, headers=AN)).json()
    act = {"kind": "done", "step": "verify", "note": "đã gọi"}
    acted = await desk.post(f"procedure-runs/{run['id']}/acts", json=act, headers=AN)
    assert (acted.json()["step"], acted.json()["log"][1]["note"]) == ("is-real", "đã gọi")
    late = await desk.post(f"procedure-runs/{run['id']}/acts", json=act, headers=BINH)
    assert (late.status_code, late.json()["by"]) == (409, "an")
    assert (await desk.get("procedure-runs?status=running")).json()["total"] == 1
    assert (await desk.get(f"procedure-runs/{run['id']}")).json()["due_at"] > run["now"]
    retired = await desk.post("procedures/flood/retire", json={"retired": True})
    assert retired.json()["retired"]
    assert (await desk.post("procedure-runs", json={"procedure": "flood"})).status_code == 409


async def test_roster_calendar_chains_and_figures_answer_in_their_shapes(desk):
    start = await now(desk)
    duty = {"role": "lead", "operator": "an", "start": start - HOUR, "end": start + HOUR}
    made = await desk.post("on-call", json=duty)
    assert made.status_code == 201
    calendar = (await desk.get("on-call")).json()
    assert calendar["now"]["lead"] == ["an"]
    assert {gap["role"] for gap in calendar["gaps"]} == {"lead", "commander", "director"}
    assert (
        await desk.delete(f"on-call/{made.json()['id']}", headers={"content-type": "application/json"})
    ).status_code == 204
    chain = {"severity": "major", "steps": [{"after": 60, "role": "lead"}, {"after": 30, "role": "director"}]}
    refused = await desk.put("escalations/major", json=chain)
    assert "steps[1].after: 30 s is not later" in refused.json()["detail"]
    chain["steps"].pop()
    assert (await desk.put("escalations/major", json=chain)).json()["chains"][1]["steps"] == chain["steps"]
    signed = (await desk.post("operators/an/duty", json={"on_duty": True}, headers=AN)).json()
    assert [each["on_duty"] for each in signed["operators"]] == [True, False]
    assert (await desk.put("roles/pump-crew", json={"label": {"vi": "Tổ bơm", "en": "Pump crew"}})).status_code == 200
    usage = (await desk.get("usage")).json()
    assert (usage["alarms"], usage["alarms_per_operator_hour"]) == (0, None)
    assert (await desk.get("escalations")).json()["active"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "watch-book", {"text": "x", "corrects": "urn:ngsi-ld:WatchBookEntry:0"}, 404, "no entry"),
        ("POST", "watch-book", {"text": ""}, 400, "text"),
        ("POST", "procedure-runs", {"procedure": "fire"}, 404, "there is no procedure 'fire'; there is"),
        ("POST", "shifts", {"start": 2, "end": 1, "lead": "an"}, 400, "must lie after start"),
        ("POST", "shifts", {"start": 1, "end": 2, "lead": "nobody"}, 400, "lead: nobody 'nobody' works here"),
        ("PUT", "operators/A B", {"name": "x"}, 400, "lan.nguyen"),
        ("PUT", "operators/x", {"name": "x", "roles": ["boss"]}, 400, "no role 'boss'"),
        ("GET", "usage?start=2026-01-02T00:00:00Z&end=2026-01-01T00:00:00Z", None, 400, "not before end"),
        ("GET", "watch-book?start=yesterday", None, 400, "start: 'yesterday' is no DateTime"),
    ],
)
async def test_what_is_refused_is_told_precisely(desk, method, path, body, status, told):
    answer = await desk.request(method, path, **({} if body is None else {"json": body}))
    assert answer.status_code == status, answer.text
    assert told in answer.json()["detail"]
