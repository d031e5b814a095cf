"""Finds what has an expiry: entities that are past theirs, and entities with attributes that have one."""

from __future__ import annotations

import apsw

_EXPIRED = "SELECT id FROM entity WHERE expires <= ? AND doc IS NOT NULL ORDER BY expires LIMIT ?"

#: No index holds this, so it reads every document: for the start only.
_WITH_EXPIRING = """SELECT id FROM entity WHERE instr(doc, CAST('expiresAt' AS BLOB))"""


def expired(connection: apsw.Connection, now: int, limit: int) -> list[str]:
    """Ids of entities whose expiresAt is not after `now`, the first to expire first."""
    return [str(id) for (id,) in connection.execute(_EXPIRED, (now, limit))]


def with_expiring_attributes(connection: apsw.Connection) -> list[str]:
    """Ids of entities of which an attribute may have an expiresAt."""
    return [str(id) for (id,) in connection.execute(_WITH_EXPIRING)]
