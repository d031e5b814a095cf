"""Says what kind of file a path is, by its name and first bytes, and opens the reader for it."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from dothi.connectors.base import Batch
from dothi.connectors.geojson import read_features
from dothi.connectors.gtfs import GtfsTables, is_gtfs
from dothi.connectors.lines import sniff_encoding
from dothi.connectors.mapping import Mapping, read_mapping
from dothi.connectors.names import id_part
from dothi.connectors.ngsild import read_entities
from dothi.connectors.tables import WORKBOOKS, read_table
from dothi.model.errors import InvalidRequest
from dothi.model.reading import Document, Trouble

Kind = Literal["ngsi-ld", "geojson", "table", "gtfs"]

#: Tables of a GTFS feed and its name -> entities and troubles; the mobility module gives it.
GtfsEntities = Callable[[GtfsTables, str], "Iterator[Document | Trouble]"]

TABLE_NAMES = WORKBOOKS | {".csv", ".tsv", ".tab", ".txt"}
BATCH_ENTITIES = 500
_GEOJSON = re.compile(r'"type"\s*:\s*"(FeatureCollection|Feature)"')


def recognise(path: Path) -> Kind:
    """The kind of a file. Raises InvalidRequest naming what can be read when it is none of it, or cannot be opened."""
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)
    except OSError as fault:
        raise InvalidRequest(f"{path.name} cannot be opened: {fault.strerror}") from fault
    if not head:
        raise InvalidRequest(f"{path.name} is empty")
    if suffix in WORKBOOKS:
        return "table"
    if suffix == ".zip" or head.startswith(b"PK"):
        return _recognise_zip(path)
    text = head.decode(sniff_encoding(head), "replace").lstrip("\ufeff \t\r\n\x1e")
    if text[:1] in {"{", "["} and suffix not in TABLE_NAMES:
        return "geojson" if suffix == ".geojson" or _GEOJSON.search(text) else "ngsi-ld"
    if suffix in {".json", ".jsonld", ".ndjson", ".jsonl", ".geojson"}:
        raise InvalidRequest(f"{path.name}:1: begins with {text[:20]!r}; JSON begins with {{ or [")
    if suffix in TABLE_NAMES:
        return "table"
    raise InvalidRequest(
        f"{path.name} is of no known kind; dothi reads NGSI-LD (.json, .jsonld), GeoJSON, CSV, TSV, Excel and GTFS zips"
    )


def read_file(
    path: Path, *, mapping: Mapping | None = None, lenient: bool = False, gtfs: GtfsEntities | None = None
) -> Iterator[Batch]:
    """The batches of a file of any kind. A mapping beside the file (air.csv.toml) is taken where none is given.

    Raises InvalidRequest when the whole file cannot be read; faults within it stand in the batches.
    """
    kind = recognise(path)
    if mapping is None:
        mapping = mapping_beside(path)
    match kind:
        case "ngsi-ld":
            return read_entities(path, lenient)
        case "geojson":
            return read_features(path, mapping)
        case "gtfs":
            return _read_feed(path, gtfs)
        case "table":
            if mapping is None:
                raise InvalidRequest(
                    f"{path.name} needs a mapping; `dothi check {path.name}` proposes one, save it as {path.name}.toml"
                )
            return read_table(path, mapping)


def mapping_beside(path: Path) -> Mapping | None:
    """The mapping in the file of the same name with .toml added, where there is one."""
    beside = path.with_name(path.name + ".toml")
    return read_mapping(beside) if beside.is_file() else None


def _recognise_zip(path: Path) -> Kind:
    if not zipfile.is_zipfile(path):
        raise InvalidRequest(f"{path.name} is a broken zip: its directory at the end is missing; copy it again")
    if is_gtfs(path):
        return "gtfs"
    raise InvalidRequest(f"{path.name} is a zip, but no GTFS feed: it holds neither stops.txt nor routes.txt")


def _read_feed(path: Path, gtfs: GtfsEntities | None) -> Iterator[Batch]:
    if gtfs is None:
        raise InvalidRequest(f"{path.name} is GTFS, which the mobility module reads; it is not installed")
    problems: list[Trouble] = []
    batch = Batch()
    with GtfsTables(path, problems.append) as tables:
        for item in gtfs(tables, id_part(path.stem.lower())):
            if isinstance(item, Trouble):
                problems.append(item)
                continue
            batch.entities.append(item)
            batch.values += len(item) - 2
            if len(batch.entities) >= BATCH_ENTITIES:
                batch.problems, problems[:] = problems[:], []
                yield batch
                batch = Batch()
    batch.problems = problems[:]
    batch.done = path.stat().st_size
    yield batch
