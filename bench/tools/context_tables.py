"""Makes the package's tables of terms (src/dothi/model/terms) from a folder of @context documents.

Usage: python bench/tools/context_tables.py FOLDER

FOLDER holds ngsi-ld-core-context-v1.N.jsonld, <Subject>.context.jsonld of the Smart Data Models, and the documents
named in OTHERS. Each is processed by PyLD, so the tables hold what a term means, not how its document wrote it.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from pyld import jsonld

TARGET = Path(__file__).parents[2] / "src" / "dothi" / "model" / "terms"
OTHERS = {
    "smartdatamodels-context.jsonld": "smartdatamodels",
    "fiware-data-models-context.jsonld": "fiware",
    "tutorials-context.jsonld": "tutorials",
    "tutorials-ngsi-context.jsonld": "tutorials-ngsi",
}
HEAD = (
    "# Terms of @context documents: contexts, namespace, other members of the definition, then term or term=suffix.\n"
)

#: (namespace, other members of the definition as JSON) -> contexts that share the term, by (term, suffix)
Rows = dict[tuple[str, str], dict[tuple[str, str], list[str]]]


def name_of(path: Path) -> str | None:
    """The name under which the tables hold a document; None for a file that does not belong there."""
    core = re.fullmatch(r"ngsi-ld-core-context-v(1\.\d+)\.jsonld", path.name)
    if core:
        return core[1]
    subject = re.fullmatch(r"(.+)\.context\.jsonld", path.name)
    return subject[1] if subject else OTHERS.get(path.name)


def digestible(context: dict[str, Any]) -> dict[str, Any]:
    """The context without scoped contexts, which do not touch names, and without terms in the form of an IRI."""
    return {
        term: {key: member for key, member in value.items() if key != "@context"} if isinstance(value, dict) else value
        for term, value in context.items()
        if ":" not in term
    }


def collect(name: str, context: dict[str, Any], rows: Rows) -> None:
    processor = jsonld.JsonLdProcessor()
    active = processor.process_context(
        processor.process_context({}, None, {"processingMode": "json-ld-1.1"}), digestible(context), {}
    )
    if active.get("@vocab"):
        rows[active["@vocab"], "@vocab"]["", ""].append(name)
    if context.get("@protected"):
        rows["", "@protected"]["", ""].append(name)
    taken_as_written = {term: {"@id": iri} for term, iri in context.items() if ":" in term}
    for term, mapping in {**active["mappings"], **taken_as_written}.items():
        iri = mapping["@id"]
        cut = max(iri.rfind("#"), iri.rfind("/")) + 1
        if iri.endswith(term):
            cut = len(iri) - len(term)
        members = {key: mapping[key] for key in ("@type", "@container") if key in mapping}
        if isinstance(context.get(term), dict) and not members:
            members = {"@prefix": False}
        if "@container" in members and len(members["@container"]) == 1:
            members["@container"] = members["@container"][0]
        definition = json.dumps(members, separators=(",", ":")) if members else ""
        rows[iri[:cut], definition][term, iri[cut:]].append(name)


def lines(rows: Rows) -> list[str]:
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for (namespace, definition), terms in rows.items():
        for (term, suffix), names in terms.items():
            key = (",".join(sorted(names)), namespace, definition)
            grouped[key].append(term if term == suffix else f"{term}={suffix}")
    out = []
    for key in sorted(grouped):
        terms = sorted(grouped[key])
        out += ["\t".join((*key, " ".join(terms[start : start + 60]))) for start in range(0, len(terms), 60)]
    return out


def main(folder: Path) -> None:
    core: Rows = defaultdict(lambda: defaultdict(list))
    models: Rows = defaultdict(lambda: defaultdict(list))
    for path in sorted(folder.iterdir()):
        name = name_of(path)
        if name is not None:
            rows = core if re.fullmatch(r"1\.\d+", name) else models
            collect(name, json.loads(path.read_text("utf-8"))["@context"], rows)
    for file, rows in (("core.tsv", core), ("data_models.tsv", models)):
        (TARGET / file).write_text(HEAD + "\n".join(lines(rows)) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
