"""Guards every call but the app's static shell by the API token of the settings, until there are users."""

from __future__ import annotations

import hmac

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from dothi.broker.remote_subscriptions import COPY_PARAMETER, PATH
from dothi.model.errors import Unauthorized

#: What the app needs before it can ask a person for the token: files that are the same in every city.
SHELL = frozenset(("/", "/theme.js", "/favicon.svg"))
ASSETS = "/assets/"


class TokenGuard:
    """ASGI middleware: only `Authorization: Bearer <token>` passes.

    Open to all are /health and the app's static shell, which say nothing about the city. Sources that notify of copies
    of subscriptions show the secret of the copy instead.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or is_open(scope["method"], scope["path"])
            or _knows_copy(scope)
            or (self._bears_token(scope))
        ):
            await self._app(scope, receive, send)
            return
        problem = Unauthorized("This city asks for its API token: send the header Authorization: Bearer <token>.")
        headers = [(b"content-type", b"application/problem+json"), (b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(problem.document())})

    def _bears_token(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(given, self._wanted)


def _knows_copy(scope: Scope) -> bool:
    """Whether a source notifies: it says which copy it has, and api/remote_notices.py lets no other in."""
    marks = scope["query_string"].split(b"&")
    return scope["path"] == PATH and any(mark.startswith(f"{COPY_PARAMETER}=".encode()) for mark in marks)


def is_open(method: str, path: str) -> bool:
    """Whether a call may come without the token."""
    return path.startswith("/health/") or (method in ("GET", "HEAD") and (path in SHELL or path.startswith(ASSETS)))
