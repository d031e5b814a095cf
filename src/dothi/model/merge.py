"""Merges a fragment into an entity, and a partial update into an attribute (GS CIM 009 clauses 5.5.12 and 5.5.8)."""

from __future__ import annotations

from typing import Any

from dothi.model.entity import RESERVED, VALUE_MEMBER, Entity, Instance
from dothi.model.errors import BadRequestData
from dothi.model.instances import Instances
from dothi.model.parse import Fragment
from dothi.model.patch import Outcome, apply, find, one_attribute
from dothi.model.values import NULL, is_null, is_uri, normal_time, shown


def merge(
    old: Entity,
    fragment: Fragment,
    now: int,
    *,
    observed_at: str | None = None,
    lang: str | None = None,
    repeats: bool = False,
) -> Outcome:
    """Merge a fragment (rules MERGE or MERGE_SIMPLIFIED) to any depth (clauses 5.5.12 and 5.6.17).

    `observed_at` is the new time of merged attributes that have one and bring none; `lang` says of which language a
    bare text for a LanguageProperty is. Raises BadRequestData where a bare value does not fit the stored kind.
    """
    if observed_at is not None:
        observed_at = normal_time(observed_at)
        if observed_at is None:
            raise BadRequestData("observedAt is no DateTime; write it like 2026-01-31T08:00:00Z")

    def put(kept: Instances, instance: Instance) -> None:
        dataset = instance.get("datasetId")
        was = kept.by_dataset.get(dataset)
        if is_null(instance):
            kept.drop(dataset)
        elif was is None:
            kept.put(_without_nulls(_complete(kept.name, instance)))
        else:
            fresh = merged_instance(was, _as_kind(kept.name, instance, was, fragment, lang))
            if observed_at and "observedAt" in was and "observedAt" not in instance:
                fresh["observedAt"] = observed_at
            kept.put(fresh)

    return apply(old, fragment, now, put, fragment.scopes, [], repeats)


def patch_attribute(
    old: Entity, name: str, instance: Instance, now: int, shown_name: str = "", repeats: bool = False
) -> Outcome:
    """Members of one instance replaced or deleted, the others stay (clause 5.6.4); `instance` by the rules PARTIAL.

    The NGSI-LD Null as value deletes the instance (clauses 4.5.2.2 and 5.5.8). Raises ResourceNotFound where the
    entity has no such instance, BadRequestData where the fragment changes its kind. `shown_name` is the name in
    messages, as the client wrote it.
    """
    kept = Instances(name, old.attributes.get(name), now, repeats)
    was = find(kept, instance.get("datasetId"), old, shown_name)
    label = shown_name or name
    kind = was["type"]
    given = instance.get("type", kind)
    if is_null(instance):
        kept.drop(instance.get("datasetId"))
        return one_attribute(old, kept, now)
    if given != kind and not (given == "Property" and kind == "GeoProperty"):
        raise BadRequestData(f"{label}: the attribute is a {kind} and stays one; its fragment says {given}")
    holder = VALUE_MEMBER[kind]
    if "type" not in instance and "value" in instance and holder != "value":
        raise BadRequestData(f"{label}: a {kind} holds its value in {holder!r}, not 'value'; rename the member")
    fresh = {key: item for key, item in was.items() if key not in ("createdAt", "modifiedAt")}
    for key, item in instance.items():
        if key not in RESERVED:
            _put_or_drop(fresh, key, _sub_attribute(key, item))
        elif item == NULL:
            fresh.pop(key, None)
        elif key != "type":
            fresh[key] = item
    kept.put(fresh)
    return one_attribute(old, kept, now)


def merged_instance(was: Instance, patch: Instance) -> dict[str, Any]:
    """The instance with the members of the patch merged in; one of another kind takes its place as a whole."""
    if patch.get("type", was["type"]) != was["type"]:
        return _without_nulls(patch)
    holder = VALUE_MEMBER[was["type"]]
    fresh = {key: item for key, item in was.items() if key not in ("createdAt", "modifiedAt")}
    for key, item in patch.items():
        if item == NULL:
            fresh.pop(key, None)
        elif key == holder:
            fresh[key] = item if holder == "vocab" else merged_value(fresh.get(key), item)
        elif key in RESERVED:
            fresh[key] = item
        else:
            _put_or_drop(fresh, key, _merged_sub_attribute(key, fresh.get(key), item))
    return fresh


