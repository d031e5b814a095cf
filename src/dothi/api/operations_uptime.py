"""The last day of every connector in the operations API, one word for each half hour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel

from dothi.connectors.base import Health
from dothi.connectors.uptime import CELL, Uptime


class UptimeView(BaseModel):
    """`cells` are the worst states of each half hour of the last day, the latest last; null where nobody looked."""

    name: str
    cell_ms: int
    cells: list[Literal["starting", "running", "waiting", "failing", "stopped"] | None]


def add_uptime(app: FastAPI, uptime: Uptime, connectors: Callable[[], Sequence[Health]]) -> None:
    """Add the route."""

    @app.get("/uptime", response_model=list[UptimeView], tags=["health"])
    async def read_uptime() -> Any:
        """How each connector fared since the server was started, at most a day back."""
        return [
            {"name": health.name, "cell_ms": CELL // 1000, "cells": uptime.cells(health.name)}
            for health in connectors()
        ]
