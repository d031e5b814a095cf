"""Where context sources notify of the subscriptions that they have from this broker (GS CIM 009 clause 5.8.6)."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dothi.api.body import content_length, decode_json, read_body
from dothi.broker.remote_subscriptions import COPY_PARAMETER, PATH, RemoteSubscriptions
from dothi.broker.tenants import Tenants
from dothi.model.errors import Problem, ResourceNotFound


def remote_notices_route(tenants: Tenants, limit: int) -> Route:
    """POST of a notification: 200 once what it tells is kept. `limit` of the body in bytes.

    Nothing but the id of the copy, which only the source knows, lets a notification in; it stands in the address too,
    so that nothing is read of a stranger. What is told goes to the subscriber and nowhere else.
    """

    async def notify(request: Request) -> Response:
        """5.8.6: take the notification of a context source."""
        try:
            tenant = request.query_params.get("tenant")
            broker = tenants.default if tenant is None else tenants.get(tenant)
            remote: RemoteSubscriptions | None = broker.remote_subscriptions
            if remote is None:
                raise ResourceNotFound("This broker keeps no subscriptions at others.")
            if COPY_PARAMETER in request.query_params:
                remote.check(request.query_params[COPY_PARAMETER])
            length = content_length(dict(request.scope["headers"]))
            await remote.receive(decode_json(await read_body(request.receive, length, limit)))
        except Problem as problem:
            return _answer(problem)
        return Response(status_code=200)

    return Route(PATH, notify, methods=["POST"])


def _answer(problem: Problem) -> Response:
    return Response(orjson.dumps(problem.document()), problem.status, media_type="application/problem+json")
