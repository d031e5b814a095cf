"""Contexts of a tenant: what is known without the network, fetched once, kept, and what happens when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from dothi.broker.contexts import Bounds, Contexts
from dothi.broker.outside import Outside
from dothi.model.errors import (
    BadRequestData,
    LdContextNotAvailable,
    OperationNotSupported,
    ResourceNotFound,
    TargetRefused,
)
from dothi.model.packaged import CORE
from dothi.storage.sqlite import SqliteStore

SDM = "https://smartdatamodels.org/context.jsonld"
ADDRESS = "https://city.example/context.jsonld"


class Web:
    """Servers elsewhere: address -> document, bytes, or what a handler makes; counts what is asked."""

    def __init__(self, pages: dict[str, Any]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.gate is not None:
            await self.gate.wait()
        page = self.pages.get(str(request.url))
        if page is None:
            return httpx.Response(404)
        if isinstance(page, httpx.Response):
            return page
        body = page if isinstance(page, bytes) else orjson.dumps(page)
        return httpx.Response(200, stream=httpx.ByteStream(body), headers={"content-type": "text/html"})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def web() -> Web:
    return Web({ADDRESS: {"@context": {"flow": "https://city.example/flow"}}})


@pytest.fixture
async def contexts(store: SqliteStore, web: Web) -> Contexts:
    return await started(store, web)


async def started(store: SqliteStore, web: Web, **bounds: Any) -> Contexts:
    contexts = Contexts(store, Outside(transport=httpx.MockTransport(web)), bounds=Bounds(**bounds))
    await contexts.open()
    return contexts


# --- without the network ----------------------------------------------------------------------------------------------


async def test_no_context_means_the_core_context_without_waiting(contexts: Contexts) -> None:
    assert contexts.known(None) is contexts.core is await contexts.resolve(None)


async def test_packaged_contexts_are_known_without_the_network(contexts: Contexts, web: Web) -> None:
    context = await contexts.resolve([SDM, CORE])
    assert context.expand("AirQualityObserved") == "https://uri.fiware.org/ns/data-models#AirQualityObserved"
    assert contexts.known([SDM, CORE]) is context
    assert (await contexts.resolve("http://smartdatamodels.org/context.jsonld/")).compact(
        context.expand("no2")
    ) == "no2"
    assert web.asked == []


async def test_documents_of_the_city_itself_are_known_without_the_network(store: SqliteStore, web: Web) -> None:
    own = {"https://dothi.dev/context.jsonld": {"@context": {"ward": "https://dothi.dev/ward"}}}
    contexts = Contexts(store, Outside(transport=httpx.MockTransport(web)), own=own)
    assert (await contexts.resolve("https://dothi.dev/context.jsonld")).expand("ward") == "https://dothi.dev/ward"


async def test_an_inline_context_is_known_again_whatever_the_order_of_its_terms(contexts: Contexts) -> None:
    first = await contexts.resolve({"a": "https://x.example/a", "b": "https://x.example/b"})
    assert contexts.known({"b": "https://x.example/b", "a": "https://x.example/a"}) is first


# --- fetching ---------------------------------------------------------------------------------------------------------


async def test_an_address_is_fetched_once_and_outlives_a_restart(store: SqliteStore, web: Web) -> None:
    contexts = await started(store, web)
    assert (await contexts.resolve(ADDRESS)).expand("flow") == "https://city.example/flow"
    assert contexts.known(ADDRESS) is await contexts.resolve(ADDRESS)
    await contexts.close()
    later = await started(store, web)
    assert later.known(ADDRESS) is None
    assert (await later.resolve(ADDRESS)).expand("flow") == "https://city.example/flow"
    assert web.asked == [ADDRESS]


async def test_callers_at_the_same_time_share_one_fetch(contexts: Contexts, web: Web) -> None:
    web.gate = asyncio.Event()
    calls = [asyncio.ensure_future(contexts.resolve(which)) for which in (ADDRESS, ADDRESS, [ADDRESS], [ADDRESS, CORE])]
    await asyncio.sleep(0.05)
    web.gate.set()
    assert {context.expand("flow") for context in await asyncio.gather(*calls)} == {"https://city.example/flow"}
    assert web.asked == [ADDRESS]


async def test_when_the_fetching_caller_goes_away_the_next_one_fetches(contexts: Contexts, web: Web) -> None:
    web.gate = asyncio.Event()
    first, second = (asyncio.ensure_future(contexts.resolve(ADDRESS)) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.sleep(0.05)
    web.gate.set()
    assert (await second).expand("flow") == "https://city.example/flow"
    assert first.cancelled()
    assert web.asked == [ADDRESS, ADDRESS]


async def test_nested_and_relative_addresses_are_followed(contexts: Contexts, web: Web) -> None:
    web.pages |= {
        "https://a.example/x/top.jsonld": {"@context": [{"a": "https://a.example/#a"}, "../below.jsonld", SDM]},
        "https://a.example/below.jsonld": {"@context": {"@import": "imported.jsonld", "b": "https://a.example/#b"}},
        "https://a.example/imported.jsonld": {"@context": {"b": "https://no.example/", "c": "https://a.example/#c"}},
    }
    context = await contexts.resolve("https://a.example/x/top.jsonld")
    assert [context.expand(name) for name in "abc"] == [f"https://a.example/#{name}" for name in "abc"]
    assert context.expand("temperature").startswith("https://smart-data-models")


async def test_a_redirect_is_followed(contexts: Contexts, web: Web) -> None:
    web.pages["https://w3id.example/c"] = httpx.Response(303, headers={"location": ADDRESS})
    assert (await contexts.resolve("https://w3id.example/c")).expand("flow") == "https://city.example/flow"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "answered 404"),
        (b'{"@context": {' + b" " * 1_100_000 + b"}}", "larger than 1048576 bytes"),
        (httpx.Response(302, headers={"location": ADDRESS + "/loop"}), "more than 4 redirects"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_document_that_cannot_be_had_is_told_with_address_and_reason(
    contexts: Contexts, web: Web, content: Any, reason: str
) -> None:
    web.pages[ADDRESS + "/loop"] = content
    with pytest.raises(LdContextNotAvailable, match=reason) as failed:
        await contexts.resolve([SDM, ADDRESS + "/loop"])
    assert ADDRESS + "/loop" in failed.value.detail
    assert failed.value.status == 504
    assert [kept.url for kept in contexts.list("Cached") if not kept.packaged] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>not found</html>", r"is no JSON \(text/html\)"),
        (b'{"@context": {"a": NaN}}', "is no JSON"),
        (b"[1, 2]", "no JSON object"),
        (b'{"id": "x"}', "no JSON object with the member"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_a_document_that_is_no_context_is_the_fault_of_who_names_it(
    contexts: Contexts, web: Web, content: Any, reason: str
) -> None:
    web.pages[ADDRESS + "/odd"] = content
    with pytest.raises(BadRequestData, match=reason) as failed:
        await contexts.resolve([SDM, ADDRESS + "/odd"])
    assert ADDRESS + "/odd" in failed.value.detail
    assert [kept.url for kept in contexts.list("Cached") if not kept.packaged] == []


async def test_a_slow_server_is_left_at_the_deadline_and_does_not_stall_the_next_request(
    store: SqliteStore, web: Web
) -> None:
    web.gate = asyncio.Event()
    contexts = await started(store, web, deadline=0.2)
    for _ in range(3):
        with pytest.raises(LdContextNotAvailable, match=r"within 0\.2"):
            await contexts.resolve(ADDRESS)
    assert web.asked == [ADDRESS]


async def test_a_failure_is_forgotten_after_a_while(store: SqliteStore, web: Web) -> None:
    contexts = await started(store, web, silence=0.1)
    page = web.pages.pop(ADDRESS)
    with pytest.raises(LdContextNotAvailable):
        await contexts.resolve(ADDRESS)
    web.pages[ADDRESS] = page
    with pytest.raises(LdContextNotAvailable):
        await contexts.resolve(ADDRESS)
    await asyncio.sleep(0.15)
    assert (await contexts.resolve(ADDRESS)).expand("flow") == "https://city.example/flow"


async def test_contexts_that_refer_to_each_other_are_told_as_a_loop(contexts: Contexts, web: Web) -> None:
    web.pages |= {
        "https://a.example/1": {"@context": "https://a.example/2"},
        "https://a.example/2": {"@context": ["https://a.example/1"]},
    }
    with pytest.raises(
        BadRequestData, match=r"loops: https://a\.example/1 -> https://a\.example/2 -> https://a\.example/1\."
    ):
        await contexts.resolve("https://a.example/1")
    with pytest.raises(BadRequestData, match="loops"):
        await contexts.resolve("https://a.example/1")
    assert len(web.asked) == 2


async def test_contexts_that_fan_out_or_go_deep_are_bounded(contexts: Contexts, web: Web) -> None:
    for n in range(20):
        web.pages[f"https://deep.example/{n}"] = {"@context": f"https://deep.example/{n + 1}"}
        web.pages[f"https://wide.example/{n}"] = {"@context": [f"https://wide.example/{n + 1}"] * 9}
    for start in ("https://deep.example/0", "https://wide.example/0"):
        with pytest.raises(BadRequestData, match="more contexts than are followed"):
            await contexts.resolve(start)
    assert len(web.asked) < 40


@pytest.mark.parametrize(
    "context",
    [
        5,
        True,
        [[SDM]],
        [SDM, 7],
        "",
        "context.jsonld",
        "ftp://x/y",
        "urn:x",
        {"a": 5},
        "https://a b/",
        "https://\ud800/",
    ],
)
async def test_what_is_no_context_is_bad_request_data(contexts: Contexts, context: Any) -> None:
    with pytest.raises(BadRequestData, match="@context"):
        await contexts.resolve(context)


async def test_inner_addresses_are_refused(store: SqliteStore) -> None:
    async with Outside() as outside:
        contexts = Contexts(store, outside)
        with pytest.raises(TargetRefused):
            await contexts.resolve("http://169.254.169.254/latest/meta-data")


async def test_contexts_in_use_are_bounded_in_number(store: SqliteStore, web: Web) -> None:
    contexts = await started(store, web, count=5)
    for n in range(20):
        await contexts.resolve({"a": f"https://x.example/{n}"})
        assert contexts.known({"a": "https://x.example/0"}) is not None
    assert [n for n in range(20) if contexts.known({"a": f"https://x.example/{n}"})] == [0, 16, 17, 18, 19]


# --- hosting ----------------------------------------------------------------------------------------------------------


async def test_a_hosted_context_is_served_used_by_its_address_and_deleted(store: SqliteStore, web: Web) -> None:
    contexts = await started(store, web)
    document = {"@context": {"flow": "https://own.example/flow"}}
    id = await contexts.add(document)
    assert await contexts.get(id) == document
    address = f"http://127.0.0.1:8090/ngsi-ld/v1/jsonldContexts/{id}"
    assert (await contexts.resolve(address)).expand("flow") == "https://own.example/flow"
    assert contexts.details(id).hits == 2
    await contexts.close()
    later = await started(store, web)
    assert (later.details(id).kind, later.details(id).hits) == ("Hosted", 2)
    assert (await later.resolve([address, CORE])).expand("flow") == "https://own.example/flow"
    await later.delete(id)
    assert later.known([address, CORE]) is None
    with pytest.raises(ResourceNotFound):
        await later.get(id)
    with pytest.raises(LdContextNotAvailable):
        await later.resolve(address)


@pytest.mark.parametrize("document", [[], 5, {}, {"a": "https://x.example/"}, {"@context": 5}, {"@context": {"a": 5}}])
async def test_what_is_no_context_document_is_not_hosted(contexts: Contexts, document: Any) -> None:
    with pytest.raises(BadRequestData):
        await contexts.add(document)
    assert contexts.list() == []


async def test_an_inline_context_gets_one_address_however_often_it_comes(contexts: Contexts) -> None:
    inline = [{"flow": "https://own.example/flow"}, SDM]
    id = await contexts.implicit(inline)
    assert await contexts.implicit(inline) == id
    assert await contexts.get(id) == {"@context": inline}
    assert [kept.kind for kept in contexts.list()] == ["ImplicitlyCreated"]


async def test_copies_are_listed_but_not_served(contexts: Contexts) -> None:
    await contexts.resolve(ADDRESS)
    await contexts.resolve(ADDRESS)
    [kept] = contexts.list("Cached")
    assert (kept.url, kept.hits) == (ADDRESS, 2)
    assert contexts.details(ADDRESS) is contexts.details(kept.id) is kept
    with pytest.raises(OperationNotSupported, match="copy"):
        await contexts.get(ADDRESS)


async def test_packaged_documents_are_served_by_their_address(contexts: Contexts) -> None:
    served = await contexts.get(SDM + "/")
    assert len(served["@context"]) > 1500
    assert (await contexts.get(CORE))["@context"]["@protected"] is True
    assert [kept.url for kept in contexts.list("Cached")] == [SDM, CORE]


async def test_reload_takes_what_the_address_answers_now_and_keeps_the_old_one_on_failure(
    contexts: Contexts, web: Web
) -> None:
    await contexts.resolve([ADDRESS])
    web.pages[ADDRESS] = {"@context": {"flow": "https://new.example/flow"}}
    await contexts.delete(ADDRESS, reload=True)
    assert (await contexts.resolve([ADDRESS])).expand("flow") == "https://new.example/flow"
    for broken in ({"@context": {"flow": 7}}, {"@context": 7}, b"<html>"):
        web.pages[ADDRESS] = broken
        with pytest.raises(LdContextNotAvailable):
            await contexts.delete(ADDRESS, reload=True)
        assert (await contexts.resolve([ADDRESS])).expand("flow") == "https://new.example/flow"
    await contexts.delete(ADDRESS)
    with pytest.raises(BadRequestData, match="is no JSON"):
        await contexts.resolve(ADDRESS)


async def test_a_packaged_context_can_be_fetched_anew_and_falls_back_to_the_package(
    contexts: Contexts, web: Web
) -> None:
    packaged = await contexts.resolve(SDM)
    web.pages[SDM] = {"@context": {"temperature": "https://new.example/temperature"}}
    await contexts.delete(SDM, reload=True)
    assert (await contexts.resolve(SDM)).expand("temperature") == "https://new.example/temperature"
    await contexts.delete(SDM)
    assert (await contexts.resolve(SDM)).expand("temperature") == packaged.expand("temperature")


async def test_the_core_context_packaged_ones_and_unknown_ids_cannot_be_deleted(contexts: Contexts) -> None:
    for address in (CORE, "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld", SDM):
        with pytest.raises(BadRequestData, match="cannot be deleted"):
            await contexts.delete(address)
    await contexts.delete(CORE, reload=True)
    assert (await contexts.get(CORE))["@context"]
    with pytest.raises(ResourceNotFound):
        await contexts.delete("no-such-id")
    id = await contexts.add({"@context": {"a": "https://x.example/a"}})
    with pytest.raises(BadRequestData, match="Hosted"):
        await contexts.delete(id, reload=True)
