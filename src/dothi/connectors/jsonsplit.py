"""Cuts a long JSON text into its objects in bounded memory, so that one broken object costs no other."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dothi.connectors.lines import sniff_encoding

BLOCK = 1 << 18
#: A single object above this many bytes is refused, and the file is not read further.
LARGEST = 1 << 24

# All up to the next bracket outside of strings, or to a quote whose string does not end in what has been read. JSON
# strings hold no line ends, so a string that meets one is broken. Possessive: no backtracking whatever the text.
_NEXT = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"[^"{}\[\]]*+)*+([{}\[\]"])', re.DOTALL)
_BETWEEN = b" \t\r\n,[]\x1e"


class Piece(NamedTuple):
    """One object's text, or what stands between objects and is none (`fault` says so). `line` is where it begins."""

    line: int
    text: bytes
    done: int
    fault: str | None = None


def split_objects(path: Path, start: int = 0, line: int = 1, one_array: bool = False) -> Iterator[Piece]:
    """The outermost objects of a file, be they in an array, one a line, or one after another.

    `start` (in bytes of UTF-8) and `line` let it begin within the file; `one_array` ends it with the array begun there.
    """
    return _Cutter(line, one_array).pieces(_blocks(path, start))


def find_array(path: Path, member: str) -> tuple[int, int, bytes] | None:
    """Where the array in a member of the outermost object begins: byte after [, its line, and the text up to it.

    None when the object has no such array within its first 16 MiB.
    """
    key = re.compile(rb'"' + re.escape(member.encode()) + rb'"\s*:\s*\[\Z')
    text, position, depth = b"", 0, 0
    for block, _ in _blocks(path, 0):
        text += block
        while match := _NEXT.match(text, position):
            mark = match[1]
            if mark == b'"' and text.find(b"\n", match.end()) < 0:
                break
            position = match.end()
            if mark == b"[" and depth == 1 and key.search(text, max(0, position - len(member) - 64), position):
                return position, 1 + text.count(b"\n", 0, position), text[:position]
            depth += (mark in b"{[") - (mark in b"}]")
        if len(text) > LARGEST:
            return None
    return None


def _blocks(path: Path, start: int) -> Iterator[tuple[bytes, int]]:
    """The file as UTF-8 from `start` on, with the bytes read so far."""
    done = 0
    with path.open("rb") as file:
        block = file.read(BLOCK)
        encoding = sniff_encoding(block)
        recode = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)("replace")
        while block:
            done += len(block)
            text = block if recode is None else recode.decode(block).encode()
            if start < len(text):
                yield text[start:], done
            start = max(0, start - len(text))
            block = file.read(BLOCK)


class _Cutter:
    """The text read, how far it has been told, and the line there. An open object always begins there."""

    def __init__(self, line: int, one_array: bool) -> None:
        self.text = b""
        self.told = 0
        self.line = line
        self.done = 0
        self.one_array = one_array

    def pieces(self, blocks: Iterator[tuple[bytes, int]]) -> Iterator[Piece]:
        position = depth = 0
        for block, self.done in blocks:
            self.text = self.text[self.told :] + block
            position -= self.told
            self.told = 0
            while match := _NEXT.match(self.text, position):
                mark, begin, end = match[1], match.start(1), match.end()
                if mark == b'"':
                    if self.text.find(b"\n", end) < 0:
                        break
                elif mark == b"{" or (mark == b"[" and depth):
                    if depth == 0:
                        yield from self._gap(begin)
                    depth += 1
                elif mark != b"[":
                    if depth == 1:
                        yield Piece(self.line, self._tell(end), self.done)
                    elif depth == 0 and mark == b"]" and self.one_array:
                        yield from self._gap(begin)
                        return
                    depth = max(0, depth - 1)
                position = end
            if len(self.text) - self.told > LARGEST:
                yield self._fault(f"an object of more than {LARGEST >> 20} MiB; nothing after it is read")
                return
        if depth:
            yield self._fault("an object is opened here and never closed; nothing after it is read")
        else:
            yield from self._gap(len(self.text))

    def _fault(self, what: str) -> Piece:
        return Piece(self.line, b"", self.done, what)

    def _gap(self, end: int) -> Iterator[Piece]:
        """Pass over what stands between objects; tell it where it is more than separators."""
        found = self.text[self.told : end].strip(_BETWEEN)
        if found:
            self._tell(self.text.index(found, self.told))
            yield self._fault(f"expected an object, found {found[:60].decode('utf-8', 'replace')}")
        self._tell(end)

    def _tell(self, end: int) -> bytes:
        told = self.text[self.told : end]
        self.line += told.count(b"\n")
        self.told = end
        return told
