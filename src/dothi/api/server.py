"""The NGSI-LD API as one Starlette route: finds the operation, runs it, and turns every failure into its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import orjson
import structlog
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from dothi.api import attributes, batch, contexts, discovery, entities, info, subscriptions, temporal
from dothi.api.body import content_length
from dothi.api.exchange import PREFIX, Exchange, Limits, Operation, Reply
from dothi.api.media import PROBLEM
from dothi.api.parameters import parse_parameters
from dothi.api.routes import RouteTable
from dothi.broker.broker import Broker
from dothi.broker.tenants import Tenants
from dothi.model.errors import LengthRequired, Problem

log = structlog.get_logger(__name__)

#: Parameters that any operation takes without a difference: there is no forwarding yet, so all is local (6.3.18).
EVERYWHERE: Final = frozenset({"local"})

_WITH_BODY: Final = frozenset({"POST", "PATCH", "PUT"})
_PREFIX: Final = PREFIX.encode() + b"/"


#: Every operation of the API.
OPERATIONS: Final = (
    *entities.ROUTES,
    *attributes.ROUTES,
    *batch.ROUTES,
    *discovery.ROUTES,
    *temporal.ROUTES,
    *subscriptions.ROUTES,
    *contexts.ROUTES,
    *info.ROUTES,
)


def ngsi_ld_routes(tenants: Tenants, limits: Limits | None = None) -> list[BaseRoute]:
    """The NGSI-LD API of these tenants, to be put into a Starlette application."""
    return [NgsiLdRoute(tenants, OPERATIONS, limits or Limits())]


class NgsiLdRoute(BaseRoute):
    """Everything under /ngsi-ld/v1. Routes are found by a tree of segments (api.routes)."""

    def __init__(self, tenants: Tenants, operations: Sequence[Operation], limits: Limits) -> None:
        self._tenants = tenants
        self._table = RouteTable(operations)
        self._known = {operation: operation.parameters | EVERYWHERE for operation in operations}
        self._limits = limits

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        inside = scope["type"] == "http" and scope["path"].startswith(PREFIX + "/")
        return (Match.FULL, {}) if inside else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers[name] = headers[name] + b"," + value if name in headers else value
        try:
            status, answer_headers, body = await self._perform(scope, headers, receive)
        except Problem as problem:
            status, answer_headers, body = problem_reply(problem)
        except Exception as fault:
            log.exception("request failed", method=scope["method"], path=scope["path"], error=repr(fault))
            status, answer_headers, body = problem_reply(Problem("The server failed; its log says why."))
        tenant = headers.get(b"ngsild-tenant")
        if tenant is not None:
            answer_headers.append((b"ngsild-tenant", tenant))
        if status != 204:
            answer_headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": answer_headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _perform(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        method: str = scope["method"]
        raw: bytes = scope.get("raw_path") or b""
        if not raw.startswith(_PREFIX):
            raw = quote(scope["path"]).encode()
        path = raw[len(_PREFIX) :]
        if method == "OPTIONS":
            return Reply(204, [(b"allow", self._table.allow(path).encode())])
        operation, variables = self._table.find(method, path)
        if method in _WITH_BODY:
            content_length(headers)
        query = scope["query_string"]
        parameters = parse_parameters(query, self._known[operation]) if query else {}
        broker = await self._broker(headers.get(b"ngsild-tenant"), operation)
        x = Exchange(method, raw.decode("latin-1"), headers, parameters, broker, self._limits, receive)
        return await operation.handler(x, *variables)

    async def _broker(self, name: bytes | None, operation: Operation) -> Broker:
        tenants = self._tenants
        if name is None:
            return tenants.default
        text = name.decode("latin-1").strip()
        return await tenants.ensure(text) if operation.creates else tenants.get(text)


def problem_reply(problem: Problem) -> Reply:
    """The problem document of a failure (RFC 7807; GS CIM 009 clauses 5.5.2 and 6.3.2)."""
    if type(problem) is LengthRequired:
        return Reply(problem.status, [])  # clause 6.3.4 wants just the status
    headers = [(b"content-type", PROBLEM.encode())]
    if "allow" in problem.extra:
        headers.append((b"allow", str(problem.extra["allow"]).encode()))
    return Reply(problem.status, headers, orjson.dumps(problem.document(), default=str))
