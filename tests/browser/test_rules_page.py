"""The rule editor in a real browser: a rule is made, judged at once, tried on the past, and only then switched on."""

import re
import uuid

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect


def definition(id, above=45):
    return {
        "id": id,
        "title": {"vi": f"Không khí xấu ở Bến Cát {id}", "en": f"Bad air at Ben Cat {id}"},
        "severity": "major",
        "types": ["AirQualityObserved"],
        "when": {"kind": "threshold", "attribute": "airQualityIndex", "above": above},
    }


@pytest.fixture
def rule(city):
    """A kept rule of its own for each test, switched off; gone at the end."""
    id = f"bad-air-{uuid.uuid4().hex[:6]}"
    body = {"definition": definition(id), "version": 0, "reason": "for a test"}
    answer = city.client.put(f"api/rules/{id}", json=body)
    assert answer.status_code == 200, answer.text
    yield id
    remove(city, id)


def remove(city, id):
    """Delete a rule, and close what it has raised."""
    kept = city.client.get(f"api/rules/{id}")
    if kept.status_code == 200:
        city.client.delete(f"api/rules/{id}", params={"version": kept.json()["version"]})
    raised = city.client.get("api/alarms", params={"rule": id, "state": "all"}).json()["alarms"]
    if raised:
        order = {"ids": [alarm["id"] for alarm in raised], "action": "acknowledge"}
        assert city.client.post("api/alarms/bulk", json=order).status_code == 200


def test_a_rule_is_made_tried_on_the_past_and_switched_on(city, opened):
    page = opened(city, "rules?new&lang=vi", live=False)
    page.get_by_label("Tên tiếng Việt").fill("Chỉ số không khí cao")
    page.get_by_label("Tên tiếng Anh").fill("Air quality index high")
    id = page.get_by_label("Mã", exact=True).input_value()
    assert id == "chi-so-khong-khi-cao"
    page.get_by_label("Loại đối tượng").select_option("AirQualityObserved")
    page.get_by_label("Thuộc tính").fill("airQualityIndex")
    page.get_by_label("Lớn hơn").fill("45")
    expect(page.get_by_role("textbox", name="TOML của quy tắc")).to_have_value(re.compile("airQualityIndex"))
    page.get_by_role("button", name="Lưu phiên bản mới").click()
    expect(page.get_by_text("Phiên bản 1", exact=True)).to_be_visible()
    try:
        page.get_by_role("button", name="Bật", exact=True).click()
        expect(page.get_by_text("Phiên bản 1 chưa được chạy thử")).to_be_visible()
        page.locator("form").get_by_role("button", name="Chạy thử", exact=True).click()
        page.get_by_role("button", name="Chạy thử", exact=True).last.click()
        expect(page.get_by_role("heading", name="Kết quả chạy thử")).to_be_focused()
        expect(page.get_by_role("region", name="Theo ngày và giờ")).to_be_visible()
        expect(page.get_by_role("img", name="Sơ đồ vị trí: 1 nơi")).to_be_visible()
        episodes = page.get_by_role("region", name="Những cảnh báo lẽ ra đã phát")
        expect(episodes.get_by_role("link", name="Trạm không khí Bến Cát").first).to_be_visible()
        expect(page.get_by_text("Phiên bản 1 đã được chạy thử.")).to_be_visible()
        page.get_by_role("button", name="Bật", exact=True).click()
        expect(page.get_by_role("button", name="Bật", exact=True)).to_have_attribute("aria-pressed", "true")
        assert city.client.get(f"api/rules/{id}").json()["mode"] == "on"
    finally:
        remove(city, id)


def test_a_fault_stands_at_its_field_and_the_rule_cannot_be_kept(city, opened, rule):
    page = opened(city, f"rules/{rule}?lang=en", live=False)
    field = page.get_by_label("Must hold before it is raised")
    field.fill("10 minutes")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[id$='delay_on-told']")).to_contain_text("10 minutes")
    expect(page.get_by_role("button", name="Save a new version")).to_be_disabled()
    page.get_by_role("list", name="Faults and warnings").get_by_role("button").first.click()
    expect(field).to_be_focused()
    field.fill("10m")
    expect(field).to_have_attribute("aria-invalid", "false")
    expect(page.get_by_role("button", name="Save a new version")).to_be_enabled()
    page.get_by_role("button", name="Discard changes").click()
    expect(field).to_have_value("0s")


