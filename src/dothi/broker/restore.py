"""Reads back, at the start, the subscriptions that are kept and what waits for them."""

from __future__ import annotations

from typing import Any, Final

import structlog

from dothi.broker.mailbox import HELD, STATE, Item, Mailbox
from dothi.model.entity import Entity
from dothi.model.errors import Problem
from dothi.model.subscription import read_subscription
from dothi.storage.store import Store

log = structlog.get_logger(__name__)

#: Kind of the records of subscriptions: {"document", "created", "modified"} under the id.
SUBSCRIPTION: Final = "subscription"


async def read_mailboxes(store: Store) -> dict[str, Mailbox]:
    """Every subscription's mailbox by id, as it was left. Never waits for the network."""
    states = await store.records(STATE)
    mailboxes: dict[str, Mailbox] = {}
    for id, record in (await store.records(SUBSCRIPTION)).items():
        mailbox = _mailbox(id, record)
        if mailbox is not None:
            if id in states:
                mailbox.restore(states[id])
            mailboxes[id] = mailbox
    await _read_held(store, mailboxes)
    return mailboxes


def _mailbox(id: str, record: dict[str, Any]) -> Mailbox | None:
    """A stored subscription. One that this version cannot read stays in the store and is not served."""
    try:
        subscription = read_subscription(record["document"])
    except Problem as problem:
        log.error("subscription.unreadable", subscription=id, reason=problem.detail)
        return None
    return Mailbox(subscription, created=record["created"], modified=record["modified"])


async def _read_held(store: Store, mailboxes: dict[str, Mailbox]) -> None:
    """Throttled entities from before the restart, as they are today."""
    for key, document in (await store.records(HELD)).items():
        id, _, entity_id = key.partition(" ")
        mailbox = mailboxes.get(id)
        if mailbox is None:
            continue
        today = await store.entity(entity_id)
        deleted = document["deleted"]
        if today is None and deleted is not None:
            today = Entity(entity_id, tuple(document["types"]), {})
        if today is not None:
            mailbox.held[entity_id] = Item(document["seq"], today, deleted=deleted, kept=True)
