"""Writes letters: makes one notification of the items that wait in a mailbox, with its context and its headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import structlog

from dothi.broker.contexts import Contexts
from dothi.broker.linked import Fetch, join
from dothi.broker.mailbox import Item, Letter, Mailbox
from dothi.broker.stationery import Stationery
from dothi.model.context import Context
from dothi.model.entity import Entity
from dothi.model.errors import Problem
from dothi.model.notification import (
    element,
    linked_entities,
    notification,
    notified,
    representation,
)
from dothi.model.represent import Representation
from dothi.model.subscription import Subscription

log = structlog.get_logger(__name__)


class Letters(Stationery):
    """Writes for one tenant. `fetch` gives the entities to which others lead, where subscriptions may join them.

    See Stationery for `tenant`, `base` and `snapshot`.
    """

    def __init__(
        self,
        contexts: Contexts,
        clock: Callable[[], int],
        tenant: str | None,
        base: str | None,
        snapshot: str | None = None,
        *,
        fetch: Fetch | None = None,
    ) -> None:
        super().__init__(contexts, tenant, base, snapshot)
        self._fetch = fetch
        self._clock = clock

    async def compose(self, mailbox: Mailbox) -> Letter | None:
        """Make a notification of what waits; None when nothing does.

        The items stay in the mailbox until the letter is whole: while linked entities are fetched, another may compose
        them, and what is in nobody's hand would be lost should this be cancelled.
        """
        subscription = mailbox.subscription
        context, link = await self.context(subscription)
        while items := mailbox.next_items():
            data = await self._data(subscription, items, context)
            if mailbox.take(items) and data:
                return self._letter(subscription, items, data, context, link)
        return None

    async def about_items(self, subscription: Subscription, items: list[Item]) -> Letter | None:
        """A notification of these items, which are in no mailbox; None where there is nothing to tell of them."""
        context, link = await self.context(subscription)
        data = await self._data(subscription, items, context)
        return self._letter(subscription, items, data, context, link) if data else None

    def _letter(
        self, subscription: Subscription, items: list[Item], data: list[dict[str, Any]], context: Context, link: str
    ) -> Letter:
        now = self._clock()
        first, last = min(item.seq for item in items), max(item.seq for item in items)
        number = f"{first}-{last}" if last else f"t{now}"
        return Letter(
            head=self.head(subscription, link),
            body=orjson.dumps(notification(subscription, number, now, data, context.member)),
            first=first,
            seq=last,
            created=now,
            entities=tuple(item.entity.id for item in items),
            kept=all(item.kept for item in items),
        )

    async def _data(self, subscription: Subscription, items: list[Item], context: Context) -> list[dict[str, Any]]:
        """The entities as they are told, and those to which they lead where the subscription joins them."""
        how = representation(subscription)
        told = [(entity, how) for item in items if (entity := _as_told(subscription, item)) is not None]
        wanted = linked_entities(subscription)
        if wanted is not None and self._fetch is not None:
            try:
                told = await join([entity for entity, _ in told], wanted, self._fetch, context)
            except Problem as problem:
                log.warning("notification.unlinked", subscription=subscription.id, reason=problem.detail)
        deleted = {item.entity.id: item.deleted for item in items if item.deleted is not None}
        elements = (_written(subscription, entity, shown, deleted.get(entity.id), context) for entity, shown in told)
        return [element for element in elements if element is not None]


def _as_told(subscription: Subscription, item: Item) -> Entity | None:
    """The entity with its changes; one that cannot be told must not hold up those behind it."""
    try:
        return notified(subscription, item.entity, item.changes, item.deleted)
    except Exception:
        log.exception("notification.untellable", subscription=subscription.id, entity=item.entity.id)
        return None


def _written(
    subscription: Subscription, entity: Entity, how: Representation, deleted: int | None, context: Context
) -> dict[str, Any] | None:
    """The entity as it stands in the notification; None for one that cannot be written."""
    try:
        return element(subscription, entity, how, deleted, context)
    except Exception:
        log.exception("notification.unwritable", subscription=subscription.id, entity=entity.id)
        return None
