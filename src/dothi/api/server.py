"""The NGSI-LD API (clauses 4.3.5, 6.2) as one Starlette route: finds the operation, runs it, answers every failure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import orjson
import structlog
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from dothi.api import (
    attributes,
    batch,
    contexts,
    discovery,
    entities,
    entity_maps,
    info,
    purge,
    snapshots,
    sources,
    subscriptions,
    temporal,
    temporal_maps,
)
from dothi.api.body import content_length
from dothi.api.exchange import PREFIX, Exchange, Limits, Operation, Reply
from dothi.api.media import PROBLEM
from dothi.api.parameters import flag, parse_parameters
from dothi.api.routes import RouteTable
from dothi.broker.broker import Broker
from dothi.broker.tenants import Tenants
from dothi.model.errors import LengthRequired, OperationNotSupported, Problem, UnsupportedMediaType

log = structlog.get_logger(__name__)

#: Parameters that any operation takes: whether only what is held here is meant (6.3.18).
EVERYWHERE: Final = frozenset({"local"})

#: Request headers that the answer repeats: whose data it speaks of (clauses 6.3.14 and 6.3.22).
_ECHOED: Final = (b"ngsild-tenant", b"ngsild-snapshot")
#: What a snapshot has no part in: the registry, and snapshots themselves (clause 5.5.15).
_NOT_IN_SNAPSHOTS: Final = ("csource", "snapshots")

_WITH_BODY: Final = frozenset({"POST", "PATCH", "PUT"})
_PREFIX: Final = PREFIX.encode() + b"/"


#: Every operation of the API.
OPERATIONS: Final = (
    *entities.ROUTES,
    *attributes.ROUTES,
    *batch.ROUTES,
    *discovery.ROUTES,
    *temporal.ROUTES,
    *purge.ROUTES,
    *entity_maps.ROUTES,
    *temporal_maps.ROUTES,
    *snapshots.ROUTES,
    *subscriptions.ROUTES,
    *sources.ROUTES,
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
        for name in _ECHOED:
            if name in headers:
                answer_headers.append((name, headers[name]))
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
        if "local" in parameters:
            flag(parameters, "local")
        broker = await self._broker(headers.get(b"ngsild-tenant"), operation)
        if b"ngsild-snapshot" in headers:
            broker = await _snapshot(broker, headers[b"ngsild-snapshot"], operation)
            parameters["local"] = "true"
        x = Exchange(method, raw.decode("latin-1"), headers, parameters, broker, self._limits, receive)
        try:
            reply = await operation.handler(x, *variables)
        except Problem as problem:
            if not x.told:
                raise
            reply = problem_reply(problem)
        if x.told:
            reply.headers.extend(x.told)
        return reply

    async def _broker(self, name: bytes | None, operation: Operation) -> Broker:
        tenants = self._tenants
        if name is None:
            return tenants.default
        text = name.decode("latin-1").strip()
        return await tenants.ensure(text) if operation.creates else tenants.get(text)


async def _snapshot(broker: Broker, id: bytes, operation: Operation) -> Broker:
    """The broker of the snapshot that a request names (6.3.22, 5.5.15). Raises ResourceNotFound, Conflict."""
    if operation.path.startswith(_NOT_IN_SNAPSHOTS) or broker.snapshots is None:
        raise OperationNotSupported(f"{operation.path} is no operation on a snapshot: leave NGSILD-Snapshot out.")
    return await broker.snapshots.broker(id.decode("latin-1").strip())


def problem_reply(problem: Problem) -> Reply:
    """The problem document of a failure (RFC 7807; GS CIM 009 clauses 5.5.2, 5.5.3, 6.3.2, 6.3.3)."""
    if isinstance(problem, LengthRequired | UnsupportedMediaType):  # clause 6.3.4 wants just the status
        accept = problem.extra.get("accept")
        return Reply(problem.status, [] if accept is None else [(b"accept", str(accept).encode())])
    headers = [(b"content-type", PROBLEM.encode())]
    if "allow" in problem.extra:
        headers.append((b"allow", str(problem.extra["allow"]).encode()))
    return Reply(problem.status, headers, orjson.dumps(problem.document(), default=str))
