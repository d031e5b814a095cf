"""Entity maps, purges and snapshots where a part of the entities is held by another city, both in process."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from starlette.applications import Starlette

from dothi.api.exchange import Limits
from dothi.api.server import ngsi_ld_routes
from dothi.broker.batch import Batches
from dothi.broker.broker import Broker
from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.federation.federation import Federation
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.registrations import Registrations
from dothi.broker.snapshots import Snapshots
from dothi.broker.tenants import Tenants
from dothi.storage.sqlite import SqliteStore

MAP = "NGSILD-EntityMap"
SOURCE = "urn:ngsi-ld:ContextSourceRegistration:there"


class Network(httpx.AsyncBaseTransport):
    """Leads http://there to the application `there`, once that is known."""

    there = None

    async def handle_async_request(self, request):
        answer = await httpx.ASGITransport(app=self.there).handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


async def resolve(host, port):
    return ["127.0.0.1"]


def opener(network, alias):
    async def open_broker(folder, snapshot=None):
        store = SqliteStore(folder)
        await store.open()
        outside = Outside(transport=network, resolve=resolve)
        contexts, consume = Contexts(store, outside), Consume(store)
        await contexts.open()
        registrations = Registrations(store, outside)
        await registrations.open()
        broker = Broker(
            store,
            contexts,
            Provision(store),
            Batches(store),
            Ingest(store, contexts),
            consume,
            registrations,
            alias=alias,
        )
        broker.federation = Federation(registrations, consume, contexts, outside, alias)
        if snapshot is None:
            broker.snapshots = Snapshots(store, folder, open_broker, contexts, outside)
            await broker.snapshots.start()
            broker.closers.append(broker.snapshots.stop)
        return broker

    return open_broker


@pytest.fixture
async def cities(tmp_path):
    """Clients of two cities; in the first one the second can be registered as http://there."""
    async with AsyncExitStack() as stack:
        network, clients = Network(), []
        for name in ("here", "there"):
            tenants = await Tenants.open(tmp_path / name, opener(network, name))
            stack.push_async_callback(tenants.close)
            app = Starlette(routes=ngsi_ld_routes(tenants, Limits()))
            network.there = app
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            base = f"http://{name}/ngsi-ld/v1/"
            clients.append(await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=base)))
        yield clients


async def register(here, mode="inclusive", operations=("federationOps", "purgeEntity"), **entity):
    document = {
        "id": SOURCE,
        "type": "ContextSourceRegistration",
        "mode": mode,
        "information": [{"entities": [{"type": "Vehicle", **entity}]}],
        "operations": list(operations),
        "endpoint": "http://there",
    }
    answer = await here.post("csourceRegistrations", json=document)
    assert answer.status_code == 201, answer.text


async def drive(city, *numbers, speed=80):
    for number in numbers:
        property = {"type": "Property", "value": speed}
        document = {"id": f"urn:ngsi-ld:Vehicle:{number}", "type": "Vehicle", "speed": property}
        answer = await city.post("entities?local=true", json=document)
        assert answer.status_code == 201, answer.text


def numbers(answer):
    return [int(entity["id"].rsplit(":", 1)[-1]) for entity in answer.json()]


async def held(city):
    return numbers(await city.get("entities?local=true"))


async def test_a_map_names_the_source_of_each_entity(cities):
    here, there = cities
    await drive(here, 1, 2)
    await drive(there, 2, 3)
    await register(here)
    answer = await here.get("entities?type=Vehicle&entityMap=true")
    assert (answer.status_code, sorted(numbers(answer))) == (201, [1, 2, 3])
    map = (await here.get(answer.headers[MAP].removeprefix("/ngsi-ld/v1/"))).json()["entityMap"]
    assert map == {
        "urn:ngsi-ld:Vehicle:1": ["@none"],
        "urn:ngsi-ld:Vehicle:2": ["@none", SOURCE],
        "urn:ngsi-ld:Vehicle:3": [SOURCE],
    }


