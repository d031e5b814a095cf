"""Several cities in this process that reach each other as http://a, http://b ... without a network."""

import asyncio
import contextlib

import httpx
import pytest
from starlette.applications import Starlette

from dothi.api.server import ngsi_ld_routes
from dothi.broker.batch import Batches
from dothi.broker.broker import Broker, alias_of
from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.federation.federation import Federation
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.registrations import Registrations
from dothi.broker.tenants import Tenants
from dothi.storage.sqlite import SqliteStore

DEADLINE = 0.3


class Net(httpx.AsyncBaseTransport):
    """Leads a host name to what answers there, and keeps the requests in the order in which they came."""

    def __init__(self):
        self.hosts = {}
        self.requests = []
        self.deadline = DEADLINE

    async def handle_async_request(self, request):
        self.requests.append(request)
        host = self.hosts.get(request.url.host)
        if host is None:
            raise httpx.ConnectError("nobody is there", request=request)
        return await host.handle_async_request(request)

    def silent(self, host):
        self.hosts[host] = Silent()

    def says(self, host, status, body=b"", headers=None):
        self.hosts[host] = Says(status, body, headers)

    def answers(self, host, make):
        """`make(request)` gives the answer of a host; `answer` writes one."""
        self.hosts[host] = httpx.MockTransport(make)

    def answer(self, status, document, headers=None):
        return httpx.Response(status, json=document, headers=headers)

    def to(self, host):
        """The requests that went to a host."""
        return [request for request in self.requests if request.url.host == host]


class Silent(httpx.AsyncBaseTransport):
    """Takes a request and never answers."""

    async def handle_async_request(self, request):
        await asyncio.sleep(60)
        raise AssertionError("nobody waits so long")


class Says(httpx.AsyncBaseTransport):
    """Answers every request alike."""

    def __init__(self, status, body=b"", headers=None):
        self.answer = status, body, headers or {}

    async def handle_async_request(self, request):
        status, body, headers = self.answer
        return httpx.Response(status, content=body, headers=headers)


class City:
    """A client of one city, and what its tests write again and again."""

    def __init__(self, name, client, alias):
        self.name = name
        self.client = client
        self.alias = alias

    async def has(self, id, type="Bus", **values):
        members = {name: {"type": "Property", "value": value} for name, value in values.items()}
        body = {"id": id, "type": type, **members}
        answer = await self.client.post("entities", params={"local": "true"}, json=body)
        assert answer.status_code == 201, answer.text

    async def registers(self, host, *, id=None, types="Bus", names=None, mode="inclusive", **more):
        entity = {"type": types, **({"id": id} if id else {})}
        information = {"entities": [entity], **({"propertyNames": names} if names else {})}
        body = {
            "id": f"urn:reg:{host}:{mode}", "type": "ContextSourceRegistration", "mode": mode,
            "information": [information], "endpoint": f"http://{host}", **more,
        }  # fmt: skip
        answer = await self.client.post("csourceRegistrations", json=body)
        assert answer.status_code == 201, answer.text
        return body["id"]

    async def values(self, id, **parameters):
        answer = await self.client.get(f"entities/{id}", params={"options": "keyValues", **parameters})
        return answer.json() if answer.status_code == 200 else answer.status_code


async def _unknown(host, port):
    raise OSError("no names in this test")


@pytest.fixture
async def net():
    return Net()


@pytest.fixture
async def cities(tmp_path, net):
    """cities("a", "b") opens that many; all are closed at the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_city(name):
            async def open_broker(folder):
                store = SqliteStore(folder)
                await store.open()
                outside = Outside(transport=net, resolve=_unknown)
                contexts = Contexts(store, outside)
                await contexts.open()
                registrations = Registrations(store, outside, base=f"http://{name}")
                await registrations.open()
                consume, alias = Consume(store), await alias_of(store)
                federation = Federation(registrations, consume, contexts, outside, alias, deadline=DEADLINE)
                return Broker(
                    store, contexts, Provision(store), Batches(store), Ingest(store, contexts), consume, registrations,
                    federation=federation, alias=alias,
                )  # fmt: skip

            folder = tmp_path / name
            folder.mkdir()
            tenants = await Tenants.open(folder, open_broker)
            stack.push_async_callback(tenants.close)
            app = Starlette(routes=ngsi_ld_routes(tenants))
            net.hosts[name] = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=net.hosts[name], base_url=f"http://{name}/ngsi-ld/v1/")
            await stack.enter_async_context(client)
            return City(name, client, tenants.default.alias)

        async def open_all(*names):
            return [await open_city(name) for name in names]

        yield open_all
