"""What is seen as a file: entities of the browser or of a past instant as CSV, Excel or GeoJSON, with their origin."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import orjson
import xlsxwriter  # type: ignore[import-untyped]
from fastapi import FastAPI, Query
from fastapi.responses import Response

from dothi.api.entity_index import Facet
from dothi.api.operations_entities import Browser, Many, wanted_of
from dothi.api.operations_entity import unit_of
from dothi.api.operations_time import moment_of
from dothi.broker.past_state import PastState
from dothi.city.module import Text
from dothi.model.entity import Entity, Instance, each_instance
from dothi.model.errors import BadRequestData
from dothi.model.instant import format_instant
from dothi.model.query import EntityQuery
from dothi.web.vocabulary import LOCATION, value_of

#: Entities of one file.
MOST: Final = 50_000
#: Entities read at once.
PAGE: Final = 5_000

Format = Literal["csv", "xlsx", "geojson"]
_MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "geojson": "application/geo+json",
}
#: Beginnings by which a spreadsheet would take a text for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file says of itself: the city, the instants (microseconds), where it is from and what was asked."""

    city: Text
    made: int
    at: int
    asked: str
    known: int | None = None
    licence: str = ""

    def lines(self) -> list[tuple[str, str]]:
        """Pairs of a word and what it says."""
        told = [
            ("Thành phố / City", f"{self.city.vi} / {self.city.en}"),
            ("Trạng thái lúc / State at", format_instant(self.at)),
            ("Đã biết lúc / As known at", "" if self.known is None else format_instant(self.known)),
            ("Xuất lúc / Exported at", format_instant(self.made)),
            ("Điều kiện lọc / Filter", self.asked),
            ("Nguồn / Source", "cột provider của mỗi dòng / the column provider of each row"),
            ("Giấy phép / Licence", self.licence or "theo đơn vị cung cấp dữ liệu / as the data's provider says"),
        ]
        return [(word, text) for word, text in told if text]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; a column is (name, unit)."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    geometries: list[Any]


def add_export(
    app: FastAPI, browser: Browser, past: PastState, city: Text, problems: dict[int | str, dict[str, Any]]
) -> None:
    """Add the route; `problems` describes what else it answers."""
    files: dict[int | str, dict[str, Any]] = {
        **problems,
        200: {"content": {media.partition(";")[0]: {} for media in _MEDIA.values()}, "description": "The file"},
    }

    @app.get("/export", response_class=Response, responses=files, tags=["entities"])
    async def export(
        format: Format,
        q: Annotated[str, Query(max_length=200)] = "",
        type: Many = None,
        area: Many = None,
        status: Many = None,
        provider: Many = None,
        age: Many = None,
        id: Many = None,
        at: Annotated[str | None, Query(description="a past instant; now where absent")] = None,
        known: Annotated[str | None, Query(description="as in /as-of")] = None,
    ) -> Response:
        """The entities that /entities finds, or those named by `id`, with every attribute and its unit as a column."""
        chosen: dict[Facet, list[str] | None] = {
            "type": type, "area": area, "status": status, "provider": provider, "age": age,
        }  # fmt: skip
        ids = id or [line.id for line in (await browser.index.find(wanted_of(q, chosen))).lines]
        if len(ids) > MOST:
            raise BadRequestData(
                f"{len(ids):,} entities are more than the {MOST:,} of one file; narrow the filter down"
            )
        now = browser.now()
        moment = None if at is None else moment_of(at, known)
        entities = await (_now(browser, ids) if moment is None else past.some(ids, moment))
        told = [f"q={q}"] if q else []
        told += [f"{facet}={', '.join(values)}" for facet, values in chosen.items() if values]
        when, by = (now, None) if moment is None else (moment.at, moment.known)
        origin = Origin(city, now, when, "; ".join(told), by)
        body = await asyncio.to_thread(_write, format, table_of(browser, entities), origin)
        name = f"dothi-{format_instant(when)[:16].replace(':', '')}.{format}"
        return Response(
            body, media_type=_MEDIA[format], headers={"content-disposition": f'attachment; filename="{name}"'}
        )


