"""Context sources over HTTP: registrations, discovery, and subscriptions to registrations."""

from __future__ import annotations

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
from dothi.broker.source_subscriptions import SourceSubscriptions
from dothi.broker.tenants import Tenants
from dothi.storage.sqlite import SqliteStore

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"
ID = "urn:ngsi-ld:ContextSourceRegistration:north"
SOURCE: dict[str, Any] = {
    "id": ID,
    "type": "ContextSourceRegistration",
    "endpoint": "http://127.0.0.1:1234",
    "information": [{"entities": [{"type": "Bus"}], "propertyNames": ["speed"]}],
    "owner": "city",
}
WATCH: dict[str, Any] = {
    "id": "urn:ngsi-ld:Subscription:sources",
    "type": "Subscription",
    "entities": [{"type": "Bus"}],
    "notification": {"endpoint": {"uri": "http://127.0.0.1:1/notify"}},
}


async def open_broker(folder: Path) -> Broker:
    store = SqliteStore(folder)
    await store.open()
    outside = Outside()
    contexts = Contexts(store, outside)
    await contexts.open()
    registrations = Registrations(store, outside)
    provision, batches, ingest = Provision(store), Batches(store), Ingest(store, contexts)
    broker = Broker(store, contexts, provision, batches, ingest, Consume(store), registrations)
    broker.source_subscriptions = SourceSubscriptions(store, contexts, outside, registrations)
    await broker.source_subscriptions.start()
    broker.closers += [contexts.close, broker.source_subscriptions.stop]
    return broker


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    tenants = await Tenants.open(tmp_path, open_broker, limit=3)
    app = Starlette(routes=ngsi_ld_routes(tenants))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://city/ngsi-ld/v1/") as client:
        yield client
    await tenants.close()


@pytest.mark.parametrize("path", ["csourceRegistrations", "csourceRegistrations/"])
async def test_a_registration_is_made_shown_changed_and_deleted(api: httpx.AsyncClient, path: str) -> None:
    made = await api.post(path, json=SOURCE)
    assert (made.status_code, made.content) == (201, b"")
    assert made.headers["location"] == f"/ngsi-ld/v1/csourceRegistrations/{ID}"
    answer = await api.get("http://city" + made.headers["location"])
    assert answer.json() == SOURCE
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in answer.headers["link"]
    answer = await api.get(f"{path.rstrip('/')}/{ID}?options=sysAttrs", headers={"accept": "application/ld+json"})
    assert {"createdAt", "modifiedAt", "@context"} <= answer.json().keys()
    changed = await api.patch(f"csourceRegistrations/{ID}", json={"owner": None, "tenant": "north"})
    assert (changed.status_code, changed.content) == (204, b"")
    shown = (await api.get(f"csourceRegistrations/{ID}")).json()
    assert shown["tenant"] == "north"
    assert "owner" not in shown
    assert (await api.delete(f"csourceRegistrations/{ID}")).status_code == 204
    for method in ("GET", "DELETE"):
        answer = await api.request(method, f"csourceRegistrations/{ID}")
        assert (answer.status_code, answer.json()["type"]) == (404, ERRORS + "ResourceNotFound")


