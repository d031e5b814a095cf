"""The time machine in a real browser: the map shows a past instant, says so, plays, shares it, comes back to now."""

from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

DRAWN = """(map => map.getLayer('city:air-quality:point')
  && map.queryRenderedFeatures({layers: ['city:air-quality:point']}).map(each => each.properties))(window.dothi.map)"""


def hours_ago(hours):
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_link_to_an_instant_shows_the_map_of_then_and_live_brings_back_now(city, opened, true_soon, axe, picture):
    page = opened(city, f"?lang=vi&layers=air-quality&at={hours_ago(2.5)}")
    banner = page.get_by_role("region", name="Cỗ máy thời gian")
    expect(banner.get_by_text("QUÁ KHỨ")).to_be_visible()
    true_soon(f"JSON.stringify({DRAWN} ?? []).includes('55')")
    assert axe(page) == []
    picture(page, "time-machine")
    banner.get_by_role("button", name="Về hiện tại").click()
    expect(banner.get_by_text("TRỰC TIẾP")).to_be_visible()
    assert "at=" not in page.url
    true_soon(f"JSON.stringify({DRAWN} ?? []).includes('230')")


def test_the_slider_moves_by_keys_and_puts_the_instant_into_the_address(city, opened):
    page = opened(city, "?lang=en&layers=air-quality")
    slider = page.get_by_role("slider", name="Instant shown")
    slider.focus()
    page.keyboard.press("PageDown")
    expect(page.get_by_text("PAST", exact=False).first).to_be_visible()
    assert "at=2" in page.url
    page.get_by_role("checkbox", name="Only what was known then").check()
    assert "known" in page.url


def test_playing_goes_on_in_time_until_it_is_paused(city, opened, true_soon):
    page = opened(city, f"?lang=en&layers=air-quality&at={hours_ago(10)}")
    first = page.url
    page.get_by_role("button", name="Play", exact=True).click()
    true_soon(f"location.href !== {first!r}")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
