"""The notification document (GS CIM 009 clause 5.3.1): what a subscriber is told, in the form that he asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from dothi.model.attribute import Naming
from dothi.model.change import AttributeChange
from dothi.model.entity import VALUE_MEMBER, Attributes, Entity, Instance, each_instance, instances
from dothi.model.instant import format_instant
from dothi.model.linked import Join, View
from dothi.model.represent import Format, Representation, feature, represent
from dothi.model.subscription import Subscription

#: What stands in the place of a value that is no more (clause 4.5.0).
NULL: Final = "urn:ngsi-ld:null"

#: Member with a value -> member with the value before (clause 5.2.14, showChanges).
PREVIOUS: Final = {member: "previous" + member[0].upper() + member[1:] for member in VALUE_MEMBER.values()}

_CORE: Final = "uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"


def notification(
    subscription: Subscription, number: str, notified_at: int, data: list[dict[str, Any]], context: Any
) -> dict[str, Any]:
    """The whole document. `data` are entities or Features; `context` is the "@context" where it belongs in the body.

    The id is made of the subscription and `number`, so that a notification which is sent again has the same one. With
    application/ld+json the context stands in the document, and in each entity, which receivers store as they get it.
    """
    endpoint = subscription.endpoint
    document: dict[str, Any] = {
        "id": f"urn:ngsi-ld:Notification:{subscription.id.removeprefix('urn:ngsi-ld:')}:{number}",
        "type": "Notification",
        "subscriptionId": subscription.id,
        "notifiedAt": format_instant(notified_at),
    }
    if endpoint.accept == "application/geo+json":
        document["data"] = {"type": "FeatureCollection", "features": data}
        if not prefers_plain_body(subscription):
            document["data"]["@context"] = context
        return document
    if endpoint.accept == "application/ld+json":
        document["@context"] = context
        alone = linkable(context) or context
        for entity in data:
            entity["@context"] = alone
    document["data"] = data
    return document


def prefers_plain_body(subscription: Subscription) -> bool:
    """Whether the receiver wants GeoJSON without @context (receiverInfo Prefer: body=json, clause 5.3.1)."""
    return any(key.lower() == "prefer" and "body=json" in value for key, value in subscription.endpoint.headers)


def names_context_in_header(subscription: Subscription) -> bool:
    """Whether a Link header names the context: always but where the body has it (clause 6.3.8)."""
    accept = subscription.endpoint.accept
    return accept == "application/json" or (accept == "application/geo+json" and prefers_plain_body(subscription))


def linkable(source: Any) -> str | None:
    """The one address that stands for a context, None where it takes more: the core context is understood anyway."""
    if isinstance(source, list):
        parts = [part for part in source if not (isinstance(part, str) and _CORE in part)]
        if not parts and source:
            parts = source[-1:]
        source = parts[0] if len(parts) == 1 else None
    return source if isinstance(source, str) else None


def notified(
    subscription: Subscription, entity: Entity, changes: Sequence[AttributeChange], deleted: int | None
) -> Entity:
    """The entity after the changes as it is told, with what is deleted as NGSI-LD Null and the values before.

    An entity that is deleted (`deleted` in microseconds) is told by id and type; with the values before (showChanges)
    or where deleted attributes are watched, by these attributes as well.
    """
    if deleted is None:
        attributes = _changed(subscription, entity, changes)
    else:
        attributes = _gone(subscription, entity, deleted)
    if attributes is entity.attributes:
        return entity
    return Entity(entity.id, entity.types, attributes, entity.scopes, entity.created, entity.modified, entity.expires)


def element(
    subscription: Subscription, entity: Entity, how: Representation, deleted: int | None, context: Naming
) -> dict[str, Any]:
    """One element of `data`: an entity, or a Feature of it; deletedAt where the entity is no more."""
    if subscription.endpoint.accept == "application/geo+json":
        told = feature(entity, context, how)
        if not isinstance(told["geometry"], dict):
            told["geometry"] = None
        members = told["properties"]
    else:
        told = members = represent(entity, context, how)
    if deleted is not None:
        members["deletedAt"] = format_instant(deleted)
    return told


def linked_entities(subscription: Subscription) -> Join | None:
    """How entities that are linked to come along (clause 4.5.23); they are shown whole. None where none do."""
    if subscription.join is None:
        return None
    how = representation(subscription)
    plain = replace(how, pick=frozenset(), omit=frozenset(), attrs=frozenset())
    view = View(how, rest=View(plain))
    return Join(subscription.join, subscription.join_level, view, frozenset(subscription.contained_by))


def representation(subscription: Subscription) -> Representation:
    """The subscription's wishes in the words of model.represent."""
    return _representation(
        subscription.format,
        subscription.sys_attrs,
        subscription.lang,
        (subscription.pick, subscription.omit, subscription.attributes, subscription.dataset_ids),
    )


