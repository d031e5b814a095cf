"""The packaged contexts: each term means what the published document says, by PyLD."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from pyld import ContextResolver, jsonld

from dothi.model.context import packaged_context, packaged_documents
from dothi.model.context_parts import gather
from dothi.model.packaged import CORE, NEWEST_CORE, canonical, core_terms, is_core, names, packaged

DATA = Path(os.environ.get("DOTHI_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
CORE_1_4 = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.4.jsonld"
SUBJECT = "https://raw.githubusercontent.com/smart-data-models/dataModel.{}/master/context.jsonld"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder with the published contexts is absent")


def originals() -> list[tuple[str, Path]]:
    clients, models = DATA / "clients" / "contexts", DATA / "smart-data-models" / "contexts"
    if not DATA.is_dir():
        return []
    found = [
        (CORE_1_4, models / "ngsi-ld-core-context-v1.4.jsonld"),
        (CORE, clients / "ngsi-ld-core-context-v1.9.jsonld"),
    ]
    found += [(SUBJECT.format(path.name.split(".")[0]), path) for path in sorted(models.glob("*.context.jsonld"))]
    for address, file in json.loads((clients / "map.json").read_text("utf-8")).items():
        if packaged(address) is not None:
            found.append((address, clients / file))
    return found


def meaning(context: Any) -> dict[str, Any]:
    """Term -> all that PyLD makes of it, and the vocabulary; scoped contexts and protection left out."""
    processor = jsonld.JsonLdProcessor()
    options = {"processingMode": "json-ld-1.1", "base": "", "contextResolver": ContextResolver({}, None)}
    active = processor.process_context(processor.process_context({}, None, options), context, options)
    hidden = ("protected", "@context")
    mappings = {
        term: {key: value for key, value in mapping.items() if key not in hidden}
        for term, mapping in active["mappings"].items()
    }
    return mappings | {"@vocab": active.get("@vocab")}


def digestible(context: dict[str, Any]) -> dict[str, Any]:
    """Without what PyLD refuses or would fetch: terms in the form of an IRI, and scoped contexts."""
    return {
        term: {key: part for key, part in value.items() if key != "@context"} if isinstance(value, dict) else value
        for term, value in context.items()
        if ":" not in term
    }


@needs_data
@pytest.mark.parametrize(("address", "path"), originals(), ids=lambda value: str(value).rpartition("/")[2])
def test_a_packaged_document_means_what_the_published_one_means(address: str, path: Path) -> None:
    published = json.loads(path.read_text("utf-8"))["@context"]
    document = packaged(address)
    assert document is not None
    ours = document["@context"]
    if isinstance(published, list):
        assert [canonical(part) for part in ours] == [canonical(part) for part in published]
        return
    assert meaning(digestible(ours)) == meaning(digestible(published))
    assert {term: ours[term] for term in ours if ":" in term} == {t: published[t] for t in published if ":" in t}
    assert ours.get("@protected") == published.get("@protected")


@needs_data
@pytest.mark.parametrize(("address", "path"), originals(), ids=lambda value: str(value).rpartition("/")[2])
def test_every_term_expands_to_its_published_iri_and_comes_back(address: str, path: Path) -> None:
    context = packaged_context(address)
    published = json.loads(path.read_text("utf-8"))["@context"]
    assert context is not None
    if isinstance(published, list):
        return
    core = core_terms()
    for term, mapping in meaning(digestible(published)).items():
        if term in ("@vocab", "id", "type") or term in core:
            continue
        assert context.expand(term) == mapping["@id"]
        assert context.expand(context.compact(mapping["@id"])) == mapping["@id"]


CORE_TERMS = (("3", 109), ("4", 117), ("5", 124), ("6", 147), ("7", 152), ("8", 184), ("9", 212))


@pytest.mark.parametrize(("version", "terms"), CORE_TERMS)
def test_every_core_context_since_1_3_is_known_by_each_of_its_addresses(version: str, terms: int) -> None:
    name = f"uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.{version}.jsonld"
    for address in (f"https://{name}", f"http://{name}", f"https://{name}/", f"HTTPS://URI.etsi.org/{name[13:]}"):
        document = packaged(address)
        assert document is not None
        assert len(document["@context"]) == terms
        assert is_core(address)
        assert canonical(address) == f"https://{name}"


def test_the_core_context_without_a_version_and_of_an_unknown_version_is_the_newest() -> None:
    newest = packaged(CORE)
    assert f"v{NEWEST_CORE}" in CORE
    for version in ("", "-v1.0", "-v1.10"):
        assert packaged(f"https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld") == newest


@pytest.mark.parametrize(
    "address",
    [
        "https://smartdatamodels.org/context.jsonld",
        "http://smart-data-models.github.io/data-models/context.jsonld/",
        "https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/main/context.jsonld",
        "https://fiware.github.io/data-models/full-context.jsonld",
        "https://schema.lab.fiware.org/ld/context",
    ],
)
def test_common_addresses_are_known(address: str) -> None:
    context = packaged_context(address)
    assert context is not None
    assert context.source == address
    assert "AirQualityObserved" in context.compact(context.expand("AirQualityObserved"))
    assert not gather(address, packaged_documents).missing


@pytest.mark.parametrize(
    "address", ["", "x", "https://example.org/context.jsonld", SUBJECT.format("Nothing"), "ftp://x/y"]
)
def test_other_addresses_are_not_known(address: str) -> None:
    assert packaged(address) is None
    assert packaged_context(address) is None
    assert canonical(address) == address


def test_the_tables_are_small_and_have_no_doubled_term() -> None:
    folder = Path(__file__).parents[2] / "src" / "dothi" / "model" / "terms"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 100_000
    assert len(names()) == 39
    for path in folder.iterdir():
        seen: set[tuple[str, str]] = set()
        for line in path.read_text("utf-8").splitlines()[1:]:
            contexts, _, definition, terms = line.split("\t")
            for item in terms.split(" "):
                term = re.sub("=.*", "", item) or definition
                for context in contexts.split(","):
                    assert (context, term) not in seen
                    seen.add((context, term))
