"""Every way in which a request can fail, one class per problem type of GS CIM 009 (clause 5.5.2) and of dothi."""

from __future__ import annotations

from typing import ClassVar

ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


class Problem(Exception):
    """A failed request: `type` and `status` as in GS CIM 009 table 6.3.2-1, `detail` says where and how to mend."""

    type: ClassVar[str] = ERRORS + "InternalError"
    title: ClassVar[str] = "Internal error"
    status: ClassVar[int] = 500

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra

    def document(self) -> dict[str, object]:
        """The RFC 7807 problem document: type, title, status, detail and what else is known."""
        return {"type": self.type, "title": self.title, "status": self.status, "detail": self.detail, **self.extra}


class InvalidRequest(Problem):
    """The request cannot be read: syntax, media type of a member, missing parameter."""

    type = ERRORS + "InvalidRequest"
    title = "Invalid request"
    status = 400


class BadRequestData(Problem):
    """The request can be read, but its content breaks a rule of the data model or of the operation."""

    type = ERRORS + "BadRequestData"
    title = "Bad request data"
    status = 400


class AlreadyExists(Problem):
    type = ERRORS + "AlreadyExists"
    title = "Already exists"
    status = 409


class Conflict(Problem):
    type = ERRORS + "Conflict"
    title = "Conflict"
    status = 409


class OperationNotSupported(Problem):
    type = ERRORS + "OperationNotSupported"
    title = "Operation not supported"
    status = 422


class ResourceNotFound(Problem):
    type = ERRORS + "ResourceNotFound"
    title = "Resource not found"
    status = 404


class TooComplexQuery(Problem):
    type = ERRORS + "TooComplexQuery"
    title = "Too complex query"
    status = 403


class TooManyResults(Problem):
    type = ERRORS + "TooManyResults"
    title = "Too many results"
    status = 403


class LdContextNotAvailable(Problem):
    type = ERRORS + "LdContextNotAvailable"
    title = "JSON-LD @context not available"
    status = 504


class NoMultiTenantSupport(Problem):
    type = ERRORS + "NoMultiTenantSupport"
    title = "No multi-tenant support"
    status = 501


class NonexistentTenant(Problem):
    type = ERRORS + "NonexistentTenant"
    title = "Nonexistent tenant"
    status = 404


class MethodNotAllowed(Problem):
    type = ERRORS + "MethodNotAllowed"
    title = "Method not allowed"
    status = 405


class NotAcceptable(Problem):
    type = ERRORS + "NotAcceptable"
    title = "Not acceptable"
    status = 406


class LengthRequired(Problem):
    type = ERRORS + "LengthRequired"
    title = "Length required"
    status = 411


class RequestTooLarge(Problem):
    type = ERRORS + "RequestEntityTooLarge"
    title = "Request entity too large"
    status = 413


class UnsupportedMediaType(Problem):
    type = ERRORS + "UnsupportedMediaType"
    title = "Unsupported media type"
    status = 415


class BadGateway(Problem):
    """A context source could not be reached, refused, or answered with what is no answer (clause 6.3.17)."""

    type = "https://dothi.dev/errors/BadGateway"
    title = "Bad gateway"
    status = 502


class GatewayTimeout(Problem):
    """A context source gave no answer within its time (clause 6.3.17)."""

    type = "https://dothi.dev/errors/GatewayTimeout"
    title = "Gateway timeout"
    status = 504


class LoopDetected(Problem):
    """The request has come through this broker already, by a chain of registrations (clause 6.3.17)."""

    type = "https://dothi.dev/errors/LoopDetected"
    title = "Loop detected"
    status = 508


class Unauthorized(Problem):
    type = "https://dothi.dev/errors/Unauthorized"
    title = "Unauthorized"
    status = 401


class TargetRefused(Problem):
    """An address that the settings do not let the city call: private, link-local, or not HTTP."""

    type = ERRORS + "BadRequestData"
    title = "Target address refused"
    status = 400


class Overloaded(Problem):
    """A bounded queue is full; the caller may try again after a moment. Nothing was stored."""

    type = "https://dothi.dev/errors/Overloaded"
    title = "Overloaded"
    status = 503
