"""Dead letters in the operations API: notifications that were given up, listed, and sent again when somebody asks."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import FastAPI, Query, Request

from dothi.api import operations_shapes as shapes
from dothi.model.errors import ResourceNotFound, UnsupportedMediaType


class DeadLetters(Protocol):
    """The notifications that were given up, as broker.subscriptions keeps them."""

    async def list_dead(self, limit: int = 100, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """The newest first, each as a DeadLetterView, and how many there are."""
        ...

    async def resend(self, id: str) -> None:
        """Send one again. Raises ResourceNotFound."""
        ...


class NoDeadLetters:
    """For a server without a notifier."""

    async def list_dead(self, limit: int = 100, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        return [], 0

    async def resend(self, id: str) -> None:
        raise ResourceNotFound(f"no dead letter {id}")


def add_dead_letters(app: FastAPI, dead_letters: DeadLetters, problems: dict[int | str, dict[str, Any]]) -> None:
    """Add the two routes; `problems` describes what else they answer."""

    @app.get("/dead-letters", response_model=shapes.DeadLettersView, tags=["health"])
    async def read_dead_letters(
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100, offset: Annotated[int, Query(ge=0)] = 0
    ) -> Any:
        """Notifications that could not be delivered and are tried no more, the newest first."""
        letters, total = await dead_letters.list_dead(limit, offset)
        return {"letters": letters, "total": total}

    refused: dict[int | str, dict[str, Any]] = {
        415: {"model": shapes.ProblemView, "description": "The request is not of application/json"}
    }

    @app.post("/dead-letters/{id:path}/resend", status_code=204, responses={**problems, **refused}, tags=["health"])
    async def resend_dead_letter(id: str, request: Request) -> None:
        """Send a notification again, after what waits for its subscriber."""
        refuse_other_sites(request)
        await dead_letters.resend(id)


def refuse_other_sites(request: Request) -> None:
    """A page of another site can make a browser post, but JSON only where the server allows it, which this does not."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise UnsupportedMediaType("Send Content-Type: application/json, so that no other site can post in your name.")
