"""The style page shows every state in both themes, accessibly, in colours that differ for colour-blind eyes."""

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

STATES = ("Nghiêm trọng", "Nặng", "Nhẹ", "Lưu ý", "Mất tín hiệu", "Chưa rõ", "Bình thường")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_state_stands_in_both_themes(city, opened, page, axe, picture, theme):
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": 1200, "height": 1200})
    opened(city, "style?lang=vi", live=False)
    for sheet in ("Giao diện sáng", "Giao diện tối"):
        region = page.get_by_role("region", name=sheet)
        for state in STATES:
            expect(region.get_by_text(state, exact=True).first).to_be_visible()
    assert axe(page) == []
    picture(page, f"style-{theme}")


def test_colours_of_the_system_keep_shapes_and_words(city, opened, page):
    page.emulate_media(forced_colors="active")
    opened(city, "style?lang=en", live=False)
    badge = page.get_by_role("region", name="Light theme").get_by_text("Critical", exact=True).first
    expect(badge).to_be_visible()
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")


def test_nothing_moves_for_those_who_ask_for_calm(city, opened, page):
    page.emulate_media(reduced_motion="reduce")
    opened(city, "style?lang=en", live=False)
    expect(page.get_by_role("heading", name="Style sheet")).to_be_visible()
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).animationName !== 'none').length"
    assert page.evaluate(moving) == 0
