"""Finds the operation of a path: a tree of segments, since a regular expression per route costs more than a read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from dothi.api.exchange import Operation
from dothi.api.parameters import decode
from dothi.model.errors import BadRequestData, InvalidRequest, MethodNotAllowed, ResourceNotFound

#: Where a write that forgot the id is told so (clauses 5.6.17 and 5.6.18), not that the method is wrong.
_ID_FORGOTTEN: Final = (b"entities/", b"temporal/entities/")


@dataclass(slots=True)
class _Node:
    fixed: dict[bytes, _Node] = field(default_factory=dict)
    variable: _Node | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


class RouteTable:
    """Operations by path and method. GET also serves HEAD; a slash at the end changes nothing."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        node = self._root
        for part in operation.path.encode().split(b"/"):
            if part.startswith(b"{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.fixed.setdefault(part, _Node())
        if operation.method in node.operations:
            raise ValueError(f"{operation.method} {operation.path} is announced twice")
        node.operations[operation.method] = operation

    def find(self, method: str, path: bytes) -> tuple[Operation, list[str]]:
        """The operation of a raw path below the prefix and its decoded variables.

        Raises ResourceNotFound, MethodNotAllowed (its extra member `allow` lists the methods), InvalidRequest.
        """
        node, variables = self._walk(path)
        operation = node.operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            if method in ("PUT", "PATCH") and path in _ID_FORGOTTEN:
                raise _empty_segment(path)
            allow = ", ".join(allowed_methods(node.operations))
            raise MethodNotAllowed(f"{method} is not possible here: use {allow}.", allow=allow)
        return operation, variables

    def allow(self, path: bytes) -> str:
        """The methods of a path, for OPTIONS. Raises ResourceNotFound."""
        return ", ".join(allowed_methods(self._walk(path)[0].operations))

    def _walk(self, path: bytes) -> tuple[_Node, list[str]]:
        node, variables = self._root, []
        parts = path.split(b"/")
        if len(parts) > 1 and not parts[-1]:
            parts.pop()
        for part in parts:
            following = node.fixed.get(part)
            if following is None:
                following = node.variable
                if following is None:
                    raise _not_found(path)
                variables.append(_variable(part, path))
            node = following
        if not node.operations:
            raise _not_found(path)
        return node, variables


def allowed_methods(operations: Iterable[str]) -> list[str]:
    """The methods of the Allow header: HEAD comes with GET, OPTIONS everywhere."""
    methods = set(operations)
    return sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))


def _variable(part: bytes, path: bytes) -> str:
    """One decoded path variable; a plus sign in a path is a plus sign."""
    if not part:
        raise _empty_segment(path)
    text = decode(part, plus=b"+") if b"%" in part else part.decode("ascii", "replace")
    if not text.isprintable():
        raise InvalidRequest(f"The path segment {text!r} has a control character in it.")
    return text


def _empty_segment(path: bytes) -> BadRequestData:
    return BadRequestData(f"The path {path.decode('latin-1')!r} ends or breaks off where a name or an id must stand.")


def _not_found(path: bytes) -> ResourceNotFound:
    return ResourceNotFound(f"The API has no resource {path.decode('latin-1')!r}.")
