"""The frame around every page: addresses, keys, the palette, the kiosk, who acts, paper and phones."""

import re
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

STATIC = Path(__file__).parents[2] / "src/dothi/web/static"
STATION = "urn:ngsi-ld:AirQualityObserved:test-1"
#: A key press while an input method composes: half a Vietnamese letter, no shortcut.
COMPOSING = """key => window.dispatchEvent(new KeyboardEvent('keydown',
  {key, code: 'Key' + key.toUpperCase(), keyCode: 229, isComposing: true, bubbles: true, cancelable: true}))"""


@pytest.fixture
def shell(opened, page):
    """Opens an address of the app and waits until its frame is there and the line stands."""

    def open(server, address):
        opened(server, address, live=False)
        expect(page.locator("main#main")).to_be_visible()
        expect(page.locator("main#main > *").first).to_be_visible()
        return page

    return open


def test_keys_lead_from_page_to_page_and_back_goes_back(city, shell):
    page = shell(city, "?lang=vi")
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.get_by_role("heading", name="Toàn cảnh thành phố")).to_be_visible()
    assert re.search(r"/wall\?", page.url)
    expect(page.get_by_role("link", name="Màn hình lớn")).to_have_attribute("aria-current", "page")
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name="Lớp bản đồ")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Toàn cảnh thành phố")).to_be_visible()


def test_every_address_can_be_opened_anew_and_names_its_language(city, shell):
    page = shell(city, "style?lang=en")
    expect(page.get_by_role("heading", name="Style sheet")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Style sheet")).to_be_visible()
    assert "lang=en" in page.url
    page.get_by_role("button", name="VI – Tiếng Việt").click()
    expect(page.get_by_role("heading", name="Bảng mẫu giao diện")).to_be_visible()
    assert "lang=vi" in page.url


def test_a_page_about_one_thing_finds_its_files_below_a_longer_address(city, shell):
    page = shell(city, f"entities/{STATION}?lang=en")
    expect(page.locator("main#main")).to_contain_text("Bến Cát")


def test_the_palette_finds_pages_without_diacritics_and_objects(city, shell, axe):
    page = shell(city, "style?lang=vi")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Bảng lệnh")
    expect(palette.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("ben cat")
    expect(palette.get_by_role("option", name="Trạm không khí Bến Cát")).to_be_visible()
    assert axe(page) == []
    palette.get_by_role("combobox").fill("man hinh lon")
    expect(palette.get_by_role("option", name="Màn hình lớn").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Toàn cảnh thành phố")).to_be_visible()


def test_the_palette_opens_an_object_on_the_map(city, shell):
    page = shell(city, "style?lang=vi")
    page.keyboard.press("Control+k")
    page.keyboard.type("tram khong khi")
    expect(page.get_by_role("option", name="Trạm không khí Bến Cát")).to_be_visible()
    page.get_by_role("option", name="Trạm không khí Bến Cát").click()
    panel = page.get_by_role("complementary", name="Chi tiết đối tượng")
    expect(panel.get_by_role("heading", name="Trạm không khí Bến Cát")).to_be_visible()


def test_half_a_vietnamese_letter_is_no_shortcut(city, shell):
    page = shell(city, "style?lang=vi")
    page.evaluate(COMPOSING, "g")
    page.keyboard.press("w")
    page.wait_for_timeout(200)
    assert "/style" in page.url


def test_single_keys_can_be_switched_off(city, shell):
    page = shell(city, "style?lang=vi")
    page.keyboard.press("?")
    switch = page.get_by_role("dialog", name="Phím tắt").get_by_label("Dùng phím tắt một phím")
    switch.uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("w")
    page.wait_for_timeout(200)
    assert "/style" in page.url
    page.reload()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Bảng lệnh")).to_be_visible()


def test_who_acts_is_chosen_from_the_roster_and_sent_with_every_call(city, shell, axe):
    answer = city.client.put("api/operators/lan", json={"name": "Nguyễn Thị Lan"})
    assert answer.status_code < 300, answer.text
    page = shell(city, "style?lang=vi")
    page.get_by_role("button", name="Người trực: Chưa chọn người trực").click()
    dialog = page.get_by_role("dialog", name="Ai đang trực ở máy này?")
    expect(dialog.get_by_role("button", name="Nguyễn Thị Lan")).to_be_visible()
    assert axe(page) == []
    dialog.get_by_role("button", name="Nguyễn Thị Lan").click()
    expect(page.get_by_role("button", name="Người trực: Nguyễn Thị Lan")).to_be_visible()
    with page.expect_request("**/api/city") as asked:
        page.reload()
    assert asked.value.headers["x-dothi-operator"] == "lan"


def test_the_kiosk_hides_the_frame_and_escape_brings_it_back(city, shell):
    page = shell(city, "wall?lang=vi")
    page.keyboard.press("d")
    page.keyboard.press("k")
    expect(page.get_by_role("navigation", name="Điều hướng chính")).to_be_hidden()
    assert "kiosk" in page.url
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Điều hướng chính")).to_be_visible()


def test_a_playlist_changes_the_page_by_itself(city, shell):
    page = shell(city, "style?kiosk&play=style|wall&every=5&lang=vi")
    expect(page.get_by_role("heading", name="Toàn cảnh thành phố")).to_be_visible(timeout=8_000)
    assert "play=" in page.url


def test_a_phone_has_its_pages_at_the_bottom(city, shell, page, axe):
    page.set_viewport_size({"width": 390, "height": 844})
    shell(city, "style?lang=vi")
    bar = page.get_by_role("navigation", name="Điều hướng chính").bounding_box()
    assert bar["y"] + bar["height"] == pytest.approx(844, abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert axe(page) == []


def test_paper_shows_the_page_without_its_frame(city, shell):
    page = shell(city, "style?lang=vi")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Điều hướng chính")).to_be_hidden()
    expect(page.get_by_role("heading", name="Bảng mẫu giao diện")).to_be_visible()
    assert page.evaluate(
        "document.querySelector('main').scrollHeight <= document.querySelector('main').clientHeight + 1"
    )


def gzipped(*patterns):
    """Bytes of the built files, as they are sent: the compressed twin where there is one."""
    files = [file for pattern in patterns for file in STATIC.glob(pattern)]
    return sum(
        (twin if (twin := file.with_name(file.name + ".gz")).is_file() else file).stat().st_size for file in files
    )


def loaded(page):
    """The scripts and styles of this server that the page has loaded, without fonts and data."""
    names = page.evaluate("performance.getEntriesByType('resource').map(each => new URL(each.name).pathname)")
    return sorted({name.lstrip("/") for name in names if re.search(r"\.(m?js|css)$", name)})


def test_the_app_is_small(city, shell, opened):
    page = shell(city, "style?lang=vi")
    frame = [name for name in loaded(page) if "Page" not in name]
    assert gzipped("index.html", *frame) <= 80_000, frame
    opened(city, "?lang=vi")
    beside = [name for name in loaded(page) if name not in frame]
    assert gzipped(*beside) <= 520_000, beside
