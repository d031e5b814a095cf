"""Loads files into the city, or only checks them, and reports what was taken, left out and mended, with file:line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dothi.connectors.base import Batch, Sink
from dothi.connectors.files import GtfsEntities, read_file, recognise
from dothi.connectors.mapping import Mapping
from dothi.model.errors import BadRequestData, InvalidRequest, LdContextNotAvailable, TargetRefused
from dothi.model.reading import Trouble

#: A report keeps this many troubles of each file and counts the rest.
KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load is: bytes of all files, and values handed to the store so far."""

    file: str
    done: int
    total: int
    values: int


@dataclass(slots=True)
class FileReport:
    """What became of one file. `refused` says why the whole file could not be read."""

    file: str
    kind: str = ""
    entities: int = 0
    values: int = 0
    rejected: int = 0
    repairs: int = 0
    problems: list[Trouble] = field(default_factory=list)
    mended: list[Trouble] = field(default_factory=list)
    refused: str | None = None

    def add(self, batch: Batch, refusals: Sequence[Trouble]) -> None:
        self.entities += len(batch.entities)
        self.values += batch.values
        self.rejected += len(batch.problems) + len(refusals)
        self.repairs += len(batch.mended)
        self.problems += [*batch.problems, *refusals][: KEPT - len(self.problems)]
        self.mended += batch.mended[: KEPT - len(self.mended)]


@dataclass(slots=True)
class LoadReport:
    """What became of all files. `entities` counts documents: one entity of much history comes in several."""

    files: list[FileReport] = field(default_factory=list)

    @property
    def entities(self) -> int:
        return sum(file.entities for file in self.files)

    @property
    def values(self) -> int:
        return sum(file.values for file in self.files)

    @property
    def rejected(self) -> int:
        return sum(file.rejected for file in self.files)

    @property
    def is_clean(self) -> bool:
        return not any(file.rejected or file.refused for file in self.files)


async def load_files(
    paths: Sequence[Path],
    sink: Sink | None,
    *,
    mapping: Mapping | None = None,
    lenient: bool = False,
    progress: Callable[[Progress], None] | None = None,
    gtfs: GtfsEntities | None = None,
) -> LoadReport:
    """Load each file, batch by batch; the next batch is read while the last one is stored.

    `sink` None reads and judges only. A file that cannot be read at all is told in its report and stops no other.
    """
    report = LoadReport()
    total = sum(path.stat().st_size for path in paths if path.is_file())
    before = 0
    for path in paths:
        entry = FileReport(path.name)
        report.files.append(entry)

        def told(batch: Batch, path: Path = path, before: int = before) -> None:
            if progress is not None:
                progress(Progress(path.name, before + batch.done, total, report.values))

        try:
            entry.kind = recognise(path)
            await _load(read_file(path, mapping=mapping, lenient=lenient, gtfs=gtfs), sink, entry, told)
        except InvalidRequest as fault:
            entry.refused = fault.detail
        before += path.stat().st_size if path.is_file() else 0
    return report


async def _load(batches: Iterator[Batch], sink: Sink | None, entry: FileReport, told: Callable[[Batch], None]) -> None:
    """Store batch after batch; a thread reads the next one meanwhile, so no more than two are in memory."""
    batch = await asyncio.to_thread(_next, batches)
    while isinstance(batch, Batch):
        following, refusals = await asyncio.gather(asyncio.to_thread(_next, batches), _put(sink, batch, entry.file))
        entry.add(batch, refusals)
        told(batch)
        batch = following
    if batch is not None:
        raise batch


def _next(batches: Iterator[Batch]) -> Batch | InvalidRequest | None:
    try:
        return next(batches, None)
    except InvalidRequest as fault:
        return fault


async def _put(sink: Sink | None, batch: Batch, file: str) -> list[Trouble]:
    """Store a batch; a refusal of the broker names the line of the file where the entity stands."""
    if sink is None or not batch.entities:
        return []
    try:
        refusals = await sink.put(batch.entities, batch.context, f"load:{file}")
    except (BadRequestData, LdContextNotAvailable, TargetRefused) as fault:  # of the batch's context
        refusals = [Trouble(str(entity.get("id")), fault.detail) for entity in batch.entities]
    return [_located(refusal, batch.origins) for refusal in refusals]


def _located(refusal: Trouble, origins: dict[str, str]) -> Trouble:
    id = next((id for id in origins if refusal.where.startswith(id)), None)
    return refusal if id is None else Trouble(f"{origins[id]} {refusal.where}", refusal.what, refusal.mend)
