"""The notification about registrations (GS CIM 009 clause 5.3.2): what a subscriber to context sources is told."""

from __future__ import annotations

from typing import Any, Literal

from dothi.model.instant import format_instant
from dothi.model.subscription import Subscription

#: Why a subscriber is told (clause 5.3.3).
TriggerReason = Literal["newlyMatching", "updated", "noLongerMatching"]


def source_notification(
    subscription: Subscription,
    number: str,
    notified_at: int,
    reason: TriggerReason,
    data: list[dict[str, Any]],
    context: Any,
) -> dict[str, Any]:
    """The whole document. `data` are registrations; `context` stands in the body for application/ld+json only.

    The id is made of the subscription and `number`, so that a notification which is sent again has the same one.
    """
    document: dict[str, Any] = {
        "id": f"urn:ngsi-ld:ContextSourceNotification:{subscription.id.removeprefix('urn:ngsi-ld:')}:{number}",
        "type": "ContextSourceNotification",
        "subscriptionId": subscription.id,
        "notifiedAt": format_instant(notified_at),
        "triggerReason": reason,
        "data": data,
    }
    if subscription.endpoint.accept == "application/ld+json":
        document["@context"] = context
    return document
