"""The alarm routes over a real broker: listed, worked on, refused with who was first, and streamed."""

import asyncio
import json

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from dothi.api.alarm_stream import events
from dothi.api.operations import CityFacts, operations_api
from dothi.automation.alarms.alarm import Raise
from dothi.automation.alarms.alarms import Alarms
from dothi.automation.alarms.board import MOST_WATCHERS
from dothi.broker.clock import wall_clock
from dothi.city.module import Text
from dothi.model.context import core_context
from dothi.model.instant import format_instant
from dothi.web.live import LiveMap
from dothi.web.vocabulary import vocabulary_of

WORDS = vocabulary_of([], core_context())


@pytest.fixture
async def alarms(tenants):
    alarms = Alarms(tenants.default.store, WORDS)
    await alarms.open()
    yield alarms
    alarms.close()


@pytest.fixture
async def api(tenants, alarms):
    store = tenants.default.store
    live = LiveMap(store, {}, wall_clock)
    app = operations_api(CityFacts(Text("A", "A")), store, [], WORDS, live, alarms=alarms)
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/api", app)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://city/api/") as client:
        yield client


def report(number=1, severity="major", **more):
    title = {"vi": "Mực nước vượt báo động", "en": "Water too high"}
    return Raise(rule="flood", severity=severity, title=title, source=f"urn:ngsi-ld:Flood:{number}", **more)


async def act(api, number, action, operator="lan", **body):
    return await api.post(f"alarms/{report(number).id}/{action}", json=body, headers={"x-dothi-operator": operator})


async def test_the_list_is_filtered_paged_and_summed_up(api, alarms):
    await alarms.raise_all([report(n, "critical" if n == 3 else "minor") for n in range(5)])
    await act(api, 1, "acknowledge")
    page = (await api.get("alarms", params={"limit": 2})).json()
    assert (page["total"], len(page["alarms"]), page["alarms"][0]["severity"]) == (5, 2, "critical")
    assert page["summary"]["open"] == {"critical": 1, "major": 0, "minor": 4, "advisory": 0}
    assert page["summary"]["unacknowledged"]["minor"] == 3
    found = (await api.get("alarms", params={"state": "active,acknowledged", "q": "muc nuoc"})).json()
    assert [alarm["acknowledged_by"] for alarm in found["alarms"]] == ["lan"]
    assert (await api.get("alarms/summary")).json() == page["summary"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("state=opn", "state: 'opn' is none of open"),
        ("severity=bad", "severity: 'bad' is none of critical"),
        ("sort=x", "sort: 'x' is none of severity"),
        ("limit=0", "limit:"),
    ],
)
async def test_a_wrong_filter_is_told(api, query, told):
    answer = await api.get(f"alarms?{query}")
    assert answer.status_code == 400
    assert told in answer.json()["detail"]


async def test_an_alarm_comes_with_who_did_what_when_and_why(api, alarms):
    await alarms.raise_(report())
    await act(api, 1, "acknowledge")
    await act(api, 1, "assign", assignee="minh")
    await act(api, 1, "comment", reason="đã gọi trạm bơm")
    await act(api, 1, "clear", "minh", reason="nước đã rút")
    detail = (await api.get(f"alarms/{report().id}")).json()
    told = [(each["deed"], each["by"], each["reason"], each["to"]) for each in detail["acts"]]
    assert told == [
        ("clear", "minh", "nước đã rút", None),
        ("comment", "lan", "đã gọi trạm bơm", None),
        ("assign", "lan", None, "minh"),
        ("acknowledge", "lan", None, None),
        ("raise", "system", None, None),
    ]
    assert (detail["active"], detail["acknowledged"], detail["assignee"]) == (False, True, "minh")
    acts = (await api.get("alarms/acts", params={"operator": "minh"})).json()
    assert [each["deed"] for each in acts["acts"]] == ["clear"]


async def test_the_second_to_acknowledge_is_answered_409_with_who_was_first(api, alarms):
    await alarms.raise_(report())
    first, second = await asyncio.gather(act(api, 1, "acknowledge", "lan"), act(api, 1, "acknowledge", "minh"))
    won, lost = sorted((first, second), key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 409)
    problem = lost.json()
    assert (problem["by"], problem["at"]) == (won.json()["acknowledged_by"], won.json()["acknowledged_at"])


async def test_what_was_seen_too_long_ago_is_not_acted_on(api, alarms):
    seen = (await alarms.raise_(report())).version
    assert (await act(api, 1, "assign", assignee="a", seen=seen)).status_code == 200
    answer = await act(api, 1, "assign", assignee="b", seen=seen)
    assert answer.status_code == 409
    assert "changed since you saw it (by lan" in answer.json()["detail"]


