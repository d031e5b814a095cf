"""Which @context a request means: packaged, kept by this broker, or fetched once and kept (GS CIM 009 clause 5.13)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

import orjson
import structlog

from dothi.broker.freshness import SHORTEST, stale_at
from dothi.broker.kept_contexts import Kept, KeptContexts, Kind
from dothi.broker.outside import Answer, Outside, OutsideFailed
from dothi.model.context import Context, core_context, parse
from dothi.model.context_parts import NOT_KNOWN, gather
from dothi.model.errors import (
    BadRequestData,
    LdContextNotAvailable,
    OperationNotSupported,
    Problem,
    ResourceNotFound,
    TargetRefused,
)
from dothi.model.packaged import canonical, is_core, packaged
from dothi.storage.store import Store

log = structlog.get_logger(__name__)

T = TypeVar("T")
Key = str | bytes

#: A context with more terms than this is parsed on a thread: 10 µs a term would hold the loop.
_PARSED_BESIDE: Final = 300
_BYTES_PER_TERM: Final = 600

#: How many times as long as it took to fail an address is left alone: who refuses at once costs nothing to ask again.
_PATIENCE: Final = 10.0
_ACCEPT: Final = {"accept": "application/ld+json, application/json;q=0.9, */*;q=0.1", "user-agent": "dothi"}


class Fetched(NamedTuple):
    """What an address answered, and when it has to be asked again (microseconds)."""

    document: dict[str, Any]
    stale: int


@dataclass(slots=True)
class _Active:
    """A context in use: `kept` are the documents it is made of, `turn` orders entries by last use, from `stale` on one
    of the documents has to be asked for again."""

    context: Context
    kept: tuple[Kept, ...]
    size: int
    turn: int
    stale: int | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of contexts in use: `count`, `bytes` (an estimate). Of fetching: `deadline` in seconds for all documents of one
    context, `document` in bytes, `redirects`, and `silence`: a failure answers in its place for some times as long as
    it took to fail, at least a second, at most so many seconds."""

    count: int = 256
    bytes: int = 64 * 1024 * 1024
    deadline: float = 5.0
    document: int = 1024 * 1024
    redirects: int = 4
    silence: float = 30.0


