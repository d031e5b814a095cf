"""A socket that is read in large pieces, so that a stream of small MQTT packets costs few system calls."""

from __future__ import annotations

import socket
from typing import Any

import paho.mqtt.client as paho

PIECE = 1 << 16


class WideSocket:
    """Reads ahead of a client that asks byte by byte, as paho does. `pending` tells what has been read and not taken.

    aiomqtt asks `pending` after each packet, since TLS sockets have it, and goes on without a turn of the event loop.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._ahead = b""
        self._taken = 0

    def recv(self, size: int) -> bytes:
        if self._taken == len(self._ahead):
            self._ahead, self._taken = self._inner.recv(PIECE), 0
        piece = self._ahead[self._taken : self._taken + size]
        self._taken += len(piece)
        return piece

    def pending(self) -> int:
        beneath: int = getattr(self._inner, "pending", int)()
        return len(self._ahead) - self._taken + beneath

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def read_widely(client: paho.Client) -> None:
    """Make the client read by a WideSocket. To be called before it connects."""
    create = client._create_socket

    def create_wide() -> Any:
        return WideSocket(create())  # type: ignore[arg-type]

    client._create_socket = create_wide  # type: ignore[method-assign]
