"""The alarm page in a real browser: worked by keys alone, still under the cursor, told who was first, accessible."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
STATION = "urn:ngsi-ld:AirQualityObserved:test-1"


@pytest.fixture
def desk(city):
    """The city with four alarms raised by hand, cleared and acknowledged again at the end."""
    made = []

    def raised(severity, vi, **more):
        body = {"title": {"vi": vi, "en": more.pop("en", vi)}, "severity": severity, "key": uuid.uuid4().hex, **more}
        answer = city.client.post("api/alarms", json=body)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])
        return made[-1]

    city.raised = raised
    city.air = raised("critical", "Không khí rất xấu", en="Very bad air", source=STATION, attribute="airQualityIndex",
                      value=230, threshold=200)  # fmt: skip
    raised("major", "Mực nước vượt báo động")
    raised("minor", "Điểm Wi-Fi ngừng phát sóng")
    raised("advisory", "Bãi đỗ xe gần đầy")
    yield city
    for action, reason in (("acknowledge", None), ("clear", "hết bài kiểm thử")):
        city.client.post("api/alarms/bulk", json={"ids": made, "action": action, "reason": reason})


@pytest.fixture
def page_of(page: Page):
    """Opens the alarm page; at the end, fails on foreign requests and on errors of the page."""
    requests, faults, homes = [], [], set()
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda told: faults.append(told.text) if told.type == "error" and "409" not in told.text else None,
    )

    def open(server, query="?lang=vi", on=None):
        on = on or page
        homes.add(server.address)
        on.goto(f"{server.address}/alarms{query}")
        expect(on.get_by_role("heading", level=1, name=re.compile("Cảnh báo|Alarms"))).to_be_visible()
        expect(on.locator("main tbody tr, main .empty").first).to_be_visible()
        return on

    yield open
    assert [url for url in requests if not url.startswith((*homes, "data:", "blob:"))] == []
    assert faults == []


def titles(page: Page) -> list[str]:
    return page.locator("main tbody .name").all_inner_texts()


def test_an_alarm_is_worked_from_the_list_to_closed_by_keys_alone(desk, page_of):
    page = page_of(desk)
    page.keyboard.press("j")
    assert titles(page)[0] == "Không khí rất xấu"
    page.keyboard.press("a")
    expect(page.locator("main tbody tr").first).to_contain_text("Đã nhận")
    page.keyboard.press("c")
    page.keyboard.type("đã gọi trạm Bến Cát")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="Đã thực hiện: Ghi chú")).to_be_visible()
    page.keyboard.press("e")
    page.keyboard.type("không khí đã tốt lên")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Chi tiết cảnh báo")
    expect(panel.get_by_role("heading", level=2)).to_be_focused()
    expect(panel.get_by_text("Đã hết, đã xác nhận")).to_be_visible()
    expect(panel.locator("ol li")).to_have_count(4)
    expect(panel.locator("ol li").first).to_contain_text("không khí đã tốt lên")
    expect(panel.locator(".u-wrap")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert desk.client.get(f"api/alarms/{desk.air}").json()["acknowledged"] is True


def test_two_browsers_acknowledge_one_wins_and_the_other_is_told(desk, page_of, browser):
    page = page_of(desk)
    other = browser.new_context().new_page()
    try:
        page_of(desk, on=other)
        other.route("**/api/alarms/stream", lambda route: route.abort())
        other.reload()
        expect(other.locator("main tbody tr").first).to_contain_text("Mới")
        other.keyboard.press("j")
        page.evaluate("localStorage.setItem('dothi.operator', 'lan')")
        page.reload()
        expect(page.locator("main tbody tr").first).to_be_visible()
        page.keyboard.press("j")
        page.keyboard.press("a")
        expect(page.locator("main tbody tr").first).to_contain_text("Đã nhận")
        other.keyboard.press("a")
        expect(other.get_by_role("status").filter(has_text="lan đã thao tác trước, lúc")).to_be_visible()
        expect(other.locator("main tbody tr").first).to_contain_text("Đã nhận")
    finally:
        other.context.close()


def test_rows_stand_still_under_the_cursor_and_new_ones_wait_behind_a_chip(desk, page_of):
    page = page_of(desk)
    page.keyboard.press("j")
    before = titles(page)
    desk.raised("critical", "Cháy trạm biến áp")
    chip = page.get_by_role("button", name="1 mới")
    expect(chip).to_be_visible()
    assert titles(page) == before
    page.keyboard.press("n")
    expect(page.locator("main tbody .name").first).to_have_text("Cháy trạm biến áp")
    expect(page.locator(":focus .name")).to_have_text(before[0])
    expect(page).to_have_title(re.compile(r"^\(\d+\) "))


def test_filters_stand_in_the_address_and_a_link_shows_the_same(desk, page_of):
    page = page_of(desk)
    page.get_by_role("button", name="Nghiêm trọng").click()
    page.get_by_role("searchbox", name="Tìm trong cảnh báo").fill("khong khi")
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("severity=critical.*q=khong"))
    page.reload()
    expect(page.locator("main tbody tr")).to_have_count(1)
    page.get_by_role("searchbox", name="Tìm trong cảnh báo").fill("không có gì như thế")
    expect(page.get_by_text("Không có cảnh báo nào khớp bộ lọc")).to_be_visible()
    page.get_by_role("button", name="Bỏ bộ lọc").click()
    expect(page.locator("main tbody tr").first).to_be_visible()


def test_many_are_shelved_at_once_and_found_again(desk, page_of):
    page = page_of(desk)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("toolbar", name="Đã chọn 2")).to_be_visible()
    page.keyboard.press("s")
    page.keyboard.type("bảo trì theo kế hoạch")
    page.get_by_label("Tạm gác trong").select_option("15m")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Thực hiện").click()
    expect(page.get_by_role("status").filter(has_text="Tạm gác: 2 cảnh báo")).to_be_visible()
    page.get_by_label("Trạng thái").select_option("shelved")
    expect(page.locator("main tbody tr")).to_have_count(2)
    expect(page.locator("main tbody tr").first).to_contain_text("Tạm gác đến")


def test_one_key_makes_an_incident_of_an_alarm(desk, page_of):
    page = page_of(desk)
    page.keyboard.press("j")
    page.keyboard.press("i")
    expect(page).to_have_url(re.compile("/incidents/urn:ngsi-ld:Incident:"))


def test_a_key_while_typing_telex_does_nothing_and_a_missing_reason_is_told(desk, page_of):
    page = page_of(desk)
    page.keyboard.press("j")
    page.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'a', code: 'KeyA', keyCode: 229, isComposing: true, bubbles: true}))"
    )
    expect(page.locator("main tbody tr").first).to_contain_text("Mới")
    page.keyboard.press("e")
    page.get_by_label("Lý do").fill(" ")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_have_text("Cần ghi lý do")
    page.keyboard.press("Escape")


@pytest.mark.parametrize(("language", "theme"), [("vi", "light"), ("en", "dark")])
def test_the_page_is_accessible_in_both_languages_and_themes(desk, page_of, page, language, theme):
    page.emulate_media(color_scheme=theme)
    page_of(desk, f"?lang={language}&alarm={desk.air}")
    expect(page.locator("aside .u-wrap")).to_be_visible()
    assert faults_of(page) == []
    page.locator("aside").get_by_role("button", name=re.compile("^(Ghi chú|Comment)")).click()
    assert faults_of(page) == []


def test_a_telephone_shows_list_and_panel_one_at_a_time(desk, page_of, page):
    page.set_viewport_size({"width": 390, "height": 780})
    page_of(desk)
    row = page.get_by_role("button", name="Không khí rất xấu")
    assert row.bounding_box()["height"] >= 44
    row.click()
    expect(page.get_by_role("complementary", name="Chi tiết cảnh báo")).to_be_visible()
    expect(page.get_by_role("table")).to_be_hidden()
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 390
    assert faults_of(page) == []


def test_a_desk_without_alarms_says_that_all_is_well(empty_city, page_of):
    page = page_of(empty_city)
    expect(page.get_by_role("heading", name="Không có cảnh báo nào đang mở")).to_be_visible()
    assert faults_of(page) == []


def faults_of(page: Page) -> list[str]:
    # The page's policy allows no injected script element, so axe comes in by evaluation.
    page.evaluate(AXE.read_text("utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {json.dumps([node['target'] for node in each['nodes']])}" for each in result["violations"]]
