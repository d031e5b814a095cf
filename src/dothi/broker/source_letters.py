"""Writes letters about registrations (GS CIM 009 clauses 5.11.7, 6.3.9): why a subscriber is told, and of what."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from dothi.broker.mailbox import Letter
from dothi.broker.stationery import Stationery
from dothi.model.registration import Coverage, Registration
from dothi.model.registration_document import represent_registration
from dothi.model.source_notice import TriggerReason, source_notification
from dothi.model.source_query import SourceMatch
from dothi.model.subscription import Subscription


async def letter_about(
    stationery: Stationery,
    subscription: Subscription,
    reason: TriggerReason,
    found: Sequence[Coverage],
    number: str,
    now: int,
) -> Letter:
    """A notification of these registrations; of each only the information that the subscription asks for.

    `number` tells it from the others of the subscription, `now` is in microseconds.
    """
    context, link = await stationery.context(subscription)
    data = [
        represent_registration(
            coverage.registration, context.compact, {}, sys_attrs=subscription.sys_attrs, positions=coverage.positions
        )
        for coverage in found
    ]
    body = source_notification(subscription, number, now, reason, data, context.member)
    return Letter(head=stationery.head(subscription, link), body=orjson.dumps(body), first=0, seq=0, created=now)


def reason_of(
    match: SourceMatch, before: Registration | None, after: Registration | None, now: int
) -> tuple[TriggerReason, Coverage] | None:
    """Why a subscriber is told of a change, and the registration: as it was, when it matches no longer.

    None when the change is none of his business. One that has expired has matched up to its end.
    """
    end = now if before is None or before.expires is None else min(now, before.expires - 1)
    was = None if before is None else match(before, end)
    now_matching = None if after is None else match(after, now)
    if now_matching is not None:
        return ("newlyMatching" if was is None else "updated"), now_matching
    return None if was is None else ("noLongerMatching", was)
