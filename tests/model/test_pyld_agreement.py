"""PyLD is the oracle: documents in random contexts, remote ones among them, mean to us what they mean in JSON-LD."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pyld import ContextResolver, jsonld

from dothi.model.context import Context, parse
from dothi.model.context_parts import NOT_KNOWN, gather
from dothi.model.entity import Entity, each_instance
from dothi.model.errors import BadRequestData
from dothi.model.packaged import DEFAULT_VOCAB, core_terms
from dothi.model.parse import parse_entity
from dothi.model.represent import represent

LAW = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
NGSI_LD = "https://uri.etsi.org/ngsi-ld/"

#: The core context as it is applied last: its terms win, its @vocab only stands in where the others have none.
CORE_LAST = {term: value for term, value in core_terms().items() if term != "@vocab"}
DEFAULT = {"@vocab": DEFAULT_VOCAB}

ADDRESSES = ["https://one.example/context.jsonld", "https://two.example/c/", "http://three.example/c.jsonld"]

#: Names that the contexts define and the documents use, so that they meet.
NAMES = ["speed", "mode", "nearBy", "title", "tốc_độ", "max.speed", "a", "b2"]
PREFIXES = ["ex", "q", "City"]

words = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=4).filter(lambda text: text != "_")
namespaces = st.sampled_from(["https://x.example/", "https://x.example/v#", "https://x.example/v#deep/", "urn:q:"])
iris = st.builds(str.__add__, namespaces, words)
compact = st.builds("{}:{}".format, st.sampled_from(PREFIXES), words)

#: Coercions that say how a value is meant; what names mean does not depend on them.
coercions = st.fixed_dictionaries(
    {}, optional={"@type": st.sampled_from(["@id", "@vocab", "@none"]), "@container": st.sampled_from(["@set", None])}
).map(lambda members: {key: value for key, value in members.items() if value is not None})
definitions = iris | compact | st.builds(lambda iri, more: {"@id": iri, **more}, iris | compact, coercions)


@st.composite
def context_objects(draw: Any) -> dict[str, Any]:
    """One context object: prefixes, terms with and without coercion, @vocab, aliases of keywords."""
    made: dict[str, Any] = draw(st.dictionaries(st.sampled_from(PREFIXES), namespaces, max_size=3))
    made.update(draw(st.dictionaries(st.sampled_from(NAMES) | words, definitions, max_size=5)))
    if draw(st.booleans()):
        made["@vocab"] = draw(namespaces)
    if draw(st.integers(0, 3)) == 0:
        made[draw(st.sampled_from(["uuid", "kind"]))] = draw(st.sampled_from(["@id", "@type"]))
    return made


@st.composite
def worlds(draw: Any) -> tuple[list[Any], dict[str, Any]]:
    """An @context as an array of objects and addresses, and the remote documents (which refer to earlier ones).

    Every prefix has a meaning from the start: what is an IRI of scheme ex: here and a compact IRI there is written by
    no context as what it means.
    """
    pages: dict[str, Any] = {}
    prefixes = {prefix: draw(namespaces) for prefix in PREFIXES}
    for address in draw(st.lists(st.sampled_from(ADDRESSES), unique=True, max_size=3)):
        content: Any = draw(context_objects())
        if pages and draw(st.booleans()):
            content = [draw(st.sampled_from(sorted(pages))), content]
        pages[address] = content
    element = context_objects() | st.sampled_from(sorted(pages)) if pages else context_objects()
    return [prefixes, *draw(st.lists(element, min_size=1, max_size=3))], pages


def ours(document: Any, pages: dict[str, Any]) -> Context:
    parts = gather(document, lambda address: pages.get(address, NOT_KNOWN))
    assert not parts.missing
    return parse(parts.objects, document)


def theirs(document: list[Any]) -> list[Any]:
    """The same context for PyLD: the default vocabulary below, the core context on top."""
    return [DEFAULT, *document, CORE_LAST]


def loader(pages: dict[str, Any]) -> Any:
    def load(address: str, options: Any) -> dict[str, Any]:
        body = {"@context": pages[address]}
        return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": address, "document": body}

    return load


def read(document: list[Any], pages: dict[str, Any]) -> tuple[Context, Any]:
    """Our context and PyLD's processed one; the example is dropped where PyLD finds no valid JSON-LD in it."""
    processor = jsonld.JsonLdProcessor()
    options = {"processingMode": "json-ld-1.1", "base": "", "documentLoader": loader(pages)}
    options["contextResolver"] = ContextResolver({}, options["documentLoader"])
    try:
        active = processor.process_context(processor._get_initial_context(options), theirs(document), options)
    except jsonld.JsonLdError:
        assume(False)
    return ours(document, pages), lambda name: processor._expand_iri(active, name, vocab=True)


@LAW
@given(worlds(), st.lists(st.sampled_from(NAMES) | words | compact | iris, min_size=1, max_size=10))
def test_names_mean_the_same_in_arrays_of_remote_and_inline_contexts(world: Any, asked: list[str]) -> None:
    mine, expanded = read(*world)
    for name in asked:
        meant = expanded(name)
        if meant is None or meant.startswith("@"):
            assert refuses(mine, name)
            continue
        assert mine.expand(name) == meant
        back = mine.compact(meant)
        assert expanded(back) == meant, f"{meant} is written as {back}, which means something else to PyLD"


def refuses(context: Context, name: str) -> bool:
    try:
        context.expand(name)
    except BadRequestData:
        return True
    return False


# --- documents ------------------------------------------------------------------------------------------------------

