"""Takes a document of the past apart: values, how the scope changed, and what was deleted when."""

from __future__ import annotations

from typing import Any, NamedTuple

from dothi.model.attribute import KIND_OF, NGSI_LD, Naming
from dothi.model.entity import VALUE_MEMBER, Instance
from dothi.model.errors import BadRequestData
from dothi.model.instant import parse_instant
from dothi.model.parse import ENTITY_MEMBERS
from dothi.model.patch import SCOPE
from dothi.model.values import NULL, is_uri, name_fault, normal_time, scope_of, shown, stands_for_null

#: Past instances: (attribute IRI, instance).
Past = list[tuple[str, Instance]]


class Evolution(NamedTuple):
    """`document` is what remains to be parsed; `past` holds instances of the scope, and deletions, whose deletedAt is 0
    until they are recorded.

    `scopes` is what the scope was last, None where the document tells no scope with times.
    """

    document: dict[str, Any]
    past: Past
    scopes: tuple[str, ...] | None = None
    scope_time: int | None = None


def take_apart(document: dict[str, Any], context: Naming) -> Evolution:
    """The parts of an EntityTemporal or of a fragment of one (clauses 5.2.20, 4.5.6, 4.5.7).

    The scope may be an array of Properties with observedAt; an instance whose value is the NGSI-LD Null and that has
    an observedAt tells that the attribute was deleted then (clauses 4.5.7 and 5.5.4). Raises BadRequestData.
    """
    rest = dict(document)
    past: Past = []
    scopes: list[Instance] = []
    if _is_timed(document.get("scope")):
        scopes = sorted(_scope_instances(rest.pop("scope")), key=_time)
        past += [(SCOPE, instance) for instance in scopes]
    for name, body in document.items():
        if name not in ENTITY_MEMBERS and isinstance(body, dict | list):
            deletions, left = _deletions(name, body)
            if deletions:
                past += [(context.expand(name), instance) for instance in deletions]
                if left:
                    rest[name] = left
                else:
                    del rest[name]
    if not scopes:
        return Evolution(rest, past)
    return Evolution(rest, past, tuple(scopes[-1]["value"]), _time(scopes[-1]))


def _is_timed(scope: Any) -> bool:
    several = scope if isinstance(scope, list) else [scope]
    return any(isinstance(each, dict) and "observedAt" in each for each in several)


def _scope_instances(scope: Any) -> list[Instance]:
    several = scope if isinstance(scope, list) else [scope]
    return [_scope_instance(f"scope[{position}]", each) for position, each in enumerate(several)]


def _scope_instance(where: str, body: Any) -> Instance:
    if not isinstance(body, dict) or body.get("type", "Property") != "Property":
        raise BadRequestData(f'{where} is {shown(body)}: write {{"type": "Property", "value": ..., "observedAt": ...}}')
    time, value = _checked_time(where, body), body.get("value")
    instance: Instance = {"type": "Property", "value": [], "observedAt": time}
    if value in (NULL, [NULL], []):
        return {**instance, "deletedAt": 0}
    for each in value if isinstance(value, list) else [value]:
        scope = scope_of(each)
        if scope is None:
            raise BadRequestData(f"{where}: {shown(each)} is no scope; write one like /BinhDuong/ThuDauMot")
        instance["value"].append(scope)
    return instance


def _deletions(name: str, body: dict[str, Any] | list[Any]) -> tuple[list[Instance], list[Any]]:
    """The instances of an attribute that tell deletions, and the others."""
    deletions, left = [], []
    for position, each in enumerate(body if isinstance(body, list) else [body]):
        if isinstance(each, dict) and "observedAt" in each and (kind := _deleted_kind(each)) is not None:
            if (fault := name_fault(name)) is not None:
                raise BadRequestData(f"{name}: {fault}")
            deletions.append(_deletion(f"{name}[{position}]", kind, each))
        else:
            left.append(each)
    return deletions, left if isinstance(body, list) else []


def _deleted_kind(body: dict[str, Any]) -> str | None:
    for member, kind in KIND_OF.items():
        if member in body:
            kind = str(body.get("type", kind)).removeprefix(NGSI_LD)
            known = VALUE_MEMBER.get(kind) == member
            return kind if known and stands_for_null(kind, body[member]) else None
    return None


def _deletion(where: str, kind: str, body: dict[str, Any]) -> Instance:
    time = _checked_time(where, body)
    instance: Instance = {"type": kind, "observedAt": time, "deletedAt": 0}
    dataset = body.get("datasetId", "@none")
    if not isinstance(dataset, str) or (dataset != "@none" and not is_uri(dataset)):
        raise BadRequestData(f"{where}.datasetId: {shown(dataset)} is no URI; write one like urn:ngsi-ld:Dataset:a")
    return instance if dataset == "@none" else {**instance, "datasetId": dataset}


def _checked_time(where: str, body: dict[str, Any]) -> str:
    given = body.get("observedAt")
    time = normal_time(given) if isinstance(given, str) and given.endswith("Z") else None
    if time is None:
        raise BadRequestData(f"{where}.observedAt: {shown(given)} is no DateTime in UTC like 2026-01-31T08:00:00Z")
    return time


def _time(instance: Instance) -> int:
    return parse_instant(instance["observedAt"])
