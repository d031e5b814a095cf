"""Reads GeoJSON as batches of entities, feature by feature, by a mapping or with the properties as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from dothi.connectors import places
from dothi.connectors.base import Batch
from dothi.connectors.jsonsplit import Piece, find_array, split_objects
from dothi.connectors.mapping import Mapping, Place, columns_named
from dothi.connectors.names import attribute_name, type_name, urn
from dothi.connectors.plan import Plan
from dothi.model.errors import InvalidRequest
from dothi.model.reading import Document, Trouble
from dothi.model.values import is_uri

_CRS_BEHIND = re.compile(rb'\]\s*,\s*"crs"\s*:\s*(\{[^{}]*\{[^{}]*\}[^{}]*\})')
#: Names under which a mapping finds what stands beside the properties: the feature's id, unless a property has its
#: name, and the geometry.
GEOMETRY = "geometry"
BATCH_ENTITIES = 200


def read_features(path: Path, mapping: Mapping | None = None) -> Iterator[Batch]:
    """Batches of the features of a FeatureCollection, of a Feature, or of features one a line.

    Without a mapping, the type is the file's name in Pascal case, the id is made of the feature's id (else its property
    id or code, else its line), and each property becomes an attribute with a safe name. Geometries come to WGS 84 from
    the `crs` of the mapping, else of the file, and are checked. Raises InvalidRequest for an unknown reference system.
    """
    place = mapping.place if mapping and mapping.place else Place()
    move = _mover(path, place)
    problems: list[Trouble] = []
    progress = [0]
    features = _features(path, problems, progress)
    if mapping is None:
        yield from _natural(path, features, move, problems, progress)
        return
    header = list(dict.fromkeys([*columns_named(mapping), "id", GEOMETRY]))

    def locate(row: Sequence[Any]) -> tuple[str, dict[str, Any]] | None:
        found = _geometry(row[header.index(GEOMETRY)], move)
        return None if found is None else (place.attribute, found)

    rows = ((line, _cells(feature, header)) for line, feature in features)
    yield from Plan(mapping, header, path.name, locate).batches(rows, problems, lambda: progress[0])


def _natural(
    path: Path,
    features: Iterator[tuple[int, dict[str, Any]]],
    move: places.Move | None,
    problems: list[Trouble],
    progress: list[int],
) -> Iterator[Batch]:
    """Batches with the properties as they are."""
    batch = Batch()
    for line, feature in features:
        where = f"{path.name}:{line}"
        try:
            entity = _natural_entity(feature, type_name(path.stem), line, move)
        except ValueError as fault:
            problems.append(Trouble(where, str(fault), "the feature is left out"))
            continue
        batch.entities.append(entity)
        batch.origins[entity["id"]] = where
        batch.values += len(entity) - 2
        if len(batch.entities) >= BATCH_ENTITIES:
            yield _closed(batch, problems, progress[0])
            batch = Batch()
    yield _closed(batch, problems, progress[0])


def _closed(batch: Batch, problems: list[Trouble], done: int) -> Batch:
    batch.done = done
    batch.problems = problems[:]
    problems.clear()
    return batch


def _natural_entity(feature: dict[str, Any], type: str, line: int, move: places.Move | None) -> Document:
    properties = feature.get("properties") or {}
    names = (feature.get("id"), properties.get("id"), properties.get("code"), line)
    id = next(name for name in names if isinstance(name, str | int) and name != "")
    entity: Document = {"id": id if isinstance(id, str) and is_uri(id) else urn(type, str(id)), "type": type}
    for name, value in properties.items():
        if value is not None and name != "id":
            entity[attribute_name(name)] = {"type": "Property", "value": value}
    geometry = _geometry(feature.get("geometry"), move)
    return entity if geometry is None else entity | {"location": geometry}


def _cells(feature: dict[str, Any], header: list[str]) -> list[Any]:
    properties = feature.get("properties") or {}
    found = {"id": feature.get("id"), **properties, GEOMETRY: feature.get("geometry")}
    return [found.get(name) for name in header]


def _pieces(path: Path) -> Iterator[Piece]:
    array = find_array(path, "features")
    return split_objects(path) if array is None else split_objects(path, array[0], array[1], one_array=True)


def _mover(path: Path, place: Place) -> places.Move | None:
    crs = place.crs if place.crs != places.WGS84 else _file_crs(path) or places.WGS84
    try:
        return places.mover(crs)
    except ValueError as fault:
        raise InvalidRequest(f"{path.name}: {fault}") from fault


def _file_crs(path: Path) -> str | None:
    """The name in the `crs` member (GeoJSON of 2008), before the features or behind them."""
    array = find_array(path, "features")
    if array is None:
        return None
    try:
        crs = orjson.loads(array[2] + b"]}").get("crs")
        if crs is None:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 4096))
                behind = _CRS_BEHIND.search(file.read())
            crs = orjson.loads(behind[1]) if behind else None
    except orjson.JSONDecodeError:
        return None
    name = crs.get("properties", {}).get("name") if isinstance(crs, dict) else None
    return name if isinstance(name, str) else None


def _features(path: Path, problems: list[Trouble], progress: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each feature with its line; `progress` is told how many bytes are read."""
    for piece in _pieces(path):
        progress[0] = piece.done
        feature = _feature(piece, f"{path.name}:{piece.line}", problems)
        if feature is not None:
            yield piece.line, feature


def _feature(piece: Piece, where: str, problems: list[Trouble]) -> dict[str, Any] | None:
    if piece.fault is not None:
        problems.append(Trouble(where, piece.fault, "the file holds features as JSON objects"))
        return None
    try:
        feature: Any = orjson.loads(piece.text)
    except orjson.JSONDecodeError as fault:
        problems.append(Trouble(where, f"is no JSON: {fault.msg} at character {fault.pos}", "the feature is left out"))
        return None
    if feature.get("type") != "Feature" or not isinstance(feature.get("properties") or {}, dict):
        problems.append(Trouble(where, f"type {feature.get('type')!r} is no Feature with properties", "it is left out"))
        return None
    return feature  # type: ignore[no-any-return]


def _geometry(value: Any, move: places.Move | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        return {"type": "GeoProperty", "value": places.geometry(value, move)}
    except ValueError as fault:
        raise ValueError(f"geometry: {fault}") from None