async def test_names_are_those_of_the_context_of_each_request(api: httpx.AsyncClient) -> None:
    context = {"Bus": "https://example.org/Bus", "owner": "https://example.org/owner"}
    made = await api.post(
        "csourceRegistrations",
        json={**SOURCE, "@context": context},
        headers={"content-type": "application/ld+json"},
    )
    assert made.status_code == 201
    shown = (await api.get(f"csourceRegistrations/{ID}")).json()
    assert shown["information"][0]["entities"] == [{"type": "https://example.org/Bus"}]
    assert shown["https://example.org/owner"] == "city"
    assert (await api.get("csourceRegistrations?type=Bus")).json() == []
    assert len((await api.get("csourceRegistrations?type=https://example.org/Bus")).json()) == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=Bus", True),
        ("type=Car", False),
        ("type=Car,Bus", True),
        ("type=(Car;Bus)", True),
        ("type=*", True),
        ("attrs=speed", True),
        ("attrs=colour,speed", True),
        ("attrs=colour", False),
        ("type=Bus&attrs=", True),
        ("id=urn:x:1", True),
        ("idPattern=^urn", True),
        ('q=owner=="city"', True),
        ('csf=owner=="land"', False),
        ('csf=endpoint=="http://127.0.0.1:1234"', True),
        ("type=Bus&scopeQ=/north/%23", False),
        ("type=Bus&georel=near;maxDistance==2000&geometry=Point&coordinates=[106.6,10.9]", False),
        ("type=Bus&timerel=before&timeAt=2020-01-01T00:00:00Z", False),
        ("type=Bus&timeproperty=", True),
    ],
)
async def test_a_query_finds_the_registrations_that_match(api: httpx.AsyncClient, query: str, found: bool) -> None:
    await api.post("csourceRegistrations", json=SOURCE)
    answer = await api.get(f"csourceRegistrations?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json() == ([SOURCE] if found else [])


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("", "BadRequestData"),
        ("limit=2", "BadRequestData"),
        ("type=Bus&limit=-2", "BadRequestData"),
        ("type=Bus&limit=0", "BadRequestData"),
        ("id=bus", "BadRequestData"),
        ("idPattern=(", "BadRequestData"),
        ("q=(owner", "BadRequestData"),
        ("csf=owner==", "BadRequestData"),
        ("georel=within", "BadRequestData"),
        ("timerel=before", "BadRequestData"),
        ("type=Bus&timeAt=2020-01-01T00:00:00Z", "BadRequestData"),
        ("type=Bus&attrs=a,,b", "InvalidRequest"),
        ("type=Bus&options=keyValues", "InvalidRequest"),
        ("type=Bus&join=flat", "InvalidRequest"),
    ],
)
async def test_a_query_that_is_wrong_is_refused(api: httpx.AsyncClient, query: str, kind: str) -> None:
    answer = await api.get(f"csourceRegistrations?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, ERRORS + kind)


async def test_pages_are_linked_as_they_were_asked_for_and_counted(api: httpx.AsyncClient) -> None:
    for n in range(3):
        await api.post("csourceRegistrations", json={**SOURCE, "id": f"{ID}{n}"})
    answer = await api.get("csourceRegistrations?type=Bus&limit=1&offset=1&count=true")
    assert answer.headers["ngsild-results-count"] == "3"
    assert [each["id"] for each in answer.json()] == [f"{ID}1"]
    links = answer.headers["link"]
    for relation, offset in (("prev", 0), ("next", 2)):
        target = f"/ngsi-ld/v1/csourceRegistrations?type=Bus&limit=1&offset={offset}&count=true"
        assert f'<{target}>;rel="{relation}";type="application/ld+json"' in links
    counted = await api.get("csourceRegistrations?type=Bus&limit=0&count=true")
    assert (counted.json(), counted.headers["ngsild-results-count"]) == ([], "3")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({**SOURCE, "information": []}, 400, "BadRequestData"),
        ({**SOURCE, "endpoint": "http://169.254.169.254/"}, 400, "BadRequestData"),
        ({**SOURCE, "expiresAt": "2020-01-01T00:00:00Z"}, 400, "BadRequestData"),
        ([], 400, "InvalidRequest"),
        (SOURCE, 409, "AlreadyExists"),
    ],
)
async def test_a_registration_that_cannot_be_is_refused_and_nothing_is_stored(
    api: httpx.AsyncClient, body: Any, status: int, kind: str
) -> None:
    await api.post("csourceRegistrations", json=SOURCE)
    refused = await api.post("csourceRegistrations", json=body)
    assert (refused.status_code, refused.json()["type"]) == (status, ERRORS + kind)
    assert (await api.get("csourceRegistrations?type=Bus")).json() == [SOURCE]


async def test_a_source_that_would_hide_an_entity_is_a_conflict(api: httpx.AsyncClient) -> None:
    await api.post("entities", json={"id": "urn:x:1", "type": "Bus", "speed": {"type": "Property", "value": 1}})
    answer = await api.post("csourceRegistrations", json={**SOURCE, "mode": "redirect"})
    assert (answer.status_code, answer.json()["type"]) == (409, ERRORS + "Conflict")
    assert "urn:x:1" in answer.json()["detail"]


async def test_each_tenant_has_its_own_sources(api: httpx.AsyncClient) -> None:
    there = {"ngsild-tenant": "north"}
    assert (await api.post("csourceRegistrations", json=SOURCE, headers=there)).status_code == 201
    assert (await api.get("csourceRegistrations?type=Bus")).json() == []
    assert (await api.get("csourceRegistrations?type=Bus", headers=there)).json() == [SOURCE]


async def test_a_subscription_to_sources_is_made_shown_changed_and_deleted(api: httpx.AsyncClient) -> None:
    made = await api.post("csourceSubscriptions", json=WATCH)
    assert (made.status_code, made.content) == (201, b"")
    place = f"/ngsi-ld/v1/csourceSubscriptions/{WATCH['id']}"
    assert made.headers["location"] == place
    assert (await api.post("csourceSubscriptions", json=WATCH)).json()["type"] == ERRORS + "AlreadyExists"
    assert (await api.get("http://city" + place)).json() == {**WATCH, "status": "active"}
    listed = await api.get("csourceSubscriptions?limit=1&count=true&options=sysAttrs")
    assert listed.headers["ngsild-results-count"] == "1"
    assert {"createdAt", "modifiedAt"} <= listed.json()[0].keys()
    assert (await api.patch("http://city" + place, json={"isActive": False})).status_code == 204
    assert (await api.get("http://city" + place)).json()["status"] == "paused"
    broken = await api.patch("http://city" + place, content=b"{,}")
    assert (broken.status_code, broken.json()["type"]) == (400, ERRORS + "InvalidRequest")
    assert (await api.patch("http://city" + place, json={"type": None})).json()["type"] == ERRORS + "BadRequestData"
    assert (await api.delete("http://city" + place)).status_code == 204
    assert (await api.get("http://city" + place)).json()["type"] == ERRORS + "ResourceNotFound"
    assert (await api.get("csourceSubscriptions/sources")).json()["type"] == ERRORS + "BadRequestData"
