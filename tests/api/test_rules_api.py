"""Rules over the operations API: a rule is written, refused, tried on the past, switched on, and deleted."""

import asyncio
import contextlib

import httpx
import numpy as np
import pytest

from dothi.api.operations import CityFacts, operations_api
from dothi.api.rules_desk import RuleDesk
from dothi.automation.rules.book import Book
from dothi.automation.rules.carry import Hands
from dothi.automation.rules.live import LiveRules
from dothi.automation.rules.report import RealIncident
from dothi.broker.clock import wall_clock
from dothi.city.module import Attribute, CityModule, EntityType, Text
from dothi.model.aliases import Aliases
from dothi.model.change import Cause
from dothi.model.context import core_context
from dothi.model.entity import Entity
from dothi.storage.sqlite import SqliteStore
from dothi.web.live import LiveMap

NAMES = Aliases(core_context(), ["Gauge", "level", "areaServed"])
HOUR = 3_600_000_000
MODULE = CityModule(
    "water", Text("Nước", "Water"), (EntityType("Gauge", NAMES.expand("Gauge"), Text("Trạm", "Gauge"),
                                                (Attribute("level", Text("Mực nước", "Level"), "m"),)),)
)  # fmt: skip
RULE = {
    "id": "high", "title": {"vi": "Nước cao ở Dĩ An", "en": "High water"}, "severity": "major", "types": ["Gauge"],
    "when": {"kind": "threshold", "attribute": "level", "above": 2, "hysteresis": 0.5},
}  # fmt: skip


@pytest.fixture
async def store(tmp_path):
    """A gauge whose level is above 2 in two hours of each day of the last four days."""
    store = SqliteStore(tmp_path)
    await store.open()
    now = wall_clock()
    first = now // (24 * HOUR) * 24 * HOUR - 4 * 24 * HOUR
    times = first + np.arange(4 * 24) * HOUR
    levels = np.where(np.isin(np.arange(4 * 24) % 24, (3, 4)), 3.0, 1.0)
    entity = Entity("urn:g:1", (NAMES.expand("Gauge"),), {}, (), now, now)

    def work(tx):
        tx.save(entity, "created", [], Cause())
        tx.append_columns(entity, NAMES.expand("level"), {"type": "Property"}, times, levels)

    await store.write(work)
    yield store
    await store.close()


@pytest.fixture
async def api(store):
    book = Book(store)
    await book.open()
    live = LiveRules(store, book, NAMES.iris, Hands())
    first = wall_clock() // (24 * HOUR) * 24 * HOUR - 2 * 24 * HOUR

    async def incidents():
        return [RealIncident("urn:i:1", first + 3 * HOUR, first + 4 * HOUR, frozenset(("urn:g:1",)))]

    desk = RuleDesk(store, book, live, (MODULE,), NAMES, people=lambda: ["ca-truc"], incidents=incidents)
    app = operations_api(
        CityFacts(Text("", "")), store, (MODULE,), NAMES, LiveMap(store, {}, wall_clock), rules=desk
    )  # fmt: skip
    running = asyncio.ensure_future(live.run())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://city") as client:
        client.headers["X-Dothi-Operator"] = "an"
        yield client
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_rule_walks_from_draft_to_work(api):
    answer = await api.put("/rules/high", json={"definition": RULE, "version": 0})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["mode"], answer.json()["version"], answer.json()["changed_by"]) == ("off", 1, "an")
    refused = await api.post("/rules/high/mode", json={"mode": "on"})
    assert refused.status_code == 409
    assert "nobody has looked at a back-test of version 1" in refused.json()["detail"]
    tried = (await api.post("/rules/high/backtest", json={})).json()
    assert (tried["alarms"], tried["events"], tried["overlap"]) == (
        4, 96, {"incidents": 1, "met": 1, "alarms_alone": 3},
    )  # fmt: skip
    assert tried["durations"]["median"] == 7200
    assert tried["hour_of_day"][10] == 4
    assert (await api.post("/rules/high/mode", json={"mode": "on"})).json()["mode"] == "on"
    assert [each["what"] for each in (await api.get("/rules/high/versions")).json()] == ["mode", "tested", "created"]


async def test_every_fault_of_a_draft_is_told_and_nothing_is_kept(api):
    draft = {**RULE, "types": ["Guage"], "delay_on": "soon"}
    checked = (await api.post("/rules-check", json={"definition": draft})).json()
    assert {fault["path"] for fault in checked["faults"]} == {"types[0]", "delay_on"}
    refused = await api.put("/rules/high", json={"definition": draft, "version": 0})
    assert refused.status_code == 400
    assert len(refused.json()["faults"]) == 2
    assert (await api.get("/rules")).json()["total"] == 0


async def test_toml_and_definition_say_the_same(api):
    checked = (await api.post("/rules-check", json={"definition": RULE})).json()
    again = (await api.post("/rules-check", json={"toml": checked["toml"]})).json()
    assert again["definition"] == checked["definition"]
    assert again["faults"] == []


async def test_the_second_of_two_editors_is_answered_409_with_who_and_when(api):
    await api.put("/rules/high", json={"definition": RULE, "version": 0})
    await api.put("/rules/high", json={"definition": {**RULE, "delay_on": "1m"}, "version": 1})
    lost = await api.put("/rules/high", json={"definition": {**RULE, "delay_on": "2m"}, "version": 1})
    assert lost.status_code == 409
    assert (lost.json()["by"], lost.json()["version"]) == ("an", 2)


async def test_an_override_needs_a_reason(api):
    await api.put("/rules/high", json={"definition": RULE, "version": 0})
    assert (await api.post("/rules/high/mode", json={"mode": "on", "override": True})).status_code == 409
    body = {"mode": "on", "override": True, "reason": "mưa lớn"}
    assert (await api.post("/rules/high/mode", json=body)).status_code == 200


async def test_rules_are_found_without_diacritics_and_deleted_with_their_version(api):
    await api.put("/rules/high", json={"definition": RULE, "version": 0})
    assert (await api.get("/rules", params={"q": "di an"})).json()["total"] == 1
    assert (await api.get("/rules", params={"q": "thuan an"})).json()["total"] == 0
    assert (await api.delete("/rules/high", params={"version": 9})).status_code == 409
    assert (await api.delete("/rules/high", params={"version": 1})).status_code == 204
    assert (await api.get("/rules/high")).status_code == 404


async def test_a_post_that_another_site_could_send_is_refused(api):
    answer = await api.post("/rules-check", content="{}", headers={"content-type": "text/plain"})
    assert answer.status_code in (415, 422, 400)


async def test_the_vocabulary_has_declared_types_with_their_labels(api):
    found = (await api.get("/rules-vocabulary")).json()
    assert found["people"] == ["ca-truc"]
    assert found["types"][0]["attributes"][0]["label"] == {"vi": "Mực nước", "en": "Level"}
