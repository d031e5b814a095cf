"""The live map in a real browser, over a real server: it moves, speaks two languages, obeys keys, and is accessible."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
STATION = "urn:ngsi-ld:AirQualityObserved:test-1"
ROUTE = "?lang=vi&layers=air-quality,vehicles"
STATION_DRAWN = """(map => map.getLayer('city:air-quality:point')
  && map.queryRenderedFeatures({layers: ['city:air-quality:point']}).length > 0)(window.dothi.map)"""
BUS_AT = """() => {
  const [bus] = window.dothi.map.querySourceFeatures('city:vehicles')
  return bus ? bus.geometry.coordinates[0] : 0
}"""


def test_live_points_move_on_the_map(driven, opened, true_soon):
    page = opened(driven, ROUTE)
    true_soon(f"({BUS_AT})() > 0")
    first = page.evaluate(BUS_AT)
    true_soon(f"({BUS_AT})() > {first} + 0.004")


def test_the_map_is_not_blank(city, opened, true_soon):
    page = opened(city)
    true_soon(STATION_DRAWN)
    picture = page.locator("canvas.maplibregl-canvas").screenshot()
    assert len(picture) > 20_000, "a blank picture of this size has about 5 kB"


def test_the_first_tab_reaches_the_skip_link_and_that_the_map(city, opened):
    page = opened(city)
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Bỏ qua, đến bản đồ")
    page.keyboard.press("Enter")
    expect(page.locator("canvas.maplibregl-canvas")).to_be_focused()


def test_the_language_changes_without_a_reload(city, opened):
    page = opened(city)
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    page.evaluate("window.kept = true")
    page.get_by_role("button", name="EN – English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", name="Map layers")).to_be_visible()
    page.get_by_role("button", name="VI – Tiếng Việt").click()
    expect(page.get_by_role("heading", name="Lớp bản đồ")).to_be_visible()
    assert page.evaluate("window.kept")


def test_an_object_found_without_diacritics_opens_its_panel(city, opened):
    page = opened(city)
    page.keyboard.press("/")
    page.keyboard.type("tram ben cat")
    expect(page.get_by_role("option", name="Trạm không khí Bến Cát")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Chi tiết đối tượng")
    expect(panel.get_by_role("heading", name="Trạm không khí Bến Cát")).to_be_focused()
    expect(panel.get_by_text("Rất xấu")).to_be_visible()
    expect(panel.locator(".u-wrap")).to_be_visible()
    assert f"id={STATION}" in page.url
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_a_click_on_the_map_opens_the_panel_and_its_raw_entity(city, opened, true_soon):
    page = opened(city, "?map=12/11.15/106.62&lang=en")
    true_soon(STATION_DRAWN)
    box = page.locator("canvas.maplibregl-canvas").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    panel = page.get_by_role("complementary", name="Object details")
    expect(panel.get_by_text("31.5")).to_be_visible()
    panel.get_by_text("NGSI-LD (JSON)").click()
    expect(panel.locator("pre")).to_contain_text(STATION)


def test_a_link_shows_what_was_seen(city, opened):
    page = opened(city, f"?lang=en&id={STATION}&layers=air-quality&map=11.00/11.10000/106.70000")
    expect(page.get_by_role("heading", name="Trạm không khí Bến Cát")).to_be_visible()
    expect(page.get_by_role("switch", name="Show the layer Air quality")).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("switch", name="Show the layer Vehicles")).to_have_attribute("aria-checked", "false")
    assert page.evaluate("window.dothi.map.getZoom()") == pytest.approx(11)


def test_shortcuts_rest_while_somebody_types(city, opened):
    page = opened(city)
    page.keyboard.press("/")
    page.keyboard.type("ls?")
    expect(page.get_by_role("heading", name="Lớp bản đồ")).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Phím tắt")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", name="Nguồn dữ liệu")).to_be_visible()


def test_lists_are_walked_by_keys(city, opened):
    page = opened(city)
    page.get_by_role("button", name="Danh sách đối tượng của lớp Chất lượng không khí").click()
    row = page.get_by_role("button", name="Trạm không khí Bến Cát")
    row.focus()
    page.keyboard.press("j")
    expect(row).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Chi tiết đối tượng")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_accessibility_fault_in_either_theme(city, opened, theme):
    page = opened(city, f"?lang=vi&id={STATION}")
    page.emulate_media(color_scheme=theme)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    expect(page.locator(".u-wrap")).to_be_visible()
    assert accessibility_faults(page) == []


def test_the_theme_cycles_through_system_light_and_dark(city, opened):
    page = opened(city)
    for theme in ("Sáng", "Tối", "Theo hệ thống"):
        page.get_by_role("button", name="Giao diện").click()
        expect(page.get_by_role("button", name=f"Giao diện: {theme}")).to_be_visible()


def test_a_phone_gets_sheets_from_below(city, opened, page):
    page.set_viewport_size({"width": 390, "height": 844})
    page = opened(city, f"?lang=vi&id={STATION}")
    panel = page.get_by_role("complementary", name="Chi tiết đối tượng")
    expect(panel.get_by_role("heading", name="Trạm không khí Bến Cát")).to_be_visible()
    box = panel.bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    assert box["y"] > 250
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert accessibility_faults(page) == []


def test_an_empty_city_says_how_to_load_data(empty_city, opened):
    page = opened(empty_city)
    expect(page.get_by_text("Thành phố chưa có dữ liệu")).to_be_visible()
    expect(page.get_by_text("dothi load")).to_be_visible()


def test_the_app_asks_for_the_token_and_then_streams(guarded_city, opened, true_soon):
    page = opened(guarded_city, "?lang=vi&layers=vehicles", live=False)
    field = page.get_by_label("Mã truy cập")
    expect(field).to_be_focused()
    field.fill("this-token-is-not-right")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Mã truy cập không đúng")
    assert accessibility_faults(page) == []
    field.fill("mã có dấu thì không gửi được")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Mã truy cập không đúng")
    field.fill("a-token-of-the-browser-tests")
    page.keyboard.press("Enter")
    expect(page.locator("[data-state=live]")).to_have_text("Trực tiếp", timeout=15_000)
    true_soon(f"!!window.dothi?.map?.getSource('city:vehicles') && ({BUS_AT})() > 0")
    page.reload()
    expect(page.locator("[data-state=live]")).to_have_text("Trực tiếp", timeout=15_000)


def test_a_station_posted_without_a_context_appears_with_its_words(city, opened):
    page = opened(city, "?lang=vi&layers=air-quality")
    document = {
        "id": "urn:ngsi-ld:AirQualityObserved:curl",
        "type": "AirQualityObserved",
        "name": "Trạm không ngữ cảnh",
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [106.7, 11.05]}},
        "pm25": {"value": 62.0, "unitCode": "GQ", "observedAt": datetime.now(UTC).isoformat()[:19] + "Z"},
    }
    answer = city.client.post("ngsi-ld/v1/entities", json=document)
    try:
        assert answer.status_code == 201, answer.text
        page.get_by_role("button", name="Danh sách đối tượng của lớp Chất lượng không khí").click()
        row = page.get_by_role("button", name="Trạm không ngữ cảnh")
        expect(row).to_contain_text("120")
        row.click()
        panel = page.get_by_role("complementary", name="Chi tiết đối tượng")
        expect(panel.get_by_text("Mức chất lượng không khí")).to_be_visible()
        expect(panel.get_by_role("cell", name="Kém")).to_be_visible()
        expect(panel.locator(".u-wrap")).to_be_visible()
    finally:
        city.client.delete(f"ngsi-ld/v1/entities/{document['id']}")


def test_the_bar_counts_what_is_abnormal_on_the_layers_shown(city, opened):
    page = opened(city, ROUTE)
    expect(page.get_by_role("button", name="Bất thường trên các lớp đang hiện: 1 Nặng")).to_be_visible()
    page.get_by_role("switch", name="Hiện lớp Chất lượng không khí").click()
    expect(page.get_by_role("button", name="Không có gì bất thường trên các lớp đang hiện")).to_be_visible()


def test_a_lost_connection_is_told_and_mended(city, opened, page):
    page = opened(city)
    page.route("**/api/stream*", lambda route: route.abort())
    page.get_by_role("switch").first.click()
    expect(page.locator("[data-state=reconnecting]")).to_have_text("Đang kết nối lại…", timeout=10_000)
    page.unroute("**/api/stream*")
    expect(page.locator("[data-state=live]")).to_have_text("Trực tiếp", timeout=15_000)


def accessibility_faults(page: Page) -> list[str]:
    # The page's policy allows no injected script element, so axe comes in by evaluation.
    page.evaluate(AXE.read_text("utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']}: {json.dumps([node['target'] for node in each['nodes']])}" for each in result["violations"]]
