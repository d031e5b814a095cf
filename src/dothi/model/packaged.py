"""The @context documents that dothi knows without the network, the core context (Annex B) among them.

They are rebuilt from its own tables of terms. Terms and IRIs are facts; the tables in `terms/` hold them grouped by
namespace, made by bench/tools/context_tables.py. A rebuilt document means what the published one means: full IRIs stand
where that has prefixes, and scoped contexts, which do not touch names, are left out.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

#: The newest core context; the address without a version means it too.
NEWEST_CORE: Final = "1.9"
CORE: Final = f"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v{NEWEST_CORE}.jsonld"
DEFAULT_VOCAB: Final = "https://uri.etsi.org/ngsi-ld/default-context/"

_CORE_ADDRESS = re.compile(r"uri\.etsi\.org/ngsi-ld/v1/ngsi-ld-core-context(?:-v(\d\.\d{1,2}))?\.jsonld")
_SUBJECT_ADDRESS = re.compile(
    r"(?:raw\.githubusercontent\.com/smart-data-models/dataModel\.([\w-]+)/(?:master|main)"
    r"|smart-data-models\.github\.io/dataModel\.([\w-]+))/context\.jsonld",
    re.ASCII,
)
_ADDRESSES: Final = {
    "smartdatamodels.org/context.jsonld": "smartdatamodels",
    "www.smartdatamodels.org/context.jsonld": "smartdatamodels",
    "smart-data-models.github.io/data-models/context.jsonld": "smartdatamodels",
    "raw.githubusercontent.com/smart-data-models/data-models/master/context.jsonld": "smartdatamodels",
    "fiware.github.io/data-models/context.jsonld": "fiware",
    "fiware.github.io/tutorials.Step-by-Step/tutorials-context.jsonld": "tutorials",
    "raw.githubusercontent.com/FIWARE/tutorials.NGSI-LD/master/app/public/data-models/ngsi-context.jsonld": (
        "tutorials-ngsi"
    ),
}
_FIWARE = "https://fiware.github.io/data-models/context.jsonld"
_TUTORIALS = "https://fiware.github.io/tutorials.Step-by-Step/tutorials-context.jsonld"
_UNVERSIONED_CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
#: Documents that only refer to others.
_LISTS: Final = {
    "fiware.github.io/data-models/full-context.jsonld": (_FIWARE, _UNVERSIONED_CORE),
    "schema.lab.fiware.org/ld/context": (_FIWARE, _UNVERSIONED_CORE),
    "schema.lab.fiware.org/ld/context.jsonld": (_FIWARE, _UNVERSIONED_CORE),
    "fiware.github.io/tutorials.Step-by-Step/data-models-context.jsonld": (_TUTORIALS, _FIWARE, _UNVERSIONED_CORE),
}


def is_core(address: str) -> bool:
    """The address is that of a core context, of whatever version."""
    return _CORE_ADDRESS.fullmatch(_bare(address)) is not None


def packaged(address: str) -> dict[str, Any] | None:
    """The document {"@context": ...} of an address, or None where the package has none. Not to be changed in place.

    http and https mean the same, and so does a slash at the end. A core context of an unknown version is the newest.
    """
    bare = _bare(address)
    if bare in _LISTS:
        return {"@context": list(_LISTS[bare])}
    name = _name_of(bare)
    return {"@context": _terms(name)} if name is not None else None


def canonical(address: str) -> str:
    """The one form of a packaged document's address: https, no slash at the end. Other addresses stay as they are."""
    bare = _bare(address)
    return "https://" + bare if bare in _LISTS or _name_of(bare) is not None else address


def core_terms(address: str = CORE) -> dict[str, Any]:
    """The terms of a core context without @protected, so that contexts may come after it that redefine a term.

    JSON-LD would refuse such a sequence; NGSI-LD lets the core context win instead (clause 5.5.7).
    """
    terms: dict[str, Any] = _terms(_name_of(_bare(address)) or NEWEST_CORE)
    return {term: value for term, value in terms.items() if term not in ("@protected", "@version")}


def names() -> list[str]:
    """The names of all packaged contexts: core versions, subjects of the Smart Data Models, and the others."""
    return sorted(_tables())


def meanings(term: str) -> tuple[str, ...]:
    """Every IRI that one of the packaged contexts, core contexts aside, gives a term; in the order of their names."""
    found = (_terms(name).get(term) for name in names() if name not in _core_versions())
    return tuple(dict.fromkeys(each["@id"] if isinstance(each, dict) else each for each in found if each))


def _bare(address: str) -> str:
    """The address without scheme, fragment and slashes at the end, its host in lower case."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return address
    host, slash, path = rest.partition("#")[0].rstrip("/").partition("/")
    return host.lower() + slash + path


def _name_of(bare: str) -> str | None:
    core = _CORE_ADDRESS.fullmatch(bare)
    if core:
        return core[1] if core[1] in _tables() else NEWEST_CORE
    subject = _SUBJECT_ADDRESS.fullmatch(bare)
    name = (subject[1] or subject[2]) if subject else _ADDRESSES.get(bare)
    return name if name in _tables() else None


@cache
def _tables() -> dict[str, list[tuple[str, str, str]]]:
    """Name of a context -> its rows of (namespace, definition, names)."""
    tables: dict[str, list[tuple[str, str, str]]] = {}
    for file in ("core.tsv", "data_models.tsv"):
        text = files("dothi.model").joinpath("terms", file).read_text("utf-8")
        for line in text.splitlines()[1:]:
            contexts, namespace, definition, terms = line.split("\t")
            for context in contexts.split(","):
                tables.setdefault(context, []).append((namespace, definition, terms))
    return tables


@cache
def _core_versions() -> frozenset[str]:
    return frozenset(name for name in _tables() if name[0].isdigit())


@cache
def _terms(name: str) -> dict[str, Any]:
    terms: dict[str, Any] = {}
    for namespace, definition, listed in _tables()[name]:
        if definition == "@vocab":
            terms["@vocab"] = namespace
        elif definition == "@protected":
            terms |= {"@version": 1.1, "@protected": True}
        else:
            members = json.loads(definition) if definition else None
            for item in listed.split(" "):
                term, differs, suffix = item.partition("=")
                iri = namespace + (suffix if differs else term)
                terms[term] = {"@id": iri, **members} if members else iri
    return terms
