"""Which types and attributes the stored entities have."""

from __future__ import annotations

import apsw

from dothi.storage.rows import Names
from dothi.storage.store import TypeSummary

_COUNTS = "SELECT type, count(*) FROM entity_type GROUP BY type"

#: Attribute kinds by type; an attribute with several instances has the kind of its first one.
_KINDS = """
SELECT t.type, a.key, coalesce(a.value ->> '$.type', a.value ->> '$[0].type'), count(*)
FROM entity_type AS t CROSS JOIN entity AS e ON e.n = t.entity, json_each(e.doc) AS a
WHERE e.doc IS NOT NULL
GROUP BY 1, 2, 3
"""


def types(connection: apsw.Connection, names: Names) -> list[TypeSummary]:
    """Every type that a living entity has, with its attributes, in order of name."""
    found: dict[int, dict[str, dict[str, int]]] = {}
    for type, key, kind, count in connection.execute(_KINDS):
        kinds = found.setdefault(type, {}).setdefault(names.iris[key], {})
        kinds[kind] = kinds.get(kind, 0) + count
    summaries = [
        TypeSummary(names.iri(type), count, found.get(type, {})) for type, count in connection.execute(_COUNTS)
    ]
    return sorted(summaries, key=lambda summary: summary.type)