async def test_pages_of_a_map_over_sources_are_stable_and_never_show_what_is_gone(cities):
    here, there = cities
    await drive(here, 1, 2)
    await drive(there, 3, 4, 5)
    await register(here)
    answer = await here.get("entities?type=Vehicle&entityMap=true&limit=2")
    headers = {MAP: answer.headers[MAP]}
    assert numbers(answer) == [1, 2]
    await there.delete("entities/urn:ngsi-ld:Vehicle:4")
    await drive(here, 9)
    answer = await here.get("entities?type=Vehicle&limit=2&offset=2", headers=headers)
    assert (answer.status_code, numbers(answer)) == (200, [3, 5])
    map = (await here.get(answer.headers[MAP].removeprefix("/ngsi-ld/v1/"))).json()["entityMap"]
    assert "urn:ngsi-ld:Vehicle:4" not in map


async def test_the_map_of_one_entity_names_who_had_it(cities):
    here, there = cities
    await drive(there, 1)
    await register(here)
    answer = await here.get("entities/urn:ngsi-ld:Vehicle:1?entityMap=true")
    map = (await here.get(answer.headers[MAP].removeprefix("/ngsi-ld/v1/"))).json()["entityMap"]
    assert map == {"urn:ngsi-ld:Vehicle:1": [SOURCE]}


async def test_a_purge_goes_to_the_sources_too(cities):
    here, there = cities
    await drive(here, 1)
    await drive(here, 2, speed=10)
    await drive(there, 3)
    await drive(there, 4, speed=10)
    await register(here)
    answer = await here.delete("entities?type=Vehicle&q=speed>50")
    assert (answer.status_code, await held(here), await held(there)) == (204, [2], [4])


async def test_a_purge_of_attributes_goes_to_the_sources_too(cities):
    here, there = cities
    await drive(here, 1)
    await drive(there, 2)
    await register(here)
    assert (await here.delete("entities?type=Vehicle&drop=speed")).status_code == 204
    for city, number in ((here, 1), (there, 2)):
        assert "speed" not in (await city.get(f"entities/urn:ngsi-ld:Vehicle:{number}?local=true")).json()


async def test_a_purge_takes_only_what_the_source_is_registered_for(cities):
    here, there = cities
    await drive(there, 1, 2)
    await register(here, id="urn:ngsi-ld:Vehicle:1")
    assert (await here.delete("entities?type=Vehicle")).status_code == 204
    assert await held(there) == [2]


async def test_a_local_purge_stays_here(cities):
    here, there = cities
    await drive(here, 1)
    await drive(there, 2)
    await register(here)
    assert (await here.delete("entities?type=Vehicle&local=true")).status_code == 204
    assert (await held(here), await held(there)) == ([], [2])


async def test_a_source_in_our_place_that_cannot_purge_is_a_partial_success(cities):
    here, there = cities
    await drive(here, 1)
    await drive(there, 2)
    await register(here, mode="redirect", operations=("retrieveEntity",), idPattern="urn:ngsi-ld:Vehicle:2.*")
    answer = await here.delete("entities?type=Vehicle")
    assert (answer.status_code, await held(here), await held(there)) == (207, [], [2])
    (error,) = answer.json()["errors"]
    assert (error["registrationId"], error["error"]["status"]) == (SOURCE, 409)


async def test_a_snapshot_holds_what_the_sources_had_too(cities):
    here, there = cities
    await drive(here, 1)
    await drive(there, 1, 2)
    await drive(there, 3, speed=10)
    await register(here)
    query = {"type": "Query", "entities": [{"type": "Vehicle"}], "q": "speed>50"}
    answer = await here.post("snapshots", json={"type": "Snapshot", "snapshotQueries": [query]})
    where = answer.headers["location"].removeprefix("/ngsi-ld/v1/")
    for _ in range(300):
        status = (await here.get(where)).json()
        if status["snapshotStatus"] != "preparing":
            break
        await asyncio.sleep(0.01)
    assert status["snapshotStatus"] == "success", status
    await there.delete("entities?type=Vehicle")
    answer = await here.get("entities?type=Vehicle", headers={"NGSILD-Snapshot": status["id"]})
    assert sorted(numbers(answer)) == [1, 2]
