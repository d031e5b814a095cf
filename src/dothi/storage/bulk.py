"""Reads the past of many entities as columns, for what goes over all of it: back-tests, exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np
import orjson

from dothi.model.patch import SCOPE
from dothi.model.query import Window
from dothi.storage.history import ENTITIES
from dothi.storage.packing import Floats, Ints, Marks
from dothi.storage.rows import Names
from dothi.storage.series import Column, columns


@dataclass(frozen=True, slots=True)
class PastColumn:
    """The default instances of one attribute of one entity: `times` rise strictly, microseconds.

    `numbers` is NaN where there is no number; `read` gives the values as they were written; `deleted` marks deletions,
    None where there are none.
    """

    id: str
    types: tuple[str, ...]
    attribute: str
    times: Ints
    numbers: Floats
    read: Callable[[], list[Any]]
    deleted: Marks | None


def read_past_columns(
    connection: apsw.Connection, names: Names, ids: Sequence[str], attributes: Sequence[str], start: int, end: int
) -> list[PastColumn]:
    """Of these entities, start <= time < end; no attributes (IRIs) is all of them."""
    found: list[PastColumn] = []
    window = Window(start, end)
    scope = names.number(SCOPE)
    for n, id, types, *_ in connection.execute(ENTITIES, (orjson.dumps(ids).decode(),)):
        for (attribute, dataset), column in columns(connection, names, n, attributes, window).items():
            if dataset or attribute == scope:
                continue
            one = _cut(column, start, end)
            if one is not None:
                times, numbers, read, deleted = one
                kind = names.decode_types(types)
                found.append(PastColumn(id, kind, names.iri(attribute), times, numbers, read, deleted))
    return found


def _cut(column: Column, start: int, end: int) -> tuple[Ints, Floats, Callable[[], list[Any]], Marks | None] | None:
    first, last = (int(place) for place in np.searchsorted(column.times, (start, end)))
    if first == last:
        return None
    part = slice(first, last)
    numbers = column.numbers()[part]
    deleted = column.marks("deletedAt")[part] if np.isnan(numbers).any() else None
    if deleted is not None and not deleted.any():
        deleted = None
    return column.times[part], numbers, lambda: column.values()[part], deleted