async def _now(browser: Browser, ids: Sequence[str]) -> list[Entity]:
    found: dict[str, Entity] = {}
    for first in range(0, len(ids), PAGE):
        part = tuple(ids[first : first + PAGE])
        page = await browser.store.entities(EntityQuery(ids=part, limit=len(part)))
        found.update((entity.id, entity) for entity in page.entities)
    return [found[each] for each in ids if each in found]


def table_of(browser: Browser, entities: Iterable[Entity]) -> Table:
    """A row for each entity, a column for each attribute that one of them has, with the unit that most of them name."""
    declared, vocabulary = browser.declared, browser.declared.vocabulary
    columns: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    geometries = []
    for entity in entities:
        row: dict[str, Any] = {"id": entity.id, "type": vocabulary.compact(entity.types[0])}
        geometry, newest = None, ""
        for iri, instance in each_instance(entity.attributes):
            if iri == LOCATION:
                geometry = value_of(instance)
                continue
            name = vocabulary.compact(iri) + (f" [{instance['datasetId']}]" if "datasetId" in instance else "")
            unit = unit_of(declared.attribute(entity.types, iri), instance)
            columns[name] = columns.get(name) or unit
            row[name] = _cell(instance)
            newest = max(newest, instance.get("observedAt") or "")
        point = geometry.get("coordinates") if isinstance(geometry, dict) and geometry.get("type") == "Point" else None
        row |= {"observedAt": newest, "lon": point[0] if point else None, "lat": point[1] if point else None}
        rows.append(row)
        geometries.append(geometry)
    fixed = {"id": "", "type": "", "observedAt": "", "lon": "°", "lat": "°"}
    order = [*fixed, *(name for name in columns if name not in fixed)]
    units = {**columns, **fixed}
    return Table(
        [(name, units[name]) for name in order], [[row.get(name) for name in order] for row in rows], geometries
    )


def _cell(instance: Instance) -> Any:
    value = value_of(instance)
    if value is None or isinstance(value, str | int | float):
        return value
    return orjson.dumps(value).decode()


def _write(format: Format, table: Table, origin: Origin) -> bytes:
    return {"csv": as_csv, "xlsx": as_xlsx, "geojson": as_geojson}[format](table, origin)


def _heads(table: Table) -> list[str]:
    return [f"{name} ({unit})" if unit else name for name, unit in table.columns]


def as_csv(table: Table, origin: Origin) -> bytes:
    """UTF-8 with the mark that Excel looks for; the origin stands in lines that begin with #."""
    text = io.StringIO()
    for word, told in origin.lines():
        text.write(f"# {word}: {' '.join(told.split())}\r\n")
    writer = csv.writer(text)
    writer.writerow(_heads(table))
    writer.writerows([_harmless(cell) for cell in row] for row in table.rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula is kept a text by an apostrophe."""
    return "'" + cell if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_xlsx(table: Table, origin: Origin) -> bytes:
    """A sheet of data and a sheet of origin; texts are texts, whatever they begin with."""
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet("Dữ liệu - Data")
        sheet.write_row(0, 0, _heads(table), bold)
        for number, row in enumerate(table.rows, start=1):
            for column, cell in enumerate(row):
                if cell is not None:
                    sheet.write(number, column, cell if isinstance(cell, bool | int | float) else str(cell)[:32_767])
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(1, len(table.rows)), max(0, len(table.columns) - 1))
        sheet.set_column(0, max(0, len(table.columns) - 1), 18)
        about = book.add_worksheet("Nguồn gốc - Origin")
        about.set_column(0, 0, 30)
        about.set_column(1, 1, 80)
        for number, (word, told) in enumerate(origin.lines()):
            about.write(number, 0, word, bold)
            about.write_string(number, 1, told)
    return file.getvalue()


def as_geojson(table: Table, origin: Origin) -> bytes:
    """A FeatureCollection; origin and units stand beside the features."""
    names = [name for name, _ in table.columns]
    features = [
        {"type": "Feature", "id": row[0], "geometry": geometry,
         "properties": {name: cell for name, cell in zip(names, row, strict=True) if cell is not None}}
        for row, geometry in zip(table.rows, table.geometries, strict=True)
    ]  # fmt: skip
    units = {name: unit for name, unit in table.columns if unit}
    return orjson.dumps(
        {"type": "FeatureCollection", "origin": dict(origin.lines()), "units": units, "features": features}
    )
