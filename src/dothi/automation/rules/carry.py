"""Carries out what rules want by hands that are given: alarms, attributes, messages, webhooks, procedures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from dothi.automation.rules.definition import CallWebhook, NotifyPeople, RunProcedure, SetValue
from dothi.automation.rules.event import Act, Clear, Effect, Raise
from dothi.model.change import Cause
from dothi.model.errors import Overloaded, Problem

log = structlog.get_logger(__name__)


class AlarmBook(Protocol):
    """What rules need of the alarms."""

    async def raise_(self, effect: Raise, source: str | None, cause: Cause) -> None: ...

    async def clear(self, effect: Clear, source: str | None, cause: Cause) -> None: ...

    def standing(self, rule: str) -> Sequence[tuple[str, str | None]]:
        """(alarm's id, its source) of the active alarms of a rule."""
        ...

    async def clear_id(self, id: str, rule: str, now: int) -> None: ...


async def _nothing(*given: Any) -> None:
    return None


@dataclass(slots=True)
class Hands:
    """Who does what. A hand that is missing does nothing; `set_value(entity, attribute, value, at, cause)`,
    `tell(effect, people)`, `post(url, document)`, `start(procedure, entity, rule, cause)`."""

    alarms: AlarmBook | None = None
    set_value: Callable[[str, str, Any, int, Cause], Awaitable[None]] = _nothing
    tell: Callable[[Act, Sequence[str]], Awaitable[None]] = _nothing
    post: Callable[[str, dict[str, Any]], Awaitable[None]] = _nothing
    start: Callable[[str, str, str, Cause], Awaitable[None]] = _nothing

    async def carry_out(self, effect: Effect) -> str | None:
        """Do it; the reason where it could not be done. What may succeed later (Overloaded) is raised."""
        cause = Cause(f"rule:{effect.rule}", effect.depth + 1)
        try:
            await self._do(effect, cause)
        except Overloaded:
            raise
        except (Problem, ValueError, OSError) as fault:
            log.warning("a rule's effect failed", rule=effect.rule, entity=effect.source, error=str(fault))
            return str(fault)
        return None

    async def _do(self, effect: Effect, cause: Cause) -> None:
        match effect:
            case Raise():
                if self.alarms is not None:
                    await self.alarms.raise_(effect, _entity(effect.source), cause)
            case Clear():
                if self.alarms is not None:
                    await self.alarms.clear(effect, _entity(effect.source), cause)
            case Act(action=SetValue() as action):
                value = action.cleared if effect.ended else action.value
                await self.set_value(effect.entity, action.attribute, value, effect.at, cause)
            case Act(action=NotifyPeople() as action):
                await self.tell(effect, action.people)
            case Act(action=CallWebhook() as action):
                await self.post(action.url, document_of(effect))
            case Act(action=RunProcedure() as action):
                await self.start(action.procedure, effect.entity, effect.rule, cause)


def _entity(source: str) -> str | None:
    """The id of the entity that an effect is about; None for an area and for a rule."""
    return source if ":" in source and not source.startswith("urn:ngsi-ld:Rule:") else None


def document_of(effect: Act) -> dict[str, Any]:
    """What a webhook is told. `at` is in microseconds."""
    return {
        "rule": effect.rule,
        "severity": effect.severity,
        "title": {"vi": effect.title.vi, "en": effect.title.en},
        "source": effect.source,
        "entity": effect.entity,
        "at": effect.at,
        "value": effect.value,
        "key": effect.key,
    }
