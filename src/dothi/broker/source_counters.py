"""How the calls to one context source went (GS CIM 009 table 5.2.9-2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dothi.model.instant import format_instant


@dataclass(slots=True)
class SourceCounters:
    """`success` and `failure` are the last ones, in microseconds; `ok` is how the last call went."""

    sent: int = 0
    failed: int = 0
    success: int | None = None
    failure: int | None = None
    ok: bool | None = None

    def count(self, ok: bool, now: int) -> None:
        """One more call."""
        self.sent += 1
        self.ok = ok
        if ok:
            self.success = now
        else:
            self.failed += 1
            self.failure = now

    def members(self) -> dict[str, Any]:
        """The members of a registration that the broker computes; none before the first call."""
        if self.ok is None:
            return {}
        shown: dict[str, Any] = {"status": "ok" if self.ok else "failed", "timesSent": self.sent}
        if self.failed:
            shown["timesFailed"] = self.failed
        for name, micros in (("lastSuccess", self.success), ("lastFailure", self.failure)):
            if micros is not None:
                shown[name] = format_instant(micros)
        return shown

    def state(self) -> list[Any]:
        """What is kept of it."""
        return [self.sent, self.failed, self.success, self.failure, self.ok]

    @classmethod
    def of(cls, state: list[Any]) -> SourceCounters:
        """Read back what was kept."""
        return cls(*state)
