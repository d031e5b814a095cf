"""One request and its answer: what a handler of the NGSI-LD API is given, and what it gives back.

A handler is `async def name(x: Exchange, *path variables: str) -> Reply`. It is announced as an `Operation` in the
ROUTES of its file; the server finds it, checks the query parameters against the operation's, and turns every Problem
that it raises into a problem document. So a handler only says what the operation does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import orjson

from dothi.api.body import Receive, content_length, decode_entities, decode_json, read_body
from dothi.api.media import (
    GEO_JSON,
    JSON,
    JSON_LD,
    MERGE_PATCH,
    accepted,
    content_type,
    context_link,
    linked_context,
)
from dothi.api.parameters import encode, whole
from dothi.broker.broker import Broker
from dothi.model.context import Context
from dothi.model.earlier import CURRENT, amend_all, preferred_version
from dothi.model.entity import PlainProperty
from dothi.model.errors import BadRequestData, InvalidRequest, Problem, TooManyResults

PREFIX: Final = "/ngsi-ld/v1"

#: Parameters of every operation that answers with pages (clause 6.3.10).
PAGING: Final = frozenset({"limit", "offset", "count"})

Header = tuple[bytes, bytes]

#: Where entities are answered, which can be amended to an earlier version of the standard (clause 4.3.6.8).
_ENTITIES: Final = (f"{PREFIX}/entities", f"{PREFIX}/entityOperations/query")

_PLAIN: Final = (JSON, JSON_LD)
_PATCH: Final = (JSON, JSON_LD, MERGE_PATCH)
_WITH_GEO: Final = (JSON, JSON_LD, GEO_JSON)


class Reply(NamedTuple):
    """Status, headers without Content-Length, and body of an answer."""

    status: int
    headers: list[Header]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask for: bytes of a body, entities of a page (with and without `limit`), and instances of all
    attributes together in one temporal answer."""

    body: int = 16 * 1024 * 1024
    page: int = 1000
    default_page: int = 20
    instances: int = 10_000


