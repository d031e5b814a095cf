"""Makes the OpenAPI description of the operations API say in which media types it really answers."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

PROBLEM: Final = "application/problem+json"
#: Answers that are no plain JSON.
_MEDIA: Final = {
    "/as-of": "application/geo+json",
    "/layers/{id}/features": "application/geo+json",
    "/stream": "text/event-stream",
    "/alarms/stream": "text/event-stream",
}
#: What FastAPI announces for wrong parameters; the server answers them with a problem and 400.
_VALIDATION: Final = "422"
_INVALID: Final = {
    "description": "The request is wrong; the detail says where",
    "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/ProblemView"}}},
}

#: What the server says to any request whose address and headers are longer than it reads.
_TOO_LONG: Final = {"description": "The address and the headers are too long"}


class DescribedApi(FastAPI):
    """A FastAPI whose schema is put right once, when it is first asked for."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = described(super().openapi())
        return self.openapi_schema


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """The description that FastAPI made, put right in place."""
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            answers: dict[str, Any] = operation["responses"]
            if answers.pop(_VALIDATION, None) is not None:
                answers.setdefault("400", _INVALID)
            if operation.get("parameters"):
                answers.setdefault("431", _TOO_LONG)
            for status, answer in answers.items():
                media = PROBLEM if status >= "400" else _MEDIA.get(path)
                if media is not None and "application/json" in answer.get("content", {}):
                    answer["content"] = {media: answer["content"]["application/json"]}
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    return schema
