"""What a registration may not be: this broker itself, a rival of an exclusive source, a veil over entities here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from dothi.model.errors import Conflict
from dothi.model.query import AnyOf, EntityQuery, Name
from dothi.model.registration import EntityInfo, Registration, contradiction
from dothi.storage.store import Transaction

#: Names by which a server calls its own machine.
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})
_PORTS: Final = {"http": 80, "https": 443}


def is_same_broker(registration: Registration, base: str, tenant: str | None) -> bool:
    """Whether the source is the tenant of this broker, reached under `base`, in which it is registered.

    Detours over other brokers, or under other names of this one, are noticed when a request comes round (6.3.18).
    """
    own, endpoint = urlsplit(base), urlsplit(registration.endpoint)
    if registration.tenant != tenant or _port(own.scheme, own.port) != _port(endpoint.scheme, endpoint.port):
        return False
    names = {own.hostname} | (_LOOPBACK if own.hostname in _LOOPBACK else set())
    return endpoint.hostname in names


def _port(scheme: str, port: int | None) -> int | None:
    return port or _PORTS.get(scheme)


def check_beside(registration: Registration, others: Iterable[Registration]) -> None:
    """Nobody else may proxy what an exclusive registration claims (clause 4.3.6.3). Raises Conflict."""
    for other in others:
        if other.id != registration.id and (reason := contradiction(registration, other)) is not None:
            raise Conflict(
                f"This {registration.mode} registration contradicts the {other.mode} one of {other.id}: both have "
                f"{reason}. Of what is registered as exclusive there can be one source only."
            )


def check_local(tx: Transaction, registration: Registration) -> None:
    """A proxied registration must not hide what this broker has (clause 5.9.2.4). Raises Conflict."""
    if registration.mode not in ("exclusive", "redirect"):
        return
    for information in registration.information:
        attributes = tuple(sorted(information.attributes or ()))
        for info in information.entities or (None,):
            found = tx.select(_entities(registration, info, attributes))
            if found:
                raise Conflict(
                    f"The entity {found[0]} is in this broker and matches the {registration.mode} registration, whose "
                    "source alone would have it: delete it here first, or register the source as inclusive."
                )


def _entities(registration: Registration, info: EntityInfo | None, attributes: tuple[str, ...]) -> EntityQuery:
    """The entities here that a registration is about; for an exclusive one the id says enough."""
    if info is None:
        return EntityQuery(attributes=attributes, limit=1)
    types = tuple(Name(type) for type in info.types) if registration.mode == "redirect" else ()
    return EntityQuery(
        ids=(info.id,) if info.id is not None else (),
        id_pattern=info.id_pattern if info.id is None else None,
        types=None if not types else types[0] if len(types) == 1 else AnyOf(types),
        attributes=attributes,
        limit=1,
    )
