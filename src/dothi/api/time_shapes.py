"""The time machine's answers as models: their OpenAPI schema types the app."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from dothi.api.operations_shapes import FeatureProperties


class PastFeatureView(BaseModel):
    """A feature of the live map as it was; `layer` is the id of the layer that drew it."""

    type: Literal["Feature"]
    id: str
    layer: str
    geometry: dict[str, Any]
    properties: FeatureProperties


class PastFeaturesView(BaseModel):
    """A GeoJSON FeatureCollection. `at` and `known` are milliseconds; `known` is null where all that is known today
    counts. `truncated` says that there were more features than one answer may hold."""

    type: Literal["FeatureCollection"]
    at: int
    known: int | None
    truncated: bool
    features: list[PastFeatureView]


class PastDocumentsView(BaseModel):
    """Entities in key-values form with short names: {"id", "type", "name": ...}; times as in PastFeaturesView."""

    at: int
    known: int | None
    total: int
    documents: list[dict[str, Any]]
