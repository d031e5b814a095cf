"""Tenants: a broker and a folder each, made by the first write that names them (clauses 4.14, 5.5.10, 6.3.14)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from dothi.broker.broker import Broker
from dothi.model.errors import BadRequestData, NonexistentTenant, TooManyResults

#: Builds and opens the broker whose data live in a folder.
OpenBroker = Callable[[Path], Awaitable[Broker]]

FOLDER: Final = "tenants"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:~-]{0,99}", re.ASCII)


class Tenants:
    """The default tenant, whose data live in `folder`, and the named ones, each in `folder`/tenants/<name>.

    At most `limit` named tenants come into being.
    """

    def __init__(self, folder: Path, open_broker: OpenBroker, default: Broker, limit: int = 100) -> None:
        self.default = default
        self._folder = folder
        self._open_broker = open_broker
        self._limit = limit
        self._brokers: dict[str, Broker] = {}
        self._creating = asyncio.Lock()

    @classmethod
    async def open(cls, folder: Path, open_broker: OpenBroker, limit: int = 100) -> Tenants:
        """Open the default tenant and every tenant that has a folder; closes all again when one cannot be opened."""
        tenants = cls(folder, open_broker, await open_broker(folder), limit)
        try:
            for name in tenants._names_on_disk():
                tenants._brokers[name] = await open_broker(tenants._folder_of(name))
        except BaseException:
            await tenants.close()
            raise
        return tenants

    @property
    def names(self) -> list[str]:
        """Names of the tenants beside the default one, in order."""
        return sorted(self._brokers)

    def __iter__(self) -> Iterable[tuple[str | None, Broker]]:
        yield None, self.default
        yield from sorted(self._brokers.items())

    def get(self, name: str) -> Broker:
        """The broker of a tenant. Raises NonexistentTenant."""
        broker = self._brokers.get(name)
        if broker is None:
            raise NonexistentTenant(f"The tenant {name!r} does not exist: the first creation in it makes it.")
        return broker

    async def ensure(self, name: str) -> Broker:
        """The broker of a tenant, made now where it is new. Raises BadRequestData for a name that cannot be one,
        TooManyResults when there are as many tenants as the settings allow."""
        broker = self._brokers.get(name)
        return broker if broker is not None else await self._create(name)

    async def _create(self, name: str) -> Broker:
        if not _NAME.fullmatch(name):
            raise BadRequestData(
                f"NGSILD-Tenant {name!r} is no tenant name: up to 100 letters, digits and _ . : ~ - after a first "
                "letter or digit."
            )
        async with self._creating:
            if name in self._brokers:
                return self._brokers[name]
            if len(self._brokers) >= self._limit:
                raise TooManyResults(f"There are {self._limit} tenants, as many as the settings allow.")
            folder = self._folder_of(name)
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
            broker = await self._open_broker(folder)
            self._brokers[name] = broker
            return broker

    async def close(self) -> None:
        """Close every broker."""
        for broker in [*self._brokers.values(), self.default]:
            await broker.close()

    def _names_on_disk(self) -> list[str]:
        root = self._folder / FOLDER
        return sorted(unquote(path.name) for path in root.iterdir() if path.is_dir()) if root.is_dir() else []

    def _folder_of(self, name: str) -> Path:
        return self._folder / FOLDER / quote(name, safe="")
