"""Lenient reading: mends the known dirt of published NGSI-LD payloads and tells each mend.

What is mended has one plausible meaning only; what might mean two things, as swapped coordinates, is told and left.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dothi.connectors.names import NO_ATTRIBUTES, attribute_name, is_term, urn
from dothi.model.entity import VALUE_MEMBER
from dothi.model.reading import Document, Trouble
from dothi.model.values import is_geometry, is_uri

_KINDS: Final = {kind.lower(): kind for kind in VALUE_MEMBER}
#: Words of JSON Schema and of NGSI v2 found where the kind of an attribute belongs.
_FOREIGN: Final = frozenset({"string", "text", "number", "integer", "boolean", "array", "object", "datetime", "date"})
#: GeoProperties of the core context.
_PLACES: Final = frozenset({"location", "observationSpace", "operationSpace"})
#: Addresses found in published payloads that never led to a context -> where it is.
_MOVED: Final = {"https://smartdatamodels.org/context": "https://smartdatamodels.org/context.jsonld"}
_MEMBERS: Final = {member.lower(): member for member in VALUE_MEMBER.values()}
_DOUBLE_ZONE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:?\d\d)Z")
_SHORT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]+(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?")


def mend(document: Document, where: str, told: list[Trouble]) -> Document:
    """The document as it was most likely meant; each change is added to `told` with its JSON path."""
    return _Mending(where, told).entity(document)


def mend_time(text: str) -> str | None:
    """A DateTime for a text that is nearly one; None when it is something else. Without a zone, UTC is taken."""
    if double := _DOUBLE_ZONE.fullmatch(text):
        text = double[1]
    match = _SHORT.fullmatch(text)
    if match is None:
        return None
    clock = match[2] if len(match[2]) > 5 else match[2] + ":00"
    zone = match[3] or "Z"
    return f"{match[1]}T{clock}{zone if zone == 'Z' or ':' in zone else zone[:3] + ':' + zone[3:]}"


class _Mending:
    def __init__(self, where: str, told: list[Trouble]) -> None:
        self.where = where
        self.told = told

    def tell(self, path: str, what: str, mend: str) -> None:
        self.told.append(Trouble(f"{self.where} {path}", what, mend))

    def entity(self, document: Document) -> Document:
        mended: Document = {}
        for name, value in document.items():
            if name in {"id", "@id"}:
                mended["id"] = self.id(value, document)
            elif name == "@context":
                mended[name] = self.context(value)
            elif name in NO_ATTRIBUTES:
                mended[name] = value
            else:
                mended[self.name(name)] = self.attribute(name, value)
        if "@context" not in document:
            self.tell("@context", "is missing", "dothi's own context is taken")
        return mended

    def context(self, value: Any) -> Any:
        """The context without entries that lead nowhere."""
        parts = value if isinstance(value, list) else [value]
        kept = []
        for part in parts:
            if isinstance(part, str) and not part.startswith(("http://", "https://")):
                self.tell("@context", f"{part!r} is no http or https address", "it is left out")
            elif isinstance(part, str) and part in _MOVED:
                self.tell("@context", f"{part!r} leads to no context", f"taken as {_MOVED[part]}")
                kept.append(_MOVED[part])
            else:
                kept.append(part)
        return kept

    def id(self, value: Any, document: Document) -> Any:
        if not isinstance(value, str | int) or is_uri(value):
            return value
        kind = document.get("type")
        made = urn(kind if isinstance(kind, str) else "Entity", str(value))
        self.tell("id", f"{value!r} is no URI", f"taken as {made}")
        return made

    def name(self, name: str) -> str:
        if is_term(name):
            return name
        bare = name.strip()
        made = bare if is_term(bare) else attribute_name(bare)
        self.tell(name, "is no name of an attribute", f"taken as {made}")
        return made

    def attribute(self, path: str, value: Any) -> Any:
        if isinstance(value, list) and value and all(isinstance(item, dict) and "type" in item for item in value):
            return [self.attribute(f"{path}[{index}]", item) for index, item in enumerate(value)]
        if not isinstance(value, dict) or "type" not in value or _looks_like_json(value):
            return self.value(path, value)
        mended = dict(value)
        kind = self.kind(path, mended)
        if kind == "Property" and path in _PLACES and is_geometry(mended.get("value")):
            self.tell(path, "a geometry is given as Property", "taken as GeoProperty")
            return mended | {"type": "GeoProperty"}
        self.member(path, mended, kind)
        for name, part in value.items():
            if name == "observedAt" or (name == "value" and kind == "Property"):
                mended[name] = self.value(f"{path}.{name}", part)
            elif isinstance(part, dict) and name not in VALUE_MEMBER.values():
                mended[name] = self.attribute(f"{path}.{name}", part)
        if kind == "Relationship" and "object" in mended:
            return self.relationship(path, mended)
        return mended

    def kind(self, path: str, attribute: dict[str, Any]) -> str:
        found = attribute["type"]
        if found in VALUE_MEMBER:
            return str(found)
        kind = _KINDS.get(str(found).strip().lower(), "Property")
        attribute["type"] = kind
        self.tell(path, f"type {found!r} is no kind of attribute", f"taken as {kind}")
        return kind

    def member(self, path: str, attribute: dict[str, Any], kind: str) -> None:
        """Give the value the member that its kind wants: Relationship with value or Object, Property without value."""
        wanted = VALUE_MEMBER[kind]
        if wanted in attribute:
            return
        for name in list(attribute):
            if name.lower() in _MEMBERS and name != "type":
                attribute[wanted] = attribute.pop(name)
                self.tell(path, f"a {kind} has no {name!r}", f"taken as {wanted}")
                return

    def relationship(self, path: str, attribute: dict[str, Any]) -> dict[str, Any]:
        target = attribute["object"]
        if isinstance(target, str) and (moment := mend_time(target)) is not None:
            self.tell(path, f"a Relationship leads to the time {target!r}", "taken as Property")
            del attribute["object"]
            return attribute | {"type": "Property", "value": {"@type": "DateTime", "@value": moment}}
        return attribute | {"object": self.target(path, target)}

    def target(self, path: str, value: Any) -> Any:
        if isinstance(value, list):
            if "" in value:
                self.tell(path, "an empty text is no URI", "it is left out")
            return [self.target(f"{path}[{index}]", item) for index, item in enumerate(value) if item != ""]
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            self.tell(path, "an object stands where the URI of an entity belongs", "its id is taken")
            value = value["id"]
        if isinstance(value, str) and not is_uri(value):
            made = urn("Thing", value)
            self.tell(path, f"{value!r} is no URI", f"taken as {made}")
            return made
        return value

    def value(self, path: str, value: Any) -> Any:
        if isinstance(value, dict):
            return self.typed(path, value)
        if isinstance(value, str) and path.endswith("observedAt"):
            return self.time(path, value)
        return value

    def typed(self, path: str, value: dict[str, Any]) -> dict[str, Any]:
        """{"@type": "DateTime", "@value": ...}, also with `value` for @value."""
        if "@type" not in value:
            return value
        mended = dict(value)
        if "@value" not in mended and "value" in mended:
            mended["@value"] = mended.pop("value")
            self.tell(path, "a typed value has no 'value'", "taken as @value")
        if mended["@type"] in {"DateTime", "Date-time", "date-time"} and isinstance(mended.get("@value"), str):
            mended["@value"] = self.time(path, mended["@value"])
        return mended

    def time(self, path: str, text: str) -> str:
        made = mend_time(text)
        if made is None or made == text:
            return text
        self.tell(path, f"{text!r} is no DateTime", f"taken as {made}")
        return made


def _looks_like_json(value: dict[str, Any]) -> bool:
    """A bare JSON value with a member `type`, such as a PostalAddress or a geometry of key-values."""
    kind = str(value["type"]).strip().lower()
    return kind not in _KINDS and kind not in _FOREIGN
