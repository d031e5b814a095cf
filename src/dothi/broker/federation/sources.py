"""Calls context sources: guarded, within their time, a bounded number beside one another (clauses 4.3.6, 6.3.17)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson

from dothi.broker.contexts import Contexts
from dothi.broker.federation.origin import Origin, address_of
from dothi.broker.federation.warnings import INVALID, REFUSED, SILENT, SourceFailed, problem_of
from dothi.broker.outside import Answer, NoAnswerInTime, Outside, OutsideFailed, UnfitAnswer
from dothi.broker.registrations import Registrations
from dothi.model.context import Context, core_context
from dothi.model.errors import BadGateway, GatewayTimeout, LdContextNotAvailable, Problem, TargetRefused
from dothi.model.members import OWN_HEADERS
from dothi.model.registration import Registration

JSON: Final = "application/json"
JSON_LD: Final = "application/ld+json"

#: A value in contextSourceInfo that stands for the header of that name in the request (clauses 4.3.6.5, 6.3.19).
FROM_REQUEST: Final = "urn:ngsi-ld:request"

#: Keys of contextSourceInfo that say how to speak to the source, and are not sent as headers themselves.
_SPEECH: Final = frozenset({"jsonldcontext", "contenttype", "accept"})

#: Calls under way at the same time for one tenant; more wait for their turn within their deadline.
AT_ONCE: Final = 64

#: Seconds by which a whole read may outlast its last call: so it is the call that ends in time, and is counted.
GRACE: Final = 0.02

_PREFIX: Final = "/ngsi-ld/v1"
_QUERY_SAFE: Final = "/:,;*()~!$@"


@dataclass(frozen=True, slots=True)
class Call:
    """What a source is asked. `path` is below /ngsi-ld/v1 with its variables escaped; `names` is the context of all
    names in parameters and body; `body` is JSON without @context, or with its own where `own_context` says so."""

    method: str
    path: str
    names: Context
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    own_context: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The answer of a source that did what it was asked for: status below 300, and decoded JSON (None: no body)."""

    status: int
    value: Any
    headers: Mapping[str, str]


class Sources:
    """The context sources of one tenant. `deadline` in seconds for those that name no timeout, `limit` in bytes of an
    answer."""

    def __init__(
        self,
        registrations: Registrations,
        contexts: Contexts,
        outside: Outside,
        *,
        deadline: float = 3.0,
        limit: int = 16 * 1024 * 1024,
    ) -> None:
        self.registrations = registrations
        self.deadline = deadline
        self._contexts = contexts
        self._outside = outside
        self._limit = limit
        self._turn = asyncio.Semaphore(AT_ONCE)
        #: Registration id -> when it may be called again, on the clock of the loop.
        self._resting: dict[str, float] = {}

    def deadline_of(self, registration: Registration) -> float:
        """Seconds within which the source must have answered (clause 5.2.34, timeout)."""
        return registration.management.timeout or self.deadline

    @asynccontextmanager
    async def within_deadline(self, registration: Registration) -> AsyncIterator[float]:
        """Everything that one read wants of a source, contexts included, within its time; gives when that began."""
        since = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(since + self.deadline_of(registration) + GRACE):
                yield since
        except TimeoutError:
            seconds = self.deadline_of(registration)
            raise SourceFailed(
                SILENT, GatewayTimeout(f"{registration.id}: no whole answer within {seconds:.3g} s.")
            ) from None

    async def names(self, registration: Registration, origin: Origin) -> Context:
        """The context in which to speak to a source: that of its registration (jsonldContext), else the request's
        where it has an address, else the core context, in which other names are whole IRIs (clause 4.3.6.6)."""
        address = registration.source_value("jsonldContext")
        if address is not None:
            try:
                return await self.resolve(address)
            except Problem as problem:
                raise SourceFailed(SILENT, LdContextNotAvailable(f"{registration.id}: {problem.detail}")) from None
        return origin.context if address_of(origin.context) is not None else core_context()

    async def resolve(self, context: Any) -> Context:
        """A context by its address or content. Raises LdContextNotAvailable, BadRequestData."""
        return self._contexts.known(context) or await self._contexts.resolve(context)

    async def call(self, registration: Registration, origin: Origin, call: Call, *, since: float | None = None) -> Told:
        """Ask one source. Raises SourceFailed; what became of the call is counted in the registration (5.2.9).

        `since`: the time of the source runs from then on the clock of the loop, as where one read takes many calls.
        """
        now = asyncio.get_running_loop().time
        if self._resting.get(registration.id, 0.0) > now():
            raise SourceFailed(SILENT, GatewayTimeout(f"{registration.id} failed a moment ago and is left alone."))
        try:
            end = (now() if since is None else since) + self.deadline_of(registration)
            told = await self._ask(registration, origin, call, end)
        except SourceFailed as failure:
            # A refusal below 500 is an answer: the source is well, the request was not to its liking.
            is_failure = failure.status is None or failure.status < 300 or failure.status >= 500
            if not is_failure:
                self.registrations.succeeded(registration.id)
                raise
            self.registrations.failed(registration.id)
            if registration.management.cooldown is not None:
                self._resting[registration.id] = now() + registration.management.cooldown
            raise
        self.registrations.succeeded(registration.id)
        self._resting.pop(registration.id, None)
        return told

    async def _ask(self, registration: Registration, origin: Origin, call: Call, end: float) -> Told:
        url = _address(registration, call)
        content, headers = _written(registration, origin, call)
        try:
            async with asyncio.timeout_at(end), self._turn:
                left = end - asyncio.get_running_loop().time()
                answer = await self._outside.request(
                    call.method, url, headers=headers, content=content, deadline=left, limit=self._limit
                )
        except TimeoutError:
            seconds = self.deadline_of(registration)
            raise SourceFailed(SILENT, GatewayTimeout(f"{url}: no answer within {seconds:.3g} s.")) from None
        except TargetRefused as refused:
            raise SourceFailed(SILENT, BadGateway(refused.detail)) from None
        except OutsideFailed as failure:
            raise _failure(failure) from None
        return _told(answer)


