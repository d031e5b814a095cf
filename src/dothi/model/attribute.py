"""Reads one attribute of a JSON document into instances, or says precisely what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, Protocol

import msgspec

from dothi.model.entity import RESERVED, VALUE_MEMBER, Instance
from dothi.model.kinds import READERS, bad, read_terms
from dothi.model.values import (
    NULL,
    is_geometry,
    is_uri,
    name_fault,
    normal_time,
    shown,
    stands_for_null,
)

NGSI_LD: Final = "https://uri.etsi.org/ngsi-ld/"

#: Sub-attributes nested deeper than this are refused.
ATTRIBUTE_DEPTH: Final = 32

#: Member that holds a value -> the kind that it tells where `type` is left out (concise, clause 4.5.2.3 and others).
KIND_OF: Final = {
    "value": "Property",
    "object": "Relationship",
    "languageMap": "LanguageProperty",
    "vocab": "VocabProperty",
    "json": "JsonProperty",
    "valueList": "ListProperty",
    "objectList": "ListRelationship",
}

#: Members that the broker sets: they are ignored when a client sends them (clauses 4.5.2 and 4.8).
SYSTEM: Final = frozenset(("createdAt", "modifiedAt", "deletedAt", "instanceId"))

#: Members of answers only, which no client may send (clause 4.5.2).
_ANSWERS_ONLY: Final = frozenset(member for member in RESERVED if member.startswith("previous")) | {
    "entity", "entityList",
}  # fmt: skip

#: Members of the Property ngsildproof only (clause 4.5.2.2).
_SEALS: Final = frozenset(("entityIdSealed", "entityTypeSealed"))

_TIMES: Final = frozenset(("observedAt", "expiresAt"))
_WITH_UNIT: Final = frozenset(("Property", "ListProperty", None))
_WITH_OBJECT_TYPE: Final = frozenset(("Relationship", "ListRelationship", None))
_TELLING: Final = RESERVED - KIND_OF.keys() - _ANSWERS_ONLY - _SEALS - {"type"}


class Naming(Protocol):
    """The part of a JSON-LD context that reading and writing entities needs."""

    def expand(self, term: str, /) -> str: ...

    def compact(self, iri: str, /) -> str: ...


class Rules(msgspec.Struct, frozen=True):
    """What an operation lets a document say.

    nulls: the NGSI-LD Null may delete attributes, sub-attributes and members (clause 5.5.8).
    deep_nulls: also members of JSON values and language maps (clause 5.5.12).
    partial: an instance may leave out its value and its kind, both stay as they are stored.
    repeats: an attribute may have several instances of one datasetId, told apart by observedAt.
    offsets: observedAt may have an offset in place of Z (clause 4.6.3 wants Z); it is stored in UTC either way.
    simplified: members are bare values (clause 4.5.4), not attributes.
    """

    nulls: bool = False
    deep_nulls: bool = False
    partial: bool = False
    repeats: bool = False
    offsets: bool = False
    simplified: bool = False


CREATE: Final = Rules()
FEED: Final = Rules(repeats=True, offsets=True)
UPDATE: Final = Rules(nulls=True)
PARTIAL: Final = Rules(nulls=True, partial=True)
MERGE: Final = Rules(nulls=True, deep_nulls=True, partial=True)
MERGE_SIMPLIFIED: Final = Rules(nulls=True, deep_nulls=True, partial=True, simplified=True)


class AttributeReader:
    """Reads attributes by the names of one context and the rules of one operation."""

    __slots__ = ("_expand", "_rules")

    def __init__(self, expand: Callable[[str], str], rules: Rules) -> None:
        self._expand = expand
        self._rules = rules

    def attribute(self, where: str, body: Any, depth: int = 0) -> Instance | list[Instance]:
        """The instance of an attribute, or its instances where there are several. Raises BadRequestData."""
        if depth > ATTRIBUTE_DEPTH:
            bad(where, f"sub-attributes nested deeper than {ATTRIBUTE_DEPTH}; flatten them")
        if isinstance(body, dict):
            return self._simplified(where, body) if self._rules.simplified else self.instance(where, body, depth)
        if isinstance(body, list) and not self._rules.simplified and _are_instances(body):
            return self._instances(where, body, depth)
        return self._bare(where, body)

    def instance(self, where: str, body: dict[str, Any], depth: int = 0) -> Instance:
        """One instance from an object in normalized or concise form. Raises BadRequestData."""
        if "@value" in body or is_geometry(body):
            return self._bare(where, body)
        kind = self._kind(where, body)
        if kind is None and not self._rules.partial:
            return self._plain_object(where, body)
        if kind is None and not _is_fragment(body):
            return self._bare(where, body)
        return self._members(where, body, kind, depth)

    def fragment(self, where: str, body: dict[str, Any]) -> Instance:
        """Members that change one instance: value and kind may be missing (clause 5.6.4). Raises BadRequestData."""
        if is_geometry(body):
            return self._bare(where, body)
        return self._members(where, body, self._kind(where, body), 0)

    def _kind(self, where: str, body: dict[str, Any]) -> str | None:
        """The kind that the object says or shows; None where it shows none (or where only the target knows it)."""
        kind = body.get("type", body.get("@type"))
        if kind is None:
            return self._shown_kind(body)
        if not isinstance(kind, str):
            bad(where, f"type is {shown(kind)}; write one of {', '.join(VALUE_MEMBER)}")
        if kind not in VALUE_MEMBER:
            kind = kind.removeprefix(NGSI_LD).removeprefix("ngsi-ld:")
        if kind not in VALUE_MEMBER:
            bad(
                where,
                f"type {shown(kind)} is no kind of attribute; write one of {', '.join(VALUE_MEMBER)},"
                ' or put the object into {"type": "Property", "value": ...}',
            )
        return kind

    def _shown_kind(self, body: dict[str, Any]) -> str | None:
        for member, kind in KIND_OF.items():
            if member in body:
                if member != "value":
                    return kind
                if is_geometry(body["value"]):
                    return "GeoProperty"
                return None if self._rules.partial else "Property"
        return None

    def _members(self, where: str, body: dict[str, Any], kind: str | None, depth: int) -> Instance:
        rules, expand = self._rules, self._expand
        holder = VALUE_MEMBER[kind] if kind else "value"
        out: dict[str, Any] = {"type": kind} if kind else {}
        if holder in body:
            out[holder] = self._value(where, kind or "Property", body[holder])
        elif not rules.partial:
            _no_value(where, kind or "Property", holder, body)
        for key, item in body.items():
            if key == holder or key == "type" or key in SYSTEM:
                continue
            if key not in RESERVED:
                if key == "@type":
                    continue
                if (fault := name_fault(key)) is not None:
                    bad(f"{where}.{key}", fault)
                iri = expand(key)
                if iri in out:
                    bad(f"{where}.{key}", f"names the sub-attribute {iri} a second time; keep one")
                out[iri] = self._sub_attribute(f"{where}.{key}", item, depth + 1)
            elif key in KIND_OF:
                bad(where, f"a {kind} holds its value in {holder!r}, not {key!r}; rename the member or change the type")
            elif item == NULL and rules.nulls and key != "datasetId":
                out[key] = NULL
            elif key != "datasetId" or item != "@none":
                out[key] = self._member(where, kind, key, item)
        return out

    def _sub_attribute(self, where: str, body: Any, depth: int) -> Any:
        if body == NULL and self._rules.nulls:
            return NULL
        return self.attribute(where, body, depth)

    def _member(self, where: str, kind: str | None, key: str, item: Any) -> Any:
        where = f"{where}.{key}"
        if key in _TIMES:
            return self._time(where, item)
        if key in _ANSWERS_ONLY:
            bad(where, "stands in answers only; leave it out")
        if key == "unitCode" and kind not in _WITH_UNIT:
            bad(where, f"a {kind} has no unit; leave unitCode out")
        if key == "objectType":
            if kind not in _WITH_OBJECT_TYPE:
                bad(where, f"a {kind} has no object; leave objectType out")
            return read_terms(where, item, self._expand)
        if not isinstance(item, str) or not item:
            bad(where, f"is {shown(item)}; write a string")
        if key == "datasetId" and item == NULL:
            bad(where, "the NGSI-LD Null deletes no datasetId; leave it out")
        if key == "datasetId" and not is_uri(item):
            bad(where, f"{shown(item)} is no URI; write one like urn:ngsi-ld:Dataset:a, or @none")
        if key in _SEALS and where.rpartition(".")[0] != "ngsildproof":
            bad(where, "belongs to ngsildproof only; leave it out")
        if key == "valueType" and kind == "LanguageProperty" and item != "langString":
            bad(where, "is langString for a LanguageProperty; write that or leave it out")
        return self._expand(item) if key in ("valueType", "entityTypeSealed") else item

    def _time(self, where: str, item: Any) -> str:
        time = normal_time(item) if isinstance(item, str) else None
        if time is None:
            bad(where, f"{shown(item)} is no DateTime; write it like 2026-01-31T08:00:00Z")
        if item[-1] != "Z" and not self._rules.offsets:
            bad(where, f"{item!r} is not in UTC; write {time}")
        return time

    def _value(self, where: str, kind: str, value: Any) -> Any:
        """The value checked by its kind; terms expanded, all else as it is."""
        if stands_for_null(kind, value):
            if not self._rules.nulls:
                bad(where, "the NGSI-LD Null deletes, which this operation does not do; send a value or use PATCH")
            return value
        if value is None:
            bad(f"{where}.{VALUE_MEMBER[kind]}", f'null is no NGSI-LD value; leave it out, or delete with "{NULL}"')
        return READERS[kind](f"{where}.{VALUE_MEMBER[kind]}", value, self._expand, self._rules.deep_nulls)

    def _bare(self, where: str, value: Any) -> dict[str, Any]:
        """A value without its attribute around it; its kind is left to the target where the rules are partial."""
        if value == NULL:
            return {"type": "Property", "value": self._value(where, "Property", value)}
        if value is None:
            bad(where, f'null is no NGSI-LD value; leave the attribute out, or delete with "{NULL}"')
        if is_geometry(value):
            return {"type": "GeoProperty", "value": READERS["GeoProperty"](where, value, self._expand, False)}
        value = READERS["Property"](where, value, self._expand, self._rules.deep_nulls)
        return {"value": value} if self._rules.partial else {"type": "Property", "value": value}

    def _plain_object(self, where: str, body: dict[str, Any]) -> Instance:
        """A concise Property whose value is a JSON object."""
        telling = next((key for key in body if key in _TELLING or key in KIND_OF), None)
        if telling is not None:
            bad(where, f"has {telling!r} but no value; add one of {', '.join(KIND_OF)}")
        return self._bare(where, body)

    def _simplified(self, where: str, body: dict[str, Any]) -> dict[str, Any] | list[Instance]:
        """A bare object of clause 4.5.4: {"languageMap"|"json"|"vocab": ..}, {"dataset": {..}} or a value."""
        if body.keys() == {"dataset"} and isinstance(body["dataset"], dict) and body["dataset"]:
            return self._datasets(where, body["dataset"])
        for member in ("languageMap", "json", "vocab"):
            if body.keys() == {member}:
                return {"type": KIND_OF[member], member: self._value(where, KIND_OF[member], body[member])}
        return self._bare(where, body)

    def _datasets(self, where: str, bodies: dict[str, Any]) -> dict[str, Any] | list[Instance]:
        found: list[Instance] = []
        for dataset, body in bodies.items():
            instance = self._simplified(where, body) if isinstance(body, dict) else self._bare(where, body)
            if isinstance(instance, list):
                bad(f"{where}.{dataset}", "a dataset within a dataset; keep one level")
            if dataset != "@none":
                instance["datasetId"] = self._member(where, None, "datasetId", dataset)
            found.append(instance)
        return found if len(found) > 1 else found[0].copy()

    def _instances(self, where: str, bodies: list[Any], depth: int) -> Instance | list[Instance]:
        found: list[Instance] = []
        for position, body in enumerate(bodies):
            if not isinstance(body, dict):
                bad(f"{where}[{position}]", f"is {shown(body)} among instances; write an object like the others")
            found.append(self.instance(f"{where}[{position}]", body, depth))
        _check_datasets(where, found, self._rules.repeats)
        return found if len(found) > 1 else found[0]


def _are_instances(bodies: list[Any]) -> bool:
    """Whether an array holds instances of an attribute rather than being the value of a Property."""
    first = next((body for body in bodies if isinstance(body, dict)), None)
    if first is None or is_geometry(first):
        return False
    return _says_kind(first) or any(member in first for member in KIND_OF)


def _says_kind(body: dict[str, Any]) -> bool:
    kind = body.get("type", body.get("@type"))
    return isinstance(kind, str) and kind in VALUE_MEMBER


def _is_fragment(body: dict[str, Any]) -> bool:
    """Whether an object without kind changes members of an instance, rather than being a value itself."""
    if any(key in _TELLING or key in KIND_OF for key in body):
        return True
    return any(isinstance(item, dict) and _says_kind(item) for item in body.values())


def _no_value(where: str, kind: str, holder: str, body: dict[str, Any]) -> NoReturn:
    wrong = next((member for member in KIND_OF if member in body), None)
    if wrong is not None:
        bad(where, f"a {kind} holds its value in {holder!r}, not {wrong!r}; rename the member or change the type")
    bad(where, f"a {kind} has no {holder!r}; add it")


def _check_datasets(where: str, found: list[Instance], repeats: bool) -> None:
    """Two instances of one datasetId are a contradiction (clause 4.5.5), unless they are values of different times."""
    seen: dict[str | None, Instance] = {}
    for position, instance in enumerate(found):
        dataset = instance.get("datasetId")
        twin = seen.setdefault(dataset, instance)
        if twin is instance:
            continue
        which = f"datasetId {dataset}" if dataset else "no datasetId (the default instance)"
        if not repeats:
            bad(f"{where}[{position}]", f"a second instance with {which}; give each its own datasetId")
        if "observedAt" not in instance or "observedAt" not in twin:
            bad(f"{where}[{position}]", f"a second instance with {which}; past values need an observedAt each")
