"""An alarm as values: what a rule reports, what the desk sees, and what people do with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args
from urllib.parse import quote

import msgspec

Severity = Literal["critical", "major", "minor", "advisory"]

#: From worst to least; the lists of the desk follow it.
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
RANK: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}

#: What is done to an alarm: by a rule, by a person, or by the clock ("wake" ends a shelving).
Deed = Literal[
    "raise", "worsen", "ease", "clear", "acknowledge", "unacknowledge", "assign", "comment", "shelve", "unshelve",
    "wake",
]  # fmt: skip

#: The deeds that a person may ask for.
Action = Literal["acknowledge", "unacknowledge", "assign", "comment", "shelve", "unshelve", "clear"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

#: Who acts where no person does.
SYSTEM: Final = "system"
#: A person who has not said who he is.
ANONYMOUS: Final = "anonymous"

#: The rule of alarms that a person raises.
MANUAL: Final = "manual"

#: A text in both languages: {"vi": ..., "en": ...}.
Words = Mapping[str, str]

_URN: Final = "urn:ngsi-ld:"
_RULE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)


class Raise(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule (or a person) reports as abnormal. Reporting it again only counts.

    `source` is the id of the entity; `attribute` the short name of what was judged, with `value`, `threshold` and
    `unit` as people read them. `at` is when it became true, in microseconds; None is now. `location` is a GeoJSON
    geometry; where it is None the source's is taken. `flooded` says that the rule was tamed: nobody is told of it.
    `operator` and `reason` are of a person who raises an alarm by hand.
    """

    rule: str
    severity: Severity
    title: Words
    source: str | None = None
    description: Words | None = None
    attribute: str | None = None
    value: float | str | bool | None = None
    threshold: float | str | bool | None = None
    unit: str = ""
    category: str | None = None
    sub_category: str | None = None
    location: Mapping[str, Any] | None = None
    at: int | None = None
    flooded: bool = False
    key: str | None = None
    operator: str = SYSTEM
    reason: str | None = None

    @property
    def id(self) -> str:
        """The alarm's id; `key` tells apart several alarms of one rule and source (or of none)."""
        return alarm_id(self.rule, self.source, self.key)


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the audit: who did what when, in microseconds, and why.

    `to` is the assignee, `until` the end of a shelving (microseconds), `severity` what an alarm was raised with;
    `flooded`: the rule was tamed, so people were not told.
    """

    alarm: str
    deed: Deed
    by: str
    at: int
    reason: str | None = None
    to: str | None = None
    until: int | None = None
    severity: Severity | None = None
    flooded: bool = False


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as it stands. `active` and `acknowledged` are independent; all times are microseconds.

    `version` grows by each act and each change of state, but not by a repeat that only counts.
    """

    id: str
    rule: str
    severity: Severity
    title: Words
    active: bool
    acknowledged: bool
    raised_at: int
    first_at: int
    last_at: int
    count: int = 1
    version: int = 1
    source: str | None = None
    source_type: str | None = None
    source_name: Words | str | None = None
    description: Words | None = None
    attribute: str | None = None
    value: float | str | bool | None = None
    threshold: float | str | bool | None = None
    unit: str = ""
    category: str | None = None
    sub_category: str | None = None
    location: Mapping[str, Any] | None = None
    cleared_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    assignee: str | None = None
    shelved_until: int | None = None
    last_act: Act | None = None

    def is_shelved(self, now: int) -> bool:
        return self.shelved_until is not None and self.shelved_until > now

    def is_open(self, now: int) -> bool:
        """Whether it asks for somebody: active or unacknowledged, and not shelved."""
        return (self.active or not self.acknowledged) and not self.is_shelved(now)

    def is_closed(self) -> bool:
        return not self.active and self.acknowledged


def alarm_id(rule: str, source: str | None, key: str | None = None) -> str:
    """urn:ngsi-ld:Alert:<rule>:<source without urn:ngsi-ld:>[:<key>]. Raises ValueError for a rule that is no name."""
    if not _RULE.fullmatch(rule):
        raise ValueError(f"rule {rule!r} is no name: up to 100 letters, digits and _ . - after a letter or digit")
    tail = "city" if source is None else quote(source.removeprefix(_URN), safe=":-._~")
    return f"{_URN}Alert:{rule}:{tail}" + ("" if key is None else f":{quote(key, safe='-._~')}")
