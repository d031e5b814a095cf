"""Values that the mobility module computes from its timetable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dothi.city.module import Indicator, Text


def average_delay(inputs: Mapping[str, Any]) -> float | None:
    """The mean of {"delays": [seconds]} over running trips, early counted as 0; None without any trip."""
    delays = [max(0.0, float(delay)) for delay in inputs.get("delays", ())]
    return sum(delays) / len(delays) if delays else None


INDICATORS = (Indicator("bus_delay", Text("Độ trễ trung bình của xe buýt", "Mean bus delay"), "s", average_delay),)