def test_form_and_toml_follow_one_another(city, opened, rule):
    page = opened(city, f"rules/{rule}?lang=en", live=False)
    toml, above = page.get_by_role("textbox", name="The rule as TOML"), page.get_by_label("Above")
    above.fill("222")
    expect(toml).to_have_value(re.compile("222"))
    toml.fill(toml.input_value().replace("222", "333"))
    expect(above).to_have_value("333")
    toml.fill('id = "broken')
    expect(page.get_by_role("list", name="Faults and warnings")).to_be_visible()
    expect(above).to_have_value("333")


def test_switching_on_without_a_back_test_wants_a_reason_that_is_kept(city, opened, rule):
    page = opened(city, f"rules/{rule}?lang=en", live=False)
    page.get_by_role("button", name="On", exact=True).click()
    page.locator("form.ask").get_by_label("Reason").fill("The river is rising now")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="On", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Versions").click()
    expect(page.get_by_text("The river is rising now")).to_be_visible()
    expect(page.get_by_text("Switched: On")).to_be_visible()


def test_of_two_who_edit_one_rule_the_second_is_told_and_loses_nothing(city, opened, rule):
    page = opened(city, f"rules/{rule}?lang=en", live=False)
    above = page.get_by_label("Above")
    above.fill("77")
    other = {"definition": definition(rule, 66), "version": 1, "reason": "faster"}
    headers = {"x-dothi-operator": "lan"}
    assert city.client.put(f"api/rules/{rule}", json=other, headers=headers).status_code == 200
    page.get_by_role("button", name="Save a new version").click()
    alert = page.get_by_role("alert").filter(has_text="Somebody else has changed this rule")
    expect(alert).to_contain_text("lan")
    expect(above).to_have_value("77")
    alert.get_by_role("button", name="Save mine as the next version").click()
    expect(page.get_by_text("Version 3", exact=True)).to_be_visible()
    assert city.client.get(f"api/rules/{rule}").json()["definition"]["when"]["above"] == 77


def test_the_list_is_found_without_diacritics_and_walked_by_keys(city, opened, rule):
    page = opened(city, f"rules?lang=vi&q=khong khi xau o ben cat {rule}", live=False)
    row = page.get_by_role("button", name="Không khí xấu ở Bến Cát")
    expect(row).to_have_count(1)
    row.focus()
    page.keyboard.press("j")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Không khí xấu ở Bến Cát")).to_be_visible()
    assert f"/rules/{rule}" in page.url
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Không khí xấu ở Bến Cát")).to_be_hidden()


def test_the_address_holds_what_is_seen(city, opened, rule):
    page = opened(city, f"rules/{rule}?lang=en&tab=backtest&days=30", live=False)
    expect(page.get_by_label("Period")).to_have_value("30")
    page.get_by_role("button", name="Versions").click()
    assert "tab=versions" in page.url
    page.get_by_role("button", name="VI – Tiếng Việt").click()
    expect(page.get_by_role("button", name="Phiên bản", exact=True)).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_accessibility_fault_in_either_theme(city, opened, axe, picture, rule, theme):
    page = opened(city, f"rules/{rule}?lang=vi", live=False)
    page.emulate_media(color_scheme=theme)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    page.get_by_label("Không phát lại trong").fill("nửa giờ")
    expect(page.get_by_label("Không phát lại trong")).to_have_attribute("aria-invalid", "true")
    picture(page, f"rule-editor-{theme}")
    assert axe(page) == []
    page.get_by_role("button", name="Bỏ thay đổi").click()
    page.get_by_role("button", name="Chạy thử", exact=True).click()
    page.get_by_role("button", name="Chạy thử", exact=True).last.click()
    expect(page.get_by_role("heading", name="Kết quả chạy thử")).to_be_focused()
    picture(page, f"rule-backtest-{theme}")
    assert axe(page) == []


def test_a_phone_shows_the_list_and_then_the_rule(city, opened, page, rule):
    page.set_viewport_size({"width": 390, "height": 844})
    page = opened(city, f"rules?lang=vi&q={rule}", live=False)
    page.get_by_role("button", name="Không khí xấu ở Bến Cát").click()
    expect(page.get_by_role("heading", name="Không khí xấu ở Bến Cát")).to_be_visible()
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 390
    page.get_by_role("button", name="Danh sách quy tắc").click()
    expect(page.get_by_role("button", name="Không khí xấu ở Bến Cát")).to_be_visible()
