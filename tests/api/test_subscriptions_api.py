"""Subscriptions over HTTP, through the whole API in process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from dothi.api.server import ngsi_ld_routes
from dothi.broker.batch import Batches
from dothi.broker.broker import Broker
from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.registrations import Registrations
from dothi.broker.subscriptions import Subscriptions
from dothi.broker.tenants import Tenants
from dothi.storage.sqlite import SqliteStore

ID = "urn:ngsi-ld:Subscription:1"
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
BODY: dict[str, Any] = {
    "id": ID,
    "type": "Subscription",
    "entities": [{"type": "Building"}],
    "notification": {"endpoint": {"uri": "http://127.0.0.1:1/notify"}},
}


def nothing_there(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("there is no network in this test", request=request)


async def open_broker(folder: Path) -> Broker:
    store = SqliteStore(folder)
    await store.open()
    outside = Outside(transport=httpx.MockTransport(nothing_there))
    contexts = Contexts(store, outside)
    await contexts.open()
    registrations = Registrations(store, outside)
    provision, batches, ingest = Provision(store), Batches(store), Ingest(store, contexts)
    broker = Broker(store, contexts, provision, batches, ingest, Consume(store), registrations)
    broker.subscriptions = Subscriptions(store, contexts, outside)
    await broker.subscriptions.start()
    broker.closers += [contexts.close, broker.subscriptions.stop]
    return broker


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    tenants = await Tenants.open(tmp_path, open_broker, limit=3)
    app = Starlette(routes=ngsi_ld_routes(tenants))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://city/ngsi-ld/v1/") as client:
        yield client
    await tenants.close()


@pytest.mark.parametrize("path", ["subscriptions", "subscriptions/"])
async def test_a_subscription_is_created_shown_changed_and_deleted(api: httpx.AsyncClient, path: str) -> None:
    made = await api.post(path, json=BODY)
    assert made.status_code == 201
    assert made.headers["location"] == f"/ngsi-ld/v1/subscriptions/{ID}"
    shown = (await api.get("http://city" + made.headers["location"])).json()
    triggers = ["attributeCreated", "attributeUpdated"]
    assert shown == {**BODY, "status": "active", "notificationTrigger": triggers}
    changed = await api.patch(f"subscriptions/{ID}", json={"isActive": False, "description": "Mực nước"})
    assert changed.status_code == 204
    assert changed.content == b""
    shown = (await api.get(f"subscriptions/{ID}/", params={"options": "sysAttrs"})).json()
    assert shown["status"] == "paused"
    assert shown["description"] == "Mực nước"
    assert shown["createdAt"] < shown["modifiedAt"]
    assert (await api.delete(f"subscriptions/{ID}")).status_code == 204
    assert (await api.get(f"subscriptions/{ID}")).status_code == 404
    assert (await api.get("subscriptions")).json() == []


async def test_an_id_is_made_up_where_none_is_given(api: httpx.AsyncClient) -> None:
    made = await api.post("subscriptions", json={name: value for name, value in BODY.items() if name != "id"})
    assert made.status_code == 201
    assert "urn:ngsi-ld:Subscription:" in made.headers["location"]
    assert (await api.get("http://city" + made.headers["location"])).status_code == 200


async def test_names_follow_the_context_of_each_request(api: httpx.AsyncClient) -> None:
    context = {"Building": "https://example.org/Building", "level": "https://example.org/level"}
    body = {**BODY, "watchedAttributes": ["level"], "@context": [context, CORE]}
    headers = {"content-type": "application/ld+json"}
    assert (await api.post("subscriptions", json=body, headers=headers)).status_code == 201
    shown = (await api.get(f"subscriptions/{ID}")).json()
    assert shown["entities"] == [{"type": "https://example.org/Building"}]
    assert shown["watchedAttributes"] == ["https://example.org/level"]
    linked = await api.get(f"subscriptions/{ID}", headers={"accept": "application/ld+json"})
    assert linked.json()["@context"]
    assert linked.headers["content-type"] == "application/ld+json"


async def test_pages_have_links_and_a_count(api: httpx.AsyncClient) -> None:
    for n in range(3):
        assert (await api.post("subscriptions", json={**BODY, "id": f"{ID}{n}"})).status_code == 201
    page = await api.get("subscriptions", params={"limit": 1, "offset": 1, "count": "true"})
    assert [shown["id"] for shown in page.json()] == [f"{ID}1"]
    assert page.headers["ngsild-results-count"] == "3"
    assert "</ngsi-ld/v1/subscriptions?" in page.headers["link"]
    assert 'rel="next"' in page.headers["link"]
    assert 'rel="prev"' in page.headers["link"]
    last = await api.get("subscriptions", params={"limit": 1, "offset": 2})
    assert 'rel="next"' not in last.headers["link"]


@pytest.mark.parametrize(
    ("change", "status", "type"),
    [
        ({"id": "invalidId"}, 400, "BadRequestData"),
        ({"expiresAt": "2000-01-01T00:00:00Z"}, 400, "BadRequestData"),
        ({"throttling": -30}, 400, "BadRequestData"),
        ({"notificationTrigger": ["entityChanged"]}, 400, "BadRequestData"),
        ({"q": "((level"}, 400, None),
        ({"entities": [{"type": "A", "idPattern": "(("}]}, 400, None),
        ({"jsonldContext": "unknownContext"}, 400, "BadRequestData"),
        ({"jsonldContext": "https://example.org/none.jsonld"}, 504, "LdContextNotAvailable"),
        ({"notification": {"endpoint": {"uri": "http://10.1.1.1/x"}}}, 400, "BadRequestData"),
        ({"notification": {"endpoint": {"uri": "ftp://example.org/x"}}}, 400, "BadRequestData"),
        ({"notification": {"endpoint": {"uri": "mqtt://example.org"}}}, 400, "BadRequestData"),
        ({"notification": {"endpoint": {"uri": "mqtt://10.1.1.1/x"}}}, 400, "BadRequestData"),
        ({"notification": {"endpoint": {"uri": "http://u:p@example.org/x"}}}, 400, "BadRequestData"),
    ],
)
async def test_what_cannot_work_is_refused_with_its_problem(
    api: httpx.AsyncClient, change: dict[str, Any], status: int, type: str | None
) -> None:
    answer = await api.post("subscriptions", json={**BODY, **change})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    if type is not None:
        assert answer.json()["type"].endswith(type)
    assert answer.json()["detail"]
    assert (await api.get("subscriptions")).json() == []


async def test_unknown_taken_and_bad_requests_have_their_status(api: httpx.AsyncClient) -> None:
    await api.post("subscriptions", json=BODY)
    assert (await api.post("subscriptions", json=BODY)).status_code == 409
    assert (
        (await api.post("subscriptions", content=b"{,}", headers={"content-type": "application/json"}))
        .json()["type"]
        .endswith("InvalidRequest")
    )
    assert (await api.post("subscriptions", json={})).json()["type"].endswith("BadRequestData")
    assert (await api.patch("subscriptions/urn:x:none", json={"isActive": True})).status_code == 404
    assert (await api.patch("subscriptions/nouri", json={"isActive": True})).status_code == 400
    assert (await api.patch("subscriptions/", json={"isActive": True})).status_code in (400, 405)
    assert (await api.delete("subscriptions/urn:x:none")).status_code == 404
    past = await api.patch(f"subscriptions/{ID}", json={"expiresAt": "2020-08-01T22:07:00Z"})
    assert past.status_code == 400
    endpoint = await api.patch(f"subscriptions/{ID}", json={"notification": {"format": "keyValues", "endpoint": None}})
    assert endpoint.status_code == 400
    assert (await api.get("subscriptions", params={"options": "wrong"})).status_code == 400
    assert (await api.get("subscriptions", params={"what": "1"})).status_code == 400


async def test_tenants_have_their_own_subscriptions(api: httpx.AsyncClient) -> None:
    there = {"ngsild-tenant": "other"}
    assert (await api.get("subscriptions", headers=there)).status_code == 404
    assert (await api.post("subscriptions", json=BODY, headers=there)).status_code == 201
    assert (await api.get("subscriptions")).json() == []
    assert len((await api.get("subscriptions", headers=there)).json()) == 1


async def test_a_failed_notification_is_seen_in_the_subscription(api: httpx.AsyncClient) -> None:
    await api.post("subscriptions", json=BODY)
    await api.post("entities", json={"id": "urn:x:1", "type": "Building", "level": {"type": "Property", "value": 1}})
    for _ in range(100):
        shown = (await api.get(f"subscriptions/{ID}")).json()["notification"]
        if "status" in shown:
            break
        await asyncio.sleep(0.02)
    assert shown["status"] == "failed"
    assert shown["timesFailed"] >= 1
    assert shown["lastFailure"] == shown["lastNotification"]
