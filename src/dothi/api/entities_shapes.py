"""The entity browser's answers as models: their OpenAPI schema types the app."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from dothi.api.operations_shapes import AgeWord, RelationView, StatusWord, TextView


class EntityRow(BaseModel):
    """One line of the browser. `area` and `provider` are "" where unknown, `observed_at` is in milliseconds,
    `location` [lon, lat]."""

    id: str
    name: str | dict[str, str]
    type: str
    type_label: TextView | None
    area: str
    provider: str
    status: StatusWord
    age: AgeWord
    value: Any
    value_label: TextView | None
    unit: str
    digits: int | None
    observed_at: int | None
    location: tuple[float, float] | None


class FacetValue(BaseModel):
    """A value of a facet and how many entities would be found with it, the other facets holding."""

    value: str
    label: TextView | None
    count: int


class EntitiesView(BaseModel):
    """A page of the browser; `facets` by name (type, area, status, provider, age), the most frequent value first."""

    total: int
    offset: int
    rows: list[EntityRow]
    facets: dict[str, list[FacetValue]]


class IncomingView(BaseModel):
    """Entities that have a relationship to one: `name` is that of the relationship, `target` their id."""

    relations: list[RelationView]
    total: int
