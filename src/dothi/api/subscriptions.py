"""Subscriptions over HTTP: /ngsi-ld/v1/subscriptions (GS CIM 009 clauses 6.10 and 6.11)."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from dothi.api.exchange import PAGING, PREFIX, Exchange, Operation, Reply, created, no_content
from dothi.api.parameters import listed
from dothi.broker.federation.origin import Origin
from dothi.broker.subscriptions import Subscriptions
from dothi.model.context import core_context
from dothi.model.errors import InvalidRequest, LoopDetected

_SHOWING: Final = frozenset({"options"})


async def create(x: Exchange) -> Reply:
    """POST subscriptions: 201 with the address of the new subscription (6.10.3.1, 5.8.1)."""
    document, context = await x.document()
    id = await _subscriptions(x).create(document, context, via=_via(x))
    return created(f"{PREFIX}/subscriptions/{quote(id, safe=':')}")


async def query(x: Exchange) -> Reply:
    """GET subscriptions: a page of all subscriptions (6.10.3.2, 5.8.4)."""
    media, context = x.negotiate(), await x.context()
    limit, offset, _ = x.page()
    shown, total = _subscriptions(x).query(context, limit, offset, sys_attrs=_with_times(x))
    headers = x.paging(limit, offset, len(shown), total, offset + len(shown) < total, media)
    return x.answer(shown, context, media, headers)


async def retrieve(x: Exchange, id: str) -> Reply:
    """GET subscriptions/{id}: one subscription with status and counters (6.11.3.1, 5.8.3)."""
    media, context = x.negotiate(), await x.context()
    return x.answer(_subscriptions(x).retrieve(id, context, sys_attrs=_with_times(x)), context, media)


async def update(x: Exchange, id: str) -> Reply:
    """PATCH subscriptions/{id}: 204; members replaced, null removes (6.11.3.2, 5.8.2)."""
    document, context = await x.document(patch=True)
    await _subscriptions(x).update(id, document, context)
    return no_content()


async def delete(x: Exchange, id: str) -> Reply:
    """DELETE subscriptions/{id}: 204 (6.11.3.3, 5.8.5)."""
    await _subscriptions(x).delete(id)
    return no_content()


def _subscriptions(x: Exchange) -> Subscriptions:
    subscriptions: Subscriptions = x.broker.subscriptions
    return subscriptions


def _via(x: Exchange) -> str | None:
    """The brokers through which the subscription has come. Raises LoopDetected where this is one of them (6.3.18)."""
    via = x.headers.get(b"via")
    if via is not None and Origin(core_context(), x.headers, x.broker.alias).is_loop:
        raise LoopDetected("This subscription has been here before: two registrations lead to each other.")
    return None if via is None else via.decode("latin-1")


def _with_times(x: Exchange) -> bool:
    options = listed(x.parameters, "options")
    if not set(options) <= {"sysAttrs"}:
        raise InvalidRequest(f"options={','.join(options)} is not supported here: write sysAttrs.")
    return bool(options)


ROUTES: Final = (
    Operation("POST", "subscriptions", create, "5.8.1", creates=True),
    Operation("GET", "subscriptions", query, "5.8.4", PAGING | _SHOWING),
    Operation("GET", "subscriptions/{id}", retrieve, "5.8.3", _SHOWING),
    Operation("PATCH", "subscriptions/{id}", update, "5.8.2"),
    Operation("DELETE", "subscriptions/{id}", delete, "5.8.5"),
)
