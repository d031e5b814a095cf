"""How high water stands against a gauge's own alert and danger levels."""

from __future__ import annotations

from typing import Literal

FloodStatus = Literal["Normal", "Alert", "Danger"]


def flood_index(current: float, alert: float, danger: float) -> float:
    """0 at the zero of the gauge, 1 at its alert level, 2 at its danger level, linear between and beyond; no unit.

    All in the same unit of length. Makes gauges with different levels comparable on one map. Raises ValueError unless
    0 < alert < danger.
    """
    if not 0 < alert < danger:
        raise ValueError(f"alertLevel {alert} and dangerLevel {danger} must rise: 0 < alertLevel < dangerLevel")
    if current <= alert:
        return max(0.0, current / alert)
    return 1.0 + (current - alert) / (danger - alert)


def flood_status(index: float) -> FloodStatus:
    """The floodLevelStatus of the Smart Data Models' FloodMonitoring."""
    if index >= 2:
        return "Danger"
    return "Alert" if index >= 1 else "Normal"
