"""Registered sources: kept, found, counted, ended; and what may not stand beside what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.broker.contexts import Contexts
from dothi.broker.outside import Guard, Outside
from dothi.broker.provision import Provision
from dothi.broker.registrations import Registrations
from dothi.broker.source_index import SourceIndex
from dothi.model.context import Context
from dothi.model.errors import AlreadyExists, BadRequestData, Conflict, ResourceNotFound, TargetRefused
from dothi.model.instant import parse_instant
from dothi.model.qlang import parse_query
from dothi.model.registration import EntityInfo, Information, Registration, covering
from dothi.model.source_query import SourceQuery
from dothi.storage.sqlite import SqliteStore

NOW = parse_instant("2026-01-01T00:00:00Z")
BASE = "http://127.0.0.1:9090"


@dataclass
class Place:
    store: SqliteStore
    core: Context
    provision: Provision
    registrations: Registrations
    now: int = NOW

    async def register(self, **more: Any) -> str:
        return await self.registrations.create(document(**more), self.core)

    async def hold(self, id: str, type: str = "Bus", **attributes: Any) -> None:
        members = {name: {"type": "Property", "value": value} for name, value in attributes.items()}
        await self.provision.create({"id": id, "type": type, **members}, self.core)


def document(
    *, types: str = "Bus", id: str | None = None, names: list[str] | None = None, **more: Any
) -> dict[str, Any]:
    entity = {"type": types} if id is None else {"type": types, "id": id}
    information = {"entities": [entity]} if names is None else {"entities": [entity], "propertyNames": names}
    return {
        "type": "ContextSourceRegistration",
        "endpoint": "http://127.0.0.1:1234",
        "information": [information],
        **more,
    }


@asynccontextmanager
async def place_in(folder: Path, **more: Any) -> AsyncIterator[Place]:
    store = SqliteStore(folder)
    await store.open()
    outside = Outside(Guard())
    contexts = Contexts(store, outside)
    await contexts.open()
    clock: list[Callable[[], int]] = []
    registrations = Registrations(store, outside, clock=lambda: clock[0](), **{"base": BASE, **more})
    place = Place(store, contexts.core, Provision(store), registrations)
    clock.append(lambda: place.now)
    await registrations.open()
    yield place
    await registrations.close()
    await contexts.close()
    await store.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as opened:
        yield opened


async def test_a_registration_outlives_a_restart_with_its_counters(tmp_path: Path) -> None:
    async with place_in(tmp_path) as first:
        assert first.registrations.is_empty
        id = await first.register(owner="city", scope="/north")
        first.registrations.succeeded(id)
        first.registrations.failed(id)
        shown = first.registrations.retrieve(id, first.core, sys_attrs=True)
        assert shown["status"] == "failed"
        assert (shown["timesSent"], shown["timesFailed"]) == (2, 1)
        assert shown["lastSuccess"] == shown["lastFailure"] == shown["createdAt"] == "2026-01-01T00:00:00Z"
    async with place_in(tmp_path) as second:
        assert not second.registrations.is_empty
        assert second.registrations.retrieve(id, second.core, sys_attrs=True) == shown
        await second.registrations.delete(id)
        assert second.registrations.is_empty
    async with place_in(tmp_path) as third:
        assert third.registrations.is_empty
        with pytest.raises(ResourceNotFound):
            third.registrations.retrieve(id, third.core)


async def test_an_update_changes_what_is_found(place: Place) -> None:
    id = await place.register()
    bus, tram = place.core.expand("Bus"), place.core.expand("Tram")
    assert [coverage.registration.id for coverage in place.registrations.candidates("queryEntity", types=[bus])] == [id]
    await place.registrations.update(id, {"information": [{"entities": [{"type": "Tram"}]}]}, place.core)
    assert place.registrations.candidates("queryEntity", types=[bus]) == []
    assert len(place.registrations.candidates("queryEntity", types=[tram])) == 1
    assert place.registrations.candidates("createEntity", types=[tram]) == []
    csf = parse_query('owner=="city"', place.core.expand)
    assert place.registrations.candidates("queryEntity", types=[tram], csf=csf) == []
    await place.registrations.update(id, {"owner": "city"}, place.core)
    assert len(place.registrations.candidates("queryEntity", types=[tram], csf=csf)) == 1
    registration = place.registrations.get(id)
    assert registration is not None
    assert registration.modified > registration.created


async def test_a_registration_that_has_ended_is_gone_at_once_and_deleted_by_the_sweep(place: Place) -> None:
    id = await place.register(expiresAt="2026-01-01T00:00:10Z")
    place.now += 9_000_000
    assert place.registrations.get(id) is not None
    place.now += 1_000_000
    assert place.registrations.candidates("queryEntity") == []
    with pytest.raises(ResourceNotFound):
        await place.registrations.delete(id)
    assert await place.store.record("registration", id) is not None
    await place.registrations.sweep()
    assert await place.store.record("registration", id) is None
    assert place.registrations.is_empty
    with pytest.raises(BadRequestData, match=r"expiresAt .* is in the past"):
        await place.register(expiresAt="2025-01-01T00:00:00Z")
    kept = await place.register()
    with pytest.raises(BadRequestData, match="in the past"):
        await place.registrations.update(kept, {"expiresAt": "2025-01-01T00:00:00Z"}, place.core)


async def test_an_id_is_taken_once_and_must_be_a_uri(place: Place) -> None:
    id = await place.registrations.create({**document(), "id": "urn:x:r"}, place.core)
    with pytest.raises(AlreadyExists):
        await place.registrations.create({**document(), "id": id}, place.core)
    for bad in ("north", ""):
        with pytest.raises(BadRequestData, match="is no URI"):
            place.registrations.retrieve(bad, place.core)


async def test_of_two_that_come_at_once_with_one_id_one_wins(place: Place) -> None:
    made = [place.registrations.create({**document(), "id": "urn:x:r"}, place.core) for _ in range(5)]
    results = await asyncio.gather(*made, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AlreadyExists"] * 4 + ["str"]


@pytest.mark.parametrize("mode", ["exclusive", "redirect"])
async def test_a_proxied_source_may_not_hide_what_is_here(place: Place, mode: str) -> None:
    await place.hold("urn:x:1", speed=1)
    with pytest.raises(Conflict, match=f"urn:x:1 is in this broker and matches the {mode}"):
        await place.register(id="urn:x:1", names=["speed"], mode=mode)
    assert place.registrations.is_empty
    await place.register(id="urn:x:1", names=["line"], mode=mode)
    await place.register(id="urn:x:2", names=["speed"], mode=mode)
    inclusive = await place.register(id="urn:x:1", names=["speed"])
    with pytest.raises(Conflict):
        await place.registrations.update(inclusive, {"mode": mode}, place.core)
    await place.registrations.update(inclusive, {"owner": "city"}, place.core)


async def test_a_redirected_type_may_not_be_here_and_other_types_may(place: Place) -> None:
    await place.hold("urn:x:1", "Car")
    await place.register(types="Bus", mode="redirect")
    with pytest.raises(Conflict):
        await place.register(types="Car", mode="redirect")
    with pytest.raises(Conflict):
        await place.registrations.create(
            document(mode="redirect", information=[{"entities": [{"type": "Car", "idPattern": "^urn:x"}]}]), place.core
        )


async def test_an_exclusive_attribute_has_one_source_only(place: Place) -> None:
    first = await place.register(id="urn:x:1", names=["speed"], mode="exclusive")
    for mode in ("exclusive", "redirect"):
        with pytest.raises(Conflict, match=f"contradicts the exclusive one of {first}: both have .*speed of urn:x:1"):
            await place.register(id="urn:x:1", names=["speed", "line"], mode=mode)
    await place.register(id="urn:x:1", names=["speed"])
    await place.registrations.update(first, {"owner": "city"}, place.core)
    await place.registrations.delete(first)
    await place.register(types="Bus", mode="redirect")
    with pytest.raises(Conflict):
        await place.register(id="urn:x:1", names=["speed"], mode="exclusive")


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9090", "http://localhost:9090/ngsi-ld/v1", "http://[::1]:9090/"]
)
async def test_this_broker_itself_is_a_source_that_is_never_called(place: Place, endpoint: str) -> None:
    id = await place.register(endpoint=endpoint)
    await place.register(endpoint=endpoint, tenant="another")
    assert place.registrations.circular == {id}
    await place.registrations.update(id, {"tenant": "another"}, place.core)
    assert not place.registrations.circular
    await place.registrations.update(id, {"tenant": None}, place.core)
    assert place.registrations.circular == {id}
    await place.registrations.delete(id)
    assert not place.registrations.circular


@pytest.mark.parametrize(
    "endpoint", ["http://169.254.169.254/latest", "http://10.0.0.1:1026", "http://0x7f.1.2.3.4.5/"]
)
async def test_addresses_that_may_not_be_called_are_no_endpoints(place: Place, endpoint: str) -> None:
    if "0x7f" in endpoint:
        await place.register(endpoint=endpoint)  # a name that nobody knows yet may become known
    else:
        with pytest.raises(TargetRefused, match=f"endpoint {endpoint}: .* private, link-local"):
            await place.register(endpoint=endpoint)


async def test_a_page_of_a_query_says_how_many_there_are(place: Place) -> None:
    made = []
    for _ in range(5):
        place.now += 1
        made.append(await place.register())
    await place.register(types="Tram")
    query = SourceQuery(ids=("urn:x:1",), types=None)
    shown, total = place.registrations.query(query, place.core, 2, 1)
    assert total == 6
    assert [each["id"] for each in shown] == made[1:3]
    assert place.registrations.query(query, place.core, 0, 0) == ([], 6)


types = st.sampled_from(["S", "T", "U"])
ids = st.sampled_from(["urn:x:a", "urn:x:b"])
infos = st.builds(EntityInfo, st.tuples(types), st.none() | ids)
elements = st.builds(Information, st.lists(infos, max_size=2).map(tuple), st.just(("p",)))
sources = st.lists(st.lists(elements, min_size=1, max_size=2), max_size=6)


@settings(max_examples=60)
@given(sources, st.sets(ids), st.sets(types), st.data())
def test_the_index_loses_no_registration_that_answers(
    several: list[list[Information]], asked_ids: set[str], asked_types: set[str], data: st.DataObject
) -> None:
    index = SourceIndex()
    every = [Registration(f"urn:x:r{n}", tuple(parts), "http://x") for n, parts in enumerate(several)]
    for registration in every:
        index.add(registration)
    gone = data.draw(st.sets(st.sampled_from([each.id for each in every]))) if every else set()
    for registration in every:
        if registration.id in gone:
            index.remove(registration)
    found = index.find(asked_ids, asked_types)
    answering = {
        registration.id
        for registration in every
        if registration.id not in gone
        and covering(registration, None, now=0, ids=sorted(asked_ids), types=asked_types) is not None
    }
    assert found is None or answering <= found
    assert found is None or not found & gone