@lru_cache(maxsize=4096)
def _representation(
    format: Format, sys_attrs: bool, lang: str | None, parts: tuple[tuple[str, ...], ...]
) -> Representation:
    pick, omit, attrs, dataset_ids = map(frozenset, parts)
    return Representation(format, sys_attrs, lang, pick, omit, attrs, dataset_ids)


def _changed(subscription: Subscription, entity: Entity, changes: Iterable[AttributeChange]) -> Attributes:
    """The attributes, with deleted instances as null and values before, as far as the subscription asks for them."""
    tells_deleted = "attributeDeleted" in subscription.triggers
    attributes = entity.attributes
    for change in changes:
        if change.after is None:
            if tells_deleted and change.before is not None and _watches(subscription, change.name):
                attributes = _with(attributes, change, _null(subscription, change.before, entity.modified))
            elif tells_deleted and _watches(subscription, change.name):
                attributes = _with(attributes, change, _unknown_null(change))
        elif subscription.show_changes and change.before is not None:
            attributes = _with(attributes, change, _with_previous(change.after, change.before))
    if attributes is entity.attributes or subscription.show_changes:
        return attributes
    return {
        name: attribute if name in entity.attributes else _as_one(attribute) for name, attribute in attributes.items()
    }


def _gone(subscription: Subscription, entity: Entity, deleted: int) -> Attributes:
    told: dict[str, list[Instance]] = {}
    for name, instance in each_instance(entity.attributes):
        if subscription.show_changes or ("attributeDeleted" in subscription.triggers and _watches(subscription, name)):
            told.setdefault(name, []).append(_null(subscription, instance, deleted))
    if subscription.show_changes:
        return {name: several[0] if len(several) == 1 else several for name, several in told.items()}
    return {name: _as_one(several) for name, several in told.items()}


def _as_one(nulls: Instance | list[Instance]) -> Instance:
    """An attribute of which every instance is gone is told by one null, without the datasets that it had."""
    if not isinstance(nulls, list):
        return nulls
    return {member: value for member, value in nulls[0].items() if member != "datasetId" or len(nulls) == 1}


def _watches(subscription: Subscription, name: str) -> bool:
    return not subscription.watched or name in subscription.watched


def _with(attributes: Attributes, change: AttributeChange, instance: Instance) -> Attributes:
    """The attributes with one instance in the place of that of the same dataset, or behind the others."""
    several = [each for each in instances(attributes.get(change.name)) if each.get("datasetId") != change.dataset]
    several.append(instance)
    return {**attributes, change.name: several[0] if len(several) == 1 else several}


def _with_previous(after: Instance, before: Instance) -> Instance:
    held = VALUE_MEMBER[before["type"]]
    return {**after, PREVIOUS[held]: before[held]}


def _null(subscription: Subscription, before: Instance, deleted: int) -> dict[str, Any]:
    """A deleted instance: its kind with NGSI-LD Null as value (clause 4.5.0); times and value before if asked for."""
    held = VALUE_MEMBER[before["type"]]
    null = _null_instance(before["type"], before.get("datasetId"))
    null |= {time: before[time] for time in ("createdAt", "modifiedAt") if time in before}
    if subscription.sys_attrs:
        null["deletedAt"] = deleted
    if subscription.show_changes:
        null[PREVIOUS[held]] = before[held]
    return null


def _unknown_null(change: AttributeChange) -> Instance:
    """A deleted instance of which only the name is known: told again from the log after a restart."""
    return _null_instance("Property", change.dataset)


def _null_instance(kind: str, dataset: str | None) -> dict[str, Any]:
    held = VALUE_MEMBER[kind]
    value: Any = {"@none": NULL} if held == "languageMap" else [NULL] if held in ("valueList", "objectList") else NULL
    instance = {"type": kind, held: value}
    return instance if dataset is None else {**instance, "datasetId": dataset}
