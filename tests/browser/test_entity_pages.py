"""The entity browser, the entity page and the health page in a real browser: in both languages, accessible, by keys."""

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

STATION = "urn:ngsi-ld:AirQualityObserved:test-1"


def test_entities_are_found_without_diacritics_and_opened_by_keys(city, opened, axe, picture):
    page = opened(city, "entities?lang=vi", live=False)
    expect(page.get_by_role("heading", name="Đối tượng của thành phố")).to_be_visible()
    page.get_by_role("searchbox", name="Tìm theo tên").fill("tram ben cat")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "q=tram" in page.url
    assert axe(page) == []
    picture(page, "entities")
    page.get_by_role("link", name="Trạm không khí Bến Cát").press("Enter")
    expect(page.get_by_role("heading", name="Trạm không khí Bến Cát")).to_be_visible()
    expect(page.locator(".uplot")).to_be_visible()
    assert page.url.split("?")[0].endswith(f"entities/{STATION}")
    assert axe(page) == []
    picture(page, "entity")


def test_a_facet_stands_in_the_address_and_is_removed_by_its_chip(city, opened):
    page = opened(city, "entities?lang=en", live=False)
    group = page.get_by_role("group", name="Type")
    group.get_by_role("checkbox").first.check()
    chip = page.get_by_role("button", name="Remove filter", exact=False)
    expect(chip).to_be_visible()
    assert "type=" in page.url
    chip.click()
    expect(chip).to_have_count(0)
    assert "type=" not in page.url


def test_what_is_seen_is_saved_as_a_file(city, opened):
    page = opened(city, "entities?lang=en&q=ben%20cat", live=False)
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as saved:
        page.get_by_role("combobox", name="Export").select_option("csv")
    assert saved.value.suggested_filename.endswith(".csv")
    assert "airQualityIndex" in saved.value.path().read_text("utf-8-sig")


def test_the_entity_page_shows_the_raw_document_and_another_theme(city, opened, axe):
    page = opened(city, f"entities/{STATION}?lang=en", live=False)
    page.locator("summary").last.click()
    expect(page.locator("pre")).to_contain_text("airQualityIndex")
    page.evaluate("localStorage.setItem('dothi.theme', 'dark')")
    page.reload()
    expect(page.get_by_role("heading", name="Trạm không khí Bến Cát")).to_be_visible()
    assert axe(page) == []


def test_the_health_page_tells_that_nothing_is_configured(city, opened, axe):
    page = opened(city, "health?lang=vi", live=False)
    expect(page.get_by_text("Chưa có nguồn dữ liệu nào được cấu hình.")).to_be_visible()
    assert axe(page) == []
