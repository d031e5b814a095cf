"""Tenants over HTTP: made by the first creation, apart from one another, and still there after a restart."""

import pytest

from dothi.broker.tenants import Tenants
from dothi.model.errors import NonexistentTenant

ROOM = {"id": "urn:x:1", "type": "Room"}


def named(tenant):
    return {"ngsild-tenant": tenant}


async def test_a_creation_makes_the_tenant_and_nothing_else_does(city):
    for call in (
        city.get("entities/urn:x:1", headers=named("east")),
        city.get("entities?type=Room", headers=named("east")),
        city.delete("entities/urn:x:1", headers=named("east")),
        city.post("entityOperations/update", json=[ROOM], headers=named("east")),
    ):
        answer = await call
        assert answer.status_code == 404
        assert answer.json()["type"].endswith("NonexistentTenant")
    answer = await city.post("entities", json=ROOM, headers=named("east"))
    assert (answer.status_code, answer.headers["ngsild-tenant"]) == (201, "east")
    answer = await city.get("entities/urn:x:1", headers=named("east"))
    assert (answer.status_code, answer.headers["ngsild-tenant"]) == (200, "east")
    assert (await city.get("entities/urn:x:1")).status_code == 404


@pytest.mark.parametrize("name", ["", "..", "a/b", "-a", "a" * 101, "a b", "a\u00e9"])
async def test_a_name_that_cannot_be_a_folder_is_refused(city, name):
    answer = await city.post("entities", json=ROOM, headers={"ngsild-tenant": name.encode()})
    assert answer.status_code == 400, answer.text
    assert "tenant name" in answer.json()["detail"]


async def test_there_are_no_more_tenants_than_allowed(city):
    statuses = [(await city.post("entities", json=ROOM, headers=named(f"t{n}"))).status_code for n in range(5)]
    assert statuses == [201, 201, 201, 403, 403]


async def test_tenants_are_there_again_after_a_restart(city, tenants, tmp_path):
    name = "urn:ngsi-ld:tenant:Thu-Dau-Mot"
    await city.post("entities", json=ROOM, headers=named(name))
    opened = []

    async def open_broker(folder):
        opened.append(folder)
        return tenants.default

    again = await Tenants.open(tmp_path, open_broker)
    assert again.names == [name]
    assert len(opened) == 2
    with pytest.raises(NonexistentTenant):
        again.get("other")


async def test_two_creations_at_once_make_one_tenant(tenants):
    import asyncio

    first, second = await asyncio.gather(tenants.ensure("west"), tenants.ensure("west"))
    assert first is second
    assert tenants.names == ["west"]
