"""A shift in a real browser: by keys alone from an alarm to a closed incident, and two people at one alarm."""

import json
import uuid

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

OPERATORS = {"lan": "Trần Thị Lan", "minh": "Lê Văn Minh"}


@pytest.fixture
def staffed(city):
    """The city with two operators on its roster."""
    for id, name in OPERATORS.items():
        answer = city.client.put(f"api/operators/{id}", json={"name": name, "roles": ["operator", "lead", "commander"]})
        assert answer.status_code == 200, answer.text
    return city


@pytest.fixture
def alarm(staffed):
    """A critical alarm that a person has raised; its title is its own."""
    title = f"Ngập sâu đường Trần Hưng Đạo {uuid.uuid4().hex[:6]}"
    body = {
        "title": {"vi": title, "en": f"Deep flood {title[-6:]}"},
        "severity": "critical",
        "value": 82,
        "threshold": 50,
        "unit": "cm",
        "location": {"type": "Point", "coordinates": [106.77, 10.905]},
    }
    answer = staffed.client.post("api/alarms", json=body)
    assert answer.status_code == 201, answer.text
    yield {**answer.json(), "name": title}
    for deed in ("clear", "acknowledge"):
        staffed.client.post(f"api/alarms/{answer.json()['id']}/{deed}", json={"reason": "the test is over"})


def at_desk(context, operator):
    """A person's browser: the operator is chosen before the first page."""
    context.add_init_script(f"localStorage.setItem('dothi.operator', {json.dumps(operator)})")
    return context.new_page()


@pytest.fixture
def desks(browser, browser_context_args):
    """Two browsers, each with its own operator."""
    contexts = [browser.new_context(**browser_context_args) for _ in OPERATORS]
    yield [at_desk(context, operator) for context, operator in zip(contexts, OPERATORS, strict=True)]
    for context in contexts:
        context.close()


def test_two_browsers_acknowledge_one_alarm_and_the_slower_is_told_by_whom(staffed, alarm, desks):
    lan, minh = desks
    # What the quicker does reaches the slower too late, as it does over a bad line.
    minh.route("**/api/alarms/stream*", lambda route: route.abort())
    for page in desks:
        page.goto(f"{staffed.address}/alarms?lang=vi&q={alarm['name'][-6:]}")
        page.get_by_role("button", name=alarm["name"]).focus()
    lan.keyboard.press("a")
    expect(row_of(lan, alarm)).to_contain_text("Đã nhận")
    minh.keyboard.press("a")
    expect(minh.get_by_role("status").filter(has_text="đã thao tác trước")).to_contain_text("lan")
    expect(row_of(minh, alarm)).to_contain_text("Đã nhận")
    acts = staffed.client.get(f"api/alarms/{alarm['id']}").json()["acts"]
    assert [act["by"] for act in acts if act["deed"] == "acknowledge"] == ["lan"]


def test_what_one_browser_does_the_other_sees_without_asking(staffed, alarm, desks):
    lan, minh = desks
    for page in desks:
        page.goto(f"{staffed.address}/alarms?lang=vi&q={alarm['name'][-6:]}")
        expect(row_of(page, alarm)).to_contain_text("Mới")
    lan.get_by_role("button", name=alarm["name"]).focus()
    lan.keyboard.press("m")
    expect(row_of(minh, alarm)).to_contain_text("lan")


def row_of(page, alarm):
    return page.get_by_role("row").filter(has_text=alarm["name"])


def test_keys_alone_lead_from_an_alarm_to_a_closed_incident(staffed, alarm, desks, picture):
    lan, _ = desks
    lan.goto(f"{staffed.address}/?lang=vi")
    expect(lan.get_by_role("navigation", name="Điều hướng chính")).to_be_visible()
    acknowledge_by_keys(lan, alarm)
    picture(lan, "shift-alarms")
    open_the_incident_by_keys(lan, alarm)
    work_it_off_by_keys(lan)
    picture(lan, "shift-incident")
    close_it_by_keys(lan, "Nước đã rút hết")
    id = lan.evaluate("decodeURIComponent(location.pathname.split('/').pop())")
    incident = staffed.client.get(f"api/incidents/{id}").json()
    assert (incident["state"], incident["commander"]) == ("closed", "lan")
    assert [task["done_by"] for task in incident["tasks"]] == ["lan"]
    assert alarm["id"] in [member["id"] for member in incident["members"]]
    acts = staffed.client.get(f"api/incidents/{id}/acts").json()["acts"]
    assert {act["by"] for act in acts} == {"lan"}
    assert "Nước đã rút hết" in [act["reason"] for act in acts]


def acknowledge_by_keys(page, alarm):
    press(page, "g", "a")
    expect(row_of(page, alarm)).to_contain_text("Mới")
    press(page, "j")
    reach(page, "j", f"document.activeElement.textContent.includes({json.dumps(alarm['name'])})")
    press(page, "a")
    expect(row_of(page, alarm)).to_contain_text("Đã nhận")


def open_the_incident_by_keys(page, alarm):
    press(page, "g", "i")
    expect(page.get_by_role("article").filter(has_text=alarm["name"])).to_be_visible()
    card, name = "document.activeElement.closest('article')", json.dumps(alarm["name"])
    reach(page, "Tab", f"document.activeElement.matches('button.primary') && {card}?.textContent.includes({name})")
    press(page, "Enter")
    page.wait_for_url("**/incidents/urn:*")
    expect(page.get_by_role("region", name="Công việc")).to_be_visible()


def work_it_off_by_keys(page):
    press(page, "m")
    expect(page.get_by_role("region", name="Chỉ huy").locator("strong")).to_have_text(OPERATORS["lan"])
    press(page, "t")
    page.keyboard.type("Đặt rào chắn hai đầu đường")
    press(page, "Enter")
    task = page.get_by_role("checkbox", name="Xong: Đặt rào chắn hai đầu đường")
    expect(task).to_be_visible()
    reach(page, "Shift+Tab", "document.activeElement.matches('[type=checkbox]')")
    press(page, "Space")
    expect(task).to_be_checked()
    press(page, "n")
    page.keyboard.type("Đường đã thông xe")
    press(page, "Enter")
    expect(page.get_by_text("Đường đã thông xe")).to_be_visible()
    press(page, "Tab")


def close_it_by_keys(page, reason):
    current = page.locator("[aria-current=step]")
    for state in ("Đang xử lý", "Đã khống chế"):
        press(page, "s")
        expect(current).to_contain_text(state)
    press(page, "s")
    expect(page.get_by_label("Đóng sự cố: cho biết lý do")).to_be_focused()
    page.keyboard.type(reason)
    press(page, "Enter")
    expect(current).to_contain_text("Đã đóng")


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def reach(page, key, condition, most=80):
    """Press a key until what has the focus fits."""
    for _ in range(most):
        if page.evaluate(condition):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} never led to: {condition}")
