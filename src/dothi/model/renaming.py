"""Writes a document in the names of another context, leaving everything else as it is (GS CIM 009 clause 4.3.6.6).

Pure, and without a reading of the document: what was wrong in it stays wrong for who reads it at the end.
"""

from __future__ import annotations

from typing import Any, Final

from dothi.model.attribute import Naming
from dothi.model.entity import RESERVED
from dothi.model.parse import ENTITY_MEMBERS
from dothi.model.values import NULL

#: Members of an attribute whose content is terms of the context.
_TERMS: Final = frozenset({"vocab", "objectType", "valueType", "entityTypeSealed"})


def renamed_entity(document: dict[str, Any], old: Naming, new: Naming) -> dict[str, Any]:
    """An entity, or a fragment of one, with types, attributes and vocabulary terms in the names of `new`."""
    out: dict[str, Any] = {}
    for name, item in document.items():
        if name in ("type", "@type"):
            out[name] = _terms(item, old, new)
        elif name in ENTITY_MEMBERS:
            out[name] = item
        else:
            out[new.compact(old.expand(name))] = renamed_attribute(item, old, new)
    return out


def renamed_attribute(body: Any, old: Naming, new: Naming) -> Any:
    """An attribute, its instances, or a fragment of one, with its sub-attributes in the names of `new`."""
    if isinstance(body, list):
        return [renamed_attribute(each, old, new) if _is_attribute(each) else each for each in body]
    if not _is_attribute(body):
        return body
    out: dict[str, Any] = {}
    for name, item in body.items():
        if name in _TERMS:
            out[name] = _terms(item, old, new)
        elif name in RESERVED or name.startswith("@"):
            out[name] = item
        else:
            out[new.compact(old.expand(name))] = renamed_attribute(item, old, new)
    return out


def _is_attribute(body: Any) -> bool:
    """Whether an object has members of attributes, so that it is no value itself (clause 4.5.2.3)."""
    return isinstance(body, dict) and any(name in RESERVED for name in body)


def _terms(item: Any, old: Naming, new: Naming) -> Any:
    if isinstance(item, list):
        return [_terms(each, old, new) for each in item]
    return new.compact(old.expand(item)) if isinstance(item, str) and item != NULL else item
