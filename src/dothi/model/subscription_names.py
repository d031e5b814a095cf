"""Names in subscription documents: expanded when a document comes in, compacted when it is shown to a client."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

from dothi.model.errors import BadRequestData
from dothi.model.instant import format_instant
from dothi.model.qlang import parse_query
from dothi.model.subscription import DEFAULT_TRIGGERS, Subscription, query_text, without_unknown

Rename = Callable[[str], str]

#: The default geoproperty (clause 4.7.1).
LOCATION: Final = "location"

#: Members of the entity that pick and omit may name beside attributes (clause 4.21); they are no names to expand.
_ENTITY_MEMBERS: Final = frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "expiresAt"})

#: Members of what is kept that no client sees.
_OWN: Final = frozenset({"@context", "qTerms", "via"})

_TYPE_NAME = re.compile(r"[^,|;()\s]+")


def expand_document(document: dict[str, Any], expand: Rename) -> dict[str, Any]:
    """The document, or a fragment of one, as it is kept: names expanded, computed and unknown members left out.

    `q` stays as written; `qTerms` holds the names in it with their IRIs, so that reading it again needs no context.
    Values that have not the shape of names are left for read_subscription to refuse.
    """
    kept = deepcopy(without_unknown(document))
    _rename_lists(kept, expand)
    geo = kept.get("geoQ")
    if isinstance(geo, dict):
        given = geo.get("geoproperty", LOCATION)
        geo["geoproperty"] = expand(given) if isinstance(given, str) and given else given
    if isinstance(kept.get("q"), str):
        kept["qTerms"] = _query_terms(query_text(kept), expand)
    elif "q" in kept:
        kept["qTerms"] = None
    return kept


def merge_fragment(kept: dict[str, Any], fragment: dict[str, Any]) -> dict[str, Any]:
    """The kept document after a PATCH: members replaced, null removes (clause 5.8.2). Both have expanded names.

    Raises BadRequestData when the fragment would change what a subscription is.
    """
    if fragment.get("id", kept["id"]) != kept["id"]:
        raise BadRequestData(f"id: this subscription is {kept['id']}; its id cannot be changed.")
    if fragment.get("type", "Subscription") != "Subscription":
        raise BadRequestData(f'type is {fragment["type"]!r}: a subscription fragment has "type": "Subscription".')
    merged = {**kept, **fragment}
    return {name: value for name, value in merged.items() if value is not None}


def represent_subscription(
    subscription: Subscription,
    compact: Rename,
    now: int,
    counters: dict[str, Any],
    system: dict[str, int] | None = None,
) -> dict[str, Any]:
    """The subscription as a client sees it (clause 5.2.12), names compacted, status and counters filled in.

    `counters` are members of `notification` that the broker computes; `system` are createdAt and modifiedAt in
    microseconds, given where the client asks for sysAttrs.
    """
    shown: dict[str, Any] = deepcopy({name: value for name, value in subscription.kept.items() if name not in _OWN})
    _rename_lists(shown, compact)
    if "geoQ" in shown:
        shown["geoQ"]["geoproperty"] = compact(shown["geoQ"]["geoproperty"])
    shown.setdefault("notificationTrigger", list(DEFAULT_TRIGGERS))
    shown["notification"] |= counters
    shown["status"] = subscription.status(now)
    for name, micros in (system or {}).items():
        shown[name] = format_instant(micros)
    return shown


def _rename_lists(document: dict[str, Any], rename: Rename) -> None:
    """Rename, in place, types of entity selectors and the names of attributes in lists."""
    selectors = document.get("entities")
    for selector in selectors if isinstance(selectors, list) else ():
        types = selector.get("type") if isinstance(selector, dict) else None
        if isinstance(types, str) and types != "*":
            selector["type"] = _TYPE_NAME.sub(lambda name: rename(name[0]), types)
    _rename_names(document, "watchedAttributes", rename)
    notification = document.get("notification")
    if isinstance(notification, dict):
        for member in ("attributes", "pick", "omit"):
            _rename_names(notification, member, rename)


def _rename_names(document: dict[str, Any], member: str, rename: Rename) -> None:
    names = document.get(member)
    if isinstance(names, list):
        document[member] = [
            rename(name) if isinstance(name, str) and name and name not in _ENTITY_MEMBERS else name for name in names
        ]


def _query_terms(q: str, expand: Rename) -> dict[str, str]:
    terms: dict[str, str] = {}

    def remember(name: str) -> str:
        return terms.setdefault(name, expand(name))

    parse_query(q, remember)
    return terms
