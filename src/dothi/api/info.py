"""Who the broker is: the identity of this context source (GS CIM 009 clauses 5.15, 6.33)."""

from __future__ import annotations

import time
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from dothi.api.exchange import Exchange, Operation, Reply
from dothi.model.instant import format_instant


async def identity(x: Exchange) -> Reply:
    """GET info/sourceIdentity: alias of this tenant, uptime and clock (6.33.3.1, 5.15.1, 5.2.40)."""
    media, context = x.negotiate(), await x.context()
    now = time.time_ns() // 1000
    document = {
        "id": f"urn:uuid:{uuid5(NAMESPACE_URL, x.broker.alias)}",
        "type": "ContextSourceIdentity",
        "contextSourceAlias": x.broker.alias,
        "contextSourceUptime": f"PT{max(0, now - x.broker.started) // 1_000_000}S",
        "contextSourceTimeAt": format_instant(now),
    }
    return x.answer(document, context, media)


ROUTES: Final = (Operation("GET", "info/sourceIdentity", identity, "5.15.1"),)
