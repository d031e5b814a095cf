"""What every letter of a tenant has: the context in which it is written, and its headers (GS CIM 009 clause 6.3.8)."""

from __future__ import annotations

from typing import Final

import structlog

from dothi.broker.contexts import Contexts
from dothi.broker.letterhead import header_lines, metadata
from dothi.model.context import Context
from dothi.model.errors import Problem
from dothi.model.notification import linkable, names_context_in_header
from dothi.model.subscription import Subscription

log = structlog.get_logger(__name__)

#: The path under which contexts are served.
_HOSTED: Final = "/ngsi-ld/v1/jsonldContexts/"


class Stationery:
    """`tenant` goes into the header NGSILD-Tenant, `snapshot` into NGSILD-Snapshot (clause 6.3.22).

    `base` is the address under which clients reach this server: with it the context of a subscription that was given
    inline can be named in a Link header.
    """

    def __init__(
        self, contexts: Contexts, tenant: str | None = None, base: str | None = None, snapshot: str | None = None
    ) -> None:
        self._contexts = contexts
        self._tenant = tenant
        self._snapshot = snapshot
        self._base = base.rstrip("/") if base is not None else None

    async def host_context(self, subscription: Subscription) -> None:
        """Have the context at an address already, where letters need one and the subscription came without (5.13.1)."""
        if self._base is not None and names_context_in_header(subscription):
            await self.context(subscription)

    def hosted_context(self, subscription: Subscription) -> str | None:
        """The address of the context that was made for the subscription, if one was."""
        if self._base is None or linkable(subscription.context) is not None:
            return None
        id = self._contexts.implicit_id(subscription.context)
        return None if id is None else f"{self._base}{_HOSTED}{id}"

    async def context(self, subscription: Subscription) -> tuple[Context, str]:
        """The context to write with and its address. Where it cannot be had, or named, names stay full IRIs."""
        source = subscription.context
        try:
            context = self._contexts.known(source) or await self._contexts.resolve(source)
            link = linkable(context.source)
            if link is None and self._base is not None and names_context_in_header(subscription):
                link = f"{self._base}{_HOSTED}{await self._contexts.implicit(context.source)}"
            if link is not None or not names_context_in_header(subscription):
                return context, link or ""
        except Problem as problem:
            log.warning("notification.context", subscription=subscription.id, reason=problem.detail)
        core = self._contexts.core
        return core, str(linkable(core.source))

    def head(self, subscription: Subscription, link: str) -> bytes:
        """The head of a letter, in the form of the scheme of its endpoint; `link` is the address of the context."""
        endpoint = subscription.endpoint
        told: list[tuple[str, str]] = [("Content-Type", endpoint.accept)]
        if names_context_in_header(subscription):
            told.append(("Link", f'<{link}>; rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'))
        if self._tenant is not None:
            told.append(("NGSILD-Tenant", self._tenant))
        if self._snapshot is not None:
            told.append(("NGSILD-Snapshot", self._snapshot))
        told += endpoint.headers
        return metadata(told) if endpoint.is_mqtt else header_lines([("User-Agent", "dothi"), *told])
