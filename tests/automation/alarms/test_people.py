"""People are told by real messages to a real receiver; who sleeps, hangs or is gone holds up nobody."""

import asyncio
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dothi.automation.alarms.alarm import Raise
from dothi.automation.alarms.people import MOST_WAITING, Channel, DeliveryFailed, People, Quiet, digest, message_of
from dothi.automation.alarms.transitions import Source, raised
from dothi.model.errors import BadGateway, ResourceNotFound
from dothi.model.instant import parse_instant

#: apprise reads a module that Python is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

NOON = parse_instant("2026-03-01T05:00:00Z")
NIGHT = parse_instant("2026-03-01T16:30:00Z")
TITLE = {"vi": "Mực nước vượt báo động", "en": "Water above the alert level"}


def alarm(severity="critical", number=1, **more):
    report = Raise(rule="flood", severity=severity, title=TITLE, source=f"urn:ngsi-ld:F:{number}", value=1.25,
                   threshold=1.0, unit="m", **more)  # fmt: skip
    return raised(None, report, Source("F", "Cầu Dĩ An"), NOON)


@pytest.fixture
def receiver():
    """A web hook on this machine; `status` is what it answers."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(Handler.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *said):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.heard, server.handler = heard, Handler
    server.url = f"json://127.0.0.1:{server.server_port}/"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@contextlib.asynccontextmanager
async def telling(people):
    task = asyncio.ensure_future(people.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        people.close()


async def soon(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_critical_alarm_reaches_a_real_web_hook_in_words(receiver):
    people = People([Channel("truong-ca", (receiver.url,))])
    async with telling(people):
        people.hear(alarm(), alarm().last_act)
        await soon(lambda: people.fare()[0]["sent"] == 1)
    (heard,) = receiver.heard
    assert heard["title"] == "[NGHIÊM TRỌNG] Mực nước vượt báo động – Cầu Dĩ An"
    assert "1,25 m (ngưỡng 1)" in heard["message"]
    assert "12:00 01/03/2026" in heard["message"]
    assert heard["type"] == "failure"


async def test_what_comes_together_is_one_message(receiver):
    people = People([Channel("ca", (receiver.url,), language="en")])
    async with telling(people):
        for number in range(30):
            people.hear(alarm("major", number), alarm("major").last_act)
        await soon(lambda: people.fare()[0]["sent"] == 30)
    (heard,) = receiver.heard
    assert heard["title"] == "[MAJOR] 30 alarms"
    assert heard["message"].endswith("… and 10 more")


async def test_a_refused_message_is_tried_again_and_its_failure_told(receiver):
    receiver.handler.status = 500
    people = People([Channel("ca", (receiver.url,))], pauses=(0.05,))
    async with telling(people):
        people.tell(message_of(alarm()))
        await soon(lambda: people.fare()[0]["failed"] == 1)
    assert len(receiver.heard) == 2
    assert "500" in people.fare()[0]["last_error"]


async def test_who_hangs_holds_up_nobody(receiver):
    release = threading.Event()

    def deliver(urls, title, body, severity):
        if urls == ("hangs",):
            release.wait(5)

    people = People([Channel("a", ("hangs",)), Channel("b", ("works",))], deliver, pauses=(), deadline=0.2)
    async with telling(people):
        assert people.tell(message_of(alarm())) == 2
        await soon(lambda: people.fare()[1]["sent"] == 1 and people.fare()[0]["failed"] == 1)
        release.set()
    assert people.fare()[0]["last_error"] == "no answer within 0.2 s"


def test_severity_and_quiet_hours_choose_who_hears_and_critical_wakes():
    channel = Channel("a", ("x",), "minor", Quiet.parse("22:00-06:00"))
    assert channel.wants("minor", NOON)
    assert not channel.wants("advisory", NOON)
    assert not channel.wants("major", NIGHT)
    assert channel.wants("critical", NIGHT)
    with pytest.raises(ValueError, match="write them like 22:00-06:00"):
        Quiet.parse("10pm")


def test_an_acknowledged_shelved_or_flooded_alarm_disturbs_nobody():
    people = People([Channel("a", ("x",), "advisory")], now=lambda: NOON)
    for told in (alarm(flooded=True), alarm()):
        people.hear(told, told.last_act)
    assert people.fare()[0]["waiting"] == 1
    people.close()


def test_a_queue_that_is_full_gives_up_the_oldest_and_says_so():
    people = People([Channel("a", ("x",))], now=lambda: NOON)
    for number in range(MOST_WAITING + 3):
        people.tell(message_of(alarm(number=number)))
    (fare,) = people.fare()
    assert (fare["waiting"], fare["failed"]) == (MOST_WAITING, 3)
    people.close()


def test_escalation_reaches_whom_it_names_whatever_they_wish():
    people = People([Channel("a", ("x",), "critical"), Channel("b", ("y",))], now=lambda: NOON)
    assert people.tell(message_of(alarm("minor")), to=["a", "a", "nobody"]) == 1
    people.close()


def test_several_alarms_are_told_worst_first():
    title, body, severity = digest([message_of(alarm(word)) for word in ("minor", "critical", "major")], "vi")
    assert (title, severity) == ("[NGHIÊM TRỌNG] 3 cảnh báo", "critical")
    assert [line.split("]")[0] for line in body.splitlines()] == ["[NGHIÊM TRỌNG", "[NẶNG", "[NHẸ"]


async def test_a_test_message_tells_what_is_wrong_with_an_address():
    people = People([Channel("a", ("nothing://secret@x",))])
    with pytest.raises(BadGateway, match=r"a: urls\[0\] \(nothing:…\) is no address"):
        await people.test("a")
    with pytest.raises(ResourceNotFound, match="no channel 'b'; the settings declare a"):
        await people.test("b")
    people.close()


async def test_a_message_fails_with_the_reason_when_nobody_listens():
    people = People([Channel("a", ("json://127.0.0.1:9/",))])
    with pytest.raises(BadGateway):
        await people.test("a")
    assert people.fare()[0]["last_error"]
    people.close()
    assert issubclass(DeliveryFailed, Exception)
