"""Makes one entity of what several sources say of it: which instance of an attribute counts (clauses 4.3.6, 4.5.5).

Pure: a list of versions in, one entity out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dothi.model.entity import Attributes, Entity, Instance, instances
from dothi.model.instant import parse_instant
from dothi.model.registration import Mode


@dataclass(frozen=True, slots=True)
class Version:
    """An entity as one source has it. `mode` is that of the registration, inclusive for what is held here; `claimed`
    are the attributes for which an exclusive source alone counts."""

    entity: Entity
    mode: Mode = "inclusive"
    claimed: frozenset[str] = frozenset()


def joined(versions: Sequence[Version]) -> Entity:
    """One entity of at least one version.

    Of two instances with the same datasetId the one observed later counts, else the one modified later, else the
    earlier version's (4.5.5). An exclusive source alone counts for its attributes; an auxiliary one only where no
    other has an instance.
    """
    if len(versions) == 1:
        return versions[0].entity
    claimed = frozenset[str]().union(*(version.claimed for version in versions))
    found: dict[str, dict[str | None, Instance]] = {}
    ranked = sorted(versions, key=lambda version: version.mode == "auxiliary")
    for version in ranked:
        for name, attribute in version.entity.attributes.items():
            if name not in claimed or name in version.claimed:
                _put(found.setdefault(name, {}), instances(attribute), fills=version.mode == "auxiliary")
    first = ranked[0].entity
    return Entity(
        first.id,
        _union(version.entity.types for version in ranked),
        {name: _attribute(list(several.values())) for name, several in found.items()},
        _union(version.entity.scopes for version in ranked),
        min((version.entity.created for version in ranked if version.entity.created), default=0),
        max(version.entity.modified for version in ranked),
        _expiry(version.entity.expires for version in ranked),
    )


def narrowed(entity: Entity, attributes: frozenset[str] | None) -> Entity:
    """The entity with these attributes only; None takes all."""
    if attributes is None:
        return entity
    kept: Attributes = {name: each for name, each in entity.attributes.items() if name in attributes}
    return Entity(entity.id, entity.types, kept, entity.scopes, entity.created, entity.modified, entity.expires)


def _put(kept: dict[str | None, Instance], several: Iterable[Instance], fills: bool) -> None:
    for instance in several:
        dataset = instance.get("datasetId")
        rival = kept.get(dataset)
        if rival is None or (not fills and _is_newer(instance, rival)):
            kept[dataset] = instance


def _is_newer(instance: Instance, rival: Instance) -> bool:
    one, other = _observed(instance), _observed(rival)
    if one is not None and other is not None and one != other:
        return one > other
    return bool(_modified(instance) > _modified(rival))


def _observed(instance: Instance) -> int | None:
    text = instance.get("observedAt")
    return None if text is None else parse_instant(text)


def _modified(instance: Instance) -> int:
    return int(instance.get("modifiedAt", 0))


def _attribute(several: list[Instance]) -> Instance | list[Instance]:
    return several[0] if len(several) == 1 else several


def _union(several: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for texts in several for text in texts))


def _expiry(instants: Iterable[int | None]) -> int | None:
    """The latest end; none where a version has no end."""
    ends = list(instants)
    return None if None in ends else max(end for end in ends if end is not None)