class Exchange:
    """One request: `broker` is the tenant's, `parameters` holds the decoded query parameters the operation knows."""

    __slots__ = ("_receive", "broker", "headers", "limits", "method", "parameters", "path", "told")

    def __init__(
        self,
        method: str,
        path: str,
        headers: dict[bytes, bytes],
        parameters: dict[str, str],
        broker: Broker,
        limits: Limits,
        receive: Receive,
    ) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.parameters = parameters
        self.broker = broker
        self.limits = limits
        #: Headers of whatever is answered, the problem of a failure included (clause 6.3.17: NGSILD-Warning).
        self.told: list[Header] = []
        self._receive = receive

    # --- what was asked ---------------------------------------------------------------------------------------

    def negotiate(self, *, geo: bool = False) -> str:
        """The media type to answer with. Raises NotAcceptable (clause 6.3.4)."""
        header = self.headers.get(b"accept")
        return JSON if header is None or header == b"*/*" else accepted(header, _WITH_GEO if geo else _PLAIN)

    async def context(self) -> Context:
        """The @context of the Link header, or the core context; for requests without a body (5.5.5, 6.3.5)."""
        link = self.headers.get(b"link")
        return await self._resolve(linked_context(link) if link is not None else None)

    async def document(self, *, patch: bool = False) -> tuple[dict[str, Any], Context]:
        """The body as a JSON object without @context, and the context of Link header or body (clause 6.3.5).

        `patch` also takes application/merge-patch+json. Raises UnsupportedMediaType, InvalidRequest, BadRequestData.
        """
        media, value = await self._read(_PATCH if patch else _PLAIN)
        if type(value) is not dict:
            raise InvalidRequest(f"The body must be a JSON object, not {_kind(value)}.")
        return value, await self.context_of(value, media)

    async def documents(self) -> list[tuple[dict[str, Any], Context | Problem]]:
        """The body as a JSON array of objects, each with its context, or with what is wrong with that context.

        An element that is no object fails the whole request (clause 5.6.7.4); a context only its own element.
        """
        media, value = await self._read(_PLAIN, decode_entities)
        if type(value) is not list:
            raise InvalidRequest(f"The body must be a JSON array, not {_kind(value)}.")
        if not value:
            raise BadRequestData("The array is empty: a batch needs at least one element.")
        link = self.headers.get(b"link")
        if media == JSON_LD and link is not None and linked_context(link) is not None:
            raise _twofold()
        documents: list[tuple[dict[str, Any], Context | Problem]] = []
        shared = await self.context() if media == JSON else None
        for position, element in enumerate(value):
            if type(element) is not dict:
                raise BadRequestData(f"Element {position} of the array is {_kind(element)}, not an object.")
            if shared is not None and "@context" not in element:
                documents.append((element, shared))
                continue
            try:
                documents.append((element, await self.context_of(element, media)))
            except Problem as problem:
                documents.append((element, problem))
        return documents

    async def json(self) -> Any:
        """The body as a JSON value that has no @context of its own (a list of ids)."""
        _, value = await self._read(_PLAIN)
        return value

    async def context_of(self, document: dict[str, Any], media: str) -> Context:
        """Take the @context out of a document and resolve it, or that of the Link header; never both (6.3.5)."""
        link = self.headers.get(b"link")
        address = linked_context(link) if link is not None else None
        own = document.pop("@context", None)
        if isinstance(own, PlainProperty):
            own = own.members()
        if media == JSON_LD:
            if own is None:
                raise BadRequestData(f"A body of {JSON_LD} must have an @context: add it, or send {JSON}.")
            if address is not None:
                raise _twofold()
        elif own is not None and media == JSON:
            raise BadRequestData(f"A body of {JSON} must not have an @context: use a Link header, or {JSON_LD}.")
        return await self._resolve(own if own is not None else address)

    def page(self) -> tuple[int, int, bool]:
        """(limit, offset, count) of this request (clauses 4.12, 4.13, 5.5.9.2, 6.3.10). limit=0 is for counting only.

        Raises BadRequestData for bad numbers, InvalidRequest for a count that is no boolean, TooManyResults when the
        limit is higher than the city allows.
        """
        counts = self.parameters.get("count", "false")
        if counts not in ("true", "false"):
            raise InvalidRequest(f"count={counts} is no boolean: write true or false.")
        try:
            limit = whole(self.parameters, "limit", self.limits.default_page)
            offset = whole(self.parameters, "offset", 0)
        except InvalidRequest as fault:
            raise BadRequestData(fault.detail) from None
        if limit > self.limits.page:
            raise TooManyResults(f"limit={limit} is more than {self.limits.page}: read several pages.")
        if limit == 0 and counts != "true":
            raise BadRequestData("limit=0 asks for nothing: add count=true to count, or raise the limit.")
        return limit, offset, counts == "true"

    async def _read(self, allowed: tuple[str, ...], decode: Callable[[bytes], Any] = decode_json) -> tuple[str, Any]:
        # Without a Content-Type a PATCH is taken for JSON (RFC 9110, 8.3); a POST is not, since a foreign site could
        # have a browser send it without asking.
        untold = b"application/json" if allowed is _PATCH else b""
        media = content_type(self.headers.get(b"content-type", untold), allowed)
        return media, decode(await read_body(self._receive, content_length(self.headers), self.limits.body))

    async def _resolve(self, context: Any) -> Context:
        contexts = self.broker.contexts
        return contexts.known(context) or await contexts.resolve(context)

    # --- what is answered -------------------------------------------------------------------------------------

    def answer(self, value: Any, context: Context, media: str, headers: list[Header] | None = None) -> Reply:
        """200 with entities or other documents: names the context in a Link header, or in every document (6.3.6)."""
        headers = [] if headers is None else headers
        prefer = self.headers.get(b"prefer", b"").lower()  # names of preferences have no case (RFC 7240)
        status = 200
        if b"ngsi-ld" in prefer:
            value, status = self._amended(value, prefer, headers)
        if media == JSON:
            add_context_link(headers, context)
        elif media == JSON_LD:
            for document in value if type(value) is list else (value,):
                document["@context"] = context.member
        elif b"body=json" in prefer:
            add_context_link(headers, context)
        else:
            value["@context"] = context.member
        headers.append((b"content-type", media.encode()))
        return Reply(status, headers, orjson.dumps(value))

    def _amended(self, value: Any, prefer: bytes, headers: list[Header]) -> tuple[Any, int]:
        """Entities as the version knew them that the client prefers; 203 where they had to be changed (4.3.6.8)."""
        version = preferred_version(prefer.decode("latin-1"))
        if version is None:
            return value, 200
        shows_entities = self.path.startswith(_ENTITIES)
        applied = version if shows_entities else CURRENT
        headers.append((b"preference-applied", b"ngsi-ld=%d.%d" % applied))
        if applied == CURRENT:
            return value, 200
        value = orjson.loads(orjson.dumps(value))  # what is shown may be what is stored
        return value, 203 if amend_all(value if type(value) is list else [value], version) else 200

    def paging(
        self, limit: int, offset: int, shown: int, total: int | None, more: bool, media: str, *, as_asked: bool = False
    ) -> list[Header]:
        """NGSILD-Results-Count and the Link headers to the next and the previous page (5.5.9.1, 6.3.10), which are of
        the same media type. Their parameters are in order of their names, or `as_asked` for."""
        headers: list[Header] = []
        if total is not None and self.parameters.get("count") == "true":
            headers.append((b"ngsild-results-count", str(total).encode()))
        if limit and offset:
            headers.append(self._page_link("prev", limit, max(0, offset - limit), media, as_asked))
        if limit and more:
            headers.append(self._page_link("next", limit, offset + shown, media, as_asked))
        return headers

    def _page_link(self, relation: str, limit: int, offset: int, media: str, as_asked: bool) -> Header:
        parameters = list({**self.parameters, "limit": limit, "offset": offset}.items())
        if not as_asked:
            parameters.sort()
        link = f'<{self.path.rstrip("/")}?{encode(parameters)}>;rel="{relation}";type="{media}"'
        return b"link", link.encode()


Handler = Callable[..., Awaitable[Reply]]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One row of the route table. `path` is relative to PREFIX, its variables stand in braces: "entities/{id}".

    `creates`: the operation brings a tenant into being that does not exist yet (clause 6.3.14).
    """

    method: str
    path: str
    handler: Handler
    clause: str
    parameters: frozenset[str] = frozenset()
    creates: bool = False


def add_context_link(headers: list[Header], context: Context) -> None:
    """Add the Link header that names the context, where it has an address."""
    if type(context.source) is str:
        headers.append((b"link", context_link(context.source)))


def created(location: str) -> Reply:
    """201 with the address of what was created, relative to the server."""
    return Reply(201, [(b"location", location.encode())])


def no_content() -> Reply:
    return Reply(204, [])


def json_reply(value: Any, status: int = 200, headers: list[Header] | None = None) -> Reply:
    """An answer in plain JSON that has no @context: lists of ids, results of batches, metadata."""
    return Reply(status, [*(headers or ()), (b"content-type", b"application/json")], orjson.dumps(value))


def _twofold() -> BadRequestData:
    return BadRequestData(f"The @context stands in the body of {JSON_LD}: leave the Link header out.")


def _kind(value: object) -> str:
    """The name that JSON has for a value."""
    names = {list: "an array", dict: "an object", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
