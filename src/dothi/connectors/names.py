"""Names and identifiers of NGSI-LD made from the words of a file."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from dothi.model.entity import RESERVED
from dothi.model.values import name_fault

_WORD = re.compile(r"[A-Za-z0-9]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Members of an entity that are no attributes.
NO_ATTRIBUTES = frozenset({"id", "type", "@id", "@type", "@context", "scope", "createdAt", "modifiedAt", "deletedAt"})
#: Names that an attribute cannot have.
NOT_FREE = NO_ATTRIBUTES | RESERVED


def plain(text: str) -> str:
    """The text without diacritics; đ becomes d."""
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(character for character in bare if not unicodedata.combining(character))


def is_term(name: str) -> bool:
    """Whether this can be the name of an attribute or a type."""
    return name_fault(name) is None and name not in NOT_FREE


def attribute_name(text: str) -> str:
    """A name for an attribute: kept where it is one already, else its words in camel case without diacritics.

    "Zone 1 Power Consumption" -> zone1PowerConsumption, "pm2.5" -> pm2_5, "Dân số" -> danSo.
    """
    if _NAME.fullmatch(text) and text not in NOT_FREE:
        return text
    spaced = re.sub(r"(?<=\d)[.,](?=\d)", "_", plain(text))
    words = re.findall(r"[A-Za-z0-9_]+", spaced)
    if not words:
        return "value"
    first = words[0].lower() if words[0].isupper() and len(words) > 1 else words[0][0].lower() + words[0][1:]
    name = first + "".join(word[0].upper() + word[1:] for word in words[1:])
    return name if name[0].isalpha() and name not in NOT_FREE else f"x{name[0].upper()}{name[1:]}"


def type_name(text: str) -> str:
    """A name for an entity type: the words in Pascal case. "hcmc air-quality" -> HcmcAirQuality."""
    words = _WORD.findall(plain(text))
    name = "".join(word[0].upper() + word[1:] for word in words)
    return name if name and name[0].isalpha() else f"Type{name}"


def urn(type: str, text: str) -> str:
    """`urn:ngsi-ld:<type>:<text>`, what no URI may hold being percent-encoded."""
    return f"urn:ngsi-ld:{id_part(type)}:{id_part(text)}"


def id_part(value: object) -> str:
    """A cell as part of a URI; a float without fraction is written as an integer, as in a spreadsheet's number cell."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return quote(str(value).strip(), safe="-._~:@!$*,;=+/")
