"""Text files as lines, whatever their encoding and line ends, with the number of each line that cannot be decoded."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 18
#: No line of a text table is longer; a longer one is a binary file or has no line ends at all.
LONGEST = 1 << 22

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Letters of Vietnamese that Windows-1258 writes as single bytes and that other languages of Windows-1252 do not use:
#: ă, ơ, ư, đ and their capitals.
_VIETNAMESE = frozenset("ăâđêôơưĂÂĐÊÔƠƯ")
#: Tone marks, which Windows-1258 writes as a byte after the vowel.
_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")


class NotText(ValueError):
    """The file is no text that can be read by lines."""


def sniff_encoding(head: bytes) -> str:
    """The encoding of a text by its first bytes: the byte order mark, else UTF-8, UTF-16, Windows-1258 or 1252."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if _looks_utf16(head):
        return "utf-16-le" if head[1] == 0 else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
        return "utf-8"
    except UnicodeDecodeError as fault:
        # One wrong byte in a text that is otherwise UTF-8 with many letters is damage, not another encoding.
        if len(head[: fault.start].decode("utf-8")) < fault.start:
            return "utf-8"
    return "cp1258" if _looks_vietnamese(head) else "cp1252"


def _looks_utf16(head: bytes) -> bool:
    sample = head[:400]
    return len(sample) >= 4 and max(sample[0::2].count(0), sample[1::2].count(0)) > len(sample) // 4


def _looks_vietnamese(head: bytes) -> bool:
    text = head.decode("cp1258", "replace")
    tones = sum(character in _TONES for character in text)
    letters = sum(character in _VIETNAMESE for character in text)
    other = sum(ord(character) > 127 for character in text)
    return tones > 0 and tones + letters > other // 2


class Lines:
    """The lines of a file, each ended by a line feed, in bounded memory.

    CR LF, CR CR LF, CR and LF all end a line. `done` is the number of bytes read so far; `damaged` holds the numbers
    of lines (the first is 1) with bytes that the encoding does not know. Raises NotText for a line above 4 MiB.
    """

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        self.path = path
        self.done = 0
        self.damaged: set[int] = set()
        with path.open("rb") as file:
            self.encoding = encoding or sniff_encoding(file.read(BLOCK))

    def __iter__(self) -> Iterator[str]:
        number = 0
        composed = self.encoding.lower().replace("-", "") in {"cp1258", "windows1258"}
        for lines in self._blocks():
            for line in lines:
                number += 1
                if "\ufffd" in line:
                    self.damaged.add(number)
                yield unicodedata.normalize("NFC", line) if composed else line

    def _blocks(self) -> Iterator[list[str]]:
        decode = codecs.getincrementaldecoder(self.encoding)("replace").decode
        carry = ""
        with self.path.open("rb") as file:
            while block := file.read(BLOCK):
                self.done += len(block)
                *lines, carry = _split(carry + decode(block))
                if len(carry) > LONGEST:
                    raise NotText(
                        f"{self.path.name}: a line is longer than {LONGEST} characters; this is no text table"
                    )
                yield lines
        rest = carry + decode(b"", True)
        if rest:
            yield [line for line in _split(rest.rstrip("\r") + "\n") if line]


def _split(text: str) -> list[str]:
    """Lines with their line feed; the last element is what has no end yet (a CR at the very end may go on as CR LF)."""
    held = ""
    if text.endswith("\r"):
        bare = text.rstrip("\r")
        held, text = text[len(bare) :], bare
    if "\r" in text:
        text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    rest = lines.pop()
    return [line + "\n" for line in lines] + [rest + held]