def merged_value(was: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396) with the NGSI-LD Null in place of null; geometries and typed values as a whole."""
    if not isinstance(patch, dict):
        return patch
    whole = not isinstance(was, dict) or "@value" in patch or "@value" in was or "coordinates" in patch
    fresh = {} if whole else dict(was)
    for key, item in patch.items():
        if item == NULL:
            fresh.pop(key, None)
        else:
            fresh[key] = merged_value(fresh.get(key), item)
    return fresh


def _put_or_drop(instance: dict[str, Any], key: str, item: Any) -> None:
    if item is None:
        instance.pop(key, None)
    else:
        instance[key] = item


def _merged_sub_attribute(name: str, was: Any, patch: Any) -> Any:
    """The sub-attribute after the merge, None where it is deleted."""
    bare = isinstance(patch, dict) and "type" not in patch and "value" in patch
    fits = isinstance(was, dict) and not (bare and was["type"] not in ("Property", "GeoProperty"))
    if not fits or not isinstance(patch, dict) or is_null(patch):
        return _sub_attribute(name, patch)
    return merged_instance(was, patch)


def _sub_attribute(name: str, patch: Any) -> Any:
    """A sub-attribute as it is stored where there was none before, None where it stands for a deletion."""
    if isinstance(patch, list):
        return [_without_nulls(_complete(name, each)) for each in patch]
    if patch == NULL or is_null(patch):
        return None
    return _without_nulls(_complete(name, patch))


def _without_nulls(instance: Instance) -> dict[str, Any]:
    """The instance as it is stored where there was none before: what it deletes is not there anyway."""
    return {key: merged_value(None, item) for key, item in instance.items() if item != NULL}


def _complete(name: str, instance: Instance) -> Instance:
    """The instance with its kind, where the document left it to a target that is not there."""
    if "type" in instance:
        return instance
    if "value" not in instance:
        told = ", ".join(key for key in instance if key in RESERVED) or "sub-attributes"
        raise BadRequestData(f"{name}: there is no such attribute to change ({told}); give it a value")
    return {"type": "Property", **instance}


def _as_kind(name: str, instance: Instance, was: Instance, fragment: Fragment, lang: str | None) -> Instance:
    """A bare value as the kind that is stored (clause 5.6.17): only the target knows what a bare text stands for."""
    kind = was["type"]
    if "type" in instance or "value" not in instance or kind == "Property":
        return instance
    value = instance["value"]
    rest = {key: item for key, item in instance.items() if key != "value"}
    if kind == "Relationship" and all(map(is_uri, value if isinstance(value, list) else [value])):
        return {**rest, "object": value}
    if kind == "LanguageProperty" and isinstance(value, str) and lang:
        return {**rest, "languageMap": {lang: value}}
    if kind == "VocabProperty" and fragment.names and _are_texts(value):
        expand = fragment.names.expand
        return {**rest, "vocab": [expand(each) for each in value] if isinstance(value, list) else expand(value)}
    if kind == "ListProperty" and isinstance(value, list):
        return {**rest, "valueList": value}
    if kind == "ListRelationship" and isinstance(value, list) and all(map(is_uri, value)):
        return {**rest, "objectList": value}
    if kind == "JsonProperty":
        return {**rest, "json": value}
    hint = " or name its language by the parameter lang" if kind == "LanguageProperty" else ""
    raise BadRequestData(
        f"{name}: {shown(value)} does not fit the stored {kind}; send it in {VALUE_MEMBER[kind]!r} with its type{hint}"
    )


def _are_texts(value: Any) -> bool:
    return all(isinstance(each, str) for each in (value if isinstance(value, list) else [value]))