uris = st.sampled_from(["urn:x:1", "urn:ngsi-ld:Bus:Bình-Dương", "http://example.org/a?b=c"])
terms = st.sampled_from(NAMES) | compact | iris
values = st.one_of(
    st.builds(lambda value: {"type": "Property", "value": value}, st.integers(-5, 5) | st.text(max_size=4)),
    st.builds(lambda uri: {"type": "Relationship", "object": uri}, uris),
    st.builds(lambda uri, term: {"type": "Relationship", "object": uri, "objectType": term}, uris, terms),
    st.builds(lambda term: {"type": "VocabProperty", "vocab": term}, terms | st.lists(terms, min_size=2, max_size=3)),
    st.builds(
        lambda texts: {"type": "LanguageProperty", "languageMap": texts},
        st.dictionaries(st.sampled_from(["vi", "en", "fr-CH"]), st.text(max_size=4), min_size=1),
    ),
)


@st.composite
def attributes(draw: Any, depth: int = 0) -> dict[str, Any]:
    made: dict[str, Any] = dict(draw(values))
    if draw(st.booleans()):
        made["observedAt"] = "2026-11-25T08:00:00Z"
    if depth < 2 and draw(st.integers(0, 2)) == 0:
        made.update(draw(st.dictionaries(terms, attributes(depth + 1), min_size=1, max_size=2)))
    return made


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    types = draw(terms | st.lists(terms, min_size=2, max_size=2, unique=True))
    return {"id": draw(uris), "type": types, **draw(st.dictionaries(terms, attributes(), max_size=4))}


def expand(document: dict[str, Any], context: list[Any], pages: dict[str, Any]) -> Any:
    return jsonld.expand({"@context": theirs(context), **document}, {"documentLoader": loader(pages)})


def entity_of(document: dict[str, Any], context: Context) -> Entity:
    """The entity; the example is dropped where NGSI-LD has no such entity, such as one with two names for one thing."""
    try:
        return parse_entity(document, context)
    except BadRequestData:
        assume(False)
        raise


@LAW
@given(worlds(), documents())
def test_a_document_means_what_it_means_in_json_ld(world: Any, document: dict[str, Any]) -> None:
    context, pages = world
    mine, _ = read(*world)
    entity = entity_of(document, mine)
    try:
        [node] = expand(document, context, pages)
    except jsonld.JsonLdError:
        assume(False)
    assert list(entity.types) == node["@type"]
    assert entity.attributes.keys() == node.keys() - {"@id", "@type"}
    for name, instance in each_instance(entity.attributes):
        agree(instance, node[name])


def agree(instance: dict[str, Any], nodes: list[dict[str, Any]]) -> None:
    """An instance and what JSON-LD makes of it: kind, names and what stands for names; then what is in it."""
    [node] = nodes
    assert node["@type"] == [NGSI_LD + instance["type"]]
    match instance["type"]:
        case "Relationship":
            assert [each["@id"] for each in node[NGSI_LD + "hasObject"]] == [instance["object"]]
            if "objectType" in instance:
                assert [each["@id"] for each in node[NGSI_LD + "hasObjectType"]] == [instance["objectType"]]
        case "VocabProperty":
            vocab = instance["vocab"] if isinstance(instance["vocab"], list) else [instance["vocab"]]
            assert [each["@id"] for each in node[NGSI_LD + "hasVocab"]] == vocab
        case "LanguageProperty":
            texts = {each["@language"]: each["@value"] for each in node[NGSI_LD + "hasLanguageMap"]}
            assert texts == {tag.lower(): text for tag, text in instance["languageMap"].items()}
    for name, inner in within(instance):
        agree(inner, node[name])


def within(instance: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The attributes of an attribute; their names are IRIs."""
    for name, inner in instance.items():
        if ":" in name and isinstance(inner, dict):
            yield name, inner


@LAW
@given(worlds(), worlds(), documents())
def test_an_entity_written_in_another_context_means_the_same_to_pyld(
    world: Any, other: Any, document: dict[str, Any]
) -> None:
    mine, _ = read(*world)
    reader, _ = read(*other)
    entity = entity_of(document, mine)
    written = represent(entity, reader)
    try:
        meant, found = expand(document, *world), expand(written, *other)
    except jsonld.JsonLdError:
        assume(False)
    assert found == meant
    assert entity_of(written, reader).attributes == entity.attributes


@LAW
@given(worlds(), documents(), st.sampled_from(NAMES), context_objects())
def test_the_scoped_context_of_an_attribute_changes_nothing_outside_of_it(
    world: Any, document: dict[str, Any], name: str, scoped: dict[str, Any]
) -> None:
    """Within it JSON-LD would read names anew; to us a name means the same everywhere in a document."""
    context, pages = world
    assume(name not in document["type"])
    scoped.pop("@vocab", None)
    with_scope = [*context, {name: {"@id": f"https://scoped.example/{name}", "@context": scoped}}]
    mine, _ = read(with_scope, pages)
    flat = {key: item for key, item in document.items() if key in ("id", "type") or isinstance(item, dict)}
    for attribute in flat.values():
        if isinstance(attribute, dict):
            for inner in [key for key, item in attribute.items() if isinstance(item, dict) and key != "languageMap"]:
                del attribute[inner]
    entity = entity_of(flat, mine)
    try:
        [node] = expand(flat, with_scope, pages)
    except jsonld.JsonLdError:
        assume(False)
    assert list(entity.types) == node["@type"]
    assert entity.attributes.keys() == node.keys() - {"@id", "@type"}
