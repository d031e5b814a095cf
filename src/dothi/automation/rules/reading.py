"""Reads rules from TOML and JSON, and writes them as TOML; every fault is told with its place and how to mend it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, get_args

import msgspec
import tomli_w

from dothi.automation.rules import definition as d

#: Bytes of one rule as TOML or JSON.
LARGEST: Final = 256 * 1024


class Fault(msgspec.Struct, frozen=True):
    """What is wrong where (`when.of[1].above`); an error refuses the rule, a warning only tells."""

    path: str
    message: str
    hint: str = ""
    level: Literal["error", "warning"] = "error"


class BadRule(ValueError):
    """A rule that cannot be read or taken; `faults` has at least one error."""

    def __init__(self, faults: list[Fault]) -> None:
        first = faults[0]
        super().__init__(f"{first.path}: {first.message}" if first.path else first.message)
        self.faults = faults


_KINDS: Final = {type.__struct_config__.tag: type for type in get_args(d.Condition)}
_ACTIONS: Final = {type.__struct_config__.tag: type for type in get_args(d.Action)}
_PLACE = re.compile(r"(?s)(.*?)(?: - at `\$?\.?(.*)`)?", re.ASCII)


def read_toml(text: str) -> list[dict[str, Any]]:
    """The rules of a TOML text as documents: tables [[rule]], or one rule at the top. Raises BadRule."""
    if len(text) > LARGEST:
        raise BadRule([Fault("", f"the text has {len(text)} characters, more than {LARGEST}", "split it")])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadRule([Fault("", f"this is no TOML: {error}", "look at the line that is named")]) from None
    found = document.get("rule")
    if found is None:
        return [document]
    if not isinstance(found, list):
        raise BadRule([Fault("rule", "rules are tables in an array", "write [[rule]] above each")])
    return found


def read_rule(document: Any) -> d.Rule:
    """One rule of a decoded document. Raises BadRule with all misspelt members, else the first fault of shape."""
    if not isinstance(document, Mapping):
        raise BadRule([Fault("", f"a rule is an object, not {type(document).__name__}")])
    unknown = list(_unknown(document, d.Rule, ""))
    if unknown:
        raise BadRule(unknown)
    try:
        return msgspec.convert(document, d.Rule)
    except msgspec.ValidationError as error:
        match = _PLACE.fullmatch(str(error))
        assert match is not None
        raise BadRule([Fault(match[2] or "", _said(match[1]), _expected(match[2] or ""))]) from None


def rule_document(rule: d.Rule) -> dict[str, Any]:
    """The rule as JSON-like values; members that have their default are left out."""
    found: dict[str, Any] = msgspec.to_builtins(rule)
    return found


def toml_of(rule: d.Rule) -> str:
    """The rule as TOML text that `read_toml` and `read_rule` read back to the same rule."""
    return tomli_w.dumps(_plain(rule_document(rule)))


def _plain(value: Any) -> Any:
    """Without None, which TOML does not have."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _unknown(document: Mapping[str, Any], shape: Any, path: str) -> Iterator[Fault]:
    """Members and kinds that there are not, each with the nearest that there is."""
    known = {field.encode_name for field in msgspec.structs.fields(shape)}
    tag = shape.__struct_config__.tag_field
    for name, value in document.items():
        where = f"{path}.{name}" if path else name
        if name not in known and name != tag:
            yield Fault(where, f"there is no member {name!r} here", _nearest(name, known))
        elif name in ("when", "of", "then"):
            tags, key = (_ACTIONS, "do") if name == "then" else (_KINDS, "kind")
            yield from _unknown_within(value, where, tags, key)
        elif name in ("active", "quiet") and isinstance(value, Mapping):
            yield from _unknown(value, d.Schedule, where)


def _unknown_within(value: Any, where: str, tags: Mapping[Any, Any], key: str) -> Iterator[Fault]:
    parts = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
    for index, part in parts:
        place = where if index is None else f"{where}[{index}]"
        if not isinstance(part, Mapping):
            continue
        tag = part.get(key)
        if tag is None:
            yield Fault(f"{place}.{key}", f"{key} is missing", f"one of {', '.join(map(str, tags))}")
        elif not isinstance(tag, str) or tag not in tags:
            yield Fault(f"{place}.{key}", f"there is no {key} {tag!r}", _nearest(str(tag), tags))
        else:
            yield from _unknown(part, tags[tag], place)


def _nearest(name: str, known: Any) -> str:
    found = difflib.get_close_matches(name, list(map(str, known)), 1, 0.6)
    return f"did you mean {found[0]}?" if found else f"one of {', '.join(sorted(map(str, known)))}"


def _said(text: str) -> str:
    return text.replace("Object missing required field", "missing member").replace("Expected", "expected")


def _expected(path: str) -> str:
    return {
        "severity": "critical, major, minor or advisory",
        "title": 'title = {vi = "...", en = "..."}',
        "types": 'a list of types: ["AirQualityObserved"]',
    }.get(path, "")
