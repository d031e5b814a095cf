"""The hands of a city's rules: its alarms, its people, its procedures, its way outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from dothi.automation.alarms.alarm import Raise as Report
from dothi.automation.alarms.alarm import alarm_id
from dothi.automation.alarms.alarms import Alarms
from dothi.automation.alarms.people import Message, People
from dothi.automation.procedures.runs import Runs
from dothi.automation.rules.carry import Hands
from dothi.automation.rules.event import Act, Clear, Raise
from dothi.broker.outside import Outside, OutsideFailed
from dothi.model.aliases import Aliases
from dothi.model.change import Cause
from dothi.model.instant import format_instant
from dothi.model.parse import parse_fragment
from dothi.model.patch import append
from dothi.storage.store import Store, Transaction

#: Seconds that a webhook may take.
DEADLINE: Final = 5.0


class RuleAlarms:
    """The alarms of rules; an area's alarm has no source entity, the area tells it apart."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    async def raise_(self, effect: Raise, source: str | None, cause: Cause) -> None:
        key = None if source is not None else effect.source
        known = self._alarms.board.get(alarm_id(effect.rule, source, key))
        if known is not None and not effect.held and known.raised_at == effect.at:
            return  # the same event, told again after a crash
        value, threshold = _plain(effect.value), _plain(effect.threshold)
        report = Report(
            rule=effect.rule, severity=effect.severity, title={"vi": effect.title.vi, "en": effect.title.en},
            source=source, attribute=effect.attribute, value=value, threshold=threshold, at=effect.at, key=key,
            category=effect.category or None, flooded=effect.held > 0, description=_description(effect, key),
        )  # fmt: skip
        await self._alarms.raise_(report, cause=cause)

    async def clear(self, effect: Clear, source: str | None, cause: Cause) -> None:
        key = None if source is not None else effect.source
        await self._alarms.clear(alarm_id(effect.rule, source, key), at=effect.at, cause=cause)

    def standing(self, rule: str) -> Sequence[tuple[str, str | None]]:
        return [(alarm.id, alarm.source) for alarm in self._alarms.board.everything()
                if alarm.rule == rule and alarm.active]  # fmt: skip

    async def clear_id(self, id: str, rule: str, now: int) -> None:
        await self._alarms.clear(id, at=now, cause=Cause(f"rule:{rule}", 1))


def _description(effect: Raise, area: str | None) -> dict[str, str] | None:
    """The rule's own words; an area is named, since no entity tells it."""
    words = effect.description
    texts = {"vi": "" if words is None else words.vi, "en": "" if words is None else words.en}
    if area is not None and not effect.held:
        texts = {"vi": f"{area}. {texts['vi']}".strip(), "en": f"{area}. {texts['en']}".strip()}
    return texts if any(texts.values()) else None


def _plain(value: Any) -> float | str | bool | None:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, int | float | str | bool) else None


def hands(store: Store, names: Aliases, alarms: Alarms, people: People, runs: Runs | None, outside: Outside) -> Hands:
    """All that rules may do in one city."""

    async def set_value(entity: str, attribute: str, value: Any, at: int, cause: Cause) -> None:
        def work(tx: Transaction) -> None:
            old = tx.load((entity,)).get(entity)
            if old is None:
                return
            document = {"type": "Property", "value": value, "observedAt": format_instant(at)}
            fragment = parse_fragment({names.present(attribute, old.attributes): document}, names)
            outcome = append(old, fragment, tx.now)
            if outcome.changed:
                tx.save(outcome.entity, "updated", outcome.changes, cause)

        await store.write(work, (entity,))

    async def tell(effect: Act, to: Sequence[str]) -> None:
        # Without names the alarm itself is told to all whose severity fits.
        if to:
            people.tell(_message(effect), to=list(to))

    async def post(url: str, document: dict[str, Any]) -> None:
        body = orjson.dumps(document)
        headers = {"content-type": "application/json"}
        try:
            answer = await outside.request("POST", url, headers=headers, content=body, deadline=DEADLINE, limit=65_536)
        except OutsideFailed as fault:
            raise OSError(str(fault)) from fault
        if answer.status >= 400:
            raise OSError(f"{url} answered {answer.status}")

    async def start(procedure: str, entity: str, rule: str, cause: Cause) -> None:
        if runs is not None:
            await runs.start(procedure, subject=entity, by=f"rule:{rule}", cause=cause, key=f"rule:{rule}")

    return Hands(RuleAlarms(alarms), set_value, tell, post, start)


def _message(effect: Act) -> Message:
    text = "" if effect.value is None else f"{effect.entity}: {effect.value}"
    title = {"vi": effect.title.vi, "en": effect.title.en}
    return Message(effect.severity, title, {"vi": text, "en": text})  # type: ignore[arg-type]
