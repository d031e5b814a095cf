"""The copy of a subscription that a context source gets, reduced to what it can answer (GS CIM 009 clause 5.8.1.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from dothi.model.subscription import EntitySelector, Subscription
from dothi.model.subscription_names import represent_subscription

#: Members that travel as they are.
_TRAVELS: Final = (
    "type", "watchedAttributes", "notificationTrigger", "timeInterval", "isActive", "expiresAt", "throttling",
    "datasetId", "splitEntities",
)  # fmt: skip

#: Conditions on the content of entities: a source that has a part of an entity only cannot judge them.
_CONDITIONS: Final = ("q", "geoQ")
_SCOPES: Final = "scopeQ"

#: Members that an update must take away where they are there no more.
OPTIONAL: Final = (
    *(name for name in _TRAVELS if name not in ("type", "notificationTrigger", "isActive")),
    *_CONDITIONS,
    _SCOPES,
)


def reduced_copy(
    subscription: Subscription,
    selectors: Iterable[EntitySelector],
    attributes: frozenset[str] | None,
    compact: Callable[[str], str],
    address: str,
    *,
    same_names: bool,
) -> dict[str, Any]:
    """The document to send, without an id; `selectors` are those that the source can answer, none for any entity, and
    `attributes` those that it has, None for all.

    `compact` writes names as the source reads them; where these are other names than the subscriber's (`same_names`),
    and where entities are split over sources, conditions are judged here, when the source notifies (clause 5.8.6).
    `address` is where it notifies. The entity comes whole, since what is told of it is decided here too.
    """
    shown = represent_subscription(subscription, compact, 0, {})
    travels: tuple[str, ...] = _TRAVELS
    if not subscription.kept.get("splitEntities"):
        travels = (*_TRAVELS, _SCOPES, *(_CONDITIONS if same_names else ()))
    copy = {name: shown[name] for name in travels if name in shown}
    wanted = [given for given, read in zip(shown.get("entities", ()), subscription.entities, strict=True)
              if read in set(selectors)]  # fmt: skip
    if wanted:
        copy["entities"] = wanted
    copy["isActive"] = subscription.is_active
    notification: dict[str, Any] = {"format": "normalized", "sysAttrs": True}
    if attributes is not None:
        had = sorted(compact(name) for name in attributes)
        copy["watchedAttributes"] = [name for name in copy.get("watchedAttributes", had) if name in had]
        notification["attributes"] = had
    copy["notification"] = notification | {"endpoint": {"uri": address, "accept": "application/ld+json"}}
    return copy


def digest(copy: dict[str, Any]) -> str:
    """Tells whether a source has this very copy."""
    return hashlib.sha256(orjson.dumps(copy, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
