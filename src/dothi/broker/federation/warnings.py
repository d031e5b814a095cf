"""What went wrong with a context source, as a warning beside an answer or as the problem of a write (clause 6.3.17)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from dothi.model.errors import (
    AlreadyExists,
    BadGateway,
    BadRequestData,
    Conflict,
    GatewayTimeout,
    LoopDetected,
    OperationNotSupported,
    Problem,
    ResourceNotFound,
)

#: Codes of table 6.3.17-1: no answer in time, an answer that is none, an answer that is an error.
SILENT: Final = 199
INVALID: Final = 111
REFUSED: Final = 299

#: Warnings that are passed on from one answer.
MOST: Final = 20

_WARNING = re.compile(r'(\d{3}) (\S+) "([^"]*)"')
_UNSAFE = re.compile(r'[^\x20-\x7e]|["\\]')

#: Status of a source -> what it means to our own client; all else is a bad gateway.
_MEANINGS: Final[dict[int, type[Problem]]] = {
    400: BadRequestData,
    404: ResourceNotFound,
    409: Conflict,
    422: OperationNotSupported,
    504: GatewayTimeout,
    508: LoopDetected,
}


@dataclass(frozen=True, slots=True)
class SourceWarning:
    """One warning: a code of table 6.3.17-1, who it is about (the alias of the source, or the id of its registration),
    and a sentence."""

    code: int
    agent: str
    text: str

    def header(self) -> bytes:
        """The value of a header NGSILD-Warning: `199 city-b "no answer within 3 s"`."""
        agent = re.sub(r"\s", "", _UNSAFE.sub("?", self.agent)) or "-"
        return f'{self.code} {agent} "{_UNSAFE.sub("?", self.text)[:300]}"'.encode()


def passed_on(header: str | None) -> list[SourceWarning]:
    """The warnings in the answer of a source, which its own sources gave it, so that they reach the client."""
    return [SourceWarning(int(code), agent, text) for code, agent, text in _WARNING.findall(header or "")[:MOST]]


class SourceFailed(Exception):
    """A source did not do what it was asked for: `code` as a warning of a read, `problem` as the problem of a write."""

    def __init__(self, code: int, problem: Problem, status: int | None = None) -> None:
        super().__init__(problem.detail)
        self.code = code
        self.problem = problem
        #: The status that it answered with; None where there was no answer.
        self.status = status


def problem_of(status: int, document: Any) -> Problem:
    """What the error answer of a source is to our own client."""
    told = document if isinstance(document, dict) else {}
    detail = told.get("detail") or told.get("title")
    said = f": {detail}" if isinstance(detail, str) and detail else "."
    kind = _MEANINGS.get(status, BadGateway)
    if kind is Conflict and str(told.get("type", "")).endswith("/AlreadyExists"):
        kind = AlreadyExists
    return kind(f"The context source answered {status}{said}")