class Contexts:
    """One tenant's contexts. `own` holds documents, by address, that are known without the network beside the
    packaged ones: {"https://...": {"@context": ...}}."""

    def __init__(
        self,
        store: Store,
        outside: Outside,
        *,
        bounds: Bounds | None = None,
        own: Mapping[str, Mapping[str, Any]] | None = None,
        now: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.core = core_context()
        self._outside = outside
        self._bounds = bounds or Bounds()
        self._own = dict(own or {})
        self._now = now
        self._kept = KeptContexts(store, now)
        self._active: dict[Key, _Active] = {}
        self._bytes = 0
        self._turn = 0
        self._failed: dict[str, tuple[float, Problem]] = {}
        self._resolving: dict[Key, asyncio.Future[Context]] = {}
        self._fetching: dict[Key, asyncio.Future[Fetched]] = {}

    async def open(self) -> None:
        """Read what is kept. Never waits for the network."""
        await self._kept.open()

    async def close(self) -> None:
        """Write the counts of uses."""
        await self._kept.save_usage()

    # --- meaning ----------------------------------------------------------------------------------------------------

    def known(self, context: Any) -> Context | None:
        """The context if it is at hand, without waiting; None: call `resolve`. None as argument is the core context."""
        if context is None:
            return self.core
        active = self._active.get(context if type(context) is str else _key(context))
        if active is None:
            return None
        if active.stale is not None and active.stale <= self._now():
            return None
        self._turn = active.turn = self._turn + 1
        for kept in active.kept:
            self.count(kept)
        return active.context

    async def resolve(self, context: Any) -> Context:
        """The meaning of an @context as it stands in a request: address, object, array of them, or None (the core).

        Raises BadRequestData for what is no context, in the request or at an address; LdContextNotAvailable, naming
        address and reason, when a document cannot be had; TargetRefused for addresses that may not be called.
        """
        found = self.known(context)
        if found is None:
            found = await _once(self._resolving, _key(context), lambda: self._resolve(context))
        return found

    async def _resolve(self, context: Any) -> Context:
        kept: list[Kept] = []
        fetched: dict[str, Fetched] = {}
        began = asyncio.get_running_loop().time()
        try:
            parsed = await self._parse(context, kept, fetched)
        except BadRequestData as fault:
            problem = _at_address(fault, fetched)
            if isinstance(context, str) and context in fetched:
                self._remember_failure(context, problem, began)
            raise problem from None
        for url, answer in fetched.items():
            kept.append(await self._kept.copy(url, answer.document, answer.stale))
        for part in kept:
            self.count(part)
        self._put_in_use(context, parsed, tuple(kept))
        return parsed

    async def _parse(self, context: Any, kept: list[Kept], fetched: dict[str, Fetched]) -> Context:
        """Gather and parse the context; `kept` receives the kept documents it has, `fetched` those from outside."""
        documents: dict[str, Any] = {}
        end = asyncio.get_running_loop().time() + self._bounds.deadline
        while (parts := gather(context, lambda url: documents.get(url, NOT_KNOWN))).missing:
            for url in parts.missing:
                documents[url] = (await self._document(url, end, kept, fetched))["@context"]
        if parts.terms > _PARSED_BESIDE or len(parts.objects) > _PARSED_BESIDE:
            return await asyncio.to_thread(parse, parts.objects, context, parts.has_core)
        return parse(parts.objects, context, parts.has_core)

    async def _document(self, url: str, end: float, kept: list[Kept], fetched: dict[str, Fetched]) -> Mapping[str, Any]:
        """A document with "@context", from the nearest place that has it."""
        entry = self._kept.find(canonical(url))
        if entry is not None and not entry.packaged and not await self._renews(entry, end, fetched):
            document = await self._kept.document(entry)
            if document is not None:
                kept.append(entry)
                return _checked(document, url)
        elif entry is not None and entry.url in fetched:
            return fetched[entry.url].document
        at_hand = self._own.get(url) or packaged(url)
        if at_hand is not None:
            kept.append(self._kept.note_packaged(canonical(url)))
            return at_hand
        fetched[url] = await self._fetch(url, end)
        return fetched[url].document

    async def _renews(self, entry: Kept, end: float, fetched: dict[str, Fetched]) -> bool:
        """Whether a copy was stale and its address gave another (clause 6.3.16); while it gives none, the old one stays
        in use and is tried again after a moment."""
        if entry.stale is None or entry.url is None or entry.stale > self._now():
            return False
        try:
            fetched[entry.url] = await self._fetch(entry.url, end)
        except (LdContextNotAvailable, BadRequestData, TargetRefused) as problem:
            log.warning("stale @context kept", url=entry.url, error=problem.detail)
            entry.stale = self._now() + SHORTEST
            return False
        return True

    def _put_in_use(self, context: Any, parsed: Context, kept: tuple[Kept, ...]) -> None:
        key = _key(context)
        self._forget(key)
        self._turn += 1
        stale = min((part.stale for part in kept if part.stale is not None), default=None)
        entry = _Active(parsed, kept, len(key) + _BYTES_PER_TERM * len(parsed), self._turn, stale)
        self._bytes += entry.size
        self._active[key] = entry
        while len(self._active) > self._bounds.count or (self._bytes > self._bounds.bytes and len(self._active) > 1):
            self._forget(min(self._active, key=lambda other: self._active[other].turn))

    def _forget(self, key: Key) -> None:
        entry = self._active.pop(key, None)
        self._bytes -= entry.size if entry is not None else 0

    def _forget_all_with(self, kept: Kept) -> None:
        for key in [key for key, entry in self._active.items() if any(part.id == kept.id for part in entry.kept)]:
            self._forget(key)

    # --- fetching ---------------------------------------------------------------------------------------------------

    async def _fetch(self, url: str, end: float) -> Fetched:
        failed = self._failed.get(url)
        if failed is not None and failed[0] > asyncio.get_running_loop().time():
            raise failed[1]
        return await _once(self._fetching, url, lambda: self._fetch_now(url, end))

    async def _fetch_now(self, url: str, end: float) -> Fetched:
        began = asyncio.get_running_loop().time()
        try:
            answer = await self._outside.fetch(
                url,
                headers=_ACCEPT,
                deadline=max(0.0, end - asyncio.get_running_loop().time()),
                limit=self._bounds.document,
                redirects=self._bounds.redirects,
            )
            document = _read(answer, url)
        except OutsideFailed as failure:
            problem: Problem = LdContextNotAvailable(f"The @context {url} cannot be had: {failure.reason}.")
            self._remember_failure(url, problem, began)
            raise problem from None
        except (BadRequestData, LdContextNotAvailable, TargetRefused) as problem:
            self._remember_failure(url, problem, began)
            raise
        self._failed.pop(url, None)
        return Fetched(document, stale_at(answer.headers, self._now()))

    def _remember_failure(self, url: str, problem: Problem, began: float) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._failed) >= self._bounds.count:
            self._failed = {key: value for key, value in self._failed.items() if value[0] > now}
            if len(self._failed) >= self._bounds.count:
                self._failed.clear()
        silence = min(self._bounds.silence, max(1.0, _PATIENCE * (now - began)))
        self._failed[url] = (now + silence, problem)

    # --- hosting (clause 5.13) ----------------------------------------------------------------------------------------

    async def add(self, document: Any) -> str:
        """Host a document {"@context": ...}; its local id (5.13.2). What it refers to must be to be had.

        Raises BadRequestData, LdContextNotAvailable.
        """
        if not isinstance(document, dict) or "@context" not in document:
            raise BadRequestData('A document to host must be a JSON object with the member "@context".')
        await self.resolve(document["@context"])
        return (await self._kept.add({"@context": document["@context"]}, "Hosted")).id

    async def implicit(self, context: Any) -> str:
        """The local id under which an inline context is served, for where only an address can stand (5.13.1)."""
        return (await self._kept.add({"@context": context}, "ImplicitlyCreated", _implicit_id(context))).id

    def implicit_id(self, context: Any) -> str | None:
        """The local id of what `implicit` made of this context, None where it is not kept (any more)."""
        kept = self._kept.find(_implicit_id(context))
        return None if kept is None else kept.id

    def list(self, kind: Kind | None = None) -> list[Kept]:
        """What is kept, oldest first, packaged contexts from their first use on (5.13.3)."""
        return [kept for kept in self._kept.all() if kind is None or kept.kind == kind]

    def details(self, name: str) -> Kept:
        """The entry of a local id or address (5.13.4 with details). Raises ResourceNotFound."""
        kept = self._kept.find(name)
        if kept is None and (name in self._own or packaged(name) is not None):
            kept = self._kept.find(canonical(name)) or self._kept.note_packaged(canonical(name))
        if kept is None:
            raise ResourceNotFound(f"The broker keeps no @context {name!r}.")
        return kept

    async def get(self, name: str) -> Mapping[str, Any]:
        """The document of a local id or address (5.13.4).

        Raises ResourceNotFound; OperationNotSupported for a copy of another server's document, which is not served.
        """
        kept = self.details(name)
        if kept.packaged:
            return self._own.get(kept.url or "") or packaged(kept.url or "") or {}
        if kept.kind == "Cached":
            raise OperationNotSupported(
                f"{kept.url} is a copy that this broker does not serve: ask that address itself."
            )
        document = await self._kept.document(kept)
        if document is None:
            raise ResourceNotFound(f"The broker keeps no @context {name!r}.")
        self.count(kept)
        return _checked(document, name)

    def count(self, kept: Kept) -> None:
        """Note that a kept context was found here by who looked for it: one more of its numberOfHits."""
        kept.hits += 1
        kept.used = self._now()

    async def delete(self, name: str, reload: bool = False) -> None:
        """Delete a kept context, or with `reload` replace a copy by what its address answers now (5.13.5).

        A core context is as its address has it for ever, so reloading it has nothing to do. Raises ResourceNotFound;
        BadRequestData for deleting a core or packaged context, and for reloading what is no copy;
        LdContextNotAvailable when reloading fails, and then the old copy stays.
        """
        kept = self.details(name)
        if kept.url is not None and is_core(kept.url):
            if reload:
                return
            raise BadRequestData(f"{kept.url} is the core context: it is part of the broker and cannot be deleted.")
        if reload:
            await self._reload(kept)
        elif kept.packaged:
            raise BadRequestData(
                f"{kept.url} comes with the broker and cannot be deleted; reload=true fetches it anew."
            )
        else:
            await self._kept.drop(kept)
            self._failed.pop(kept.url or "", None)
        self._forget_all_with(kept)

    async def _reload(self, kept: Kept) -> None:
        if kept.kind != "Cached" or kept.url is None:
            raise BadRequestData(f"{kept.id} is {kept.kind}: only a copy of another server's document can be reloaded.")
        loop = asyncio.get_running_loop()
        try:
            answer = await self._fetch_now(kept.url, loop.time() + self._bounds.deadline)
            parts = gather(answer.document["@context"], lambda url: {}, kept.url)
            await asyncio.to_thread(parse, parts.objects, kept.url)
        except BadRequestData as fault:
            raise LdContextNotAvailable(f"{kept.url} answers what cannot be used: {fault.detail}") from None
        await self._kept.copy(kept.url, answer.document, answer.stale)


