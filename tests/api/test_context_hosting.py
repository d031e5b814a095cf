"""/ngsi-ld/v1/jsonldContexts: hosting, listing, serving, deleting (clauses 6.29, 6.30)."""

import httpx
import pytest
from starlette.applications import Starlette

from dothi.api.contexts import ROUTES
from dothi.api.exchange import Limits
from dothi.api.server import NgsiLdRoute
from dothi.model.packaged import CORE

SDM = "https://smartdatamodels.org/context.jsonld"
DOCUMENT = {"@context": {"flow": "https://own.example/flow"}}


@pytest.fixture
async def api(tenants):
    app = Starlette(routes=[NgsiLdRoute(tenants, ROUTES, Limits())])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://city") as client:
        yield client


def by_address(address):
    return "/ngsi-ld/v1/jsonldContexts/" + address.replace("/", "%2F").replace(":", "%3A")


async def test_a_context_is_added_served_listed_and_deleted(api):
    added = await api.post("/ngsi-ld/v1/jsonldContexts", json=DOCUMENT)
    assert added.status_code == 201
    location = added.headers["location"]
    assert location.startswith("/ngsi-ld/v1/jsonldContexts/")
    served = await api.get(location)
    assert served.headers["content-type"] == "application/json"
    linked = await api.get(location, headers={"accept": "application/ld+json"})
    assert linked.headers["content-type"] == "application/ld+json"
    assert served.json() == DOCUMENT
    assert (await api.get("/ngsi-ld/v1/jsonldContexts")).json() == [f"http://city{location}"]
    assert (await api.delete(location)).status_code == 204
    assert (await api.get(location)).status_code == 404
    assert (await api.get("/ngsi-ld/v1/jsonldContexts")).json() == []


async def test_details_tell_kind_times_and_uses(api):
    location = (await api.post("/ngsi-ld/v1/jsonldContexts", json=DOCUMENT)).headers["location"]
    before = (await api.get(location, params={"details": "true"})).json()
    assert before == {
        "URL": f"http://city{location}",
        "localId": location.rpartition("/")[2],
        "kind": "Hosted",
        "createdAt": before["createdAt"],
        "numberOfHits": 0,
    }
    [after] = (await api.get("/ngsi-ld/v1/jsonldContexts", params={"details": "true", "kind": "Hosted"})).json()
    assert after["numberOfHits"] == 1
    assert after["lastUsage"] >= after["createdAt"]
    assert (await api.get("/ngsi-ld/v1/jsonldContexts", params={"kind": "Cached"})).json() == []


@pytest.mark.parametrize(
    ("body", "problem"), [(b"{", "InvalidRequest"), (b"[]", "InvalidRequest"), (b"{}", "InvalidRequest")]
)
async def test_a_body_that_is_no_context_document_is_refused(api, body, problem):
    answer = await api.post("/ngsi-ld/v1/jsonldContexts", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["type"].endswith(problem)


async def test_a_context_whose_parts_cannot_be_had_is_not_hosted(api):
    answer = await api.post("/ngsi-ld/v1/jsonldContexts", json={"@context": ["https://nowhere.example/c.jsonld"]})
    assert answer.status_code == 504
    assert "https://nowhere.example/c.jsonld" in answer.json()["detail"]


async def test_packaged_contexts_are_served_by_their_encoded_address(api):
    assert "temperature" in (await api.get(by_address(SDM))).json()["@context"]
    assert (await api.get(by_address(CORE))).json()["@context"]["type"] == "@type"


async def test_the_core_context_cannot_be_deleted_and_unknown_ones_are_not_found(api):
    refused = await api.delete(by_address(CORE))
    assert (refused.status_code, refused.json()["title"]) == (400, "Bad request data")
    assert (await api.delete("/ngsi-ld/v1/jsonldContexts/nothing")).status_code == 404
    assert (await api.get("/ngsi-ld/v1/jsonldContexts/nothing")).status_code == 404


async def test_reload_of_a_hosted_context_and_of_a_dead_address_fail_and_change_nothing(api):
    location = (await api.post("/ngsi-ld/v1/jsonldContexts", json=DOCUMENT)).headers["location"]
    assert (await api.delete(location, params={"reload": "true"})).status_code == 400
    assert (await api.delete(by_address(SDM), params={"reload": "true"})).status_code == 504
    assert (await api.get(location)).json() == DOCUMENT


@pytest.mark.parametrize("query", ["kind=Other", "details=1", "frob=1"])
async def test_wrong_parameters_are_refused(api, query):
    assert (await api.get(f"/ngsi-ld/v1/jsonldContexts?{query}")).status_code == 400
