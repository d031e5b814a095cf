"""Folds SQLite's write-ahead log back into the file beside the writer, so that no commit waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import apsw

#: Pages in the log (4 KiB each) from which on it is folded back: at most some 128 MiB wait there. The last part of a
#: fold holds the writer for a sync of the file, so it should be rare.
CHECKPOINT_PAGES = 32_000


class Checkpointer:
    """A thread with a connection of its own does the bulk; the writer then folds the few pages that came meanwhile,
    after which the log starts anew. A passive checkpoint disturbs neither readers nor the writer."""

    def __init__(
        self, connection: apsw.Connection, upkeep: Callable[[Callable[[apsw.Connection], object], bool], None]
    ) -> None:
        self._connection = connection
        self._upkeep = upkeep
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="dothi-checkpoint", daemon=True)

    def watch(self, writing: apsw.Connection) -> None:
        """Be told of every commit of the writer and its size of the log."""
        writing.set_wal_hook(self._committed)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self._wake.set()
        self._thread.join()
        self._connection.close()

    def _committed(self, connection: apsw.Connection, schema: str, pages: int) -> int:
        if pages >= CHECKPOINT_PAGES:
            self._wake.set()
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._ended:
                return
            fold(self._connection)  # the bulk
            fold(self._connection)  # what came meanwhile, so that little is left to do while the writer waits
            self._upkeep(fold, False)


def fold(connection: apsw.Connection) -> None:
    """A passive checkpoint; a log in use by a long read is folded another time."""
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.BusyError:
        return
