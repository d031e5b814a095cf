"""The incident room in real Chromium: from alarms to a closed incident by keyboard, in both languages and themes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
PICTURES = Path(__file__).parents[2] / "docs/pictures"
FLOODS = (
    "test_an_incident_goes_from_proposal_to_closed_by_keyboard",
    "test_who_comes_second_is_told_who_was_first",
    "test_members_are_taken_out_and_become_an_incident_of_their_own",
    "test_both_pages_are_accessible_in_both_languages_and_themes",
)
HEADERS = {"content-type": "application/json", "X-Dothi-Operator": "lan"}


def post(city: Any, path: str, **body: Any) -> Any:
    answer = city.client.post(f"api/{path}", json=body, headers=HEADERS)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def raise_alarm(city: Any, key: str, lon: float, severity: str = "major") -> str:
    title = {"vi": "Mực nước vượt báo động", "en": "Water above the alert level"}
    place = {"type": "Point", "coordinates": [lon, 10.905]}
    return str(post(city, "alarms", title=title, severity=severity, key=key, location=place, category="flood")["id"])


def report(n: str, lon: float, text: str) -> dict[str, Any]:
    moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "id": f"urn:ngsi-ld:ServiceRequest:room-{n}",
        "type": "ServiceRequest",
        "description": {"type": "Property", "value": text},
        "requested_datetime": {"type": "Property", "value": moment},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [lon, 10.906]}},
    }


@pytest.fixture(scope="module")
def room(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.browser.conftest import start, stop

    server = start(tmp_path_factory.mktemp("incidents"))
    yield server
    stop(server)


@pytest.fixture
def flooded(room: Any, request: pytest.FixtureRequest) -> Any:
    """Three alarms and two reports that no incident has yet; each test finds them at a place of its own."""
    n = FLOODS.index(request.node.originalname)
    for each in range(3):
        raise_alarm(room, f"flood-{n}-{each}", 106.455 + n * 0.2 + each * 0.003)
    words = ("Đường Trần Hưng Đạo ngập nặng", "Ngap nang tren duong Tran Hung Dao")
    room.put(*(report(f"{n}-{i}", 106.456 + n * 0.2 + i / 1000, text) for i, text in enumerate(words)))
    return room


def test_an_incident_goes_from_proposal_to_closed_by_keyboard(flooded, opened, page):
    # The operator is chosen before; the page sends who acts.
    page.add_init_script("localStorage.setItem('dothi.operator', 'lan')")
    opened(flooded, "incidents?lang=vi", live=False)
    expect(page.get_by_text("Cùng loại: ngập nước")).to_be_visible()
    expect(page.get_by_text("3 cảnh báo, 2 phản ánh")).to_be_visible()
    picture(page, "incidents.png")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Diễn biến")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/incidents/urn:ngsi-ld:Incident:\d{8}-\w+"))
    step = page.locator("[aria-current=step]")
    expect(step).to_contain_text("Đã xác minh")

    page.keyboard.press("m")
    expect(page.get_by_role("region", name="Chỉ huy").locator("strong")).to_have_text("lan")
    page.keyboard.press("s")
    expect(step).to_contain_text("Đang xử lý")
    page.keyboard.press("n")
    page.keyboard.type("Đội bơm đã đến")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Đội bơm đã đến")).to_be_visible(timeout=10_000)
    page.keyboard.press("t")
    page.keyboard.type("Cắt điện tuyến ngập")
    page.keyboard.press("Enter")
    box = page.get_by_role("checkbox", name="Xong: Cắt điện tuyến ngập")
    expect(box).to_be_visible()
    box.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text(re.compile("xong lúc .*lan"))).to_be_visible()
    picture(page, "incident-room.png")

    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("s")
    expect(step).to_contain_text("Đã khống chế")
    page.keyboard.press("s")
    expect(page.get_by_label("Đóng sự cố: cho biết lý do")).to_be_focused()
    page.keyboard.type("Nước đã rút")
    page.keyboard.press("Enter")
    expect(step).to_contain_text("Đã đóng")
    with page.expect_download() as waiting:
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("r")
    assert waiting.value.suggested_filename.endswith(".pdf")
    assert Path(waiting.value.path()).read_bytes().startswith(b"%PDF")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/incidents(\?|$)"))


def test_who_comes_second_is_told_who_was_first(flooded, page):
    found = flooded.client.get("api/incidents/candidates").json()["candidates"][0]
    page.add_init_script("localStorage.setItem('dothi.language', 'en'); localStorage.setItem('dothi.operator', 'minh')")
    page.goto(f"{flooded.address}/incidents")
    expect(page.locator("article").first).to_be_visible()
    post(flooded, "incidents", members=[each["id"] for each in found["members"]])
    page.locator("article button").last.click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody was first")


def test_members_are_taken_out_and_become_an_incident_of_their_own(flooded, opened, page):
    found = flooded.client.get("api/incidents/candidates").json()["candidates"][0]
    incident = post(flooded, "incidents", members=[each["id"] for each in found["members"]])
    page.add_init_script("localStorage.setItem('dothi.language', 'en')")
    opened(flooded, f"incidents/{incident['id']}", live=False)
    page.get_by_role("region", name="Reports and notes").get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Split off as a new incident").click()
    expect(page.get_by_text("Reports and notes (1)")).to_be_visible()
    expect(page.get_by_text("Alarms (0)")).to_be_visible()


def test_both_pages_are_accessible_in_both_languages_and_themes(flooded, opened, page):
    found = flooded.client.get("api/incidents/candidates").json()["candidates"][0]
    incident = post(flooded, "incidents", members=[each["id"] for each in found["members"]])
    post(flooded, f"incidents/{incident['id']}/tasks", title="Đặt rào chắn", due="2026-01-01T00:00:00Z")
    raise_alarm(flooded, "later", 106.62, "critical")
    raise_alarm(flooded, "later-2", 106.621, "minor")
    for language, theme, heading in (
        ("vi", "light", "Diễn biến"),
        ("en", "light", "Timeline"),
        ("vi", "dark", "Diễn biến"),
        ("en", "dark", "Timeline"),
    ):
        page.add_init_script(
            f"localStorage.setItem('dothi.language', '{language}'); localStorage.setItem('dothi.theme', '{theme}')"
        )
        opened(flooded, "incidents", live=False)
        expect(page.locator("[data-row]").first).to_be_visible()
        expect(page.locator("article").first).to_be_visible()
        assert accessibility_faults(page) == []
        opened(flooded, f"incidents/{incident['id']}", live=False)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("3"))).to_be_visible()
        assert accessibility_faults(page) == []


def picture(page: Page, name: str) -> None:
    """Pictures for the guide are made by the test run."""
    page.screenshot(path=PICTURES / name)


def accessibility_faults(page: Page) -> list[str]:
    # The page's policy allows no injected script element, so axe comes in by evaluation.
    page.evaluate(AXE.read_text("utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {json.dumps([node['target'] for node in each['nodes']])}" for each in result["violations"]]
