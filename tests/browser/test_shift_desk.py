"""Procedures and the shift desk in a real browser: a run by keys alone, one hand on a phone, a shift handed over."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Page, expect

HOUR = 3_600_000


@pytest.fixture(scope="module")
def centre(city):
    """The city with people, procedures and a shift that runs."""
    client = city.client
    for id, name in (("an.nguyen", "Nguyễn Hoài An"), ("binh.tran", "Trần Thái Bình")):
        body = {"name": name, "roles": ["lead", "operator"]}
        assert client.put(f"api/operators/{id}", json=body).status_code == 200
    listed = client.get("api/procedures").json()
    for template in listed["templates"]:
        answer = client.put(f"api/procedures/{template['id']}", json={"definition": template, "base_version": 0})
        assert answer.status_code == 200, answer.text
    if client.get("api/shifts").json()["current"] is None:
        now = client.get("api/city").json()["now"]
        plan = {"title": {"vi": "Ca sáng", "en": "Morning shift"}, "start": now, "end": now + 8 * HOUR}
        shift = client.post("api/shifts", json={**plan, "lead": "an.nguyen"}).json()
        answer = client.post(f"api/shifts/{shift['id']}/open", json={}, headers={"X-Dothi-Operator": "an.nguyen"})
        assert answer.status_code == 200, answer.text
    return city


@pytest.fixture
def go(page: Page):
    """Opens a page as somebody; at the end, fails on foreign requests and on errors of the page."""
    requests, faults, homes = [], [], set()
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda told: faults.append(told.text) if told.type == "error" and "409" not in told.text else None,
    )

    def open(server, path, who="an.nguyen", theme="light"):
        homes.add(server.address)
        script = f"localStorage.setItem('dothi.operator', '{who}'); localStorage.setItem('dothi.theme', '{theme}')"
        page.add_init_script(script)
        page.goto(f"{server.address}/{path}")
        expect(page.locator("main h1").first).to_be_visible()
        return page

    yield open
    assert [url for url in requests if not url.startswith((*homes, "data:", "blob:"))] == []
    assert faults == []


def begun(server, procedure="flood") -> str:
    answer = server.client.post("api/procedure-runs", json={"procedure": procedure})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_procedure_is_worked_off_by_keys_alone(centre, go, picture):
    page = go(centre, "procedures?lang=vi")
    page.get_by_role("button", name="Bắt đầu quy trình Ứng phó ngập úng đô thị").press("Enter")
    step = page.locator("#current-step")
    expect(step).to_have_text("Kiểm tra mực nước trên camera hoặc qua điện thoại")
    expect(page.get_by_role("timer")).to_contain_text("Còn 4:")
    picture(page, "procedure-runner")
    page.keyboard.press("Enter")
    expect(step).to_have_text("Có ngập thật không?")
    expect(step).to_be_focused()
    page.keyboard.press("n")
    page.keyboard.type("camera 12 mờ")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(step).to_have_text("Báo đơn vị bảo trì cảm biến, tạm gác cảnh báo")
    page.keyboard.press("b")
    expect(step).to_have_text("Có ngập thật không?")
    page.keyboard.press("2")
    expect(step).to_contain_text("Báo đơn vị")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Quy trình đã hoàn thành lúc")).to_be_visible()
    expect(page.locator("ol")).to_contain_text("trả lời “Không, cảm biến sai”: Có ngập thật không?: camera 12 mờ")


def test_who_is_second_is_told_who_was_first(centre, go):
    run = begun(centre)
    page = go(centre, f"procedures?run={run}&lang=vi")
    done = page.get_by_role("button", name="Đã làm xong")
    expect(done).to_be_visible()
    page.clock.pause_at(page.evaluate("Date.now() + 50"))  # so that the page does not see the other's act by itself
    act = {"kind": "done", "step": "verify"}
    centre.client.post(f"api/procedure-runs/{run}/acts", json=act, headers={"X-Dothi-Operator": "binh.tran"})
    done.click()
    expect(page.get_by_role("alert").filter(has_text="binh.tran was first")).to_be_visible()
    expect(page.locator("#current-step")).to_have_text("Có ngập thật không?")


def test_the_runner_is_for_one_hand_on_a_phone(centre, go):
    page = go(centre, f"procedures?run={begun(centre)}&lang=vi")
    page.set_viewport_size({"width": 360, "height": 740})
    button = page.get_by_role("button", name="Đã làm xong")
    box = button.bounding_box()
    assert box["height"] >= 56
    assert box["width"] >= 280
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    button.click()
    answers = page.get_by_role("button", name="ngập")
    expect(answers.first).to_be_visible()
    assert answers.first.bounding_box()["height"] >= 56


def test_the_editor_tells_faults_at_their_step_and_keeps_a_new_version(centre, go):
    page = go(centre, "procedures?edit=bus-breakdown&lang=vi")
    text = page.get_by_role("textbox", name="Văn bản TOML")
    expect(page.get_by_role("status").filter(has_text="Không có lỗi")).to_be_visible()
    good = text.input_value()
    text.fill(good.replace('role = "field"', 'role = "towing"'))
    expect(page.locator("fieldset").filter(has_text="no role 'towing'").first).to_be_visible()
    expect(page.get_by_role("button", name="Lưu bản mới")).to_be_disabled()
    text.fill(good.replace("Call the driver", "Ring the driver"))
    expect(page.get_by_role("status").filter(has_text="Không có lỗi")).to_be_visible()
    page.get_by_label("Lý do thay đổi").fill("gọi rõ hơn")
    page.get_by_role("button", name="Lưu bản mới").click()
    expect(page.get_by_text("Đã lưu bản 2")).to_be_visible()
    assert centre.client.get("api/procedures/bus-breakdown").json()["versions"][0]["reason"] == "gọi rõ hơn"


def test_a_shift_is_handed_over_and_its_report_knows(centre, go, picture):
    centre.client.post("api/alarms", json={"title": {"vi": "Ngập Dĩ An", "en": "Flood"}, "severity": "critical"})
    page = go(centre, "shift?lang=vi")
    expect(page.get_by_role("link", name="Ngập Dĩ An").first).to_be_visible()
    picture(page, "shift-desk")
    page.get_by_label("Lưu ý cho ca sau").fill("Theo dõi cống Dĩ An")
    page.get_by_role("button", name="Ký bàn giao").click()
    expect(page.get_by_text("Nguyễn Hoài An đã ký bàn giao")).to_be_visible()
    expect(page.get_by_role("button", name="Nhận bàn giao")).to_be_disabled()
    page = go(centre, "shift?lang=vi", who="binh.tran")
    page.get_by_label("Ý kiến của bên nhận").fill("Đã rõ")
    page.get_by_role("button", name="Nhận bàn giao").click()
    expect(page.get_by_role("button", name="Ký bàn giao")).to_be_visible()
    closed = next(s for s in centre.client.get("api/shifts").json()["shifts"] if s["state"] == "closed")
    page = go(centre, f"shift?tab=report&shift={closed['id']}&lang=vi", who="binh.tran")
    report = page.get_by_role("textbox", name="Báo cáo ca trực")
    expect(report).to_be_visible()
    assert "Bên nhận: Trần Thái Bình" in report.input_value()
    assert "Theo dõi cống Dĩ An" in report.input_value()


def test_the_watch_book_is_written_and_found_without_diacritics(centre, go):
    page = go(centre, "shift?tab=book&lang=vi")
    page.get_by_label("Nội dung").fill("Mưa lớn ở Thủ Dầu Một")
    page.get_by_role("button", name="Ghi vào sổ").click()
    expect(page.locator("ol li").first).to_contain_text("Mưa lớn ở Thủ Dầu Một")
    page.get_by_role("searchbox", name="Tìm trong sổ").fill("thu dau mot")
    expect(page.locator("ol li")).to_have_count(1)
    assert "q=thu" in page.url


LIGHT, DARK = ("light", "vi"), ("dark", "en")


@pytest.mark.parametrize(
    ("path", "looks"),
    [
        ("procedures", (LIGHT, DARK)), ("RUN", (LIGHT, DARK)), ("shift", (LIGHT, DARK)),
        ("procedures?edit=flood", (DARK,)), ("shift?tab=book", (LIGHT,)), ("shift?tab=calendar", (DARK,)),
        ("shift?tab=report", (LIGHT,)), ("shift?tab=usage", (DARK,)),
    ],
)  # fmt: skip
def test_every_part_is_accessible(centre, go, axe, path, looks):
    where = f"procedures?run={begun(centre)}" if path == "RUN" else path
    for theme, language in looks:
        page = go(centre, f"{where}{'&' if '?' in where else '?'}lang={language}", theme=theme)
        expect(page.get_by_text("Đang tải…")).to_have_count(0)
        page.wait_for_timeout(300)
        assert axe(page) == []