def _key(context: Any) -> Key:
    """One context, one key: an address is its own, anything else is its canonical JSON."""
    if isinstance(context, str):
        return context
    try:
        return orjson.dumps(context, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise BadRequestData(f"The @context is no JSON: {error}.") from None


def _implicit_id(context: Any) -> str:
    key = _key(context)
    return f"inline-{hashlib.sha256(key if isinstance(key, bytes) else key.encode()).hexdigest()[:32]}"


def _read(answer: Answer, url: str) -> dict[str, Any]:
    """The document in an answer. Raises LdContextNotAvailable where there is none, BadRequestData where it is invalid
    (clause 5.5.6)."""
    place = url if answer.url == url else f"{url} (redirected to {answer.url})"
    if answer.status != 200:
        raise LdContextNotAvailable(f"The @context {place} cannot be had: its server answered {answer.status}.")
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        said = answer.headers.get("content-type", "of no said type")
        raise BadRequestData(f"The @context {place} is no JSON ({said}): {error}.") from None
    return _checked(document, place)


def _checked(document: Any, place: str) -> dict[str, Any]:
    if not isinstance(document, dict) or "@context" not in document:
        raise BadRequestData(f'The @context {place} is no JSON object with the member "@context".')
    return document


async def _once(flights: dict[Key, asyncio.Future[T]], key: Key, work: Callable[[], Awaitable[T]]) -> T:
    """Do the work once for all who ask for it at the same time; when its doer is cancelled, the next one does it."""
    while (flight := flights.get(key)) is not None:
        await asyncio.wait([flight])
        if not flight.cancelled():
            return flight.result()
    flight = flights[key] = asyncio.get_running_loop().create_future()
    try:
        result = await work()
    except asyncio.CancelledError:
        flight.cancel()
        raise
    except BaseException as error:
        flight.set_exception(error)
        flight.exception()
        raise
    else:
        flight.set_result(result)
        return result
    finally:
        del flights[key]


def _at_address(problem: BadRequestData, fetched: Collection[str]) -> BadRequestData:
    """The problem with the addresses of what was fetched, unless it names one already."""
    if not fetched or any(url in problem.detail for url in fetched):
        return problem
    return BadRequestData(f"{problem.detail} It comes from {', '.join(fetched)}.")
