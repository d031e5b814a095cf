"""Brings a city's file to the layout of this version, one numbered SQL file at a time."""

from __future__ import annotations

from importlib.resources import files

import apsw


def scripts() -> list[tuple[int, str]]:
    """(number, SQL) of each migration, in order. A migration is never edited once released."""
    folder = files("dothi.storage") / "sql"
    found = [(int(entry.name[:4]), entry.read_text()) for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted(found)


def migrate(connection: apsw.Connection) -> None:
    """Run the missing migrations, each in a transaction of its own. Raises ValueError when the file is newer."""
    version = int(connection.pragma("user_version"))
    newest = scripts()[-1][0]
    if version > newest:
        raise ValueError(f"this city was written by a newer dothi (layout {version}, this one knows {newest})")
    for number, script in scripts():
        if number > version:
            with connection:
                connection.execute(script)
                connection.pragma("user_version", number)
