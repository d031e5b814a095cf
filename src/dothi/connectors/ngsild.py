"""Reads files of NGSI-LD entities (JSON or JSON-LD: one, an array, one a line) as batches, object by object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from dothi.connectors.base import Batch
from dothi.connectors.jsonsplit import Piece, split_objects
from dothi.connectors.keyvalues import normalized
from dothi.connectors.mend import mend
from dothi.model.reading import Document, Trouble

BATCH_ENTITIES = 500
BATCH_BYTES = 1 << 21
CORE = "https://uri.etsi.org/ngsi-ld/"


def read_entities(path: Path, lenient: bool = False) -> Iterator[Batch]:
    """Batches of the entities of a file, each batch under one context. Broken objects are told with file:line."""
    batch, size = Batch(), 0
    for piece in split_objects(path):
        where = f"{path.name}:{piece.line}"
        document = _document(piece, where, batch)
        if document is not None:
            if lenient:
                document = mend(document, where, batch.mended)
            context = take_context(document)
            full = len(batch.entities) >= BATCH_ENTITIES or size > BATCH_BYTES
            id = document.get("id")
            if full or context != batch.context or id in batch.origins:
                if batch.entities:
                    yield batch
                    batch, size = Batch(done=piece.done), 0
                batch.context = context
            _put(batch, document, where)
            size += len(piece.text)
        batch.done = piece.done
    batch.done = path.stat().st_size
    yield batch


def take_context(document: Document) -> str | None:
    """Remove the @context where one address says it all, and return that address.

    The core context says nothing that is not known anyway. A context of several parts, or written out, stays in the
    document.
    """
    context = document.get("@context")
    parts = [part for part in (context if isinstance(context, list) else [context]) if part is not None]
    own = [part for part in parts if not (isinstance(part, str) and part.startswith(CORE))]
    if len(own) > 1 or (own and not isinstance(own[0], str)):
        return None
    document.pop("@context", None)
    return own[0] if own else None


def _document(piece: Piece, where: str, batch: Batch) -> Document | None:
    if piece.fault is not None:
        batch.problems.append(Trouble(where, piece.fault, "the file holds entities as JSON objects"))
        return None
    try:
        document: Any = orjson.loads(piece.text)
    except orjson.JSONDecodeError as fault:
        line = int(where.rpartition(":")[2]) + piece.text[: _offset(fault, piece.text)].count(b"\n")
        place = f"{where.rpartition(':')[0]}:{line}"
        batch.problems.append(
            Trouble(place, f"is no JSON: {fault.msg}", "the object that begins at " + where + " is left out")
        )
        return None
    return document if isinstance(document, dict) else None


def _offset(fault: orjson.JSONDecodeError, text: bytes) -> int:
    """orjson counts characters; lines are counted in bytes."""
    return len(text.decode("utf-8", "replace")[: fault.pos].encode())


def _put(batch: Batch, document: Document, where: str) -> None:
    entity = normalized(document)
    batch.entities.append(entity)
    batch.origins[str(entity.get("id"))] = where
    batch.values += len(entity) - 2
