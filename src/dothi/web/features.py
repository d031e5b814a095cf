"""An entity as the map needs it: one light GeoJSON feature per layer, with its status and its age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from dothi.city.module import Attribute, Band, CityModule, EntityType, Layer, Status
from dothi.model.aliases import Aliases
from dothi.model.entity import Entity, Instance, each_instance
from dothi.model.instant import parse_instant
from dothi.model.query import AnyOf, EntityQuery, Name, Selection
from dothi.web.vocabulary import LOCATION, Reader, main_instance, value_of

AgeClass = Literal["fresh", "stale", "offline", "timeless"]

NO_STATES: Mapping[str, Status] = {}

#: A thing that has been silent for this many times its longest normal silence is called offline.
OFFLINE_FACTOR = 4


def age_class(observed: int | None, stale_after: float | None, now: int) -> AgeClass:
    """fresh up to `stale_after` seconds, stale up to four times as long, offline after that; microseconds in.

    Things without `stale_after` do not age (timeless); things that should have a time but have none are offline.
    """
    if stale_after is None:
        return "timeless"
    if observed is None:
        return "offline"
    seconds = (now - observed) / 1_000_000
    if seconds <= stale_after:
        return "fresh"
    return "stale" if seconds <= OFFLINE_FACTOR * stale_after else "offline"


def judge(value: Any, bands: tuple[Band, ...], states: Mapping[str, Status] = NO_STATES) -> Status:
    """The status of a value: that of the highest band whose `low` it reaches, of a text that of its state.

    ok where nothing is judged, unknown where nothing says what the value means.
    """
    if isinstance(value, str) and states:
        return states.get(value, "unknown")
    if not bands and not states:
        return "ok"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "unknown"
    reached = [band for band in bands if value >= band.low]
    return max(reached, key=lambda band: band.low).status if reached else "unknown"


@dataclass(frozen=True, slots=True)
class LayerView:
    """A declared layer, ready to turn entities into features; types and value under every IRI that they may have."""

    layer: Layer
    module: CityModule
    type_iris: tuple[str, ...]
    value_iris: tuple[str, ...]
    attribute: Attribute | None
    stale_after: float | None
    reader: Reader

    @property
    def query(self) -> EntityQuery:
        """Every entity of the layer's types; the caller sets limit and offset."""
        names: tuple[Selection, ...] = tuple(Name(iri) for iri in self.type_iris)
        return EntityQuery(types=names[0] if len(names) == 1 else AnyOf(names))

    def covers(self, entity: Entity) -> bool:
        return any(iri in self.type_iris for iri in entity.types)

    def feature(self, entity: Entity, now: int) -> dict[str, Any] | None:
        """A GeoJSON Feature {id, geometry, properties {name, value, status, observedAt, heading, stale}}.

        None where the entity has no place. `status` is offline where the value is older than OFFLINE_FACTOR times
        the layer's `stale_after`; `stale` says that it is older than `stale_after`.
        """
        place = main_instance(entity, LOCATION)
        geometry = None if place is None else value_of(place)
        if not isinstance(geometry, dict):
            return None
        instance = self.instance(entity)
        value = None if instance is None else value_of(instance)
        observed = observed_at(instance, entity)
        age = age_class(observed, self.stale_after, now)
        return {
            "type": "Feature",
            "id": entity.id,
            "geometry": geometry,
            "properties": {
                "name": self.reader.name(entity),
                "value": value if isinstance(value, int | float | str) else None,
                "status": "offline" if age == "offline" else self.status(instance),
                "observedAt": None if observed is None else observed // 1000,
                "heading": self.reader.heading(entity),
                "stale": age in ("stale", "offline"),
            },
        }

    def instance(self, entity: Entity) -> Instance | None:
        """The instance of the layer's value, None where the layer shows none or the entity has none."""
        return main_instance(entity, *self.value_iris)

    @property
    def judges(self) -> bool:
        """Whether the layer says of its values what is normal."""
        return bool(self.layer.bands or self.layer.states)

    def status(self, instance: Instance | None) -> Status:
        """What the bands say of the layer's value (None: the entity has none); ok for a layer that judges nothing."""
        value = None if instance is None else value_of(instance)
        return judge(value, self.layer.bands, self.layer.states)

    def encode(self, entity: Entity, now: int) -> bytes | None:
        """The feature as JSON, None where the entity has no place."""
        feature = self.feature(entity, now)
        return None if feature is None else orjson.dumps(feature)


def observed_at(instance: Instance | None, entity: Entity) -> int | None:
    """When the shown value was true: its own observedAt, else the newest of the entity, else its last change."""
    if instance is not None and isinstance(instance.get("observedAt"), str):
        return parse_instant(instance["observedAt"])
    times = [
        parse_instant(other["observedAt"])
        for _, other in each_instance(entity.attributes)
        if isinstance(other.get("observedAt"), str)
    ]
    return max(times, default=entity.modified or None)


def layer_views(modules: Iterable[CityModule], vocabulary: Aliases) -> dict[str, LayerView]:
    """Every layer that the modules declare, by its id, in their order; raises ValueError when two share an id."""
    modules = list(modules)
    types = {kind.name: kind for module in modules for kind in module.types}
    reader = Reader.of(vocabulary)
    views: dict[str, LayerView] = {}
    for module in modules:
        for layer in module.page.layers:
            if layer.id in views:
                other = views[layer.id].module.name
                raise ValueError(f"layer {layer.id!r} is declared by both {other!r} and {module.name!r}: rename one")
            views[layer.id] = _view(module, layer, types, vocabulary, reader)
    return views


def _view(
    module: CityModule, layer: Layer, types: Mapping[str, EntityType], vocabulary: Aliases, reader: Reader
) -> LayerView:
    kinds = [types[name] for name in layer.types if name in types]
    silences = [kind.stale_after for kind in kinds if kind.stale_after is not None]
    shown = (attribute for kind in kinds for attribute in kind.attributes if attribute.name == layer.value)
    return LayerView(
        layer=layer,
        module=module,
        type_iris=tuple(iri for name in layer.types for iri in type_iris(name, types.get(name), vocabulary)),
        value_iris=vocabulary.iris(layer.value) if layer.value else (),
        attribute=next(shown, None),
        stale_after=max(silences, default=None),
        reader=reader,
    )


def type_iris(name: str, kind: EntityType | None, vocabulary: Aliases) -> tuple[str, ...]:
    """Every IRI of a type: the declared one first."""
    return tuple(dict.fromkeys((*([kind.iri] if kind else ()), *vocabulary.iris(name))))
