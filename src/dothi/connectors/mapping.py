"""The mapping of a table or of GeoJSON: a small TOML that says which column is which attribute of which entity."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from dothi.connectors import places, times
from dothi.connectors.names import is_term
from dothi.model.errors import InvalidRequest
from dothi.model.values import is_uri

#: Unknown members are refused everywhere below, so that a typing error is told and not passed over.
ColumnType = Literal["number", "text", "bool", "date", "relationship", "json"]

_FIELD = re.compile(r"\{([^{}]*)\}")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the file is written; what is not given is found out from its first bytes."""

    encoding: str | None = None
    delimiter: str | None = None
    #: Sheet of a workbook; the first one where it is not given.
    sheet: str | None = None
    #: The how-manieth row that is not blank holds the names of the columns.
    header: int = 1
    #: Cells that mean "no value"; the attribute is then left out.
    missing: tuple[str, ...] = ("",)
    decimal: Literal[".", ","] = "."
    #: Separator of thousands within numbers.
    thousands: str = ""


class EntityRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a row is: `id` is a template such as urn:ngsi-ld:AirQualityObserved:{station}; {line} is the line number."""

    type: str
    id: str | None = None
    #: Address of the @context of type and attributes; dothi's own where it is not given.
    context: str | None = None
    #: True: the rows of one id are its past, ordered by [time]; false: each row is the state of an entity.
    history: bool = False
    #: A row with the time of the row before: "last" replaces it, "keep" stores it beside with a datasetId.
    repeats: Literal["last", "keep"] = "last"


class Time(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The time at which a row was true (observedAt). `clock` is a second column with the time of day."""

    column: str
    clock: str | None = None
    format: str = "iso"
    zone: str | None = None


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a row is: two columns in degrees, or in metres of `crs`."""

    lon: str | None = None
    lat: str | None = None
    crs: str = places.WGS84
    attribute: str = "location"


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a column becomes. `entity` is an id template where it belongs to another entity than the row's own."""

    attribute: str
    type: ColumnType = "text"
    unit: str | None = None
    entity: str | None = None
    #: For dates: as in [time].
    format: str = "iso"
    zone: str | None = None
    #: For relationships: the template of the target's id; {value} is the cell.
    target: str | None = None
    #: Separator of several values in one cell; the attribute's value is then a list.
    split: str | None = None
    #: Further cells of this column that mean "no value".
    missing: tuple[str, ...] = ()


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping. `constants` are attributes that every entity gets; `keep` names the cells of rows to be read."""

    entity: EntityRule
    source: Source = Source()
    time: Time | None = None
    place: Place | None = None
    columns: dict[str, Column] = {}
    constants: dict[str, Any] = {}
    keep: dict[str, tuple[str, ...]] = {}


def read_mapping(path: Path) -> Mapping:
    """The mapping of a TOML file. Raises InvalidRequest that says which member is wrong and how to mend it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidRequest(f"{path.name}: the mapping cannot be read: {fault}") from fault
    return parse_mapping(text, path.name)


def parse_mapping(text: str, where: str = "mapping") -> Mapping:
    """As read_mapping, of a text."""
    try:
        mapping = msgspec.toml.decode(text, type=Mapping)
    except (msgspec.DecodeError, ValueError) as fault:
        raise InvalidRequest(f"{where}: {fault}") from fault
    faults = list(_faults(mapping))
    if faults:
        raise InvalidRequest(f"{where}: " + "; ".join(faults))
    return mapping


def fields(template: str) -> list[str]:
    """The names within braces of a template."""
    return _FIELD.findall(template)


def fill(template: str, values: dict[str, str]) -> str:
    """The template with each {name} replaced."""
    return _FIELD.sub(lambda match: values[match[1]], template)


def columns_named(mapping: Mapping) -> list[str]:
    """Every column the mapping speaks of, once, in the order in which it does."""
    named = list(mapping.columns)
    templates = [mapping.entity.id, *(column.entity for column in mapping.columns.values())]
    named += [name for template in templates if template for name in fields(template) if name != "line"]
    if mapping.time:
        named += [name for name in (mapping.time.column, mapping.time.clock) if name]
    if mapping.place:
        named += [name for name in (mapping.place.lon, mapping.place.lat) if name]
    return list(dict.fromkeys([*named, *mapping.keep]))


def _faults(mapping: Mapping) -> list[str]:
    faults = [f"entity.type {mapping.entity.type!r} is no name"] if not is_term(mapping.entity.type) else []
    if mapping.entity.id is None and any(column.entity is None for column in mapping.columns.values()):
        faults.append("entity.id is missing; write a template like urn:ngsi-ld:Sensor:{station}")
    for where, template in [("entity.id", mapping.entity.id)] + [
        (f"columns.{name}.entity", column.entity) for name, column in mapping.columns.items()
    ]:
        if template is not None and not is_uri(_FIELD.sub("x", template)):
            faults.append(f"{where} {template!r} gives no URI; begin it with urn:ngsi-ld:")
    if mapping.entity.history and mapping.time is None:
        faults.append("entity.history needs [time]")
    if mapping.source.header < 1:
        faults.append("source.header counts from 1")
    if mapping.time is not None:
        faults += _time_faults("time", mapping.time.format, mapping.time.zone)
    if mapping.place is not None:
        faults += _place_faults(mapping.place)
    for name, column in mapping.columns.items():
        faults += _column_faults(name, column)
    return faults + [f"constants.{name!r} is no attribute name" for name in mapping.constants if not is_term(name)]


def _column_faults(name: str, column: Column) -> list[str]:
    faults = (
        [] if is_term(column.attribute) else [f"columns.{name}.attribute {column.attribute!r} is no attribute name"]
    )
    if column.type == "date":
        faults += _time_faults(f"columns.{name}", column.format, column.zone)
    if column.target is not None and column.type != "relationship":
        faults.append(f"columns.{name}.target is for the type relationship only")
    if column.target is not None and fields(column.target) != ["value"]:
        faults.append(f"columns.{name}.target must hold {{value}} and nothing else in braces")
    return faults


def _time_faults(where: str, format: str, zone: str | None) -> list[str]:
    try:
        times.time_reader(format, zone)
    except ValueError as fault:
        return [f"{where}: {fault}"]
    return []


def _place_faults(place: Place) -> list[str]:
    if (place.lon is None) != (place.lat is None):
        return ["place needs both lon and lat, or neither"]
    try:
        places.mover(place.crs)
    except ValueError as fault:
        return [f"place.crs: {fault}"]
    return []
