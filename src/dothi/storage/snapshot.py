"""Copies a city's file, or what some queries find in it, to a new file: one state, whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import apsw

from dothi.storage.compile import compile_entities
from dothi.storage.store import Choice

#: Tables whose rows belong to one entity: which rows are copied of those that were chosen, with their past or without.
_CHOSEN: Final = "IN (SELECT n FROM temp.chosen)"
_WITH_PAST: Final = "IN (SELECT n FROM temp.chosen WHERE past)"
_PARTS: Final = (
    ("entity", f"n {_CHOSEN}"),
    ("entity_type", f"entity {_CHOSEN}"),
    ("entity_scope", f"entity {_CHOSEN}"),
    ("place", f"id >> 32 {_CHOSEN}"),
    ("change", f"entity {_WITH_PAST}"),
    ("life", f"entity {_WITH_PAST}"),
    ("series", f"entity {_WITH_PAST}"),
    ("chunk", f"series IN (SELECT n FROM main.series WHERE entity {_WITH_PAST})"),
    ("name", "TRUE"),
    # The number of the last change, sealed ones included, counts on in the copy.
    ("record", "kind = 'log'"),
)


def extract(
    source: apsw.Connection, number: Callable[[str], int | None], target: Path, choices: Sequence[Choice]
) -> list[int]:
    """Copy what is chosen into `target`, a file of this layout without entities; how many each choice found.

    Reads one state of the source, and writes the target durably in one transaction.
    """
    source.execute("ATTACH ? AS copy", (str(target),))
    try:
        source.execute("CREATE TEMP TABLE chosen (n INTEGER PRIMARY KEY, past INTEGER NOT NULL)")
        with source:
            counts = [_choose(source, number, choice) for choice in choices]
            for table, rows in _PARTS:
                columns = ", ".join(_columns(source, table))
                source.execute(f"INSERT INTO copy.{table} ({columns}) SELECT {columns} FROM main.{table} WHERE {rows}")
        return counts
    finally:
        source.execute("DROP TABLE IF EXISTS temp.chosen")
        source.execute("DETACH copy")


def duplicate(source: apsw.Connection, target: apsw.Connection) -> None:
    """Copy a whole file as it is now, without the documents that are at work in it: subscriptions, outbox, cursors."""
    with target.backup("main", source, "main") as copying:
        copying.step()
    target.execute("DELETE FROM record WHERE kind <> 'log'")


def _choose(source: apsw.Connection, number: Callable[[str], int | None], choice: Choice) -> int:
    compiled = compile_entities(replace(choice.query, order=(), limit=-1, offset=0), number)
    if compiled.empty:
        return 0
    source.execute(
        f"INSERT INTO temp.chosen SELECT n, {int(choice.past)} FROM ({compiled.sql}) WHERE TRUE "
        "ON CONFLICT DO UPDATE SET past = max(past, excluded.past)",
        compiled.parameters,
    )
    return source.changes()


def _columns(source: apsw.Connection, table: str) -> Iterator[str]:
    for row in source.execute(f"PRAGMA main.table_info({table})"):
        yield f'"{row[1]}"'