async def test_shelving_takes_an_end_and_a_reason(api, alarms):
    await alarms.raise_(report())
    assert "until: shelve needs an end" in (await act(api, 1, "shelve", reason="bảo trì", until=None)).json()["detail"]
    assert "until: 'mai' is no DateTime" in (await act(api, 1, "shelve", reason="x", until="mai")).json()["detail"]
    until = format_instant(wall_clock() + 3_600_000_000)
    assert (await act(api, 1, "shelve", reason="bảo trì", until=until)).json()["shelved"] is True
    assert (await api.get("alarms")).json()["total"] == 0
    assert (await api.get("alarms?state=shelved")).json()["total"] == 1
    assert (await act(api, 1, "unshelve")).json()["shelved"] is False


async def test_a_bulk_order_tells_what_it_could_not_do(api, alarms):
    await alarms.raise_all([report(1), report(2)])
    await act(api, 1, "acknowledge", "minh")
    body = {"ids": [report(1).id, report(2).id, "urn:x:1"], "action": "acknowledge"}
    answer = (await api.post("alarms/bulk", json=body, headers={"x-dothi-operator": "lan"})).json()
    assert [alarm["id"] for alarm in answer["done"]] == [report(2).id]
    assert [(each["status"], each["by"]) for each in answer["refused"]] == [(409, "minh"), (404, None)]


async def test_an_alarm_raised_by_hand_stands_beside_the_others(api):
    body = {"title": {"vi": "Cây đổ chắn đường", "en": "Tree blocks the road"}, "severity": "major",
            "location": {"coordinates": [106.7, 10.9]}, "reason": "tin báo qua điện thoại"}  # fmt: skip
    answer = await api.post("alarms", json=body, headers={"x-dothi-operator": "lan"})
    assert answer.status_code == 201
    alarm = answer.json()
    assert (alarm["rule"], alarm["last_act"]["by"], alarm["location"]["type"]) == ("manual", "lan", "Point")
    other = (await api.post("alarms", json=body)).json()
    assert other["id"] != alarm["id"]
    assert (await api.get("alarms?rule=manual")).json()["total"] == 2


async def test_no_other_site_can_act_in_an_operators_name(api, alarms):
    await alarms.raise_(report())
    answer = await api.post(f"alarms/{report().id}/acknowledge", content="{}", headers={"content-type": "text/plain"})
    assert answer.status_code in (400, 415)
    answer = await api.post(f"alarms/{report().id}/acknowledge")
    assert answer.status_code == 415
    assert not alarms.board.get(report().id).acknowledged


async def test_an_unknown_member_or_alarm_is_told(api):
    assert "nobody" in (await api.post("alarms/x/comment", json={"nobody": 1})).json()["detail"]
    answer = await api.post("alarms/urn:x/acknowledge", json={})
    assert (answer.status_code, "There is no alarm urn:x" in answer.json()["detail"]) == (404, True)


async def read(stream, count):
    found = []
    async with asyncio.timeout(5):
        async for chunk in stream:
            name, _, data = (line.partition(b": ")[2] for line in chunk.strip().split(b"\n")) if b"data" in chunk else (
                b"", b"", b"",
            )  # fmt: skip
            if name:
                found.append((name.decode(), json.loads(data)))
            if len(found) == count:
                return found


async def test_the_stream_gives_what_is_open_and_then_each_change(alarms):
    await alarms.raise_all([report(1), report(2)])
    async with alarms.board.watch() as watcher:
        stream = events(alarms.board, watcher, wall_clock)
        ((name, first),) = await read(stream, 1)
        assert (name, len(first["alarms"]), first["more"]) == ("snapshot", 2, 0)
        await alarms.raise_(report(3, "critical"))
        ((name, then),) = await read(events(alarms.board, watcher, wall_clock), 1)
        assert (name, [alarm["severity"] for alarm in then["upserts"]]) == ("delta", ["critical"])
        assert then["summary"]["open"]["critical"] == 1
        await stream.aclose()


async def test_one_stream_too_many_is_refused(api, alarms):
    async with contextmanagers(alarms.board.watch, MOST_WATCHERS):
        answer = await api.get("alarms/stream")
    assert answer.status_code == 503


class contextmanagers:
    def __init__(self, make, count):
        self.all = [make() for _ in range(count)]

    async def __aenter__(self):
        for each in self.all:
            await each.__aenter__()

    async def __aexit__(self, *what):
        for each in self.all:
            await each.__aexit__(None, None, None)


async def test_the_ways_to_people_are_empty_where_none_is_declared(api):
    assert (await api.get("people")).json() == []
    assert (await api.post("people/a/test", json={})).status_code == 400
