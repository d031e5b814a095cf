"""A city's NGSI-LD API in process: a real store, real contexts without a network, and an HTTP client."""

import httpx
import pytest
from starlette.applications import Starlette

from dothi.api.exchange import Limits
from dothi.api.server import ngsi_ld_routes
from dothi.broker.batch import Batches
from dothi.broker.broker import Broker
from dothi.broker.consume import Consume
from dothi.broker.contexts import Contexts
from dothi.broker.ingest import Ingest
from dothi.broker.outside import Outside
from dothi.broker.provision import Provision
from dothi.broker.registrations import Registrations
from dothi.broker.snapshots import Snapshots
from dothi.broker.tenants import Tenants
from dothi.storage.sqlite import SqliteStore


def _nothing_there(request):
    raise httpx.ConnectError("there is no network in this test", request=request)


async def open_broker(folder, snapshot=None):
    """A whole broker over a folder, without followers but the maker of snapshots."""
    store = SqliteStore(folder)
    await store.open()
    outside = Outside(transport=httpx.MockTransport(_nothing_there))
    contexts = Contexts(store, outside)
    await contexts.open()
    broker = Broker(
        store,
        contexts,
        Provision(store),
        Batches(store),
        Ingest(store, contexts),
        Consume(store),
        Registrations(store, outside),
    )
    if snapshot is None:
        broker.snapshots = Snapshots(store, folder, open_broker, contexts, outside)
        await broker.snapshots.start()
        broker.closers.append(broker.snapshots.stop)
    return broker


@pytest.fixture
async def tenants(tmp_path):
    tenants = await Tenants.open(tmp_path, open_broker, limit=3)
    yield tenants
    await tenants.close()


@pytest.fixture
async def city(tenants):
    """An httpx client whose base address is the API's root; bodies up to 100 kB."""
    app = Starlette(routes=ngsi_ld_routes(tenants, Limits(body=100_000, instances=50)))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://city/ngsi-ld/v1/") as client:
        yield client
