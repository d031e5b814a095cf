"""Reading ahead changes nothing of what is read."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dothi.connectors.wide_socket import WideSocket


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(1, 40), min_size=1))
def test_the_same_bytes_come_whatever_the_sizes_asked(content: bytes, sizes: list[int]) -> None:
    sender, receiver = socket.socketpair()
    with sender, receiver:
        wide = WideSocket(receiver)
        sender.sendall(content)
        sender.shutdown(socket.SHUT_WR)
        read = b""
        turn = 0
        while piece := wide.recv(sizes[turn % len(sizes)]):
            read += piece
            assert wide.pending() == len(content) - len(read)
            turn += 1
        assert read == content


def test_an_empty_socket_blocks_no_one() -> None:
    sender, receiver = socket.socketpair()
    with sender, receiver:
        wide = WideSocket(receiver)
        wide.setblocking(False)
        with pytest.raises(BlockingIOError):
            wide.recv(1)
        assert wide.pending() == 0
        assert wide.fileno() == receiver.fileno()