def path_of(*segments: str) -> str:
    """A path below /ngsi-ld/v1 whose segments are escaped."""
    return "".join(f"/{quote(segment, safe=':@!$&()*,;=~+')}" for segment in segments)


def with_local(registration: Registration, parameters: dict[str, str]) -> dict[str, str]:
    """The parameters, and local=true where the source shall not ask others in its turn (clauses 5.2.9, 6.3.18)."""
    return {**parameters, "local": "true"} if registration.management.local_only else parameters


def _address(registration: Registration, call: Call) -> str:
    start = registration.endpoint.rstrip("/").removesuffix(_PREFIX)
    query = "&".join(
        f"{quote(name, safe='')}={quote(value, safe=_QUERY_SAFE)}"
        for name, value in with_local(registration, dict(call.parameters)).items()
    )
    return f"{start}{_PREFIX}{call.path}" + (f"?{query}" if query else "")


def _written(registration: Registration, origin: Origin, call: Call) -> tuple[bytes | None, dict[str, str]]:
    """The body and the headers of a call (clauses 4.3.6.5 and 4.3.6.6)."""
    headers = {
        "Accept": registration.source_value("accept") or JSON,
        "Via": origin.via,
        "User-Agent": "dothi",
        **_informed(registration, origin),
    }
    if registration.tenant is not None:
        headers["NGSILD-Tenant"] = registration.tenant
    address = address_of(call.names)
    body = call.body
    inside = call.own_context
    if body is not None and not inside and registration.source_value("contentType") == JSON_LD:
        body, inside = _with_context(body, call.names), True
    if not inside and address is not None:
        headers["Link"] = f'<{address}>; rel="http://www.w3.org/ns/json-ld#context"; type="{JSON_LD}"'
    if body is None:
        return None, headers
    headers["Content-Type"] = JSON_LD if inside else JSON
    return orjson.dumps(body), headers


def _informed(registration: Registration, origin: Origin) -> dict[str, str]:
    """The pairs of contextSourceInfo that travel as headers; what belongs to the connection is left out (4.3.6.5)."""
    headers = {}
    for key, value in registration.source_info:
        name = key.lower()
        if name in _SPEECH or name in OWN_HEADERS:
            continue
        told = origin.header(name) if value == FROM_REQUEST else value
        if told is not None:
            headers[key] = told
    return headers


def _with_context(body: Any, names: Context) -> Any:
    if isinstance(body, list):
        return [_with_context(each, names) if isinstance(each, dict) else each for each in body]
    return {**body, "@context": names.member}


def _failure(failure: OutsideFailed) -> SourceFailed:
    if isinstance(failure, NoAnswerInTime):
        return SourceFailed(SILENT, GatewayTimeout(f"{failure}."))
    code = INVALID if isinstance(failure, UnfitAnswer) else SILENT
    return SourceFailed(code, BadGateway(f"{failure}."))


def _told(answer: Answer) -> Told:
    value: Any = None
    if answer.body:
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            if answer.status < 300:
                raise SourceFailed(
                    INVALID, BadGateway(f"{answer.url}: the answer is no JSON."), answer.status
                ) from None
    if answer.status >= 300:
        raise SourceFailed(REFUSED, problem_of(answer.status, value), answer.status)
    return Told(answer.status, value, answer.headers)
