"""Puts the ways together by which letters leave, and checks the addresses to which they are to go."""

from __future__ import annotations

import asyncio
import ssl

from dothi.broker.delivery import Carrier, Carriers
from dothi.broker.outside import Outside
from dothi.broker.poster import CONNECTING, Poster, Resolve, parse_address
from dothi.broker.publisher import Publisher
from dothi.model.endpoint import MQTT_SCHEMES, Endpoint, parse_mqtt_address
from dothi.model.errors import BadRequestData


def carriers(resolve: Resolve, tasks: asyncio.TaskGroup, tls: ssl.SSLContext | None = None) -> Carrier:
    """HTTP(S) and MQTT(S), for as long as the task group lives. `tls` says whom to trust; None trusts as the system."""
    publisher = Publisher(resolve, tasks, tls)
    poster = Poster(resolve, tls)
    return Carriers({"http": poster, "https": poster, **dict.fromkeys(MQTT_SCHEMES, publisher)})


async def check_address(endpoint: Endpoint, outside: Outside, resolve: Resolve) -> None:
    """Refuse an address that is none, or that may not be called now; a name that is not known yet may.

    Raises BadRequestData, TargetRefused. At every connection it is checked again, where the name may lead elsewhere.
    """
    try:
        address = parse_mqtt_address(endpoint.uri) if endpoint.is_mqtt else parse_address(endpoint.uri)
    except ValueError as fault:
        raise BadRequestData(f"notification.endpoint.uri {endpoint.shown!r} is no address: {fault}.") from None
    if not endpoint.is_mqtt:
        await outside.check(endpoint.uri)
        return
    try:
        await asyncio.wait_for(resolve(address.host, address.port), CONNECTING)
    except (OSError, TimeoutError):
        return
