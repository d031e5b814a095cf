"""Names to IRIs and back: our dictionaries against PyLD, and what is refused."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyld import ContextResolver, jsonld

from dothi.model.context import Context, core_context, packaged_context, packaged_documents, parse
from dothi.model.context_parts import gather
from dothi.model.errors import BadRequestData
from dothi.model.packaged import CORE, DEFAULT_VOCAB, core_terms

CORE_TERMS = core_terms()
WITHOUT_VOCAB = {term: value for term, value in CORE_TERMS.items() if term != "@vocab"}


def context_of(document: Any) -> Context:
    parts = gather(document, packaged_documents)
    assert not parts.missing
    return parse(parts.objects, document)


# --- PyLD as the oracle ---------------------------------------------------------------------------------------------


class Oracle:
    """The same context in PyLD: what its document API makes of one attribute or type."""

    def __init__(self, *objects: Any) -> None:
        self.processor = jsonld.JsonLdProcessor()
        self.options = {"processingMode": "json-ld-1.1", "base": "", "contextResolver": ContextResolver({}, None)}
        self.active = self.processor.process_context({}, None, self.options)
        for part in objects:
            self.active = self.processor.process_context(self.active, part, self.options)

    def expand(self, name: str) -> Any:
        return self.processor._expand_iri(self.active, name, vocab=True)

    def compact(self, iri: str) -> str:
        node = {"@type": ["https://uri.etsi.org/ngsi-ld/Property"], "https://uri.etsi.org/ngsi-ld/hasValue": [1]}
        return self.processor._compact_iri(self.active, iri, value=node, vocab=True)

    def is_term(self, name: str) -> bool:
        return name in self.active["mappings"]


short = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=4).filter(lambda t: t != "_")
namespaces = st.sampled_from(["http://a/", "http://a/b#", "https://x.y/", "urn:q:", "http://a/b#c/"])
iris = st.builds(str.__add__, namespaces, short)
prefixes = st.sampled_from(["p", "q", "ns", "P"])
targets = st.one_of(iris, st.builds("{}:{}".format, prefixes, short), st.sampled_from(list(CORE_TERMS)[5:20]))
coercions = st.fixed_dictionaries(
    {},
    optional={
        "@type": st.sampled_from(["@id", "@vocab", "@none", "@json", "http://a/Date"]),
        "@container": st.sampled_from(["@list", "@set", "@index", "@language", ["@set", "@index"], "@id", "@graph"]),
        "@language": st.sampled_from(["vi", None]),
    },
)
definitions = st.one_of(
    targets,
    st.none(),
    st.builds(lambda iri, members: {"@id": iri, **members}, targets, coercions),
    st.builds(lambda iri: {"@reverse": iri}, iris),
)
contexts = st.builds(
    lambda bases, terms, vocab: bases | terms | ({"@vocab": vocab} if vocab else {}),
    st.dictionaries(prefixes, namespaces, max_size=3),
    st.dictionaries(short, definitions, max_size=8),
    st.one_of(st.none(), namespaces),
)
names = st.one_of(short, iris, targets, st.sampled_from(sorted(CORE_TERMS)))


@given(st.lists(contexts, min_size=1, max_size=3), st.lists(names, min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_expansion_and_compaction_agree_with_pyld_on_random_contexts(objects: list[Any], asked: list[str]) -> None:
    try:
        oracle = Oracle({"@vocab": DEFAULT_VOCAB}, *objects, WITHOUT_VOCAB)
    except jsonld.JsonLdError:
        with pytest.raises(BadRequestData):
            parse([{"@vocab": DEFAULT_VOCAB}, *objects], None)
        return
    ours = parse([{"@vocab": DEFAULT_VOCAB}, *objects], None)
    for name in asked:
        expected = oracle.expand(name)
        if expected is None or expected.startswith("@"):
            with pytest.raises(BadRequestData):
                ours.expand(name)
            continue
        assert ours.expand(name) == expected
        agree_on_compaction(ours, oracle, expected)


def agree_on_compaction(ours: Context, oracle: Oracle, iri: str) -> None:
    compacted = ours.compact(iri)
    try:
        expected = oracle.compact(iri)
    except jsonld.JsonLdError:  # "IRI confused with prefix": nothing stands for this IRI
        assert compacted == iri
        return
    if oracle.is_term(expected):
        assert compacted == expected
    elif compacted != expected:
        # JSON-LD finds no term for an object (all are coerced, or hold lists): a term of ours still says what it means.
        usable = oracle.is_term(compacted) and oracle.active["mappings"][compacted]["@id"] == iri
        assert usable or oracle.expand(expected) != iri
    if compacted != iri:
        assert ours.expand(compacted) == iri


@given(contexts, st.text(max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_name_expands_to_an_iri_that_compacts_back_or_is_refused(document: Any, name: str) -> None:
    try:
        ours = parse([document], None)
    except BadRequestData:
        assume(False)
    try:
        iri = ours.expand(name)
    except BadRequestData:
        return
    back = ours.compact(iri)
    assert back == iri or ours.expand(back) == iri


# --- terms, prefixes, defaults --------------------------------------------------------------------------------------


def test_a_term_a_compact_iri_and_a_full_iri_expand_to_the_same_iri() -> None:
    context = context_of({"air": "https://air.example/", "no2": "air:no2"})
    assert context.expand("no2") == context.expand("air:no2") == context.expand("https://air.example/no2")
    assert context.compact("https://air.example/no2") == "no2"
    assert context.compact("https://air.example/pm10") == "air:pm10"


def test_an_unknown_name_falls_into_the_default_context_and_comes_back() -> None:
    iri = core_context().expand("mực_nước")
    assert iri == DEFAULT_VOCAB + "mực_nước"
    assert core_context().compact(iri) == "mực_nước"


def test_the_vocab_of_a_user_context_takes_unknown_names() -> None:
    context = context_of({"@vocab": "https://city.example/"})
    assert context.expand("flow") == "https://city.example/flow"
    assert context.expand("location") == "https://uri.etsi.org/ngsi-ld/location"


@pytest.mark.parametrize("place", ["before", "after", "alone"])
def test_core_terms_cannot_be_overridden(place: str) -> None:
    own = {"location": "https://city.example/location", "status": "https://city.example/status"}
    document = {"before": [CORE, own], "after": [own, CORE], "alone": own}[place]
    assert context_of(document).expand("location") == "https://uri.etsi.org/ngsi-ld/location"
    assert context_of(document).compact("https://uri.etsi.org/ngsi-ld/status") == "status"


def test_a_null_in_an_array_forgets_what_stands_before_it() -> None:
    context = context_of([{"a": "https://one.example/a"}, None, {"b": "https://one.example/b"}])
    assert context.expand("a") == DEFAULT_VOCAB + "a"
    assert context.expand("b") == "https://one.example/b"


def test_a_term_in_the_form_of_an_iri_is_taken_as_written() -> None:
    context = context_of({"open311:type": "https://x.example/open311:type"})
    assert context.expand("open311:type") == "https://x.example/open311:type"
    assert context.compact("https://x.example/open311:type") == "open311:type"


def test_scoped_contexts_reverse_terms_and_future_keywords_do_no_harm() -> None:
    context = context_of(
        {
            "part": {"@id": "https://x.example/part", "@context": "https://nowhere.example/scoped"},
            "parent": {"@reverse": "https://x.example/part"},
            "@future": "https://x.example/future",
            "uuid": "@id",
        }
    )
    assert context.expand("part") == "https://x.example/part"
    assert context.compact("https://x.example/part") == "part"


def test_a_coerced_term_is_better_than_a_full_iri() -> None:
    context = context_of({"category": {"@id": "https://x.example/category", "@type": "@vocab"}})
    assert context.compact("https://x.example/category") == "category"


# --- what is refused ------------------------------------------------------------------------------------------------


NO_NAMES = (
    "", " ", "a b", "a\n", "a\x00", 'a"', "<a>", "a\\b", "a\x7f", "a\u00a0", "{a}", "\ud800", "@foo", "@id", "_:b",
    "x" * 1025,
)  # fmt: skip


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_can_be_none_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(BadRequestData) as refused:
        core_context().expand(name)
    assert name == "" or repr(name[:40])[1:-1] in refused.value.detail


def test_aliases_of_keywords_and_terms_mapped_to_null_name_nothing() -> None:
    context = context_of({"uuid": "@id", "hidden": None})
    for name in ("uuid", "id", "hidden"):
        with pytest.raises(BadRequestData, match=name):
            context.expand(name)


@pytest.mark.parametrize(
    "document",
    [
        {"a": "b:x", "b": "a:y"},
        {"a": 5},
        {"a": {"@id": 5}},
        {"@vocab": 7},
        {"@version": 2},
        {"@version": 1.1, "@id": "x"},
        {"a": {"@id": "https://a", "@container": "@nothing"}},
        {"a": {"@id": "https://a", "frobnicate": 1}},
        {"": "https://a"},
        {f"t{n}": f"t{n + 1}:x" for n in range(3000)},
        {"a/b": ["https://a"]},
    ],
    ids=str,
)
def test_what_is_no_json_ld_context_is_bad_request_data(document: Any) -> None:
    with pytest.raises(BadRequestData, match="@context"):
        parse([document], None)


def test_asking_for_ever_new_names_does_not_grow_without_bound() -> None:
    context = context_of({"a": "https://a.example/"})
    memory: Any = context.expand.__self__  # type: ignore[attr-defined]
    for n in range(30_000):
        context.expand(f"name{n}")
    assert len(memory) < 5000


# --- what a context says of itself ----------------------------------------------------------------------------------


def test_the_source_is_given_back_and_the_body_member_ends_with_the_core_context() -> None:
    address = "https://smartdatamodels.org/context.jsonld"
    context = packaged_context(address)
    assert context is not None
    assert context.source == address
    assert context.member == [address, CORE]
    assert core_context().source == core_context().member == CORE
    assert context_of([address, CORE]).member == [address, CORE]
