"""Hosting of @contexts: add, list, serve, delete and reload (GS CIM 009 clauses 6.29, 6.30 and 5.13)."""

from __future__ import annotations

from typing import Any, Final

from dothi.api.exchange import PREFIX, Exchange, Operation, Reply, created, json_reply, no_content
from dothi.api.parameters import flag
from dothi.broker.kept_contexts import KINDS, Kept
from dothi.model.errors import BadRequestData, InvalidRequest
from dothi.model.instant import format_instant


async def add(x: Exchange) -> Reply:
    """POST jsonldContexts: host the document in the body; 201 with its address (6.29.3.1, 5.13.2)."""
    document = await x.json()
    if not isinstance(document, dict) or "@context" not in document:
        raise InvalidRequest('The body must be a JSON object with the member "@context".')
    return created(f"{PREFIX}/jsonldContexts/{await x.broker.contexts.add(document)}")


async def listing(x: Exchange) -> Reply:
    """GET jsonldContexts: addresses of what is kept, or with details=true what is known of each (6.29.3.2, 5.13.3)."""
    kind = x.parameters.get("kind")
    if kind not in (None, *KINDS):
        raise BadRequestData(f"kind={kind} is unknown: write one of {', '.join(KINDS)}.")
    found = x.broker.contexts.list(kind)  # type: ignore[arg-type]
    if _flag(x, "details"):
        return json_reply([_details(x, kept) for kept in found])
    return json_reply([_address(x, kept) for kept in found])


async def one(x: Exchange, name: str) -> Reply:
    """GET jsonldContexts/{contextId}: the document, or with details=true what is known of it (6.30.3.1, 5.13.4)."""
    if _flag(x, "details"):
        kept = x.broker.contexts.details(name)
        reply = json_reply(_details(x, kept))
        x.broker.contexts.count(kept)
        return reply
    media = x.negotiate()
    reply = json_reply(await x.broker.contexts.get(name))
    return reply._replace(headers=[(b"content-type", media.encode())])


async def delete(x: Exchange, name: str) -> Reply:
    """DELETE jsonldContexts/{contextId}: delete it, or with reload=true fetch the copy anew (6.30.3.2, 5.13.5)."""
    await x.broker.contexts.delete(name, reload=_flag(x, "reload"))
    return no_content()


def _flag(x: Exchange, name: str) -> bool:
    """A boolean parameter. Raises BadRequestData, since the clauses of 5.13 know no other error of input."""
    try:
        return flag(x.parameters, name)
    except InvalidRequest as fault:
        raise BadRequestData(fault.detail) from None


def _address(x: Exchange, kept: Kept) -> str:
    """Where the context is: its own address for a copy, else the one at this broker, by the name the client used."""
    if kept.url is not None:
        return kept.url
    host = x.headers.get(b"host", b"localhost").decode("latin-1")
    scheme = x.headers.get(b"x-forwarded-proto", b"http").decode("latin-1")
    return f"{scheme}://{host}{PREFIX}/jsonldContexts/{kept.id}"


def _details(x: Exchange, kept: Kept) -> dict[str, Any]:
    """What clause 5.13.3.5 tells of a context."""
    details: dict[str, Any] = {
        "URL": _address(x, kept),
        "localId": kept.id,
        "kind": kept.kind,
        "createdAt": format_instant(kept.created),
        "numberOfHits": kept.hits,
    }
    if kept.stale is not None:
        details["expiresAt"] = format_instant(kept.stale)
    if kept.used is not None:
        details["lastUsage"] = format_instant(kept.used)
    if kept.packaged:
        details["extraInfo"] = {"packaged": True}
    return details


ROUTES: Final = (
    Operation("POST", "jsonldContexts", add, "5.13.2", creates=True),
    Operation("GET", "jsonldContexts", listing, "5.13.3", frozenset({"details", "kind"})),
    Operation("GET", "jsonldContexts/{contextId}", one, "5.13.4", frozenset({"details"})),
    Operation("DELETE", "jsonldContexts/{contextId}", delete, "5.13.5", frozenset({"reload"})),
)
