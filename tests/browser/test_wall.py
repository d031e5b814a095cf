"""The wall over a real server: one screen, no scrolling, quiet when normal, live."""

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

STATION = "urn:ngsi-ld:AirQualityObserved:test-1"
OVERFLOWS = """() => [...document.querySelectorAll('.wall, .wall > *')]
  .filter(each => each.scrollHeight > each.clientHeight + 1 || each.scrollWidth > each.clientWidth + 1)
  .map(each => each.className)"""


@pytest.fixture
def alarm(city):
    body = {
        "source": STATION,
        "key": "wall",
        "severity": "major",
        "title": {"vi": "Không khí rất xấu", "en": "Very unhealthy air"},
    }
    answer = city.client.post("api/alarms", json=body)
    assert answer.status_code < 300, answer.text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_screen_answers_whether_the_city_is_all_right(city, opened, page, alarm, axe, picture, theme):
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.emulate_media(color_scheme=theme)
    opened(city, "wall?lang=vi&layers=air-quality,vehicles")
    tile = page.get_by_role("region", name="Chỉ số theo lớp").get_by_role("link", name="Chất lượng không khí")
    expect(tile).to_contain_text("Nặng")
    expect(tile).to_contain_text("230")
    expect(page.get_by_role("region", name="Cảnh báo đang mở")).to_contain_text("Không khí rất xấu")
    expect(page.get_by_role("region", name="Diễn biến 24 giờ").locator("polyline").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    assert page.evaluate(OVERFLOWS) == []
    assert axe(page) == []
    picture(page, f"wall-{theme}")


def test_a_tile_tells_of_a_change_without_a_reload(city, opened, page, true_soon):
    opened(city, "wall?lang=en&layers=vehicles,air-quality")
    tile = page.get_by_role("region", name="Figures by layer").get_by_role("link", name="Vehicles")
    expect(tile).to_contain_text("Normal")
    expect(page.locator("time")).to_contain_text(":")


def test_a_wall_that_is_looked_at_from_afar_has_larger_type(city, opened, page):
    page.set_viewport_size({"width": 1920, "height": 1080})
    opened(city, "wall?lang=vi&kiosk&scale=1.5&layers=air-quality,vehicles")
    assert page.evaluate("getComputedStyle(document.querySelector('.wall')).fontSize") == "21px"
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080


def test_a_city_without_data_is_no_fault(empty_city, opened, page, axe):
    opened(empty_city, "wall?lang=vi")
    expect(page.get_by_text("Chưa có số liệu diễn biến")).to_be_visible()
    expect(page.get_by_text("Không có cảnh báo nào đang mở")).to_be_visible()
    assert axe(page) == []
